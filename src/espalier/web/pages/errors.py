"""What people read when something is refused, is not there, or went wrong: what it is, and what to do now."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from espalier.domain.errors import Banned, Refusal, Suspended, WarningUnread
from espalier.web.bare import bare, language_of
from espalier.web.pages import banned
from espalier.web.refused import said, said_of_request, title_of, wait_words
from espalier.web.render import render
from espalier.web.typed import Typed, kept
from espalier.web.visit import Visit, sign_in_address, visit_of
from espalier.web.words import catalogue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """`quoted`: what the organiser adds. `typed`: what was typed, handed back. `wait`: when another try may
    succeed.
    """

    slug: str
    title: str
    status: int
    detail: str
    quoted: str
    typed: Typed | None
    wait: str | None
    request_id: str | None


def page_of(request: Request, slug: str, status: int, refused: Refusal | None, headers: Mapping[str, str]) -> Response:
    """The page for a refusal, or for what the server itself does not take. Who is not signed in is sent to sign in."""
    if status == 401:
        return RedirectResponse(sign_in_address(request), status_code=303)
    try:
        visit: Visit = getattr(request.state, "visit", None) or visit_of(request)
    except Exception as error:  # whatever broke the page may break this one too; one that knows nobody must do
        log.error("no page could be made of a fault", exc_info=error)
        words = catalogue(language_of(request))
        return bare(
            request, "broken.html", status=status, title=title_of(slug, words),
            detail=said(refused, words) if refused else said_of_request(slug, words), typed=kept(request),
            request_id=request.scope.get("request_id"),
        )  # fmt: skip
    if slug in (Banned.slug, Suspended.slug) and visit.person is not None:
        return banned.page(visit)
    if slug == WarningUnread.slug:
        return RedirectResponse("/notices", status_code=303)
    words = visit.words
    context = Context(
        slug, title_of(slug, words), status, said(refused, words) if refused else said_of_request(slug, words),
        refused.quoted if refused else "", kept(request),
        wait_words(refused, words) if refused else None, request.scope.get("request_id"),
    )  # fmt: skip
    answer = render(visit, "error.html", context, status=status)
    answer.headers.update({name: value for name, value in headers.items() if name != "WWW-Authenticate"})
    return answer
