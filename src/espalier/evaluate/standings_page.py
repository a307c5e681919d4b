"""How models stand after battles, as a page of HTML that needs nothing from elsewhere.

Knows figures and charts; does not know where they come from.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from espalier.dataset.charts import ROW, SERIES, WIDTH, Cell, Chart, Spec
from espalier.dataset.contributors import Estimate
from espalier.dataset.page import Figure, Page, Section, Table, figure, write_page
from espalier.evaluate.standings import Standing, Standings

KINDS: Final[Mapping[str, str]] = {
    "rating": "as judged",
    "with_position": "position held fixed",
    "with_length": "position and length held fixed",
    "both_orders": "surviving the swap",
}
"""What each rating of a Standing is called."""


def write_standings(path: Path, name: str, found: Standings, judge: str) -> None:
    """Write the page. The same figures give the same bytes. Raises NeedsVlConvert. judge: who judged, in words."""
    facts = [
        ("models", f"{len(found.models):,}"), ("battles", f"{found.battles:,}"), ("questions", f"{found.questions:,}"),
        ("verdicts left out", f"{found.unparsed + found.refused:,}"),
    ]  # fmt: skip
    sections = [
        Section("ratings", "Ratings", list(_ratings(found))),
        Section("matrix", "Who wins against whom", figure(_matrix(found))),
        Section("order", "Order and length", list(_order(found))),
        Section("made", "How this was made", [_made(found, judge)]),
    ]
    write_page(path, Page(f"{name}: models compared", name, facts, sections, "Compared"))


def cell(of: Estimate | None, digits: int = 0) -> str:
    """A figure with its interval."""
    if of is None:
        return "·"
    said = f"{of.value:.{digits}f}"
    return said if of.low is None else f"{said} ({of.low:.{digits}f}–{of.high:.{digits}f})"


def share(of: Estimate | None) -> str:
    if of is None:
        return "·"
    return f"{of.value:.1%}" + ("" if of.low is None else f" ({of.low:.1%}–{of.high:.1%})")


def kinds_of(found: Standings) -> dict[str, str]:
    """The ratings that could be told, and what they are called."""
    return {kind: said for kind, said in KINDS.items() if all(getattr(each, kind) for each in found.models)}


def sentences(found: Standings) -> Iterator[str]:
    """What a reader should know before they believe the ratings."""
    for each in found.models:
        if not each.has_maximum:
            yield f"{each.model} won everything against others, or nothing: its rating has no bound on that side."
    if found.unparsed or found.refused:
        all_of_them = found.battles + found.unparsed + found.refused
        yield (
            f"Of {all_of_them:,} verdicts {found.unparsed:,} could not be read and {found.refused:,} were refused by "
            "the judge; they are left out."
        )
    order = found.order
    yield (
        f"The first answer won {share(order.first)}, the second {share(order.second)}, neither {share(order.tie)}; "
        f"log-odds of standing first {cell(order.worth, 3)}."
    )
    if found.survived is None:
        yield "No pair of answers was judged in both orders."
    else:
        yield f"Judged in both orders the verdict is the same in {share(found.survived)} of {found.pairs:,} pairs."
    if found.length is None:
        yield "The lengths of the answers are not known, so what length is worth cannot be told."
    else:
        yield f"A unit of ln(characters first / second) is worth {cell(found.length, 3)} in log-odds."
    if passed := "; ".join(f"{model} passes {', '.join(others)}" for model, others in found.turned.items()):
        yield f"With position and length held fixed the order turns round: {passed}."


def _ratings(found: Standings) -> Iterator[Table | Figure | str]:
    kinds = kinds_of(found)
    yield from figure(_chart(found, kinds))
    heads = ("model", "battles", "won", *kinds.values(), "Elo")
    rows: list[Sequence[Cell]] = [
        (each.model, each.battles, share(each.won), *(cell(getattr(each, kind)) for kind in kinds), _elo(each))
        for each in found.models
    ]
    yield Table("All ratings", "", heads, rows, open=True)


def _elo(of: Standing) -> str:
    return f"{of.elo:.0f} ± {of.elo_error:.1f}"


def _chart(found: Standings, kinds: Mapping[str, str]) -> Chart:
    values = [
        {"model": each.model, "kind": said, "rating": told.value,
         "low": told.value if told.low is None else told.low, "high": told.value if told.high is None else told.high}
        for each in found.models
        for kind, said in kinds.items()
        if (told := getattr(each, kind)) is not None
    ]  # fmt: skip
    names = list(kinds.values())
    axis = {"field": "rating", "type": "quantitative", "title": "rating", "scale": {"zero": False}}
    spec: Spec = {
        "width": WIDTH, "height": {"step": ROW * (len(names) + 1) // 2, "for": "position"}, "data": {"values": values},
        "encoding": {
            "y": {"field": "model", "type": "nominal", "sort": None, "title": None},
            "yOffset": {"field": "kind", "sort": names},
            "color": {"field": "kind", "type": "nominal", "sort": None,
                      "scale": {"domain": names, "range": list(SERIES[: len(names)])}},
        },
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2},
             "encoding": {"x": {**axis, "field": "low"}, "x2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True, "size": 50, "opacity": 1}, "encoding": {"x": axis}},
        ],
    }  # fmt: skip
    rows = [(each.model, *(cell(getattr(each, kind)) for kind in kinds)) for each in found.models]
    says = "Bradley and Terry; 400 points are odds of ten to one. Lines are the middle 95 % of questions drawn again."
    return Chart("Ratings", says, spec, ("model", *names), rows)


def _matrix(found: Standings) -> Chart:
    names = [each.model for each in found.models]
    values = [
        {"model": one, "other": other, "rate": rate, "shown": f"{100 * rate:.0f}", "off": abs(rate - 0.5)}
        for one, row in zip(names, found.rates, strict=True)
        for other, rate in zip(names, row, strict=True)
        if rate is not None
    ]
    spec: Spec = {
        "width": {"step": 52}, "height": {"step": ROW + 6}, "data": {"values": values},
        "encoding": {
            "y": {"field": "model", "type": "nominal", "sort": names, "title": None},
            "x": {"field": "other", "type": "nominal", "sort": names, "title": "against", "axis": {"labelAngle": -40}},
        },
        "layer": [
            {"mark": "rect",
             "encoding": {
                "fillOpacity": {"field": "off", "type": "quantitative", "legend": None,
                                "scale": {"domain": [0, 0.5], "range": [0, 0.75]}},
                "fill": {"condition": {"test": "datum.rate < 0.5", "value": SERIES[1]}, "value": SERIES[0]},
             }},
            {"mark": {"type": "text", "fontSize": 11, "color": "var(--text)"},
             "encoding": {"text": {"field": "shown"}}},
        ],
    }  # fmt: skip
    rows: list[Sequence[str]] = [
        (one, *("" if rate is None else f"{rate:.1%} of {met:,}" for rate, met in zip(rates, many, strict=True)))
        for one, rates, many in zip(names, found.rates, found.met, strict=True)
    ]
    says = "Of a hundred battles, how many the model of the row won against the one of the column; a tie is half a win."
    return Chart("Win rates", says, spec, ("model", *names), rows)


def _order(found: Standings) -> Iterator[Table | Figure | str]:
    yield from sentences(found)


def _made(found: Standings, judge: str) -> Table:
    drawn = f"the middle 95 % of {found.resamples:,} times all questions drawn again" if found.resamples else "none"
    rows = [
        ("judged by", judge),
        ("ratings", "Bradley and Terry by maximum likelihood, a tie half a win for each, mean 1000"),
        ("intervals", drawn),
        ("surviving the swap", "of answers judged in both orders; a win that does not survive is a tie"),
        ("Elo", f"K = {found.k:g}, the mean of {found.orders:,} random orders, ± its error"),
        ("seed", str(found.seed)),
    ]
    return Table("", "", ("", ""), rows)
