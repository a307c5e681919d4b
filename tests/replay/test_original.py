"""What of a published tree is said again, and the shape it gets."""

from espalier.domain.message import Role
from espalier.domain.policy import Policy, check_shape
from espalier.domain.tree import Shape, State
from espalier.replay.original import Original, OriginalTree, said_again, shape_of


def prompt(text: str, *replies: Original, accepted: bool | None = True, deleted: bool = False) -> Original:
    return Original(text, Role.PROMPTER, accepted, deleted, replies=replies)


def reply(text: str, *replies: Original, accepted: bool | None = True, deleted: bool = False) -> Original:
    return Original(text, Role.ASSISTANT, accepted, deleted, replies=replies)


def tree(root: Original, state: State = State.READY_FOR_EXPORT) -> OriginalTree:
    return OriginalTree("t", "en", state, root)


def texts(root: Original) -> list[str]:
    return [message.text for message in root.walk()]


def test_a_deleted_reply_is_left_out_with_all_below_it() -> None:
    root = prompt("p", reply("gone", prompt("below"), deleted=True), reply("kept", prompt("too")))
    assert texts(said_again(tree(root)).root) == ["p", "kept", "too"]


def test_a_refused_reply_is_said_again_but_nothing_below_it() -> None:
    root = prompt("p", reply("bad", prompt("below"), accepted=False))
    assert texts(said_again(tree(root)).root) == ["p", "bad"]


def test_a_reply_without_result_is_said_again_only_where_the_tree_may_wait_for_it() -> None:
    root = prompt("p", reply("undecided", accepted=None))
    assert texts(said_again(tree(root)).root) == ["p"]
    assert texts(said_again(tree(root, State.GROWING)).root) == ["p", "undecided"]
    assert texts(said_again(tree(root, State.HALTED_BY_MODERATOR)).root) == ["p", "undecided"]


def test_a_prompt_is_said_again_whatever_became_of_it() -> None:
    refused = prompt("p", accepted=False, deleted=True)
    assert texts(said_again(tree(refused, State.ABORTED_LOW_GRADE)).root) == ["p"]


def test_the_shape_is_that_of_what_was_accepted() -> None:
    root = prompt(
        "p",
        reply("a", prompt("a1", reply("a11")), prompt("a2")),
        reply("b"),
        reply("no", accepted=False),
        reply("gone", deleted=True),
    )
    assert shape_of(tree(root), Policy()) == Shape(3, 2, 2, 6)


def test_a_lonely_finished_prompt_gets_the_smallest_shape_there_is() -> None:
    shape = shape_of(tree(prompt("p")), Policy())
    assert shape == Shape(1, 1, 1, 1)
    check_shape(shape)


def test_a_tree_that_was_never_drawn_keeps_the_shape_of_the_policy() -> None:
    for state in (State.PROMPT_LOTTERY_WAITING, State.INITIAL_PROMPT_REVIEW, State.HALTED_BY_MODERATOR):
        assert shape_of(tree(prompt("p"), state), Policy()) is None


def test_a_growing_tree_gets_a_goal_that_its_messages_do_not_reach() -> None:
    assert shape_of(tree(prompt("p", reply("a")), State.GROWING), Policy()) == Shape(3, 3, 1, 12)
    many = prompt("p", *(reply(str(number)) for number in range(13)))
    shape = shape_of(tree(many, State.GROWING), Policy())
    assert shape == Shape(3, 13, 1, 15)


def test_room_is_made_for_a_goal_that_the_standard_shape_cannot_hold() -> None:
    flat = Policy(max_tree_depth=1, max_children_count=1, goal_tree_size=2, min_goal_tree_size=1)
    shape = shape_of(tree(prompt("p", reply("a")), State.GROWING), flat)
    assert shape is not None
    check_shape(shape)
    assert shape.goal_tree_size == 12
