"""What became of a message, in a word that stands in a pill.

Knows what its reader may see of it; knows no page.
"""

from gettext import NullTranslations
from typing import Final, NamedTuple

from espalier.domain.sight import OwnMessage, PublicMessage, StaffMessage
from espalier.domain.tree import STOPPED, State


class Pill(NamedTuple):
    """`look`: a class of the style sheet: `good`, `wait` or none."""

    words: str
    look: str


RANKED_FIRST: Final = 0


def pill_of(message: OwnMessage | PublicMessage | StaffMessage, words: NullTranslations) -> Pill:
    _ = words.gettext
    if message.deleted or getattr(message, "removed", False):
        return Pill(_("removed"), "")
    if message.late:
        return Pill(_("came late"), "")
    if message.rank == RANKED_FIRST and message.parent_id is not None:
        return Pill(_("ranked first"), "good")
    if message.review_result is True:
        return Pill(_("accepted"), "good")
    if message.review_result is False:
        return Pill(_("not accepted"), "")
    if message.tree_state in STOPPED or message.tree_state is State.READY_FOR_EXPORT:
        return Pill(_("not reviewed"), "")
    return Pill(_("in review"), "wait")
