"""A form that was sent after the session had ended: what was typed is handed back, with the way to sign in."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from espalier.web.render import render
from espalier.web.visit import local, visit_of


@dataclass(frozen=True, slots=True)
class Context:
    """text: what was typed. signin: where to sign in, and back to the page of the form."""

    text: str
    signin: str


async def page_of(request: Request) -> Response:
    form = await request.form()
    text = form.get("text")
    came = urlsplit(request.headers.get("referer", ""))
    back = local(came.path + (f"?{came.query}" if came.query else ""))
    visit = await run_in_threadpool(visit_of, request)
    context = Context(text if isinstance(text, str) else "", f"/signin?next={quote(back, safe='/')}")
    return await run_in_threadpool(render, visit, "signed_out.html", context, status=401)
