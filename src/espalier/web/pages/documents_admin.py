"""The organiser's texts: each is edited in Markdown, seen before it is published, and kept with its history."""

from dataclasses import dataclass
from difflib import unified_diff
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import charter as use_cases
from espalier.collect.charter import KINDS
from espalier.domain.errors import Invalid, NotFound
from espalier.domain.language import language_tag
from espalier.store import documents
from espalier.store.documents import Document
from espalier.store.people import PersonRole
from espalier.web.pages.documents import titles
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.texts import Text, text_in, text_languages, text_of
from espalier.web.visit import AdminSender, AdminVisit, Visit, redirect
from espalier.web.words import interface_languages, is_language

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/documents"
SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Context:
    """texts: what is in force in the reader's language. titles: of each kind."""

    texts: list[Text]
    titles: dict[str, str]
    langs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """text: what stands in the form. preview: whether it is shown as readers will see it. changes: against what is in
    force, as lines of a diff. history: the versions before. ask_again: everybody is to accept these terms.
    """

    kind: str
    title: str
    lang: str
    text: str
    preview: bool
    changes: list[str]
    history: list[Document]
    ask_again: bool
    fault: str | None = None


@router.get(ADDRESS)
def show(visit: AdminVisit) -> Response:
    with visit.campaign.database.read() as db:
        texts = [text_of(db, kind, visit.lang) for kind in KINDS]
    langs = tuple(dict.fromkeys((*text_languages(), *interface_languages(), *visit.charter.languages)))
    return render(visit, "documents.html", Context(texts, titles(visit), langs))


@router.get(ADDRESS + "/{kind}/{lang}")
def edit(visit: AdminVisit, kind: str, lang: str) -> Response:
    return _page(visit, kind, _checked(visit, kind, lang))


@router.post(ADDRESS + "/{kind}/{lang}")
async def save(
    visit: AdminSender,
    kind: str,
    lang: str,
    text: Annotated[str, Form()] = "",
    do: Annotated[str, Form()] = "preview",
    ask_again: Annotated[bool, Form()] = False,
) -> Response:
    campaign, text = visit.campaign, text.replace("\r\n", "\n")
    tag = _checked(visit, kind, lang)
    if do == "preview":
        return await run_in_threadpool(_page, visit, kind, tag, text, ask_again, preview=True)
    try:
        changing = visit.changing(PersonRole.ADMIN)
        await campaign.change(changing, use_cases.publish, kind, tag, text, ask_again, campaign.clock())
    except Invalid as refused:
        return await run_in_threadpool(_page, visit, kind, tag, text, ask_again, refused=refused)
    return redirect(visit, ADDRESS, visit.words.gettext("Published."))


def _checked(visit: Visit, kind: str, lang: str) -> str:
    """The language in which this text may be said: one that has a name, or that the campaign asks for. Raises NotFound.

    What only looks like a tag would keep a text that nobody is ever shown.
    """
    tag = language_tag(lang)
    if kind not in KINDS or tag is None or not (is_language(tag) or tag in visit.charter.languages):
        raise NotFound("There is no such text.")
    return tag


def _page(
    visit: Visit,
    kind: str,
    tag: str,
    text: str | None = None,
    ask_again: bool = True,
    *,
    preview: bool = False,
    refused: Invalid | None = None,
) -> Response:
    """`text`: as it was typed; None for the one in force. Blocks."""
    with visit.campaign.database.read() as db:
        was = text_in(db, kind, tag) or text_of(db, kind, tag)
        history = documents.history(db, kind, tag, SHOWN)
    text = was.text if text is None else text
    changed = list(unified_diff(was.text.splitlines(), text.splitlines(), lineterm="", n=1))[2:]
    changes = ["…" if line.startswith("@@") else line for line in changed]
    context = Edited(
        kind,
        titles(visit)[kind],
        tag,
        text,
        preview,
        changes,
        history,
        ask_again,
        said(refused, visit.words) if refused else None,
    )
    return render(visit, "document_edit.html", context, refused=refused)
