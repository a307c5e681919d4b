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
from espalier.web.deps import Number
from espalier.web.pages.help import meanings
from espalier.web.questions import Question
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.texts import COUNTING, GUIDELINES, PRIVACY, TERMS, Text, text_in, text_of
from espalier.web.visit import Anybody, Sender, SignedIn, Visit, local, redirect

router = APIRouter(include_in_schema=False)
_JUDGING: Final = {Act.LABEL: "label", Act.RANK: "rank"}
GUIDELINE_OF: Final = {str(kind): _JUDGING[act] for kind, act in ACT_OF.items() if act in _JUDGING}


@dataclass(frozen=True, slots=True)
class Context:
    """text: to be read. former: what stood in the reader's language before, where the text is in another one.
    charter: of the campaign, for licence and contact. labels: what they mean, where the text is about them.
    """

    title: str
    text: Text
    former: Text | None
    charter: Charter
    labels: list[Question]


@dataclass(frozen=True, slots=True)
class Overview:
    """texts: all guidelines. titles: of each. labels: what they mean."""

    texts: list[Text]
    titles: dict[str, str]
    labels: list[Question]


@dataclass(frozen=True, slots=True)
class Consent:
    """text: the terms in force. former: as on their own page. before: the version that the reader has accepted, 0 for
    none. next: where to go on.
    """

    text: Text
    former: Text | None
    charter: Charter
    before: int
    next: str


def titles(visit: Visit) -> dict[str, str]:
    _ = visit.words.gettext
    return {
        "terms": _("Terms"),
        "privacy": _("Privacy"),
        "initial_prompt": _("Writing prompts"),
        "prompter_reply": _("Going on as the person asking"),
        "assistant_reply": _("Answering as the assistant"),
        "label": _("Reviewing"),
        "rank": _("Ranking"),
        "labels": _("What labels mean"),
    }


def _read(visit: Visit, kind: str) -> tuple[Text, Text | None]:
    """The text that counts, and the last one in the reader's language where that is another."""
    with visit.campaign.database.read() as db:
        text = text_of(db, kind, visit.lang, visit.charter.terms if kind == TERMS else 1)
        return text, text_in(db, kind, visit.lang) if text.lang != visit.lang and kind in COUNTING else None


def _document(visit: Visit, kind: str) -> Response:
    text, former = _read(visit, kind)
    labels = meanings(visit) if kind == "label" else []
    return render(visit, "document.html", Context(titles(visit)[kind], text, former, visit.charter, labels))


@router.get("/terms")
def terms(visit: Anybody) -> Response:
    return _document(visit, TERMS)


@router.get("/privacy")
def privacy(visit: Anybody) -> Response:
    return _document(visit, PRIVACY)


@router.get("/guidelines")
def guidelines(visit: Anybody) -> Response:
    with visit.campaign.database.read() as db:
        found = [text_of(db, kind, visit.lang) for kind in GUIDELINES]
    return render(visit, "guidelines.html", Overview(found, titles(visit), meanings(visit)))


@router.get("/guidelines/{kind}")
def guideline(visit: Anybody, kind: str) -> Response:
    name = GUIDELINE_OF.get(kind, kind)
    if name not in GUIDELINES:
        raise NotFound("There is no such guideline.")
    return _document(visit, name)


@router.get("/terms/accept")
def consent(visit: SignedIn, next: str | None = None) -> Response:
    if visit.person and visit.person.terms >= visit.charter.terms:
        return redirect(visit, local(next))
    before = visit.person.terms if visit.person else 0
    return render(visit, "consent.html", Consent(*_read(visit, TERMS), visit.charter, before, local(next)))


@router.post("/terms/accept")
async def accept(visit: Sender, version: Annotated[Number, Form()], next: Annotated[str, Form()] = "") -> Response:
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
