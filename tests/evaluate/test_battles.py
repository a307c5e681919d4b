"""Battles between models: files of others in and out, and what `espalier evaluate battles` says of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from commands import Run
from espalier.dataset.findings import Findings
from espalier.evaluate.battles import read_verdicts
from espalier.evaluate.questions import BadSet
from espalier.evaluate.results import read_result
from espalier.evaluate.standings import NoBattles, standings
from espalier.rating.battles import Judged
from oasst import lines

TWICE = {"question_id": 81, "model_1": "a", "model_2": "b", "judge": ["gpt-4", "pair-v2"], "turn": 1}


def judged_in(path: Path) -> list[tuple[str, str, float | None]]:
    return [
        (each.battle.model_a, each.battle.model_b, None if each.unsaid else each.judged.won)
        for each in read_verdicts(path)
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({**TWICE, "g1_winner": "model_1", "g2_winner": "model_1"}, [("a", "b", 1), ("b", "a", 0)]),
        ({**TWICE, "g1_winner": "model_1", "g2_winner": "model_2"}, [("a", "b", 1), ("b", "a", 1)]),
        ({**TWICE, "g1_winner": "tie", "g2_winner": "error"}, [("a", "b", 0.5), ("b", "a", None)]),
        ({"question_id": 1, "model_a": "a", "model_b": "b", "winner": "model_b", "judge": "x"}, [("a", "b", 0)]),
        ({"model_a": "a", "model_b": "b", "winner": "tie (bothbad)"}, [("a", "b", 0.5)]),
        ({"question": "q", "first": "b", "second": "a", "verdict": "second"}, [("b", "a", 0)]),
    ],
)
def test_each_spelling_says_who_was_seen_first_and_who_won(
    tmp_path: Path, line: Mapping[str, Any], says: list[object]
) -> None:
    assert judged_in(lines(tmp_path / "battles.jsonl", line)) == says


def test_lengths_are_those_of_the_last_answers(tmp_path: Path) -> None:
    def told(*texts: str) -> list[dict[str, str]]:
        return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]

    said = {"model_1": "a", "model_2": "b", "g1_winner": "tie", "g2_winner": "tie",
            "conversation_a": told("?", "long ago", "?", "abc"), "conversation_b": told("?", "x")}  # fmt: skip
    one, other = read_verdicts(lines(tmp_path / "battles.jsonl", said))
    assert (one.characters, other.characters) == ((3, 1), (1, 3))


def test_what_is_no_battle_is_told_with_its_line(tmp_path: Path) -> None:
    findings = Findings()
    wrong = [{"model_a": "a", "model_b": "a", "winner": "tie"}, {"model_a": "a", "model_b": "b", "winner": "me"}]
    path = lines(tmp_path / "battles.jsonl", *wrong, b"{\n", {"text": "no battle"})
    assert list(read_verdicts(path, findings)) == []
    assert [each.line for each in findings.first] == [1, 2, 3, 4]
    table = tmp_path / "battles.csv"
    table.write_bytes(b"\xff\xfe")
    with pytest.raises(BadSet):
        list(read_verdicts(table))


def test_of_few_questions_there_are_no_intervals_and_of_no_battle_there_is_nothing() -> None:
    found = standings([Judged("1", "a", "b", 1), Judged("2", "b", "a", 1)])
    assert found.models[0].rating.low is None
    assert found.survived is None
    with pytest.raises(NoBattles):
        standings([])
    with pytest.raises(NoBattles, match="no chain of battles"):
        standings([Judged("1", "a", "b", 1), Judged("1", "c", "d", 1)])


def test_length_held_fixed_turns_round_an_order_that_length_made() -> None:
    """The judge likes nothing but length; the better one of equally long answers is `b`."""
    random, rows = Random(1), []
    for question in range(400):
        lengths = {"a": random.randint(900, 1500), "b": random.randint(100, 1500)}
        first, second = random.sample(["a", "b"], 2)
        eta = 3.0 * (lengths[first] > lengths[second]) - 1.5 + (1 if first == "b" else -1) * 0.4
        won = float(random.random() < 1 / (1 + 2.718281828**-eta))
        rows.append(Judged(str(question), first, second, won, characters=(lengths[first], lengths[second])))
    found = standings(rows, resamples=200, orders=10)
    assert [each.model for each in found.models] == ["a", "b"]
    assert found.turned == {"b": ["a"]}


def test_battles_are_rated_written_and_drawn(run: Run) -> None:
    random = Random(0)
    rows = [
        {"question": str(n), "first": one, "second": other,
         "verdict": random.choice(["first", "first", "second", "unparsed"]),
         "first_characters": random.randint(1, 99), "second_characters": random.randint(1, 99)}
        for n in range(20)
        for one, other in (("old", "new"), ("new", "old"))
    ]  # fmt: skip
    lines(Path("battles.jsonl"), *rows)
    ran = run("evaluate", "battles", "battles.jsonl", "--fastchat", "as-fastchat.jsonl", "--resamples", 200)
    assert ran.code == 0, ran.err
    assert "could not be read" in ran.out
    assert "surviving the swap" in ran.out
    page = Path("results/battles.html").read_text("utf-8")
    assert page.count("<svg") == 2
    assert "http" not in page.replace("http://www.w3.org", "").replace("https://vega.github.io/schema", "")
    figures = json.loads(Path("results/battles.json").read_text("utf-8"))
    assert read_result(Path("results/old/battles.json")).figures["rating"].value in {
        each["rating"]["value"] for each in figures["models"]
    }
    again = run("evaluate", "battles", "as-fastchat.jsonl", "--into", "again", "--resamples", 200)
    assert again.code == 0
    same = json.loads(Path("again/battles.json").read_text("utf-8"))
    assert {**same, "inputs": 0} == {**figures, "inputs": 0}
