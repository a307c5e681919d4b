"""What routes ask for, as named types, so that their signatures read as sentences."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterator
from difflib import get_close_matches
from typing import Annotated, Final

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field

from espalier.domain.errors import Invalid
from espalier.domain.language import checked_tag
from espalier.domain.tree import State
from espalier.store.people import PersonRole, token_hash
from espalier.web.campaign import Caller, Campaign

ACCOUNT: Final = re.compile(r"/api/v1/me(/|$)")
"""One's own account, which is open also to who has not accepted the organiser's terms."""
_bearer = HTTPBearer(auto_error=False, description="A token of `espalier user token` or of an administrator.")


# Dependencies are coroutines because FastAPI sends plain functions to a thread, which costs more than they do.


async def _campaign(request: Request) -> Campaign:
    campaign: Campaign = request.app.state.campaign
    return campaign


def _caller(needs: PersonRole, *, changes: bool, shut_out: bool = False) -> Callable[..., Awaitable[Caller]]:
    async def caller(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Caller:  # fmt: skip
        known = token_hash(given.credentials) if given else None
        before_terms = shut_out or ACCOUNT.match(request.url.path) is not None
        return Caller(known, needs, changes, before_terms=before_terms, shut_out=shut_out)

    return caller


def _asked_by(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for each in dependant.dependencies:
        yield from _asked_by(each)


def refuse_unknown(request: Request) -> None:
    """A parameter that the route does not take is refused, not passed over: its sender would read the answer to another
    question. Raises RequestValidationError.
    """
    if not request.scope["query_string"]:
        return
    takes = sorted(set(_asked_by(request.scope["route"].dependant)))
    faults = []
    for name in dict.fromkeys(request.query_params):
        if name not in takes:
            near = get_close_matches(name, takes, n=1)
            right = (
                f"did you mean {near[0]}?" if near else f"there are {', '.join(takes)}." if takes else "there is none."
            )
            faults.append({"type": "unknown", "loc": ("query", name), "msg": f"There is no such parameter; {right}"})
    if faults:
        raise RequestValidationError(faults)


async def only_known(request: Request) -> None:
    """The same, as what routes depend on."""
    refuse_unknown(request)


Number = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""The number of a case, a decision, a report, or a version of something; no database keeps larger ones."""
CampaignDep = Annotated[Campaign, Depends(_campaign)]
Reader = Annotated[Caller, Depends(_caller(PersonRole.CONTRIBUTOR, changes=False))]
Contributor = Annotated[Caller, Depends(_caller(PersonRole.CONTRIBUTOR, changes=True))]
ShutOut = Annotated[Caller, Depends(_caller(PersonRole.CONTRIBUTOR, changes=True, shut_out=True))]
"""A contributor, also while banned or suspended."""
ShutOutReader = Annotated[Caller, Depends(_caller(PersonRole.CONTRIBUTOR, changes=False, shut_out=True))]
ModeratorReader = Annotated[Caller, Depends(_caller(PersonRole.MODERATOR, changes=False))]
Moderator = Annotated[Caller, Depends(_caller(PersonRole.MODERATOR, changes=True))]
AdminReader = Annotated[Caller, Depends(_caller(PersonRole.ADMIN, changes=False))]
Admin = Annotated[Caller, Depends(_caller(PersonRole.ADMIN, changes=True))]


def checked_langs(langs: list[str], field: str = "langs") -> tuple[str, ...]:
    """Language tags in their usual case, each once, in the order given. Raises Invalid."""
    return tuple(dict.fromkeys(checked_tag(lang, field) for lang in langs))


def listed(typed: str) -> list[str]:
    """What stands between the commas."""
    return [part.strip() for part in typed.split(",") if part.strip()]


def chosen_states(states: Collection[str]) -> tuple[State, ...]:
    """States of trees, at least one. Raises Invalid."""
    if not states or not set(states) <= set(State):
        raise Invalid("Choose at least one state of trees.", field="states")
    return tuple(map(State, states))


Langs = Annotated[list[str], Query(alias="lang", description="Language tags (BCP 47); may be given several times.")]


async def _checked_lang(
    lang: Annotated[str | None, Query(description="A language tag (BCP 47).")] = None,
) -> str | None:
    return None if lang is None else checked_langs([lang], "lang")[0]


Lang = Annotated[str | None, Depends(_checked_lang)]
