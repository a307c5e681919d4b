"""Trees over HTTP: planting, ordering, lists, and the whole tree."""

from typing import Any

import pytest

from campaigns import World, well


def test_an_administrator_plants_a_tree_with_a_shape_of_its_own(campaign: World) -> None:
    shape = {"max_tree_depth": 2, "max_children_count": 1, "num_prompter_replies": 1, "goal_tree_size": 2}
    planted = campaign.chief.post("/trees", {"text": "Why?", "lang": "en", "shape": shape, "state": "growing"})
    assert planted.status_code == 201
    tree_id = planted.json()["id"]
    state = campaign.warden.shown(f"/trees/{tree_id}/state")
    assert state["shape"] == shape
    assert state["state"] == "growing"
    assert campaign.chief.shown(f"/trees/{tree_id}")["prompt"]["review_result"] is True


def test_a_planted_tree_follows_the_policy_where_no_shape_is_given(campaign: World) -> None:
    planted = well(campaign.chief.post("/trees", {"text": "Why?", "lang": "en"})).json()
    assert planted["state"] == "initial_prompt_review"
    shape = campaign.warden.shown(f"/trees/{planted['id']}/state")["shape"]
    assert (shape["max_tree_depth"], shape["goal_tree_size"]) == (3, 12)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"text": "   "}, "text"),
        ({"lang": "klingon!"}, "lang"),
        ({"state": "ranking"}, "state"),
        ({"state": "asleep"}, "state"),
        ({"shape": {"max_tree_depth": 1, "max_children_count": 1, "num_prompter_replies": 1, "goal_tree_size": 9}},
         "goal_tree_size"),
        ({"colour": "blue"}, "colour"),
    ],
)  # fmt: skip
def test_a_tree_that_cannot_be_is_not_planted(small_campaign: World, wrong: dict[str, Any], field: str) -> None:
    refused = small_campaign.chief.post("/trees", {"text": "Why?", "lang": "en"} | wrong)
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert small_campaign.warden.shown("/trees")["items"] == []


def test_only_administrators_plant_and_draw_and_only_staff_orders(campaign: World) -> None:
    waiting = campaign.tree(state="prompt_lottery_waiting")
    assert campaign.warden.post("/trees", {"text": "Why?", "lang": "en"}).status_code == 403
    campaign.policy(max_active_trees=0)
    other = campaign.tree("Who was Ada Lovelace?", state="prompt_lottery_waiting")
    assert campaign.warden.post(f"/trees/{other}/orders", {"command": "draw"}).status_code == 403
    assert campaign.ada.post(f"/trees/{waiting}/orders", {"command": "halt"}).status_code == 403
    drawn = well(campaign.chief.post(f"/trees/{other}/orders", {"command": "draw"})).json()
    assert drawn == {"id": other, "state": "growing"}


def test_a_halted_tree_offers_no_work_until_it_is_resumed(campaign: World) -> None:
    tree_id = campaign.tree()
    well(campaign.warden.post(f"/trees/{tree_id}/orders", {"command": "halt", "reason": "To be looked at."}))
    assert campaign.ada.next("assistant_reply") is None
    impossible = campaign.warden.post(f"/trees/{tree_id}/orders", {"command": "activate"})
    assert (impossible.status_code, impossible.json()["type"]) == (409, "urn:espalier:problem:wrong-state")
    resumed = well(campaign.warden.post(f"/trees/{tree_id}/orders", {"command": "resume"})).json()
    assert resumed["state"] == "growing"
    assert campaign.ada.next("assistant_reply") is not None


def test_many_trees_are_ordered_at_once_and_those_that_cannot_are_named(campaign: World) -> None:
    first, second = campaign.tree("One?"), campaign.tree("Two?")
    well(campaign.warden.post(f"/trees/{second}/orders", {"command": "halt"}))
    outcome = well(campaign.chief.post("/trees/orders", {"ids": [first, second, "none"], "command": "halt"})).json()
    assert outcome["done"] == [{"id": first, "state": "halted_by_moderator"}]
    assert {refused["id"] for refused in outcome["refused"]} == {second, "none"}
    assert campaign.warden.post("/trees/orders", {"ids": [first], "command": "resume"}).status_code == 403


def test_trees_are_listed_by_state_and_language_page_by_page(campaign: World) -> None:
    english = [campaign.tree(f"Number {number}?") for number in range(3)]
    german = campaign.tree("Warum?", lang="de")
    well(campaign.warden.post(f"/trees/{english[0]}/orders", {"command": "halt"}))

    def found(**query: Any) -> list[str]:
        return [tree["id"] for tree in campaign.ada.shown("/trees", **query)["items"]]

    assert found() == [german, *english[::-1]]
    assert found(lang="de") == [german]
    assert found(state="growing", lang="en") == [english[2], english[1]]
    assert found(state="halted_by_moderator") == [english[0]]
    first = campaign.ada.shown("/trees", lang="en", limit=2)
    rest = campaign.ada.shown("/trees", lang="en", limit=2, cursor=first["next"])
    assert [tree["id"] for tree in first["items"] + rest["items"]] == english[::-1]
    assert rest["next"] is None
    assert first["items"][0]["prompt"] == "Number 2?"


def test_the_state_of_a_tree_is_counted_for_staff(campaign: World) -> None:
    tree_id, _, _ = campaign.ranked_tree()
    state = campaign.warden.shown(f"/trees/{tree_id}/state")
    assert (state["state"], state["messages"], state["accepted"]) == ("ready_for_export", 3, 3)
    assert campaign.ada.get(f"/trees/{tree_id}/state").status_code == 403


def test_a_finished_tree_is_open_to_all_with_its_ranks(campaign: World) -> None:
    tree_id, first, second = campaign.ranked_tree()
    tree = campaign.person("dora").shown(f"/trees/{tree_id}")
    assert tree["state"] == "ready_for_export"
    replies = tree["prompt"]["replies"]
    assert [(reply["id"], reply["rank"], reply["author"]) for reply in replies] == [
        (second, 0, campaign.ben.id), (first, 1, campaign.ada.id),
    ]  # fmt: skip
    assert replies[0]["labels"]["quality"] == {"value": 0.75, "count": 1}


def test_a_deep_tree_is_shown_whole(small_campaign: World) -> None:
    campaign = small_campaign
    tree_id = campaign.tree(max_tree_depth=12, max_children_count=1, goal_tree_size=13)
    for depth in range(12):
        kind = "prompter_reply" if depth % 2 else "assistant_reply"
        campaign.ada.write(kind, f"This is what is said at depth {depth}.")
        campaign.ben.review(f"label_{kind}")
        campaign.later(minutes=1)
    node, depth = campaign.chief.shown(f"/trees/{tree_id}")["prompt"], 0
    while node["replies"]:
        (node,), depth = node["replies"], depth + 1
    assert depth == 12
