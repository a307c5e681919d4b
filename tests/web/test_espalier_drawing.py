"""The drawing of a tree, by property: any tree fits its width, and no branch crosses another."""

import re

from hypothesis import given
from hypothesis import strategies as st

from espalier.web.espalier_drawing import CLEAR, WIDTH, Drawing, drawn, fitting

Replies = dict[str, list[str]]


@st.composite
def trees(draw: st.DrawFn) -> Replies:
    """Up to 40 messages, each below one that was there before."""
    size = draw(st.integers(1, 40))
    replies: Replies = {"0": []}
    for number in range(1, size):
        parent = str(draw(st.integers(0, number - 1)))
        replies[parent].append(str(number))
        replies[str(number)] = []
    return replies


def spans(drawing: Drawing) -> list[tuple[str, str, float, float, float]]:
    """(parent, reply, leftmost, rightmost, height of the fork) of each branch."""
    at = {knot.key: knot for knot in drawing.knots}
    return [
        (each.parent, each.key, *sorted((at[each.parent].x, at[each.key].x)), at[each.parent].y)
        for each in drawing.branches
    ]


@given(trees(), st.booleans())
def test_every_knot_lies_within_the_drawing_and_apart_from_the_others(replies: Replies, mirrored: bool) -> None:
    drawing = drawn(replies, "0", mirrored=mirrored)
    assert drawing.width >= WIDTH
    places = {(knot.x, knot.y) for knot in drawing.knots}
    assert len(places) == len(drawing.knots) == len(replies)
    for knot in drawing.knots:
        assert 12 <= knot.x <= drawing.width - 12
        assert 16 <= knot.y <= drawing.height - 16
    for one in drawing.knots:
        for other in drawing.knots:
            if one is not other and one.y == other.y:
                assert abs(one.x - other.x) >= 24, "each has room for a finger"


@given(trees())
def test_no_branch_crosses_another(replies: Replies) -> None:
    drawing = drawn(replies, "0")
    found = spans(drawing)
    for parent, _, left, right, fork in found:
        for other, _, other_left, other_right, other_fork in found:
            if parent != other and fork == other_fork:
                assert right < other_left or other_right < left, "forks on one level lie side by side"
    assert len(drawing.branches) == len(replies) - 1


@given(trees())
def test_replies_stand_above_what_they_reply_to_in_their_order(replies: Replies) -> None:
    at = {knot.key: knot for knot in drawn(replies, "0").knots}
    for parent, below in replies.items():
        assert all(at[reply].y < at[parent].y for reply in below)
        places = [at[reply].x for reply in below]
        assert places == sorted(places)


@given(trees())
def test_a_page_from_right_to_left_shows_the_mirror_image(replies: Replies) -> None:
    plain, mirrored = drawn(replies, "0"), drawn(replies, "0", mirrored=True)
    for one, other in zip(plain.knots, mirrored.knots, strict=True):
        assert abs(one.x + other.x - plain.width) <= 0.11
        assert one.y == other.y
        assert other.text_x < other.x < one.text_x + other.x - one.x + 1
    assert plain.width == mirrored.width


@given(trees())
def test_text_has_room_up_to_the_next_knot(replies: Replies) -> None:
    knots = drawn(replies, "0").knots
    for knot in knots:
        ends = knot.x + CLEAR + knot.room
        assert knot.room == 0 or ends <= drawn(replies, "0").width + 0.1
        for other in knots:
            if knot.room > 0 and other.y == knot.y and other.x > knot.x:
                assert ends <= other.x


def test_branches_are_spelled_with_numbers_only() -> None:
    drawing = drawn({"a": ["b", "c"], "b": [], "c": []}, "a")
    for branch in drawing.branches:
        assert re.fullmatch(r"[MVHQ0-9. -]+", branch.path)


def test_a_text_is_cut_where_the_room_ends() -> None:
    assert fitting("no lamp, Oslo", 200) == "no lamp, Oslo"
    assert fitting("My tomato seedlings are tall", 120).endswith("…")
    assert fitting("My tomato seedlings are tall", 30) == "", "a few letters say nothing"
    assert len(fitting("토마토 모종이 가늘고 길게 자라요", 120)) < len(fitting("My tomato seedlings are tall", 120))
