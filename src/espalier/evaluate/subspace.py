"""Whether later layers of a model read what earlier ones write: how the subspaces of induction heads' queries and keys
lie to those of previous-token heads' outputs, beside heads and subspaces of chance.

After Song, Xu and Zhong (arXiv 2408.09503), who look at a model's weights without the rotation of positions. A
diagnostic: it knows weights, and does not know what the model can do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from espalier.evaluate.heads import Head, Looks, Place, Real
from espalier.evaluate.results import Figure
from espalier.infer.measure import RESAMPLES, mean

DRAWS: Final = 50
MATCHED: Final = 2.0
"""A pair whose diagonal score is above it is a match, as the paper selects them."""
FEWEST: Final = 10
"""Of fewer pairs there is no interval."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A head that writes and a later one that reads. cosines: of the principal angles between both subspaces, largest
    first. alignment: √(mean cosine²). diagonal: how far the diagonal of Wqᵀ Wk Wo Wv is above its entries, in standard
    deviations of them: whether the reader looks where the writer put the token that the reader has itself.
    """

    writes: str
    reads: str
    cosines: tuple[float, ...]
    alignment: float
    diagonal: float


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of a model. gaussian: alignments of subspaces of chance. rank: of the subspaces."""

    figures: dict[str, Figure]
    pairs: tuple[Pair, ...]
    random: tuple[Pair, ...]
    gaussian: tuple[float, ...]
    matched: tuple[Pair, ...]
    rank: int


# Subspaces


def written(head: Head, rank: int) -> Real:
    """An orthonormal basis of what a head writes: the first left singular vectors of Wo Wv. (width, rank)."""
    return _first_left(head.o, head.v, rank)


def read(head: Head, rank: int) -> Real:
    """An orthonormal basis of what a head reads as keys: the first right singular vectors of Wqᵀ Wk. (width, rank)."""
    return _first_left(head.k.T, head.q, rank)


def _first_left(tall: Real, wide: Real, rank: int) -> Real:
    """Of tall · wide, without making the product, which is as large as the width squared."""
    basis, rest = np.linalg.qr(tall)
    _, other = np.linalg.qr(wide.T)
    found: Real = basis @ np.linalg.svd(rest @ other.T)[0][:, :rank]
    return found


def cosines(one: Real, other: Real) -> Real:
    """Of the principal angles between the spans of two orthonormal bases, largest first."""
    found: Real = np.linalg.svd(one.T @ other, compute_uv=False).clip(0, 1)
    return found


def diagonal_score(reader: Head, writer: Head) -> float:
    """(mean(diag M) − mean(M)) / std(M) of M = Wqᵀ Wk Wo Wv; M itself, width by width, is not made."""
    width = len(writer.o)
    middle = reader.k @ writer.o  # M = qᵀ middle v
    diagonal = np.sum(middle * (reader.q @ writer.v.T)) / width
    average = reader.q.sum(1) @ middle @ writer.v.sum(1) / width**2
    square = np.sum((reader.q @ reader.q.T @ middle) * (middle @ (writer.v @ writer.v.T))) / width**2
    spread = square - average**2
    return float((diagonal - average) / np.sqrt(spread)) if spread > 0 else 0.0


# Heads


def strongest(shares: Real, among: Sequence[Place], most: int) -> list[Place]:
    """Those that look most where they should, the mean over sequences; shares: (sequences, layers, heads)."""
    told = shares.mean(0)
    return sorted(among, key=lambda place: (-told[place], place))[:most]


def compare(
    heads: Mapping[Place, Head], looks: Looks, random: np.random.Generator, rank: int = 10, most: int = 10
) -> Found | None:
    """The heads that look most at the token before with those of later layers that look most at what followed the same
    token. None where there is one layer.

    most: heads of either kind; never more than a quarter of all, so that others are left to compare with.
    """
    places = sorted(heads)
    last = places[-1].layer
    if last == 0:
        return None
    most = max(1, min(most, len(places) // 4))
    writers = strongest(looks.before, [place for place in places if place.layer < last], most)
    readers = strongest(looks.after_same, [place for place in places if place.layer > 0], most)
    chosen = [(one, other) for one in writers for other in readers if one.layer < other.layer]
    width, size = next(iter(heads.values())).o.shape
    rank = min(rank, size)
    left = [
        (one, other) for one in places for other in places if one.layer < other.layer and (one, other) not in chosen
    ]
    drawn = [left[number] for number in sorted(random.permutation(len(left))[:DRAWS].tolist())]
    bases = {place: (written(heads[place], rank), read(heads[place], rank)) for place in {*sum([*chosen, *drawn], ())}}

    def pair(one: Place, other: Place) -> Pair:
        found = cosines(bases[one][0], bases[other][1])
        return Pair(
            str(one), str(other), tuple(found.tolist()), rms(found), diagonal_score(heads[other], heads[one])
        )  # fmt: skip

    pairs, others = [pair(*each) for each in chosen], [pair(*each) for each in drawn]
    # The first singular vectors of a product of Gaussian matrices are as likely to lie one way as another.
    chance = [cosines(*(np.linalg.qr(random.normal(size=(width, rank)))[0] for _ in range(2))) for _ in range(DRAWS)]
    gaussian = np.array([rms(each) for each in chance])
    matched = [each for each in pairs if each.diagonal > MATCHED and each.alignment > gaussian.max()]
    figures = _of_heads(looks, writers[0], readers[0], random)
    figures |= _of_pairs(pairs, others, chosen, random)
    figures["alignment, Gaussian"] = _between(gaussian)
    figures["largest cosine, Gaussian"] = _between(np.array([each[0] for each in chance]))
    figures["matched pairs"] = Figure(float(len(matched)), n=len(pairs))
    in_order = sorted(pairs, key=lambda each: (-each.diagonal, each.writes, each.reads))
    return Found(
        figures, tuple(in_order), tuple(others), tuple(gaussian.tolist()),
        tuple(each for each in in_order if each in matched), rank,
    )  # fmt: skip


def rms(values: Real) -> float:
    return float(np.sqrt(np.mean(values**2)))


def details_of(found: Found) -> dict[str, Any]:
    """All but the figures."""
    return {name: told for name, told in asdict(found).items() if name != "figures"}


# Figures


def _of_heads(looks: Looks, writer: Place, reader: Place, random: np.random.Generator) -> dict[str, Figure]:
    sequences = np.arange(len(looks.before)).astype(np.str_)
    found = {
        "previous-token share, highest": mean(looks.before[:, *writer], sequences, random),
        "induction share, highest": mean(looks.after_same[:, *reader], sequences, random),
    }
    return {name: Figure.of(each, len(sequences)) for name, each in found.items() if each is not None}


def _of_pairs(
    pairs: Sequence[Pair], others: Sequence[Pair], chosen: Sequence[tuple[Place, Place]], random: np.random.Generator
) -> dict[str, Figure]:
    """Intervals of chosen pairs are over writers and readers, both drawn again: pairs that share a head are alike."""
    if not pairs:
        return {}
    columns: dict[str, Callable[[Pair], float]] = {
        "alignment": lambda pair: pair.alignment,
        "largest cosine": lambda pair: pair.cosines[0],
        "diagonal score": lambda pair: pair.diagonal,
    }
    ours, theirs = _weights(chosen, random), random.multinomial(len(others), _even(len(others)), size=RESAMPLES)
    some = ours.sum(1) > 0
    found = {}
    for name, column in columns.items():
        values, chance = np.array([column(pair) for pair in pairs]), np.array([column(pair) for pair in others])
        drawn = (ours @ values)[some] / ours.sum(1)[some]
        found[name] = _estimate(float(values.mean()), len(pairs), drawn if len(pairs) >= FEWEST else None)
        if not len(others):
            continue
        beside = (theirs @ chance / len(others))[some]
        enough = len(others) >= FEWEST
        found[f"{name}, random heads"] = _estimate(float(chance.mean()), len(others), beside if enough else None)
        found[f"{name}, above random heads"] = _estimate(
            float(values.mean() - chance.mean()),
            len(pairs),
            drawn - beside if enough and len(pairs) >= FEWEST else None,
        )
    best = max(pairs, key=lambda each: each.diagonal)
    return found | {
        "alignment, best pair": Figure(best.alignment, n=len(pairs)),
        "diagonal score, best pair": Figure(best.diagonal, n=len(pairs)),
    }


def _weights(chosen: Sequence[tuple[Place, Place]], random: np.random.Generator) -> Real:
    """How often each pair counts in each sample, zero throughout where none was drawn: (samples, pairs)."""
    weights = np.ones((RESAMPLES, len(chosen)))
    for side in range(2):
        names = sorted({each[side] for each in chosen})
        drawn = random.multinomial(len(names), _even(len(names)), size=RESAMPLES)
        weights *= drawn[:, [names.index(each[side]) for each in chosen]]
    return weights


def _even(count: int) -> Real:
    return np.full(count, 1 / count) if count else np.ones(0)


def _estimate(value: float, n: int, drawn: Real | None) -> Figure:
    if drawn is None:
        return Figure(value, n=n)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Figure(value, float(low), float(high), n)


def _between(values: Real) -> Figure:
    """The mean, and the middle 95 % of the values themselves: between which a single pair of chance lies."""
    return _estimate(float(values.mean()), len(values), values)
