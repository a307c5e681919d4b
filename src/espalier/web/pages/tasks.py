"""The dashboard: what is needed now in the reader's languages, and what became of what they did; and why nothing is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.collect import arena, standing, tasks
from espalier.collect.standing import Standing
from espalier.domain.errors import CampaignClosed, NotBegun, Paused, RateLimited, Refusal, TooManyOpenTasks
from espalier.domain.work import Kind, Task
from espalier.store.charters import charter_in_force
from espalier.store.drafts import draft_of
from espalier.web.outcome import Pill, pill_of
from espalier.web.pages.frame import go_on, langs_of, task_address
from espalier.web.pages.kinds import WORDS, KindWords, choice_of
from espalier.web.render import render
from espalier.web.tree_words import Opening, opening
from espalier.web.visit import Sender, SignedIn, Visit, redirect

router = APIRouter(include_in_schema=False)

SHOWN_OUTCOMES: Final = 5


@dataclass(frozen=True, slots=True)
class Need:
    """A kind of task, and how many of it there are for the reader."""

    kind: str
    words: KindWords
    open: int


@dataclass(frozen=True, slots=True)
class InHand:
    """A task that the reader has not answered. saved_at: of its draft, if there is one."""

    id: str
    words: KindWords
    saved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Became:
    """A text of the reader's own, and what became of it."""

    id: str
    title: Opening
    pill: Pill
    built_on: bool


@dataclass(frozen=True, slots=True)
class Standstill:
    """Nobody is handed anything now. kind: `paused`, `not-begun` or `closed`. reason: the organiser's own words.

    release: where the finished data set is, if anywhere.
    """

    kind: str
    until: date | None
    reason: str
    release: str


STANDSTILLS: Final = (Paused, NotBegun, CampaignClosed)


def _standstill(db: Connection, refusal: Refusal | None) -> Standstill | None:
    if not isinstance(refusal, STANDSTILLS):
        return None
    charter = charter_in_force(db)
    return Standstill(refusal.slug, charter.paused_until, charter.reason, charter.release)


@dataclass(frozen=True, slots=True)
class Context:
    """needs: by kind, the largest first. in_hand: oldest first. fresh: the reader has not contributed yet.

    elsewhere: where there is nothing in the reader's languages, how many tasks there are in which others.
    compares: how many two answers of models the reader can compare, up to `most_compares`.
    """

    needs: list[Need]
    langs: tuple[str, ...]
    in_hand: list[InHand]
    standing: Standing
    became: list[Became]
    fresh: bool
    elsewhere: Mapping[str, int]
    standstill: Standstill | None
    compares: int
    most_compares: int


@router.get("/tasks")
def show(visit: SignedIn) -> Response:
    langs = langs_of(visit)
    with visit.campaign.read(visit.caller) as (db, person):
        needs = _needs(tasks.availability(db, person, langs, visit.now))
        mine = tasks.my_tasks(db, person, visit.now)
        begun = {task.id: draft_of(db, person.id, task.id, visit.now) for task in mine}
        context = Context(
            needs,
            langs,
            [InHand(task.id, WORDS[task.kind], draft.saved_at if (draft := begun[task.id]) else None) for task in mine],
            standing.standing(db, person, visit.now),
            [
                Became(each.message.id, opening(each.message, visit, 60), pill_of(each.message, visit.words),
                       each.built_on)
                for each in standing.outcomes(db, person, SHOWN_OUTCOMES)
            ],
            not standing.has_contributed(db, person),
            {} if needs else tasks.elsewhere_open(db, person, langs, visit.now),
            _standstill(db, tasks.limit_reached(db, person, tasks.Ask(tasks.RANDOM, langs), visit.now)),
            arena.left_for(db, person, langs, visit.now),
            arena.MOST_COUNTED,
        )  # fmt: skip
    return render(visit, "tasks.html", context)


def _needs(counts: Mapping[str, Mapping[str, int]], but: str = "") -> list[Need]:
    """Kinds of which there are any, the largest first."""
    by_kind = {kind: sum(here[kind] for here in counts.values()) for kind in Kind if kind != but}
    return [
        Need(str(kind), WORDS[kind], count) for kind, count in sorted(by_kind.items(), key=lambda at: -at[1]) if count
    ]


@router.post("/tasks/next")
async def next_task(visit: Sender, kind: Annotated[str, Form()] = tasks.RANDOM) -> Response:
    """Hand out a task, or the one that is open, and go to its page."""
    return await go_on(visit, kind)


@dataclass(frozen=True, slots=True)
class NoneContext:
    """Why there is no task of this choice. words: of the kind, None for any. wait_s: until there may be one again.

    too_many: so many are open that one must be finished first. needs: other kinds. elsewhere: other languages.
    """

    choice: str
    words: KindWords | None
    langs: tuple[str, ...]
    wait_s: int | None
    too_many: bool
    in_hand: list[InHand]
    needs: list[Need]
    elsewhere: Mapping[str, int]
    standstill: Standstill | None


@router.get("/tasks/none")
def none(visit: SignedIn, choice: str | None = None) -> Response:
    chosen, langs = choice_of(choice), langs_of(visit)
    with visit.campaign.read(visit.caller) as (db, person):
        limit = tasks.limit_reached(db, person, tasks.Ask(chosen, langs), visit.now)
        counts = tasks.availability(db, person, langs, visit.now)
        mine = tasks.my_tasks(db, person, visit.now)
        elsewhere = {} if limit else tasks.elsewhere_open(db, person, langs, visit.now)
        standstill = _standstill(db, limit)
    context = NoneContext(
        chosen,
        WORDS[Kind(chosen)] if chosen != tasks.RANDOM else None,
        langs,
        limit.retry_after_s if isinstance(limit, RateLimited) else None,
        isinstance(limit, TooManyOpenTasks),
        [InHand(task.id, WORDS[task.kind], None) for task in mine],
        [] if limit else _needs(counts, but=chosen),
        elsewhere,
        standstill,
    )
    return render(visit, "none.html", context)


@dataclass(frozen=True, slots=True)
class KindContext:
    """open: how many there are for the reader."""

    kind: str
    words: KindWords
    open: int


def kind_page(visit: Visit, kind: Kind) -> Response:
    """The page of a kind of task: the open one, else a button that starts one, else why there is none."""
    langs = langs_of(visit)
    with visit.campaign.read(visit.caller) as (db, person):
        mine = _of_kind(tasks.my_tasks(db, person, visit.now), kind)
        open_now = sum(here[kind] for here in tasks.availability(db, person, langs, visit.now).values())
    if mine is not None:
        return redirect(visit, task_address(mine.id, kind))
    if not open_now:
        return redirect(visit, f"/tasks/none?choice={kind}")
    return render(visit, "kind.html", KindContext(str(kind), WORDS[kind], open_now))


def _of_kind(mine: list[Task], kind: Kind) -> Task | None:
    return next((task for task in mine if task.kind is kind), None)
