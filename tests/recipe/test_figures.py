"""Figures of recipes: what a step changed, and the best of n beside it, from replies and costs that are known."""

import json
from math import log
from pathlib import Path

import pytest

from espalier.dataset.contributors import Estimate
from espalier.recipe.figures import ACCURACY, JUDGE, KL, LOSS, REWARD, Table, beside, table_of
from espalier.recipe.measures import Cost, Measured, Reply
from espalier.recipe.plan import read_plan
from espalier.recipe.sweep import gathered, switched
from espalier.recipe.words import verdict
from espalier.train.reward import AGREEMENT
from espalier.train.settings import BadSettings

TREES = 20


def measured(reward: float, nats: float, replies: int = 2, kl: float | None = None) -> Measured:
    """Replies with rewards reward, reward + 1 and so on to a prompt of each tree; the judge likes none better."""
    return Measured(
        tuple(f"Prompt {place}" for place in range(TREES)),
        tuple(Cost(f"tree {place}", nats * (place + 1), place + 1, 4) for place in range(TREES)),
        tuple(
            Reply(place, f"tree {place}", f"{number}", 5, True, reward + number, 7.0, 7.0, kl)
            for place in range(TREES)
            for number in range(replies)
        ),
    )


@pytest.fixture
def found(file: Path) -> Table:
    changes = [f"out={file.parent / 'out'}", "measure.best_from=sft", "measure.best_of=4"]
    plan = read_plan(file, changes, file.parent)
    plan.steps["judge"].folder.mkdir(parents=True)
    (plan.steps["judge"].folder / AGREEMENT).write_text(json.dumps({
        "all": {"pairs": 9, "accuracy": {"value": 0.6, "low": 0.5, "high": 0.7}, "longer": None},
        "matched": {"accuracy": None}, "gain": None, "tau": None,
    }))  # fmt: skip
    each = {"base": measured(0, 3), "sft": measured(1, 2, 4, 9.0), "ppo": measured(3, 2.5, 2, 1.25)}
    return table_of(plan, each)


def test_each_step_is_compared_with_the_model_it_began_with(found: Table) -> None:
    assert found.changes["sft"][LOSS] == Estimate(pytest.approx(-1), pytest.approx(-1), pytest.approx(-1))
    assert found.changes["ppo"][LOSS].value == pytest.approx(0.5)
    assert found.changes["ppo"][REWARD].value == pytest.approx(3.5 - 2.5)  # means over the replies to a prompt
    assert found.changes["ppo"][JUDGE].value == 0
    assert "base" not in found.changes
    assert KL not in found.models["base"]
    assert found.judges["judge"] == {ACCURACY: Estimate(0.6, 0.5, 0.7)}


def test_the_best_of_n_stands_at_its_bound(found: Table) -> None:
    assert [each.n for each in found.best] == [1, 2, 4]
    assert [each.bound for each in found.best] == pytest.approx([0, log(2) - 1 / 2, log(4) - 3 / 4])
    # Of rewards 1, 2, 3, 4 the best of two is 2, 3 or 4 in one, two and three of six choices.
    assert [each.figures[REWARD].value for each in found.best] == pytest.approx([2.5, (2 + 6 + 12) / 6, 4])
    assert [each.gains[JUDGE].value for each in found.best] == pytest.approx([0, 0, 0])
    assert [rival.n if (rival := beside(found.best, kl)) else 0 for kl in (-0.1, 0.1, 0.2, 5)] == [0, 1, 2, 4]


def test_a_verdict_is_what_the_interval_shows() -> None:
    assert [verdict(Estimate(1, low, 2)) for low in (0.5, -0.5)] == ["higher", "not shown to differ"]
    assert verdict(Estimate(-1, -2, -0.1)) == "lower"
    assert verdict(Estimate(1)) == "too few trees to tell"


def test_a_sweep_has_a_value_of_each_arm_and_seed(found: Table) -> None:
    swept = gathered({("one", 0): found, ("one", 1): found, ("other", 0): found, ("other", 1): found})
    assert swept.arms == ["one", "other"]
    assert swept.seeds == [0, 1]
    assert swept.values["ppo", f"{REWARD}, changed"] == {"one": [1.0, 1.0], "other": [1.0, 1.0]}


def test_arms_and_switches_are_combined() -> None:
    assert switched({}, []) == {"as it is": ()}
    assert list(switched({}, ["a=1,2", "b=x,y"]).values()) == [
        ("a=1", 'b="x"'), ("a=1", 'b="y"'), ("a=2", 'b="x"'), ("a=2", 'b="y"')
    ]  # fmt: skip
    assert switched({}, ["c={p = 0.2},{p = 1}"]) == {"c={p = 0.2}": ("c={p = 0.2}",), "c={p = 1}": ("c={p = 1}",)}
    assert switched({"plain": (), "more": ("a=1",)}, ["b=2"]) == {"plain, b=2": ("b=2",), "more, b=2": ("a=1", "b=2")}
    with pytest.raises(BadSettings, match="switches nothing"):
        switched({}, ["a"])
