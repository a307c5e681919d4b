"""The line at the head of a page that says what its reader did last and can take back.

Knows what can be undone; a template asks for it where the line may stand, so that no other page looks for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from gettext import NullTranslations
from typing import Final

from espalier.collect import undo
from espalier.domain.charter import Running
from espalier.domain.errors import Refusal
from espalier.web.visit import Visit
from espalier.web.words import N_

REASONS: Final = {
    "finished": N_("conversation is finished"),
    "not_my_subject": N_("not my subject"),
    "cannot_judge": N_("cannot judge"),
    "offensive": N_("harmful"),
    "broken": N_("broken"),
}
"""Why somebody skips, as it is said with one click."""
SAID: Final = {**REASONS, "unclear": N_("unclear")}
NOT_SAID: Final = N_("no reason given")


@dataclass(frozen=True, slots=True)
class Line:
    """left_s: for how long it can still be taken back. reason: of a skip, in words. asks_why: not said yet."""

    task_id: str
    skipped: bool
    left_s: int
    reason: str | None
    asks_why: bool

    @property
    def left(self) -> str:
        return f"{self.left_s // 60}:{self.left_s % 60:02}"


def skipped_words(counts: Mapping[str, int], words: NullTranslations) -> list[tuple[str, int]]:
    """How often a task was skipped for which reason, for staff; the order stays."""
    return [(words.gettext(SAID.get(reason, NOT_SAID)), count) for reason, count in counts.items()]


def undo_line(visit: Visit) -> Line | None:
    """None where there is nothing to take back, or nobody is signed in. Blocks for a look into the database."""
    if visit.person is None:
        return None
    try:
        with visit.campaign.read(visit.caller) as (db, person):
            step = undo.last_step(db, person, visit.now)
    except Refusal:
        return None
    if step is None or (step.skipped and visit.charter.running is Running.CLOSED):  # no task comes back then
        return None
    left_s = int((step.until - visit.now).total_seconds())
    reason = SAID.get(step.reason or "")
    return Line(step.task_id, step.skipped, left_s, reason, step.asks_why)
