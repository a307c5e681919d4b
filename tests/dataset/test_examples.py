"""Files of others are read in the spellings that the field uses, and written in those that its libraries read."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.dataset.convert import Kind, Wanted, remade
from espalier.dataset.examples import Battle, Chat, Example, Preference, Prompt, Ranking, Turn, spelled
from espalier.dataset.findings import Findings
from espalier.dataset.members import members
from espalier.dataset.read import read_examples
from espalier.dataset.records import Malformed
from espalier.dataset.spellings import example
from oasst import lines

ASK, WELL, BADLY = Turn("user", "Why?"), Turn("assistant", "Because."), Turn("assistant", "No.")
asked = [{"role": "user", "content": "Why?"}]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"messages": [*asked, {"role": "assistant", "content": "Because."}]}, Chat((ASK, WELL))),
        (
            {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]},
            Chat((ASK, WELL)),
        ),
        ({"prompt": "Why?", "chosen": "Because.", "rejected": "No."}, Preference((ASK,), (WELL,), (BADLY,))),
        (
            {
                "prompt": "Why?",
                "chosen": [*asked, {"role": "assistant", "content": "Because."}],
                "rejected": [*asked, {"role": "assistant", "content": "No."}],
            },
            Preference((ASK,), (WELL,), (BADLY,)),
        ),
        (
            {
                "chosen": [*asked, {"role": "assistant", "content": "Because."}],
                "rejected": [*asked, {"role": "assistant", "content": "No."}],
            },
            Preference((ASK,), (WELL,), (BADLY,)),
        ),
        (
            {"chosen": "\n\nHuman: Why?\n\nAssistant: Because.", "rejected": "\n\nHuman: Why?\n\nAssistant: No."},
            Preference((ASK,), (WELL,), (BADLY,)),
        ),
        (
            {
                "instruction": "Why?",
                "completions": [
                    {"response": "No.", "overall_score": 2},
                    {"response": "Because.", "overall_score": 8.5},
                    {"response": "Never.", "overall_score": 2},
                ],
            },
            Ranking((ASK,), ("Because.", "No.", "Never."), frozenset({(1, 2)})),
        ),
        (
            {"question_id": 81, "model_a": "ours", "model_b": "theirs", "winner": "tie", "judge": ["gpt-4", "pair"]},
            Battle("81", "ours", "theirs", "tie", "gpt-4 pair"),
        ),
        (
            {"question_id": 81, "model_1": "a", "model_2": "b", "g1_winner": "model_2", "g2_winner": "model_2",
             "turn": 2},
            Battle("81", "a", "b", "model_b", turn=2),
        ),
        (
            {"question_id": 81, "model_1": "a", "model_2": "b", "g1_winner": "model_2", "g2_winner": "model_1"},
            Battle("81", "a", "b", "tie"),
        ),
        ({"question_id": 81, "turns": ["Why?", "And why not?"]}, Prompt((ASK,))),
        ({"messages": [{"role": "prompter", "text": "Why?"}]}, Chat((ASK,))),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]}, Chat((ASK,))),
        ({"instruction": "Why?", "input": "", "output": "Because."}, Chat((ASK, WELL))),
        ({"question": "Why?", "answer": "Because."}, Chat((ASK, WELL))),
        (
            {"instruction": "Why?", "context": "It rains.", "response": "Because.", "category": "closed_qa"},
            Chat((Turn("user", "Why?\n\nIt rains."), WELL)),
        ),
    ],
)  # fmt: skip
def test_a_line_is_known_by_its_keys(line: dict[str, Any], said: Example) -> None:
    assert example(line) == said


def test_a_side_that_speaks_twice_in_a_row_is_one_turn() -> None:
    chosen = "\n\nHuman: Hm.\n\nHuman: Why?\n\nAssistant: Because."
    read = example({"chosen": chosen, "rejected": chosen.replace("Because", "No")})
    assert isinstance(read, Preference)
    assert read.prompt == (Turn("user", "Hm.\n\nWhy?"),)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ({}, "$"),
        ({"messages": []}, "$.messages"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "$.messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "$.messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "$.messages[0].content[0]"),
        ({"conversations": "x"}, "$.conversations"),
        ({"chosen": "x", "rejected": "y"}, "$.chosen"),
        ({"prompt": "x", "chosen": [], "rejected": "y"}, "$.chosen"),
        ({"prompt": "x", "chosen": "y", "rejected": "y"}, "$"),
        ({"chosen": "\n\nHuman: x\n\nAssistant: y", "rejected": "\n\nHuman: x\n\nAssistant: y"}, "$"),
        ({"prompt": "x", "replies": ["a", "b"], "ties": [[1, 1]]}, "$.ties[0]"),
        ({"instruction": "x", "completions": [{"response": "a"}]}, "$.completions[0].overall_score"),
        ({"model_a": "a", "model_b": "b", "winner": "c"}, "$.winner"),
        ({"question_id": 1, "turns": []}, "$.turns[0]"),
        ({"model_1": "a", "model_2": "b", "g1_winner": "model_1", "g2_winner": "error"}, "$.g2_winner"),
    ],
)  # fmt: skip
def test_a_line_that_is_none_says_where_and_why(line: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as wrong:
        example(line)
    assert wrong.value.path == path
    assert wrong.value.reason


def test_a_bad_line_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    file = lines(tmp_path / "chats.jsonl", {"messages": asked}, b"{\n", {"other": 1}, {"messages": asked})
    findings = Findings()
    assert list(read_examples(file, findings)) == [Chat((ASK,)), Chat((ASK,))]
    assert [finding.line for finding in findings.first] == [2, 3]


def test_a_battle_whose_conversations_are_told_is_a_preference_for_who_won() -> None:
    sides = {
        f"conversation_{name}": [*asked, {"role": "assistant", "content": said}]
        for name, said in (("a", "Because."), ("b", "No."))
    }
    won, lost, tied = (
        example({"model_a": "x", "model_b": "y", "winner": winner, **sides}) for winner in ("model_a", "model_b", "tie")
    )
    assert list(remade([won, lost, tied], Wanted(Kind.PAIRS))) == [
        Preference((ASK,), (WELL,), (BADLY,)), Preference((ASK,), (BADLY,), (WELL,)),
    ]  # fmt: skip
    assert list(remade([lost, tied], Wanted(Kind.THREADS))) == [Chat((ASK, BADLY))]
    assert list(remade([tied], Wanted(Kind.PROMPTS))) == [Prompt((ASK,))]
    assert list(remade([tied], Wanted(Kind.BATTLES))) == [tied]
    assert list(remade([won], Wanted(Kind.RANKED))) == [Ranking((ASK,), (WELL.content, BADLY.content))]


@pytest.mark.parametrize(
    "line",
    [
        {"prompt": "x", "replies": ["a", "a", "b"]},
        {"instruction": "x", "completions": [{"response": said, "overall_score": score}
                                             for said, score in (("a", 5), ("a", 4), ("b", 3))]},
    ],
)  # fmt: skip
def test_replies_that_say_the_same_are_no_pair(line: dict[str, Any]) -> None:
    pairs = remade([example(line)], Wanted(Kind.PAIRS))
    assert [(pair.chosen[0].content, pair.rejected[0].content) for pair in pairs if isinstance(pair, Preference)] == [
        ("a", "b"), ("a", "b"),
    ]  # fmt: skip


def test_a_battle_in_which_both_said_the_same_is_only_a_prompt() -> None:
    said = [*asked, {"role": "assistant", "content": "No."}]
    battle = example(
        {"model_a": "x", "model_b": "y", "winner": "model_b", "conversation_a": said, "conversation_b": said}
    )
    assert list(remade([battle], Wanted(Kind.PAIRS))) == []
    assert list(remade([battle], Wanted(Kind.PROMPTS))) == [Prompt((ASK,))]


SAID: Final = [{"prompt": ' "}{][\\ \n é'}, {"prompt": "", "more": [{"a": [1]}]}, {"prompt": "x"}]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_is_taken_apart_wherever_its_pieces_end(size: int, indent: int | None) -> None:
    raw = json.dumps(SAID, indent=indent, ensure_ascii=False).encode()
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    found = list(members(pieces, 1000))
    assert [json.loads(member) for _, member in found] == SAID
    assert [line for line, _ in found] == ([2, 5, 15] if indent else [1, 1, 1])


def test_of_a_list_what_is_sound_is_read_and_the_rest_named_with_its_line(tmp_path: Path) -> None:
    raw = b'\xef\xbb\xbf[{"prompt": "a"},\n {"prompt": },\n 7,\n {"prompt": "b"},\n {"prompt": "c'
    findings = Findings()
    found = list(read_examples(lines(tmp_path / "list.json", raw), findings))
    assert found == [Prompt((Turn("user", said),)) for said in "ab"]
    assert [(finding.line, finding.lost) for finding in findings.first] == [(2, True), (3, True), (5, True)]


texts = st.text(max_size=20)
turns = st.lists(st.builds(Turn, st.sampled_from(["system", "user", "assistant"]), texts), min_size=1, max_size=4).map(
    tuple
)
reply = st.builds(Turn, st.just("assistant"), texts).map(lambda turn: (turn,))
examples = st.one_of(
    st.builds(Chat, turns),
    st.builds(Preference, turns.filter(lambda each: each[0].role == "user"), reply, reply).filter(
        lambda each: each.chosen != each.rejected
    ),
    st.builds(Ranking, turns, st.lists(texts, min_size=2, max_size=4).map(tuple), st.just(frozenset({(0, 1)}))),
    st.builds(
        Battle,
        texts,
        texts,
        texts,
        st.sampled_from(["model_a", "model_b", "tie"]),
        st.none() | texts,
        conversations=st.none() | st.tuples(turns, turns),
    ),
)


@given(examples)
def test_what_is_written_is_read_again_as_it_was(one: Example) -> None:
    assert example(spelled(one)) == one
