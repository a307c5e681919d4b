"""GRPO learns what is rewarded, with each of its normalisers."""

from pathlib import Path

import pytest

import planted
from espalier.train.goal import Goal
from espalier.train.grpo import GrpoSettings, fit


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
