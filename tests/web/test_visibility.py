"""Blindness, field by field: what each person sees of a message, wherever they meet it."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from campaigns import REPLIES, Someone, World, well
from espalier.domain.sight import BlindMessage, OwnMessage, PublicMessage, StaffMessage

SAID = {
    "id", "tree_id", "parent_id", "role", "lang", "text", "depth", "created_at", "edited", "deleted", "seen_as",
}  # fmt: skip
OUTCOME = {"tree_state", "late", "review_result", "review_count", "rank", "labels", "emojis"}
AUTHORSHIP = {"author", "author_name", "synthetic", "model_name"}
BLIND = SAID | {"removed"}
OWN = SAID | OUTCOME | {"removed"}
PUBLIC = SAID | OUTCOME | AUTHORSHIP
STAFF = PUBLIC | {"removed", "tombstone", "origin", "dismissed_flags", "dismissed_skips"}


def test_each_way_to_look_has_the_fields_of_this_list_and_no_others() -> None:
    for kind, names in ((BlindMessage, BLIND), (OwnMessage, OWN), (PublicMessage, PUBLIC), (StaffMessage, STAFF)):
        assert {field.name for field in fields(kind)} == names, kind.__name__


def shown(person: Someone, message_id: str) -> dict[str, Any]:
    """The message, which looks the same wherever this person meets it."""
    alone: dict[str, Any] = person.shown(f"/messages/{message_id}")
    places = {
        "list": person.shown("/messages", tree_id=alone["tree_id"])["items"],
        "thread": person.shown(f"/messages/{message_id}/thread")["items"],
        "children": person.shown(f"/messages/{alone['parent_id']}/children")["items"],
        "search": person.shown("/messages", q=alone["text"])["items"],
        "tree": flat(person.shown(f"/trees/{alone['tree_id']}")["prompt"]),
        "tree of a message": flat(person.shown(f"/messages/{message_id}/tree")["prompt"]),
    }
    for place, found in places.items():
        (here,) = [each for each in found if each["id"] == message_id]
        assert {name: value for name, value in here.items() if name != "replies"} == alone, place
    return alone


def flat(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(each for reply in node["replies"] for each in flat(reply))]


def test_who_could_still_review_a_message_learns_nothing_of_it_but_its_text(campaign: World) -> None:
    campaign.tree()
    reply = campaign.ada.write("assistant_reply", REPLIES[0])
    well(campaign.cleo.call("PUT", f"/messages/{reply}/reactions/+1"))
    assert shown(campaign.ben, reply).keys() == BLIND
    assert shown(campaign.cleo, reply).keys() == BLIND
    mine = shown(campaign.ada, reply)
    assert mine.keys() == OWN
    assert mine["emojis"] == {"+1": 1}
    assert shown(campaign.chief, reply).keys() == STAFF


def test_who_has_reviewed_a_reply_could_still_rank_it_and_stays_blind(campaign: World) -> None:
    campaign.tree()
    first, _ = campaign.answered_twice()
    assert shown(campaign.chief, first)["tree_state"] == "ranking"
    for person in (campaign.cleo, campaign.person("dora")):
        assert shown(person, first).keys() == BLIND


def test_who_has_ranked_sees_all_and_who_has_not_stays_blind_until_the_tree_is_finished(campaign: World) -> None:
    campaign.policy(num_required_rankings=2)
    campaign.tree()
    first, second = campaign.answered_twice()
    campaign.cleo.rank()
    dora = campaign.person("dora")
    assert shown(campaign.cleo, first).keys() == PUBLIC
    assert shown(dora, first).keys() == BLIND
    assert shown(campaign.ada, second).keys() == PUBLIC, "who wrote a reply never ranks its siblings"
    dora.rank()
    finished = shown(campaign.person("eve"), first)
    assert finished.keys() == PUBLIC
    assert (finished["tree_state"], finished["author"], finished["rank"]) == ("ready_for_export", campaign.ada.id, 1)


def test_before_the_ranking_begins_the_author_of_a_reply_is_blind_to_its_siblings(campaign: World) -> None:
    campaign.policy(num_reviews_reply=2)
    campaign.tree()
    campaign.ada.write("assistant_reply", REPLIES[0])
    second = campaign.ben.write("assistant_reply", REPLIES[1])
    assert shown(campaign.ada, second).keys() == BLIND, "hers may be refused, and then she may rank"


def test_a_task_in_hand_keeps_its_holder_blind_even_when_the_tree_is_finished(campaign: World) -> None:
    campaign.tree()
    first, _ = campaign.answered_twice()
    dora = campaign.person("dora")
    task = dora.task("rank_assistant_replies")
    campaign.later(hours=1)
    campaign.cleo.rank()
    assert shown(campaign.person("eve"), first).keys() == PUBLIC
    assert shown(dora, first).keys() == BLIND, "what she sends now is kept as a vote"
    dora.submit(task, order=[["r0"], ["r1"]])
    assert shown(dora, first).keys() == PUBLIC


def test_who_may_yet_be_asked_about_a_message_with_known_labels_is_blind_to_it(campaign: World) -> None:
    campaign.policy(gold_task_share=1)
    _, first, _ = campaign.ranked_tree()
    campaign.tree("Who was Ada Lovelace?")
    campaign.ada.write("assistant_reply", "She wrote the first program.")
    dora = campaign.person("dora")
    assert shown(dora, first).keys() == PUBLIC
    well(campaign.chief.call("PUT", f"/gold/{first}", {"answers": {"spam": 0}}))
    assert shown(dora, first).keys() == BLIND
    assert shown(campaign.ada, first).keys() == OWN
    assert shown(campaign.cleo, first).keys() == PUBLIC, "she has reviewed it"
    dora.review("label_assistant_reply")
    assert shown(dora, first).keys() == PUBLIC


def test_who_reviewed_a_prompt_sees_it_and_who_could_does_not(campaign: World) -> None:
    campaign.policy(num_reviews_initial_prompt=2)
    tree_id = campaign.tree(state="initial_prompt_review")
    campaign.ben.review("label_initial_prompt")
    assert campaign.ben.shown(f"/messages/{tree_id}").keys() == PUBLIC
    assert campaign.cleo.shown(f"/messages/{tree_id}").keys() == BLIND


def test_a_moderator_is_as_blind_as_others_unless_they_look_behind_it_which_the_journal_keeps(
    campaign: World,
) -> None:
    campaign.tree()
    reply = campaign.ada.write("assistant_reply", REPLIES[0])
    assert shown(campaign.warden, reply).keys() == BLIND
    well(campaign.ben.post(f"/messages/{reply}/report", {"reason": "It names somebody."}))
    (reported,) = campaign.warden.shown("/reports")["items"]
    assert reported["message"].keys() == BLIND
    revealed = well(campaign.warden.post(f"/messages/{reply}/reveal")).json()
    assert revealed.keys() == STAFF
    assert revealed["author"] == campaign.ada.id
    entry = campaign.warden.shown("/audit", subject=reply)["items"][0]
    assert (entry["action"], entry["person_id"]) == ("message.revealed", campaign.warden.id)
    assert campaign.ben.post(f"/messages/{reply}/reveal").status_code == 403


def test_the_order_of_blind_replies_says_nothing_of_their_ranks(campaign: World) -> None:
    campaign.policy(num_required_rankings=2)
    tree_id = campaign.tree()
    first, second = campaign.answered_twice()
    campaign.cleo.rank()
    replies = campaign.person("dora").shown(f"/trees/{tree_id}")["prompt"]["replies"]
    assert [reply["id"] for reply in replies] == [first, second], "by arrival"
    campaign.person("dora").rank()
    replies = campaign.person("eve").shown(f"/trees/{tree_id}")["prompt"]["replies"]
    assert [(reply["id"], reply["rank"]) for reply in replies] == [(second, 0), (first, 1)]


def test_a_task_shows_no_ids_no_authors_and_no_votes(campaign: World) -> None:
    campaign.tree()
    campaign.answered_twice()
    task = campaign.person("dora").task("rank_assistant_replies")
    assert {name for turn in task["thread"] for name in turn} == {"handle", "role", "text", "lang"}
    assert {name for reply in task["replies"] for name in reply} == {"handle", "text"}


@pytest.mark.parametrize(
    "look",
    [
        lambda person, message, tree: person.get(f"/messages/{message}"),
        lambda person, message, tree: person.get(f"/messages/{message}/thread"),
        lambda person, message, tree: person.get(f"/messages/{message}/children"),
        lambda person, message, tree: person.get(f"/messages/{message}/tree"),
    ],
    ids=["message", "thread", "children", "tree"],
)
def test_what_was_removed_is_there_for_its_author_and_staff_only(
    small_campaign: World, look: Callable[[Someone, str, str], Any]
) -> None:
    campaign = small_campaign
    tree_id = campaign.tree()
    reply = campaign.ada.write("assistant_reply", REPLIES[0])
    well(campaign.warden.post(f"/messages/{reply}/delete"))
    assert look(campaign.ben, reply, tree_id).status_code == 404
    for person in (campaign.ada, campaign.warden, campaign.chief):
        well(look(person, reply, tree_id))


def test_lists_hide_what_was_removed_except_from_its_author_and_staff(campaign: World) -> None:
    tree_id = campaign.tree()
    reply = campaign.ada.write("assistant_reply", REPLIES[0])
    well(campaign.warden.post(f"/messages/{reply}/delete"))
    listed = [message["id"] for message in campaign.ben.shown("/messages", tree_id=tree_id)["items"]]
    assert listed == [tree_id]
    (mine,) = campaign.ada.shown("/messages", author="me")["items"]
    assert (mine["id"], mine["deleted"], mine["removed"], mine.keys()) == (reply, True, True, OWN)
    (found,) = campaign.warden.shown("/messages", deleted=True)["items"]
    assert found["id"] == reply
    assert campaign.ben.shown(f"/trees/{tree_id}")["prompt"]["replies"] == []
    assert campaign.chief.shown(f"/trees/{tree_id}")["prompt"]["replies"][0]["deleted"] is True


def test_a_tree_whose_prompt_was_removed_is_there_for_staff_only(campaign: World) -> None:
    tree_id = campaign.tree()
    well(campaign.warden.post(f"/messages/{tree_id}/delete"))
    assert campaign.ben.get(f"/trees/{tree_id}").status_code == 404
    assert campaign.ben.shown("/trees")["items"] == []
    assert campaign.warden.shown("/trees")["items"][0]["state"] == "halted_by_moderator"


def test_filters_that_would_tell_who_wrote_what_are_for_staff(campaign: World) -> None:
    for query in ({"person": campaign.ada.id}, {"deleted": True}, {"state": "growing"}):
        assert campaign.ben.get("/messages", params=query).status_code == 403
        well(campaign.warden.get("/messages", params=query))
    assert campaign.ben.get(f"/people/{campaign.ada.id}/contributions").status_code == 403
