"""What differs between two policies: in general, and in each language that says something of its own."""

from espalier.domain.policy import CampaignPolicy
from espalier.domain.policy_change import Change, changes

BEFORE = CampaignPolicy.from_mapping({"langs": {"de": {"goal_tree_size": 9}}})


def test_nothing_differs_from_itself() -> None:
    assert changes(BEFORE, CampaignPolicy.from_mapping({}, BEFORE)) == []


def test_a_general_value_is_named_once_and_not_for_languages_that_follow_it() -> None:
    after = CampaignPolicy.from_mapping({"base": {"goal_tree_size": 10, "max_active_trees": 3}}, BEFORE)
    assert changes(BEFORE, after) == [
        Change(None, "max_active_trees", 10, 3),
        Change(None, "goal_tree_size", 12, 10),
    ]


def test_a_language_that_gets_or_loses_a_value_is_named_with_what_holds_there() -> None:
    after = CampaignPolicy.from_mapping({"langs": {"fr": {"max_active_trees": 2}}}, BEFORE)
    assert changes(BEFORE, after) == [
        Change("de", "goal_tree_size", 9, 12),
        Change("fr", "max_active_trees", 10, 2),
    ]


def test_a_general_change_that_makes_a_language_equal_is_no_change_of_the_language() -> None:
    after = CampaignPolicy.from_mapping({"base": {"goal_tree_size": 9}}, BEFORE)
    assert changes(BEFORE, after) == [Change(None, "goal_tree_size", 12, 9)]
