"""From the means that a file gives to the votes of single reviewers that come nearest to them.

The message's result comes first: the votes decide as the file says, even where no votes with its means would.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from espalier.domain.message import LABELS, LIKERT_STEPS, LabelKind, Message, Review, Role
from espalier.domain.policy import Policy
from espalier.domain.review import required_reviews, verdict
from espalier.replay.original import Original

ASKED_ALONE: Final = "lang_mismatch"
TICKED_TOGETHER: Final = frozenset(
    name for name, label in LABELS.items() if label.kind is LabelKind.FLAG and name != ASKED_ALONE
)
STEPS: Final = {LabelKind.YES_NO: 1, LabelKind.FLAG: 1, LabelKind.LIKERT: len(LIKERT_STEPS) - 1}


@dataclass(frozen=True, slots=True)
class Vote:
    """One reviewer's labels, by name."""

    labels: Mapping[str, float]

    def form(self, offered: Collection[str]) -> dict[str, Any]:
        """As the API wants it, of the labels that a task offers."""
        given = {name: value for name, value in self.labels.items() if name in offered}
        flags = given.keys() & TICKED_TOGETHER
        return {
            "labels": {name: value for name, value in given.items() if name not in flags},
            "flags": sorted(name for name in flags if given[name]) if flags else None,
        }


def votes_for(message: Original, policy: Policy, *, prompt: bool) -> tuple[Vote, ...]:
    """The votes of all reviewers that a message gets.

    One without a result gets as many as it had, but at least one too few to decide.
    """
    required = required_reviews(_judged([], prompt=prompt), policy)
    reviewers = required if message.accepted is not None else min(message.review_count, required - 1)
    columns = {
        name: spread(message.labels[name], reviewers, STEPS[label.kind])
        for name, label in LABELS.items()
        if name in message.labels
    }
    spam, mismatch = _deciding(message, reviewers, policy, prompt=prompt)
    columns["spam"] = spread(spam / reviewers if reviewers else 0.0, reviewers, 1)
    if mismatch is not None:
        columns[ASKED_ALONE] = spread(mismatch / reviewers if reviewers else 0.0, reviewers, 1)
    return tuple(Vote({name: column[place] for name, column in columns.items()}) for place in range(reviewers))


def spread(mean: float, reviewers: int, steps: int) -> list[float]:
    """Answers on a scale from 0 to 1 in so many steps, whose mean is nearest to the one given; the highest first."""
    whole, more = divmod(round(mean * reviewers * steps), reviewers) if reviewers else (0, 0)
    return [(whole + (place < more)) / steps for place in range(reviewers)]


def _deciding(message: Original, reviewers: int, policy: Policy, *, prompt: bool) -> tuple[int, int | None]:
    """How many say spam and how many another language: the nearest to the means that gives the result.

    A message without labels is spam to everybody if it was refused, else to nobody: `spam` must be answered.
    """
    spam = message.labels.get("spam", 1.0 if message.accepted is False else 0.0)
    mismatch = message.labels.get(ASKED_ALONE)
    choices: list[tuple[int, int | None]] = [
        (yes, other)
        for yes in range(reviewers + 1)
        for other in ([None] if mismatch is None else range(reviewers + 1))
        if message.accepted is None
        or verdict(_judged(_answers(yes, other, reviewers), prompt=prompt), policy) is message.accepted
    ]

    def distance(choice: tuple[int, int | None]) -> float:
        yes, other = choice
        return (yes - spam * reviewers) ** 2 + ((other or 0) - (mismatch or 0.0) * reviewers) ** 2

    return min(choices, key=distance)


def _answers(spam: int, mismatch: int | None, reviewers: int) -> list[dict[str, float]]:
    answers = [{"spam": float(place < spam)} for place in range(reviewers)]
    if mismatch is not None:
        for place, answer in enumerate(answers):
            answer[ASKED_ALONE] = float(place < mismatch)
    return answers


_THEN: Final = datetime(2023, 1, 1, tzinfo=UTC)


def _judged(answers: list[dict[str, float]], *, prompt: bool) -> Message:
    """A message with these reviews and nothing else, to be judged by the campaign's own rule."""
    reviews = tuple(Review(place, None, _THEN, labels) for place, labels in enumerate(answers))
    return Message("m", None if prompt else "p", Role.PROMPTER, None, _THEN, "en", "", 0, reviews=reviews)
