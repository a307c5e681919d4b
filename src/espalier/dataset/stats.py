"""What there is in a data set, counted: messages, trees, languages, shapes, labels over all, and days.

Counts of columns; knows neither reviewers' votes nor people's shares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Final

from espalier.dataset.columns import NO_DAY, NO_PARENT, PARENT_MISSING, UNKNOWN, Columns
from espalier.domain.message import LABELS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS: Final = 10
FEWEST_TO_CORRELATE: Final = 10
EPOCH: Final = date(1970, 1, 1)
UNSAID: Final = "(none said)"


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of messages; each is in one of the first four. synthetic: written by a model, of all of them."""

    accepted: int = 0
    refused: int = 0
    undecided: int = 0
    deleted: int = 0
    synthetic: int = 0

    @property
    def total(self) -> int:
        return self.accepted + self.refused + self.undecided + self.deleted


@dataclass(frozen=True, slots=True)
class Amount:
    """Trees (by the language of their prompt, where it is by language) and messages."""

    trees: int
    messages: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of texts, in characters."""

    mean: float
    median: float
    ninth_decile: float
    longest: int


@dataclass(frozen=True, slots=True)
class Counts:
    """depths: how many messages stand so far below their prompt. replies: by role, how many messages have so many
    replies. sizes: how many trees have so many messages. ranked: how many sets have so many ranked replies. days: by
    role, how many messages were written on a day. without_parent: messages that reply to one that is not there, or
    whose parents lead back to themselves; all below them included. models: messages that each wrote, the busiest first.
    """

    messages: int
    trees: int
    people: int
    reviews: int
    repeated: int
    without_parent: int
    roles: Mapping[str, Fates]
    states: Mapping[str, Amount]
    langs: Mapping[str, Amount]
    depths: Mapping[int, int]
    replies: Mapping[str, Mapping[int, int]]
    sizes: Mapping[int, int]
    ranked: Mapping[int, int]
    lengths: Mapping[str, Lengths]
    days: Mapping[str, Mapping[date, int]]
    models: Mapping[str, int]


def count(of: Columns) -> Counts:
    import numpy as np

    trees = len(of.tree_state)
    depth = depths(of)
    children = np.bincount(of.parent[of.parent >= 0], minlength=len(of))
    prompts = of.parent == NO_PARENT
    named = dict(enumerate(of.roles))
    return Counts(
        messages=len(of),
        trees=trees,
        people=len(np.unique(of.author[of.author != UNKNOWN])),
        reviews=int(of.reviews.sum()),
        repeated=of.repeated,
        without_parent=int((depth == PARENT_MISSING).sum()),
        roles={name: _fates(of, of.role == code) for code, name in named.items()},
        states=_amounts(of.states, of.tree_state, of.tree_state[of.tree]),
        langs=_amounts(of.langs, of.lang[prompts], of.lang),
        depths=_frequencies(depth[depth >= 0]),
        replies={name: _frequencies(children[of.role == code]) for code, name in named.items()},
        sizes=_frequencies(np.bincount(of.tree, minlength=trees)),
        ranked=_ranked(of),
        lengths={name: _lengths(of.chars[(of.role == code) & ~of.deleted]) for code, name in named.items()},
        days={name: _days(of.day[of.role == code]) for code, name in named.items()},
        models=of.models,
    )


def depths(of: Columns) -> "NDArray[np.int32]":
    """How far below its prompt each message stands: 0 for a prompt, PARENT_MISSING where no prompt is above it."""
    import numpy as np

    depth = np.where(of.parent == NO_PARENT, 0, PARENT_MISSING).astype(np.int32)
    below = np.flatnonzero(of.parent >= 0)
    while len(below):
        reached = depth[of.parent[below]] >= 0
        if not reached.any():
            break
        depth[below[reached]] = depth[of.parent[below[reached]]] + 1
        below = below[~reached]
    return depth


def _fates(of: Columns, which: "NDArray[np.bool_]") -> Fates:
    there = which & ~of.deleted
    return Fates(
        accepted=int((there & (of.accepted == 1)).sum()),
        refused=int((there & (of.accepted == 0)).sum()),
        undecided=int((there & (of.accepted == UNKNOWN)).sum()),
        deleted=int((which & of.deleted).sum()),
        synthetic=int((which & of.synthetic).sum()),
    )


def _amounts(names: Sequence[str], trees: "NDArray[np.int32]", messages: "NDArray[np.int32]") -> dict[str, Amount]:
    """By name, the largest first. trees, messages: of each the place of its name."""
    import numpy as np

    by_tree = np.bincount(trees + 1, minlength=len(names) + 1)
    by_message = np.bincount(messages + 1, minlength=len(names) + 1)
    all_names = [UNSAID, *names]
    order = sorted(range(len(all_names)), key=lambda code: (-by_message[code], -by_tree[code], all_names[code]))
    return {
        all_names[code]: Amount(int(by_tree[code]), int(by_message[code]))
        for code in order
        if by_tree[code] or by_message[code]
    }


def _frequencies(values: "NDArray[Any]") -> dict[int, int]:
    import numpy as np

    found, times = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), times.tolist(), strict=True))


def _ranked(of: Columns) -> dict[int, int]:
    """Sets of two or more ranked replies to one message."""
    import numpy as np

    sizes = np.bincount(of.parent[(of.rank != UNKNOWN) & (of.parent >= 0)])
    return _frequencies(sizes[sizes >= 2])


def _lengths(chars: "NDArray[np.int32]") -> Lengths:
    import numpy as np

    if not len(chars):
        return Lengths(0.0, 0.0, 0.0, 0)
    median, ninth = np.quantile(chars, (0.5, 0.9))
    return Lengths(float(chars.mean()), float(median), float(ninth), int(chars.max()))


def _days(days: "NDArray[np.int32]") -> dict[date, int]:
    return {EPOCH + timedelta(days=day): times for day, times in _frequencies(days[days != NO_DAY]).items()}


# Labels and scores


@dataclass(frozen=True, slots=True)
class Spread:
    """How values from 0 to 1 spread over messages: `bins` counts them in tenths, 1 in the last."""

    messages: int
    mean: float
    deviation: float
    bins: Sequence[int]


@dataclass(frozen=True, slots=True)
class Correlation:
    """Of two values over the messages that have both. None where one of them never differs."""

    one: str
    other: str
    pearson: float | None
    spearman: float | None
    messages: int


def spread(values: "NDArray[np.float64]") -> Spread:
    """values: NaN where a message has none."""
    import numpy as np

    there = values[~np.isnan(values)]
    if not len(there):
        return Spread(0, 0.0, 0.0, [0] * BINS)
    bins = np.bincount(np.minimum((there * BINS + 1e-9).astype(np.int64), BINS - 1), minlength=BINS)
    return Spread(len(there), float(there.mean()), float(there.std()), bins.tolist())


def label_spreads(of: Columns) -> dict[str, Spread]:
    """Of each label, its means over messages; the usual labels in their usual order, others behind."""
    return {name: spread(of.labels[name]) for name in in_order(of.labels)}


def in_order(names: Mapping[str, object]) -> list[str]:
    return [*(name for name in LABELS if name in names), *sorted(names.keys() - LABELS.keys())]


def among_labels(of: Columns) -> list[Correlation]:
    """Of each two labels."""
    return correlations(of.labels, list(combinations(in_order(of.labels), 2)))


def labels_with_scores(of: Columns, scores: "Mapping[str, NDArray[np.float64]]") -> list[Correlation]:
    """Of each label with each score."""
    return correlations({**of.labels, **scores}, list(product(in_order(of.labels), scores)))


def correlations(values: "Mapping[str, NDArray[np.float64]]", wanted: Sequence[tuple[str, str]]) -> list[Correlation]:
    """Pearson's r, and Spearman's (r of the ranks, ties at their mean), over messages that have both values.

    Pairs with fewer than FEWEST_TO_CORRELATE such messages are left out.
    """
    import numpy as np
    from scipy.stats import rankdata

    there = {name: ~np.isnan(each) for name, each in values.items()}
    ranks: dict[tuple[str, bytes], NDArray[np.float64]] = {}
    found = []
    for one, other in wanted:
        both = there[one] & there[other]
        number = int(both.sum())
        if number < FEWEST_TO_CORRELATE:
            continue
        # Labels are mostly given together, so the same messages come again: their ranks are made once.
        which = np.packbits(both).tobytes()
        sides = []
        for name in (one, other):
            if (key := (name, which)) not in ranks:
                ranks[key] = rankdata(values[name][both])
            sides.append(ranks[key])
        found.append(
            Correlation(one, other, _pearson(values[one][both], values[other][both]), _pearson(*sides), number)
        )
    return found


def _pearson(one: "NDArray[np.float64]", other: "NDArray[np.float64]") -> float | None:
    import numpy as np

    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale > 0 else None
