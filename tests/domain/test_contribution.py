"""What each contribution does to a tree, which votes count, and what an undelete gives back."""

from dataclasses import replace

import pytest

from espalier.domain.errors import WrongState
from espalier.domain.lifecycle import Command
from espalier.domain.message import Reaction
from espalier.domain.policy import Policy
from espalier.domain.tree import State
from espalier.domain.work import Act
from story import Story, imported, small


def ranked() -> Story:
    """Prompt, two replies, one below each; being ranked."""
    story = Story(small())
    story.grow("p", "a", "b")
    story.grow("a", "aa")
    story.grow("b", "bb")
    return story


def three_to_rank() -> Story:
    story = Story(small(max_tree_depth=1, max_children_count=3, goal_tree_size=4, num_required_rankings=3))
    story.grow("p", "a", "b", "c")
    return story


# --- what is said ---


def test_an_edit_changes_the_words_and_says_so() -> None:
    story = Story()
    story.edit("p", "Why is the sea blue?")
    assert (story.tree.root.text, story.tree.root.edited) == ("Why is the sea blue?", True)
    assert story.accepted("p") is True


def test_a_reaction_is_there_once_and_can_be_taken_back() -> None:
    story = Story()
    for emoji in ("clap", "clap", "100"):
        story.react("p", "ben", emoji)
    assert story.tree.root.emoji_counts() == {"clap": 1, "100": 1}
    story.react("p", "ben", "clap", on=False)
    story.react("p", "cai", "100", on=False)
    assert story.tree.root.reactions == (Reaction("ben", "100"),)


def test_skips_are_counted_beside_the_reactions_that_a_file_brought() -> None:
    story = Story()
    tree = imported(story.tree)
    known = tree.root.baseline
    assert known is not None
    story.settle(tree.with_message(replace(tree.root, baseline=replace(known, emojis={"+1": 2, "_skip_reply": 1}))))
    story.skip("p", "ben")
    story.react("p", "cai", "+1")
    assert story.tree.root.emoji_counts() == {"+1": 3, "_skip_reply": 2}


# --- which votes count ---


def test_a_ranking_counts_while_its_tree_is_ranked_and_changes_nothing_afterwards() -> None:
    story = ranked()
    story.rank("p", "a b", "rita")
    story.rank("p", "a b", "sven")
    assert story.ranks() == {"a": 0, "b": 1}
    for person in ("tess", "uwe", "vera"):
        story.rank("p", "b a", person, late=True)
    assert story.ranks() == {"a": 0, "b": 1}
    assert [ranking.counted for ranking in story.tree.rankings["p"]] == [True, True, False, False, False]


def test_a_late_ranking_counts_in_the_consensus_while_others_are_still_wanted() -> None:
    story = Story(small(max_tree_depth=3, goal_tree_size=6))
    story.grow("p", "a", "b")
    story.grow("a", "aa")
    story.grow("aa", "x", "y")
    for person, order in (("rita", "a b"), ("sven", "b a"), ("late tess", "b a")):
        story.rank("p", order, person, late=person.startswith("late"))
    assert story.open(Act.RANK) == {"aa": 2}
    story.rank_all()
    assert story.ranks() == {"b": 0, "a": 1, "x": 0, "y": 1}


def test_a_review_after_the_growth_is_kept_and_changes_nothing() -> None:
    story = ranked()
    before = story.tree.messages["a"]
    story.review("a", "late", spam=1)
    after = story.tree.messages["a"]
    assert after.review_count == before.review_count
    assert len(after.reviews) == len(before.reviews) + 1


def test_a_turned_refusal_may_overfill_its_parent_by_one() -> None:
    story = Story(small(max_children_count=1, goal_tree_size=3))
    story.reply("p", "a")
    story.refuse("a")
    story.grow("p", "b")
    assert story.open(Act.REPLY) == {"b": 1}
    for number in range(4):
        story.review("a", f"late {number}")
    assert story.accepted("a") is True
    assert story.open(Act.REPLY) == {}
    assert story.open(Act.RANK) == {"p": 2}  # three of three messages: two siblings, to be ranked


# --- deleting and undeleting ---


@pytest.mark.parametrize("gone", ["a", "aa"])
def test_undeleting_gives_back_a_finished_tree_with_its_ranks(gone: str) -> None:
    story = ranked()
    story.rank_all()
    before = story.tree
    assert story.ranks() == {"a": 0, "b": 1}
    story.delete(gone)
    assert story.state is State.READY_FOR_EXPORT
    assert story.ranks() == ({} if gone == "a" else {"a": 0, "b": 1})
    story.undelete(gone)
    assert story.tree == before


def test_a_deleted_reply_leaves_the_ranking_and_its_sisters_close_up() -> None:
    story = three_to_rank()
    story.rank("p", "a b c", "rita")
    story.rank("p", "a b c", "sven")
    story.delete("b")
    assert story.open(Act.RANK) == {"p": 1}
    story.rank("p", "a c", "tess")
    assert story.state is State.READY_FOR_EXPORT
    assert story.ranks() == {"a": 0, "c": 1}
    story.undelete("b")
    assert story.ranks() == {"a": 0, "b": 1, "c": 2}


def test_deleting_closes_the_gap_in_an_imported_order_and_undeleting_opens_it() -> None:
    story = three_to_rank()
    story.settle(replace(imported(story.tree, c=0, a=1, b=2), state=State.READY_FOR_EXPORT))
    story.delete("a")
    assert story.ranks() == {"c": 0, "b": 1}
    story.undelete("a")
    assert story.ranks() == {"c": 0, "a": 1, "b": 2}


def test_undeleting_a_prompt_brings_back_all_below_but_what_was_deleted_by_itself() -> None:
    story = ranked()
    story.delete("aa")
    story.delete("p")
    assert story.tree.live() == {}
    story.undelete("p")
    assert set(story.tree.live()) == {"p", "a", "b", "bb"}
    story.undelete("aa")
    assert set(story.tree.live()) == set(story.tree.messages)


def test_a_tree_that_went_on_because_of_a_deletion_comes_back_with_it() -> None:
    story = Story(small())
    story.grow("p", "a", "b")
    story.grow("a", "aa")
    story.reply("b", "bb")
    before = story.tree
    story.delete("b")
    story.grow("p", "c")
    story.grow("c", "cc")
    assert story.state is State.RANKING
    story.undelete("b")
    assert story.state is State.GROWING
    assert story.open(Act.LABEL) == {"bb": 2}
    assert story.tree.messages["bb"] == before.messages["bb"]


def test_undeleting_in_any_order_never_leaves_a_reply_behind_that_nobody_can_review() -> None:
    """The second deletion found the tree further on, where it had only come because of the first."""
    story = Story(small(max_tree_depth=1, goal_tree_size=3))
    story.reply("p", "a")
    story.grow("p", "b")
    story.delete("a")
    story.grow("p", "c")
    assert story.state is State.RANKING
    story.delete("c")
    assert story.state is State.READY_FOR_EXPORT
    story.undelete("a")
    assert story.state is State.GROWING
    story.undelete("c")
    assert story.state is State.GROWING
    assert story.open(Act.LABEL) == {"a": 2}


def test_a_reply_deleted_while_the_tree_was_halted_does_not_stay_behind_undecided() -> None:
    story = Story(small(max_tree_depth=1, goal_tree_size=3))
    story.reply("p", "a")
    story.delete("p")
    story.delete("a")
    story.undelete("p")
    story.grow("p", "b", "c")
    assert story.state is State.RANKING
    story.undelete("a")
    assert story.state is State.GROWING
    assert story.open(Act.LABEL) == {"a": 2}


def test_a_moderators_order_stands_when_a_deletion_from_before_is_taken_back() -> None:
    story = Story(small())
    story.grow("p", "a")
    story.delete("a")
    story.order(Command.HALT)
    story.undelete("a")
    assert story.state is State.HALTED_BY_MODERATOR
    story.order(Command.RESUME)
    assert story.state is State.GROWING


def test_one_cannot_delete_twice_nor_undelete_what_stands_nor_what_was_purged() -> None:
    story = Story(small())
    story.grow("p", "a")
    with pytest.raises(WrongState, match="not deleted"):
        story.undelete("a")
    story.delete("a")
    before = story.tree
    with pytest.raises(WrongState, match="deleted already"):
        story.delete("a")
    assert story.tree is before
    story.settle(story.tree.with_message(replace(story.tree.messages["a"], tombstone=True, text="", author=None)))
    with pytest.raises(WrongState, match="purged"):
        story.undelete("a")


def test_a_tree_whose_prompt_is_deleted_cannot_be_ordered_back_to_work() -> None:
    story = Story(small())
    story.delete("p")
    with pytest.raises(WrongState, match="undelete"):
        story.order(Command.RESUME)


# --- policies and rebuilding ---


def test_a_tree_keeps_its_policy_and_shape_until_it_is_told_of_a_new_one() -> None:
    story = Story(small())
    story.policies.append(small(num_reviews_reply=1, max_children_count=9))
    story.reply("p", "a")
    story.review("a", "ben")
    assert story.accepted("a") is None
    story.change_policy(story.policies[-1])
    assert story.accepted("a") is True
    assert story.tree.shape.max_children_count == 2


def test_an_order_brings_the_policy_of_its_day() -> None:
    story = Story(small(), State.PROMPT_LOTTERY_WAITING)
    story.policies.append(small(num_reviews_reply=1))
    story.order(Command.DRAW)
    story.reply("p", "a")
    story.review("a", "ben")
    assert story.accepted("a") is True


def test_rebuilding_gives_the_same_tree_and_a_purge_is_where_it_begins() -> None:
    story = ranked()
    story.react("a", "ben", "clap")
    story.rank("p", "b a", "rita")
    story.delete("bb")
    assert story.rebuilt() == story.tree
    purged = replace(story.tree.messages["a"], text="", author=None, deleted=True, tombstone=True)
    settled = replace(story.tree.with_message(purged), deletions={**story.tree.deletions, "a": story.state})
    story.settle(settled)
    story.undelete("bb")
    assert story.rebuilt() == story.tree
    assert set(story.tree.live()) == {"p", "b", "bb"}


def test_a_planted_prompt_is_accepted_by_the_word_of_who_planted_it() -> None:
    assert Story(state=State.INITIAL_PROMPT_REVIEW).accepted("p") is None
    for state in (State.PROMPT_LOTTERY_WAITING, State.GROWING):
        story = Story(Policy(), state)
        assert story.accepted("p") is True
        assert story.tree.won_lottery is (state is State.GROWING)
