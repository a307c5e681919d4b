"""Pages that need nothing but the request: shown while there is no database to ask, or no connection at all.

Knows the reader's language and theme from their cookies; knows no person.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from espalier.collect.settings import THEMES
from espalier.web import cookies
from espalier.web.render import POLICY, environment
from espalier.web.words import chosen_language

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}


def language_of(request: Request) -> str:
    """As the reader chose it, else as the browser accepts it."""
    return chosen_language(
        request.cookies.get(cookies.LANGUAGE), accepted=request.headers.get("accept-language", "")
    )  # fmt: skip


def theme_of(request: Request) -> str:
    given = request.cookies.get(cookies.THEME, "")
    return given if given in THEMES else THEMES[0]


def bare(request: Request, template: str, *, status: int = 200, **given: object) -> Response:
    """The page of this template, which extends `bare.html`."""
    lang = language_of(request)
    text = environment(lang).get_template(template).render(lang=lang, theme=theme_of(request), **given)
    return HTMLResponse(text, status_code=status, headers={**HEADERS, "Content-Language": lang})
