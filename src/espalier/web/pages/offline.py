"""What is shown without a connection, and the service worker that keeps it in the browser."""

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from espalier.web import files
from espalier.web.bare import bare

router = APIRouter(include_in_schema=False)


@router.get("/offline")
def show(request: Request) -> Response:
    return bare(request, "offline.html")


@router.get(files.WORKER)
def worker() -> Response:
    return FileResponse(
        files.FOLDER / "worker.js",
        media_type="text/javascript",
        headers={"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'; connect-src 'self'"},
    )
