"""The safety filter of chat: what reaches the organiser's level is not passed on, and not shown."""

import asyncio

from espalier.chat.filtering import STRIDE, WINDOW, Filter, in_process, windows
from espalier.store.filter_hits import Side


def crude(text: str) -> float:
    return 0.9 if "scum" in text else 0.1


def score(
    side: Side, text: str, seen: int = 0, *, said: float | None = 0.5, written: float | None = 0.5
) -> float | None:
    return asyncio.run(Filter(in_process(crude), said, written).score(side, text, seen))


def test_each_side_has_a_level_of_its_own_and_may_have_none() -> None:
    assert score(Side.SAID, "You scum") == 0.9
    assert score(Side.SAID, "You scum", said=0.95) is None
    assert score(Side.SAID, "You scum", said=None) is None
    assert score(Side.WRITTEN, "You scum", said=None) == 0.9
    assert score(Side.WRITTEN, "Blue light") is None
    assert score(Side.SAID, "") is None


def test_one_bad_word_is_found_wherever_it_stands_in_a_long_text() -> None:
    for place in (0, STRIDE - 2, WINDOW - 2, 3 * STRIDE - 2, 5000):
        text = "a" * place + "scum" + "b" * (6000 - place)
        assert score(Side.SAID, text) == 0.9, place


def test_of_a_reply_that_grows_only_the_end_is_scored_again() -> None:
    assert windows("x" * 3000 + "y", seen=3000) == ["x" * (3000 - 3 * STRIDE) + "y"]
    assert len(windows("x" * 3000)) == 4
