"""Charts of a report as Vega-Lite: what is drawn, the figures behind it as a table, and the drawing as SVG.

Colours are the page's own, as CSS variables, so that a drawing follows light, dark and print. Knows no page.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from espalier.dataset.contributors import Concentration
from espalier.dataset.describe import ALL, LabelAgreement
from espalier.dataset.stats import BINS, Correlation, Spread
from espalier.dataset.topics import Topics

Spec = Mapping[str, Any]
Cell = str | int | float | None
WIDTH: Final = 640
ROW: Final = 22
MOST_BARS: Final = 20
MOST_DAYS: Final = 120  # of more, weeks are drawn
CURVE_POINTS: Final = 60
SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
SERIES: Final = ("var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)", "var(--series-5)")
_CONFIG: Final[Spec] = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "padding": {"left": 20, "top": 5, "right": 20, "bottom": 5},  # the reader's font may be wider than the measured one
    "mark": {"color": SERIES[0]},
    "range": {"category": list(SERIES)},
    "axis": {
        "labelColor": "var(--text)", "titleColor": "var(--soft)", "gridColor": "var(--line)",
        "tickColor": "var(--line)", "domainColor": "var(--line)", "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal", "labelLimit": 200, "labelSeparation": 8,
    },
    "legend": {
        "labelColor": "var(--text)", "titleColor": "var(--soft)", "labelFontSize": 12, "title": None,
        "orient": "top", "direction": "horizontal", "columns": 3, "columnPadding": 48, "labelLimit": 240,
    },
}  # fmt: skip


_CLIP: Final = re.compile(r"(?<=[\"#])clip\d+")


class NeedsVlConvert(RuntimeError):
    """The package that draws charts is not there; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Chart:
    """heads, rows: the figures as a table; the first column names the row."""

    title: str
    says: str
    spec: Spec
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    @property
    def whole_spec(self) -> Spec:
        """As Vega-Lite's own tools take it."""
        return {"$schema": SCHEMA, "description": f"{self.title}. {self.says}", "config": _CONFIG, **self.spec}


def drawn(chart: Chart) -> str:
    """The chart as SVG. Raises NeedsVlConvert."""
    try:
        import vl_convert
    except ImportError as missing:
        raise NeedsVlConvert(
            'charts are drawn by vl-convert; install it with: pip install "espalier[data]"'
        ) from missing
    svg: str = vl_convert.vegalite_to_svg(json.dumps(chart.whole_spec, sort_keys=True))
    # Names of clips go on counting as long as the program runs, and one page has many charts.
    named: dict[str, str] = {}
    about = re.sub(r"\W+", "-", chart.title.lower())
    return _CLIP.sub(lambda clip: named.setdefault(clip[0], f"{about}-clip-{len(named)}"), svg)


def bars(title: str, says: str, what: str, unit: str, counts: Mapping[str, int]) -> Chart:
    """Amounts by name, in the order given; what is beyond MOST_BARS is drawn as one."""
    total = sum(counts.values()) or 1
    shown = dict(list(counts.items())[:MOST_BARS])
    if rest := sum(counts.values()) - sum(shown.values()):
        shown[f"{len(counts) - MOST_BARS} others"] = rest
    values = [{"name": name, "number": number} for name, number in shown.items()]
    spec: Spec = {
        "width": WIDTH, "height": {"step": ROW}, "data": {"values": values},
        "mark": {"type": "bar", "cornerRadiusEnd": 3},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "number", "type": "quantitative", "title": unit, "axis": {"tickMinStep": 1, "format": ",d"}},
        },
    }  # fmt: skip
    rows = [(name, number, f"{100 * number / total:.1f} %") for name, number in counts.items()]
    return Chart(title, says, spec, (what, unit, "share"), rows)


def grouped(title: str, says: str, what: str, unit: str, groups: Mapping[str, Mapping[int, int]]) -> Chart:
    """How often each number comes, by group, beside each other."""
    numbers = sorted({number for counts in groups.values() for number in counts})
    values = [
        {"group": group, "number": str(number), "times": counts.get(number, 0)}
        for group, counts in groups.items()
        for number in numbers
    ]
    spec: Spec = {
        "width": WIDTH, "height": 200, "data": {"values": values}, "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "x": {"field": "number", "type": "nominal", "sort": None, "title": what, "axis": {"labelAngle": 0}},
            "xOffset": {"field": "group", "sort": None},
            "y": {"field": "times", "type": "quantitative", "title": unit, "axis": {"format": ",d", "tickMinStep": 1}},
            "color": _by_group(list(groups), "group"),
        },
    }  # fmt: skip
    rows: list[Sequence[Cell]] = [
        (str(number), *(counts.get(number, 0) for counts in groups.values())) for number in numbers
    ]
    return Chart(title, says, spec, (what, *groups), rows)


def time_line(days: Mapping[str, Mapping[date, int]]) -> Chart | None:
    """Messages a day, or a week where there are many days, by role. None where no message has a date."""
    every = [day for counts in days.values() for day in counts]
    if not every:
        return None
    first, last = min(every), max(every)
    step = 7 if (last - first).days >= MOST_DAYS else 1
    unit = "week" if step == 7 else "day"
    first -= timedelta(days=first.weekday() if step == 7 else 0)
    starts = [first + timedelta(days=after) for after in range(0, (last - first).days + 1, step)]
    times: dict[str, dict[date, int]] = {role: dict.fromkeys(starts, 0) for role in days}
    for role, counts in days.items():
        for day, number in counts.items():
            times[role][first + timedelta(days=(day - first).days // step * step)] += number
    values = [
        {"role": role, "at": at.isoformat(), "messages": number}
        for role, counts in times.items()
        for at, number in counts.items()
    ]
    spec: Spec = {
        "width": WIDTH, "height": 200, "data": {"values": values},
        "mark": {"type": "bar"} if len(starts) < 8 else {"type": "area", "interpolate": "step-after", "opacity": 0.85},
        "encoding": {
            "x": {"field": "at", "type": "temporal", "title": None},
            "y": {"field": "messages", "type": "quantitative", "title": f"messages a {unit}", "stack": "zero"},
            "color": _by_group(list(days), "role"),
        },
    }  # fmt: skip
    rows: list[Sequence[Cell]] = [(at.isoformat(), *(counts[at] for counts in times.values())) for at in starts]
    says = f"Messages a {unit}, from {min(every)} to {last}."
    return Chart("Time line", says, spec, (f"{unit} from" if step == 7 else unit, *days), rows)


def label_spreads(labels: Mapping[str, Spread]) -> Chart:
    """How the means of each label spread over messages, in tenths."""
    values = [
        {"label": label, "from": place / BINS, "to": (place + 1) / BINS, "share": number / spread.messages}
        for label, spread in labels.items()
        for place, number in enumerate(spread.bins)
        if spread.messages
    ]
    spec: Spec = {
        "width": WIDTH, "height": {"step": ROW}, "data": {"values": values}, "mark": "rect",
        "encoding": {
            "y": {"field": "label", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "from", "type": "quantitative", "title": "mean of a message", "bin": {"binned": True}},
            "x2": {"field": "to"},
            "fillOpacity": {"field": "share", "type": "quantitative", "legend": None,
                            "scale": {"domain": [0, 1], "range": [0.04, 1], "type": "sqrt"}},
        },
    }  # fmt: skip
    rows = [
        (label, spread.messages, _two(spread.mean), _two(spread.deviation), *spread.bins)
        for label, spread in labels.items()
    ]
    tenths = [f"{place / BINS:.1f}–" for place in range(BINS)]
    says = "Each row is a label; the stronger the colour of a tenth, the more messages have their mean there."
    return Chart("Labels", says, spec, ("label", "messages", "mean", "deviation", *tenths), rows)


def correlations(title: str, says: str, found: Sequence[Correlation], *, square: bool) -> Chart:
    """Pearson's r as colour and number, Spearman's beside it in the table. square: each pair stands on both sides."""
    both = [(each.one, each.other, each) for each in found if each.pearson is not None]
    if square:
        both += [(other, one, each) for one, other, each in both]
    order_one, order_other = (
        list(dict.fromkeys(names)) for names in ((one for one, _, _ in both), (other for _, other, _ in both))
    )
    if square:
        order_one = order_other = sorted({*order_one, *order_other}, key=[*order_one, *order_other].index)
    values = [
        {"one": one, "other": other, "r": each.pearson, "shown": _short(each.pearson)} for one, other, each in both
    ]
    encoding: Spec = {
        "y": {"field": "one", "type": "nominal", "sort": order_one, "title": None},
        "x": {"field": "other", "type": "nominal", "sort": order_other, "title": None, "axis": {"labelAngle": -40}},
    }
    spec: Spec = {
        "width": {"step": 38}, "height": {"step": ROW}, "data": {"values": values}, "encoding": encoding,
        "layer": [
            {
                "mark": "rect",
                "encoding": {
                    "fillOpacity": {"field": "size", "type": "quantitative", "legend": None,
                                    "scale": {"domain": [0, 1], "range": [0, 0.75]}},
                    "fill": {"condition": {"test": "datum.r < 0", "value": SERIES[1]}, "value": SERIES[0]},
                },
            },
            {"mark": {"type": "text", "fontSize": 11, "color": "var(--text)"},
             "encoding": {"text": {"field": "shown"}}},
        ],
        "transform": [{"calculate": "abs(datum.r)", "as": "size"}],
    }  # fmt: skip
    rows = [(f"{each.one} · {each.other}", _two(each.pearson), _two(each.spearman), each.messages) for each in found]
    return Chart(title, says, spec, ("pair", "Pearson's r", "Spearman's ρ", "messages"), rows)


def agreement(found: Iterable[LabelAgreement]) -> Chart | None:
    """Krippendorff's alpha of each label over all languages, with its interval. None where nothing can be told."""
    rows: list[Sequence[Cell]] = []
    values = []
    for each in found:
        said = each.alpha
        if said is None:
            rows.append((each.label, each.lang, None, None, None, None, "needs votes"))
            continue
        estimate = said.estimate
        how = f"{said.level}{', from means' if each.of_means else ''}{f'; {each.odd:,} left out' if each.odd else ''}"
        if estimate is None:
            rows.append((each.label, each.lang, None, None, None, said.units, f"{how}; all answers alike"))
            continue
        rows.append(
            (each.label, each.lang, _two(estimate.value), _two(estimate.low), _two(estimate.high), said.units, how)
        )
        if each.lang == ALL:
            low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
            values.append({"label": each.label, "alpha": estimate.value, "low": low, "high": high})
    if not rows:
        return None
    axis = {"field": "alpha", "type": "quantitative", "title": "Krippendorff's α", "scale": {"zero": True},
            "axis": {"tickCount": 8, "labelOverlap": True}}  # fmt: skip
    spec: Spec = {
        "width": WIDTH, "height": {"step": ROW}, "data": {"values": values},
        "encoding": {"y": {"field": "label", "type": "nominal", "sort": None, "title": None}},
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2, "color": SERIES[0]},
             "encoding": {"x": {**axis, "field": "low"}, "x2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True, "size": 60, "opacity": 1}, "encoding": {"x": axis}},
        ],
    }  # fmt: skip
    says = "1 is full agreement, 0 what chance alone gives; lines are the middle 95 % of messages drawn again."
    heads = ("label", "language", "α", "from", "to", "messages", "how")
    return Chart("Agreement on labels", says, spec, heads, rows)


def lorenz(by_kind: Mapping[str, Concentration]) -> Chart | None:
    """The share of all work that the least busy did together. None where nobody is known."""
    if not by_kind:
        return None
    values = [{"kind": "all alike", "people": share, "work": share} for share in (0.0, 1.0)]
    for kind, spread in list(by_kind.items())[: len(SERIES)]:
        step = max(1, len(spread.curve) // CURVE_POINTS)
        points = [*spread.curve[::step], spread.curve[-1]]
        values += [{"kind": kind, "people": people, "work": work} for people, work in points]
    kinds = list(dict.fromkeys(str(value["kind"]) for value in values))
    spec: Spec = {
        "width": 360, "height": 360, "data": {"values": values}, "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": {"field": "people", "type": "quantitative", "title": "share of people, least busy first",
                  "axis": {"format": "%"}},
            "y": {"field": "work", "type": "quantitative", "title": "share of the work", "axis": {"format": "%"}},
            "color": {**_by_group(kinds, "kind"),
                      "scale": {"domain": kinds, "range": ["var(--soft)", *SERIES][: len(kinds)]}},
            "strokeDash": {"condition": {"test": "datum.kind == 'all alike'", "value": [4, 4]}, "value": [1, 0]},
        },
    }  # fmt: skip
    rows = [
        (
            kind, spread.people, spread.contributions, _range(spread.gini), _range(spread.effective, 1),
            _range(spread.top_1), _range(spread.top_10),
        )
        for kind, spread in by_kind.items()
    ]  # fmt: skip
    says = "The further a curve hangs below the dashed line, the fewer people did most of it."
    heads = ("work", "people", "how much", "Gini", "effective number", "top 1 %", "top 10 %")
    return Chart("Contributors", says, spec, heads, rows)


def coherence(found: Iterable[Topics]) -> Chart | None:
    """How coherent the topics of each language were by their number. None where no number was chosen."""
    tried = [each for each in found if each.coherence][: len(SERIES)]
    if not tried:
        return None
    values = [
        {"lang": each.lang, "topics": number, "npmi": value}
        for each in tried
        for number, value in each.coherence.items()
    ]
    spec: Spec = {
        "width": WIDTH, "height": 180, "data": {"values": values},
        "mark": {"type": "line", "point": {"filled": True, "size": 50}},
        "encoding": {
            "x": {"field": "topics", "type": "quantitative", "title": "number of topics"},
            "y": {"field": "npmi", "type": "quantitative", "title": "NPMI on held-out prompts",
                  "scale": {"zero": False}},
            "color": _by_group([each.lang for each in tried], "lang"),
        },
    }  # fmt: skip
    by_number: dict[int, dict[str, float]] = defaultdict(dict)
    for each in tried:
        for number, value in each.coherence.items():
            by_number[number][each.lang] = value
    rows = [(str(number), *(_two(by_number[number].get(each.lang)) for each in tried)) for number in sorted(by_number)]
    says = "For each language the number with the most coherent words was taken."
    if sampled := [each for each in tried if each.swept < each.prompts]:
        tries = ", ".join(f"{each.swept:,} of {each.prompts:,} prompts ({each.lang})" for each in sampled)
        says += f" Tried on {tries}; the one taken was then learned from all."
    return Chart("How many topics", says, spec, ("topics", *(each.lang for each in tried)), rows)


def _by_group(names: Sequence[str], field: str) -> dict[str, Any]:
    return {
        "field": field, "type": "nominal", "sort": None,
        "scale": {"domain": list(names), "range": [SERIES[place % len(SERIES)] for place in range(len(names))]},
        "legend": None if len(names) < 2 else {},
    }  # fmt: skip


def _two(value: float | None) -> float | None:
    return None if value is None else round(value, 2) + 0.0


def _short(value: float | None) -> str:
    return f"{_two(value) or 0:.2f}".replace("0.", ".")


def _range(estimate: Any, digits: int = 2) -> str:
    said = f"{estimate.value:.{digits}f}"
    return said if estimate.low is None else f"{said} ({estimate.low:.{digits}f}–{estimate.high:.{digits}f})"
