"""What holds for every request whatever its route: how large a body may be, what an address may hold, that a fault of
ours is a problem document too, headers that keep browsers from making anything else of an answer than it is, and that
who asks for the head of an answer alone (HEAD) gets that of GET.

Knows HTTP; knows no route but those that take files.
"""

from collections.abc import Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from espalier.web.errors import MALFORMED, TooLarge, is_read_by_people, problem, too_large, unexpected

LARGEST_BODY: Final = 2**20
LARGEST_FILE: Final = 4 * 2**30
_SAFE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
)
_JSON_ONLY: Final = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """ASGI middleware. `takes_files`: whether this path takes bodies as large as a data set."""

    def __init__(self, app: ASGIApp, takes_files: Callable[[str], bool]) -> None:
        self._app, self._takes_files = app, takes_files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started, head_alone = False, scope["method"] == "HEAD"
        if head_alone:
            scope = {**scope, "method": "GET"}

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _with_safe_headers(message.get("headers", []))
            elif head_alone:
                message["body"] = b""
            await send(message)

        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await _no_character(Request(scope))(scope, receive, send_safely)
            return
        limit = LARGEST_FILE if self._takes_files(scope["path"]) else LARGEST_BODY
        if _announced(scope) > limit:
            await too_large(Request(scope), limit)(scope, receive, send_safely)
            return
        received = 0

        async def receive_some() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise TooLarge(limit)
            return message

        try:
            await self._app(scope, receive_some, send_safely)
        except ClientDisconnect:
            return  # nobody is there to hear of it
        except Exception as error:
            if started:
                raise
            await unexpected(Request(scope), error)(scope, receive, send_safely)


def _no_character(asked: Request) -> Response:
    """A NUL, which no database keeps: no address has one, and no parameter of a program."""
    if "\0" in asked.scope["path"] or is_read_by_people(asked):
        return problem(asked, "not-found", "Not found", 404, "There is no such address.")
    field = next((name for name, value in asked.query_params.multi_items() if "\0" in value), None)
    return problem(asked, "malformed", MALFORMED, 422, "A NUL is no character.", field=field)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _with_safe_headers(given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers with ours, unless a route has said something else. Pages that run scripts say so by their type."""
    known = {name.lower(): value for name, value in given}
    extra = _SAFE + (_JSON_ONLY if b"json" in known.get(b"content-type", b"json") else ())
    return [*given, *(pair for pair in extra if pair[0] not in known)]
