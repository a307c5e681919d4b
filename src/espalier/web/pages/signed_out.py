"""A form that was sent after the session had ended, or after the terms had changed: what was typed is handed back."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from espalier.web.render import render
from espalier.web.visit import local, visit_of


@dataclass(frozen=True, slots=True)
class Context:
    """text: what was typed. way: where to go first, and back to the page of the form. terms: it leads to the terms."""

    text: str
    way: str
    terms: bool


async def typed(request: Request) -> str:
    """The text of the form, if it has one."""
    text = (await request.form()).get("text")
    return text if isinstance(text, str) else ""


async def page_of(request: Request, first: str = "/signin") -> Response:
    """`first`: the page that comes before."""
    came = urlsplit(request.headers.get("referer", ""))
    back = local(came.path + (f"?{came.query}" if came.query else ""))
    visit = await run_in_threadpool(visit_of, request)
    way, terms = f"{first}?next={quote(back, safe='/')}", first != "/signin"
    context = Context(await typed(request), way, terms)
    return await run_in_threadpool(render, visit, "signed_out.html", context, status=403 if terms else 401)
