"""The files that pages load: each has an address of its own for each content, so browsers keep it for good."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

ADDRESS: Final = "/static"
FOLDER: Final = Path(__file__).parent / "static"
WORKER: Final = "/worker.js"
"""Not below /static: a service worker is in charge of what lies beside and below its own address."""
_WORKER_KEEPS: Final = (
    "static/worker.js", "static/site.js", "static/kept.js", "static/espalier.css", "templates/bare.html",
    "templates/offline.html",
)  # fmt: skip


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


@cache
def worker_address(lang: str, theme: str) -> str:
    """Of the service worker; another one whenever the page that it keeps is another."""
    made_of = [*_WORKER_KEEPS, f"locales/{lang}.po"]
    files = [FOLDER.parent / name for name in made_of]
    held = b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files if file.is_file())
    version = hashlib.sha256(held).hexdigest()[:12]
    return f"{WORKER}?{urlencode({'lang': lang, 'theme': theme, 'v': version})}"
