"""Conversation trees over HTTP: lists, one as a whole, where it stands, planting and ordering."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Request, Response
from pydantic import Field

from espalier.collect import moderation
from espalier.domain.errors import NotFound
from espalier.domain.lifecycle import Command
from espalier.domain.sight import Node, nested
from espalier.domain.tree import Shape, State, Tree
from espalier.store import reading
from espalier.store.people import PersonRole
from espalier.store.reading import NEWEST, TreeOutline, TreeState
from espalier.web.api.forms import Form, example
from espalier.web.api.governed import Look, by_shown_names, governed
from espalier.web.api.router import api_router
from espalier.web.deps import Admin, CampaignDep, Lang, Moderator, ModeratorReader, Reader
from espalier.web.paging import UNCHANGED, Cursor, Limit, Page, answered, page, place_in

router = api_router("trees")


@router.get("/trees", response_model=Page[TreeOutline], responses=UNCHANGED, summary="List trees, the newest first")
def trees(
    request: Request,
    campaign: CampaignDep,
    caller: Reader,
    state: State | None = None,
    lang: Lang = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Of a tree whose prompt was removed only staff see that it exists. Without a token, of an open campaign: finished
    trees.
    """
    after = place_in(cursor, int, str) if cursor else NEWEST
    with governed(campaign, caller) as look:
        look.check_others()
        standing = not look.person.role.reaches(PersonRole.MODERATOR)
        state = State.READY_FOR_EXPORT if look.finished else state
        found = reading.newest_trees(look.db, limit + 1, state=state, lang=lang, standing=standing, after=after)
    items, following = page(found, limit, reading.place_of_tree)
    return answered(request, Page[TreeOutline], Page[TreeOutline](items=items, next=following))


@dataclass(frozen=True, slots=True)
class WholeTree:
    """A tree with its messages nested below its prompt, each as you may see it."""

    id: str
    lang: str
    state: State
    prompt: Node


def whole_tree(look: Look, tree_id: str) -> WholeTree:
    """Raises NotFound, also when who looks may not see its prompt; NotAllowed for who sees only their own work."""
    look.check_others()
    messages = by_shown_names(look.db, look.person, reading.messages_of_tree(look.db, tree_id))
    look.check(messages[0])
    prompt = nested(messages, reading.viewer(look.db, look.person, messages))
    if prompt is None:
        raise NotFound("There is no such conversation tree.")
    return WholeTree(tree_id, messages[0].lang, messages[0].tree_state, prompt)


@router.get("/trees/{tree_id}", response_model=WholeTree, responses=UNCHANGED, summary="One tree as a whole")
def tree(tree_id: str, request: Request, campaign: CampaignDep, caller: Reader) -> Response:
    """Replies stand in order of arrival, ranked ones first; what you could still judge shows no author, rank or votes.

    A finished tree is open to all.
    """
    with governed(campaign, caller) as look:
        shown = whole_tree(look, tree_id)
    return answered(request, WholeTree, shown)


@router.get("/trees/{tree_id}/state", response_model=TreeState, responses=UNCHANGED,
            summary="Where a tree stands: shape, policy, counts")  # fmt: skip
def state(tree_id: str, request: Request, campaign: CampaignDep, caller: ModeratorReader) -> Response:
    """For moderators."""
    with campaign.read(caller) as (db, _):
        found = reading.tree_state(db, tree_id)
    return answered(request, TreeState, found)


class NewTree(Form):
    """`shape` by default as the policy says; `state`: how far its prompt is taken on your word."""

    text: str
    lang: Annotated[str, Field(max_length=100)]
    shape: Shape | None = None
    state: State = State.INITIAL_PROMPT_REVIEW

    model_config = example({"text": "Why is the sky blue?", "lang": "en", "shape": None, "state": "growing"})


@dataclass(frozen=True, slots=True)
class TreeNow:
    """A tree and the state in which a command left it."""

    id: str
    state: State


def tree_now(tree: Tree) -> TreeNow:
    return TreeNow(tree.id, tree.state)


@router.post("/trees", status_code=201, summary="Plant a tree")
async def plant(form: NewTree, campaign: CampaignDep, caller: Admin) -> TreeNow:
    """For administrators; the limits of the policy do not bind it."""
    planted = await campaign.change(
        caller, moderation.plant, form.text, form.lang, campaign.clock(), campaign.rng,
        shape=form.shape, state=form.state,
    )  # fmt: skip
    return tree_now(planted)


class Order(Form):
    command: Command
    reason: Annotated[str | None, Field(max_length=moderation.LONGEST_REASON)] = None

    model_config = example({"command": "halt", "reason": "Contains a telephone number."})


class Orders(Form):
    ids: Annotated[list[str], Field(min_length=1, max_length=moderation.MOST_ORDERS)]
    command: Command
    reason: Annotated[str | None, Field(max_length=moderation.LONGEST_REASON)] = None

    model_config = example({"ids": ["5e2f…", "77b1…"], "command": "draw"})


@dataclass(frozen=True, slots=True)
class Refused:
    """An order of several that was not carried out, and why."""

    id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which trees followed the order, and which could not."""

    done: list[TreeNow]
    refused: list[Refused]


@router.post("/trees/orders", summary="Give many trees the same order")
async def order_many(form: Orders, campaign: CampaignDep, caller: Admin) -> Outcome:
    """For administrators. What cannot follow the order stays as it is and is named."""
    done, refused = await campaign.change(
        caller, moderation.order_trees, form.ids, form.command, campaign.clock(), campaign.rng, reason=form.reason
    )
    return Outcome([tree_now(tree) for tree in done], [Refused(each.id, each.why.detail) for each in refused])


@router.post("/trees/{tree_id}/orders", summary="Halt, abort, resume, draw, park or activate a tree")
async def order(tree_id: str, form: Order, campaign: CampaignDep, caller: Moderator) -> TreeNow:
    """For moderators; to draw a tree is for administrators, and the limits of the lottery do not bind them."""
    after = await campaign.change(
        caller, moderation.order_tree, tree_id, form.command, campaign.clock(), campaign.rng, reason=form.reason
    )
    return tree_now(after)
