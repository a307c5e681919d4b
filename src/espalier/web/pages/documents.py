"""Terms, privacy and guidelines, for everybody to read; and accepting the terms."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import charter as use_cases
from espalier.collect import sessions
from espalier.domain.charter import Charter
from espalier.domain.errors import Conflict, NotFound
from espalier.domain.work import ACT_OF, Act
from espalier.web import cookies
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.texts import GUIDELINES, Text, text_of
from espalier.web.visit import Anybody, Sender, SignedIn, Visit, local, redirect

router = APIRouter()
_JUDGING: Final = {Act.LABEL: "label", Act.RANK: "rank"}
GUIDELINE_OF: Final = {str(kind): _JUDGING[act] for kind, act in ACT_OF.items() if act in _JUDGING}


@dataclass(frozen=True, slots=True)
class Context:
    """text: to be read. charter: of the campaign, for licence and contact. title: of the page, as a source text."""

    title: str
    text: Text
    charter: Charter


@dataclass(frozen=True, slots=True)
class Overview:
    """texts: all guidelines. titles: of each, as source texts."""

    texts: list[Text]
    titles: dict[str, str]


@dataclass(frozen=True, slots=True)
class Consent:
    """text: the terms in force. before: the version that the reader has accepted, 0 for none. next: where to go on."""

    text: Text
    charter: Charter
    before: int
    next: str


def titles(visit: Visit) -> dict[str, str]:
    say = visit.words.gettext
    return {
        "terms": say("Terms"),
        "privacy": say("Privacy"),
        "initial_prompt": say("Writing prompts"),
        "prompter_reply": say("Going on as the person asking"),
        "assistant_reply": say("Answering as the assistant"),
        "label": say("Reviewing"),
        "rank": say("Ranking"),
        "labels": say("What labels mean"),
    }


def _read(visit: Visit, kind: str) -> Text:
    with visit.campaign.database.read() as db:
        return text_of(db, kind, visit.lang)


@router.get("/terms")
def terms(visit: Anybody) -> Response:
    return render(visit, "document.html", Context(titles(visit)["terms"], _read(visit, "terms"), visit.charter))


@router.get("/privacy")
def privacy(visit: Anybody) -> Response:
    return render(visit, "document.html", Context(titles(visit)["privacy"], _read(visit, "privacy"), visit.charter))


@router.get("/guidelines")
def guidelines(visit: Anybody) -> Response:
    with visit.campaign.database.read() as db:
        found = [text_of(db, kind, visit.lang) for kind in GUIDELINES]
    return render(visit, "guidelines.html", Overview(found, titles(visit)))


@router.get("/guidelines/{kind}")
def guideline(visit: Anybody, kind: str) -> Response:
    name = GUIDELINE_OF.get(kind, kind)
    if name not in GUIDELINES:
        raise NotFound("There is no such guideline.")
    return render(visit, "document.html", Context(titles(visit)[name], _read(visit, name), visit.charter))


@router.get("/terms/accept")
def consent(visit: SignedIn, next: str | None = None) -> Response:
    if visit.person and visit.person.terms >= visit.charter.terms:
        return redirect(visit, local(next))
    before = visit.person.terms if visit.person else 0
    return render(visit, "consent.html", Consent(_read(visit, "terms"), visit.charter, before, local(next)))


@router.post("/terms/accept")
async def accept(visit: Sender, version: Annotated[int, Form()], next: Annotated[str, Form()] = "") -> Response:
    campaign = visit.campaign
    try:
        await campaign.change(visit.changing(), use_cases.accept_terms, version, campaign.clock())
    except Conflict as refused:
        return redirect(visit, "/terms/accept", said(refused, visit.words), kind="alarm")
    return redirect(visit, local(next))


@router.post("/terms/decline")
async def decline(visit: Sender) -> Response:
    """Nothing is stored, and the session ends."""
    token = cookies.read_signed(visit.request, cookies.SESSION, visit.campaign.signing_key)
    if token:
        await visit.campaign.door.write(sessions.sign_out, token)
    answer = redirect(visit, "/", visit.words.gettext("You are signed out. Nothing was stored."))
    cookies.forget(answer, cookies.SESSION)
    return answer
