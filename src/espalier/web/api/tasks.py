"""Tasks over HTTP: the next one, what is in hand, skipping, sending, taking back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import Field, TypeAdapter

from espalier.collect import contributions, drafts, moderation, tasks, undo
from espalier.collect.answers import Answer, LabelsAnswer, RankingAnswer, TextAnswer
from espalier.collect.contributions import Receipt
from espalier.domain.errors import Invalid, NotFound
from espalier.domain.message import SKIP_REASONS, UNSAID
from espalier.domain.work import Kind, Task
from espalier.store.people import PersonRole
from espalier.web import swift
from espalier.web.api.forms import Form, example
from espalier.web.api.router import api_router
from espalier.web.deps import CampaignDep, Contributor, Langs, Reader, checked_langs
from espalier.web.paging import Cursor, Limit, Page, no_cursor, page, place_in

router = api_router("tasks")

_TASK: Final[TypeAdapter[Task]] = TypeAdapter(Task)
_RECEIPT: Final[TypeAdapter[Receipt]] = TypeAdapter(Receipt)

ClientId = Annotated[
    str, Field(min_length=1, max_length=100, description="Your own id: sent again, it changes nothing.")
]


class NextTask(Form):
    kind: Annotated[str, Field(json_schema_extra={"enum": [tasks.RANDOM, *Kind]})] = tasks.RANDOM
    langs: Annotated[list[str], Field(min_length=1, max_length=100)]

    model_config = example({"kind": "random", "langs": ["en", "de"]})


@router.post(
    "/tasks/next",
    response_model=Task,
    responses={204: {"description": "There is nothing for you at the moment."}},
    openapi_extra=swift.takes(NextTask),
    summary="The next task",
)
async def next_task(request: Request) -> Response:
    """Hand out a task, or the one that is still open. It is kept for you until `expires_at`."""
    campaign, caller = swift.asked(request, PersonRole.CONTRIBUTOR)
    form = await swift.read(request, NextTask)
    ask = tasks.Ask(form.kind, checked_langs(form.langs))
    task = await campaign.change(caller, tasks.next_task, ask, campaign.clock(), campaign.rng)
    return swift.written(_TASK, task) if task else Response(status_code=204)


@router.get("/tasks/mine", summary="What you have in hand")
def my_tasks(campaign: CampaignDep, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> Page[Task]:
    """What you have in hand, oldest first."""
    (after,) = place_in(cursor, str) if cursor else (None,)
    with campaign.read(caller) as (db, person):
        try:
            found = tasks.my_tasks(db, person, campaign.clock(), after=after)
        except NotFound:
            raise no_cursor() from None
    items, following = page(found, limit, lambda task: (task.id,))
    return Page[Task](items=items, next=following)


@router.get("/tasks/availability", summary="How much there is to do")
def availability(langs: Langs, campaign: CampaignDep, caller: Reader) -> dict[str, dict[str, int]]:
    """How many tasks of each kind there are for you, by language."""
    with campaign.read(caller) as (db, person):
        return tasks.availability(db, person, checked_langs(langs, "lang"), campaign.clock())


class Skip(Form):
    """`reason`: `other` for none; it can be said afterwards."""

    reason: Annotated[str, Field(max_length=100, json_schema_extra={"enum": [*SKIP_REASONS]})] = UNSAID

    model_config = example({"reason": "not_my_subject"}, {})


@router.post("/tasks/{task_id}/skip", status_code=204, summary="Skip a task")
async def skip(task_id: str, form: Skip, campaign: CampaignDep, caller: Contributor) -> None:
    """Give a task back for good: you are not asked again."""
    await campaign.change(caller, drafts.skip, task_id, form.reason, {}, campaign.clock(), campaign.rng)


@dataclass(frozen=True, slots=True)
class Undone:
    """The task, open again, and what had been sent: `text`, or `labels` with `flags`, or `order` or `not_rankable`."""

    task: Task
    text: str | None = None
    labels: Mapping[str, float | None] | None = None
    flags: Sequence[str] | None = None
    order: Sequence[Sequence[str]] | None = None
    not_rankable: bool = False


@router.post("/tasks/{task_id}/undo", summary="Take back what you answered")
async def take_back(task_id: str, campaign: CampaignDep, caller: Contributor) -> Undone:
    """Within `undo_seconds` and while nobody has built on it. The task is open again; a text is its draft."""
    undone = await campaign.change(caller, undo.undo, task_id, campaign.clock(), campaign.rng)
    match undone.sent:
        case TextAnswer(text):
            return Undone(undone.task, text=text)
        case LabelsAnswer(labels, flags):
            return Undone(undone.task, labels=labels, flags=flags)
        case RankingAnswer(order, not_rankable):
            return Undone(undone.task, order=order, not_rankable=not_rankable)


@router.post("/tasks/{task_id}/unskip", summary="Take a skip back")
async def unskip(task_id: str, campaign: CampaignDep, caller: Contributor) -> Task:
    """Within ten minutes: the task is open again, as if you had not skipped it."""
    return await campaign.change(caller, undo.unskip, task_id, campaign.clock(), campaign.rng)


class SkipReason(Form):
    """`offensive` reports the message, too."""

    reason: Annotated[str, Field(max_length=100, json_schema_extra={"enum": [*SKIP_REASONS]})]

    model_config = example({"reason": "finished"})


@router.post("/tasks/{task_id}/reason", status_code=204, summary="Say why you skipped")
async def give_reason(task_id: str, form: SkipReason, campaign: CampaignDep, caller: Contributor) -> None:
    """Within ten minutes after a skip without a reason."""
    await campaign.change(caller, undo.give_skip_reason, task_id, form.reason, campaign.clock(), campaign.rng)


class TaskReaction(Form):
    """`handle`: of a message of the task, as it was handed out."""

    handle: Annotated[str, Field(min_length=1, max_length=20)]
    emoji: Annotated[str, Field(max_length=100)]
    on: bool = True

    model_config = example({"handle": "m0", "emoji": "+1", "on": True})


@router.post("/tasks/{task_id}/reactions", status_code=204, summary="React to a message inside a task")
async def react(task_id: str, form: TaskReaction, campaign: CampaignDep, caller: Contributor) -> None:
    """By its handle, since nobody learns which message it is while they judge it."""
    await campaign.change(
        caller, moderation.react_in_task, task_id, form.handle, form.emoji, form.on, campaign.clock(), campaign.rng
    )


class Submission(Form):
    """An answer to a task: `text`, or `labels` (with `flags`), or `order` (or `not_rankable`), by the task's kind."""

    id: ClientId
    text: str | None = None
    confirm_language: bool = False
    labels: dict[str, float | None] | None = None
    flags: list[str] | None = None
    order: list[list[str]] | None = None
    not_rankable: bool = False

    model_config = example(
        {"id": "5e2f…", "text": "Why is the sky blue?"},
        {"id": "77b1…", "labels": {"spam": 0, "lang_mismatch": 0, "quality": 0.75}, "flags": []},
        {"id": "c90d…", "order": [["r1"], ["r0", "r2"]]},
    )

    def answer(self) -> Answer:
        ranks = self.order is not None or self.not_rankable
        if (self.text is not None) + (self.labels is not None) + ranks != 1:
            raise Invalid("Send exactly one of `text`, `labels` and `order`.", field="text", text=self.text)
        if self.text is not None:
            return TextAnswer(self.text, self.confirm_language)
        if self.labels is not None:
            return LabelsAnswer(self.labels, self.flags)
        return RankingAnswer(self.order or [], self.not_rankable)


@router.post(
    "/tasks/{task_id}/submit",
    response_model=Receipt,
    openapi_extra=swift.takes(Submission),
    summary="Answer a task",
)
async def submit(task_id: str, request: Request) -> Response:
    """Send your answer. What was accepted is on the disk before you hear of it."""
    campaign, caller = swift.asked(request, PersonRole.CONTRIBUTOR)
    form = await swift.read(request, Submission)
    receipt = await campaign.change(
        caller, contributions.submit, task_id, form.id, form.answer(), campaign.clock(), campaign.rng
    )
    return swift.written(_RECEIPT, receipt)


@router.post("/contributions/{client_id}/withdraw", status_code=204, summary="Take back what you sent")
async def withdraw(client_id: str, campaign: CampaignDep, caller: Contributor) -> None:
    """Take back what you sent under this id, within `undo_seconds` and while nobody has built on it."""
    await campaign.change(caller, undo.withdraw, client_id, campaign.clock(), campaign.rng)


def swift_routes() -> list[APIRoute]:
    """What volunteers ask for all day."""
    return [route for route in router.routes if isinstance(route, APIRoute) and route.endpoint in (next_task, submit)]
