"""Messages whose right labels are known: which known answers may be, whether a review agrees, how far to trust that.

Pure; knows neither who reviewed nor how such a task is handed out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

from espalier.domain.errors import Invalid
from espalier.domain.message import LABELS, LIKERT_STEPS, MANDATORY_LABELS, LabelKind, Role, offered_labels

ONE_STEP: Final = LIKERT_STEPS[1] - LIKERT_STEPS[0]
CONFIDENCE_95: Final = 1.959964
"""Standard deviations to either side of the mean that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of so many labels with a known answer that somebody judged, how many agree with it."""

    agreed: int
    asked: int


def known_answers(role: Role, answers: Mapping[str, float]) -> dict[str, float]:
    """The right labels of a message of this role, checked. Raises Invalid, naming the label.

    The mandatory labels must be among them: a simple review asks for little else, and shall have something to agree on.
    """
    offered = {label.name: label for label in offered_labels(role, full=True)}
    for name, value in answers.items():
        label = offered.get(name)
        if label is None:
            raise Invalid(
                "No review of this message asks for the label '%(label)s'.", label=name, field=f"answers.{name}"
            )
        allowed = LIKERT_STEPS if label.kind is LabelKind.LIKERT else (0.0, 1.0)
        if value not in allowed:
            steps = ", ".join(f"{step:g}" for step in allowed)
            raise Invalid("'%(label)s' takes one of %(steps)s.", label=name, steps=steps, field=f"answers.{name}")
    for name in MANDATORY_LABELS:
        if name not in answers:
            raise Invalid("The right answer to '%(label)s' must be among them.", label=name, field=f"answers.{name}")
    return {name: float(value) for name, value in answers.items()}


def compare(known: Mapping[str, float], given: Mapping[str, float | None]) -> Agreement:
    """How a review agrees with the known answers; on a five-point label one step beside still agrees.

    What was left out or could not be judged neither agrees nor disagrees.
    """
    judged = {name: value for name, value in given.items() if value is not None and name in known}
    agreed = sum(abs(value - known[name]) <= _tolerance(name) for name, value in judged.items())
    return Agreement(agreed, len(judged))


def _tolerance(name: str) -> float:
    return ONE_STEP if LABELS[name].kind is LabelKind.LIKERT else 0.0


def wilson_interval(agreed: int, asked: int, deviations: float = CONFIDENCE_95) -> tuple[float, float]:
    """Between which shares the true one lies, by Wilson's score (1927); from 0 to 1 where nothing was asked.

    Unlike the share itself it is honest for small numbers: one of one is not yet a hundred per cent.
    """
    if asked == 0:
        return 0.0, 1.0
    share, width = agreed / asked, deviations**2 / asked
    middle = (share + width / 2) / (1 + width)
    half = deviations / (1 + width) * sqrt(share * (1 - share) / asked + width / (4 * asked))
    return max(0.0, middle - half), min(1.0, middle + half)
