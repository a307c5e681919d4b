"""The keys of the site: which ones there are, what each does, and where it acts. Pages list them from here, and scripts
read from those lists which key does what (static/keys.js), so that no list can say anything else than what happens.

Knows no page. A script says what an act is (`espalierKeys.on`); a key whose act is not on a page is not listed there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from gettext import NullTranslations
from typing import Final

from espalier.web.case_words import KEYS, verdict_words
from espalier.web.words import N_

SHOWN: Final = {
    "ctrl+enter": "Ctrl ↵", "alt+arrowup": "Alt ↑", "alt+arrowdown": "Alt ↓", "escape": "Esc",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list. what: it does, as a source text. acts: by key, as the browser names it, in small letters.

    names: what is printed on them, as source texts, where the keys do not say it.
    """

    what: str
    acts: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[str, ...]:
        return self.names or tuple(SHOWN.get(key, key.upper()) for key in self.acts)


@dataclass(frozen=True, slots=True)
class Keys:
    """title: where they act, as a source text."""

    title: str
    rows: tuple[Row, ...]


_SAID = verdict_words(NullTranslations())

KEYS_OF: Final[Mapping[str, Keys]] = {
    "everywhere": Keys(N_("On every page"), (Row(N_("show all keys"), {"?": "keys"}),)),
    "start": Keys(N_("Where the next task is offered"), (Row(N_("Give me the next task"), {"n": "next"}),)),
    "task": Keys(N_("On every task"), (Row(N_("submit"), {"ctrl+enter": "submit"}),)),
    "label": Keys(N_("Reviewing"), (
        Row(N_("next question, the one before"), {"j": "following", "k": "preceding"}),
        Row(N_("choose the answer with this number"), {str(number): "choose" for number in range(1, 10)},
            ("1", "…", "9")),
        Row(N_("cannot judge, or none of these"), {"0": "choose"}),
        Row(N_("clear the answer"), {"x": "clear"}),
    )),
    "rank": Keys(N_("Ranking"), (
        Row(N_("choose a reply"), {"j": "following", "k": "preceding"}),
        Row(N_("move it"), {"alt+arrowup": "up", "alt+arrowdown": "down"}),
        Row(N_("equal with the one above"), {"=": "equal"}),
        Row(N_("put back what is being dragged"), {"escape": "drop"}),
    )),
    "chat": Keys(N_("In a conversation"), (
        Row(N_("send"), {"ctrl+enter": "submit"}),
        Row(N_("stop the reply"), {"escape": "stop"}),
        Row(N_("take this answer, where several stand side by side"), {"a": "take_a", "b": "take_b", "c": "take_c"}),
        Row(N_("both are good"), {"g": "tie"}),
        Row(N_("both are bad"), {"x": "both_bad"}),
        Row(N_("go on without choosing"), {"s": "skipped"}),
    )),
    "compare": Keys(N_("Comparing answers"), (
        Row(N_("answer A, or answer B, is better"), {"a": "left", "b": "right"}),
        Row(N_("both are good"), {"g": "tie"}),
        Row(N_("both are bad"), {"x": "both_bad"}),
        Row(N_("Skip"), {"s": "skipped"}),
        Row(N_("the next two answers"), {"n": "following"}),
    )),
    "tree": Keys(N_("In a tree"), (
        Row(N_("from message to message"), names=("↑", "↓", "←", "→")),
        Row(N_("to the prompt"), names=(N_("Home"),)),
        Row(N_("fold or unfold what is above a message, in the drawing"), names=(N_("Space"),)),
    )),
    "case": Keys(N_("On a case"), (
        *(Row(_SAID[verdict], {key: str(verdict)}) for verdict, key in KEYS.items()),
        Row(N_("Decide"), {"ctrl+enter": "decide"}),
        Row(N_("Take it"), {"t": "take"}),
        Row(N_("Undo the decision"), {"z": "undo"}),
        Row(N_("The next case"), {"n": "next"}),
    )),
}  # fmt: skip
"""By where they act."""
FOR_STAFF: Final = ("case",)
