"""Which turns of a conversation a model can read, where it cannot read all of them: whole turns, the newest.

Pure: lengths come in as tokens, or are estimated from characters where the server counts none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from espalier.dataset.examples import SYSTEM, USER, Turn

BYTES_A_TOKEN: Final = 3
"""Fewer than tokenizers need for most languages, so that what is estimated to fit does."""
AROUND_A_TURN: Final = 8
"""Tokens that a chat format puts around a turn, at most."""
LEAST_REPLY: Final = 16
"""Tokens: with less room a newest turn is too long."""


class TooMuch(Exception):
    """The newest turn alone leaves no room for a reply. Both in tokens."""

    def __init__(self, prompt: int, context: int) -> None:
        super().__init__(prompt, context)
        self.prompt, self.context = prompt, context


@dataclass(frozen=True, slots=True)
class Fitted:
    """left_out: how many of the oldest turns the model does not read. reply: tokens that it may take, at most as many
    as were wished for.
    """

    turns: Sequence[Turn]
    left_out: int
    reply: int


def estimated(turns: Sequence[Turn]) -> list[int]:
    """About how many tokens each turn is."""
    return [len(turn.content.encode()) // BYTES_A_TOKEN + 1 + AROUND_A_TURN for turn in turns]


def fitted(turns: Sequence[Turn], tokens: Sequence[int], around: int, context: int, reply: int) -> Fitted:
    """The newest turns that leave room for a reply; the first that stays is a person's. Never without the system turn.
    None is left out for the sake of a reply that takes more than half of what the model reads, and the newest stays
    wherever it leaves any room.

    tokens: of each turn. around: what the prompt holds beside them. reply: tokens that the reply may take. Raises
    TooMuch where not even the newest fits.
    """
    first = 1 if turns and turns[0].role == SYSTEM else 0
    head = around + sum(tokens[:first])
    starts = [place for place in range(first, len(turns)) if turns[place].role == USER]
    for start in starts:
        least = LEAST_REPLY if start == starts[-1] else context // 2
        room = context - head - sum(tokens[start:])
        if room >= min(reply, least):
            return Fitted([*turns[:first], *turns[start:]], start - first, min(reply, room))
    raise TooMuch(head + sum(tokens[starts[-1] :]) if starts else head, context)
