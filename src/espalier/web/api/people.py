"""People over HTTP: oneself, accounts for others, tokens, what somebody contributed, leaderboards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from random import Random
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from espalier.collect import accounts, cases, erasure
from espalier.collect.accounts import Secret
from espalier.collect.own_data import own_data
from espalier.domain.cases import Verdict
from espalier.domain.ranking import agrees
from espalier.domain.sight import BlindMessage
from espalier.domain.tree import State
from espalier.store import contributed, people, reading
from espalier.store.contributed import Contributed
from espalier.store.erasure import Traces
from espalier.store.jobs import Job
from espalier.store.people import Person, PersonRole, TokenInfo
from espalier.web.api.campaign import JobView, job_view
from espalier.web.api.forms import Form, example
from espalier.web.api.messages import Seen, as_seen
from espalier.web.api.router import api_router
from espalier.web.deps import (
    Admin,
    CampaignDep,
    Contributor,
    Moderator,
    ModeratorReader,
    Reader,
    ShutOut,
    ShutOutReader,
)
from espalier.web.paging import UNCHANGED, Cursor, Limit, Page, answered, page, part, place_in

router = api_router("people")
Name = Annotated[str, Field(max_length=1000)]


@dataclass(frozen=True, slots=True)
class Account:
    """A person as they and staff see them. `moderates`: the languages that a moderator looks after, none for all.

    `email`: for themselves and administrators; null for moderators. `disabled`: banned, or closed. `suspended_until`:
    may lie behind us; for moderators to the end of its day.
    """

    id: str
    name: str
    role: PersonRole
    email: str | None
    on_board: bool
    disabled: bool
    anonymous: bool
    created_at: datetime
    moderates: Sequence[str]
    suspended_until: datetime | None


def account(person: Person) -> Account:
    """To themselves and to administrators."""
    return Account(
        person.id, person.name, person.role, person.email, person.on_board, person.disabled, person.anonymous,
        person.created_at, person.moderates, person.suspended_until,
    )  # fmt: skip


@router.get("/me", summary="Your account")
def me(campaign: CampaignDep, caller: Reader) -> Account:
    """Who you are to the campaign."""
    with campaign.read(caller) as (_, person):
        return account(person)


class Profile(Form):
    name: Name | None = None
    on_board: bool | None = None

    model_config = example({"name": "Ada"}, {"on_board": False})


@router.patch("/me", summary="Change your name, or whether leaderboards show you")
async def change_me(form: Profile, campaign: CampaignDep, caller: Contributor) -> Account:
    """What you leave out stays as it is."""
    changed = await campaign.change(
        caller, accounts.change_profile, campaign.clock(), name=form.name, on_board=form.on_board
    )
    return account(changed)


# What somebody contributed


@dataclass(frozen=True, slots=True)
class Contribution:
    """What was sent and what it came to. `message`: your own text, or what you judged; null when it is gone.

    Of what somebody else did with a message that you could still judge, `tree_id`, `said` and `message` are left out,
    and `at` tells the day alone.
    `said`: labels, order, emoji or reason, as sent. `agreed`: of a ranking, once its tree is finished, whether it
    agrees with the final order.
    """

    kind: str
    at: datetime
    late: bool
    tree_id: str | None
    said: Mapping[str, Any]
    message: Seen | None
    agreed: bool | None


def contributions_of(
    db: Connection, reader: Person, person_id: str, limit: int, cursor: str | None
) -> Page[Contribution]:
    """What somebody contributed, the newest first, as far as the reader may see it."""
    (before,) = place_in(cursor, int) if cursor else (contributed.NEWEST,)
    facts, following = page(
        contributed.contributed(db, person_id, limit + 1, before=before), limit, lambda fact: (fact.seq,)
    )
    about = reading.several(db, {fact.message_id for fact in facts})
    shown = {message.id: message for message in as_seen(db, reader, about.values())}
    hidden = {each.id for each in shown.values() if isinstance(each, BlindMessage) and reader.id != person_id}
    finished = {message.id for message in about.values() if message.tree_state is State.READY_FOR_EXPORT}
    ranks = contributed.ranks_below(db, {fact.message_id for fact in facts if fact.kind == "ranked"} & finished)
    items = [
        Contribution(fact.kind, datetime.combine(fact.at, time.min, fact.at.tzinfo), fact.late, None, {}, None, None)
        if fact.message_id in hidden
        else Contribution(
            fact.kind, fact.at, fact.late, fact.tree_id, fact.said, shown.get(fact.message_id),
            _agreed(fact, ranks),
        )
        for fact in facts
    ]  # fmt: skip
    return Page[Contribution](items=items, next=following)


def _agreed(fact: Contributed, ranks: Mapping[str, Mapping[str, int]]) -> bool | None:
    if fact.kind != "ranked" or fact.message_id not in ranks:
        return None
    final = ranks[fact.message_id]
    return agrees(fact.order, {reply: final[reply] for group in fact.order for reply in group if reply in final})


@router.get("/me/contributions", response_model=Page[Contribution], responses=UNCHANGED,
            summary="What you contributed, and what became of it")  # fmt: skip
def my_contributions(
    request: Request, campaign: CampaignDep, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """The newest first; what you took back is not there."""
    with campaign.read(caller) as (db, person):
        found = contributions_of(db, person, person.id, limit, cursor)
    return answered(request, Page[Contribution], found)


@router.get("/me/data", summary="All that is kept of you")
def my_data(campaign: CampaignDep, caller: ShutOutReader) -> dict[str, Any]:
    """Account, preferences, sessions, consents, survey, drafts, and every contribution with your own texts.

    Who is banned or suspended takes them along, too.
    """
    with campaign.read(caller) as (db, person):
        return own_data(db, person, campaign.clock())


# Tokens


@dataclass(frozen=True, slots=True)
class NewToken:
    """`token` is shown this once."""

    token: str
    info: TokenInfo


class TokenForm(Form):
    """`scope`: `read` for a token that changes nothing."""

    name: Name
    scope: Literal["full", "read"] = "full"

    model_config = example({"name": "laptop", "scope": "read"})


@router.get("/me/tokens", response_model=Page[TokenInfo], responses=UNCHANGED, summary="Your tokens")
def my_tokens(
    request: Request, campaign: CampaignDep, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """All that you ever had, the oldest first, without what opens anything."""
    with campaign.read(caller) as (db, person):
        items, following = part(accounts.tokens_of(db, person, person.id), limit, cursor)
    return answered(request, Page[TokenInfo], Page[TokenInfo](items=items, next=following))


def _token_for_oneself(
    db: Connection, actor: Person, form: TokenForm, secret: Secret, now: datetime, rng: Random
) -> tuple[TokenInfo, str]:
    return accounts.create_token(db, actor, actor.id, form.name, form.scope, secret, now, rng)


def _revoke_own(db: Connection, actor: Person, token_id: str, now: datetime) -> None:
    accounts.revoke_token(db, actor, actor.id, token_id, now)


@router.post("/me/tokens", status_code=201, summary="A further token of yours")
async def new_token(form: TokenForm, campaign: CampaignDep, caller: Contributor) -> NewToken:
    """It is shown this once; the database knows only its hash."""
    info, token = await campaign.change(
        caller, _token_for_oneself, form, campaign.secret, campaign.clock(), campaign.rng
    )
    return NewToken(token, info)


@router.delete("/me/tokens/{token_id}", status_code=204, summary="Revoke a token of yours")
async def revoke(token_id: str, campaign: CampaignDep, caller: Contributor) -> None:
    """From now on it opens nothing."""
    await campaign.change(caller, _revoke_own, token_id, campaign.clock())


# Accounts of others


@dataclass(frozen=True, slots=True)
class Invited:
    """A new account and its token, which is shown this once."""

    person: Account
    token: str


@dataclass(frozen=True, slots=True)
class AllInvited:
    items: list[Invited]


class NewPerson(Form):
    name: Name
    role: PersonRole = PersonRole.CONTRIBUTOR
    email: Annotated[str | None, Field(max_length=1000)] = None

    model_config = example({"name": "Grace", "role": "moderator", "email": "grace@example.org"})


class Invitations(Form):
    count: int
    role: PersonRole = PersonRole.CONTRIBUTOR
    prefix: Name = "volunteer"

    model_config = example({"count": 40, "role": "contributor", "prefix": "course"})


@router.get("/people", response_model=Page[Account], responses=UNCHANGED, summary="List accounts by name")
def everybody(
    request: Request,
    campaign: CampaignDep,
    caller: ModeratorReader,
    q: Annotated[
        str,
        Query(
            max_length=100, description="Part of a name, or an id; for administrators also part of an e-mail address."
        ),
    ] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """For moderators."""
    after = place_in(cursor, str, str) if cursor else ("", "")
    with campaign.read(caller) as (db, reader):
        found = people.search_people(db, limit + 1, wanted=q, after=after, addresses=accounts.reads_addresses(reader))
    items, following = page(found, limit, lambda person: (person.name, person.id))
    shown = [_seen_by(reader, person) for person in items]
    return answered(request, Page[Account], Page[Account](items=shown, next=following))


def _seen_by(reader: Person, person: Person) -> Account:
    """The moment of a suspension would tell moderators for which message it was."""
    if accounts.reads_addresses(reader):
        return account(person)
    until = person.suspended_until
    day_ends = until and datetime.combine(until + timedelta(days=1), time.min, until.tzinfo)
    return account(replace(person, email=None, suspended_until=day_ends))


@router.post("/people", status_code=201, summary="A new account with a token")
async def new_person(form: NewPerson, campaign: CampaignDep, caller: Admin) -> Invited:
    """For administrators."""
    made = await campaign.change(
        caller, accounts.create_person, form.name, form.role, campaign.secret, campaign.clock(), campaign.rng,
        email=form.email,
    )  # fmt: skip
    return Invited(account(made.person), made.token)


@router.post("/people/invitations", status_code=201, summary="Many new accounts at once")
async def invite(form: Invitations, campaign: CampaignDep, caller: Admin) -> AllInvited:
    """For administrators. Whoever gets a token chooses a name of their own."""
    made = await campaign.change(
        caller, accounts.invite, form.count, form.role, campaign.secret, campaign.clock(), campaign.rng,
        prefix=form.prefix,
    )  # fmt: skip
    return AllInvited([Invited(account(each.person), each.token) for each in made])


@router.get("/people/{person_id}", summary="One account")
def one(person_id: str, campaign: CampaignDep, caller: ModeratorReader) -> Account:
    """For moderators."""
    with campaign.read(caller) as (db, reader):
        return _seen_by(reader, accounts.known(db, person_id))


@router.get("/people/{person_id}/contributions", response_model=Page[Contribution], responses=UNCHANGED,
            summary="What somebody contributed")  # fmt: skip
def contributions(
    person_id: str, request: Request, campaign: CampaignDep, caller: ModeratorReader, limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    """For moderators; the newest first."""
    with campaign.read(caller) as (db, person):
        found = contributions_of(db, person, accounts.known(db, person_id).id, limit, cursor)
    return answered(request, Page[Contribution], found)


class NewRole(Form):
    """`moderates`: the languages that a moderator looks after, none for all."""

    role: PersonRole
    moderates: Annotated[list[str], Field(default_factory=list, max_length=200)]

    model_config = example({"role": "moderator", "moderates": ["de"]})


@router.patch("/people/{person_id}", summary="Give somebody a role")
async def change_role(person_id: str, form: NewRole, campaign: CampaignDep, caller: Admin) -> Account:
    """For administrators. The last administrator keeps the role."""
    changed = await campaign.change(
        caller, accounts.change_role, person_id, form.role, campaign.clock(), moderates=form.moderates
    )
    return account(changed)


@router.post("/people/{person_id}/tokens", status_code=201, summary="A further token for somebody")
async def token_for(person_id: str, form: TokenForm, campaign: CampaignDep, caller: Admin) -> NewToken:
    """For administrators."""
    info, token = await campaign.change(
        caller, accounts.create_token, person_id, form.name, form.scope, campaign.secret, campaign.clock(),
        campaign.rng,
    )  # fmt: skip
    return NewToken(token, info)


class Ban(Form):
    """`reason`: one of the organiser's list. `days`: a suspension of so many days instead. The person reads both."""

    reason: Annotated[str, Field(max_length=1000)]
    note: Annotated[str, Field(max_length=10_000)] = ""
    days: int | None = None

    model_config = example({"reason": "Spam or advertising", "note": "After two warnings."})


@router.post("/people/{person_id}/ban", summary="Disable an account at once")
async def ban(person_id: str, form: Ban, campaign: CampaignDep, caller: Moderator) -> Account:
    """For moderators of all languages; never on an administrator. What the person held is free for others.

    It is a case, from which it can be undone; the person may appeal.
    """
    verdict = Verdict.BAN if form.days is None else Verdict.SUSPEND
    ruling = cases.Ruling(verdict, form.reason, form.note, form.days)
    return await campaign.change(caller, _shut_out, person_id, ruling, campaign.clock(), campaign.rng)


def _shut_out(
    db: Connection, actor: Person, person_id: str, ruling: cases.Ruling, now: datetime, rng: Random
) -> Account:
    cases.shut_out(db, actor, person_id, ruling, now, rng)
    return _seen_by(actor, accounts.known(db, person_id))


@router.post("/people/{person_id}/unban", summary="Let somebody in again")
async def unban(person_id: str, campaign: CampaignDep, caller: Moderator) -> Account:
    """For moderators of all languages; of a ban and of a suspension. An appeal that waits is granted."""
    return await campaign.change(caller, _let_in, person_id, campaign.clock(), campaign.rng)


def _let_in(db: Connection, actor: Person, person_id: str, now: datetime, rng: Random) -> Account:
    return _seen_by(actor, cases.let_in(db, actor, person_id, now, rng))


class Purge(Form):
    """`preview`: only say what would go."""

    preview: bool

    model_config = example({"preview": True})


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge removes; `job`: null for a preview."""

    traces: Traces
    job: JobView | None


@router.post("/people/{person_id}/purge", summary="Remove a person and all they contributed")
async def purge(person_id: str, form: Purge, campaign: CampaignDep, caller: Moderator) -> Purged:
    """For moderators; never on an administrator. It cannot be taken back; a preview changes nothing."""
    traces, job = await campaign.change(
        caller, _purge, person_id, form.preview, campaign.clock(), campaign.rng
    )  # fmt: skip
    return Purged(traces, None if job is None else job_view(job))


def _purge(
    db: Connection, actor: Person, person_id: str, preview: bool, now: datetime, rng: Random
) -> tuple[Traces, Job | None]:
    traces = erasure.purge_preview(db, actor, person_id)
    return traces, None if preview else erasure.purge(db, actor, person_id, now, rng)


@router.post("/people/{person_id}/close", summary="Close somebody's account")
async def close(person_id: str, campaign: CampaignDep, caller: Admin) -> JobView:
    """For administrators. Texts and votes stay, under no id. It cannot be taken back."""
    return job_view(await campaign.change(caller, erasure.close_account, person_id, campaign.clock(), campaign.rng))


@router.delete("/me", summary="Close your account")
async def close_mine(campaign: CampaignDep, caller: ShutOut) -> JobView:
    """Your texts and votes stay, under no id; your tokens open nothing any more. It cannot be taken back.

    Who is banned or suspended may leave, too.
    """
    return job_view(await campaign.change(caller, _close_own, campaign.clock(), campaign.rng))


def _close_own(db: Connection, actor: Person, now: datetime, rng: Random) -> Job:
    return erasure.close_account(db, actor, actor.id, now, rng)
