"""Refusals in the reader's language: what each kind of them is called, and what is said.

The sentences themselves stand where they are raised, and translators get them from there. Knows no page.
"""

from collections.abc import Mapping
from datetime import date, datetime
from gettext import NullTranslations
from typing import Any, Final

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from espalier.domain.charter import InvalidCharter
from espalier.domain.errors import Refusal
from espalier.domain.parameter import InvalidPolicy
from espalier.domain.policy import PARAMETERS
from espalier.domain.tree import State
from espalier.store.people import PersonRole
from espalier.web import policy_words
from espalier.web.tree_words import STATES, label_names
from espalier.web.words import N_, SOURCE, language_name

TITLES: Final[Mapping[str, str]] = {
    "refused": N_("Not possible"),
    "unauthenticated": N_("Please sign in"),
    "not-allowed": N_("Not allowed"),
    "banned": N_("This account is disabled"),
    "suspended": N_("This account is suspended"),
    "warning-unread": N_("A warning has to be read first"),
    "terms-not-accepted": N_("The terms have changed"),
    "practice-first": N_("The practice comes first"),
    "not-begun": N_("The campaign has not begun"),
    "not-found": N_("Nothing is here"),
    "invalid": N_("Something in it is not as it should be"),
    "invalid-campaign": N_("This cannot be said of the campaign"),
    "invalid-policy": N_("The policy is not valid"),
    "too-long": N_("The text is too long"),
    "wrong-language": N_("Another language"),
    "wrong-answer": N_("The answer does not fit the task"),
    "conflict": N_("Not possible as things stand"),
    "already-answered": N_("This task is over"),
    "stale": N_("This conversation is no longer open"),
    "taken-back": N_("The author took this back"),
    "duplicate-text": N_("You have sent this text before"),
    "newer-draft": N_("There is a newer draft"),
    "id-reused": N_("This was taken back"),
    "built-on": N_("It is too late for that"),
    "wrong-state": N_("The tree's state does not allow this"),
    "closed": N_("The campaign is closed"),
    "try-later": N_("Try again later"),
    "rate-limited": N_("A short break"),
    "too-many-open-tasks": N_("Finish an open task first"),
    "paused": N_("The campaign is paused"),
    "busy": N_("Much is going on"),
    "closing": N_("The site is starting anew"),
    "maintenance": N_("The site is being looked after"),
    "not-saved": N_("The change could not be saved"),
    "malformed": N_("The form did not arrive as it should"),
    "method-not-allowed": N_("Not possible here"),
    "too-large": N_("That is too large"),
    "internal": N_("Something went wrong here"),
}
"""By the slug of the refusal."""

IN_OTHER_WORDS: Final[Mapping[str, str]] = {
    "Send a valid token: `Authorization: Bearer <token>`.": N_("Please sign in first."),
    "This task is %(status)s already.": N_("It was answered or skipped before, here or in another window."),
    "This conversation was closed in the meantime.": N_(
        "The conversation was closed, or the message was removed, while you were at it. Nothing was taken."
    ),
    "The message was removed in the meantime.": N_(
        "The conversation was closed, or the message was removed, while you were at it. Nothing was taken."
    ),
    "The author took this back in the meantime.": N_(
        "The author took back what this task was about, so it is over. The next one is waiting."
    ),
    "You have sent this text before.": N_("You have sent this text before. Change it, or skip the task."),
    "This id was used before, for something else; choose a new one.": N_(
        "This was taken back in the meantime. Submit it once more if it is right."
    ),
    "What was sent under this id has been taken back; choose a new one.": N_(
        "This was taken back in the meantime. Submit it once more if it is right."
    ),
    "This looks like '%(other)s', but the conversation is in '%(lang)s'. If it is right as it is, send it again with "
    "confirm_language.": N_("This looks like %(other)s, but the conversation is in %(lang)s. Please look once more."),
    "At most %(count)s tasks in %(minutes)s minutes; again in %(seconds)s seconds.": N_(
        "You have done a lot in a short time, and others should have their turn."
    ),
    "At most %(count)s tasks of this kind in %(minutes)s minutes; again in %(seconds)s seconds.": N_(
        "You have done a lot in a short time, and others should have their turn."
    ),
    "You have %(count)s open tasks; finish or skip one first.": N_(
        "You have many open tasks. Finish or skip one, then there will be others."
    ),
    "The campaign is closed and takes nothing more.": N_(
        "It takes nothing more. What has grown can still be read, and your own data downloaded."
    ),
    "The campaign has not begun yet.": N_("The organisers are still preparing it. Come back when it is open."),
    "The terms of this campaign have changed; read and accept them before you go on.": N_(
        "Read the terms of this campaign and accept them, then go on."
    ),
    "This export is %(status)s; its file is there when it is done.": N_(
        "This export is not done yet; its file is there when it is."
    ),
    "A tree in the state %(state)s cannot be told to %(command)s.": N_(
        "This cannot be done with a tree in the state “%(state)s”."
    ),
}
"""What a page says instead of a sentence that was written for programs."""

OF_REQUESTS: Final[Mapping[str, str]] = {
    "not-found": N_("There is no such page, or it is not for you to see."),
    "malformed": N_("Something is missing in it, or is of another kind. Please go back and send it once more."),
    "method-not-allowed": N_("This address is not for that. Please go back and take the way over the page."),
    "too-large": N_("What was sent is larger than this server takes."),
    "internal": N_("The fault is ours and has been noted. Drafts are kept."),
}
"""By the slug of what the server itself refuses, before any rule of the campaign."""
OTHERWISE: Final = N_("This request cannot be answered as it came.")

ROLES: Final[Mapping[PersonRole, str]] = {
    PersonRole.CONTRIBUTOR: N_("contributor"),
    PersonRole.MODERATOR: N_("moderator"),
    PersonRole.ADMIN: N_("administrator"),
}
OF_THE_CAMPAIGN: Final[Mapping[str, str]] = {
    "name": N_("Name"),
    "about": N_("What it is for"),
    "contact": N_("Contact"),
    "licence": N_("Licence of what people give"),
    "licence_url": N_("Where the licence can be read"),
    "languages": N_("Languages"),
    "target": N_("Messages wanted"),
    "visibility": N_("Who may read"),
    "reason": N_("A sentence on why, for everybody"),
    "paused_until": N_("Paused until"),
    "release": N_("Where the finished data set is"),
    "admission": N_("Who may make an account"),
    "domains": N_("Domains"),
    "trusted": N_("Issuers whose word on an address is taken"),
}
"""The fields of the campaign as its page names them."""
_OF_LANGUAGES: Final = ("lang", "other", "langs")


def title_of(slug: str, words: NullTranslations) -> str:
    return words.gettext(TITLES.get(slug, TITLES["refused"]))


def said(refused: Refusal, words: NullTranslations) -> str:
    """A sentence for who reads it on a page; what `refused` quotes is not in it."""
    sentence = words.gettext(IN_OTHER_WORDS.get(refused.sentence, refused.sentence))
    if not refused.values:
        return sentence
    lang = words.info().get("language", SOURCE)
    values = {name: _spelled(name, value, words, lang) for name, value in refused.values.items()}
    match refused:
        case InvalidCharter() if label := OF_THE_CAMPAIGN.get(refused.field or ""):
            values["name"] = words.gettext(label)
        case InvalidPolicy() if parameter := PARAMETERS.get((refused.field or "").rpartition(".")[2]):
            values["wants"] = policy_words.wants(parameter, words, lang)
    return sentence % values


def said_with_wait(refused: Refusal, words: NullTranslations) -> str:
    """The same, and when another try may succeed."""
    wait = wait_words(refused, words)
    return f"{said(refused, words)} {wait}" if wait else said(refused, words)


def wait_words(refused: Refusal, words: NullTranslations) -> str | None:
    """When another try may succeed, where that is known."""
    wait_s = refused.retry_after_s
    if wait_s is None:
        return None
    minutes = (wait_s + 59) // 60
    sentence = (
        words.ngettext("Try again in %(num)s minute.", "Try again in %(num)s minutes.", minutes)
        if wait_s > 120
        else words.ngettext("Try again in %(num)s second.", "Try again in %(num)s seconds.", wait_s)
    )
    return sentence % {"num": minutes if wait_s > 120 else wait_s}


def said_of_request(slug: str, words: NullTranslations) -> str:
    return words.gettext(OF_REQUESTS.get(slug, OTHERWISE))


def _spelled(name: str, value: Any, words: NullTranslations, lang: str) -> str:
    match value:
        case PersonRole():
            return words.gettext(ROLES[value])
        case State():
            return words.gettext(STATES[value][0])
        case datetime():
            return f"{format_datetime(value, 'medium', locale=lang)} UTC"
        case date():
            return format_date(value, "long", locale=lang)
        case int():
            return format_decimal(value, locale=lang)
        case tuple() | list():
            return ", ".join(_spelled(name, each, words, lang) for each in value)
    if name in _OF_LANGUAGES:
        return language_name(str(value), lang)
    return label_names(words).get(str(value), str(value)) if name == "label" else str(value)
