"""The policy: defaults and ranges as the rules say, wrong values named, languages that differ."""

import json
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain.policy import (
    PARAMETERS,
    PROFILES,
    CampaignPolicy,
    InvalidPolicy,
    Policy,
    Rate,
    check_shape,
    largest_tree,
)
from espalier.domain.tree import Shape

DEFAULTS = {
    "max_active_trees": 10,
    "max_initial_prompt_review": 100,
    "max_prompt_lottery_waiting": 250,
    "max_tree_depth": 3,
    "max_children_count": 3,
    "num_prompter_replies": 1,
    "goal_tree_size": 12,
    "random_goal_tree_size": False,
    "min_goal_tree_size": 5,
    "num_reviews_initial_prompt": 3,
    "num_reviews_reply": 3,
    "acceptance_threshold_initial_prompt": 0.6,
    "acceptance_threshold_reply": 0.6,
    "num_required_rankings": 3,
    "least_reviewer_weight": 1.0,
    "rank_prompter_replies": False,
    "p_full_labeling_review_prompt": 1.0,
    "p_full_labeling_review_reply_assistant": 1.0,
    "p_full_labeling_review_reply_prompter": 0.25,
    "lonely_children_count": 2,
    "p_lonely_child_extension": 0.75,
    "auto_mod_enabled": True,
    "auto_mod_max_skip_reply": 25,
    "auto_mod_red_flags": 4,
    "p_activate_backlog_tree": 0.1,
    "min_active_rankings_per_lang": 0,
    "max_pending_tasks_per_user": 8,
    "message_max_characters": 10_000,
    "duplicate_window_minutes": 120,
    "init_prompt_disabled_langs": [],
    "lease_minutes_writing": 30,
    "lease_minutes_ranking": 30,
    "lease_minutes_label": 10,
    "rate_tasks": "30/4",
    "rate_assistant_replies": "4/2",
    "rate_prompter_replies": "8/2",
    "max_share_of_tree": None,
    "max_share_of_language_week": None,
    "language_weights": None,
    "target_language_mix": None,
    "gold_task_share": 0.0,
    "practice_required": False,
    "undo_seconds": 60,
}
FOR_THE_CAMPAIGN = {
    "least_reviewer_weight",
    "max_pending_tasks_per_user",
    "rate_tasks",
    "rate_assistant_replies",
    "rate_prompter_replies",
    "max_share_of_tree",
    "max_share_of_language_week",
    "language_weights",
    "target_language_mix",
    "gold_task_share",
    "practice_required",
}
NEVER_OFF = {"least_reviewer_weight", "max_pending_tasks_per_user", "gold_task_share", "practice_required"}


def test_the_defaults_are_those_of_the_rules() -> None:
    assert Policy().to_mapping() == DEFAULTS
    assert PROFILES["code"] == Policy()
    assert PROFILES["paper"].to_mapping() == DEFAULTS | {
        "max_tree_depth": 5,
        "max_children_count": 2,
        "goal_tree_size": 9,
    }


def test_every_parameter_has_a_sentence_and_says_what_it_wants() -> None:
    assert list(PARAMETERS) == list(DEFAULTS)
    for name, parameter in PARAMETERS.items():
        assert parameter.name == name
        assert parameter.says.endswith(".")
        assert parameter.wants
        assert parameter.per_language is (name not in FOR_THE_CAMPAIGN)


NUMBERS = [parameter for parameter in PARAMETERS.values() if parameter.kind.name in ("whole number", "number")]


@pytest.mark.parametrize("parameter", NUMBERS, ids=lambda parameter: parameter.name)
def test_a_number_is_taken_in_its_range_and_refused_beside_it(parameter) -> None:  # type: ignore[no-untyped-def]
    low, high = parameter.kind.low, parameter.kind.high
    step = 1 if parameter.kind.name == "whole number" else 1e-6
    assert parameter.value(low) == low
    assert parameter.value(high) == high
    wrongs: tuple[object, ...] = (low - step, high + step, "3", True, float("nan"), [1], {})
    for wrong in wrongs:
        with pytest.raises(InvalidPolicy) as refused:
            parameter.value(wrong)
        assert refused.value.field == parameter.name
        assert str(refused.value).startswith(f"{parameter.name} is {wrong!r}, but must be a ")
    if not parameter.optional:
        with pytest.raises(InvalidPolicy):
            parameter.value(None)


def test_a_whole_number_is_not_given_as_a_fraction() -> None:
    with pytest.raises(InvalidPolicy, match=r"max_tree_depth is 3\.0, but must be a whole number from 1 to 50"):
        Policy.from_mapping({"max_tree_depth": 3.0})
    assert Policy.from_mapping({"gold_task_share": 1}).gold_task_share == 1.0


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"goal_tree_size": 501}, "goal_tree_size", "is 501, but must be a whole number from 1 to 500"),
        ({"min_goal_tree_size": 13}, "min_goal_tree_size", "is 13, but goal_tree_size is 12"),
        ({"auto_mod_enabled": 1}, "auto_mod_enabled", "is 1, but must be true or false"),
        ({"rate_tasks": "30"}, "rate_tasks", "is '30', but must be a count per minutes such as 30/4, or none"),
        ({"rate_tasks": "0/4"}, "rate_tasks", "is '0/4', but must be a count per minutes such as 30/4, or none"),
        ({"undo_seconds": "none"}, "undo_seconds", "is 'none', but must be a whole number from 0 to 3,600"),
        (
            {"init_prompt_disabled_langs": ["en", "d!"]},
            "init_prompt_disabled_langs",
            "is ['en', 'd!'], but must be a list of language tags such as en or pt-BR",
        ),
        (
            {"language_weights": {"en": -1}},
            "language_weights",
            "is {'en': -1}, but must be a number from 0 to 1000 for each language, or none",
        ),
        (
            {"target_language_mix": {"en": 0.7, "de": 0.4}},
            "target_language_mix",
            "is {'en': 0.7, 'de': 0.4}, but must be a number from 0 to 1 for each language, together at most 1, "
            "or none",
        ),
        ({"gaol_tree_size": 3}, "gaol_tree_size", "is no parameter; did you mean goal_tree_size?"),
        ({"max_depth": 3}, "max_depth", "is no parameter; did you mean max_tree_depth?"),
        ({"profile": "book"}, "profile", "is 'book', but must be one of code, paper"),
    ],
)
def test_a_wrong_value_is_refused_with_field_value_and_range(
    values: dict[str, object], field: str, reason: str
) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        Policy.from_mapping(values)
    assert (refused.value.field, refused.value.reason) == (field, reason)
    assert isinstance(refused.value, ValueError)


def test_what_may_be_off_is_off_with_none() -> None:
    optional = [name for name, parameter in PARAMETERS.items() if parameter.optional]
    assert set(optional) == {
        "auto_mod_max_skip_reply",
        "auto_mod_red_flags",
        *(FOR_THE_CAMPAIGN - NEVER_OFF),
    }
    for none in (None, "none", "off"):
        policy = Policy.from_mapping(dict.fromkeys(optional, none))
        assert all(getattr(policy, name) is None for name in optional)


def test_values_are_read_as_a_file_spells_them() -> None:
    policy = Policy.from_mapping(
        {
            "rate_tasks": "5/1",
            "init_prompt_disabled_langs": "en, pt-BR",
            "language_weights": {"eu": 4},
            "target_language_mix": {"en": 0.5, "eu": 0.5},
        }
    )
    assert policy.rate_tasks == Rate(5, 1)
    assert policy.init_prompt_disabled_langs == frozenset({"en", "pt-BR"})
    assert policy.language_weights == {"eu": 4.0}
    assert Policy.from_mapping(policy.to_mapping()) == policy
    assert Policy.from_mapping(json.loads(json.dumps(policy.to_mapping()))) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert hash(policy) == hash(replace(policy))


def test_a_policy_cannot_be_changed_only_replaced() -> None:
    with pytest.raises(FrozenInstanceError):
        Policy().max_tree_depth = 4  # type: ignore[misc]
    weights = {"en": 1.0}
    policy = Policy(language_weights=weights)
    weights["en"] = 2.0
    assert policy.language_weights == {"en": 1.0}
    with pytest.raises(InvalidPolicy):
        replace(Policy(), max_tree_depth=51)


def test_values_start_from_a_profile_or_from_what_holds() -> None:
    assert Policy.from_mapping({"profile": "paper"}) == PROFILES["paper"]
    assert Policy.from_mapping({"profile": "paper", "goal_tree_size": 10}).max_children_count == 2
    now = Policy(undo_seconds=5)
    assert Policy.from_mapping({"max_active_trees": 0}, now) == Policy(undo_seconds=5, max_active_trees=0)


# --- what a tree can hold ---


@pytest.mark.parametrize(
    ("depth", "children", "prompter_replies", "largest"),
    [(0, 3, 1, 1), (1, 3, 1, 4), (2, 3, 1, 7), (3, 3, 1, 16), (5, 2, 1, 21), (3, 2, 3, 21), (4, 1, 1, 5)],
)
def test_the_largest_tree_fills_every_place(depth: int, children: int, prompter_replies: int, largest: int) -> None:
    assert largest_tree(depth, children, prompter_replies) == largest


@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))
def test_a_goal_is_taken_up_to_the_largest_tree_and_not_above(depth: int, children: int, replies: int) -> None:
    def size(left: int, places: int, other: int) -> int:
        return 1 + (places * size(left - 1, other, places) if left else 0)

    largest = size(depth, children, replies)
    if largest <= 500:
        check_shape(Shape(depth, children, replies, largest))
    if largest < 500:
        with pytest.raises(InvalidPolicy, match=rf"holds at most {largest}$") as refused:
            check_shape(Shape(depth, children, replies, largest + 1))
        assert refused.value.field == "goal_tree_size"


def test_a_shape_out_of_range_is_refused() -> None:
    for name in (field.name for field in fields(Shape)):
        with pytest.raises(InvalidPolicy) as refused:
            check_shape(replace(Policy().shape(), **{name: 0}))
        assert refused.value.field == name
    check_shape(Shape(50, 100, 100, 500))


def test_a_goal_above_what_the_places_hold_is_refused_when_either_is_set() -> None:
    with pytest.raises(InvalidPolicy, match=r"goal_tree_size is 17, but a tree of depth 3 .* holds at most 16"):
        Policy(goal_tree_size=17)
    with pytest.raises(InvalidPolicy, match=r"goal_tree_size is 12, .* holds at most 7"):
        Policy(max_tree_depth=2)
    assert Policy(max_tree_depth=4, goal_tree_size=17).shape() == Shape(4, 3, 1, 17)
    assert Policy().shape(7) == Shape(3, 3, 1, 7)


# --- by language ---


def test_a_language_differs_in_what_it_says_and_follows_in_the_rest() -> None:
    campaign = CampaignPolicy(Policy(undo_seconds=5), {"eu": {"num_reviews_reply": 2}, "de": {}})
    assert campaign.for_lang("eu") == Policy(undo_seconds=5, num_reviews_reply=2)
    assert campaign.for_lang("de") is campaign.for_lang("en") is campaign.base
    assert campaign.for_lang("eu") is campaign.for_lang("eu")
    assert campaign.langs == {"eu": {"num_reviews_reply": 2}}
    assert CampaignPolicy().for_lang("en") == Policy()


@pytest.mark.parametrize("name", sorted(FOR_THE_CAMPAIGN))
def test_what_holds_for_the_campaign_cannot_differ_by_language(name: str) -> None:
    with pytest.raises(InvalidPolicy, match="cannot differ by language") as refused:
        CampaignPolicy(langs={"de": {name: DEFAULTS[name]}})
    assert refused.value.field == f"langs.de.{name}"


@pytest.mark.parametrize(
    ("langs", "field"),
    [
        ({"de": {"undo_seconds": -1}}, "langs.de.undo_seconds"),
        ({"de": {"undo": 1}}, "langs.de.undo"),
        ({"de": {"goal_tree_size": 17}}, "langs.de.goal_tree_size"),
        ({"de": 3}, "langs.de"),
        ({"d/e": {}}, "langs.d/e"),
        (3, "langs"),
    ],
)
def test_a_wrong_value_of_a_language_is_named_with_it(langs: object, field: str) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        CampaignPolicy.from_mapping({"langs": langs})
    assert refused.value.field == field


def test_a_change_of_the_base_that_breaks_a_language_is_refused() -> None:
    campaign = CampaignPolicy(langs={"de": {"goal_tree_size": 16}})
    with pytest.raises(InvalidPolicy) as refused:
        CampaignPolicy.from_mapping({"base": {"max_children_count": 2, "goal_tree_size": 9}}, campaign)
    assert refused.value.field == "langs.de.goal_tree_size"


def test_a_change_names_only_what_changes_and_languages_are_replaced_as_a_whole() -> None:
    now = CampaignPolicy(Policy(undo_seconds=5), {"eu": {"num_reviews_reply": 2}})
    changed = CampaignPolicy.from_mapping({"base": {"max_active_trees": 3}}, now)
    assert changed.for_lang("eu") == Policy(undo_seconds=5, max_active_trees=3, num_reviews_reply=2)
    changed = CampaignPolicy.from_mapping({"langs": {"de": {"init_prompt_disabled_langs": ["de"]}}}, now)
    assert changed.langs == {"de": {"init_prompt_disabled_langs": frozenset({"de"})}}
    assert CampaignPolicy.from_mapping(json.loads(json.dumps(changed.to_mapping()))) == changed
    with pytest.raises(InvalidPolicy, match="max_active_trees is not part of a policy, which has base and langs"):
        CampaignPolicy.from_mapping({"max_active_trees": 3})
    with pytest.raises(InvalidPolicy, match="base is 3"):
        CampaignPolicy.from_mapping({"base": 3})
