"""A curriculum: what is easy comes first, and the rest bit by bit.

The competence-based pacing of Platanios et al. (arXiv 1903.09848), in its linear form: at step s of S the share
c(s) = min(1, begin + (1 − begin) · s / (until · S)) of the conversations, from the easy end, is drawn from.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from math import ceil

import numpy as np
from transformers import PreTrainedModel

from espalier.train.batch import Weights
from espalier.train.learnable import Learnable
from espalier.train.losses import losses_of
from espalier.train.options import Curriculum


def from_easy_to_hard(learned: Learnable, chosen: Curriculum, model: PreTrainedModel, tokens: int) -> list[int]:
    """The places of the conversations, the easiest first."""
    match chosen.key:
        case "length":
            keys: list[float] = [len(each) for each in learned.conversations]
        case "turns":
            keys = [len(line.texts) for line in learned.lines]
        case "quality":
            keys = [-1.0 if line.quality is None else -line.quality for line in learned.lines]
        case "language":
            lines = Counter(line.lang for line in learned.lines)
            keys = [-lines[line.lang] for line in learned.lines]
        case "loss":
            keys = losses_of(model, learned.conversations, Weights(), tokens)
    return sorted(range(len(keys)), key=lambda place: keys[place], reverse=chosen.hard_first)


def paced(
    places: Sequence[int], often: Sequence[float], chosen: Curriculum, steps: int, batch: int, seed: int
) -> Iterator[list[int]]:
    """The places that each step sees, drawn from the share that is open by then. often: how often each comes."""
    weights = np.asarray([often[place] for place in places])
    for step in count():
        share = min(1.0, chosen.begin + (1 - chosen.begin) * step / (chosen.until * steps))
        there = weights[: max(1, ceil(share * len(places)))]
        size = min(batch, int(np.count_nonzero(there)))
        drawn = np.random.default_rng([seed, step]).choice(len(there), size, replace=False, p=there / there.sum())
        yield [places[place] for place in drawn]
