"""Charts: what they show, and that they stay within themselves."""

import itertools
import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from espalier.web.charts import NARROW, WIDE, Bar, Line, Spread, bars, curve, histograms, lines, nice_top, spreads


def say(value: float) -> str:
    return f"{value:g}"


def both(drawing: Markup) -> list[ElementTree.Element]:
    """As it is drawn for a screen, and for a phone."""
    return list(ElementTree.fromstring(f"<p>{drawing}</p>"))


def parsed(drawing: Markup) -> ElementTree.Element:
    return both(drawing)[0]


def texts(drawing: Markup) -> list[str]:
    return [each.text or "" for each in parsed(drawing).iter("text")]


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (3, 5), (17, 20), (20, 20), (21, 50), (640, 1000)])
def test_an_axis_ends_at_a_round_number(value: float, top: float) -> None:
    assert nice_top(value) == top


def test_bars_name_every_row_with_its_value_and_mark_the_target() -> None:
    drawing = bars([Bar("English", 0.5, 0.4), Bar("German", 0.25)], "Languages", say)
    assert texts(drawing) == ["English", "0.5", "German", "0.25"]
    wide, narrow = (float(each.attrib["width"]) for each in parsed(drawing).iter("rect"))
    assert abs(wide - 2 * narrow) <= 0.1
    targets = [each for each in parsed(drawing).iter("line") if each.attrib["class"] == "target"]
    assert len(targets) == 1


def test_a_spread_runs_between_its_ends_with_a_dot_at_its_value() -> None:
    drawing = spreads([Spread("oak", 1100, 1050, 1150), Spread("elm", 900)], "Ratings", say)
    assert texts(drawing) == ["900", "1025", "1150", "oak", "1100", "elm", "900"]
    (stroke,) = (each for each in parsed(drawing).iter("line") if each.attrib["class"] == "line")
    oak, elm = (float(each.attrib["cx"]) for each in parsed(drawing).iter("circle"))
    assert elm < float(stroke.attrib["x1"]) < oak < float(stroke.attrib["x2"]) < WIDE.width
    assert texts(spreads([Spread("oak", 1000)], "Ratings", say)) == ["1000", "oak", "1000"]


def test_bars_from_right_to_left_are_mirrored() -> None:
    rows = [Bar("English", 3), Bar("German", 1)]
    plain, mirrored = (
        [(float(each.attrib["x"]), float(each.attrib["width"])) for each in parsed(drawing).iter("rect")]
        for drawing in (bars(rows, "x", say), bars(rows, "x", say, mirrored=True))
    )
    for (x, width), (other_x, other_width) in zip(plain, mirrored, strict=True):
        assert width == other_width
        assert abs(other_x - (WIDE.width - x - width)) <= 0.1


def test_lines_carry_their_names_apart_from_each_other() -> None:
    series = [Line("Prompts", [0, 1, 1]), Line("Replies", [0, 2, 1]), Line("Reviews", [0, 0, 1])]
    drawing = lines(series, ["1 Mar", "2 Mar", "3 Mar"], "Growth", say)
    named = {each.text: float(each.attrib["y"]) for each in parsed(drawing).iter("text")}
    ends = sorted(named[each.name] for each in series)
    assert all(after - before >= 15 for before, after in itertools.pairwise(ends))
    assert {"1 Mar", "2 Mar", "3 Mar"} <= named.keys()


def test_nothing_lies_outside_and_no_chart_needs_a_style_attribute() -> None:
    drawings = [
        bars([Bar("a", 0), Bar("b", 0, 0.3)], "x", say),
        lines([Line("a", [0.0] * 30), Line("b", [5.0] * 30)], [str(day) for day in range(30)], "x", say),
        curve([(0, 0), (0.5, 0.1), (1, 1)], "x", "even", "as it is", "people", say),
        histograms([("Quality", [0.1, 0.2, 0.3, 0.4, 0])], "x", ("low", "high"), say),
        lines([], [], "x", say),
        curve([], "x", "even", "as it is", "people", say),
    ]
    for drawing in drawings:
        assert "style" not in drawing
        for root, size in zip(both(drawing), (WIDE, NARROW), strict=True):
            _, _, width, height = map(float, root.attrib["viewBox"].split())
            assert width == size.width
            for name, limit in (("x", width), ("y", height), ("x1", width), ("y2", height)):
                for each in root.iter():
                    if name in each.attrib:
                        assert 0 <= float(each.attrib[name]) <= limit, ElementTree.tostring(each)
            for each in root.iter("polyline"):
                assert re.fullmatch(r"[0-9., ]*", each.attrib["points"])


def test_names_are_text_and_never_markup() -> None:
    drawing = bars([Bar("<b>&", 1)], '"quoted"', say)
    assert texts(drawing)[0] == "<b>&"
