"""What is learned of a conversation, and what of a long one stays."""

from espalier.dataset.examples import Turn
from espalier.dataset.format import Role, Segment, last_turns, prompt_of, segments, tagged

TURNS = (
    Turn("system", "Be brief."), Turn("user", "q"), Turn("assistant", "a"), Turn("user", "p"), Turn("assistant", "b")
)  # fmt: skip


def test_only_the_assistants_turns_are_trained() -> None:
    assert [each.trained for each in segments(TURNS)] == [False, False, True, False, True]
    assert [each.trained for each in segments(TURNS, last_only=True)] == [False, False, False, False, True]
    assert [each.trained for each in prompt_of(TURNS)] == [False] * 5
    assert [each.role for each in segments(TURNS)][:3] == [Role.SYSTEM, Role.PROMPTER, Role.ASSISTANT]


def test_a_conversation_is_told_of_what_kind_it_is() -> None:
    given = tagged(segments(TURNS[1:]), {"task": "summarise", "domain": "", "language": "de"})
    assert given[0] == Segment(Role.SYSTEM, "task: summarise; language: de", trained=False)
    assert tagged(segments(TURNS[1:]), {}) == segments(TURNS[1:])


def test_of_what_is_too_long_the_last_turns_stay_from_a_whole_prompt_on() -> None:
    lengths = [5, 10, 20, 10, 20]
    assert last_turns(segments(TURNS), lengths, 65) == range(1, 5)
    assert last_turns(segments(TURNS), lengths, 64) == range(3, 5)  # never from a reply on whose prompt is gone
    assert last_turns(segments(TURNS), lengths, 12) == range(3, 5)
    assert last_turns(segments(TURNS[:-1]), lengths, 35) == range(1, 3)  # the open question teaches nothing, and goes
