"""Conditions on messages, in the words of the command line."""

from typing import Any

import pytest

from espalier.dataset.filter import FIELDS, BadCondition, Place, condition, select
from espalier.dataset.records import MessageRecord, TreeRecord

REPLY = MessageRecord(
    "a", "A good answer.", "assistant", lang="en", rank=1, review_count=3, review_result=True, user_id="ben",
    created_date="2023-04-12T10:00:00+00:00", labels={"quality": {"value": 0.75, "count": 3}},
)  # fmt: skip
FOLLOWED = MessageRecord("p2", "And then?", "prompter", lang="de")
TREE = TreeRecord("p", MessageRecord("p", "Why?", "prompter", lang="en", replies=(REPLY,)), "ready_for_export")


@pytest.mark.parametrize(
    "words",
    [
        "lang=en", "lang=de,EN", "lang!=de", "state=ready_for_export", "spam!=1",
        "role=assistant", "depth=1", "depth>0", "reviews>=3",
        "rank<2", "rank=1", "length>=14", "length<=14", "date>=2023-04-12", "date<2023-04-13", "quality>=0.6",
        "quality<0.8",        "accepted=true", "deleted=false", "synthetic=false", "author=ben", " quality >= 0.6 ",
    ],
)  # fmt: skip
def test_what_fulfils_a_condition(words: str) -> None:
    assert condition(words)(REPLY, Place(TREE, 1))


@pytest.mark.parametrize(
    "words",
    [
        "lang=de", "lang!=en,de", "state=growing", "role=prompter", "depth=0", "reviews>3", "rank>1", "length<14",
        "date>2023-05", "quality>0.75", "spam<0.5", "spam=0", "accepted=false", "deleted=true", "model=x",
    ],
)  # fmt: skip
def test_what_does_not(words: str) -> None:
    if words == "date>2023-05":
        with pytest.raises(BadCondition, match="2023-04-12"):
            condition(words)
    else:
        assert not condition(words)(REPLY, Place(TREE, 1))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("quality", "write a field, a comparison and a value"), ("qualty>=0.5", "there is no field qualty"),
        ("quality>=much", "must be a number"), ("deleted=maybe", "must be true or false"),
        ("lang>en", "compared with = or !="), ("", "no condition"), ("date>=yesterday", "must be a date"),
    ],
)  # fmt: skip
def test_what_is_no_condition_says_what_would_be_right(words: str, says: str) -> None:
    with pytest.raises(BadCondition, match=says):
        condition(words)


@pytest.mark.parametrize("words", ["rank=1", "rank<2", "helpfulness>=0.5", "fails_task<0.5"])
def test_what_only_replies_have_is_asked_of_replies_so_that_their_prompts_stay(words: str) -> None:
    assert condition(words)(TREE.prompt, Place(TREE, 0))
    unranked = MessageRecord("b", "Another answer.", "assistant")
    assert not condition(words)(unranked, Place(TREE, 1))


def test_the_replies_ranked_first_can_be_asked_for() -> None:
    best = MessageRecord("c", "The best answer.", "assistant", rank=0, replies=(FOLLOWED,))
    tree = TreeRecord("p", MessageRecord("p", "Why?", "prompter", replies=(REPLY, best)), "ready_for_export")
    kept = select(tree, [condition("rank=0")])
    assert kept is not None
    assert [reply.message_id for reply in kept.prompt.replies] == ["c"]
    assert [reply.message_id for reply in kept.prompt.replies[0].replies] == ["p2"]


def test_a_tree_keeps_what_fulfils_all_and_what_stands_below_goes_too() -> None:
    prompt = MessageRecord(
        "p", "Why?", "prompter", lang="en",
        replies=(REPLY, MessageRecord("b", "No.", "assistant", lang="en", replies=(FOLLOWED,))),
    )  # fmt: skip
    conditions = [condition("lang=en"), condition("length>=4")]
    kept = select(TreeRecord("p", prompt), conditions)
    assert kept is not None
    assert [reply.message_id for reply in kept.prompt.replies] == ["a"]
    assert select(TreeRecord("p", prompt), [condition("depth>0")]) is None


def test_the_language_that_is_heard_says_nothing_of_a_region() -> None:
    message = MessageRecord("a", "Sim.", "assistant", lang="pt-br")
    assert condition("in_its_language=true")(message, Place(TREE, 1, {"a": {"lang_detected": "pt"}}))


def test_every_field_says_what_it_is() -> None:
    place: Any = Place(TREE, 1)
    for name, field in FIELDS.items():
        assert field.says.endswith("."), name
        field.get(REPLY, place)
