"""A form sent before one signed in, signed in again or accepted new terms: what was typed is handed back."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from espalier.web.render import render
from espalier.web.typed import Typed, kept
from espalier.web.visit import came_from, visit_of

SIGN_IN: Final = "/signin"
AGAIN: Final = "/signin/again"


@dataclass(frozen=True, slots=True)
class Context:
    """typed: what the form brought. way: where to go first, and back to the page of the form.

    terms: it leads to the terms. again: one is signed in, but since long.
    """

    typed: Typed | None
    way: str
    terms: bool
    again: bool


def page_of(request: Request, first: str = SIGN_IN) -> Response:
    """`first`: the page that comes before. Blocks."""
    page = first.partition("?")[0]
    way = f"{page}?next={quote(came_from(request), safe='/')}"
    terms, again = page not in (SIGN_IN, AGAIN), page == AGAIN
    context = Context(kept(request), way, terms, again)
    return render(
        visit_of(request).across_sessions(), "signed_out.html", context, status=401 if page == SIGN_IN else 403
    )
