"""What all ways to sign in have in common: what a browser brings along, and the cookie with which it leaves.

Knows cookies and sessions; knows no single way.
"""

from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import signin
from espalier.collect.sessions import SignedIn
from espalier.domain.admission import Doors
from espalier.web import cookies
from espalier.web.visit import Visit, local, redirect

INVITATION: Final = "espalier_invitation"
MAILS_TO_ONE: Final = 5  # in a quarter of an hour
TRIES_OF_ONE: Final = 20
TRIES_FROM_ONE: Final = 60


@dataclass(frozen=True, slots=True)
class Brought:
    """`replaces`: the session that a new one takes the place of. `invitation`: the hash of the one that is held."""

    agent: str
    replaces: str | None
    invitation: str | None


def brought(visit: Visit) -> Brought:
    invitation = cookies.read_signed(visit.request, INVITATION, visit.campaign.signing_key)
    return Brought(visit.request.headers.get("user-agent", ""), visit.caller.token_hash, invitation)


def doors_now(visit: Visit) -> Doors:
    """Blocks."""
    with visit.campaign.database.read() as db:
        return visit.campaign.entrance.doors(db)


async def doors(visit: Visit) -> Doors:
    return await run_in_threadpool(doors_now, visit)


async def count_tries(visit: Visit, *tried: tuple[str, int]) -> None:
    """Count a try for each of these names, and one for where it comes from. Raises RateLimited."""
    client = visit.request.client
    names = [*tried, (f"from {client.host if client else ''}", TRIES_FROM_ONE)]
    await visit.campaign.door.write(signin.count, names, visit.campaign.clock())


def enter(visit: Visit, made: SignedIn, to: str | None, notice: str | None = None) -> Response:
    """On to where one came from, with the cookie of the new session."""
    answer = redirect(visit, local(to), notice)
    cookies.write_signed(
        answer, visit.request, cookies.SESSION, made.token, visit.campaign.signing_key, lasts_s=cookies.YEAR_S
    )
    cookies.forget(answer, INVITATION)
    return answer
