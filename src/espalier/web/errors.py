"""The one place where refusals become answers: problem documents as RFC 9457 has them.

Knows the domain's family of errors, FastAPI's own, and what is left over; says nothing of the inside to anybody.
"""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from espalier.domain.errors import Refusal

log = logging.getLogger(__name__)
PROBLEM = "application/problem+json"
URN = "urn:espalier:problem:"


def install(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    request: Request,
    slug: str,
    title: str,
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    document = {"type": f"{URN}{slug}", "title": title, "status": status, "detail": detail}
    document |= {name: value for name, value in more.items() if value is not None}
    if request_id := request.scope.get("request_id"):
        document["request_id"] = request_id
    return JSONResponse(document, status, headers, PROBLEM)


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    headers: dict[str, str] = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(
        request, error.slug, error.title, error.status, error.detail, headers,
        field=error.field, text=error.text, retry_after_s=error.retry_after_s,
    )  # fmt: skip


def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [{"field": _where(fault["loc"]), "detail": fault["msg"]} for fault in error.errors()]
    first = faults[0]
    return problem(
        request, "malformed", "The request is not as it should be", 422, f"{first['field']}: {first['detail']}",
        field=first["field"], faults=faults,
    )  # fmt: skip


def _where(path: tuple[int | str, ...]) -> str:
    inside = [str(part) for part in path if part not in ("body", "query", "path")]
    return ".".join(inside) or str(path[0])


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    slug = title.lower().replace(" ", "-")
    return problem(request, slug, title, error.status_code, f"{error.detail}.", dict(error.headers or {}))


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("a request failed", exc_info=error)
    return problem(request, "internal", "Something went wrong here", 500, "The fault is ours and has been noted.")
