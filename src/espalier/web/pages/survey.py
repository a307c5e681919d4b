"""Me: an optional survey, each answer by choice; and for organisers its counts, of groups that are not small."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from espalier.collect import survey
from espalier.collect.survey import FIRST_LANGUAGE, QUESTIONS
from espalier.domain.errors import Refusal
from espalier.web.attached import CSV, as_csv, attached
from espalier.web.pages.welcome import COMMON
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import AdminVisit, Sender, SignedIn, Visit, redirect
from espalier.web.words import language_name

router = APIRouter(include_in_schema=False)
Choice = tuple[str, str]
"""A value, and the words for it."""


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    title: str
    choices: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Context:
    """given: the answers so far, by question."""

    questions: Sequence[Question]
    given: Mapping[str, str]
    fault: str | None = None
    faulty: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """counted: by question, how many gave each answer. smallest: fewer people than that are not counted."""

    questions: Sequence[Question]
    counted: Mapping[str, Mapping[str, int]]
    smallest: int


def questions(visit: Visit) -> list[Question]:
    _ = visit.words.gettext
    titles: Final = {
        "age": _("How old are you?"),
        "gender": _("What is your gender?"),
        "region": _("Where do you live?"),
        "satisfaction": _("How content are you with taking part here?"),
        FIRST_LANGUAGE: _("Which language did you learn first?"),
    }
    words: Final = {
        "under_18": _("under 18"), "18_24": "18–24", "25_34": "25–34", "35_44": "35–44", "45_54": "45–54",
        "55_64": "55–64", "65_and_over": _("65 and over"),
        "woman": _("woman"), "man": _("man"), "non_binary": _("non-binary"), "other": _("another one"),
        "africa": _("Africa"), "east_asia": _("East Asia"), "south_asia": _("South Asia"),
        "southeast_asia": _("Southeast Asia"), "central_asia": _("Central Asia"),
        "west_asia": _("West Asia and the Middle East"), "europe": _("Europe"), "north_america": _("North America"),
        "latin_america": _("Latin America and the Caribbean"), "oceania": _("Oceania"),
        "1": _("not at all"), "2": _("little"), "3": _("neither little nor much"), "4": _("much"), "5": _("very much"),
    }  # fmt: skip
    fixed = {name: [(value, words[value]) for value in values] for name, values in QUESTIONS.items()}
    spoken = {FIRST_LANGUAGE: sorted(((tag, language_name(tag, visit.lang)) for tag in COMMON), key=lambda c: c[1])}
    return [Question(name, titles[name], choices) for name, choices in {**fixed, **spoken}.items()]


@router.get("/me/survey")
def show(visit: SignedIn) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        given = survey.answers_of(db, person)
    return render(visit, "survey.html", Context(questions(visit), given))


@router.post("/me/survey")
async def save(visit: Sender) -> Response:
    form = await visit.request.form()
    given = {name: str(form.get(name) or "")[:40] for name in (*QUESTIONS, FIRST_LANGUAGE)}
    try:
        await visit.campaign.change(visit.changing(), survey.answer, given)
    except Refusal as refused:
        context = Context(questions(visit), given, said(refused, visit.words), refused.field)
        return await run_in_threadpool(render, visit, "survey.html", context, refused=refused)
    return redirect(visit, "/me", visit.words.gettext("Thank you. You can change or remove your answers at any time."))


@router.get("/admin/survey")
def counts(visit: AdminVisit) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        counted = survey.counts(db, person)
    return render(visit, "survey_counts.html", Counts(questions(visit), counted, survey.SMALLEST_GROUP))


@router.get("/admin/survey.csv")
def counts_as_csv(visit: AdminVisit) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        counted = survey.counts(db, person)
    rows = ((name, value, count) for name, values in counted.items() for value, count in values.items())
    return attached("survey.csv", as_csv([("question", "answer", "people"), *rows]), CSV)
