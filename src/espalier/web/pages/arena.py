"""How models stand by people's votes: ratings with intervals, who wins against whom, and a file of the battles."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from markupsafe import Markup
from starlette.responses import Response

from espalier.collect.model_board import MOST_VOTES, ModelBoard, battle_lines, model_board
from espalier.store.battles import Source
from espalier.web import charts
from espalier.web.attached import attached
from espalier.web.charts import Spread
from espalier.web.looking import Tab
from espalier.web.pages.chat_choice import title_of
from espalier.web.render import render
from espalier.web.visit import AdminVisit, Reads, Visit
from espalier.web.words import direction

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/arena"
LASTS: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Context:
    """drawing: the ratings with their intervals; None where there are none. rates: (row, column) of the board's models,
    the share that the row's won against the column's, with how often they met; None where never. titles: of models, as
    people read them.
    """

    tabs: Sequence[Tab]
    board: ModelBoard
    drawing: Markup | None
    rates: Sequence[Sequence[tuple[float, int] | None]]
    most: int
    may_download: bool
    titles: Mapping[str, str]


@router.get(ADDRESS)
def show(visit: Reads, source: Annotated[str, Query(max_length=20)] = "") -> Response:
    chosen = next((each for each in Source if each == source), None)
    board = visit.campaign.memory.ask(
        ("models", chosen), LASTS, visit.now, visit.campaign.database.read, lambda db: model_board(db, chosen)
    )
    titles = {row.model: title_of(visit, row.model) for row in board.rows}
    context = Context(
        _tabs(visit, chosen), board, _drawn(visit, board, titles), _rates(board), MOST_VOTES, visit.may("admin"), titles
    )  # fmt: skip
    return render(visit, "arena.html", context)


@router.get(ADDRESS + "/battles.jsonl")
def download(visit: AdminVisit) -> Response:
    """As FastChat has them, so that `espalier evaluate battles` and others rate them."""
    with visit.campaign.read(visit.caller) as (db, _):
        written = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in battle_lines(db))
    return attached("battles.jsonl", written, "application/x-ndjson")


def _tabs(visit: Visit, chosen: Source | None) -> list[Tab]:
    _ = visit.words.gettext
    named = {None: _("All votes"), Source.ARENA: _("Answers brought to compare"), Source.CHAT: _("Conversations")}
    return [
        Tab(words, f"{ADDRESS}?source={each}" if each else ADDRESS, each is chosen) for each, words in named.items()
    ]  # fmt: skip


def _drawn(visit: Visit, board: ModelBoard, titles: Mapping[str, str]) -> Markup | None:
    rows = [
        Spread(titles[row.model], row.rating.value, row.rating.low, row.rating.high) for row in board.rows if row.rating
    ]  # fmt: skip
    if not rows:
        return None
    title = visit.words.gettext("Ratings")
    return charts.spreads(rows, title, lambda value: f"{value:.0f}", mirrored=direction(visit.lang) == "rtl")


def _rates(board: ModelBoard) -> list[list[tuple[float, int] | None]]:
    models = [row.model for row in board.rows]
    return [
        [(board.won[one, other] / times, times) if (times := board.met.get((one, other))) else None for other in models]
        for one in models
    ]
