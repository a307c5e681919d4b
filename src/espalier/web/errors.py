"""The one place where refusals become answers: problem documents as RFC 9457 has them.

Knows the domain's family of errors, FastAPI's own, and what is left over; says nothing of the inside to anybody.
"""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from espalier.domain.errors import Refusal

log = logging.getLogger(__name__)
PROBLEM = "application/problem+json"
FOR_PROGRAMS: Final = ("/api/", "/v1/", "/healthz", "/readyz", "/metrics", "/static/")
URN = "urn:espalier:problem:"
MALFORMED: Final = "The request is not as it should be"


class Problem(BaseModel):
    """A refusal (RFC 9457). `field`: of the input, where one is to blame; `text`: what was sent, handed back."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
    field: str | None = None
    text: str | None = None
    retry_after_s: int | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": f"{URN}duplicate-text",
                    "title": "The same text was sent before",
                    "status": 409,
                    "detail": "You have sent this text before.",
                    "field": "text",
                    "text": "Why is the sky blue?",
                    "request_id": "6c1f0a9be2d45a77",
                }
            ]
        }
    )


DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    "default": {"description": "Refused.", "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
}


def describe(schema: dict[str, Any]) -> None:
    """Put the problem document into an OpenAPI schema in the place of FastAPI's own."""
    schemas = schema["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)


REFUSALS: Final = (Refusal, RequestValidationError, HTTPException)


def install(app: FastAPI) -> None:
    for refusal in REFUSALS:
        app.add_exception_handler(refusal, answer)


def answer(request: Request, error: Exception) -> Response:
    """What is said to one of the refusals."""
    if isinstance(error, Refusal):
        return _refused(request, error)
    if isinstance(error, RequestValidationError):
        return _malformed(request, error)
    assert isinstance(error, HTTPException)
    return _http(request, error)


def problem(
    request: Request,
    slug: str,
    title: str,
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    refused: Refusal | None = None,
    **more: Any,
) -> Response:
    """The refusal as a document, or as a page where a person reads it; `refused`: by a rule of the campaign."""
    if is_read_by_people(request) and (page := getattr(request.app.state, "error_page", None)):
        shown: Response = page(request, slug, status, refused, headers or {})
        return shown
    document = {"type": f"{URN}{slug}", "title": title, "status": status, "detail": detail}
    document |= {name: value for name, value in more.items() if value is not None}
    if request_id := request.scope.get("request_id"):
        document["request_id"] = request_id
    return _Escaped(document, status, headers, PROBLEM)


def is_read_by_people(request: Request) -> bool:
    """Whether the address is one of the site's pages, not of the API or of operators."""
    return not request.url.path.startswith(FOR_PROGRAMS)


class _Escaped(JSONResponse):
    """A text is handed back as it came, half of a surrogate pair too, which is no character of UTF-8."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode()


class TooLarge(HTTPException):
    """Raised while a body is read that turns out too large."""

    def __init__(self, limit: int) -> None:
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {limit:,} bytes here")


def too_large(request: Request, limit: int) -> Response:
    return _http(request, TooLarge(limit))


def _refused(request: Request, error: Refusal) -> Response:
    headers = waits(error)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(
        request, error.slug, error.title, error.status, error.detail, headers, error,
        field=error.field, text=error.text, retry_after_s=error.retry_after_s,
    )  # fmt: skip


def waits(refused: Refusal) -> dict[str, str]:
    """The header that says when another try may succeed, where that is known."""
    return {} if refused.retry_after_s is None else {"Retry-After": str(refused.retry_after_s)}


def _malformed(request: Request, error: RequestValidationError) -> Response:
    faults = [{"field": _where(fault), "detail": _sentence(fault["msg"])} for fault in error.errors()]
    first = faults[0]
    text = error.body.get("text") if isinstance(error.body, Mapping) else None
    return problem(
        request, "malformed", MALFORMED, 422, f"{first['field']}: {first['detail']}", field=first["field"],
        text=text if isinstance(text, str) else None, faults=faults,
    )  # fmt: skip


def _sentence(words: str) -> str:
    return words if words.endswith((".", "?")) else f"{words}."


def _where(fault: Mapping[str, Any]) -> str:
    path: tuple[int | str, ...] = fault["loc"]
    if fault["type"] == "json_invalid":  # its path ends in a place of the text
        return "body"
    return ".".join(str(part) for part in path[1:]) or str(path[0])


_NAMES: Final = {
    HTTPStatus.NOT_FOUND: ("not-found", "Not found", "There is no such address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method-not-allowed", "Not possible here", "This address has other methods."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too-large", "Too large", None),
}


def _http(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.METHOD_NOT_ALLOWED and request.method == "GET" and is_read_by_people(request):
        return RedirectResponse(_page_above(request), HTTPStatus.SEE_OTHER)
    headers = dict(error.headers or {})
    if "Allow" in headers:  # the framework names those of one route alone
        headers["Allow"] = ", ".join(_methods(request))
    slug, title, detail = _NAMES.get(status, (status.phrase.lower().replace(" ", "-"), status.phrase, None))
    return problem(request, slug, title, status, detail or f"{error.detail}.", headers)


def _page_above(request: Request) -> str:
    """The nearest above an address that only takes a form: it is opened anew from a page that said what was wrong."""
    path = request.url.path
    while (path := path.rpartition("/")[0]) and not _takes(request, "GET", path):
        pass
    return path or "/"


def _methods(request: Request) -> list[str]:
    """All that can be asked of this address."""
    taken = [each for each in ("GET", "POST", "PUT", "PATCH", "DELETE") if _takes(request, each, request.url.path)]
    return ["GET", "HEAD", *taken[1:]] if "GET" in taken else taken


def _takes(request: Request, method: str, path: str) -> bool:
    asked = {**request.scope, "method": method, "path": path}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)


def unexpected(request: Request, error: Exception) -> Response:
    log.error("a request failed", exc_info=error, extra={"request_id": request.scope.get("request_id")})
    return problem(request, "internal", "Something went wrong here", 500, "The fault is ours and has been noted.")
