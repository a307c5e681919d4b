"""Banning or suspending somebody for all they do: why, what follows, and only then the button; and letting them in."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import accounts, cases
from espalier.collect.cases import LONGEST_WORDS, Ruling
from espalier.domain.cases import LONGEST_SUSPENSION, ON_PEOPLE, Verdict
from espalier.domain.errors import Conflict, Invalid, Refusal
from espalier.store import cases as rows
from espalier.store.people import Person, PersonRole
from espalier.web.case_words import shutting_out_words
from espalier.web.pages.people import ADDRESS
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import ModeratorSender, ModeratorVisit, Visit, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """choices: what can be decided, each with its words. typed: what the form holds. longest: of a note.

    fault, faulty: why the last try was not taken, and at which field.
    """

    person: Person
    choices: list[tuple[str, str]]
    reasons: tuple[str, ...]
    typed: Ruling
    most_days: int
    longest: int
    fault: str | None
    faulty: str | None


@router.get(ADDRESS + "/{person_id}/ban")
def show(visit: ModeratorVisit, person_id: str) -> Response:
    return _page(visit, person_id, Ruling(Verdict.SUSPEND, "", days=7))


@router.post(ADDRESS + "/{person_id}/ban")
async def shut_out(
    visit: ModeratorSender,
    person_id: str,
    verdict: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    days: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    campaign, given = visit.campaign, days.strip()
    chosen = Verdict(verdict) if verdict in ON_PEOPLE else Verdict.SUSPEND
    typed = Ruling(chosen, reason, note, int(given) if given.isascii() and given.isdecimal() else None)
    try:
        if verdict not in ON_PEOPLE:
            raise Invalid("Choose what is to be done.", field="verdict")
        await campaign.change(
            visit.changing(PersonRole.MODERATOR), cases.shut_out, person_id, typed, campaign.clock(), campaign.rng
        )
    except (Invalid, Conflict) as refused:
        return _page(visit, person_id, typed, refused)
    words = visit.words
    banned = words.gettext("Banned. What they held is free for others.")
    suspended = words.gettext("Suspended. What they held is free for others.")
    return redirect(visit, f"{ADDRESS}/{person_id}", banned if chosen is Verdict.BAN else suspended)


@router.post(ADDRESS + "/{person_id}/unban")
async def let_in(visit: ModeratorSender, person_id: str) -> Response:
    campaign = visit.campaign
    await campaign.change(
        visit.changing(PersonRole.MODERATOR), cases.let_in, person_id, campaign.clock(), campaign.rng
    )  # fmt: skip
    return redirect(visit, f"{ADDRESS}/{person_id}", visit.words.gettext("They may come in again."))


def _page(visit: Visit, person_id: str, typed: Ruling, refused: Refusal | None = None) -> Response:
    with visit.campaign.read(visit.caller) as (db, reader):
        accounts.require_everywhere(reader)
        person = accounts.known(db, person_id)
        reasons = rows.reasons(db)
    names = shutting_out_words(visit.words)
    context = Context(
        person, [(each.value, names[each]) for each in ON_PEOPLE], reasons, typed, LONGEST_SUSPENSION, LONGEST_WORDS,
        said(refused, visit.words) if refused else None, refused.field if refused else None,
    )  # fmt: skip
    return render(visit, "shut_out.html", context, refused=refused)
