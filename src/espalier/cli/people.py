"""`espalier user`: accounts, their roles and tokens, by whoever holds the machine."""

import secrets
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.campaign import campaign, writing
from espalier.cli.terminal import MISUSED, fail, harmless, one_of, out, plural, show, table

if TYPE_CHECKING:
    from espalier.store.people import Person

users = typer.Typer(no_args_is_help=True, help="Accounts, their roles and tokens.", rich_markup_mode=None)
Who = Annotated[str, typer.Argument(metavar="PERSON", help="An id, a name or an e-mail address.")]
MOST_LISTED = 1000


@users.command()
def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="How the person is called; with --count, how names begin.")
    ],
    role: Annotated[str, typer.Option(metavar="ROLE", help="contributor, moderator or admin.")] = "contributor",
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The person's address.")] = None,
    count: Annotated[int | None, typer.Option(metavar="N", min=1, max=1000, help="So many accounts at once.")] = None,
) -> None:
    """Make an account, or many, each with a token that is shown this once."""
    from espalier.collect.accounts import create_person, invite
    from espalier.store.people import PersonRole

    as_role = PersonRole(one_of(role, PersonRole, "role"))
    if count and email:
        fail("--email is the address of one person, so it does not go with --count.", MISUSED)
    now, rng = datetime.now(UTC), Random()
    with campaign() as database, writing(database) as door:
        if count:
            made = door.call(invite, None, count, as_role, secrets.token_urlsafe, now, rng, prefix=name)
        else:
            made = [door.call(create_person, None, name, as_role, secrets.token_urlsafe, now, rng, email=email)]
    width = max(len(each.person.name) for each in made)
    for each in made:
        out.print(f"{escape(each.person.name):<{width}}  {each.token}")
    _say(f"{plural(len(made), 'account')} with the role {as_role}; a token is not shown again.")


@users.command("list")
def list_(
    words: Annotated[str, typer.Argument(metavar="WORDS", help="Only people with this in name, address or id.")] = "",
    role: Annotated[str | None, typer.Option(metavar="ROLE", help="Only people with this role.")] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Also people known from imported files, who cannot sign in.")
    ] = False,
) -> None:
    """List the accounts, by name."""
    from espalier.store.people import PersonRole, search_people

    as_role = PersonRole(one_of(role, PersonRole, "role")) if role else None
    found: list[Person] = []
    after = ("", "")
    with campaign() as database, database.read() as db:
        while page := search_people(db, MOST_LISTED, wanted=words, after=after):
            found += [
                each for each in page if (everybody or not each.anonymous) and as_role in (None, each.role)
            ]  # fmt: skip
            after = (page[-1].name, page[-1].id)
    made = table(None, "name")
    for name in ("role", "id"):
        made.add_column(name, no_wrap=True)
    for each in found:
        role_or_not = "imported" if each.anonymous else f"{each.role}{', disabled' if each.disabled else ''}"
        made.add_row(escape(harmless(each.name)), role_or_not, each.id)
    if found:
        show(made)
    _say(f"{plural(len(found), 'person', 'people')}.")


@users.command()
def role(
    person: Who,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="contributor, moderator or admin.")],
) -> None:
    """Give a person another role; the last administrator keeps theirs."""
    from espalier.collect.accounts import change_role, named
    from espalier.store.people import PersonRole

    as_role = PersonRole(one_of(role, PersonRole, "role"))
    with campaign() as database, writing(database) as door:
        who = door.call(named, person)
        changed = door.call(change_role, None, who.id, as_role, datetime.now(UTC))
    _say(f"{changed.name} has the role {changed.role}" + ("." if who.role != changed.role else ", as before."))


@users.command()
def token(
    person: Who,
    name: Annotated[str, typer.Option(metavar="NAME", help="What the token is for.")] = "command line",
    read_only: Annotated[bool, typer.Option("--read-only", help="It may read, and change nothing.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Only list the person's tokens.")] = False,
    revoke: Annotated[str | None, typer.Option(metavar="TOKEN_ID", help="End a token; --list shows ids.")] = None,
) -> None:
    """Make a further token for a person, which is shown this once; list them, or revoke one."""
    from espalier.collect.accounts import create_token, named, revoke_token, tokens_of

    now = datetime.now(UTC)
    with campaign() as database, writing(database) as door:
        who = door.call(named, person)
        if listed:
            tokens = door.call(tokens_of, None, who.id)
        elif revoke:
            door.call(revoke_token, None, who.id, revoke, now)
            _say(f"The token {revoke} of {who.name} opens nothing any more.")
            return
        else:
            scope = "read" if read_only else "full"
            _, made = door.call(create_token, None, who.id, name, scope, secrets.token_urlsafe, now, Random())
            out.print(made)
            _say(f"A token for {who.name}; it is not shown again.")
            return
    shown = table(None, "token")
    for column in ("scope", "since", "revoked", "id"):
        shown.add_column(column, no_wrap=True)
    for each in tokens:
        ended = f"{each.revoked_at:%Y-%m-%d}" if each.revoked_at else ""
        shown.add_row(escape(harmless(each.name)), each.scope, f"{each.created_at:%Y-%m-%d}", ended, each.id)
    show(shown)


@users.command()
def disable(person: Who) -> None:
    """Ban a person at once: no request is answered any more, and what they had in hand is free for others."""
    from espalier.collect.accounts import ban, named

    with campaign() as database, writing(database) as door:
        changed = door.call(ban, None, door.call(named, person).id, datetime.now(UTC))
    _say(f"{changed.name} is disabled; `espalier user enable` lets them in again.")


@users.command()
def enable(person: Who) -> None:
    """Let a disabled person in again."""
    from espalier.collect.accounts import named, unban

    with campaign() as database, writing(database) as door:
        changed = door.call(unban, None, door.call(named, person).id, datetime.now(UTC), Random())
    _say(f"{changed.name} is enabled.")


def _say(sentence: str) -> None:
    out.print(escape(harmless(sentence)), style="dim")
