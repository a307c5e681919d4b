"""The metrics of a run read again, and drawn as curves over its steps.

Knows metrics.jsonl; does not know what was trained.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from espalier.dataset.charts import SERIES, WIDTH, Chart, Spec, drawn

POINTS: Final = 200  # of a curve; of more, each is the mean of several steps
Curve = Sequence[tuple[int, float]]
"""A value by the step after which it was measured."""
COLOURS: Final = (
    "<style>svg { --text: #1d2321; --soft: #5c6763; --line: #dcdfd8; --series-1: #2c7a57; --series-2: #b4552d; "
    "--series-3: #3b62a8; --series-4: #8a6a12; --series-5: #7c4a96; background: #fff }</style>"
)
"""Those of a page, for a drawing that stands on none."""


def read_curves(metrics: Path) -> dict[str, Curve]:
    """Every metric of a run by its name; none where the file is not there. Raises OSError, ValueError."""
    found: dict[str, list[tuple[int, float]]] = {}
    for line in metrics.read_text("utf-8").splitlines() if metrics.exists() else ():
        said = json.loads(line)
        step = said.pop("step")
        for name, value in said.items():
            found.setdefault(name, []).append((step, value))
    return dict(found)


def chart_of(title: str, says: str, curves: Mapping[str, Curve]) -> Chart:
    """Up to five curves over steps, on one axis; the table has the first and the last value of each."""
    names = list(curves)[: len(SERIES)]
    values = [
        {"step": step, "value": value, "metric": name} for name in names for step, value in _thinned(curves[name])
    ]
    spec: Spec = {
        "width": WIDTH, "height": 240, "data": {"values": values},
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": "steps"},
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False}},
            "color": {
                "field": "metric", "type": "nominal", "sort": None,
                "scale": {"domain": names, "range": list(SERIES[: len(names)])},
            },
        },
    }  # fmt: skip
    rows = [(name, len(curves[name]), curves[name][0][1], curves[name][-1][1]) for name in names]
    return Chart(title, says, spec, ("metric", "measured", "first", "last"), rows)


def drawn_alone(chart: Chart) -> str:
    """The chart as a file of its own. Raises NeedsVlConvert."""
    head, opening, rest = drawn(chart).partition("<svg")
    attributes, closing, body = rest.partition(">")
    return f"{head}{opening}{attributes}{closing}{COLOURS}{body}"


def _thinned(curve: Curve) -> Curve:
    size = -(-len(curve) // POINTS)
    groups = [curve[begin : begin + size] for begin in range(0, len(curve), size)] if size > 1 else []
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups] or curve
