"""Accounts: who there is, with which tokens, and who may do what to whom.

Secrets and ids are handed in or drawn from what is handed in; only the SHA-256 of a token is kept. Knows no HTTP.
Wherever `actor` may be None, it is whoever holds the machine, at the command line.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.ids import new_id
from espalier.collect.lottery import fill_places
from espalier.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from espalier.domain.language import checked_tag
from espalier.store import identities, journal, languages, people, work
from espalier.store.people import Person, PersonRole, TokenInfo
from espalier.store.policies import PolicyBook

TOKEN_PREFIX: Final = "esp_"
Secret = Callable[[], str]
"""Gives a fresh, unguessable text at each call."""
SCOPES: Final = ("full", "read")
MOST_INVITATIONS: Final = 1000
LONGEST_NAME: Final = 100  # characters
MOST_ALIKE: Final = 100  # people looked at to find one by the name
NAMED_ALIKE: Final = 3  # of them named to somebody who found none


@dataclass(frozen=True, slots=True)
class Invitation:
    """A new account and its token, which is shown this once."""

    person: Person
    token: str


def new_token(secret: Secret) -> str:
    """A token for a person's scripts."""
    return TOKEN_PREFIX + secret()


def require(person: Person | None, role: PersonRole) -> None:
    """Raises NotAllowed unless this person has at least this role."""
    if person is not None and not person.role.reaches(role):
        raise NotAllowed("This is for people with the role %(role)s; yours is %(own)s.", role=role, own=person.role)


def require_for(person: Person | None, lang: str) -> None:
    """Raises NotAllowed unless this member of staff looks after the language."""
    require(person, PersonRole.MODERATOR)
    if person is not None and not person.looks_after(lang):
        raise NotAllowed(
            "This is in the language %(lang)s; you look after %(langs)s.", lang=lang, langs=tuple(person.moderates)
        )


def require_everywhere(person: Person | None) -> None:
    """Raises NotAllowed unless this member of staff looks after all languages."""
    require(person, PersonRole.MODERATOR)
    if person is not None and person.role is PersonRole.MODERATOR and person.moderates:
        raise NotAllowed("This reaches into every language; ask somebody who looks after all of them.")


def _require_in(person: Person | None, lang: str | None) -> None:
    if lang is None:
        require_everywhere(person)
    else:
        require_for(person, lang)


def may_act_on(actor: Person | None, target: Person) -> None:
    """Raises NotAllowed when somebody would act on a person of a higher role."""
    if actor is not None and not actor.role.reaches(target.role):
        raise NotAllowed(
            "Somebody with the role %(role)s cannot act on an account with the role %(other)s.",
            role=actor.role,
            other=target.role,
        )


def known(db: Connection, person_id: str) -> Person:
    """The person with this id. Raises NotFound."""
    return _there(people.by_id(db, person_id))


def known_alone(db: Connection, person_id: str) -> Person:
    """The same for who will change the account: nobody else does so, nor acts as this person, until it is done."""
    return _there(people.by_id_alone(db, person_id))


def _there(person: Person | None) -> Person:
    if person is None:
        raise NotFound("There is no such person.")
    return person


def named(db: Connection, words: str) -> Person:
    """The person with this id, address or name. Raises NotFound, and Conflict where several have the name."""
    person = people.by_id(db, words) or people.by_email(db, words.strip().lower())
    if person is not None:
        return person
    like = people.search_people(db, MOST_ALIKE, wanted=words)
    exactly = [each for each in like if each.name == words]
    if len(exactly) == 1:
        return exactly[0]
    if exactly:
        ids = ", ".join(each.id for each in exactly)
        raise Conflict("Several people are called %(name)s; say which one by the id: %(ids)s.", name=words, ids=ids)
    if near := ", ".join(each.name for each in like[:NAMED_ALIKE]):
        raise NotFound("There is no person %(name)s; there is %(near)s.", name=words, near=near)
    raise NotFound("There is no person %(name)s.", name=words)


def create_person(
    db: Connection,
    actor: Person | None,
    name: str,
    role: PersonRole,
    secret: Secret,
    now: datetime,
    rng: Random,
    *,
    email: str | None = None,
) -> Invitation:
    """A new account with a token for everything that its role allows. Raises NotAllowed, Invalid, Conflict."""
    require(actor, PersonRole.ADMIN)
    email = _email(db, email)
    person = Person(new_id(rng), clean_name(name), role, False, True, False, now, email)
    return _added(db, actor, person, secret, now, rng)


def invite(
    db: Connection,
    actor: Person | None,
    count: int,
    role: PersonRole,
    secret: Secret,
    now: datetime,
    rng: Random,
    *,
    prefix: str = "volunteer",
) -> list[Invitation]:
    """Many accounts at once, named by a prefix and a number; whoever gets a token chooses a name of their own.

    Raises NotAllowed and Invalid.
    """
    require(actor, PersonRole.ADMIN)
    if not 1 <= count <= MOST_INVITATIONS:
        raise Invalid("Between 1 and %(most)s people are invited at once.", most=MOST_INVITATIONS, field="count")
    digits = len(str(count))
    names = [clean_name(f"{prefix}-{number:0{digits}}", field="prefix") for number in range(1, count + 1)]
    return [
        _added(db, actor, Person(new_id(rng), name, role, False, True, False, now), secret, now, rng) for name in names
    ]


def _added(
    db: Connection, actor: Person | None, person: Person, secret: Secret, now: datetime, rng: Random
) -> Invitation:
    token = new_token(secret)
    people.add_person(db, person)
    people.add_token(db, people.token_hash(token), new_id(rng), person.id, "first", "full", now)
    journal.note(db, _id(actor), "person.created", person.id, now, role=person.role)
    return Invitation(person, token)


def change_role(
    db: Connection,
    actor: Person | None,
    person_id: str,
    role: PersonRole,
    now: datetime,
    *,
    moderates: Sequence[str] = (),
) -> Person:
    """Give a role; `moderates`: the languages that a moderator looks after, none for all.

    Raises NotAllowed, NotFound, Invalid, and Conflict for the last administrator.
    """
    require(actor, PersonRole.ADMIN)
    person = known_alone(db, person_id)
    langs = _moderated(role, moderates)
    if (person.role, person.moderates) == (role, langs):
        return person
    if person.anonymous:
        raise Conflict("Nobody signs in with this account, so it has no role.")
    keep_an_admin(db, person)
    changed = replace(person, role=role, moderates=langs)
    people.save_person(db, changed)
    scope = {"moderates": list(langs)} if langs or person.moderates else {}
    journal.note(db, _id(actor), "person.role", person.id, now, was=person.role, role=role, **scope)
    return changed


def _moderated(role: PersonRole, langs: Sequence[str]) -> tuple[str, ...]:
    tags = {checked_tag(lang, "moderates") for lang in langs}
    if tags and role is not PersonRole.MODERATOR:
        raise Invalid("Only a moderator looks after some languages alone.", field="moderates")
    return tuple(sorted(tags))


def reads_addresses(reader: Person) -> bool:
    """Whether somebody may know the e-mail addresses of others: to decide on what people did, nobody needs them."""
    return reader.role is PersonRole.ADMIN


def keep_an_admin(db: Connection, person: Person) -> None:
    """Raises Conflict when this is the last administrator."""
    if person.role is PersonRole.ADMIN and people.admins(db) == [person.id]:
        raise Conflict("This is the last administrator; appoint another one first.")


def ban(
    db: Connection, actor: Person | None, person_id: str, now: datetime, *, lang: str | None = None
) -> Person:  # fmt: skip
    """Disable an account at once: no further request is answered, and what it held is free for others.

    Its waiting prompts leave the lottery. `lang`: of the case that is decided; without one it reaches into every
    language. Why, and that the person reads it, is for cases.py. Raises NotAllowed (also for every administrator),
    NotFound.
    """
    _require_in(actor, lang)
    person = known_alone(db, person_id)
    if person.role is PersonRole.ADMIN:
        raise NotAllowed("An administrator cannot be banned; another administrator would have to take the role away.")
    if actor is not None and actor.id == person.id:
        raise NotAllowed("Nobody bans themselves; to leave, close your account.")
    if person.disabled:
        return person
    banned = replace(person, disabled=True)
    people.save_person(db, banned)
    work.release_all(db, person.id, now)
    journal.note(db, _id(actor), "person.banned", person.id, now)
    return banned


def unban(
    db: Connection, actor: Person | None, person_id: str, now: datetime, rng: Random, *, lang: str | None = None
) -> Person:
    """Let a person in again; their waiting prompts are back in the lottery. `lang`: as of a ban.

    Raises NotAllowed, NotFound, Conflict.
    """
    _require_in(actor, lang)
    person = known_alone(db, person_id)
    may_act_on(actor, person)
    if person.anonymous:
        raise Conflict("This account is closed; what it was cannot be brought back.")
    if not person.disabled:
        return person
    welcome = replace(person, disabled=False)
    people.save_person(db, welcome)
    journal.note(db, _id(actor), "person.unbanned", person.id, now)
    book = PolicyBook(db)
    for lang in languages.langs_where_waiting(db, person.id):
        fill_places(db, lang, book, now, rng)
    return welcome


def change_profile(
    db: Connection, actor: Person, now: datetime, *, name: str | None = None, on_board: bool | None = None
) -> Person:
    """What people say of themselves: their name, and whether the leaderboards show them. Raises Invalid."""
    changed = replace(
        actor,
        name=actor.name if name is None else clean_name(name),
        on_board=actor.on_board if on_board is None else on_board,
    )
    if changed != actor:
        people.save_person(db, changed)
        fields = [field for field in ("name", "on_board") if getattr(changed, field) != getattr(actor, field)]
        journal.note(db, actor.id, "person.profile", actor.id, now, changed=fields)
    return changed


def create_token(
    db: Connection,
    actor: Person | None,
    person_id: str,
    name: str,
    scope: str,
    secret: Secret,
    now: datetime,
    rng: Random,
) -> tuple[TokenInfo, str]:
    """A further token, for oneself or (as an administrator) for others; it is shown this once.

    Raises NotAllowed, NotFound, Invalid, Conflict.
    """
    person = _own_or_administered(db, actor, person_id)
    if scope not in SCOPES:
        raise Invalid("A token's scope is one of %(known)s.", known=", ".join(SCOPES), field="scope")
    if person.anonymous:
        raise Conflict("Nobody signs in with this account, so it has no tokens.")
    token = new_token(secret)
    info = TokenInfo(new_id(rng), person.id, clean_name(name), scope, now)
    people.add_token(db, people.token_hash(token), info.id, person.id, info.name, scope, now)
    journal.note(db, _id(actor), "token.created", person.id, now, token=info.id, scope=scope)
    return info, token


def revoke_token(db: Connection, actor: Person | None, person_id: str, token_id: str, now: datetime) -> None:
    """From now on the token opens nothing.

    Raises NotAllowed, NotFound for a token that is not in force, and Conflict for somebody's own last way to sign in.
    """
    person = _own_or_administered(db, actor, person_id)
    if actor is not None and actor.id == person.id:
        _keep_a_way(db, person, token_id)
    if not people.revoke_token(db, person.id, token_id, now):
        raise NotFound("There is no such token in force.")
    journal.note(db, _id(actor), "token.revoked", person.id, now, token=token_id)


def _keep_a_way(db: Connection, person: Person, token_id: str) -> None:
    in_force = [each for each in people.tokens_of(db, person.id) if each.revoked_at is None and each.scope == "full"]
    if [each.id for each in in_force] == [token_id] and not person.email and not identities.ways_of(db, person.id):
        raise Conflict("This is the last way to sign in; add another one first.")


def tokens_of(db: Connection, actor: Person | None, person_id: str) -> Sequence[TokenInfo]:
    """All tokens of oneself or (as an administrator) of others, without what opens anything."""
    return people.tokens_of(db, _own_or_administered(db, actor, person_id).id)


def _own_or_administered(db: Connection, actor: Person | None, person_id: str) -> Person:
    if actor is None or actor.id != person_id:
        require(actor, PersonRole.ADMIN)
    return known(db, person_id)


def clean_name(name: str, field: str = "name") -> str:
    """A name as it is kept: NFC, on one line. Raises Invalid."""
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
        raise Invalid("A name is one line of text.", field=field)
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Invalid("A name has 1 to %(most)s characters.", most=LONGEST_NAME, field=field)
    return name


def _email(db: Connection, email: str | None) -> str | None:
    if email is None:
        return None
    email = email.strip().lower()
    local, at, domain = email.partition("@")
    if not (local and at and domain) or any(sign.isspace() for sign in email) or len(email) > 254:
        raise Invalid("This is no e-mail address.", field="email")
    if people.by_email(db, email) is not None:
        raise Conflict("There is an account with this e-mail address already.", field="email")
    return email


def _id(actor: Person | None) -> str | None:
    return actor.id if actor is not None else None
