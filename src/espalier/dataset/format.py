"""A conversation as the segments that a model reads: whose each is, what it says, and whether it is learned.

The one chat format: `<|prompter|>text<end><|assistant|>text<end>`, after `<|system|>text<end>` where there is one; no
blank or line break between, and every segment ends with the tokenizer's end token. Knows no tokenizer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from espalier.dataset.examples import ASSISTANT, SYSTEM, USER, Turn


class Role(StrEnum):
    SYSTEM = "system"
    PROMPTER = "prompter"
    ASSISTANT = "assistant"

    @property
    def token(self) -> str:
        """The special token that opens a segment of this role."""
        return f"<|{self}|>"


ROLE_OF: Final[Mapping[str, Role]] = {SYSTEM: Role.SYSTEM, USER: Role.PROMPTER, ASSISTANT: Role.ASSISTANT}
END: Final = "<|endoftext|>"
"""The end token of tokenizers that we make; others bring their own."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one side says. trained: its text and its end token are learned; the role token never is.

    The text is only text: what looks like a role token in it is no such token.
    """

    role: Role
    text: str
    trained: bool


Segments = tuple[Segment, ...]


def segments(turns: Iterable[Turn], last_only: bool = False) -> Segments:
    """A chat's turns, every reply of the assistant trained, or only the last of them."""
    given = list(turns)
    replies = [place for place, turn in enumerate(given) if turn.role == ASSISTANT]
    trained = set(replies[-1:] if last_only else replies)
    return tuple(Segment(ROLE_OF[turn.role], turn.content, place in trained) for place, turn in enumerate(given))


def prompt_of(turns: Iterable[Turn]) -> Segments:
    """The same with nothing trained: what a reply is asked for, or measured after."""
    return tuple(Segment(ROLE_OF[turn.role], turn.content, False) for turn in turns)


def reply(text: str) -> Segment:
    """What the assistant answers, to stand after a prompt."""
    return Segment(Role.ASSISTANT, text, True)


def tagged(given: Segments, attributes: Mapping[str, str]) -> Segments:
    """The conversation after a system segment that says of what kind it is: `task: summarise; language: de`."""
    said = "; ".join(f"{name}: {value}" for name, value in attributes.items() if value)
    return (Segment(Role.SYSTEM, said, False), *given) if said else given


def last_turns(given: Segments, lengths: Sequence[int], longest: int) -> range:
    """The places of the segments that stay where all of them are too long: the last turns, from a prompter's on.

    lengths: tokens of each segment. A system segment at the beginning stays, and what it takes is counted, but does not
    stand in the range. What follows the last trained segment teaches nothing and goes first. The turns from the last
    prompter's on stay even where they are too long; their reply can then be cut.
    """
    first = 1 if given and given[0].role is Role.SYSTEM else 0
    last = max((place for place, segment in enumerate(given) if segment.trained), default=len(given) - 1)
    left = longest - sum(lengths[:first])
    begins = [place for place in range(first, last + 1) if given[place].role is Role.PROMPTER]
    for begin in (first, *(place for place in begins if place > first)):
        if sum(lengths[begin : last + 1]) <= left:
            return range(begin, last + 1)
    return range(begins[-1] if begins else first, last + 1)


JINJA: Final = (
    "{% for message in messages %}"
    "{{ '<|' + ('prompter' if message['role'] == 'user' else message['role']) + '|>' }}"
    "{{ message['content'] + eos_token }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""The same format as a chat template, for other programs that open our models."""
