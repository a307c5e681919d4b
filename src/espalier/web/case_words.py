"""Cases in the reader's words: why one is there, where it stands, what can be decided and what was. Knows no page."""

from gettext import NullTranslations
from typing import Final

from espalier.domain.cases import Came, Entry, State, Verdict
from espalier.web.words import N_, language_name

KEYS = {
    Verdict.DISMISS: "d", Verdict.SETTLE: "s", Verdict.REMOVE: "r", Verdict.HALT: "h", Verdict.WARN: "w",
    Verdict.SUSPEND: "u", Verdict.BAN: "b", Verdict.LIFT: "l",
}  # fmt: skip
"""The key of each decision on the page of a case."""


OWN_REASONS: Final = (
    N_("Spam or advertising"),
    N_("Insult or hate"),
    N_("Sexual content"),
    N_("Violence or a threat"),
    N_("Private data of somebody"),
    N_("Copied text"),
    N_("Not in the language of the conversation"),
    N_("Against the guidelines in another way"),
    N_("Nothing wrong with it"),
)
"""Those that the program brings; an organiser's are said as they were written."""


def reason_words(reason: str, words: NullTranslations) -> str:
    return words.gettext(reason) if reason in OWN_REASONS else reason


def came_words(words: NullTranslations) -> dict[Came, str]:
    _ = words.gettext
    return {
        Came.HARMFUL: _("Skipped as harmful"), Came.APPEAL: _("Appeal"), Came.REPORT: _("Report"),
        Came.FLAG: _("Red flag"), Came.STAFF: _("Decided by staff"), Came.FILTER: _("Failed a filter"),
    }  # fmt: skip


def entry_words(entry: Entry, words: NullTranslations, interface: str) -> str | None:
    """What somebody said who brought something to a case, or what a filter found."""
    if entry.came is not Came.FILTER or entry.words is None:
        return entry.words
    said = words.gettext("The text seems to be in another language: %(lang)s. Its author sent it as it is.")
    return said % {"lang": language_name(entry.words, interface)}


def state_words(words: NullTranslations) -> dict[State, str]:
    _ = words.gettext
    return {
        State.OPEN: _("open"), State.TAKEN: _("in hand"), State.DECIDED: _("decided"),
        State.WITHDRAWN: _("taken back"),
    }  # fmt: skip


def verdict_words(words: NullTranslations, *, appeal: bool = False) -> dict[Verdict, str]:
    """On the choices of a form about a message; `appeal`: of somebody who is shut out."""
    _ = words.gettext
    return {
        Verdict.DISMISS: _("Leave it as it was decided") if appeal else _("Dismiss: nothing is wrong"),
        Verdict.SETTLE: _("Settled in another way, as by editing the text"), Verdict.REMOVE: _("Remove the message"),
        Verdict.HALT: _("Halt the tree"), Verdict.WARN: _("Warn the author"),
        Verdict.SUSPEND: _("Suspend for some days instead") if appeal else _("Suspend the author for some days"),
        Verdict.BAN: _("Ban the author"), Verdict.LIFT: _("Let them in again"),
    }  # fmt: skip


def shutting_out_words(words: NullTranslations) -> dict[Verdict, str]:
    """On the choices of a form about a person, for all they do."""
    _ = words.gettext
    return {Verdict.SUSPEND: _("Suspend for some days"), Verdict.BAN: _("Ban")}


def decided_words(words: NullTranslations) -> dict[Verdict, str]:
    """What came of it, for staff, of a message or of a person."""
    _ = words.gettext
    return {
        Verdict.DISMISS: _("Dismissed"), Verdict.SETTLE: _("Settled in another way"),
        Verdict.REMOVE: _("The message was removed"), Verdict.HALT: _("The tree was halted"),
        Verdict.WARN: _("Warned"), Verdict.SUSPEND: _("Suspended"), Verdict.BAN: _("Banned"),
        Verdict.LIFT: _("They were let in again"),
    }  # fmt: skip
