"""What volunteers send: texts, labels, rankings; checked against the task that asked for them.

Values and checks only; what an accepted answer does is contributions.py.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from espalier.domain.characters import are_characters, shows_anything
from espalier.domain.errors import Invalid, TooLong, WrongAnswer
from espalier.domain.message import LIKERT_STEPS, MANDATORY_LABELS, Ballot, Label, LabelKind
from espalier.safety.language import looks_foreign


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """`confirm_language`: the volunteer was warned that the text looks like another language, and means it."""

    text: str
    confirm_language: bool = False


@dataclass(frozen=True, slots=True)
class LabelsAnswer:
    """`labels`: by name; None is "cannot judge". `flags`: the ticked ones; () is "none of these", None unanswered."""

    labels: Mapping[str, float | None]
    flags: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class RankingAnswer:
    """`order`: groups of handles, best first, ties together."""

    order: Sequence[Sequence[str]]
    not_rankable: bool = False


Answer = TextAnswer | LabelsAnswer | RankingAnswer

ASKED_ALONE: Final = "lang_mismatch"
"""The one flag that is a question of its own, since acceptance reads it."""


def clean_text(text: str, most_characters: int) -> str:
    """The text as it is kept: NFC, without blanks around it. Raises Invalid or TooLong, with the text handed back."""
    if not are_characters(text):
        raise Invalid("The text contains characters that are no text (NUL or half a surrogate pair).", field="text")
    text = unicodedata.normalize("NFC", text).strip()
    if not shows_anything(text):
        raise Invalid("The text is empty.", field="text")
    if len(text) > most_characters:
        raise TooLong(
            "The text has %(count)s characters; at most %(most)s are allowed.",
            count=len(text),
            most=most_characters,
            field="text",
            text=text,
        )
    return text


def seems_to_be(text: str, lang: str) -> str | None:
    """The language that a text seems to be in where it should be in another one; a warning for who writes it."""
    return looks_foreign(text, lang)


def check_labels(answer: LabelsAnswer, offered: Collection[Label]) -> dict[str, float | None]:
    """The answered labels as they are kept. Raises WrongAnswer, naming the label."""
    known = {label.name: label for label in offered}
    kept: dict[str, float | None] = {}
    for name, value in answer.labels.items():
        label = known.get(name)
        if label is None:
            raise WrongAnswer("This task does not ask for the label '%(label)s'.", label=name, field=f"labels.{name}")
        if label.kind is LabelKind.FLAG and name != ASKED_ALONE:
            raise WrongAnswer("'%(label)s' is a flag: tick it in `flags`.", label=name, field=f"labels.{name}")
        kept[name] = _checked(label, value)
    for name in MANDATORY_LABELS:
        if kept.get(name) is None:
            raise WrongAnswer(
                "The label '%(label)s' must be answered; whoever cannot judge it skips.",
                label=name,
                field=f"labels.{name}",
            )
    if answer.flags is not None:
        kept.update(_flags(answer.flags, known))
    return kept


def _checked(label: Label, value: float | None) -> float | None:
    if value is None:
        return None
    allowed = LIKERT_STEPS if label.kind is LabelKind.LIKERT else (0.0, 1.0)
    if value not in allowed:
        steps = ", ".join(f"{step:g}" for step in allowed)
        raise WrongAnswer(
            "'%(label)s' takes one of %(steps)s, or null for “cannot judge”.",
            label=label.name,
            steps=steps,
            field=f"labels.{label.name}",
        )
    return float(value)


def _flags(ticked: Sequence[str], known: Mapping[str, Label]) -> dict[str, float]:
    asked = {name for name, label in known.items() if label.kind is LabelKind.FLAG and name != ASKED_ALONE}
    for name in ticked:
        if name not in asked:
            raise WrongAnswer("This task does not ask for the flag '%(label)s'.", label=name, field="flags")
    return {name: float(name in ticked) for name in sorted(asked)}


def check_ranking(answer: RankingAnswer, replies: Sequence[str]) -> Ballot:
    """The ballot in ids of replies. Raises WrongAnswer unless every handed reply stands in it exactly once."""
    if answer.not_rankable:
        if answer.order:
            raise WrongAnswer("An “all unacceptable” ranking has no order.", field="order")
        return ()
    handles = {f"r{number}": reply for number, reply in enumerate(replies)}
    named = [handle for group in answer.order for handle in group]
    if sorted(named) != sorted(handles) or not all(answer.order):
        raise WrongAnswer(
            "The order must name each of %(handles)s exactly once.", handles=", ".join(handles), field="order"
        )
    return tuple(tuple(sorted(handles[handle] for handle in group)) for group in answer.order)
