"""What was learned reaches so far: figures within what was trained on and beyond it, and their difference."""

import json
from pathlib import Path

import numpy as np
import pytest

from commands import Run
from espalier.evaluate.generalisation import Sides, agreement_apart, costs_apart, is_beyond
from espalier.evaluate.heldout import Said
from espalier.infer.measure import Scored
from oasst import lines, message, tree


def conversation(name: str, lang: str) -> dict[str, object]:
    replies = [
        message(f"{name}-{rank}", name, rank=rank, lang=lang, text="Because" + " so" * (3 - rank), review_result=True)
        for rank in range(2)
    ]  # fmt: skip
    return tree(message(name, text="Why?", lang=lang, review_result=True, replies=replies))


def test_texts_of_other_domains_and_of_languages_that_were_not_learned_are_beyond() -> None:
    trees, langs = ["a", "b", "c"], ["en", "en", "ko"]
    assert is_beyond(trees, langs, {"b"}, ()).tolist() == [False, True, False]
    assert is_beyond(trees, langs, set(), ("en", "de")).tolist() == [False, False, True]
    assert is_beyond(trees, langs, {"b"}, ("en",)).tolist() == [False, True, True]


def test_what_training_saved_is_told_on_both_sides_with_the_difference() -> None:
    said = [Said(f"tree {at}", "en" if at < 20 else "ko", (), "x" * (10 + at % 3), True) for at in range(40)]
    sizes = np.array([len(each.text) for each in said], np.float64)
    beyond = np.array([each.lang == "ko" for each in said])
    before = 3 * sizes
    bits = np.where(beyond, 2.75, 2.0) * sizes
    found = costs_apart(said, beyond, bits, before, np.random.default_rng(0))
    assert found["bits per byte, within"].value == pytest.approx(2.0)
    assert found["bits per byte saved, within"].value == pytest.approx(1.0)
    assert found["bits per byte saved, beyond, ko"].value == pytest.approx(0.25)
    apart = found["bits per byte saved, beyond less within"]
    assert (apart.value, apart.low, apart.high) == pytest.approx((-0.75, -0.75, -0.75))
    assert not any("saved" in name for name in costs_apart(said, beyond, bits, None, np.random.default_rng(0)))


def test_a_reward_model_that_knows_only_one_language_is_told() -> None:
    scored = [
        Scored(f"tree {at}", "en" if at < 30 else "ko", (1.0, 0.0) if at < 30 or at % 2 else (0.0, 1.0), (5, 4))
        for at in range(60)
    ]
    found, pairs = agreement_apart(scored, Sides((), frozenset(), ("en",), 0), np.random.default_rng(0))
    assert pairs == {"within": 30, "beyond": 30}
    assert (found["accuracy, within"].value, found["accuracy, beyond"].value) == (1, 0.5)
    low, high = found["accuracy, beyond less within"].low, found["accuracy, beyond less within"].high
    assert low is not None
    assert high is not None
    assert -0.75 < low < -0.5 < high < -0.25
    assert found["above the longer reply, within"].value == 0


def test_the_command_keeps_both_sides_and_the_report_draws_them(run: Run, model_directory: Path) -> None:
    lines(Path("trees.jsonl"), *(conversation(f"tree{at}", "en" if at % 2 else "ko") for at in range(24)))
    model = model_directory / "model"
    asked = [
        "evaluate", "generalisation", f"tiny={model}", "--within", "trees.jsonl", "--base", f"base={model}", "--reward",
        model_directory / "reward", "--prompts", 4, "--longest", 4, "--threads", 1, "--device", "cpu",
    ]  # fmt: skip
    assert "Say what is beyond" in run(*asked).err
    assert "There is no accepted reply" in run(*asked, "--lang", "en", "--lang", "ko").err
    assert "24 trees of those beyond are within, too" in run(*asked, "--beyond", "trees.jsonl").err
    done = run(*asked, "--lang", "en")
    assert done.code == 0, done.err
    found = json.loads(Path("results/tiny/generalisation.json").read_text("utf-8"))
    assert found["details"] == {"replies within": 24, "replies beyond": 24}
    assert found["figures"]["bits per byte saved, beyond less within"]["value"] == 0
    assert found["figures"]["win rate, within"]["n"] == 8
    assert "accuracy, beyond" in Path("results/reward/generalisation.json").read_text("utf-8")
    assert run("evaluate", "report", "results").code == 0
    page = Path("report.html").read_text("utf-8")
    assert "Within and beyond what was trained on" in page
