"""Messages whose right labels are known, over HTTP: staff mark them, and reviewers are compared and cannot tell."""

from campaigns import REPLIES, World, well

RIGHT = {"spam": 0, "quality": 0.75}


def test_staff_mark_a_message_and_see_how_reviewers_do(campaign: World) -> None:
    campaign.tree(max_children_count=9, goal_tree_size=10)
    known = campaign.ada.write("assistant_reply", REPLIES[0])
    campaign.later(seconds=1)
    campaign.cleo.review("label_assistant_reply")
    campaign.ben.write("assistant_reply", REPLIES[1])
    made = well(campaign.warden.call("PUT", f"/gold/{known}", {"answers": RIGHT})).json()
    assert (made["message_id"], made["kind"], made["answers"]) == (known, "label_assistant_reply", RIGHT)
    campaign.policy(gold_task_share=1.0)
    dora, eve = campaign.person("dora"), campaign.person("eve")
    task = dora.task("label_assistant_reply")
    assert task["thread"][-1]["text"] == REPLIES[0]
    assert "gold" not in str(task)
    dora.submit(task, labels={"spam": 0, "lang_mismatch": 0, "quality": 1}, flags=[])
    eve.review("label_assistant_reply", spam=1, quality=0)
    assert campaign.chief.shown(f"/messages/{known}")["review_count"] == 1
    found = campaign.warden.shown("/reviewers", limit=1)
    rest = campaign.warden.shown("/reviewers", cursor=found["next"])
    assert [(each["name"], each["agreed"], each["labels"]) for each in found["items"] + rest["items"]] == [
        ("eve", 0, 2), ("dora", 2, 2),
    ]  # fmt: skip
    (listed,) = campaign.warden.shown("/gold")["items"]
    assert (listed["message"]["id"], listed["people"], listed["labels"], listed["agreed"]) == (known, 2, 4, 2)
    (mine,) = [each for each in dora.shown("/me/contributions")["items"] if each["kind"] == "reviewed"]
    assert mine["said"]["labels"]["quality"] == 1
    well(campaign.warden.call("DELETE", f"/gold/{known}"))
    assert campaign.warden.shown("/gold")["items"] == []


def test_gold_is_for_staff_and_wrong_answers_are_named(campaign: World) -> None:
    tree_id = campaign.tree()
    for method, path, body in (("PUT", f"/gold/{tree_id}", {"answers": RIGHT}), ("DELETE", f"/gold/{tree_id}", None),
                               ("GET", "/gold", None), ("GET", "/reviewers", None)):  # fmt: skip
        assert campaign.ada.call(method, path, body).status_code == 403
    refused = campaign.warden.call("PUT", f"/gold/{tree_id}", {"answers": {"spam": 0, "quality": 0.3}})
    assert (refused.status_code, refused.json()["field"]) == (422, "answers.quality")
    assert campaign.warden.call("DELETE", f"/gold/{tree_id}").status_code == 404
    assert campaign.warden.call("PUT", "/gold/nothing", {"answers": RIGHT}).status_code == 404
