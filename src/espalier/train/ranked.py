"""Ranked replies as a reward model reads them, and the folds over which it is tried.

Knows tokens and lines of data; does not know what is learned from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import Ranking
from espalier.dataset.format import Role, last_turns, prompt_of, reply
from espalier.dataset.split import place_of
from espalier.infer.engine import Tokens
from espalier.infer.layout import Layout, layout_of, plain
from espalier.infer.tokens import joined_prompt
from espalier.train.sources import Line, grouped

LEAST_ROOM: Final = 9
"""Tokens of a reply, its end token among them, that must have room after a prompt."""
Places = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A prompt up to the token after which the assistant's reply stands, and the replies to it, best first.

    replies: with their end tokens. ties: pairs of places, the smaller first, that are equally good; left_out: that are
    not compared. lengths: of the replies, in characters. unit: the tree, or what else must not be divided. often: how
    often it comes in an epoch. tags: of what kind it is.
    """

    prompt: Tokens
    replies: tuple[Tokens, ...]
    lengths: tuple[int, ...]
    unit: str
    lang: str
    ties: Places = frozenset()
    left_out: Places = field(default_factory=frozenset)
    often: float = 1.0
    tags: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.prompt) + sum(map(len, self.replies))


def rankings(lines: Sequence[Line], tokenizer: PreTrainedTokenizerBase, longest: int) -> list[Ranked]:
    """The rankings in tokens, `longest` at most for a prompt with any one of its replies; those without room left out.

    Of a prompt that is too long for the longest reply the last turns stay, and never half a turn. Where the last of
    them alone is too long, the replies are cut to the room that is left and keep their end tokens, where a reward is
    read; a prompt that leaves almost no room is left out.
    """
    given = [(line, line.example) for line in lines if isinstance(line.example, Ranking)]
    texts = iter(plain([text for _, each in given for text in _texts(each)], tokenizer))
    layout = layout_of(tokenizer)
    found = []
    for line, example in given:
        encoded = [next(texts) for _ in _texts(example)]
        if made := _ranked(line, example, encoded, layout, longest):
            found.append(made)
    return found


def _texts(example: Ranking) -> tuple[str, ...]:
    return (*(turn.content for turn in example.prompt), *example.replies)


def _ranked(line: Line, example: Ranking, encoded: Sequence[list[int]], layout: Layout, longest: int) -> Ranked | None:
    turns, answers = encoded[: len(example.prompt)], encoded[len(example.prompt) :]
    segments = (*prompt_of(example.prompt), reply(""))
    most = max(map(len, answers))
    lengths = [layout.length(segment.role, turn) for segment, turn in zip(segments, (*turns, [0] * most), strict=True)]
    kept = last_turns(segments, lengths, longest - len(layout.begin))
    places = [*(range(1) if kept.start and segments[0].role is Role.SYSTEM else ()), *kept][:-1]
    prompt = joined_prompt([segments[place] for place in places], [turns[place] for place in places], layout)
    room = longest - len(prompt)
    if room < min(LEAST_ROOM, most + 1):
        return None
    return Ranked(
        prompt,
        tuple((*answer[: room - 1], layout.end) for answer in answers),
        tuple(map(len, example.replies)),
        line.unit,
        line.lang,
        frozenset(example.ties),
        often=line.weight,
        tags=line.tags,
    )


def folds(lines: Sequence[Line], number: int, seed: str) -> list[tuple[list[Line], list[Line]]]:
    """So many divisions of the lines into what is learned and what is measured; each line is measured once.

    Trees, and lines that share a text, stay together; the folds have as many of such groups as each other, give or take
    one. number: from 2, or 0 for none. Another seed deals them otherwise.
    """
    group_of = grouped(lines)
    groups = sorted(set(group_of.values()), key=lambda group: place_of(group, seed))
    fold_of = {group: place % max(number, 1) for place, group in enumerate(groups)}
    return [
        (
            [line for line in lines if fold_of[group_of[line.unit]] != fold],
            [line for line in lines if fold_of[group_of[line.unit]] == fold],
        )
        for fold in range(number)
    ]
