"""What a model reads of a conversation that is longer than it can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.chat.fitting import LEAST_REPLY, TooMuch, estimated, fitted
from espalier.dataset.examples import ASSISTANT, SYSTEM, USER, Turn


def conversation(rounds: int, system: bool) -> list[Turn]:
    turns = [Turn(SYSTEM, "Be brief.")] if system else []
    for number in range(rounds):
        turns += [Turn(USER, f"Question {number}"), Turn(ASSISTANT, f"Answer {number}")]
    return [*turns, Turn(USER, "The last question")]


@given(
    st.integers(0, 6), st.booleans(), st.integers(0, 5), st.integers(1, 200), st.integers(1, 50), st.randoms()
)  # fmt: skip
def test_whole_turns_stay_the_newest_first_and_always_the_system_words(
    rounds: int, system: bool, around: int, context: int, reply: int, random: object
) -> None:
    turns = conversation(rounds, system)
    tokens = [random.randint(1, 30) for _ in turns]  # type: ignore[attr-defined]
    newest = around + tokens[-1] + (tokens[0] if system else 0)
    if newest + min(reply, LEAST_REPLY) > context:
        with pytest.raises(TooMuch):
            fitted(turns, tokens, around, context, reply)
        return
    kept = fitted(turns, tokens, around, context, reply)
    own = list(kept.turns)
    if system:
        assert own.pop(0) == turns[0]
    assert own[0].role == USER
    assert own == turns[len(turns) - len(own) :]
    assert kept.left_out == len(turns) - system - len(own)
    length = around + sum(tokens[len(turns) - len(own) :]) + (tokens[0] if system else 0)
    assert kept.reply == min(reply, context - length)
    wished = min(reply, context // 2)
    if len(own) > 1:
        assert kept.reply >= wished
    if kept.left_out:  # one more round would not have left room
        before = len(turns) - len(own)
        assert length + sum(tokens[before - 2 : before]) + wished > context


def test_a_small_model_replies_with_what_is_left() -> None:
    talk = [Turn(USER, "short")]
    assert fitted(talk, [18], 0, 512, 512).reply == 494
    assert fitted(talk, [480], 0, 512, 512).reply == 32
    assert fitted(talk, [18], 0, 2048, 512).reply == 512


def test_a_question_that_is_too_long_by_itself_is_told_with_its_length() -> None:
    with pytest.raises(TooMuch) as much:
        fitted([Turn(USER, "long")], [90], 5, 100, 20)
    assert (much.value.prompt, much.value.context) == (95, 100)


def test_lengths_are_estimated_from_bytes() -> None:
    assert estimated([Turn(USER, "abc"), Turn(USER, "приве́т")]) == [10, 13]
