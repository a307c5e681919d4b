"""How lists and answers that rarely change are given: a page with a cursor, a tag that says whether anything is new.

Knows HTTP; does not know what is listed.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Query, Request, Response
from pydantic import BaseModel, TypeAdapter

from espalier.domain.characters import are_characters
from espalier.domain.errors import Invalid

T = TypeVar("T")
MOST: Final = 200
LONGEST_CURSOR: Final = 1000  # characters

Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[
    str | None, Query(max_length=LONGEST_CURSOR, description="`next` of the page before; absent: the first page.")
]


class Page(BaseModel, Generic[T]):
    """A part of a list. `next`: the cursor of what follows; null at the end."""

    items: list[T]
    next: str | None = None


def cursor_of(*place: str | int) -> str:
    """A place in a list as a client hands it back."""
    spelled = json.dumps(place, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(spelled).rstrip(b"=").decode()


def place_in(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The place that a cursor names. Raises Invalid for whatever is no cursor of such a list."""
    try:
        spelled = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = json.loads(spelled)
    except (ValueError, RecursionError):
        place = None
    if (
        not isinstance(place, list)
        or [type(value) for value in place] != list(kinds)
        or any(isinstance(value, int) and abs(value) >= 2**63 for value in place)
        or any(isinstance(value, str) and not are_characters(value) for value in place)
    ):
        raise no_cursor()
    return tuple(place)


def no_cursor() -> Invalid:
    return Invalid("This is no cursor of this list; take `next` as it was given.", field="cursor")


def page(found: Sequence[T], limit: int, place: Callable[[T], tuple[str | int, ...]]) -> tuple[list[T], str | None]:
    """What belongs on a page of `limit`, and its `next`; ask for one more than the limit to know whether there is."""
    shown = list(found[:limit])
    return shown, cursor_of(*place(shown[-1])) if len(found) > limit else None


def part(found: Sequence[T], limit: int, cursor: str | None) -> tuple[list[T], str | None]:
    """The same of a list that is at hand as a whole and grows at its end alone. Raises Invalid."""
    skipped = skipped_by(cursor)
    return page(found[skipped : skipped + limit + 1], limit, lambda _: (skipped + limit,))


def skipped_by(cursor: str | None) -> int:
    """How many come before the page, where cursors count. Raises Invalid."""
    (skipped,) = place_in(cursor, int) if cursor else (0,)
    if skipped < 0:
        raise no_cursor()
    return int(skipped)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def answered(request: Request, kind: Any, value: object, *, seconds: int = 0) -> Response:
    """The value as JSON with a tag of its bytes, or 304 when the client has just that.

    Private, since what is seen depends on who looks; `seconds`: for so long the client need not ask again.
    """
    body = _adapter(kind).dump_json(value)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {
        "ETag": tag,
        "Cache-Control": f"private, max-age={seconds}" if seconds else "private, no-cache",
        "Vary": "Authorization",
    }
    if _has(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _has(known: str | None, tag: str) -> bool:
    if known is None:
        return False
    return known.strip() == "*" or any(each.strip().removeprefix("W/") == tag for each in known.split(","))


UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "You have it already (`If-None-Match`)."}}
