"""What contributions are worth, and what trouble counts."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain.points import COUNTED, Counts, level, level_starts, points, streak, troll_score

TODAY = date(2023, 4, 12)
ANY_COUNTS = st.builds(lambda values: Counts(*values), st.lists(st.integers(0, 500), min_size=23, max_size=23))


@pytest.mark.parametrize(
    ("counts", "worth", "reached"),
    [
        (Counts(), 0, 1),
        (Counts(replies_assistant=1, accepted_replies_assistant=1, ranked_first=1), 17, 4),
        (Counts(replies_assistant=1, accepted_replies_assistant=1, ranked_second=1), 11, 3),
        (Counts(replies_assistant=1, accepted_replies_assistant=1, ranked_third=1), 9, 3),
        (Counts(replies_prompter=1, accepted_replies_prompter=1), 2, 1),
        (Counts(labels_full=4), 8, 2),
        (Counts(labels_simple=4), 4, 2),
        (Counts(rankings=1), 1, 1),
        (Counts(rankings=1, rankings_agreeing=1), 2, 1),
        (Counts(prompts=1, accepted_prompts=1), 0, 1),
        (Counts(prompts=9, accepted_prompts=9), 0, 1),
        (Counts(prompts=10, accepted_prompts=9), 1, 1),
        (Counts(prompts=19, accepted_prompts=20), 3, 1),
        (Counts(upvotes=50, red_flags=50), 0, 1),
    ],
)
def test_every_contribution_has_its_worth(counts: Counts, worth: int, reached: int) -> None:
    assert points(counts) == worth
    assert level(points(counts)) == reached


@pytest.mark.parametrize(
    ("score", "reached"),
    [(0, 1), (3, 1), (4, 2), (8, 2), (9, 3), (16, 4), (24, 5), (5999, 99), (6000, 100), (10**6, 100)],
)
def test_levels_begin_where_the_table_says(score: int, reached: int) -> None:
    assert level(score) == reached


def test_the_hundred_levels_follow_the_formula() -> None:
    assert level_starts[:15] == (0, 4, 9, 16, 24, 32, 42, 53, 65, 79, 93, 109, 126, 144, 163)
    assert level_starts[-3:] == (5767, 5883, 6000)
    assert level_starts == tuple(round(sum(1.1521 * i + 3 for i in range(1, k))) for k in range(1, 101))


@pytest.mark.parametrize("name", COUNTED)
def test_every_count_is_worth_points_or_trouble(name: str) -> None:
    ten = Counts(**{name: 10})
    assert (points(ten) != 0) != (troll_score(ten) != 0)


def test_the_troll_score_weighs_red_flags_and_takes_off_upvotes() -> None:
    assert troll_score(Counts(red_flags=2, upvotes=3, downvotes=1)) == 4
    labels = Counts(lang_mismatch=1, not_appropriate=1, pii=1, hate_speech=1, sexual_content=1, political_content=1)
    assert troll_score(labels + Counts(spam_prompts=1)) == 7
    assert troll_score(Counts(prompts=100, ranked_first=9)) == 0


@given(ANY_COUNTS, ANY_COUNTS)
def test_a_difference_added_again_gives_the_counts_back(some: Counts, other: Counts) -> None:
    assert (some - other) + other == some
    assert some + other == other + some
    assert some - some == Counts()
    assert (some + other).rankings == some.rankings + other.rankings


def test_a_streak_counts_consecutive_days_up_to_today() -> None:
    def ago(*days: int) -> set[date]:
        return {TODAY - timedelta(days=day) for day in days}

    assert streak(set(), TODAY) == 0
    assert streak(ago(0), TODAY) == 1
    assert streak(ago(0, 1, 2, 4), TODAY) == 3
    assert streak(ago(1, 2), TODAY) == 2, "today is not over"
    assert streak(ago(2, 3), TODAY) == 0
    assert streak(ago(-1), TODAY) == 0
    assert streak([TODAY, TODAY], TODAY) == 1
