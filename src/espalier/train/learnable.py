"""Conversations in tokens, as supervised fine-tuning learns them: with or without what a system turn says of them.

Knows tokens and lines of data; does not know how they are learned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import Chat
from espalier.dataset.format import Segments, segments, tagged
from espalier.infer.tokens import Encoded, encode
from espalier.train.settings import Data
from espalier.train.sources import Line


@dataclass(frozen=True, slots=True)
class Learnable:
    """lines: where each conversation comes from. tagged: the same conversations with their tags, where there are any.
    left_out: lines that gave nothing to learn.
    """

    conversations: tuple[Encoded, ...]
    lines: tuple[Line, ...]
    tagged: tuple[Encoded, ...] = ()
    left_out: int = 0

    @property
    def often(self) -> list[float]:
        """How often each comes in an epoch."""
        return [line.weight for line in self.lines]

    @property
    def tokens(self) -> int:
        return sum(map(len, self.conversations))

    @property
    def trained(self) -> int:
        return sum(int(each.trained.sum()) for each in self.conversations)

    def at(self, places: Sequence[int], step: int, data: Data, seed: int) -> list[Encoded]:
        """These conversations as a step sees them; a share of them, by chance, without their tags."""
        if not self.tagged:
            return [self.conversations[place] for place in places]
        bare = np.random.default_rng([seed, step]).random(len(places)) < data.tag_dropout
        return [
            (self.conversations if alone else self.tagged)[place] for place, alone in zip(places, bare, strict=True)
        ]


def learnable(
    lines: Sequence[Line], tokenizer: PreTrainedTokenizerBase, data: Data, last_only: bool = False
) -> Learnable:
    """Chats in tokens, as the settings have it. Raises BadTemplate."""
    chats = [conversation(line, last_only) for line in lines]
    bare = encode(chats, tokenizer, data.length)
    with_tags: Iterable[Encoded | None] = bare
    if data.tags:
        said = [{str(name): line.tags.get(name, "") for name in data.tags} for line in lines]
        with_tags = encode(map(tagged, chats, said), tokenizer, data.length)
    there = [
        (each, other, line)
        for each, other, line in zip(bare, with_tags, lines, strict=True) if each is not None and other is not None
    ]  # fmt: skip
    return Learnable(
        tuple(each for each, _, _ in there),
        tuple(line for _, _, line in there),
        tuple(other for _, other, _ in there) if data.tags else (),
        len(lines) - len(there),
    )


def conversation(line: Line, last_only: bool = False) -> Segments:
    assert isinstance(line.example, Chat), f"{line.example=}"
    return segments(line.example.turns, last_only)


def notes_on(learned: Learnable) -> list[str]:
    """What a reader of the card should know of the data."""
    said = f"It had {len(learned.conversations):,} sequences to learn from, with {learned.tokens:,} tokens, "
    said += f"{learned.trained:,} of them to be learned."
    if learned.left_out:
        said += f" {learned.left_out:,} more were left out, since no reply of theirs fitted."
    return [said]
