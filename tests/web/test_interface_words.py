"""Everything that the site says can be said in every language of the interface, and is."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from jinja2 import Environment

import interface_words
from espalier.web import words

TEXTS = interface_words.said()
COMPLETE = ("ar", "de", "es", "ko")
TEMPLATES = sorted((interface_words.WEB / "templates").rglob("*.html"))
CODE = sorted(interface_words.WEB.rglob("*.py"))
NAMES = {"Espalier", "htmx", "UTC"}
LETTERS = re.compile(r"[^\W\d_]{2,}")
SAID_BY_ATTRIBUTE = re.compile(r'\b(?:aria-label|title|placeholder|alt)="([^"{]*)')


def catalogue(lang: str) -> Catalog:
    with (interface_words.LOCALES / f"{lang}.po").open("rb") as file:
        return read_po(file, locale=lang)


def strings(message: Message) -> list[str]:
    found = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    return [str(each) for each in found]


def ids(message: Message) -> list[str]:
    return list(message.id) if isinstance(message.id, (list, tuple)) else [str(message.id)]


def test_the_languages_of_the_interface_are_those_that_have_a_catalogue() -> None:
    assert set(words.interface_languages()) == {"en", *interface_words.languages()}
    assert set(COMPLETE) <= set(interface_words.languages())


@pytest.mark.parametrize("lang", interface_words.languages())
def test_a_catalogue_has_just_the_texts_that_are_said(lang: str) -> None:
    spelled = interface_words.spelled(interface_words.brought_up_to_date(lang, TEXTS))
    is_current = (interface_words.LOCALES / f"{lang}.po").read_bytes() == spelled  # to show what differs takes minutes
    assert is_current, "run `make words`"


@pytest.mark.parametrize("lang", COMPLETE)
def test_the_languages_that_are_complete_lack_no_text_and_guess_none(lang: str) -> None:
    messages = [message for message in catalogue(lang) if message.id]
    assert not [message.id for message in messages if message.fuzzy or interface_words.is_empty(message)]


@pytest.mark.parametrize("lang", interface_words.languages())
def test_a_translation_keeps_the_placeholders_and_the_marks(lang: str) -> None:
    broken = []
    for message in catalogue(lang):
        wanted = {hole for each in ids(message) for hole in re.findall(r"%\(\w+\)\w|<[^>]+>", each)}
        allowed_to_lack = {"%(num)s"} if message.pluralizable else set()
        for said in filter(None, strings(message)):
            has = set(re.findall(r"%\(\w+\)\w|<[^>]+>", said))
            if message.id and not (has <= wanted and wanted - has <= allowed_to_lack):
                broken.append((message.id, said))
    assert not broken


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_that_is_not_marked(template: Path) -> None:
    plain, inside_trans = [], False
    for _, kind, text in Environment(extensions=["jinja2.ext.i18n"]).lex(template.read_text("utf-8")):
        if kind == "name" and text in ("trans", "endtrans"):
            inside_trans = text == "trans"
        if kind == "data" and not inside_trans:
            plain.append(text)
        elif kind == "variable_begin":
            plain.append("{")
    whole = "".join(plain)
    spoken = [
        *SAID_BY_ATTRIBUTE.findall(whole),
        re.sub(r"<(svg|kbd|code)\b.*?</\1>|<[^>]*>|&\w+;|\b[\w-]+=\"[^\"]*\"", " ", whole, flags=re.S),
    ]
    assert not {word for text in spoken for word in LETTERS.findall(text)} - NAMES


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_what_people_wrote_or_write_has_its_own_direction(template: Path) -> None:
    """Every element around a rendered text, and every field of many lines."""
    text = template.read_text("utf-8")
    around = re.findall(r"<[a-z][^<]*(?=\{\{[^{}]*\| words)", text) + re.findall(r"<textarea[^\n]*", text)
    assert not [element for element in around if "dir=" not in element]


def test_a_notice_is_marked_where_code_says_it() -> None:
    bare = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "redirect":
                bare += [f"{path.name}:{node.lineno}" for each in node.args[2:] if isinstance(each, ast.Constant)]
    assert not bare


def test_code_calls_what_translates_by_a_name_under_which_its_texts_are_collected() -> None:
    """Under any other name a text would be said as it is written, in English, and nobody would be asked for it."""
    found = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Assign):
                pairs = zip(_each(node.targets[0]), _each(node.value), strict=False)
                found += [(path.name, to.id) for to, value in pairs if isinstance(to, ast.Name) and _translates(value)]
    assert {name for _, name in found} == {"_", "ngettext"}, found


def test_no_text_hides_in_a_formatted_string_where_it_would_not_be_collected() -> None:
    hidden = [
        f"{path.name}:{node.lineno}"
        for path in CODE
        for string in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(string, ast.JoinedStr)
        for node in ast.walk(string)
        if isinstance(node, ast.Call)
        and (_translates(node.func) or (isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext")))
    ]
    assert not hidden


def _each(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _translates(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("gettext", "ngettext")


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [("de-CH,de;q=0.9,en;q=0.5", "de"), ("fr;q=0.9,ko;q=0.8", "ko"), ("xx", "en"), ("", "en"), (";;q=,=", "en")],
)
def test_the_browser_says_which_language_unless_the_person_does(accepted: str, lang: str) -> None:
    assert words.chosen_language(None, accepted=accepted) == lang
    assert words.chosen_language("ar", None, accepted=accepted) == "ar"
    assert words.chosen_language("tlh", accepted=accepted) == lang


@pytest.mark.parametrize(
    ("lang", "runs"), [("ar", "rtl"), ("he", "rtl"), ("en", "ltr"), ("pt-BR", "ltr"), ("??", "auto")]
)
def test_a_language_has_its_direction(lang: str, runs: str) -> None:
    assert words.direction(lang) == runs
