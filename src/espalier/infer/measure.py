"""How good a model is: how often it agrees with people's rankings, how well it knows that, and what text costs it.

Every figure has the middle 95 % of what it is in trees drawn again, since messages of one tree are alike. Knows
numbers; does not know which model they are of.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, log, nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from espalier.dataset.agreement import tau_b
from espalier.dataset.contributors import Estimate

Numbers = NDArray[np.float64]
RESAMPLES: Final = 1_000
FEWEST_TREES: Final = 10
"""Of fewer there is no interval."""
FEWEST_PAIRS: Final = 30
"""A language with fewer counts neither for the mean over languages nor as the worst."""
MATCHED: Final = 0.1
"""Two replies are as long as each other where the lengths differ by less than this share of the longer."""
BINS: Final = 10
DIFFERENCES: Final = (-0.5, -MATCHED, MATCHED, 0.5)


@dataclass(frozen=True, slots=True)
class Scored:
    """The replies to a prompt, best first as people ranked them: what a model says of each, and its characters.

    ties: pairs of places, the smaller first, between which people did not decide. labels: of each the mean of its
    quality label, not a number where reviewers gave none; none at all where they are not known.
    """

    tree: str
    lang: str
    scores: tuple[float, ...]
    lengths: tuple[int, ...]
    ties: frozenset[tuple[int, int]] = frozenset()
    labels: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a better and a worse reply, (pairs,) each: scores, characters, how much higher the quality label of the
    better one is, the tree and the language.
    """

    better: Numbers
    worse: Numbers
    longer: Numbers
    shorter: Numbers
    label_above: Numbers
    trees: NDArray[np.str_]
    langs: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.better)

    @property
    def agrees(self) -> Numbers:
        """1 where the score has the order of people, ½ where it is the same for both, else 0."""
        return _wins(self.better, self.worse)

    @property
    def length_agrees(self) -> Numbers:
        """The same of the rule that the longer reply is the better one."""
        return _wins(self.longer, self.shorter)

    @property
    def apart(self) -> Numbers:
        """By what share of the longer of both the better reply is the longer one, from −1 to 1."""
        return (self.longer - self.shorter) / np.maximum(np.maximum(self.longer, self.shorter), 1)

    def where(self, which: NDArray[np.bool_]) -> "Pairs":
        columns = (self.better, self.worse, self.longer, self.shorter, self.label_above)
        better, worse, longer, shorter, label_above = (each[which] for each in columns)
        return Pairs(better, worse, longer, shorter, label_above, self.trees[which], self.langs[which])


def pairs_of(scored: Iterable[Scored]) -> Pairs:
    """All pairs that people decided."""
    rows = [
        (each.scores[first], each.scores[second], each.lengths[first], each.lengths[second],
         each.labels[first] - each.labels[second] if each.labels else nan, each.tree, each.lang)
        for each in scored
        for first, second in combinations(range(len(each.scores)), 2)
        if (first, second) not in each.ties
    ]  # fmt: skip
    better, worse, longer, shorter, label_above, trees, langs = zip(*rows, strict=True) if rows else ((),) * 7
    return Pairs(
        np.array(better, np.float64), np.array(worse, np.float64), np.array(longer, np.float64),
        np.array(shorter, np.float64), np.array(label_above, np.float64), np.array(trees, np.str_),
        np.array(langs, np.str_),
    )  # fmt: skip


def _wins(one: Numbers, other: Numbers) -> Numbers:
    return np.asarray((one > other) + 0.5 * (one == other))


# Intervals


def drawn_again(
    columns: Sequence[Numbers],
    clusters: NDArray[np.str_],
    score: Callable[[Sequence[Numbers]], Numbers],
    random: np.random.Generator,
) -> Estimate:
    """What follows from the sums of some columns, with the middle 95 % of it in clusters drawn again.

    columns: (n,) each. score: gets the sums of each column, (draws,) each, and says what follows, (draws,); what is no
    number is left out.
    """
    names, places = np.unique(clusters, return_inverse=True)
    (value,) = score([np.array([each.sum()]) for each in columns]).tolist()
    if len(names) < FEWEST_TREES:
        return Estimate(value)
    # How often each cluster is drawn says as much as which ones are.
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    found = score([np.asarray(drawn @ np.bincount(places, each, len(names)), np.float64) for each in columns])
    low, high = np.percentile(found[~np.isnan(found)], (2.5, 97.5))
    return Estimate(value, float(low), float(high))


def ratio(over: Numbers, under: Numbers, clusters: NDArray[np.str_], random: np.random.Generator) -> Estimate | None:
    """Σ over / Σ under, with its interval in clusters drawn again; None where there is nothing.

    over, under, clusters: (n,).
    """
    if not len(over) or under.sum() == 0:
        return None
    return drawn_again((over, under), clusters, lambda sums: _parts(*sums), random)


def mean(values: Numbers, clusters: NDArray[np.str_], random: np.random.Generator) -> Estimate | None:
    """The mean, with its interval in clusters drawn again; both (n,)."""
    return ratio(values, np.ones(len(values)), clusters, random)


def ratio_apart(
    over: Numbers, under: Numbers, which: NDArray[np.bool_], clusters: NDArray[np.str_], random: np.random.Generator
) -> Estimate | None:
    """Σ over / Σ under of some minus that of the others, with its interval in clusters drawn again; None where there
    are none of either. over, under, which, clusters: (n,).
    """
    if not which.any() or which.all():
        return None
    columns = [column * each for each in (which, ~which) for column in (over, under)]
    return drawn_again(columns, clusters, lambda sums: _parts(*sums[:2]) - _parts(*sums[2:]), random)


def mean_apart(
    values: Numbers, which: NDArray[np.bool_], clusters: NDArray[np.str_], random: np.random.Generator
) -> Estimate | None:
    """The mean of some minus that of the others; values, which, clusters: (n,)."""
    return ratio_apart(values, np.ones(len(values)), which, clusters, random)


def _parts(over: Numbers, under: Numbers) -> Numbers:
    """over / under; no number where there is nothing under it."""
    return np.asarray(np.divide(over, under, out=np.full(len(over), np.nan), where=under > 0))


# Rewards


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the pairs: how many, and how often the model and the rule of the longer reply have people's order."""

    pairs: int
    accuracy: Estimate | None
    longer: Estimate | None


@dataclass(frozen=True, slots=True)
class ByLabel:
    """The rule that the reply with the higher mean quality label is the better one. pairs: those that it decides;
    accuracy: how often it has people's order of them; model: how often the model has, of the same pairs. ties: pairs
    whose labels are the same.
    """

    pairs: int
    ties: int
    accuracy: Estimate | None
    model: Estimate | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of p = σ(difference), sides by chance. error: |share − p| over ten bins of p, weighted by their pairs (ECE).
    brier: the mean (label − p)²; a coin has ¼. bins: of each that is not empty, pairs, mean p and share of labels.
    """

    error: float
    brier: Estimate | None
    bins: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a model's scores agree with the rankings of people; chance has accuracy ½ and tau 0.

    gain: accuracy minus that of the longer reply, on the same pairs. matched: pairs of like length. by_label: the rule
    of the quality label, where labels are known. top: how often the
    best reply is above the last. tau: Kendall's τ-b, and spearman's ρ, averaged over prompts. by_length: by how much
    longer the better reply is, from much shorter to much longer. macro, worst: over languages with enough pairs.
    """

    prompts: int
    all: Group
    gain: Estimate | None
    matched: Group
    by_label: ByLabel | None
    top: Estimate | None
    tau: Estimate | None
    spearman: Estimate | None
    calibration: Calibration | None
    by_length: tuple[Group, ...]
    by_lang: Mapping[str, Group]
    macro: float | None
    worst: str | None


def agreement(scored: Sequence[Scored], random: np.random.Generator) -> Agreement:
    """Everything that held-out rankings say of a model's scores."""
    pairs = pairs_of(scored)
    bins = np.digitize(pairs.apart, DIFFERENCES)
    by_lang = {lang: _group(pairs.where(pairs.langs == lang), random) for lang in _most_first(pairs.langs)}
    enough = {
        lang: group.accuracy.value for lang, group in by_lang.items() if group.pairs >= FEWEST_PAIRS and group.accuracy
    }
    return Agreement(
        prompts=len(scored),
        all=_group(pairs, random),
        gain=mean(pairs.agrees - pairs.length_agrees, pairs.trees, random),
        matched=_group(pairs.where(np.abs(pairs.apart) < MATCHED), random),
        by_label=_by_label(pairs, random),
        top=_over_prompts(scored, _top, random),
        tau=_over_prompts(scored, _tau, random),
        spearman=_over_prompts(scored, _spearman, random),
        calibration=calibration(pairs, random) if len(pairs) else None,
        by_length=tuple(_group(pairs.where(bins == number), random) for number in range(len(DIFFERENCES) + 1)),
        by_lang=by_lang,
        macro=sum(enough.values()) / len(enough) if enough else None,
        worst=min(enough, key=lambda lang: enough[lang], default=None),
    )


def _group(pairs: Pairs, random: np.random.Generator) -> Group:
    return Group(
        len(pairs), mean(pairs.agrees, pairs.trees, random), mean(pairs.length_agrees, pairs.trees, random)
    )  # fmt: skip


def _by_label(pairs: Pairs, random: np.random.Generator) -> ByLabel | None:
    if np.isnan(pairs.label_above).all():
        return None
    decided = pairs.where(np.abs(pairs.label_above) > 0)
    right = np.array(decided.label_above > 0, np.float64)
    return ByLabel(
        len(decided), int((pairs.label_above == 0).sum()), mean(right, decided.trees, random),
        mean(decided.agrees, decided.trees, random),
    )  # fmt: skip


def _most_first(langs: NDArray[np.str_]) -> list[str]:
    names, counts = np.unique(langs, return_counts=True)
    return [str(names[place]) for place in np.argsort(-counts, kind="stable")]


def _over_prompts(
    scored: Sequence[Scored], of: Callable[[Scored], float | None], random: np.random.Generator
) -> Estimate | None:
    """The mean over the prompts for which there is such a figure."""
    found = [(value, each.tree) for each in scored if (value := of(each)) is not None]
    values, trees = zip(*found, strict=True) if found else ((), ())
    return mean(np.array(values, np.float64), np.array(trees, np.str_), random)


def _places(each: Scored) -> list[float]:
    """People's ranks, (replies,): tied neighbours share the mean of their places."""
    groups: list[list[int]] = []
    for place in range(len(each.scores)):
        if groups and all((other, place) in each.ties for other in groups[-1]):
            groups[-1].append(place)
        else:
            groups.append([place])
    return [sum(group) / len(group) for group in groups for _ in group]


def _top(each: Scored) -> float | None:
    last = len(each.scores) - 1
    if last < 1 or (0, last) in each.ties:
        return None
    return float(_wins(np.array(each.scores[0]), np.array(each.scores[last])))


def _tau(each: Scored) -> float | None:
    """τ-b of the scores and people's order; where the scores are all the same it is 0, for they say nothing of it."""
    people = {str(place): -rank for place, rank in enumerate(_places(each))}
    if len(set(people.values())) < 2:
        return None
    return tau_b(people, {str(place): score for place, score in enumerate(each.scores)}) or 0.0


def _spearman(each: Scored) -> float | None:
    people, model = [-rank for rank in _places(each)], ranks(np.array(each.scores))
    if len(set(people)) < 2:
        return None
    return float(np.corrcoef(people, model)[0, 1]) if len(set(each.scores)) > 1 else 0.0


def ranks(values: Numbers) -> Numbers:
    """The rank of each, from 1; equal ones share the mean of their places. values: (n,)."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def calibration(pairs: Pairs, random: np.random.Generator) -> Calibration:
    """Whether replies that are better with probability p are so in p of the cases."""
    swapped = random.random(len(pairs)) < 0.5
    difference = np.where(swapped, pairs.worse - pairs.better, pairs.better - pairs.worse)
    p, label = sigmoid(difference), np.where(swapped, 0.0, 1.0)
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    found = []
    for number in np.unique(bins):
        within = bins == number
        found.append((int(within.sum()), float(p[within].mean()), float(label[within].mean())))
    error = sum(count * abs(share - mean_p) for count, mean_p, share in found) / len(pairs)
    return Calibration(error, mean((label - p) ** 2, pairs.trees, random), tuple(found))


def sigmoid(values: Numbers) -> Numbers:
    small = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1, small) / (1 + small))


def auc(scores: Numbers, positive: NDArray[np.bool_]) -> float | None:
    """How often one that is positive has a higher score than one that is not, ties ½. scores, positive: (n,)."""
    many, few = int(positive.sum()), int((~positive).sum())
    if not many or not few:
        return None
    return float((ranks(scores)[positive].sum() - many * (many + 1) / 2) / (many * few))


# Texts


def perplexity(nats: float, tokens: int) -> float:
    """exp of the mean −log p of a token: comparable between models of one tokenizer only."""
    return exp(nats / tokens)


def bits_per_byte(nats: float, text_bytes: int) -> float:
    """−log₂ p of a text by its bytes in UTF-8: comparable between tokenizers too."""
    return nats / log(2) / text_bytes
