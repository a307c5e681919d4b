"""Trees and messages in words: their states, their marks, the names of links to them.

Knows what a reader may see of a message, as it is handed in; knows no page.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from gettext import NullTranslations
from typing import Final, NamedTuple

from espalier.domain.message import LABELS, LabelKind, Role
from espalier.domain.sight import BlindMessage, LabelMean, SeenMessage, StaffMessage
from espalier.domain.tree import State
from espalier.web.visit import Visit
from espalier.web.words import N_, direction

STATES: Final[Mapping[State, tuple[str, str]]] = {
    State.INITIAL_PROMPT_REVIEW: (N_("prompt in review"), "wait"),
    State.PROMPT_LOTTERY_WAITING: (N_("waits to be drawn"), "wait"),
    State.GROWING: (N_("growing"), "good"),
    State.RANKING: (N_("being ranked"), "wait"),
    State.READY_FOR_SCORING: (N_("being counted"), "wait"),
    State.READY_FOR_EXPORT: (N_("finished"), "good"),
    State.ABORTED_LOW_GRADE: (N_("prompt refused"), ""),
    State.HALTED_BY_MODERATOR: (N_("halted"), ""),
    State.BACKLOG_RANKING: (N_("waits to be ranked"), "wait"),
    State.SCORING_FAILED: (N_("counting failed"), ""),
}
"""What each state is called, and the look of its pill."""

FLAGGED: Final = 0.5
"""From this mean on, a message counts as marked with a flag."""
HARMFUL: Final = {"hate_speech": 2 - 1e-9, "sexual_content": 2 - 1e-9, "violence": 1.5 - 1e-9}
"""Labels behind which a text stands folded, and how much of each there must be in all: the sum of what was marked."""
ISOLATE, END_ISOLATE = "\u2068", "\u2069"
"""Between them a text runs in its own direction, whatever is around it."""
_SIGNS: Final = re.compile(
    r"(?:```|~~~)[\w+-]*|`+|\|+|(?m:^[ \t]*(?:[#>]+[#> \t]*|[*+-][ \t]+))"
    r"|(?<!\w)[*_~]+(?=\S)|(?<=\S)[*_~]+(?!\w)|!?\[([^\]]*)\]\([^)]*\)"
)
"""Fences and ticks, tables, what begins a line, emphasis at the edge of words, links."""


@dataclass(frozen=True, slots=True)
class Pill:
    words: str
    look: str


def pill(state: State, words: NullTranslations) -> Pill:
    said, look = STATES[state]
    return Pill(words.gettext(said), look)


def first_words(text: str, most: int = 80) -> str:
    """The beginning of a text as one line without the signs of Markdown, cut between words where there are any."""
    plain = " ".join(_SIGNS.sub(lambda found: found[1] or "", text[: most * 6]).split()) or text[:most].strip()
    if len(plain) <= most:
        return plain
    cut = plain[:most]
    whole = cut.rsplit(" ", 1)[0]
    return f"{(whole if len(whole) > most // 2 else cut).rstrip('.,;:…')}…"


def role_words(role: Role, words: NullTranslations) -> str:
    return words.gettext("assistant") if role is Role.ASSISTANT else words.gettext("person asking")


def rank_words(rank: int, words: NullTranslations) -> str:
    _ = words.gettext
    named = (_("ranked first"), _("ranked second"), _("ranked third"))
    return named[rank] if rank < len(named) else _("ranked number %(place)s") % {"place": rank + 1}


def short_rank(rank: int, words: NullTranslations) -> str:
    _ = words.gettext
    named = (_("1st"), _("2nd"), _("3rd"))
    return named[rank] if rank < len(named) else _("no. %(place)s") % {"place": rank + 1}


def fate(message: SeenMessage, words: NullTranslations) -> str | None:
    """Where a message stands, in a word or two; None where it is simply there, or where that is hidden."""
    _ = words.gettext
    if isinstance(message, StaffMessage) and message.tombstone:
        return _("purged")
    if message.deleted:
        return _("deleted")
    if getattr(message, "removed", False):
        return _("below a deleted one")
    if isinstance(message, BlindMessage):
        return None
    if message.late:
        return _("came late")
    if message.review_result is None:
        return _("in review")
    return None if message.review_result else _("refused")


def label_marks(labels: Mapping[str, LabelMean], words: NullTranslations) -> list[str]:
    """What reviews came to, in short: the quality, and the flags that half of the reviewers set."""
    _ = words.gettext
    marks = []
    if "quality" in labels:
        marks.append(_("quality %(step)s of 5") % {"step": round(labels["quality"].value * 4 + 1)})
    names = label_names(words)
    marks += [
        _("marked “%(label)s”") % {"label": names[name]}
        for name, mean in labels.items()
        if name in LABELS and LABELS[name].kind is not LabelKind.LIKERT and mean.value >= FLAGGED
    ]
    return marks


def harms(message: SeenMessage, words: NullTranslations) -> list[str]:
    """What two people at least found in a message that others may not wish to read; hidden from who could judge it.

    A scale counts as much as it was marked: two who are halfway up it are not enough.
    """
    if isinstance(message, BlindMessage):
        return []
    said = {name: message.labels[name] for name in HARMFUL if name in message.labels}
    names = label_names(words)
    return [names[name] for name, mean in said.items() if mean.value * mean.count >= HARMFUL[name]]


class Opening(NamedTuple):
    """How a text begins, and in which language these words are: the text's, or the reader's where it stands folded."""

    words: str
    lang: str


def opening(message: SeenMessage, visit: Visit, most: int = 80, *, otherwise: str = "") -> Opening:
    """What a message is called where its text does not stand; `otherwise`: of one without words.

    Of a text that stands folded it says why, and not how the text begins.
    """
    found = [] if visit.chosen.harsh else harms(message, visit.words)
    if found:
        said = visit.words.gettext("Folded, for what is in it: %(harms)s")
        return Opening(said % {"harms": listed(found, visit.words)}, visit.lang)
    begins = first_words(message.text, most)
    return Opening(begins, message.lang) if begins else Opening(otherwise, visit.lang)


def label_names(words: NullTranslations) -> dict[str, str]:
    """What each label is called where its question is not asked."""
    _ = words.gettext
    return {
        "spam": _("Spam"), "fails_task": _("Fails the task"), "lang_mismatch": _("Wrong language"),
        "pii": _("Names a private person"), "not_appropriate": _("Not appropriate"), "hate_speech": _("Hate"),
        "sexual_content": _("Sexual"), "moral_judgement": _("Judges morally"), "political_content": _("Political"),
        "quality": _("Quality"), "helpfulness": _("Helpfulness"), "creativity": _("Creativity"),
        "humor": _("Humour"), "toxicity": _("Rudeness"), "violence": _("Violence"),
    }  # fmt: skip


def marks(message: SeenMessage, words: NullTranslations) -> list[str]:
    """All that is to be said of a message where it is only named: its fate, rank, labels, whether a model wrote it."""
    found = []
    if said := fate(message, words):
        found.append(said)
    if isinstance(message, BlindMessage):
        return found
    if message.rank is not None:
        found.append(rank_words(message.rank, words))
    if getattr(message, "synthetic", False):
        found.append(words.gettext("written by a model"))
    return found + label_marks(message.labels, words)


def listed(parts: Sequence[str], words: NullTranslations) -> str:
    """Several short pieces after each other."""
    said = parts[0] if parts else ""
    for part in parts[1:]:
        said = words.gettext("%(before)s, %(next)s") % {"before": said, "next": part}
    return said


def who_words(message: SeenMessage, place: int, of: int, visit: Visit) -> str:
    """`assistant, 2 of 3, in review`; place: among the replies to the same message, from 1."""
    words = visit.words
    parts = [role_words(message.role, words)]
    if of > 1:
        parts.append(words.gettext("%(place)s of %(all)s") % {"place": place, "all": of})
    return listed([*parts, *marks(message, words)], words)


def link_name(message: SeenMessage, place: int, of: int, visit: Visit) -> str:
    """`assistant, 2 of 3, in review: They are leggy…`, where no elements can keep the two languages apart."""
    begins = opening(message, visit, 60)
    text = begins.words
    if direction(begins.lang) != direction(visit.lang):
        text = f"{ISOLATE}{text}{END_ISOLATE}"
    return visit.words.gettext("%(who)s: %(text)s") % {"who": who_words(message, place, of, visit), "text": text}
