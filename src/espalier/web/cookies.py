"""The cookies of the site: who is signed in, what a form must bring back, and a notice for the next page.

Each is signed with the campaign's key, so nobody makes one. Knows HTTP; knows no accounts.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadSignature, Signer, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

SESSION: Final = "espalier_session"
VISITOR: Final = "espalier_visitor"
NOTICE: Final = "espalier_notice"
LANGUAGE: Final = "espalier_language"
THEME: Final = "espalier_theme"
BEGUN: Final = "espalier_begun"
YEAR_S: Final = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Notice:
    """One line at the head of the next page. `kind`: `done` or `alarm`."""

    text: str
    kind: str = "done"


def read_signed(request: Request, name: str, key: str) -> str | None:
    """What a cookie holds, if this campaign has written it."""
    given = request.cookies.get(name)
    if given is None:
        return None
    try:
        return Signer(key, salt=name).unsign(given).decode()
    except BadSignature:
        return None


def write_signed(response: Response, request: Request, name: str, value: str, key: str, *, lasts_s: int) -> None:
    write(response, request, name, Signer(key, salt=name).sign(value).decode(), lasts_s=lasts_s)


def read_sealed(request: Request, name: str, key: str) -> dict[str, str] | None:
    """Several values that a cookie holds together, if this campaign has written it."""
    given = request.cookies.get(name)
    if given is None:
        return None
    try:
        held: dict[str, str] = URLSafeSerializer(key, salt=name).loads(given)
    except (BadSignature, ValueError):
        return None
    return held


def write_sealed(
    response: Response, request: Request, name: str, held: dict[str, str], key: str, *, lasts_s: int
) -> None:
    write(response, request, name, str(URLSafeSerializer(key, salt=name).dumps(held)), lasts_s=lasts_s)


def write(response: Response, request: Request, name: str, value: str, *, lasts_s: int | None) -> None:
    response.set_cookie(
        name, value, max_age=lasts_s, path="/", secure=request.url.scheme == "https", httponly=True, samesite="lax"
    )


def forget(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", httponly=True, samesite="lax")


def form_token(key: str, holder: str) -> str:
    """What a form must bring back: only pages shown to this session or visitor hold it."""
    return hmac.new(key.encode(), f"form:{holder}".encode(), hashlib.sha256).hexdigest()


def read_notice(request: Request, key: str) -> Notice | None:
    given = request.cookies.get(NOTICE)
    if given is None:
        return None
    try:
        text, kind = URLSafeSerializer(key, salt=NOTICE).loads(given)
    except (BadSignature, ValueError):
        return None
    return Notice(str(text), str(kind))


def write_notice(response: Response, request: Request, notice: Notice, key: str) -> None:
    spelled = URLSafeSerializer(key, salt=NOTICE).dumps([notice.text, notice.kind])
    write(response, request, NOTICE, str(spelled), lasts_s=None)
