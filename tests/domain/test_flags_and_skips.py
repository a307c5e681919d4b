"""What flags and skips do by themselves, and what a moderator's answer to them is worth."""

import pytest

from espalier.domain.lifecycle import Command
from espalier.domain.message import EXCUSED_SKIPS, SkipOf
from espalier.domain.moderation import Remedy, red_flags, refusing_skips, remedy
from espalier.domain.policy import Policy
from espalier.domain.tree import State
from story import Story


def flag(story: Story, message_id: str, times: int, since: int = 0) -> None:
    for number in range(since, since + times):
        story.react(message_id, f"flagger {number}", "red_flag")


def skip(story: Story, message_id: str, times: int, reason: str = "offensive", what: SkipOf = SkipOf.REPLY) -> None:
    for _ in range(times):
        story.skip(message_id, f"skipper {len(story.facts)}", reason, what)


def wanted(story: Story) -> Remedy | None:
    return remedy(story.tree, story.policy)


def test_the_fourth_red_flag_deletes_a_reply() -> None:
    story = Story()
    story.grow("p", "a")
    flag(story, "a", 3)
    assert wanted(story) is None
    flag(story, "a", 1, since=3)
    assert wanted(story) == Remedy(delete="a")
    story.delete("a")
    assert wanted(story) is None


JUDGED_BY_THE_RULES = [
    State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING, State.GROWING, State.BACKLOG_RANKING,
]  # fmt: skip


@pytest.mark.parametrize("state", JUDGED_BY_THE_RULES)
def test_the_fourth_red_flag_on_a_prompt_aborts_its_tree(state: State) -> None:
    story = Story(state=state)
    flag(story, "p", 3)
    assert wanted(story) is None
    flag(story, "p", 1, since=3)
    assert wanted(story) == Remedy(abort=True)
    story.order(Command.ABORT)
    assert wanted(story) is None


def test_other_reactions_are_no_flags_and_one_person_flags_once() -> None:
    story = Story()
    for emoji in ("-1", "poop", "skull", "disappointed", "red_flag", "red_flag"):
        story.react("p", "ben", emoji)
    assert red_flags(story.tree.root) == 1
    assert wanted(story) is None


def test_the_twenty_fifth_skip_halts_the_tree() -> None:
    story = Story()
    skip(story, "p", 24)
    assert wanted(story) is None
    skip(story, "p", 1)
    assert wanted(story) == Remedy(halt=True)


def test_skips_count_by_person_and_only_for_replies_without_an_excuse() -> None:
    story = Story(Policy(auto_mod_max_skip_reply=2))
    for reason in EXCUSED_SKIPS:
        skip(story, "p", 2, reason)
    skip(story, "p", 2, what=SkipOf.LABELING)
    story.skip("p", "ben", "unclear")
    story.skip("p", "ben", "offensive")
    assert refusing_skips(story.tree.root) == 1
    assert wanted(story) is None
    story.skip("p", None, "unclear")
    story.skip("p", None, "unclear")
    assert refusing_skips(story.tree.root) == 3  # of people who closed their account each counts


def test_a_moderator_who_undeletes_has_answered_the_flags() -> None:
    story = Story()
    story.grow("p", "a")
    flag(story, "a", 4)
    story.delete("a")
    story.undelete("a")
    assert wanted(story) is None
    flag(story, "a", 3, since=4)
    assert wanted(story) is None
    flag(story, "a", 1, since=7)
    assert wanted(story) == Remedy(delete="a")


def test_a_moderator_who_resumes_a_tree_has_answered_its_flags_and_skips() -> None:
    story = Story()
    flag(story, "p", 4)
    skip(story, "p", 25)
    story.order(Command.HALT)
    story.order(Command.RESUME)
    assert wanted(story) is None
    skip(story, "p", 24)
    assert wanted(story) is None
    skip(story, "p", 1)
    assert wanted(story) == Remedy(halt=True)


def test_a_moderator_may_answer_flags_without_any_other_order() -> None:
    story = Story()
    story.grow("p", "a")
    flag(story, "a", 3)
    skip(story, "a", 24)
    story.dismiss("a")
    flag(story, "a", 3, since=3)
    skip(story, "a", 24)
    assert wanted(story) is None
    assert red_flags(story.tree.messages["a"]) == 6


def test_what_is_below_a_deleted_message_is_left_alone() -> None:
    story = Story()
    story.grow("p", "a")
    story.grow("a", "aa")
    story.delete("a")
    flag(story, "aa", 9)
    assert wanted(story) is None


@pytest.mark.parametrize(
    "policy", [Policy(auto_mod_enabled=False), Policy(auto_mod_red_flags=None, auto_mod_max_skip_reply=None)]
)
def test_the_rules_can_be_switched_off(policy: Policy) -> None:
    story = Story(policy)
    story.grow("p", "a")
    flag(story, "a", 9)
    skip(story, "p", 99)
    assert wanted(story) is None


@pytest.mark.parametrize("command", [Command.HALT, Command.ABORT])
def test_a_tree_that_is_at_its_end_is_left_to_people(command: Command) -> None:
    story = Story()
    flag(story, "p", 9)
    story.order(command)
    assert wanted(story) is None
