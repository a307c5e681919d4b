"""All trees, the newest first: by state and language, or the messages that hold some words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.domain.errors import Invalid, NotFound
from espalier.domain.language import language_tag
from espalier.domain.sight import SeenMessage, alone, may_see
from espalier.domain.tree import State
from espalier.store import figures, reading, search
from espalier.store.people import Person, PersonRole
from espalier.store.reading import NEWEST, TreeOutline
from espalier.web.looking import is_open_to, look
from espalier.web.paging import LONGEST_CURSOR, cursor_of, page, place_in
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.tree_words import Opening, Pill, opening, pill, role_words
from espalier.web.visit import Reads, Visit

router = APIRouter(include_in_schema=False)

SIZE: Final = 25
LASTS: Final = timedelta(seconds=30)
MOST_LOOKED_AT: Final = 400  # messages with the words, of which those of trees in another state are left out
LONGEST_SEARCH: Final = 200  # characters


@dataclass(frozen=True, slots=True)
class Row:
    """A tree, or a found message. size: messages of a tree. role: of a found message."""

    address: str
    title: Opening
    lang: str
    pill: Pill
    at: datetime
    size: int | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Context:
    """q, state, lang: as they were asked. any_tree: whether there are trees at all. fault: why nothing is looked for.

    next: address of the page that follows. later: whether this is not the first page.
    """

    rows: list[Row]
    q: str
    state: str
    lang: str
    states: list[Choice]
    langs: Sequence[str]
    any_tree: bool
    fault: str | None
    next: str | None
    later: bool


@router.get("/trees")
def show(
    visit: Reads,
    q: Annotated[str, Query(max_length=1000)] = "",
    state: Annotated[str, Query(max_length=50)] = "",
    lang: Annotated[str, Query(max_length=50)] = "",
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> Response:
    q, fault = q.strip(), None
    states = [each for each in State if is_open_to(visit, each)]
    wanted = next((each for each in states if each == state), states[0] if len(states) == 1 else None)
    tag = language_tag(lang)
    rows: list[Row] = []
    following: str | None = None
    with look(visit) as (db, person):
        counts = visit.campaign.memory.recall("trees by lang", LASTS, visit.now, lambda: figures.trees_by_lang(db))
        if q:
            try:
                rows, following = _found(visit, db, person, q[:LONGEST_SEARCH], wanted, tag, cursor)
            except Invalid as refused:
                fault = said(refused, visit.words)
        else:
            rows, following = _newest(visit, db, person, wanted, tag, cursor)
    kept = {"q": q, "state": wanted or "", "lang": tag or ""}
    asked = {name: value for name, value in kept.items() if value}
    further = f"/trees?{urlencode({**asked, 'cursor': following})}" if following else None
    context = Context(
        rows, q, wanted or "", tag or "", [Choice(each, pill(each, visit.words).words) for each in states],
        sorted(counts), bool(counts), fault, further, cursor is not None,
    )  # fmt: skip
    return render(visit, "trees.html", context, status=422 if fault else 200)


def _newest(
    visit: Visit, db: Connection, person: Person, state: State | None, lang: str | None, cursor: str | None
) -> tuple[list[Row], str | None]:
    at, tree_id = _place(cursor, int, str) or NEWEST
    standing = not person.role.reaches(PersonRole.MODERATOR)
    found = reading.newest_trees(db, SIZE + 1, state=state, lang=lang, standing=standing, after=(at, tree_id))
    shown, following = page(found, SIZE, reading.place_of_tree)
    prompts = reading.several(db, (tree.id for tree in shown))
    eyes = reading.viewer(db, person, prompts.values())
    return [_tree_row(visit, tree, alone(prompts[tree.id], eyes)) for tree in shown], following


def _found(
    visit: Visit, db: Connection, person: Person, q: str, state: State | None, lang: str | None, cursor: str | None
) -> tuple[list[Row], str | None]:
    """Raises Invalid where there is nothing to look for."""
    place = _place(cursor, int)
    before: int = place[0] if place else search.FIRST
    hits = search.find(db, q, langs=(lang,) if lang else (), before=before, limit=MOST_LOOKED_AT if state else SIZE + 1)
    messages = reading.several(db, (hit.message_id for hit in hits))
    eyes = reading.viewer(db, person, messages.values())
    rows: list[Row] = []
    for number, hit in enumerate(hits, start=1):
        message = messages.get(hit.message_id)
        if message and may_see(message, eyes) and state in (None, message.tree_state):
            rows.append(_message_row(visit, alone(message, eyes), message.tree_state))
        if len(rows) == SIZE:
            return rows, cursor_of(hit.number) if number < len(hits) else None
    return rows, cursor_of(hits[-1].number) if len(hits) == MOST_LOOKED_AT else None


def _place(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Raises NotFound for what is no place of this list: an address that somebody made up."""
    if cursor is None:
        return None
    try:
        return place_in(cursor, *kinds)
    except Invalid:
        raise NotFound("There is no such page of the list.") from None


def _tree_row(visit: Visit, tree: TreeOutline, prompt: SeenMessage) -> Row:
    title = opening(prompt, visit, otherwise=visit.words.gettext("A tree without words"))
    return Row(f"/trees/{tree.id}", title, tree.lang, pill(tree.state, visit.words), tree.created_at, size=tree.size)


def _message_row(visit: Visit, message: SeenMessage, state: State) -> Row:
    return Row(
        f"/messages/{message.id}", opening(message, visit), message.lang, pill(state, visit.words),
        message.created_at, role=role_words(message.role, visit.words),
    )  # fmt: skip
