"""PPO learns what is rewarded, and the same whether or not it was interrupted."""

from pathlib import Path
from typing import Any

import pytest
import torch

import planted
from espalier.train.goal import Goal
from espalier.train.ppo import PpoSettings, fit


def settings(out: Path, **tables: Any) -> PpoSettings:
    return PpoSettings.model_validate(planted.tables(out, **tables))


def test_a_planted_preference_is_learned(tmp_path: Path) -> None:
    policy = planted.policy()
    before = planted.share(policy, planted.holds_phrase)
    goal = Goal(planted.PROMPTS, [planted.END], planted.holds_phrase)
    chosen = settings(tmp_path, optimizer={"learning_rate": 4e-3, "batch": 32}, ppo={"epochs": 2, "kl": 0.01})
    fit(policy, planted.critic(), goal, chosen)
    assert before < 0.6
    assert planted.share(policy, planted.holds_phrase) >= 0.95
    first, *_, last = planted.metrics(tmp_path)
    assert first["kl"] == pytest.approx(0, abs=1e-5)
    assert 0 < last["kl"] < 10
    assert last["reward"] > first["reward"]


def test_an_interrupted_run_ends_with_the_same_weights_and_metrics(tmp_path: Path) -> None:
    def run(out: Path, breaks_at: int) -> dict[str, torch.Tensor]:
        asked = 0

        def reward(samples: Any) -> list[float]:
            nonlocal asked
            asked += 1
            if asked == breaks_at:
                raise KeyboardInterrupt
            return planted.holds_phrase(samples)

        policy = planted.policy()
        small = {"steps": 5, "save_every": 2}
        chosen = settings(out, run=small, ppo={"replies": 8, "epochs": 2, "kl_target": 0.1, "kl_horizon": 20})
        fit(policy, planted.critic(), Goal(planted.PROMPTS, [planted.END], reward), chosen)
        return policy.state_dict()

    whole = run(tmp_path / "whole", 0)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", 4)
    again = run(tmp_path / "broken", 0)
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    one, other = (
        [{**line, "tokens_per_second": 0} for line in planted.metrics(tmp_path / name)] for name in ("whole", "broken")
    )
    assert one == other
    assert len({line["beta"] for line in one}) == 5  # the controller goes on where it was
