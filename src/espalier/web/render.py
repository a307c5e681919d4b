"""Pages from templates: one environment for each language of the interface, and the headers that every page has.

A template gets the fields of its page's Context, and `visit`, who looks. Knows Jinja; knows no page.
"""

from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel.dates import format_date, format_time, format_timedelta, get_datetime_format
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from espalier.chat import judging, parameters
from espalier.collect.settings import THEMES
from espalier.domain.charter import Visibility
from espalier.domain.errors import Refusal
from espalier.web import chat_words, cookies, files
from espalier.web.case_words import reason_words
from espalier.web.errors import waits
from espalier.web.key_words import FOR_STAFF, KEYS_OF
from espalier.web.markdown import rendered
from espalier.web.refused import said
from espalier.web.tree_words import first_words
from espalier.web.undoing import REASONS, undo_line
from espalier.web.visit import Visit
from espalier.web.words import catalogue, direction, interface_languages, language_name

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@cache
def environment(lang: str) -> Environment:
    """The templates with the words of a language."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(catalogue(lang), newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(
        number=lambda value: format_decimal(value, locale=lang),
        percent=lambda value: format_percent(value, locale=lang),
        day=lambda at: format_date(at, "long", locale=lang),
        moment=lambda at: moment(at, lang),
        words=lambda text, top=2: rendered(text, catalogue(lang), top),
        language=lambda tag: language_name(tag, lang),
        said=lambda refused: said(refused, catalogue(lang)),
        reason=lambda given: reason_words(given, catalogue(lang)),
        beginning=first_words,
        apart=lambda words: Markup("<bdi>{}</bdi>").format(words),
    )
    made.globals.update(
        file=files.address_of,
        worker=files.worker_address,
        direction=direction,
        interface_languages=interface_languages,
        clock=lambda at: clock(at, lang),
        undo_line=undo_line,
        chat_words=chat_words,
        chat_reasons=judging.REASONS,
        chat_parameters=parameters.PARAMETERS,
        KEYS_OF=KEYS_OF,
        KEYS_FOR_STAFF=FOR_STAFF,
        skip_reasons=REASONS,
        own_name=lambda tag: language_name(tag, tag),
    )
    return made


def ago(at: datetime, now: datetime, lang: str) -> Markup:
    """A time as people say it, after two months its day, with the exact one behind it."""
    recent = abs(at - now) < timedelta(days=60)
    said = format_timedelta(at - now, locale=lang, add_direction=True) if recent else format_date(at, locale=lang)
    return Markup('<time datetime="{}" title="{} UTC" data-ago>{}</time>').format(
        at.isoformat(timespec="seconds"), _exactly(at, lang), said
    )


def moment(at: datetime, lang: str) -> Markup:
    """A day and time; of the server's UTC, and of the reader's own zone where the browser can tell it."""
    return Markup('<time datetime="{}" data-moment>{} UTC</time>').format(
        at.isoformat(timespec="seconds"), _exactly(at, lang)
    )


def _exactly(at: datetime, lang: str) -> str:
    """A day and time to the minute."""
    pattern = str(get_datetime_format("medium", locale=lang))
    return pattern.replace("'", "").format(format_time(at, "short", locale=lang), format_date(at, locale=lang))


def clock(at: datetime, lang: str) -> Markup:
    """The time of day; of the server's UTC, and of the reader's own zone where the browser can tell it."""
    return Markup('<time datetime="{}" data-clock>{} UTC</time>').format(
        at.isoformat(timespec="seconds"), format_time(at, "short", locale=lang)
    )


def render(
    visit: Visit,
    template: str,
    context: Any,
    *,
    status: int = 200,
    refused: Refusal | None = None,
    public: bool = False,
) -> Response:
    """The page. `context`: a dataclass whose fields the template gets.

    `refused`: what the page says was not done, whose status it has. `public`: search engines may list it, as they may
    all pages of an open campaign.
    """
    given = {field.name: getattr(context, field.name) for field in fields(context)}
    page = environment(visit.lang).get_template(template)
    answer = HTMLResponse(
        page.render(visit=visit, ago=lambda at: ago(at, visit.now, visit.lang), **given),
        status_code=refused.status if refused else status,
        headers=waits(refused) if refused else None,
    )
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Language"] = visit.lang
    answer.headers["Referrer-Policy"] = "same-origin"
    if public or visit.charter.readers is Visibility.OPEN:
        answer.headers["X-Robots-Tag"] = "all"
    if visit.visitor:
        cookies.write_signed(
            answer, visit.request, cookies.VISITOR, visit.visitor, visit.campaign.signing_key, lasts_s=cookies.YEAR_S
        )
    if visit.notice:
        cookies.forget(answer, cookies.NOTICE)
    _keep_manner(visit, answer)
    return answer


def _keep_manner(visit: Visit, answer: Response) -> None:
    """What an account has chosen holds in its browser, too, for pages that are shown without asking the database."""
    given = visit.request.cookies
    if visit.person is None:
        return
    if visit.chosen.interface and given.get(cookies.LANGUAGE) != visit.chosen.interface:
        cookies.write(answer, visit.request, cookies.LANGUAGE, visit.chosen.interface, lasts_s=cookies.YEAR_S)
    if given.get(cookies.THEME, THEMES[0]) != visit.theme:
        cookies.write(answer, visit.request, cookies.THEME, visit.theme, lasts_s=cookies.YEAR_S)
