"""The leaderboard: of the day, the week, the month or in all, for all work or for texts in one language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.collect import leaderboard
from espalier.collect.leaderboard import Board, Frame
from espalier.domain.language import language_tag
from espalier.domain.points import points
from espalier.store import boards as counts
from espalier.store import figures
from espalier.store.people import Person
from espalier.web.api.figures import LASTS, boards
from espalier.web.api.governed import shown_names
from espalier.web.looking import Tab, look
from espalier.web.render import render
from espalier.web.visit import Reads, Visit

router = APIRouter(include_in_schema=False)

SIZE: Final = 25
LANGS_LAST: Final = timedelta(seconds=30)
TOTAL_LASTS: Final = timedelta(seconds=30)  # of one language: half a second of work on a large campaign


@dataclass(frozen=True, slots=True)
class Row:
    """A place. name: as others read it, which may be a pseudonym."""

    rank: int
    name: str
    points: int
    level: int
    streak: int
    mine: bool


@dataclass(frozen=True, slots=True)
class Own:
    """Where the reader stands. on_board: else the rank is where they would be. page: address on which their row is."""

    rank: int
    points: int
    on_board: bool
    shown: bool
    page: str


@dataclass(frozen=True, slots=True)
class Context:
    """tabs: the frames. people: how many are on the board. own: None without points. before, next: addresses."""

    frame: str
    lang: str
    langs: Sequence[str]
    tabs: list[Tab]
    people: int
    rows: list[Row]
    own: Own | None
    before: str | None
    next: str | None


@router.get("/leaderboard")
def show(
    visit: Reads,
    frame: Annotated[str, Query(max_length=20)] = "week",
    lang: Annotated[str, Query(max_length=50)] = "",
    rank: Annotated[int, Query(ge=1, le=10**9, description="With which place the page begins.")] = 1,
) -> Response:
    chosen = next((each for each in Frame if each == frame), Frame.WEEK)
    tag = language_tag(lang) or ""
    with look(visit) as (db, person):
        langs = visit.campaign.memory.recall("trees by lang", LANGS_LAST, visit.now, lambda: figures.trees_by_lang(db))
        board = _board(visit, chosen, tag)
        places = board.places[rank - 1 : rank - 1 + SIZE]
        streaks = leaderboard.streaks(db, [place.person for place in places], visit.now)
        own = _own(visit, db, person, board, chosen, tag, rank)
        names = shown_names(db, person, {place.person: place.name for place in places})
    rows = [
        Row(each.rank, names[each.person], each.points, each.level, streaks[each.person], each.person == person.id)
        for each in places
    ]
    after = rank + SIZE if len(board.places) >= rank + SIZE else None
    context = Context(
        chosen, tag, sorted(langs), _tabs(visit, chosen, tag), len(board.places), rows, own,
        address(chosen, tag, max(1, rank - SIZE)) if rank > 1 else None,
        address(chosen, tag, after) if after else None,
    )  # fmt: skip
    return render(visit, "leaderboard.html", context)


def address(frame: Frame, lang: str, rank: int = 1) -> str:
    asked = {"frame": str(frame), **({"lang": lang} if lang else {}), **({"rank": rank} if rank > 1 else {})}
    return f"/leaderboard?{urlencode(asked)}"


def _board(visit: Visit, frame: Frame, lang: str) -> Board:
    if not lang:
        return boards(visit.campaign)[frame]
    lasts = TOTAL_LASTS if frame is Frame.TOTAL else LASTS
    return visit.campaign.memory.ask(
        ("board", frame, lang), lasts, visit.now, visit.campaign.database.read,
        lambda db: leaderboard.writers_board(db, frame, lang, visit.now),
    )  # fmt: skip


def _own(
    visit: Visit, db: Connection, person: Person, board: Board, frame: Frame, lang: str, first: int
) -> Own | None:  # fmt: skip
    place = board.of.get(person.id)
    if place is not None:
        page = (place.rank - 1) // SIZE * SIZE + 1
        shown = first <= place.rank < first + SIZE
        return Own(place.rank, place.points, True, shown, address(frame, lang, page))
    since = leaderboard.first_day(frame, visit.now.astimezone(UTC).date())
    earned = counts.written_by(db, person.id, lang, since) if lang else counts.counts_of(db, person.id, since)
    if not (number := points(earned)):
        return None
    rank = leaderboard.rank_among(board, number)
    return Own(rank, number, False, False, address(frame, lang, (rank - 1) // SIZE * SIZE + 1))


def _tabs(visit: Visit, frame: Frame, lang: str) -> list[Tab]:
    _ = visit.words.gettext
    named = {Frame.DAY: _("Today"), Frame.WEEK: _("7 days"), Frame.MONTH: _("30 days"), Frame.TOTAL: _("In all")}
    return [Tab(words, address(each, lang), each is frame) for each, words in named.items()]
