"""Every policy that was in force: who made it so and when, what it changed, and the way back to it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.domain.policy_change import changes
from espalier.store import people, policies
from espalier.store.policies import PolicyBook, Version
from espalier.web.pages.policy import ADDRESS, Line, lines_of
from espalier.web.paging import cursor_of, place_in
from espalier.web.render import render
from espalier.web.visit import AdminVisit

router = APIRouter(include_in_schema=False)
ON_A_PAGE = 10


@dataclass(frozen=True, slots=True)
class Held:
    """A policy of the history. `who`: None for the command line. `lines`: what it changed; None for the first.

    `change`: what makes it the policy once more; None for the one in force.
    """

    version: int
    at: datetime
    who: str | None
    lines: list[Line] | None
    change: str | None


@dataclass(frozen=True, slots=True)
class Context:
    """held: the newest first. version: the one in force. next: the cursor of the next page."""

    held: list[Held]
    version: int
    next: str | None


@router.get(f"{ADDRESS}/history")
def show(visit: AdminVisit, cursor: str | None = None) -> Response:
    (before,) = place_in(cursor, int) if cursor else (policies.NEWEST,)
    with visit.campaign.read(visit.caller) as (db, _):
        in_force = PolicyBook(db).version
        found = policies.versions(db, ON_A_PAGE + 1, before=before)
        names = _names(db, found)
    held = []
    for place, each in enumerate(found[:ON_A_PAGE]):
        lines = lines_of(visit, changes(found[place + 1].policy, each.policy)) if place + 1 < len(found) else None
        again = None if each.version == in_force else json.dumps(each.policy.to_mapping())
        held.append(Held(each.version, each.at, names.get(each.person_id or ""), lines, again))
    following = cursor_of(held[-1].version) if len(found) > ON_A_PAGE else None
    return render(visit, "policy_history.html", Context(held, in_force, following))


def _names(db: Connection, versions: Sequence[Version]) -> dict[str, str]:
    known = people.by_ids(db, {each.person_id for each in versions if each.person_id})
    return {person.id: person.name for person in known.values()}
