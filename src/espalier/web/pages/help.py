"""Help: the keys, what points are for, what labels mean, and whom to ask."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from espalier.domain.charter import Charter
from espalier.domain.points import POINT_PER_TEN, POINTS_EACH
from espalier.web.questions import Question, explained
from espalier.web.render import render
from espalier.web.texts import own_meanings
from espalier.web.visit import Anybody, Visit

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """points: what each deed is worth. tens: deeds of which ten are worth a point. labels: each with its meaning."""

    points: list[tuple[str, int]]
    tens: list[str]
    labels: list[Question]
    charter: Charter


def deeds(visit: Visit) -> dict[str, str]:
    """What is counted, in words."""
    _ = visit.words.gettext
    return {
        "prompts": _("a prompt"),
        "replies_assistant": _("a reply as the assistant"),
        "replies_prompter": _("a reply as the person asking"),
        "labels_simple": _("a short review"),
        "labels_full": _("a full review"),
        "rankings": _("a ranking"),
        "rankings_agreeing": _("a ranking that agrees with the final order"),
        "accepted_prompts": _("a prompt that was accepted"),
        "accepted_replies_assistant": _("a reply as the assistant that was accepted"),
        "accepted_replies_prompter": _("a reply as the person asking that was accepted"),
        "ranked_first": _("a reply ranked first"),
        "ranked_second": _("a reply ranked second"),
        "ranked_third": _("a reply ranked third"),
    }


def meanings(visit: Visit) -> list[Question]:
    """What labels are called, and what they mean."""
    with visit.campaign.database.read() as db:
        return explained(visit.lang, visit.lang, own_meanings(db, visit.lang))


@router.get("/help")
def show(visit: Anybody) -> Response:
    words = deeds(visit)
    points = [(words[name], worth) for name, worth in POINTS_EACH.items()]
    tens = [words[name] for name in POINT_PER_TEN]
    return render(visit, "help.html", Context(points, tens, meanings(visit), visit.charter))
