"""Whatever is refused is said in the reader's language: every sentence of every refusal, on every page."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import interface_words
from campaigns import World
from espalier.collect import charter
from espalier.domain import errors
from espalier.domain.errors import Refusal
from espalier.domain.parameter import InvalidPolicy
from espalier.domain.policy import CampaignPolicy
from espalier.domain.tree import State
from espalier.store.people import PersonRole
from espalier.web.errors import FOR_PROGRAMS
from espalier.web.refused import IN_OTHER_WORDS, OF_REQUESTS, TITLES, said, title_of
from espalier.web.words import catalogue
from visits import visit

KINDS = {kind.__name__: kind for kind in interface_words.refusals()}
COMPLETE = ("ar", "de", "es", "ko")
HOLE = re.compile(r"%\((\w+)\)s")


def raised() -> Iterator[tuple[str, str, ast.expr]]:
    """Where refusals are made that a page may show: place, kind, and what the sentence is."""
    for room in interface_words.REFUSING:
        for path in sorted((interface_words.SOURCE / room).rglob("*.py")):
            if path.is_relative_to(interface_words.WEB / "api"):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                    yield f"{path.name}:{node.lineno}", node.func.id, sentence_of(node)


def sentence_of(call: ast.Call) -> ast.expr:
    assert isinstance(call.func, ast.Name)
    place = 1 if call.func.id == InvalidPolicy.__name__ else 0
    return call.args[place] if len(call.args) > place else ast.Constant("")


def sentences() -> set[str]:
    return {str(made.value) for _, _, made in raised() if isinstance(made, ast.Constant) and made.value}


def test_a_refusal_is_made_with_a_sentence_that_translators_find() -> None:
    """A text put together on the spot cannot be translated; one made from another refusal may pass its sentence on."""
    made_up = [
        f"{place} {ast.unparse(made)}"
        for place, kind, made in raised()
        if not isinstance(made, ast.Constant)
        and not (isinstance(made, ast.Attribute) and made.attr == "sentence")
        and kind != errors.TakenBack.__name__  # has one sentence only, and is given a text
    ]
    assert not made_up


def test_each_kind_of_refusal_has_a_title() -> None:
    assert {kind.slug for kind in KINDS.values()} | OF_REQUESTS.keys() <= TITLES.keys()


def test_what_is_said_in_other_words_is_said_somewhere() -> None:
    assert IN_OTHER_WORDS.keys() <= sentences() | {errors.TakenBack().sentence}


@pytest.mark.parametrize("lang", COMPLETE)
def test_every_sentence_is_said_in_every_language(lang: str) -> None:
    words = catalogue(lang)
    english = []
    for sentence in sentences():
        refused = Refusal(sentence, **dict.fromkeys(HOLE.findall(sentence), "x"))  # type: ignore[arg-type]
        if said(refused, words) in ("", refused.detail):
            english.append(sentence)
    titles = [title for slug, title in TITLES.items() if title_of(slug, words) == title]
    assert not english + titles


def test_what_fills_a_sentence_is_said_in_the_language_too() -> None:
    words = catalogue("de")
    refused = Refusal(
        "%(lang)s %(langs)s %(role)s %(state)s %(label)s %(most)s %(day)s %(at)s",
        lang="es", langs=("ko", "en"), role=PersonRole.MODERATOR, state=State.GROWING, label="spam", most=12_000,
        day=date(2026, 4, 1), at=datetime(2026, 4, 1, 12, 30, tzinfo=UTC),
    )  # fmt: skip
    assert said(refused, words) == (
        "Spanisch Koreanisch, Englisch Moderation wächst Spam 12.000 1. April 2026 01.04.2026, 12:30:00 UTC"
    )
    assert refused.detail == "es ko, en moderator growing spam 12,000 2026-04-01 2026-04-01 12:30 UTC"


def test_what_a_parameter_wants_is_said_in_the_language() -> None:
    with pytest.raises(InvalidPolicy) as refused:
        CampaignPolicy.from_mapping({"base": {"max_tree_depth": 0}})
    assert "A whole number" not in said(refused.value, catalogue("de"))
    assert said(refused.value, catalogue("de")).startswith("max_tree_depth ist 0, muss aber so sein: Eine ganze Zahl")


def test_no_page_shows_the_english_of_a_refusal() -> None:
    shown = [
        f"{path.name}: {line.strip()}"
        for path in sorted((interface_words.WEB / "pages").rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"\.detail\b", line)
    ]
    templates = [
        path.name
        for path in sorted((interface_words.WEB / "templates").rglob("*.html"))
        if re.search(r"\w\.detail\b", path.read_text("utf-8"))
    ]
    assert not shown + templates


GERMAN = {"accept-language": "de"}


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/nowhere", 404, "Hier ist nichts"),
        ("GET", "/messages/none", 404, "Eine solche Nachricht gibt es nicht."),
        ("GET", "/guidelines/none", 404, "Eine solche Richtlinie gibt es nicht."),
        ("GET", "/stats/none.csv", 404, "Eine solche Tabelle gibt es nicht."),
        ("PUT", "/tasks", 405, "Hier nicht möglich"),
        ("GET", "/admin/people", 403, "Das ist für Leute mit der Rolle Moderation; Ihre ist Mitwirkende:r."),
        ("POST", "/terms/accept", 403, "vor deiner Anmeldung oder anderswo geöffnet"),
    ],
)
def test_the_pages_of_errors_are_in_german_for_who_reads_german(
    small_campaign: World, method: str, path: str, status: int, says: str
) -> None:
    with visit(small_campaign, "ada") as ada:
        ada.client.headers.update(GERMAN)
        page = ada._sent(method, path)
    assert page.status_code == status, page.text
    assert '<html lang="de"' in page.text
    assert says in page.text
    main = page.text.split("<main")[1].split("</main>")[0]
    assert not re.findall(r"\b(?:the|there|this|is|not)\b", re.sub(r"<[^>]*>", " ", main), re.I), main


@pytest.mark.parametrize(
    ("sent_to", "page"),
    [("/messages/some/report", "/messages/some"), ("/admin/campaign/running", "/admin/campaign"), ("/signout", "/")],
)
def test_where_a_form_is_sent_to_leads_back_to_its_page_when_it_is_opened_anew(
    small_campaign: World, sent_to: str, page: str
) -> None:
    """As by a reload, or by choosing another language on the page that said why the form was not taken."""
    with visit(small_campaign, "ada") as ada:
        ada.client.follow_redirects = False
        answer = ada.get(sent_to)
    assert (answer.status_code, answer.headers["location"]) == (303, page)


def test_what_the_organiser_adds_stands_beside_the_sentence_as_it_was_written(small_campaign: World) -> None:
    small_campaign.door.call(
        charter.change_charter, None, {"running": "closed", "reason": "On demenage."}, small_campaign.now
    )
    refused = errors.CampaignClosed("The campaign is closed and takes nothing more.", quoted="On demenage.")
    assert refused.detail == "The campaign is closed and takes nothing more. On demenage."
    assert "demenage" not in said(refused, catalogue("de"))


def test_programs_are_answered_in_english(small_campaign: World) -> None:
    answer = small_campaign.ada.get("/messages/none", headers=GERMAN)
    assert answer.json()["detail"] == "There is no such message."
    assert FOR_PROGRAMS


def test_catalogues_hold_what_their_files_say() -> None:
    """The values of a sentence are spelled as the language of the catalogue has them, which its head names."""
    for lang in COMPLETE:
        with Path(interface_words.LOCALES / f"{lang}.po").open("rb") as file:
            assert str(read_po(file).locale) == lang
        assert catalogue(lang).info()["language"] == lang
