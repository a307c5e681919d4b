"""The shape of a tree: threads, children, what is alive, what is wrong."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain.contribution import Planted, Replied, grow
from espalier.domain.message import Message, Role
from espalier.domain.policy import Policy
from espalier.domain.tree import Shape, State, Tree, faults
from story import BEGINNING, Story


def grown(parents: list[int], deleted: set[int]) -> Tree:
    """A tree of len(parents) + 1 messages `0`, `1`, …; message i + 1 replies to `parents[i]` modulo what is there."""
    policy = Policy()
    root = Message("0", None, Role.PROMPTER, "anna", BEGINNING, "en", "?", 0)
    tree = grow(None, Planted(root, policy.shape(), 0, State.BACKLOG_RANKING), lambda version, lang: policy)
    for number, parent in enumerate(parents, 1):
        above = tree.messages[str(parent % number)]
        message = Message(str(number), above.id, above.role.other, "ben", BEGINNING, "en", ".", above.depth + 1)
        tree = grow(tree, Replied(message), lambda version, lang: policy)
    gone = {str(number) for number in deleted if str(number) in tree.messages}
    messages = {key: replace(message, deleted=key in gone) for key, message in tree.messages.items()}
    return replace(tree, messages=messages, deletions=dict.fromkeys(gone, State.BACKLOG_RANKING))


trees = st.builds(grown, st.lists(st.integers(0, 100), max_size=20), st.sets(st.integers(0, 20), max_size=5))


def test_a_thread_leads_from_the_prompt_to_the_message() -> None:
    story = Story()
    story.grow("p", "a", "b")
    story.grow("a", "aa")
    assert [message.id for message in story.tree.thread("aa")] == ["p", "a", "aa"]
    assert [message.id for message in story.tree.thread("p")] == ["p"]
    assert {key: [reply.id for reply in replies] for key, replies in story.tree.children().items()} == {
        "p": ["a", "b"],
        "a": ["aa"],
        "b": [],
        "aa": [],
    }


@given(trees)
def test_a_grown_tree_is_sound(tree: Tree) -> None:
    assert faults(tree) == []
    for message_id in tree.messages:
        thread = tree.thread(message_id)
        assert [message.depth for message in thread] == list(range(len(thread)))
        assert all(above.role is below.role.other for above, below in pairwise(thread))


@given(trees)
def test_alive_is_what_has_nothing_deleted_on_its_thread(tree: Tree) -> None:
    alive = {key for key in tree.messages if not any(message.deleted for message in tree.thread(key))}
    assert set(tree.live()) == alive == {key for key in tree.messages if tree.is_live(key)}


@given(trees)
def test_descendants_are_all_that_have_the_message_on_their_thread(tree: Tree) -> None:
    for key in tree.messages:
        below = {other for other in tree.messages if key in {message.id for message in tree.thread(other)[:-1]}}
        assert {message.id for message in tree.descendants(key)} == below


@given(trees, st.randoms())
def test_children_have_each_message_once_and_in_the_order_of_arrival(tree: Tree, rng: Random) -> None:
    children = tree.children()
    listed = [reply.id for replies in children.values() for reply in replies]
    assert sorted([tree.id, *listed]) == sorted(tree.messages)
    for replies in children.values():
        assert [int(reply.id) for reply in replies] == sorted(int(reply.id) for reply in replies)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"role": Role.PROMPTER}, "a (prompter, depth 1) does not fit below p (prompter, depth 0)"),
        ({"depth": 2}, "a (assistant, depth 2) does not fit below p (prompter, depth 0)"),
        ({"parent_id": "nobody"}, "a replies to nobody, which is not in the tree"),
        ({"parent_id": None}, "its prompts are p, a, but should be p"),
    ],
)
def test_what_is_wrong_with_a_tree_is_said(changed: dict[str, object], fault: str) -> None:
    story = Story()
    story.grow("p", "a")
    message = replace(story.tree.messages["a"], **changed)
    assert fault in faults(story.tree.with_message(message))


def test_a_message_has_as_many_places_as_its_role() -> None:
    shape = Shape(max_tree_depth=3, max_children_count=4, num_prompter_replies=2, goal_tree_size=9)
    assert (shape.places_under(Role.PROMPTER), shape.places_under(Role.ASSISTANT)) == (4, 2)


def test_a_changed_message_leaves_the_tree_it_came_from_alone() -> None:
    story = Story()
    before = story.tree
    changed = before.with_message(replace(before.root, text="Why is grass green?"))
    assert before.root.text == "Why is the sky blue?"
    assert changed.root.text == "Why is grass green?"
