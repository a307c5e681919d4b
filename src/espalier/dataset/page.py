"""A page of HTML that needs nothing from elsewhere: figures, charts and tables, for screens, paper and screen readers.

Knows charts; does not know what they are of.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from espalier import __version__
from espalier.dataset import charts
from espalier.dataset.charts import Cell, Chart
from espalier.dataset.write import replacing

MOST_ROWS_OPEN: Final = 12


@dataclass(frozen=True, slots=True)
class Table:
    """The first column names the row. says: a sentence above it. open: shown however long it is."""

    title: str
    says: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, its drawing, and what Vega-Lite's own tools take to draw it again."""

    chart: Chart
    svg: Markup
    spec: Markup


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    parts: Sequence[Table | Figure | str]


@dataclass(frozen=True, slots=True)
class Page:
    """title: in the browser's tab. facts: a name and a number each, at the head. made: how, in a word, at the foot."""

    title: str
    name: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    made: str
    summary: str = ""
    note: str = ""
    homepage: str | None = None


def write_page(path: Path, page: Page) -> None:
    """Write it. The same page gives the same bytes."""
    written = _TEMPLATES.get_template("page.html").render(
        page=page, kind_of=lambda part: type(part).__name__, version=__version__, open_rows=MOST_ROWS_OPEN,
        narrow=_narrow,
    )  # fmt: skip
    with replacing(path) as file:
        file.write(written.encode())


def _narrow(rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether paper has room for several pieces of the table beside each other."""
    return all(len(row) < 5 and all(len(str(cell)) < 13 for cell in row) for row in rows)


def figure(chart: Chart | None) -> list[Figure]:
    """The chart drawn, where there is one. Raises NeedsVlConvert."""
    if chart is None:
        return []
    # Nothing within a script element may end it.
    spec = json.dumps(chart.whole_spec, sort_keys=True, ensure_ascii=False).replace("<", "\\u003c")
    return [Figure(chart, Markup(charts.drawn(chart)), Markup(spec))]


_TEMPLATES = Environment(
    loader=PackageLoader("espalier.dataset", "templates"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
