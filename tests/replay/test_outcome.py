"""Comparing a replayed tree with its original."""

from dataclasses import replace

from espalier.domain.message import Role
from espalier.domain.tree import State
from espalier.replay.original import Original, OriginalTree
from espalier.replay.outcome import differences


def message(
    text: str, *replies: Original, accepted: bool | None = True, rank: int | None = None, deleted: bool = False
) -> Original:
    return Original(text, Role.PROMPTER, accepted, deleted, rank, replies=replies)


def tree(root: Original, state: State = State.READY_FOR_EXPORT) -> OriginalTree:
    return OriginalTree("t", "en", state, root)


def test_what_is_not_accepted_does_not_matter() -> None:
    original = message("p", message("a", rank=1), message("no", accepted=False), message("gone", deleted=True))
    replayed = message("p", message("late", message("below"), accepted=None), message("a", rank=0))
    assert differences(tree(original), tree(replayed)) == []


def test_another_state_is_named() -> None:
    assert differences(tree(message("p")), tree(message("p"), State.GROWING)) == [
        "It ended in growing, not in ready_for_export."
    ]


def test_missing_added_and_moved_texts_are_named() -> None:
    original = message("p", message("a", message("x")), message("b"))
    replayed = message("p", message("a"), message("b", message("x")), message("c"))
    assert differences(tree(original), tree(replayed)) == [
        "“c” is accepted below “p”, unlike there.",
        "“x” is missing below “a”.",
        "“x” is accepted below “b”, unlike there.",
    ]


def test_the_order_counts_wherever_all_siblings_were_ranked() -> None:
    original = message("p", message("a", rank=0), message("b", rank=3))
    assert differences(tree(original), tree(message("p", message("b", rank=1), message("a", rank=0)))) == []
    assert differences(tree(original), tree(message("p", message("b", rank=0), message("a", rank=1)))) == [
        "The replies below “p” are in another order."
    ]
    assert differences(tree(original), tree(message("p", message("a"), message("b")))) == [
        "The replies below “p” are in another order."
    ]
    partly = message("p", message("a", rank=0), message("b"))
    assert differences(tree(partly), tree(message("p", message("b", rank=0), message("a", rank=1)))) == []


def test_siblings_of_equal_text_are_interchangeable() -> None:
    original = message("p", message("x", message("1"), rank=0), message("y", rank=1), message("x", rank=2))
    swapped = message("p", message("x", rank=0), message("y", rank=1), message("x", message("1"), rank=2))
    assert differences(tree(original), tree(swapped)) == []
    once = replace(swapped, replies=swapped.replies[1:])
    assert "“x” is missing below “p”." in differences(tree(original), tree(once))


def test_a_refused_prompt_is_no_accepted_text() -> None:
    refused = message("p", accepted=False)
    assert differences(tree(refused), tree(message("p", accepted=False))) == []
    assert differences(tree(refused), tree(message("p"))) == ["“p” is accepted as the prompt, unlike there."]


def test_a_long_text_is_quoted_in_short() -> None:
    (sentence,) = differences(tree(message("p", message("word " * 100))), tree(message("p")))
    assert len(sentence) < 100
