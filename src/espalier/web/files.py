"""The files that pages load: each has an address of its own for each content, so browsers keep it for good."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

ADDRESS: Final = "/static"
FOLDER: Final = Path(__file__).parent / "static"


class _Kept(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v="):
            answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


def install(app: FastAPI) -> None:
    # Only these are packed: a page holds a secret (its form token) beside what somebody else may have put into it.
    app.mount(ADDRESS, GZipMiddleware(_Kept(directory=FOLDER)))


@cache
def address_of(name: str) -> str:
    """`/static/espalier.css?v=…`: another one whenever the file is another."""
    return f"{ADDRESS}/{name}?v={hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]}"
