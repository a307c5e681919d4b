"""How a campaign fares: the goal of each language, the pace, why work waits, how far reviewers agree."""

import pytest

from espalier.domain.health import Agreement, Why, agreement, days_left, goals, why_waiting


def test_languages_without_a_share_divide_the_rest_evenly() -> None:
    assert goals(1000, {"de": 0.5}, ["de", "en", "fr"]) == {"de": 500, "en": 250, "fr": 250}
    assert goals(1000, {}, ["en"]) == {"en": 1000}
    assert goals(1000, {"de": 1.0}, ["en"]) == {"de": 1000, "en": 0}


@pytest.mark.parametrize(
    ("goal", "reached", "week", "days"), [(100, 30, 7, 70), (100, 99, 70, 1), (100, 100, 0, 0), (100, 30, 0, None)]
)
def test_days_to_the_goal_follow_from_the_pace_of_the_week(
    goal: int, reached: int, week: int, days: int | None
) -> None:
    assert days_left(goal, reached, week) == days


def test_the_reason_is_the_first_that_holds() -> None:
    assert why_waiting(needs=1, held=1, active=0, open_here=9, week=0) is Why.IN_HAND
    assert why_waiting(needs=1, held=0, active=0, open_here=9, week=0) is Why.NOBODY
    assert why_waiting(needs=1, held=0, active=3, open_here=9, week=8) is Why.TOO_MUCH
    assert why_waiting(needs=1, held=0, active=3, open_here=9, week=9) is Why.TAKES_TURNS


def test_agreement_counts_pairs_of_reviews_that_say_the_same() -> None:
    assert agreement([(1.0, 3), (0.0, 2)]) == Agreement(4, 4)
    assert agreement([(1 / 3, 3)]) == Agreement(1, 3)
    assert agreement([(0.0, 1)]).share is None
    assert agreement([(0.5, 2)]).share == 0.0
