"""Statistics of the campaign: charts, each with its table, and a CSV file behind it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from fastapi import APIRouter
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.collect.figures import Figures
from espalier.domain.errors import NotFound
from espalier.domain.inclusion import lorenz
from espalier.domain.message import LABELS, LabelKind
from espalier.domain.tree import State
from espalier.store import figures as store_figures
from espalier.store.policies import PolicyBook
from espalier.web import charts
from espalier.web.api.figures import statistics
from espalier.web.attached import CSV, as_csv, attached
from espalier.web.charts import STEPS, Bar, Line
from espalier.web.looking import look
from espalier.web.render import render
from espalier.web.tree_words import label_names, pill
from espalier.web.visit import Reads, Visit
from espalier.web.words import direction, language_name

router = APIRouter(include_in_schema=False)

LASTS: Final = timedelta(minutes=10)
MOST_LABELLED: Final = 2000
MOST_LANGS: Final = 12
Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Asked:
    """What the charts are made of. shares: the Lorenz curve. labels: how many messages have their mean at each step."""

    figures: Figures
    target: Mapping[str, float]
    shares: Sequence[tuple[float, float]]
    labels: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Chart:
    """columns: as a person reads them. rows: as the table shows them; none where there is nothing to draw."""

    name: str
    title: str
    about: str
    drawing: Markup
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Context:
    """charts: empty where nothing has happened yet. people: who took part; active: of them within 30 days."""

    charts: list[Chart]
    messages: int
    trees: int
    people: int
    active: int


@router.get("/stats")
def show(visit: Reads) -> Response:
    with look(visit) as (db, _):
        asked = _asked(visit, db)
    known = asked.figures
    messages = sum(sum(roles.values()) for roles in known.messages.values())
    trees = sum(sum(states.values()) for states in known.trees.values())
    drawn = [chart(visit, asked) for chart in CHARTS.values()] if trees else []
    context = Context(drawn, messages, trees, known.people.took_part, known.people.active_30)
    return render(visit, "stats.html", context)


@router.get("/stats/{name}.csv")
def download(visit: Reads, name: str) -> Response:
    """Raises NotFound."""
    if name not in TABLES:
        raise NotFound("There is no such table.")
    with look(visit) as (db, _):
        head, rows = TABLES[name](_asked(visit, db))
    return attached(f"{name}.csv", as_csv([head, *rows]), CSV)


def _asked(visit: Visit, db: Connection) -> Asked:
    memory, read = visit.campaign.memory, visit.campaign.database.read
    shares = memory.ask("shares", LASTS, visit.now, read, _shares)
    labels = memory.ask("labels", LASTS, visit.now, read, _labels)
    target = PolicyBook(db).campaign.base.target_language_mix or {}
    return Asked(statistics(visit.campaign), target, shares, labels)


def _shares(db: Connection) -> list[tuple[float, float]]:
    each = store_figures.work_of_each(db)
    return lorenz(work.prompts + work.replies + work.reviews + work.rankings for work in each)


def _labels(db: Connection) -> dict[str, list[int]]:
    """By label, how many messages have their mean at each of five steps; of finished trees, which are open to all."""
    found: dict[str, list[int]] = {}
    for means in store_figures.labels_of_finished(db, MOST_LABELLED):
        for label, (mean, _) in means.items():
            found.setdefault(label, [0] * STEPS)[min(STEPS - 1, max(0, round(mean * (STEPS - 1))))] += 1
    return {label: found[label] for label in LABELS if label in found}


# Tables: a head and rows, as the files give them.

Table = tuple[Sequence[str], list[Sequence[Cell]]]


def _growth(asked: Asked) -> Table:
    days = asked.figures.days.items()
    return ("day", "prompts", "replies", "reviews", "rankings"), [
        (day.isoformat(), work.prompts, work.replies, work.reviews, work.rankings) for day, work in days
    ]


def _langs(asked: Asked) -> Table:
    counts = {lang: sum(roles.values()) for lang, roles in asked.figures.messages.items()}
    total = sum(counts.values()) or 1
    langs = sorted({*counts, *asked.target}, key=lambda lang: (-counts.get(lang, 0), lang))
    rows: list[Sequence[Cell]] = [
        (lang, counts.get(lang, 0), round(counts.get(lang, 0) / total, 4), asked.target.get(lang, "")) for lang in langs
    ]
    return ("language", "messages", "share", "target"), rows


def _tasks(asked: Asked) -> Table:
    days = asked.figures.days.values()
    sums = {name: sum(getattr(work, name) for work in days) for name in ("prompts", "replies", "reviews", "rankings")}
    total = sum(sums.values()) or 1
    return ("kind", "contributions", "share"), [(name, sums[name], round(sums[name] / total, 4)) for name in sums]


def _states(asked: Asked) -> Table:
    counts = {state: sum(by.get(state, 0) for by in asked.figures.trees.values()) for state in State}
    return ("state", "trees"), [(str(state), number) for state, number in counts.items() if number]


def _label_table(asked: Asked) -> Table:
    return ("label", *(f"step_{step}" for step in range(1, STEPS + 1))), [
        (label, *steps) for label, steps in asked.labels.items()
    ]


def _contribution(asked: Asked) -> Table:
    return ("share_of_people", "share_of_work"), [(round(x, 4), round(y, 4)) for x, y in asked.shares]


TABLES: Final[Mapping[str, Callable[[Asked], Table]]] = {
    "growth": _growth,
    "languages": _langs,
    "tasks": _tasks,
    "states": _states,
    "labels": _label_table,
    "contribution": _contribution,
}


# Charts: the same tables, drawn.


def _number(visit: Visit) -> Callable[[float], str]:
    return lambda value: format_decimal(round(value, 1), locale=visit.lang)


def _percent(visit: Visit) -> Callable[[float], str]:
    return lambda share: format_percent(share, locale=visit.lang)


def _mirrored(visit: Visit) -> bool:
    return direction(visit.lang) == "rtl"


def _kinds(visit: Visit) -> dict[str, str]:
    _ = visit.words.gettext
    return {"prompts": _("Prompts"), "replies": _("Replies"), "reviews": _("Reviews"), "rankings": _("Rankings")}


def _growth_chart(visit: Visit, asked: Asked) -> Chart:
    _, kinds = visit.words.gettext, _kinds(visit)
    rows = _growth(asked)[1]
    days = [format_date(date.fromisoformat(str(row[0])), "d MMM", locale=visit.lang) for row in rows]
    series = [Line(kinds[name], [float(row[place]) for row in rows]) for place, name in enumerate(kinds, start=1)]
    title = _("Growth over the last 30 days")
    drawing = charts.lines(series, days, title, _number(visit), mirrored=_mirrored(visit))
    shown = [[day, *_numbers(visit, row[1:])] for day, row in zip(days, rows, strict=True)] if _counts(rows) else []
    return Chart("growth", title, _("What was contributed on each day."), drawing, [_("Day"), *kinds.values()], shown)


def _langs_chart(visit: Visit, asked: Asked) -> Chart:
    _, percent = visit.words.gettext, _percent(visit)
    rows = _langs(asked)[1]
    named = [(language_name(str(row[0]), visit.lang), row) for row in rows]
    drawn = [
        Bar(name, float(row[2]), float(row[3]) if row[3] != "" else None) for name, row in named[:MOST_LANGS]
    ]  # fmt: skip
    title = _("Languages")
    about = (
        _("The share of messages in each language; the stroke is the share that the campaign aims at.")
        if asked.target
        else _("The share of messages in each language. The campaign has set no target for them.")
    )
    columns = [_("Language"), _("Messages"), _("Share"), _("Target")]
    shown = [
        [name, *_numbers(visit, row[1:2]), percent(float(row[2])), percent(float(row[3])) if row[3] != "" else "–"]
        for name, row in named
    ]
    drawing = charts.bars(drawn, title, percent, mirrored=_mirrored(visit))
    return Chart("languages", title, about, drawing, columns, shown)


def _tasks_chart(visit: Visit, asked: Asked) -> Chart:
    _, percent, kinds = visit.words.gettext, _percent(visit), _kinds(visit)
    rows = _tasks(asked)[1]
    title = _("Kinds of work")
    drawing = charts.bars(
        [Bar(kinds[str(row[0])], float(row[2])) for row in rows], title, percent, mirrored=_mirrored(visit)
    )
    shown = (
        [[kinds[str(row[0])], *_numbers(visit, row[1:2]), percent(float(row[2]))] for row in rows]
        if _counts(rows)
        else []
    )
    columns = [_("Kind"), _("Contributions"), _("Share")]
    return Chart("tasks", title, _("What people did in the last 30 days."), drawing, columns, shown)


def _states_chart(visit: Visit, asked: Asked) -> Chart:
    _ = visit.words.gettext
    rows = [(pill(State(str(state)), visit.words).words, number) for state, number in _states(asked)[1]]
    title = _("Where trees stand")
    drawing = charts.bars(
        [Bar(name, float(number)) for name, number in rows], title, _number(visit), mirrored=_mirrored(visit)
    )
    shown = [[name, *_numbers(visit, [number])] for name, number in rows]
    return Chart("states", title, _("Trees by state, at this moment."), drawing, [_("State"), _("Trees")], shown)


def _labels_chart(visit: Visit, asked: Asked) -> Chart:
    _, percent, names = visit.words.gettext, _percent(visit), label_names(visit.words)
    scales = {label: steps for label, steps in asked.labels.items() if LABELS[label].kind is LabelKind.LIKERT}
    rows = [(names[label], [step / (sum(steps) or 1) for step in steps]) for label, steps in scales.items()]
    title = _("What reviews say")
    drawing = charts.histograms(rows, title, (_("1, low"), _("5, high")), percent, mirrored=_mirrored(visit))
    columns = [_("Label"), *(_number(visit)(step) for step in range(1, STEPS + 1))]
    shown = [[names[label], *_numbers(visit, steps)] for label, steps in asked.labels.items()]
    about = _("Messages of finished trees by the mean of their reviews, the newest 2,000 of them.")
    return Chart("labels", title, about, drawing, columns, shown)


def _contribution_chart(visit: Visit, asked: Asked) -> Chart:
    _, percent = visit.words.gettext, _percent(visit)
    title = _("How the work is shared")
    drawing = charts.curve(
        asked.shares, title, _("if all did the same"), _("as it is"), _("share of people, who did least first"),
        percent, mirrored=_mirrored(visit),
    )  # fmt: skip
    shown = [[percent(people), percent(work)] for people, work in asked.shares]
    about = _("Which share of all contributions so many of the people made together. The lower the curve, the fewer "
              "people carry the work.")  # fmt: skip
    return Chart("contribution", title, about, drawing, [_("Share of people"), _("Share of work")], shown)


def _counts(rows: Iterable[Sequence[Cell]]) -> bool:
    """Whether there is anything in them but zeros."""
    return any(any(row[1:]) for row in rows)


def _numbers(visit: Visit, cells: Iterable[Cell]) -> list[str]:
    return [format_decimal(cell, locale=visit.lang) for cell in cells]


CHARTS: Final[Mapping[str, Callable[[Visit, Asked], Chart]]] = {
    "growth": _growth_chart,
    "languages": _langs_chart,
    "tasks": _tasks_chart,
    "states": _states_chart,
    "labels": _labels_chart,
    "contribution": _contribution_chart,
}
