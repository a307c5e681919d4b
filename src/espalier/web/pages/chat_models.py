"""The models of chat, for organisers: whether each is there, day by day how it does with people, and where a reward
model and people disagree.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from babel.dates import format_date
from babel.numbers import format_decimal
from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from espalier.chat.models import ChatModel
from espalier.chat.standing import Days, Standing, days_of_models, in_all, taken_out
from espalier.collect.disagreement import Disagreement, disagreements
from espalier.store.filter_hits import FilterHit
from espalier.store.model_figures import Figure
from espalier.web import charts
from espalier.web.attached import CSV, as_csv, attached
from espalier.web.charts import Line
from espalier.web.pages.chat_choice import title_of
from espalier.web.render import render
from espalier.web.visit import AdminVisit, Visit
from espalier.web.words import N_, direction

router = APIRouter(include_in_schema=False)

DAYS: Final = 30
MOST_HITS: Final = 50
MOST_DISAGREEMENTS: Final = 20
Value = Callable[[Standing], float | None]
COLUMNS: Final[Mapping[str, tuple[str, Value]]] = {
    "replies": (N_("Replies"), lambda each: each.replies),
    "refusals": (N_("Refusals"), lambda each: each.of(Figure.DECLINED).count),
    "filtered_said": (N_("Filter, people"), lambda each: each.of(Figure.FILTERED_SAID).count),
    "filtered_written": (N_("Filter, model"), lambda each: each.of(Figure.FILTERED_WRITTEN).count),
    "thumbs_up": (N_("Thumbs up"), lambda each: each.up),
    "thumbs_down": (N_("Thumbs down"), lambda each: each.down),
    "mean_reward": (N_("Mean reward"), lambda each: each.of(Figure.REWARD).mean),
    "first_s": (N_("First word, seconds"), lambda each: each.of(Figure.FIRST_S).mean),
    "first_most_s": (N_("at most"), lambda each: each.of(Figure.FIRST_S).most or None),
    "whole_s": (N_("Whole reply, seconds"), lambda each: each.of(Figure.WHOLE_S).mean),
    "whole_most_s": (N_("at most"), lambda each: each.of(Figure.WHOLE_S).most or None),
    "stopped": (N_("Stopped"), lambda each: each.of(Figure.STOPPED).count),
    "failures": (N_("Failures"), lambda each: each.failed),
}
"""By name in the file: the head of the column, and what stands there of a model."""


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    title: str
    about: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """cells: as a person reads them, in the order of the columns."""

    model: str
    cells: Sequence[str]
    day: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """switched_off: there is no chat. sums: of each model over all days. rows: by day. titles: of models that something
    was taken out of. disagreements: of reward models with people on replies in trees.
    """

    models: Sequence[ChatModel]
    switched_off: bool
    columns: Sequence[str]
    sums: Sequence[Row]
    rows: Sequence[Row]
    charts: Sequence[Chart]
    hits: Sequence[FilterHit]
    titles: Mapping[str, str]
    disagreements: Sequence[Disagreement]


@router.get("/admin/models")
def show(visit: AdminVisit) -> Response:
    with visit.campaign.database.read() as db:
        found = days_of_models(db, visit.now.date(), DAYS)
        hits = taken_out(db, MOST_HITS)
        differing = disagreements(db, MOST_DISAGREEMENTS)
    room, _ = visit.campaign.chatroom, visit.words.gettext
    sums = [Row(title_of(visit, model), _cells(visit, in_all(days.values()))) for model, days in found.items()]
    rows = [
        Row(title_of(visit, model), _cells(visit, each), _day(visit, day))
        for model, days in found.items()
        for day, each in reversed([*days.items()])
        if each != Standing()
    ]
    columns = [_(words) for words, _value in COLUMNS.values()]
    titles = {hit.model: title_of(visit, hit.model) for hit in hits}
    context = Context(
        room.models() if room else (), room is None, columns, sums, rows, _charts(visit, found), hits, titles, differing
    )
    return render(visit, "models.html", context)


@router.get("/admin/models.csv")
def download(visit: AdminVisit) -> Response:
    with visit.campaign.database.read() as db:
        found = days_of_models(db, visit.now.date(), DAYS)
    rows = list[Iterable[object]]([["model", "day", *COLUMNS]])
    for model, days in found.items():
        for day, each in days.items():
            values = [value(each) for _words, value in COLUMNS.values()]
            rows.append([model, day.isoformat(), *("" if value is None else round(value, 4) for value in values)])
    return attached("models.csv", as_csv(rows), CSV)


def _charts(visit: Visit, found: Days) -> list[Chart]:
    """One line a model."""
    _ = visit.words.gettext
    drawn: Sequence[tuple[str, str, str, Value]] = (
        ("replies", _("Replies a day"), _("Those that ended with a text."), lambda each: each.replies),
        ("latency", _("Seconds to the first word"), _("The mean of a day, from when the model was asked."),
         lambda each: each.of(Figure.FIRST_S).mean),
        ("taken-out", _("Taken out by the filter"), _("Of what people wrote and of what models wrote."),
         lambda each: each.filtered),
    )  # fmt: skip
    if not found:
        return []
    names = [_day(visit, day) for day in next(iter(found.values()))]
    of_models = [(title_of(visit, model), days.values()) for model, days in found.items()]
    return [
        Chart(name, title, about, charts.lines(
            [Line(called, [value(each) or 0.0 for each in days]) for called, days in of_models],
            names, title, _number(visit), mirrored=direction(visit.lang) == "rtl",
        ))
        for name, title, about, value in drawn
    ]  # fmt: skip


def _cells(visit: Visit, each: Standing) -> list[str]:
    return ["–" if (value := of(each)) is None else _number(visit)(value) for _words, of in COLUMNS.values()]


def _number(visit: Visit) -> Callable[[float], str]:
    return lambda value: str(format_decimal(round(value, 2), locale=visit.lang))


def _day(visit: Visit, day: date) -> str:
    return str(format_date(day, "d MMM", locale=visit.lang))
