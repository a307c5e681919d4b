"""The audit log: what staff did, when and to what; of one person, one kind of action, one thing, or of all."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from espalier.collect import moderation
from espalier.store import journal, people
from espalier.store.journal import Entry
from espalier.web.paging import page as paged
from espalier.web.paging import place_in
from espalier.web.render import render
from espalier.web.visit import ModeratorVisit

router = APIRouter(include_in_schema=False)
ON_A_PAGE: Final = 50
PAGES: Final = {
    "person": "/admin/people/{}",
    "token": "/admin/people/{}",
    "message": "/messages/{}",
    "reports": "/messages/{}",
    "gold": "/messages/{}",
    "tree": "/trees/{}",
    "case": "/moderation/cases/{}",
    "cases": "/moderation/bulk/{}",
    "policy": "/admin/policy/history",
    "export": "/admin/exports",
    "import": "/admin/exports",
    "inspiration": "/admin/inspirations/{}",
    "announcement": "/admin/announcements/{}",
}
"""Where to read of what an action was done to, by the first word of the action."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in words. `who`: the name; None for the command line. `said`: what else was kept, as it is spelled."""

    at: datetime
    action: str
    person_id: str | None
    who: str | None
    subject: str | None
    subject_name: str | None
    address: str | None
    said: str


@dataclass(frozen=True, slots=True)
class Context:
    """action, person, subject: what the list is limited to. following: the address of the next page."""

    lines: list[Line]
    action: str
    person: str
    subject: str
    following: str | None


@router.get("/admin/audit")
def show(
    visit: ModeratorVisit, action: str = "", person: str = "", subject: str = "", cursor: str | None = None
) -> Response:
    (before,) = place_in(cursor, int) if cursor else (journal.NEWEST,)
    wanted = {"action": action.strip(), "person": person.strip(), "subject": subject.strip()}
    with visit.campaign.read(visit.caller) as (db, reader):
        found = moderation.what_staff_did(
            db, reader, ON_A_PAGE + 1, before=before, **{name: value or None for name, value in wanted.items()}
        )
        entries, following = paged(found, ON_A_PAGE, lambda each: (each.seq,))
        ids = {each for entry in entries for each in (entry.person_id, _person_in(entry)) if each}
        names = {each.id: each.name for each in people.by_ids(db, ids).values()}
    lines = [_line(entry, names) for entry in entries]
    more = f"?{urlencode({**wanted, 'cursor': following})}" if following else None
    return render(visit, "audit.html", Context(lines, following=more, **wanted))


def _person_in(entry: Entry) -> str | None:
    return entry.subject if entry.action.startswith(("person.", "token.")) else None


def _line(entry: Entry, names: dict[str, str]) -> Line:
    address = PAGES.get(entry.action.partition(".")[0])
    return Line(
        entry.at, entry.action, entry.person_id, names.get(entry.person_id or "", entry.person_id), entry.subject,
        names.get(entry.subject or ""), address.format(entry.subject) if address and entry.subject else None,
        "; ".join(f"{name}: {_spelled(value)}" for name, value in entry.data.items()),
    )  # fmt: skip


def _spelled(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
