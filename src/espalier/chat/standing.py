"""How each model does with people, day by day: what became of its replies, how long they took, what people think.

Counts alone, of all conversations: nobody's name, and no text but what somebody agreed to give away.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import Connection

from espalier.store import filter_hits, model_figures, thumbs
from espalier.store.filter_hits import FilterHit
from espalier.store.model_figures import Counted, Figure
from espalier.store.thumbs import Thumb


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one model on a day, or over several."""

    counted: Mapping[Figure, Counted] = field(default_factory=dict)
    up: int = 0
    down: int = 0

    def of(self, figure: Figure) -> Counted:
        return self.counted.get(figure, Counted())

    @property
    def replies(self) -> int:
        """All that ended with a text, whole or not."""
        return sum(self.of(each).count for each in (Figure.COMPLETE, Figure.STOPPED, Figure.CUT_OFF))

    @property
    def filtered(self) -> int:
        return self.of(Figure.FILTERED_SAID).count + self.of(Figure.FILTERED_WRITTEN).count

    @property
    def failed(self) -> int:
        """Those that were cut off, too."""
        return self.of(Figure.FAILED).count + self.of(Figure.CUT_OFF).count

    def __add__(self, other: "Standing") -> "Standing":
        names = {*self.counted, *other.counted}
        return Standing(
            {name: self.of(name) + other.of(name) for name in names}, self.up + other.up, self.down + other.down
        )  # fmt: skip


Days = Mapping[str, Mapping[date, Standing]]
"""By model and day; days without anything are there, models of which nothing is known are not."""


def days_of_models(db: Connection, today: date, days: int) -> Days:
    """Of the last days, today included, in order."""
    since = today - timedelta(days=days - 1)
    counted = model_figures.figures_since(db, since)
    judged = thumbs.thumbs_by_day(db, since)
    window = [since + timedelta(days=place) for place in range(days)]
    models = sorted({model for _, model in (*counted, *judged)})

    def standing(day: date, model: str) -> Standing:
        said = judged.get((day, model), {})
        return Standing(counted.get((day, model), {}), said.get(Thumb.UP, 0), said.get(Thumb.DOWN, 0))

    return {model: {day: standing(day, model) for day in window} for model in models}


def in_all(days: Iterable[Standing]) -> Standing:
    return sum(days, Standing())


def taken_out(db: Connection, most: int) -> list[FilterHit]:
    """What the safety filter took out, the latest first; with the text where that was agreed."""
    return filter_hits.latest(db, most)
