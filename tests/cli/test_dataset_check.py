"""`espalier dataset check` and `espalier safety train`, as somebody types them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import Run
from espalier.cli.chat_models import judges_of
from espalier.config import Settings
from espalier.dataset.scores import by_message, read_scores
from espalier.dataset.unfinished import Unfinished
from espalier.safety import checks
from oasst import lines, message, tree

LONG = "Tomatoes want sun, water, and a stick to climb on when they are small and when they are tall."


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return lines(
        tmp_path / "trees.jsonl",
        tree(
            {**message("p", text=LONG), "replies": [message("a", "p", text=f"Write to ada@example.org. {LONG[:20]}")]}
        ),
        tree(message("q", text=LONG.upper())),
        tree(message("r", text=LONG + " Really.")),
        tree(message("s", text="")),
    )


def test_what_is_found_goes_beside_the_messages_and_conditions_ask_for_it(
    run: Run, source: Path, tmp_path: Path
) -> None:
    scores = tmp_path / "scores.jsonl"
    made = run("dataset", "check", source, "--into", scores)
    assert made.code == 0, made.err
    assert "without a word: 1" in made.out
    found = by_message(read_scores(scores))
    assert list(found) == ["p", "a", "q", "r", "s"]
    assert found["p"] == {
        "lang_detected": "en", "lang_confidence": found["p"]["lang_confidence"], "duplicate_of": None,
        "near_duplicate_of": None, "personal": [],
    }  # fmt: skip
    assert found["a"]["personal"] == [{"kind": "email", "start": 9, "end": 24}]
    assert (found["q"]["duplicate_of"], found["r"]["near_duplicate_of"]) == ("p", "p")
    assert found["s"]["lang_detected"] is None
    kept = run(
        "dataset", "convert", source, tmp_path / "kept.jsonl", "--as", "prompts", "--with-refused", "--scores", scores,
        "--where", "duplicate=false", "--where", "near_duplicate=false",
    )  # fmt: skip
    assert "2 lines" in kept.out, kept.err


def test_who_was_stopped_goes_on_with_what_was_found_and_ends_with_the_same(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = lines(tmp_path / "texts.jsonl", *(tree(message(f"m{n}", text=f"{LONG} {n}")) for n in range(9)))
    whole, scores = tmp_path / "whole.jsonl", tmp_path / "scores.jsonl.gz"
    assert run("dataset", "check", texts, "--into", whole).code == 0

    looked: list[str] = []

    def stopping(text: str, _detect: Callable[[str], object] = checks.detect) -> object:
        looked.append(text)
        if len(looked) == 6:
            raise KeyboardInterrupt
        return _detect(text)

    monkeypatch.setattr(checks, "detect", stopping)
    stopped = run("dataset", "check", texts, "--into", scores)
    assert stopped.code == 130
    assert "the same command goes on from here" in stopped.err
    assert not scores.exists()
    goes_on = run("dataset", "check", texts, "--into", scores)
    assert goes_on.code == 0
    assert "Going on after 5 messages" in goes_on.err
    assert len(looked) == 6 + 4, "the first five are not looked at again"
    assert list(read_scores(scores)) == list(read_scores(whole))
    assert not list(tmp_path.glob("*.unfinished"))


def test_what_was_found_of_other_texts_is_nobodys(run: Run, source: Path, tmp_path: Path) -> None:
    scores = tmp_path / "scores.jsonl"
    left = Unfinished(scores, {"of": "other texts"})
    list(left.keep([{"message_id": "p"}]))
    assert Unfinished(scores, {"of": "other texts"}).found == [{"message_id": "p"}]
    with left.path.open("ab") as file:
        file.write(b'{"message_id": "cut off')
    assert Unfinished(scores, {"of": "other texts"}).found == [{"message_id": "p"}]
    assert "Going on" not in run("dataset", "check", source, "--into", scores).err


def test_toxicity_is_learned_from_labels_and_told_of_other_texts(
    run: Run, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(number: int) -> dict[str, object]:
        rude = number % 3 == 0
        words = "You stupid idiot" if rude else "Thank you so much"
        return tree(
            message(f"m{number}", text=f"{words}, {number}.", labels={"toxicity": {"value": 0.75 * rude, "count": 3}})
        )

    labelled = lines(tmp_path / "labelled.jsonl", *map(said, range(210)))
    model, scores = tmp_path / "toxicity.model", tmp_path / "scores.jsonl"
    made = run("safety", "train", labelled, "--into", model)
    assert made.code == 0, made.err
    assert "learned from 210 texts" in made.out
    assert re.search(r"1 in 10 scores 0\.\d\d or more, 1 in 100 scores", made.out)
    assert judges_of(Settings(chat_filter=str(model), chat_filter_written=0.1)).safety
    told = capsys.readouterr().err
    assert "chat_filter_said is 0.8, so it takes out next to nothing" in told
    assert "chat_filter_written" not in told
    measured = run("evaluate", "moderation", model, "--trees", labelled)
    assert "has learned from these trees" in measured.err
    run("dataset", "check", source, "--only", "toxicity", "--model", model, "--into", scores)
    assert set(by_message(read_scores(scores))["p"]) == {"toxicity"}
    for words, says in (
        (("dataset", "check", source, "--only", "toxicity", "--into", scores), "safety train"),
        (("dataset", "check", source, "--model", source, "--into", scores), "no model"),
        (("safety", "train", source, "--into", model), "needs at least 200"),
    ):
        refused = run(*words)
        assert refused.code
        assert says in refused.err
