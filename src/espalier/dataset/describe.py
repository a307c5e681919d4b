"""A data set in figures: all that a report and a card say of it, from one pass over its records, votes and scores.

Knows what is counted and estimated; does not know how it is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from espalier.dataset.agreement import Alpha, Level, Rankings, alpha, rankings, units_of_means
from espalier.dataset.columns import Columns, columns
from espalier.dataset.contributors import Contributors, contributors
from espalier.dataset.judgements import Judgements, judgements
from espalier.dataset.records import Record, VoteRecord
from espalier.dataset.scores import Scores
from espalier.dataset.stats import (
    Correlation,
    Counts,
    Spread,
    among_labels,
    count,
    in_order,
    label_spreads,
    labels_with_scores,
    spread,
)
from espalier.dataset.topics import Topics, topics
from espalier.domain.message import LABELS, LabelKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES: Final = 200
ALL: Final = "all"
MOST_LANGS: Final = 12
FEWEST_IN_A_LANGUAGE: Final = 50
TOXICITY: Final = "toxicity"


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """of_means: told from means and counts, where no votes are there. needs_votes: means do not tell it. odd: messages
    whose mean no yes/no answers can have.
    """

    label: str
    lang: str
    alpha: Alpha | None
    of_means: bool = False
    needs_votes: bool = False
    odd: int = 0


@dataclass(frozen=True, slots=True)
class Toxicity:
    """A score of texts over messages, kept and deleted; what gave it."""

    score: str
    kept: Spread
    deleted: Spread


@dataclass(frozen=True, slots=True)
class Description:
    """votes: how many, by kind; elsewhere: of them on messages that are not there. rankings: by language, `all`
    first; empty without votes. scored: correlations of labels with scores of texts. topics: None where not asked for.
    """

    counts: Counts
    votes: Mapping[str, int]
    elsewhere: int
    labels: Mapping[str, Spread]
    correlations: Sequence[Correlation]
    agreement: Sequence[LabelAgreement]
    rankings: Mapping[str, Rankings]
    contributors: Contributors
    toxicity: Sequence[Toxicity]
    scored: Sequence[Correlation]
    topics: Sequence[Topics] | None
    longer_first: tuple[int, int]
    resamples: int
    seed: int


def describe(
    records: Iterable[Record],
    votes: Iterable[VoteRecord] = (),
    scores: Iterable[Scores] = (),
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    topics_number: int | None = None,
    with_topics: bool = True,
) -> Description:
    """records: trees and flat messages, read once. topics_number: how many topics; by default the best of several.

    Intervals are the middle 95 % of `resamples` data sets drawn again. The same seed gives the same figures.
    """
    import numpy as np

    of = columns(records)
    judged = judgements(votes, of)
    scored = {**{f"{name} (Detoxify)": values for name, values in of.detoxify.items()}, **_scores(scores, of)}
    random = np.random.default_rng(seed)
    return Description(
        counts=count(of),
        votes={kind: sum(given.values()) for kind, given in sorted(judged.people.items())},
        elsewhere=judged.elsewhere,
        labels=label_spreads(of),
        correlations=among_labels(of),
        agreement=_agreement(of, judged, resamples, random),
        rankings=_rankings(of, judged, resamples, random),
        contributors=contributors(of, judged.people, resamples, random),
        toxicity=_toxicity(of, scored),
        scored=labels_with_scores(of, scored),
        topics=topics(of.prompts, seed, topics_number) if with_topics else None,
        longer_first=longer_first(of),
        resamples=resamples,
        seed=seed,
    )


def _scores(scores: Iterable[Scores], of: Columns) -> "dict[str, NDArray[np.float64]]":
    import numpy as np

    found = np.full(len(of), np.nan)
    for each in scores:
        toxicity, at = each.found.get("toxicity"), of.place.get(each.message_id)
        if toxicity is not None and at is not None:
            found[at] = toxicity
    return {} if np.isnan(found).all() else {"toxicity (checked)": found}


def _largest_langs(of: Columns) -> "list[tuple[str, NDArray[np.bool_]]]":
    """The languages that are looked at by themselves, with the places of their messages; none where one is all."""
    import numpy as np

    sizes = np.bincount(of.lang[of.lang >= 0], minlength=len(of.langs))
    order = sorted(range(len(of.langs)), key=lambda code: (-sizes[code], of.langs[code]))
    found = [(of.langs[code], of.lang == code) for code in order if sizes[code] >= FEWEST_IN_A_LANGUAGE][:MOST_LANGS]
    return [(lang, places) for lang, places in found if not places.all()]


def _agreement(of: Columns, judged: Judgements, resamples: int, random: "np.random.Generator") -> list[LabelAgreement]:
    places = [(ALL, None), *_largest_langs(of)]
    found = []
    for label in in_order({**of.labels, **judged.labels}):
        for lang, which in places:
            if label in judged.labels:
                units = judged.units(label, which)
                found.append(LabelAgreement(label, lang, alpha(units, level_of(label), resamples, random)))
            elif level_of(label) is Level.NOMINAL:
                kept = slice(None) if which is None else which
                units, odd = units_of_means(of.labels[label][kept].tolist(), of.counts[label][kept].tolist())
                measured = alpha(units, Level.NOMINAL, resamples, random)
                found.append(LabelAgreement(label, lang, measured, of_means=True, odd=odd))
            else:
                found.append(LabelAgreement(label, lang, None, needs_votes=True))
                break
    return found


def level_of(label: str) -> Level:
    """Yes or no are names; steps of a scale have an order."""
    return Level.ORDINAL if label in LABELS and LABELS[label].kind is LabelKind.LIKERT else Level.NOMINAL


def _rankings(of: Columns, judged: Judgements, resamples: int, random: "np.random.Generator") -> dict[str, Rankings]:
    if not judged.ballots:
        return {}
    found = {ALL: rankings(judged.ballots_of(), resamples, random)}
    found |= {lang: rankings(judged.ballots_of(which), resamples, random) for lang, which in _largest_langs(of)}
    return {lang: each for lang, each in found.items() if each.sets}


def _toxicity(of: Columns, scores: "Mapping[str, NDArray[np.float64]]") -> list[Toxicity]:
    import numpy as np

    given = {f"{TOXICITY} (label)": of.labels[TOXICITY]} if TOXICITY in of.labels else {}
    given |= scores
    return [
        Toxicity(name, spread(np.where(of.deleted, np.nan, values)), spread(np.where(of.deleted, values, np.nan)))
        for name, values in given.items()
    ]


def longer_first(of: Columns) -> tuple[int, int]:
    """Of pairs of ranked replies to one message that differ in length: in how many the longer one ranks higher, and
    how many there are. What a reward model has to beat.
    """
    import numpy as np

    at = np.flatnonzero((of.rank >= 0) & (of.parent >= 0) & ~of.deleted)
    by_parent: dict[int, list[tuple[int, int]]] = {}
    for parent, rank, chars in zip(of.parent[at].tolist(), of.rank[at].tolist(), of.chars[at].tolist(), strict=True):
        by_parent.setdefault(parent, []).append((rank, chars))
    longer = pairs = 0
    for replies in by_parent.values():
        for place, (rank, chars) in enumerate(replies):
            for other_rank, other in replies[:place]:
                if chars != other and rank != other_rank:
                    pairs += 1
                    longer += (chars > other) == (rank < other_rank)
    return longer, pairs
