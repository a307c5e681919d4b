"""Trees over HTTP: planting, ordering, lists, and the whole tree."""

from campaigns import World


def test_an_administrator_plants_a_tree_with_a_shape_of_its_own(campaign: World) -> None:
    shape = {"max_tree_depth": 2, "max_children_count": 1, "num_prompter_replies": 1, "goal_tree_size": 2}
    planted = campaign.chief.post("/trees", {"text": "Why?", "lang": "en", "shape": shape, "state": "growing"})
    assert planted.status_code == 201
    tree_id = planted.json()["id"]
    state = campaign.warden.shown(f"/trees/{tree_id}/state")
    assert state["shape"] == shape
    assert state["state"] == "growing"
    assert campaign.chief.shown(f"/trees/{tree_id}")["prompt"]["review_result"] is True
