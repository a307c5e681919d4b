"""Answers of models that volunteers compare, over HTTP: sets are brought, and their votes are fetched."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import Field

from espalier.collect import arena
from espalier.collect.arena import Comparison, Said, Side
from espalier.store.battles import BattleSet, Declined, Line, Progress, Vote
from espalier.web.api.forms import Form, example
from espalier.web.api.router import api_router
from espalier.web.deps import Admin, AdminReader, CampaignDep, Number
from espalier.web.paging import UNCHANGED, Cursor, Limit, Page, answered, part

router = api_router("comparisons")
SetId = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,64}$", description="Chosen by who brings the set.")]


@dataclass(frozen=True, slots=True)
class SetView:
    """A set of comparisons. `people` compare each two answers; `full` of its `battles` have as many votes."""

    id: str
    name: str
    people: int
    seed: int
    created_at: datetime
    ended_at: datetime | None
    battles: int
    full: int
    votes: int
    voters: int


@dataclass(frozen=True, slots=True)
class VoteView:
    """A vote: `left`, `right`, `tie` (both are good) or `both_bad`. `rater`: a number for each person of this set.

    `left` and `right` are the models as they stood; `declined`: the side that refuses instead of answering.
    """

    question: str
    turn: int
    lang: str
    left: str
    right: str
    vote: Vote
    declined: Declined | None
    rater: int
    at: datetime


class SetForm(Form):
    """`seed` decides which answer stands left."""

    name: Annotated[str, Field(max_length=200)]
    people: int = 2
    seed: Number = 0

    model_config = example({"name": "Two checkpoints", "people": 2, "seed": 0})


class TurnForm(Form):
    role: str
    content: str


class SideForm(Form):
    """`turns`: what follows the shared thread, with the model's answer at its end."""

    model: Annotated[str, Field(max_length=200)]
    turns: list[TurnForm]


class ComparisonForm(Form):
    question: Annotated[str, Field(max_length=200)]
    turn: Annotated[int, Field(ge=1, le=10**6)] = 1
    lang: str
    thread: list[TurnForm]
    first: SideForm
    second: SideForm


class ComparisonsForm(Form):
    """Some comparisons of a set; those that it has already are left as they are."""

    comparisons: Annotated[list[ComparisonForm], Field(max_length=500)]

    model_config = example(
        {
            "comparisons": [
                {
                    "question": "81",
                    "turn": 1,
                    "lang": "en",
                    "thread": [{"role": "user", "content": "Why is the sky blue?"}],
                    "first": {"model": "oak", "turns": [{"role": "assistant", "content": "It scatters."}]},
                    "second": {"model": "elm", "turns": [{"role": "assistant", "content": "It just is."}]},
                }
            ]
        }
    )


@dataclass(frozen=True, slots=True)
class Added:
    """How many of the comparisons were not there yet."""

    added: int


def _view(brought: BattleSet, progress: Progress) -> SetView:
    return SetView(
        brought.id, brought.name, brought.people, brought.seed, brought.created_at, brought.ended_at,
        progress.battles, progress.full, progress.votes, progress.voters,
    )  # fmt: skip


@router.put("/comparisons/{set_id}", summary="Begin a set of comparisons")
async def bring(set_id: SetId, form: SetForm, campaign: CampaignDep, caller: Admin) -> SetView:
    """For administrators. The same set once more changes nothing."""
    await campaign.change(caller, arena.bring, set_id, form.name, form.people, form.seed, campaign.clock())
    with campaign.read(caller) as (db, _):
        return _view(*arena.standing(db, set_id))


@router.post("/comparisons/{set_id}/battles", summary="Add answers to compare")
async def add(set_id: SetId, form: ComparisonsForm, campaign: CampaignDep, caller: Admin) -> Added:
    """For administrators. Volunteers get them at once, in their languages."""
    brought = [
        Comparison(each.question, each.turn, each.lang, _lines(each.thread), _side(each.first), _side(each.second))
        for each in form.comparisons
    ]
    return Added(await campaign.change(caller, arena.add, set_id, brought, campaign.clock()))


def _side(form: SideForm) -> Side:
    return Side(form.model, _lines(form.turns))


def _lines(turns: list[TurnForm]) -> tuple[Line, ...]:
    return tuple(Line(turn.role, turn.content) for turn in turns)


@router.get("/comparisons/{set_id}", response_model=SetView, responses=UNCHANGED, summary="How far a set has come")
def standing(request: Request, set_id: SetId, campaign: CampaignDep, caller: AdminReader) -> Response:
    """For administrators."""
    with campaign.read(caller) as (db, _):
        return answered(request, SetView, _view(*arena.standing(db, set_id)))


@router.get("/comparisons/{set_id}/votes", response_model=Page[VoteView], responses=UNCHANGED,
            summary="The votes of a set")  # fmt: skip
def votes(
    request: Request, set_id: SetId, campaign: CampaignDep, caller: AdminReader, limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    """For administrators; in the order in which answers were shown. Who voted is a number, not a person."""
    with campaign.read(caller) as (db, _):
        items, following = part([_vote(each) for each in arena.said(db, set_id)], limit, cursor)
    return answered(request, Page[VoteView], Page[VoteView](items=items, next=following))


def _vote(said: Said) -> VoteView:
    return VoteView(
        said.question, said.turn, said.lang, said.left, said.right, said.voted, said.declined, said.rater, said.at
    )  # fmt: skip


@router.post("/comparisons/{set_id}/end", status_code=204, summary="Ask nobody else about a set")
async def end(set_id: SetId, campaign: CampaignDep, caller: Admin) -> None:
    """For administrators. The votes stay."""
    await campaign.change(caller, arena.end, set_id, campaign.clock())
