"""What chance decides, and how often; draws use fixed seeds, so that a promise about shares is one about the code."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain.lottery import (
    GROUPS,
    RANDOM_WEIGHTS,
    Author,
    author_weights,
    draw,
    draw_author,
    draw_prompt,
    groups_in_turn,
    language_share,
    language_weights,
    new_prompts_open,
    random_goal_size,
    trees_to_draw,
)
from espalier.domain.policy import Policy
from espalier.domain.work import Kind


def shares(outcome: Callable[[Random], object], draws: int = 20_000) -> dict[object, float]:
    rng = Random(20230412)
    return {what: times / draws for what, times in Counter(outcome(rng) for _ in range(draws)).items()}


# --- prompts ---


def test_an_empty_language_is_open_for_a_hundred_and_ten_prompts() -> None:
    assert new_prompts_open(Policy(), "en", growing=0, in_review=0, waiting=0, live_leases=0) == 110


@pytest.mark.parametrize(
    ("growing", "in_review", "waiting", "live_leases", "is_open"),
    [
        (0, 1, 0, 0, 109),
        (10, 0, 0, 0, 100),
        (12, 0, 0, 0, 100),
        (10, 100, 0, 0, 0),
        (10, 130, 0, 0, 0),
        (4, 130, 0, 0, 6),
        (0, 0, 200, 0, 50),
        (0, 0, 260, 0, 0),
        (0, 0, 0, 9, 101),
        (0, 0, 245, 9, 0),
    ],
)
def test_prompts_are_asked_for_as_the_formula_says(
    growing: int, in_review: int, waiting: int, live_leases: int, is_open: int
) -> None:
    counts = {"growing": growing, "in_review": in_review, "waiting": waiting, "live_leases": live_leases}
    assert new_prompts_open(Policy(), "en", **counts) == is_open


def test_a_language_that_is_switched_off_asks_for_no_prompt() -> None:
    policy = Policy(init_prompt_disabled_langs=frozenset({"de"}))
    assert new_prompts_open(policy, "de", growing=0, in_review=0, waiting=0, live_leases=0) == 0
    assert new_prompts_open(policy, "en", growing=0, in_review=0, waiting=0, live_leases=0) == 110


def test_the_lottery_fills_up_to_the_growing_trees_wanted_and_at_zero_draws_nothing() -> None:
    assert [trees_to_draw(Policy(max_active_trees=3), growing) for growing in (0, 2, 3, 5)] == [3, 1, 0, 0]
    assert trees_to_draw(Policy(max_active_trees=0), 0) == 0


def test_an_author_is_drawn_by_good_replies_not_by_waiting_prompts() -> None:
    waiting = [Author("a", 0), Author("b", 3), Author(None, 0)]
    assert author_weights(waiting) == [1, 4, 1]
    drawn = shares(lambda rng: draw_author(waiting, rng))
    assert drawn == pytest.approx({waiting[0]: 1 / 6, waiting[1]: 4 / 6, waiting[2]: 1 / 6}, abs=0.01)
    assert draw_author([], Random(1)) is None


def test_each_prompt_of_the_author_is_drawn_alike() -> None:
    assert shares(lambda rng: draw_prompt(["p", "q", "r"], rng)) == pytest.approx(dict.fromkeys("pqr", 1 / 3), abs=0.01)


def test_the_same_seed_draws_the_same() -> None:
    waiting = [Author(str(i), i) for i in range(20)]
    once, again = Random(7), Random(7)
    assert [draw_author(waiting, once) for _ in range(50)] == [draw_author(waiting, again) for _ in range(50)]


def test_what_has_no_weight_is_never_drawn() -> None:
    assert draw({}, Random(1)) is None
    assert draw({"a": 0.0}, Random(1)) is None
    assert shares(lambda rng: draw({"a": 0.0, "b": 1.0, "c": 3.0}, rng)) == pytest.approx(
        {"b": 0.25, "c": 0.75}, abs=0.01
    )


# --- languages ---


def test_the_language_that_is_wanted_most_fills_its_places_and_the_others_fewer() -> None:
    equal = {"en": 900, "eu": 0}
    assert language_share("en", equal) == language_share("eu", equal) == 1
    assert language_share("eu", {"en": 900}, {"en": 0.5}) == 1
    assert language_share("en", equal, {"en": 0.3}) == pytest.approx(0.3)
    assert language_share("en", equal, {"en": 0}) == 0
    assert language_share("en", {"en": 5}, {"en": 0.01}) == 1, "alone, it fills all its places"
    assert language_share("en", {"en": 5}, {"en": 0}) == 0
    assert language_share("en", {"en": 499, "eu": 249}, None, {"en": 0.5, "eu": 0.5}) == pytest.approx(0.5)


def test_a_share_of_the_places_is_rounded_up_and_no_share_draws_nothing_and_asks_for_nothing() -> None:
    policy = Policy(max_active_trees=10)
    assert [trees_to_draw(policy, 0, share) for share in (1, 0.55, 0.5, 0.1 / 0.3, 0.001, 0)] == [10, 6, 5, 4, 1, 0]
    assert trees_to_draw(Policy(max_active_trees=3), 0, 0.1 / 0.3) == 1
    none = {"growing": 0, "in_review": 0, "waiting": 0, "live_leases": 0}
    assert [new_prompts_open(policy, "en", **none, share=share) for share in (1, 0.5, 0)] == [110, 105, 0]


@given(
    st.dictionaries(st.sampled_from(["en", "de", "eu"]), st.integers(0, 10_000), min_size=1),
    st.none() | st.dictionaries(st.sampled_from(["en", "de"]), st.floats(0, 1000)),
    st.none() | st.just({"en": 0.7, "eu": 0.2}),
)
def test_some_language_fills_all_its_places_and_none_more(
    counts: dict[str, int], base: dict[str, float] | None, mix: dict[str, float] | None
) -> None:
    parts = [language_share(lang, counts, base, mix) for lang in counts]
    assert all(0 <= part <= 1 for part in parts)
    assert max(parts) in (0, 1)


def test_without_a_target_languages_are_drawn_by_their_base_weights() -> None:
    assert language_weights({"en": 900, "eu": 0}) == {"en": 0.5, "eu": 0.5}
    assert language_weights({"en": 900, "eu": 0}, {"eu": 3}) == {"en": 0.25, "eu": 0.75}
    assert language_weights({"en": 900, "eu": 0}, {"eu": 0}) == {"en": 1.0, "eu": 0.0}
    assert language_weights({"en": 900}, {"en": 0}) == {"en": 0.0}
    assert language_weights({}) == {}


def test_a_language_at_half_its_goal_is_drawn_twice_as_often_as_one_on_it() -> None:
    weights = language_weights({"en": 499, "de": 249, "eu": 249}, target_mix={"en": 0.5, "de": 0.5})
    assert weights["de"] == pytest.approx(2 * weights["en"])
    assert weights["eu"] == 0.0


def test_on_target_the_draws_keep_the_mix() -> None:
    weights = language_weights({"en": 699, "de": 199, "eu": 99}, target_mix={"en": 0.7, "de": 0.2, "eu": 0.1})
    assert weights == pytest.approx({"en": 0.7, "de": 0.2, "eu": 0.1})


def test_languages_that_the_target_does_not_name_share_the_rest() -> None:
    weights = language_weights({"en": 599, "de": 199, "eu": 199}, target_mix={"en": 0.6})
    assert weights == pytest.approx({"en": 0.6, "de": 0.2, "eu": 0.2})


@pytest.mark.parametrize(
    ("base", "goal"),
    [(None, {"en": 0.7, "de": 0.2, "eu": 0.1}), ({"eu": 2.0}, {"en": 0.7 / 1.1, "de": 0.2 / 1.1, "eu": 0.2 / 1.1})],
)
def test_a_lopsided_campaign_moves_to_its_target_and_stays(
    base: dict[str, float] | None, goal: dict[str, float]
) -> None:
    rng = Random(20230412)
    counts = {"en": 300, "de": 0, "eu": 0}
    for _ in range(12_000):
        lang = draw(language_weights(counts, base, {"en": 0.7, "de": 0.2, "eu": 0.1}), rng)
        assert lang is not None
        counts[lang] += 1
    assert {lang: count / sum(counts.values()) for lang, count in counts.items()} == pytest.approx(goal, abs=0.01)


@given(
    st.dictionaries(st.sampled_from(["en", "de", "eu", "pt-BR"]), st.integers(0, 10**6), min_size=1),
    st.dictionaries(st.sampled_from(["en", "de", "eu"]), st.floats(0, 1000)),
    st.none() | st.dictionaries(st.sampled_from(["en", "de", "fr"]), st.floats(0, 0.33)),
)
def test_the_weights_of_languages_are_shares(
    counts: dict[str, int], base: dict[str, float], mix: dict[str, float] | None
) -> None:
    weights = language_weights(counts, base, mix)
    assert weights.keys() == counts.keys()
    assert all(weight >= 0 for weight in weights.values())
    assert sum(weights.values()) == pytest.approx(1) or not any(weights.values())


# --- kinds of tasks ---


def test_every_kind_of_task_has_a_weight_in_random() -> None:
    assert sorted(kind for kinds in GROUPS.values() for kind in kinds) == sorted(Kind)
    assert set(GROUPS) == set(RANDOM_WEIGHTS)


def first_of(some: set[str]) -> Callable[[Random], str]:
    return lambda rng: next(group for group in groups_in_turn(rng) if group in some)


def test_random_prefers_rankings_and_asks_for_prompts_last() -> None:
    drawn = shares(first_of(set(GROUPS)), draws=100_000)
    expected = {"rank": 10, "label_reply": 5, "label_prompt": 5, "reply": 2, "initial_prompt": 0.01}
    assert drawn == pytest.approx({group: weight / 22.01 for group, weight in expected.items()}, abs=0.005)


def test_groups_without_a_task_leave_their_weight_to_the_others() -> None:
    drawn = shares(first_of({"label_prompt", "reply"}))
    assert drawn == pytest.approx({"label_prompt": 5 / 7, "reply": 2 / 7}, abs=0.01)
    assert first_of({"initial_prompt"})(Random(1)) == "initial_prompt"
    assert sorted(groups_in_turn(Random(1))) == sorted(GROUPS)


def test_a_goal_is_the_policys_or_drawn_evenly_from_its_range() -> None:
    assert random_goal_size(Policy(), Random(1)) == 12
    policy = Policy(random_goal_tree_size=True, min_goal_tree_size=9)
    assert shares(lambda rng: random_goal_size(policy, rng)) == pytest.approx(
        dict.fromkeys((9, 10, 11, 12), 0.25), abs=0.01
    )
