"""Me: points with what they are made of, level, streak, and what may still come of texts in review."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from espalier.collect.leaderboard import Frame, first_day
from espalier.collect.standing import Standing, standing
from espalier.domain.points import POINT_PER_TEN, POINTS_EACH, Counts
from espalier.store import boards, contributed
from espalier.web.render import render
from espalier.web.visit import SignedIn
from espalier.web.words import N_

router = APIRouter(include_in_schema=False)


WORDS: Final = {
    "prompts": N_("Prompts written"),
    "accepted_prompts": N_("Prompts accepted"),
    "replies_assistant": N_("Replies written as the assistant"),
    "accepted_replies_assistant": N_("of them accepted"),
    "replies_prompter": N_("Replies written as the person asking"),
    "accepted_replies_prompter": N_("of these accepted"),
    "labels_simple": N_("Short reviews"),
    "labels_full": N_("Full reviews"),
    "rankings": N_("Rankings"),
    "rankings_agreeing": N_("Rankings that agree with the final order"),
    "ranked_first": N_("Texts ranked first"),
    "ranked_second": N_("Texts ranked second"),
    "ranked_third": N_("Texts ranked third"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """How often something was done, and what it is worth. each: points for one; None for one point per whole ten."""

    words: str
    count: int
    each: int | None
    points: int


@dataclass(frozen=True, slots=True)
class Context:
    """lines: of all time. pending: texts that are in review: what may still come of them."""

    standing: Standing
    lines: Sequence[Line]
    days: int
    pending: int


@router.get("/me/statistics")
def show(visit: SignedIn) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        total = boards.counts_of(db, person.id, first_day(Frame.TOTAL, visit.now.date()))
        context = Context(
            standing(db, person, visit.now),
            _lines(total),
            len(boards.active_days(db, person.id)),
            contributed.texts_in_review(db, person.id),
        )
    return render(visit, "me_statistics.html", context)


def _lines(counts: Counts) -> list[Line]:
    lines = []
    for name, words in WORDS.items():
        count = int(getattr(counts, name))
        if name in POINT_PER_TEN:
            lines.append(Line(words, count, None, count // 10))
        else:
            lines.append(Line(words, count, POINTS_EACH[name], count * POINTS_EACH[name]))
    return lines
