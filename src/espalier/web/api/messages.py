"""Messages over HTTP: lists, search, one with what stands around it, reactions and reports."""

from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from espalier.collect import moderation, undo
from espalier.domain.errors import Invalid, NotAllowed, NotFound
from espalier.domain.message import Role
from espalier.domain.sight import BlindMessage, OwnMessage, PublicMessage, SeenMessage, StaffMessage, may_see, seen
from espalier.domain.tree import State
from espalier.store import reading, search
from espalier.store.people import Person, PersonRole
from espalier.store.reading import IN_STATE, NEWEST, MessageFilter, viewer
from espalier.web.api.forms import Form, example
from espalier.web.api.governed import Look, by_shown_names, governed
from espalier.web.api.router import api_router
from espalier.web.api.trees import TreeNow, WholeTree, tree_now, whole_tree
from espalier.web.deps import CampaignDep, Contributor, Lang, Moderator, ModeratorReader, Reader
from espalier.web.paging import UNCHANGED, Cursor, Limit, Page, answered, page, part, place_in, skipped_by

router = api_router("messages")
Seen = Annotated[BlindMessage | OwnMessage | PublicMessage | StaffMessage, Field(discriminator="seen_as")]
"""What somebody sees of a message; `seen_as` says which of these it is."""


class SeenPage(Page[Seen]):
    """A part of a list of messages. `next`: the cursor of what follows; null at the end."""


def as_seen(db: Connection, person: Person, found: Iterable[StaffMessage]) -> list[SeenMessage]:
    """What this person may see of these messages; those that they may not see at all are left out."""
    found = by_shown_names(db, person, found)
    eyes = viewer(db, person, found)
    return [seen(message, eyes) for message in found if may_see(message, eyes)]


def one_seen(look: Look, message_id: str) -> SeenMessage:
    """Raises NotFound, also for what this person may not see."""
    asked = reading.message(look.db, message_id)
    look.check(asked)
    shown = as_seen(look.db, look.person, [asked])
    if not shown:
        raise NotFound("There is no such message.")
    return shown[0]


@router.get("/messages", response_model=SeenPage, responses=UNCHANGED, summary="List or search messages")
def messages(
    request: Request,
    campaign: CampaignDep,
    caller: Reader,
    lang: Lang = None,
    role: Role | None = None,
    tree_id: Annotated[str | None, Query(max_length=100)] = None,
    author: Annotated[Literal["me"] | None, Query(description="`me`: your own, removed ones too.")] = None,
    q: Annotated[str | None, Query(max_length=1000, description="Words that the text has, in any script.")] = None,
    state: Annotated[State | None, Query(description="Of the tree; for staff.")] = None,
    deleted: Annotated[bool, Query(description="Only deleted ones; for staff.")] = False,
    person: Annotated[str | None, Query(max_length=100, description="The author's id; for staff.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The newest first; with `state`, by their trees.

    `q` goes with `lang` only, and finds what stands in the text as you would type it. Removed messages are shown to
    their authors (`author=me`) and to staff. Without a token, of an open campaign: those of finished trees.
    """
    with governed(campaign, caller) as look:
        db, reader = look.db, look.person
        staff = reader.role.reaches(PersonRole.MODERATOR)
        if author != "me":
            look.check_others()
        if not staff and (state is not None or deleted or person is not None):
            raise NotAllowed("The filters `state`, `deleted` and `person` are for moderators.")
        author_id = reader.id if author == "me" else person
        wanted = MessageFilter(
            lang, role, tree_id, author_id, deleted=deleted, standing=not staff and author_id is None
        )  # fmt: skip
        if q is not None:
            if wanted != MessageFilter(lang, standing=wanted.standing) or state is not None:
                raise Invalid("A search goes with `lang` only.", field="q")
            found, following = _found(db, q, lang, limit, cursor)
            found = [each for each in found if look.admits(each)]
        elif look.finished or state is not None:
            found, following = _in_state(db, state or State.READY_FOR_EXPORT, wanted, limit, cursor)
        else:
            found, following = _newest(db, wanted, limit, cursor)
        items = as_seen(db, reader, found)
    return answered(request, SeenPage, SeenPage(items=items, next=following))


Part = tuple[list[StaffMessage], str | None]


def _newest(db: Connection, wanted: MessageFilter, limit: int, cursor: str | None) -> Part:
    after = place_in(cursor, int, str) if cursor else NEWEST
    return page(reading.newest_messages(db, wanted, limit + 1, after=after), limit, reading.place_of)


def _in_state(db: Connection, state: State, wanted: MessageFilter, limit: int, cursor: str | None) -> Part:
    after = place_in(cursor, int, str, int) if cursor else IN_STATE
    found, following = page(
        reading.messages_in_state(db, state, wanted, limit + 1, after=after), limit, lambda each: each[1]
    )
    return [message for message, _ in found], following


def _found(db: Connection, q: str, lang: str | None, limit: int, cursor: str | None) -> Part:
    (before,) = place_in(cursor, int) if cursor else (search.FIRST,)
    try:
        hits = search.find(db, q, langs=() if lang is None else (lang,), before=before, limit=limit + 1)
    except Invalid as refusal:
        refusal.field = "q"
        raise
    hits, following = page(hits, limit, lambda hit: (hit.number,))
    found = reading.several(db, (hit.message_id for hit in hits))
    return [found[hit.message_id] for hit in hits], following


@router.post("/messages/{message_id}/withdraw", status_code=204, summary="Withdraw a text of yours")
async def withdraw(message_id: str, campaign: CampaignDep, caller: Contributor) -> None:
    """As long as nobody has reviewed it or built on it."""
    await campaign.change(caller, undo.withdraw_text, message_id, campaign.clock(), campaign.rng)


@router.get("/messages/{message_id}", response_model=Seen, responses=UNCHANGED, summary="One message")
def message(message_id: str, request: Request, campaign: CampaignDep, caller: Reader) -> Response:
    """Without author, rank or votes while you could still judge it; one's own with what became of it.

    404 for what was removed, except for its author and staff.
    """
    with governed(campaign, caller) as look:
        shown = one_seen(look, message_id)
    return answered(request, Seen, shown)


@router.get("/messages/{message_id}/thread", response_model=SeenPage, responses=UNCHANGED,
            summary="A message and all it replies to")  # fmt: skip
def thread(
    message_id: str,
    request: Request,
    campaign: CampaignDep,
    caller: Reader,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """From the prompt down to this message."""
    with governed(campaign, caller) as look:
        asked = one_seen(look, message_id)
        of_tree = {each.id: each for each in reading.messages_of_tree(look.db, asked.tree_id)}
        path = []
        at: str | None = message_id
        while at is not None:
            path.append(of_tree[at])
            at = of_tree[at].parent_id
        found, following = part(path[::-1], limit, cursor)
        items = as_seen(look.db, look.person, found)
    return answered(request, SeenPage, SeenPage(items=items, next=following))


@router.get("/messages/{message_id}/children", response_model=SeenPage, responses=UNCHANGED,
            summary="The replies to a message")  # fmt: skip
def children(
    message_id: str,
    request: Request,
    campaign: CampaignDep,
    caller: Reader,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """In order of arrival."""
    skipped = skipped_by(cursor)
    with governed(campaign, caller) as look:
        one_seen(look, message_id)
        found = reading.children(look.db, message_id, limit + 1, skipped=skipped)
        found, following = page(found, limit, lambda _: (skipped + limit,))
        items = as_seen(look.db, look.person, filter(look.admits, found))
    return answered(request, SeenPage, SeenPage(items=items, next=following))


@router.get("/messages/{message_id}/tree", response_model=WholeTree, responses=UNCHANGED,
            summary="The whole tree that holds a message")  # fmt: skip
def tree(message_id: str, request: Request, campaign: CampaignDep, caller: Reader) -> Response:
    """The same as the tree by its own id."""
    with governed(campaign, caller) as look:
        shown = whole_tree(look, one_seen(look, message_id).tree_id)
    return answered(request, WholeTree, shown)


@router.get("/messages/{message_id}/history", response_model=Page[moderation.Wording], responses=UNCHANGED,
            summary="Every text that a message had")  # fmt: skip
def history(
    message_id: str,
    request: Request,
    campaign: CampaignDep,
    caller: ModeratorReader,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """For moderators, of the languages they look after; the oldest first."""
    with campaign.read(caller) as (db, person):
        items, following = part(moderation.history(db, person, message_id), limit, cursor)
    said = Page[moderation.Wording](items=items, next=following)
    return answered(request, Page[moderation.Wording], said)


# What people say of messages


@router.put("/messages/{message_id}/reactions/{emoji}", status_code=204, summary="React to a message")
async def react(message_id: str, emoji: str, campaign: CampaignDep, caller: Contributor) -> None:
    """`+1` and `-1` exclude each other and are ignored on one's own messages; a `red_flag` is a report as well."""
    await campaign.change(caller, moderation.react, message_id, emoji, True, campaign.clock(), campaign.rng)


@router.delete("/messages/{message_id}/reactions/{emoji}", status_code=204, summary="Take a reaction back")
async def take_back(message_id: str, emoji: str, campaign: CampaignDep, caller: Contributor) -> None:
    """Once more changes nothing."""
    await campaign.change(caller, moderation.react, message_id, emoji, False, campaign.clock(), campaign.rng)


class Reason(Form):
    reason: Annotated[str, Field(max_length=moderation.LONGEST_REASON)]

    model_config = example({"reason": "It names a private person."})


@router.post("/messages/{message_id}/report", status_code=204, summary="Tell staff that something is wrong")
async def report(message_id: str, form: Reason, campaign: CampaignDep, caller: Contributor) -> None:
    """Raises a red flag and says why."""
    await campaign.change(caller, moderation.report, message_id, form.reason, campaign.clock(), campaign.rng)


# What staff do to messages


class Edit(Form):
    text: str

    model_config = example({"text": "Why is the sky blue?"})


@router.patch("/messages/{message_id}", summary="Put other words into a message")
async def edit(message_id: str, form: Edit, campaign: CampaignDep, caller: Moderator) -> TreeNow:
    """For moderators; the old words stay in its history."""
    return tree_now(
        await campaign.change(
            caller, moderation.edit_message, message_id, form.text, campaign.clock(), campaign.rng
        )
    )  # fmt: skip


@router.post("/messages/{message_id}/delete", summary="Delete a message and all below it")
async def delete(message_id: str, campaign: CampaignDep, caller: Moderator) -> TreeNow:
    """For moderators. It leaves every task, count and rank."""
    return tree_now(
        await campaign.change(caller, moderation.delete_message, message_id, campaign.clock(), campaign.rng)
    )


@router.post("/messages/{message_id}/undelete", summary="Take a deletion back as a whole")
async def undelete(message_id: str, campaign: CampaignDep, caller: Moderator) -> TreeNow:
    """For moderators."""
    return tree_now(
        await campaign.change(caller, moderation.undelete_message, message_id, campaign.clock(), campaign.rng)
    )


@router.post("/messages/{message_id}/reveal", summary="Look behind a message that one could still judge")
async def reveal(message_id: str, campaign: CampaignDep, caller: Moderator) -> StaffMessage:
    """For moderators, who otherwise see as little as others of what they could still judge. The journal keeps it."""
    return await campaign.change(caller, moderation.reveal, message_id, campaign.clock())
