"""The states of a tree: what leads from one to the next, and that nothing waits which could go on."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from espalier.domain.errors import WrongState
from espalier.domain.lifecycle import COMMANDS, LEADS_TO, LEAVES, Command, advance, resumed_state, size
from espalier.domain.policy import Policy
from espalier.domain.tree import STOPPED, TERMINAL, State, Tree
from espalier.domain.work import Act
from story import Story, imported, small

NEVER_SEEN = {State.READY_FOR_SCORING, State.SCORING_FAILED}
"""Scoring is part of the contribution that completes the rankings; only a file can bring a tree in these states."""


def full(**changed: object) -> Story:
    """A tree with all its messages, being ranked."""
    story = Story(small(**changed))
    story.grow("p", "a", "b")
    story.grow("a", "aa")
    story.grow("b", "bb")
    assert story.state is State.RANKING
    return story


def done() -> Story:
    story = full()
    story.rank("p", "a b", "rita")
    story.rank("p", "a b", "sven")
    assert story.state is State.READY_FOR_EXPORT
    return story


def seen(tree: Tree, policy: Policy) -> list[State]:
    """The states through which `advance` goes."""
    states = [tree.state]
    while (leave := LEAVES.get(states[-1])) and (state := leave(replace(tree, state=states[-1]), policy)):
        states.append(state)
    return states


# --- the way of a tree ---


def test_a_tree_without_refusals_ends_complete() -> None:
    """The default shape: 12 messages, 36 reviews, three rankings of each parent with two replies or more."""
    story = Story(state=State.INITIAL_PROMPT_REVIEW)
    story.accept("p")
    story.order(Command.DRAW)
    names = iter("abcdefghijk")
    while story.state is State.GROWING:
        parent = next(iter(story.open(Act.REPLY)))
        story.grow(parent, next(names))
    assert story.state is State.RANKING
    assert sum(len(message.reviews) for message in story.tree.messages.values()) == 36
    rankable = set(story.open(Act.RANK))
    assert rankable
    story.rank_all()
    assert story.state is State.READY_FOR_EXPORT
    assert len(story.tree.messages) == 12
    assert {parent: len(given) for parent, given in story.tree.rankings.items()} == dict.fromkeys(rankable, 3)
    assert story.rebuilt() == story.tree


def test_reviews_move_the_tree_on_only_when_nothing_awaits_one() -> None:
    story = Story(small())
    for parent, reply in (("p", "a"), ("p", "b")):
        story.grow(parent, reply)
    story.reply("a", "aa")
    story.reply("b", "bb")
    story.accept("aa")
    assert story.state is State.GROWING
    story.accept("bb")
    assert story.state is State.RANKING


def test_a_tree_whose_places_are_exhausted_goes_on_below_its_goal() -> None:
    story = Story(small(max_tree_depth=2, goal_tree_size=5))
    story.grow("p", "a", "b")
    story.grow("a", "aa")
    story.delete("b")
    story.grow("p", "c")
    story.grow("c", "cc")
    assert story.state is State.RANKING
    story.undelete("b")
    assert story.state is State.RANKING  # b takes a third place of two; nothing else is open


def test_a_complete_tree_with_nothing_to_rank_is_finished_at_once() -> None:
    story = Story(small(max_children_count=1, goal_tree_size=3))
    story.grow("p", "a")
    story.grow("a", "aa")
    assert story.state is State.READY_FOR_EXPORT


def test_a_lower_demand_finishes_what_waits() -> None:
    story = full()
    story.rank("p", "b a", "rita")
    assert story.state is State.RANKING
    story.change_policy(small(num_required_rankings=1))
    assert story.state is State.READY_FOR_EXPORT
    assert story.ranks() == {"b": 0, "a": 1}


def test_fewer_required_reviews_decide_what_waits() -> None:
    story = Story(state=State.INITIAL_PROMPT_REVIEW)
    story.review("p", "ben")
    story.change_policy(Policy(num_reviews_initial_prompt=1))
    assert story.state is State.PROMPT_LOTTERY_WAITING


def test_a_higher_demand_does_not_reach_back() -> None:
    story = done()
    story.change_policy(small(num_required_rankings=5, num_reviews_reply=5))
    assert story.state is State.READY_FOR_EXPORT
    assert story.accepted("a") is True


@pytest.mark.parametrize(
    "state", [State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING, State.GROWING, State.RANKING]
)
def test_a_tree_whose_prompt_is_deleted_is_halted_and_comes_back_where_it_was(state: State) -> None:
    story = full() if state is State.RANKING else Story(small(), state)
    before = story.tree
    story.delete("p")
    assert story.state is State.HALTED_BY_MODERATOR
    assert story.work == {}
    story.undelete("p")
    assert story.tree == before


# --- commands ---


def test_a_resumed_tree_goes_on_growing_if_it_was_ever_drawn() -> None:
    story = Story(small())
    story.grow("p", "a")
    story.order(Command.HALT)
    assert story.work == {}
    story.order(Command.RESUME)
    assert story.state is State.GROWING
    assert "p" in story.open(Act.REPLY)


def test_a_resumed_tree_goes_as_far_as_its_conditions_hold() -> None:
    story = done()
    story.order(Command.HALT)
    story.order(Command.RESUME)
    assert story.state is State.READY_FOR_EXPORT
    assert story.ranks() == {"a": 0, "b": 1}


def test_a_resumed_prompt_that_was_never_drawn_is_reviewed_again() -> None:
    story = Story(state=State.INITIAL_PROMPT_REVIEW)
    story.review("p", "ben")
    story.order(Command.ABORT)
    story.order(Command.RESUME)
    assert story.state is State.INITIAL_PROMPT_REVIEW
    assert story.open(Act.LABEL) == {"p": 2}


def test_a_moderator_who_resumes_a_refused_prompt_accepts_it() -> None:
    story = Story(state=State.INITIAL_PROMPT_REVIEW)
    story.refuse("p")
    story.order(Command.RESUME)
    assert story.accepted("p") is True
    assert story.state is State.PROMPT_LOTTERY_WAITING


@pytest.mark.parametrize("parked", [State.RANKING, State.BACKLOG_RANKING])
def test_a_tree_imported_to_be_ranked_is_resumed_there(parked: State) -> None:
    story = full()
    story.settle(replace(imported(story.tree), state=parked, parked=parked))
    story.order(Command.HALT)
    assert resumed_state(story.tree) is parked
    story.order(Command.RESUME)
    assert story.state is parked


def test_a_parked_tree_is_activated_to_be_ranked() -> None:
    story = full()
    story.order(Command.PARK)
    assert story.state is State.BACKLOG_RANKING
    assert story.work == {}
    story.order(Command.ACTIVATE)
    assert story.open(Act.RANK) == {"p": 2}


def test_a_parked_tree_with_nothing_to_rank_is_aborted_when_its_turn_comes() -> None:
    story = Story(small(max_children_count=1, goal_tree_size=3))
    story.grow("p", "a")
    story.settle(replace(imported(story.tree), state=State.BACKLOG_RANKING, parked=State.BACKLOG_RANKING))
    story.order(Command.ACTIVATE)
    assert story.state is State.ABORTED_LOW_GRADE


def test_an_imported_order_needs_no_more_rankings() -> None:
    story = full()
    story.settle(replace(imported(story.tree, a=1, b=0), state=State.BACKLOG_RANKING))
    assert story.ranks() == {"b": 0, "a": 1}
    story.order(Command.ACTIVATE)
    assert story.state is State.READY_FOR_EXPORT
    assert story.ranks() == {"b": 0, "a": 1}


@pytest.mark.parametrize(("against", "first"), [(1, "a"), (2, "a"), (3, "b")])
def test_an_imported_order_weighs_as_much_as_the_rankings_it_spares(against: int, first: str) -> None:
    story = Story(small(max_tree_depth=3, goal_tree_size=6))
    story.grow("p", "a", "b")
    story.grow("a", "aa")
    story.grow("aa", "x", "y")
    story.settle(replace(imported(story.tree, a=0, b=1), state=State.RANKING))
    assert story.open(Act.RANK) == {"aa": 2}
    for number in range(against):
        story.rank("p", "b a", f"late ranker {number}", late=True)
    assert story.ranks() == {"a": 0, "b": 1}  # until the tree is finished it shows what came with it
    story.rank_all()
    assert story.state is State.READY_FOR_EXPORT
    assert story.ranks() == {first: 0, {"a": "b", "b": "a"}[first]: 1, "x": 0, "y": 1}


@pytest.mark.parametrize(("least", "best"), [(1.0, "b"), (0.2, "a")])
def test_two_who_rank_by_habit_outweigh_a_careful_one_only_where_all_count_alike(least: float, best: str) -> None:
    story = Story(small(max_tree_depth=1, goal_tree_size=3, num_required_rankings=3, least_reviewer_weight=least))
    story.grow("p", "a", "b")
    story.rank("p", "a b", "careful")
    for name in ("ben", "cai"):
        story.rank("p", "b a", name, weight=0.1)
    assert story.state is State.READY_FOR_EXPORT
    assert story.ranks()[best] == 0


def test_a_tree_whose_scoring_failed_elsewhere_is_ranked_if_rankings_are_missing() -> None:
    story = full()
    story.settle(replace(imported(story.tree), state=State.SCORING_FAILED))
    assert story.state is State.RANKING
    assert story.open(Act.RANK) == {"p": 2}


@pytest.mark.parametrize("state", sorted(NEVER_SEEN))
def test_a_tree_imported_on_its_way_to_the_end_arrives(state: State) -> None:
    story = full()
    story.settle(replace(imported(story.tree, a=0, b=1), state=state))
    assert story.state is State.READY_FOR_EXPORT


def test_an_imported_message_with_enough_reviews_is_decided_by_its_means() -> None:
    story = Story(small())
    story.reply("p", "a")
    tree = imported(story.tree)
    known = tree.messages["a"].baseline
    assert known is not None
    message = replace(tree.messages["a"], baseline=replace(known, review_count=2, labels={"spam": (1.0, 2)}))
    story.settle(tree.with_message(message))
    assert story.accepted("a") is False
    story.settle(replace(tree.with_message(message), state=State.HALTED_BY_MODERATOR))
    assert story.accepted("a") is None


@pytest.mark.parametrize("command", Command)
def test_a_command_works_from_the_states_of_its_table_and_changes_nothing_elsewhere(command: Command) -> None:
    for state in State:
        story = full()
        tree = replace(story.tree, state=state)
        story.tree = tree
        if state in COMMANDS[command]:
            story.order(command)
            wanted = COMMANDS[command][state] or resumed_state(tree)
            assert story.state in seen(replace(tree, state=wanted), story.policy)
        else:
            with pytest.raises(WrongState):
                story.order(command)
            assert story.tree is tree


# --- the two tables ---


def test_every_state_but_the_ends_can_be_left_and_no_rule_leads_out_of_an_end() -> None:
    for state in State:
        by_command = {targets[state] for targets in COMMANDS.values() if state in targets}
        if state in TERMINAL:
            assert state not in LEAVES
        else:
            assert LEADS_TO.get(state) or by_command - STOPPED, f"{state} cannot be left"
        assert by_command or state in NEVER_SEEN | TERMINAL


def test_every_state_is_reachable_from_a_new_prompt_or_only_by_a_file() -> None:
    found = {State.INITIAL_PROMPT_REVIEW}
    waiting = deque(found)
    while waiting:
        state = waiting.popleft()
        following = {*LEADS_TO.get(state, ()), *(targets[state] for targets in COMMANDS.values() if state in targets)}
        new = {other for other in following if other is not None} - found
        found |= new
        waiting.extend(new)
    assert set(State) - found == {State.SCORING_FAILED}


def test_the_rules_only_lead_forward() -> None:
    """So that moving on ends: no state is met twice."""

    def beyond(state: State, passed: tuple[State, ...]) -> None:
        assert state not in passed, f"{passed} leads back to {state}"
        for following in LEADS_TO.get(state, ()):
            beyond(following, (*passed, state))

    for state in State:
        beyond(state, ())


def refused_prompt() -> tuple[Tree, Policy]:
    story = Story(state=State.INITIAL_PROMPT_REVIEW)
    return story.tree.with_message(replace(story.tree.root, accepted=False)), story.policy


def accepted_prompt() -> tuple[Tree, Policy]:
    story = Story(state=State.INITIAL_PROMPT_REVIEW)
    return story.tree.with_message(replace(story.tree.root, accepted=True)), story.policy


def without_prompt(state: State) -> tuple[Tree, Policy]:
    story = Story(small(), State.GROWING)
    tree = story.tree.with_message(replace(story.tree.root, deleted=True))
    return replace(tree, state=state, deletions={"p": state}), story.policy


def complete(state: State) -> tuple[Tree, Policy]:
    story = done()
    return replace(story.tree, state=state), story.policy


EXAMPLES: Mapping[tuple[State, State], Callable[[], tuple[Tree, Policy]]] = {
    (State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING): accepted_prompt,
    (State.INITIAL_PROMPT_REVIEW, State.ABORTED_LOW_GRADE): refused_prompt,
    **{
        (state, State.HALTED_BY_MODERATOR): (lambda state=state: without_prompt(state))
        for state in (State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING, State.GROWING, State.RANKING)
    },
    (State.GROWING, State.RANKING): lambda: complete(State.GROWING),
    (State.RANKING, State.READY_FOR_SCORING): lambda: complete(State.RANKING),
    (State.READY_FOR_SCORING, State.READY_FOR_EXPORT): lambda: complete(State.READY_FOR_SCORING),
    (State.SCORING_FAILED, State.RANKING): lambda: complete(State.SCORING_FAILED),
}


def test_the_table_of_ways_has_an_example_for_each() -> None:
    assert EXAMPLES.keys() == {(state, following) for state, ways in LEADS_TO.items() for following in ways}
    assert LEADS_TO.keys() == LEAVES.keys()


@pytest.mark.parametrize("way", EXAMPLES, ids="-".join)
def test_the_rules_lead_where_the_table_says(way: tuple[State, State]) -> None:
    tree, policy = EXAMPLES[way]()
    assert tree.state is way[0]
    assert LEAVES[way[0]](tree, policy) is way[1]
    assert advance(advance(tree, policy), policy) == advance(tree, policy)


def test_the_size_of_a_tree_leaves_out_what_was_refused_deleted_or_late() -> None:
    story = Story(Policy())
    story.grow("p", "a")
    story.reply("p", "b")
    assert size(story.tree) == 3
    story.refuse("b")
    story.reply("a", "late", late=True)
    assert size(story.tree) == 2
    story.reply("a", "aa")
    story.delete("a")
    assert size(story.tree) == 1
