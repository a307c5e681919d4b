"""How the models of chat do, by day: how their replies ended, how long they took, what a reward model said of them.

Knows rows of counts; no text and nobody's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Connection, bindparam, case, select, text

from espalier.store.sql import Statement
from espalier.store.tables import model_figures

F = model_figures.c


class Figure(StrEnum):
    """What is counted. Those in seconds, and the reward, have a sum too; of the others the count says all."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    CUT_OFF = "cut_off"
    FAILED = "failed"
    FILTERED_SAID = "filtered_said"
    FILTERED_WRITTEN = "filtered_written"
    DECLINED = "declined"
    REWARD = "reward"
    FIRST_S = "first_s"
    WHOLE_S = "whole_s"


@dataclass(frozen=True, slots=True)
class Counted:
    """total, most: of the values, where there are such."""

    count: int = 0
    total: float = 0.0
    most: float = 0.0

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    def __add__(self, other: "Counted") -> "Counted":
        most = max([each.most for each in (self, other) if each.count], default=0.0)
        return Counted(self.count + other.count, self.total + other.total, most)


_NOTE = Statement(
    lambda insert: (
        insert(model_figures)
        .values(
            day=bindparam("on_day"), model=bindparam("of_model"), name=bindparam("figure"), count=text("1"),
            total=bindparam("value"), most=bindparam("value"),
        )
        .on_conflict_do_update(
            index_elements=["day", "model", "name"],
            set_={
                "count": F.count + text("1"),
                "total": F.total + bindparam("value"),
                "most": case((F.most < bindparam("value"), bindparam("value")), else_=F.most),
            },
        )
    )
)  # fmt: skip
_SINCE = Statement(
    select(F.day, F.model, F.name, F.count, F.total, F.most)
    .where(F.day >= bindparam("since"))
    .order_by(F.day, F.model, F.name)
)


def note(db: Connection, day: date, model: str, values: Mapping[Figure, float]) -> None:
    """Count something of a model once. values: by figure; of one that is only counted any."""
    _NOTE.many(
        db,
        [
            {"on_day": day.toordinal(), "of_model": model, "figure": name.value, "value": float(value)}
            for name, value in sorted(values.items())
        ],
    )


def figures_since(db: Connection, day: date) -> dict[tuple[date, str], dict[Figure, Counted]]:
    """By day and model; of what was never counted there is nothing."""
    found: dict[tuple[date, str], dict[Figure, Counted]] = {}
    for on, model, name, count, total, most in _SINCE.rows(db, since=day.toordinal()):
        found.setdefault((date.fromordinal(on), model), {})[Figure(name)] = Counted(count, total, most)
    return found
