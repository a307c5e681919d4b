"""Beginning a prompt before signing in, and going on with it afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import begun, signin
from espalier.domain.charter import Running
from espalier.domain.errors import NotFound, Refusal
from espalier.store.drafts import Draft
from espalier.web import cookies
from espalier.web.pages.frame import task_address
from espalier.web.pages.welcome import offered_langs
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Anybody, AnySender, Visit, comes_first, redirect

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/begin"
SAVED_FROM_ONE: Final = 300  # in a quarter of an hour


@dataclass(frozen=True, slots=True)
class Context:
    """text, lang: what was typed so far. langs: to choose from. fault: why it cannot go on. kept: the server has it."""

    text: str
    lang: str
    langs: Sequence[str]
    kept: bool
    fault: str | None = None


@router.get(ADDRESS)
def show(visit: Anybody) -> Response:
    """Raises NotFound where no prompt is asked for."""
    if first := comes_first(visit, ADDRESS):
        return redirect(visit, first)
    there = _kept(visit)
    if there is None and visit.charter.running is not Running.OPEN:
        raise NotFound("There is no such page.")
    return _page(visit, there.text if there else "", begun.lang_of(there) if there else "", kept=there is not None)


@router.post(ADDRESS)
async def go_on(
    visit: AnySender,
    text: Annotated[str, Form()] = "",
    lang: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Keep it; on to signing in, or to the task whose draft it becomes. A script only has it kept."""
    campaign, secret = visit.campaign, visit.begun or visit.campaign.secret()
    try:
        await _keep(visit, secret, lang, text)
        if "application/json" in visit.request.headers.get("accept", ""):
            return _remembered(visit, Response(status_code=204), secret)
        if visit.person is None:
            return _remembered(visit, redirect(visit, f"/signin?next={ADDRESS}"), secret)
        if first := comes_first(visit, ADDRESS):
            return _remembered(visit, redirect(visit, first), secret)
        task_id = await campaign.change(visit.changing(), begun.take_up, secret, campaign.clock(), campaign.rng)
    except Refusal as refused:
        fault = said(refused, visit.words)
        again = await run_in_threadpool(_page, visit, text, lang, kept=False, fault=fault, status=refused.status)
        return _remembered(visit, again, secret)
    if task_id is None:
        fault = visit.words.gettext("No new prompt is needed in this language just now. Your text is kept for a day.")
        return _remembered(visit, await run_in_threadpool(_page, visit, text, lang, kept=True, fault=fault), secret)
    answer = redirect(visit, task_address(task_id, None), visit.words.gettext("Here is what you have begun."))
    cookies.forget(answer, cookies.BEGUN)
    return answer


async def _keep(visit: Visit, secret: str, lang: str, text: str) -> None:
    campaign, client = visit.campaign, visit.request.client
    from_one = (f"begun from {client.host if client else ''}", SAVED_FROM_ONE)
    await campaign.door.write(signin.count, [from_one], campaign.clock())
    await campaign.door.write(begun.keep, secret, lang, text, campaign.clock())


def _kept(visit: Visit) -> Draft | None:
    if visit.begun is None:
        return None
    with visit.campaign.database.read() as db:
        return begun.find(db, visit.begun, visit.now)


def _remembered(visit: Visit, answer: Response, secret: str) -> Response:
    lasts_s = int(begun.KEPT_FOR.total_seconds())
    cookies.write_signed(answer, visit.request, cookies.BEGUN, secret, visit.campaign.signing_key, lasts_s=lasts_s)
    return answer


def _page(
    visit: Visit, text: str, lang: str, *, kept: bool, fault: str | None = None, status: int = 200
) -> Response:  # fmt: skip
    langs = list(visit.chosen.langs or offered_langs(visit))
    chosen = lang or next((each for each in langs if each == visit.lang), langs[0])
    shown = langs if chosen in langs else [*langs, chosen]
    return render(visit, "begin.html", Context(text, chosen, shown, kept, fault), status=status)
