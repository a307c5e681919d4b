"""Which conversations a step of training sees, and how they lie in tensors.

The order is a pure function of seed and epoch. A step's conversations are chosen by chance and only then sorted by
length into passes, so that no step is all short or all long. Knows tokens; knows no algorithm.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from espalier.infer.tokens import Encoded
from espalier.train.settings import Settings


@dataclass(frozen=True, slots=True)
class Batch:
    """Conversations in rows, for one pass through the model.

    input_ids, position_ids: (rows, width). Positions begin anew with each conversation; where a row holds several,
    transformers sees from them that they are apart, and it must then get neither an attention mask nor a cache.
    Behind the last one a row is filled up; nothing looks back at that. at: (N,), places in the flattened rows where a
    token is predicted that has a weight. targets, weights: (N,), that token, and how much it counts. apart: of each
    row, where one holds several, the tokens of its conversations and of what fills it up.
    """

    input_ids: Tensor
    position_ids: Tensor
    at: Tensor
    targets: Tensor
    weights: Tensor
    apart: tuple[tuple[int, ...], ...] | None = None

    def to(self, device: torch.device) -> "Batch":
        tensors = (self.input_ids, self.position_ids, self.at, self.targets, self.weights)
        input_ids, position_ids, at, targets, weights = (each.to(device) for each in tensors)
        return Batch(input_ids, position_ids, at, targets, weights, self.apart)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much tokens count as targets: λp for all that is not trained (prompts, role tokens), λr for what is."""

    prompt: float = 0.0
    reply: float = 1.0

    def of(self, given: Encoded) -> NDArray[np.float32]:
        """Of each token, (tokens,). The first of all is never a target."""
        weights = np.where(given.trained, np.float32(self.reply), np.float32(self.prompt))
        weights[0] = 0
        return weights

    def counted(self, given: Encoded) -> int:
        """How many of its tokens have a weight: what the loss is divided by."""
        return int(np.count_nonzero(self.of(given)))


def order(often: Sequence[float], seed: int, epoch: int) -> NDArray[np.int64]:
    """The places of all lines in the order of an epoch. often: how often each comes, on average over epochs."""
    chance = np.random.default_rng([seed, epoch])
    times = np.floor(np.asarray(often, np.float64) + chance.random(len(often))).astype(np.int64)
    return chance.permutation(np.repeat(np.arange(len(often)), times))


def lines_of_steps(often: Sequence[float], settings: Settings) -> Iterator[list[int]]:
    """The places of the lines that each step sees, without end; the last step of an epoch may see fewer."""
    size = settings.optimizer.batch
    for epoch in count():
        places = order(often, settings.run.seed, epoch)
        for first in range(0, len(places), size):
            yield places[first : first + size].tolist()


def steps_in(epochs: float, often: Sequence[float], settings: Settings) -> int:
    """How many steps so many epochs have."""
    whole = [
        ceil(len(order(often, settings.run.seed, epoch)) / settings.optimizer.batch) for epoch in range(ceil(epochs))
    ]
    return max(1, sum(whole[:-1]) + ceil(whole[-1] * (epochs - ceil(epochs) + 1)))


MOST_PADDING: Final = 0.2
"""The share of the longest row by which another one may be shorter and still go through the model with it."""
SHORT: Final = 32  # tokens that never matter
Rows = list[list[int]]
"""Of one pass: places of the conversations that stand in each row."""


def passes(lengths: Sequence[int], tokens: int, pack: bool = False) -> list[Rows]:
    """Conversations of a step in passes of at most so many tokens, padding counted; one that is longer goes alone.

    One conversation a row, and only those of like length in one pass: another pass costs less than padding. A row of
    its own needs no attention mask. pack: rows as long as the longest conversation, with as many as fit, which saves
    the rest of the padding.
    """
    rows = _packed(lengths) if pack else [[place] for place in range(len(lengths))]
    widths = [sum(lengths[place] for place in row) for row in rows]
    made: list[Rows] = []
    for number in sorted(range(len(rows)), key=lambda number: (-widths[number], rows[number])):
        widest = sum(lengths[place] for place in made[-1][0]) if made else 0
        padding = widest - widths[number]
        if not made or (len(made[-1]) + 1) * widest > tokens or padding > max(SHORT, widest * MOST_PADDING):
            made.append([])
        made[-1].append(rows[number])
    return made


def _packed(lengths: Sequence[int]) -> Rows:
    """Rows as long as the longest at most, the longest conversations first, each where it leaves least room."""
    widest = max(lengths, default=0)
    rows: Rows = []
    room: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        fitting = [row for row in range(len(rows)) if room[row] >= lengths[place]]
        if not fitting:
            rows.append([])
            room.append(widest)
            fitting = [len(rows) - 1]
        best = min(fitting, key=lambda row: (room[row], row))
        rows[best].append(place)
        room[best] -= lengths[place]
    return rows


def batch(given: Sequence[Encoded], rows: Rows, weights: Weights, padding: int = 0) -> Batch:
    """The tensors of one pass. rows: places in `given`."""
    width = max(sum(len(given[place]) for place in row) for row in rows)
    ids = np.full((len(rows), width), padding, np.int64)
    positions = np.empty((len(rows), width), np.int64)
    weight = np.zeros((len(rows), width), np.float32)
    for number, row in enumerate(rows):
        begin = 0
        for place in row:
            end = begin + len(given[place])
            ids[number, begin:end] = given[place].ids
            positions[number, begin:] = np.arange(
                width - begin
            )  # to the end of the row, so that padding begins nothing
            weight[number, begin:end] = weights.of(given[place])
            begin = end
    targets = np.flatnonzero(weight)
    lengths = [tuple(len(given[place]) for place in row) for row in rows]
    return Batch(
        torch.from_numpy(ids), torch.from_numpy(positions), torch.from_numpy(targets - 1),
        torch.from_numpy(ids.reshape(-1)[targets]), torch.from_numpy(weight.reshape(-1)[targets]),
        tuple((*each, width - sum(each)) for each in lengths) if any(len(row) > 1 for row in rows) else None,
    )  # fmt: skip
