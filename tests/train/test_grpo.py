"""GRPO learns what is rewarded, with each of its normalisers."""

from pathlib import Path

import pytest
import torch

import planted
from espalier.infer.local import LocalEngine
from espalier.infer.score import by_token
from espalier.train.goal import Goal
from espalier.train.grpo import GrpoSettings, fit
from espalier.train.objectives import grpo_advantages, grpo_loss
from espalier.train.rollout import Policies, chance, places_of, roll_out


def test_a_planted_preference_is_learned(tmp_path: Path) -> None:
    policy = planted.policy()
    before = planted.share(policy, planted.has_length)
    goal = Goal(planted.PROMPTS, [planted.END], planted.has_length, planted.UNSEEN, judge=planted.holds_phrase)
    tables = planted.tables(
        tmp_path, optimizer={"learning_rate": 4e-3, "batch": 32}, run={"steps": 20}, grpo={"epochs": 2, "kl": 0.01}
    )
    fit(policy, goal, GrpoSettings.model_validate(tables))
    assert before < 0.6
    assert planted.share(policy, planted.has_length) >= 0.95
    held_out = [line for line in planted.metrics(tmp_path) if "held_out_reward" in line]
    assert [line["step"] for line in held_out] == [0, 20]
    assert held_out[0]["held_out_reward"] < 0.6 < held_out[1]["held_out_reward"]
    assert held_out[0]["held_out_kl"] == pytest.approx(0, abs=1e-5)
    assert 0 < held_out[0]["held_out_judge"] < 1


@pytest.mark.parametrize(("normaliser", "scale"), [("batch", True), ("constant", False)])
def test_other_normalisers_move_the_policy_too(tmp_path: Path, normaliser: str, scale: bool) -> None:
    policy = planted.policy()
    tables = planted.tables(
        tmp_path,
        optimizer={"learning_rate": 4e-3},
        run={"steps": 2},
        grpo={"prompts": 4, "group": 4, "normaliser": normaliser, "scale": scale},
    )
    fit(policy, Goal(planted.PROMPTS, [planted.END], planted.has_length), GrpoSettings.model_validate(tables))
    first, second = planted.metrics(tmp_path)
    assert first["kl"] == pytest.approx(0, abs=1e-5)
    assert second["kl"] != 0
    assert 0 <= first["equal_groups"] < 1


@pytest.mark.parametrize("at_once", [True, False])
def test_a_step_is_the_one_that_the_formula_gives_also_where_it_is_the_only_one(tmp_path: Path, at_once: bool) -> None:
    policy, by_hand = planted.policy(), planted.policy()
    learned = {"prompts": 6, "group": 4, "kl": 0.1, "epochs": 1 if at_once else 2}
    steady = {"learning_rate": 1e-2, "batch": 24, "clip": 0, "schedule": "constant", "epsilon": 1e-2}
    tables = planted.tables(
        tmp_path, optimizer=steady, run={"steps": 1, "pass_tokens": 64}, grpo=learned, rollouts={"temperature": 0.8}
    )
    settings = GrpoSettings.model_validate(tables)
    fit(policy, Goal(planted.PROMPTS, [planted.END], planted.has_length), settings)

    policies = Policies(by_hand, 0.8)
    asked = [planted.PROMPTS[place] for place in places_of(0, 6, len(planted.PROMPTS), 0) for _ in range(4)]
    engine = LocalEngine(by_hand, [planted.END], 64)
    rollout = roll_out(engine, asked, chance(0, 1), planted.has_length, policies, settings)
    old = by_token(rollout.passed, rollout.mask, policies.now)
    gain = grpo_advantages(rollout.rewards.view(6, 4)).flatten()
    optimizer = torch.optim.AdamW(by_hand.parameters(), 1e-2, betas=(0.9, 0.95), eps=1e-2, weight_decay=0)
    for _ in range(learned["epochs"]):
        weights = 1 / (24 * rollout.mask.sum(1))
        for rows in rollout.passed:
            at, times = rollout.mask[rows.places], rollout.mask[rows.places].sum(1)
            each, weight = (of[rows.places].repeat_interleave(times) for of in (gain, weights))
            was, start = old[rows.places][at], rollout.reference[rows.places][at]
            grpo_loss(policies.now(rows), was, each, weight, 0.2, start, 0.1).backward()
        optimizer.step()
        optimizer.zero_grad()
    for name, each in by_hand.state_dict().items():
        torch.testing.assert_close(policy.state_dict()[name], each, rtol=0, atol=1e-6)
    told = planted.metrics(tmp_path)[0]
    assert told["entropy"] == pytest.approx(rollout.figures(old)["entropy"], abs=1e-4)
    assert told["kl"] == pytest.approx(0, abs=1e-5)
