"""How models stand by the votes of people who did not know them: on sets that were brought, and in conversations.

Ratings are Bradley and Terry's, with intervals over the questions of sets and the people of conversations, drawn again.
Votes between answers of which one was seen refusing are counted apart, for each model.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from sqlalchemy import Connection

from espalier.dataset.contributors import Estimate
from espalier.dataset.examples import Battle, spelled
from espalier.dataset.spellings import WON_BY
from espalier.store import battles
from espalier.store.battles import Cast, Declined, Source, Vote

MOST_VOTES: Final = 20_000
"""So many of the newest votes are counted, so that counting takes a second or two however long a site runs."""
RESAMPLES: Final = 500
SEED: Final = 0
FEWEST_CLUSTERS: Final = 10
"""Of fewer questions or people there is no interval."""
WON: Final[Mapping[Vote, float]] = {Vote.LEFT: 1.0, Vote.RIGHT: 0.0, Vote.TIE: 0.5, Vote.BOTH_BAD: 0.5}


@dataclass(frozen=True, slots=True)
class ModelRow:
    """place: one more than the number of models that are better beyond doubt, their intervals lying above; None where
    there are no intervals. bounded: false where a model won everything, or nothing, so that its rating could as well be
    higher, or lower. won: the share of its votes, a tie half. refused: in so many of all that saw it, it was seen
    refusing.
    """

    model: str
    place: int | None
    rating: Estimate | None
    bounded: bool
    votes: int
    won: float
    seen: int
    refused: int


@dataclass(frozen=True, slots=True)
class ModelBoard:
    """rows: the best first. met: (model, other) → how often they met; won: what the first got of it, a tie half.

    votes: of which no answer was seen refusing; apart: the others. people: who cast them, of whom one cast `busiest`.
    left, right: votes for the answer that stood there. packages: what rates is installed; then all are rated that a
    chain of votes joins to those with most votes.
    """

    rows: tuple[ModelRow, ...]
    met: Mapping[tuple[str, str], int]
    won: Mapping[tuple[str, str], float]
    votes: int
    apart: int
    people: int
    busiest: int
    left: int
    right: int
    packages: bool


def model_board(db: Connection, source: Source | None = None) -> ModelBoard:
    """Of all votes, or of those from one source."""
    return board_of(battles.casts(db, source, MOST_VOTES))


def board_of(casts: Sequence[Cast]) -> ModelBoard:
    answered = [each for each in casts if each.declined is None]
    met, won = Counter[tuple[str, str]](), defaultdict[tuple[str, str], float](float)
    for each in answered:
        share = WON[each.vote]
        met.update([(each.left, each.right), (each.right, each.left)])
        won[each.left, each.right] += share
        won[each.right, each.left] += 1 - share
    seen, refused = _refusals(casts)
    packages = find_spec("numpy") is not None
    joined = _joined(met)
    rated = [each for each in answered if each.left in joined]
    ratings = _ratings(rated) if packages and rated else {}
    fought, got = Counter[str](), defaultdict[str, float](float)
    for (model, _), times in met.items():
        fought[model] += times
    for (model, _), share in won.items():
        got[model] += share
    rows = [
        ModelRow(
            model, _place(model, ratings), ratings[model][0] if model in ratings else None,
            model not in ratings or ratings[model][1], fought[model],
            got[model] / fought[model] if fought[model] else 0.0, seen[model], refused[model],
        )
        for model in seen
    ]  # fmt: skip
    people = Counter(each.person_id for each in casts if each.person_id)
    return ModelBoard(
        tuple(sorted(rows, key=_standing)),
        met, won, len(answered), len(casts) - len(answered), len(people), max(people.values(), default=0),
        sum(each.vote is Vote.LEFT for each in answered), sum(each.vote is Vote.RIGHT for each in answered),
        packages,
    )  # fmt: skip


def _standing(row: ModelRow) -> tuple[bool, float, float, str]:
    return row.rating is None, -row.rating.value if row.rating else 0, -row.won, row.model


def _refusals(casts: Sequence[Cast]) -> tuple[Counter[str], Counter[str]]:
    """How often each model was seen, and seen refusing."""
    seen, refused = Counter[str](), Counter[str]()
    for each in casts:
        seen.update((each.left, each.right))
        if each.declined in (Declined.LEFT, Declined.BOTH):
            refused[each.left] += 1
        if each.declined in (Declined.RIGHT, Declined.BOTH):
            refused[each.right] += 1
    return seen, refused


def _joined(met: Mapping[tuple[str, str], int]) -> frozenset[str]:
    """The models that chains of votes join, of the group with most votes."""
    groups = list[set[str]]()
    for pair in met:
        touched = [group for group in groups if not group.isdisjoint(pair)]
        groups = [group for group in groups if group not in touched] + [set(pair).union(*touched)]
    votes = Counter({frozenset(group): sum(met[pair] for pair in met if pair[0] in group) for group in groups})
    return max(votes, key=lambda group: (votes[group], sorted(group)), default=frozenset())


def _ratings(answered: Sequence[Cast]) -> dict[str, tuple[Estimate, bool]]:
    """Of each model its rating, and whether one is likeliest, of votes that join all of them."""
    import numpy as np

    from espalier.rating.battles import Judged, battles_of
    from espalier.rating.bradley_terry import fit, fits, unbounded
    from espalier.rating.intervals import drawn_again, middle

    fought = battles_of(Judged(_cluster(each), each.left, each.right, WON[each.vote]) for each in answered)
    point = fit(fought).ratings[0]
    bounded = ~unbounded(fought)
    if fought.questions < FEWEST_CLUSTERS:
        return {
            model: (Estimate(float(point[at])), bool(bounded[at])) for at, model in enumerate(fought.models)
        }  # fmt: skip
    low, high = middle(fits(fought, drawn_again(fought, np.random.default_rng(SEED), RESAMPLES)).ratings)
    return {
        model: (Estimate(float(point[at]), float(low[at]), float(high[at])), bool(bounded[at]))
        for at, model in enumerate(fought.models)
    }


def _cluster(cast: Cast) -> str:
    """What votes are alike in: of a set the question, of conversations, where each is another one, the person."""
    return f"{cast.set_id} {cast.question}" if cast.set_id else f"person {cast.person_id or cast.battle_id}"


def _place(model: str, ratings: Mapping[str, tuple[Estimate, bool]]) -> int | None:
    high = ratings[model][0].high if model in ratings else None
    if high is None:
        return None
    return 1 + sum(other.low is not None and other.low > high for other, _ in ratings.values())


def battle_lines(db: Connection) -> Iterator[dict[str, Any]]:
    """Every vote as FastChat's files of battles have it, the newest first: on sets, and in conversations that may
    become trees. Who voted is a number; texts stay where they are.
    """
    raters: dict[str, int] = {}
    for cast in battles.casts(db, None, MOST_VOTES):
        if not cast.open:
            continue
        rater = raters.setdefault(cast.person_id or cast.battle_id, len(raters) + 1)
        question = cast.question if cast.set_id else cast.battle_id
        battle = Battle(question, cast.left, cast.right, WON_BY[cast.vote], f"person {rater}", cast.turn)
        declined = {
            Declined.LEFT: [cast.left], Declined.RIGHT: [cast.right], Declined.BOTH: [cast.left, cast.right],
        }  # fmt: skip
        yield {
            **spelled(battle), "language": cast.lang, "anony": True, "tstamp": cast.at.timestamp(),
            **({"declined": declined[cast.declined]} if cast.declined else {}),
        }  # fmt: skip
