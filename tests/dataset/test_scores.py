"""What checks found, beside the messages: written, read again, and bad lines told."""

from pathlib import Path

import pytest

from espalier.dataset.findings import Findings
from espalier.dataset.scores import Found, Scores, by_message, read_scores, spelled
from espalier.dataset.write import write_objects

SCORES = [
    Scores("a", Found(lang_detected="en", lang_confidence=0.9, toxicity=0.25, near_duplicate_of=None)),
    Scores("b", Found(near_duplicate_of="a", personal=[{"kind": "email", "start": 3, "end": 9}])),
]


@pytest.mark.parametrize("name", ["scores.jsonl", "scores.jsonl.gz"])
def test_scores_come_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    assert write_objects(tmp_path / name, map(spelled, SCORES)) == 2
    assert list(read_scores(tmp_path / name)) == SCORES


def test_lines_on_the_same_message_add_up() -> None:
    found = by_message([*SCORES, Scores("a", Found(toxicity=0.5, duplicate_of=None))])
    assert found["a"] == {
        "lang_detected": "en", "lang_confidence": 0.9, "toxicity": 0.5, "near_duplicate_of": None, "duplicate_of": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"toxicity": 0.5}', "$.message_id: is missing"),
        ('{"message_id": 7}', "$.message_id: must be a text"),
        ('{"message_id": "b", "toxicity": 7}', "$.toxicity: must be a number from 0 to 1"),
        ('{"message_id": "b", "lang_detected": ""}', "$.lang_detected: must be a language code"),
        ('{"message_id": "b", "personal": [{"kind": "email", "start": 5, "end": 2}]}', "$.personal: must be a list"),
        ("[]", "is not an object"),
    ],
)
def test_a_bad_line_is_told_and_the_rest_is_read(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "scores.jsonl"
    file.write_text(f'{{"message_id": "a"}}\n{line}\n{{"message_id": "c", "of_later": 1}}\n')
    findings = Findings()
    assert [each.message_id for each in read_scores(file, findings)] == ["a", "c"]
    assert f"{file}:2" in str(findings.first[0])
    assert says in str(findings.first[0])
