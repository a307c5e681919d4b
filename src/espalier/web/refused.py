"""Refusals in the reader's language: what each kind of them is called, and what to do now.

Knows the kinds of refusals; knows no page. A kind that says something else each time keeps the domain's sentence.
"""

from collections.abc import Mapping
from gettext import NullTranslations
from typing import Final

from espalier.domain.errors import Refusal
from espalier.web.words import N_

SAID: Final[Mapping[str, tuple[str, str]]] = {
    "not-found": (N_("Nothing is here"), N_("There is no such page, or it is not for you to see.")),
    "too-long": (N_("The text is too long"), N_("The text is longer than this campaign takes. Shorten it.")),
    "already-answered": (
        N_("This task is over"), N_("It was answered or skipped before, here or in another window."),
    ),
    "stale": (
        N_("This conversation is no longer open"),
        N_("The conversation was closed, or the message was removed, while you were at it. Nothing was taken."),
    ),
    "taken-back": (
        N_("The author took this back"),
        N_("The author took back what this task was about, so it is over. The next one is waiting."),
    ),
    "duplicate-text": (
        N_("You have sent this text before"), N_("You have sent this text before. Change it, or skip the task."),
    ),
    "newer-draft": (
        N_("There is a newer draft"), N_("This draft was changed in another window or on another device since."),
    ),
    "id-reused": (
        N_("This was taken back"), N_("This was taken back in the meantime. Submit it once more if it is right."),
    ),
    "wrong-language": (N_("Another language"), N_("Please look at the language once more.")),
    "rate-limited": (
        N_("A short break"), N_("You have done a lot in a short time, and others should have their turn."),
    ),
    "too-many-open-tasks": (
        N_("Finish an open task first"), N_("You have many open tasks. Finish or skip one, then there will be others."),
    ),
    "busy": (
        N_("Much is going on"), N_("Many people are sending something at this moment. Please try once more."),
    ),
    "paused": (
        N_("The campaign is paused"),
        N_("Nothing is handed out at the moment. What you have begun stays, and you can still finish and submit it."),
    ),
    "closed": (
        N_("The campaign is closed"),
        N_("It takes nothing more. What has grown can still be read, and your own data downloaded."),
    ),
    "not-begun": (
        N_("The campaign has not begun"), N_("The organisers are still preparing it. Come back when it is open."),
    ),
    "terms-not-accepted": (
        N_("The terms have changed"), N_("Read the terms of this campaign and accept them, then go on."),
    ),
    "practice-first": (
        N_("The practice comes first"),
        N_("In this campaign the practice is to be passed before the first task. What you typed is kept as a draft."),
    ),
    "internal": (
        N_("Something went wrong here"), N_("The fault is ours and has been noted. What you typed is kept as a draft."),
    ),
}  # fmt: skip
"""Title and sentence by the slug of the refusal."""


def title_of(slug: str, title: str, words: NullTranslations) -> str:
    return words.gettext(SAID[slug][0]) if slug in SAID else words.gettext(title)


def sentence_of(slug: str, detail: str, words: NullTranslations) -> str:
    return words.gettext(SAID[slug][1]) if slug in SAID else words.gettext(detail)


def said(refused: Refusal, words: NullTranslations) -> str:
    """One sentence for who reads it beside their form."""
    return sentence_of(refused.slug, refused.detail, words)
