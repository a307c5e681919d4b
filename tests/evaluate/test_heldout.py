"""Held-out trees tell what replies cost a model, and what a reward model knows of people's order."""

import json
from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
import pytest

from commands import Run
from espalier.dataset.examples import Turn, Turns
from espalier.dataset.read import read_trees
from espalier.evaluate.heldout import agrees, asked, costs, figures_of, said_in, wins
from espalier.evaluate.local import LocalModel
from oasst import lines, message, tree


class ByLength:
    """Likes what is long."""

    name = "length"

    def rewards(self, replies: Sequence[tuple[Turns, str]]) -> list[float]:
        return [float(len(text)) for _, text in replies]


def ranked(name: str, lang: str = "en", labels: Sequence[float | None] = (None, None, None)) -> dict[str, object]:
    replies = [
        message(
            f"{name}-{rank}", name, rank=rank, text="Because" + " of the air" * (3 - rank), review_result=True,
            lang=lang, labels={} if label is None else {"quality": {"value": label, "count": 3}},
        )
        for rank, label in enumerate(labels)
    ]  # fmt: skip
    return tree(message(name, text="Why?", review_result=True, replies=replies))


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    return lines(tmp_path / "trees.jsonl", *(ranked(f"tree{number}") for number in range(12)))


def test_every_accepted_reply_is_read_once(trees: Path, local_model: LocalModel) -> None:
    said = said_in(read_trees(trees))
    assert len(said) == 36
    assert sum(each.best for each in said) == 12
    found = costs(local_model, said, np.random.default_rng(0))
    told = local_model.loglikelihood([(each.before, each.text) for each in said[:3]])
    bits = -sum(each.log_p for each in told) / log(2) / sum(len(each.text) for each in said[:3])
    assert found["bits per byte"].value == pytest.approx(bits, rel=1e-4)
    assert set(found) == {"bits per byte", "bits per byte, en", "perplexity"}


def test_a_judge_of_length_agrees_where_the_longer_reply_is_better(trees: Path) -> None:
    known = agrees(ByLength(), read_trees(trees), np.random.default_rng(0))
    assert known.all.pairs == 36
    assert known.all.accuracy is not None
    assert known.all.accuracy.value == 1
    said = asked(said_in(read_trees(trees)), 12, np.random.default_rng(0))
    found = wins(ByLength(), said, ["x"] * 6 + ["x" * 99] * 6, np.random.default_rng(0))
    assert found["win rate"].value == 0.5


def test_a_judge_stands_beside_the_quality_label_and_in_each_language(tmp_path: Path) -> None:
    labelled = [
        *(ranked(f"en{number}", "en", (0.5, 0.75, 0.5)) for number in range(11)),
        *(ranked(f"de{number}", "de", (0.75, None, 0.25)) for number in range(10)),
    ]
    known = agrees(ByLength(), read_trees(lines(tmp_path / "labelled.jsonl", *labelled)), np.random.default_rng(0))
    assert known.by_label is not None
    assert (known.by_label.pairs, known.by_label.ties) == (11 * 2 + 10, 11)
    found = figures_of(known)
    assert found["accuracy of the quality label"].value == pytest.approx((11 + 10) / 32)
    assert found["accuracy of the quality label"].n == 32
    assert found["accuracy where the label decides"].value == 1
    assert {name: found[name].n for name in ("accuracy, en", "accuracy, de", "accuracy, worst language")} == {
        "accuracy, en": 33, "accuracy, de": 30, "accuracy, worst language": 33,
    }  # fmt: skip
    assert found["accuracy, mean of languages"].value == 1


def test_the_command_keeps_what_it_measures(run: Run, model_directory: Path, trees: Path) -> None:
    done = run(
        "evaluate", "heldout", f"tiny={model_directory / 'model'}", "--trees", trees, "--reward",
        model_directory / "reward", "--prompts", 4, "--longest", 8, "--threads", 1,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "bits per byte" in done.out
    found = json.loads(Path("results/tiny/heldout.json").read_text("utf-8"))
    assert found["figures"]["win rate"]["n"] == 4
    assert found["inputs"].keys() == {"trees.jsonl"}
    assert json.loads(Path("results/reward/agreement.json").read_text("utf-8"))["n"] == 12


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--trees", "trees.jsonl"], "Name a model"),
        (["nowhere/model", "--trees", "trees.jsonl"], "no directory nowhere/model"),
        (["x=", "--trees", "trees.jsonl"], "names no model"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_sentence(run: Run, trees: Path, arguments: list[str], says: str) -> None:
    done = run("evaluate", "heldout", *arguments)
    assert done.code
    assert says in done.err
    assert "Traceback" not in done.err


def test_of_a_question_that_is_too_long_for_a_model_its_end_is_read(local_model: LocalModel) -> None:
    (cut,) = local_model.loglikelihood([((Turn("user", "Why? " * 600),), "Because.")])
    (short,) = local_model.loglikelihood([((Turn("user", "Why? " * 20),), "Because.")])
    assert cut.tokens == short.tokens
