"""Tasks over HTTP: what is handed out to whom, what is refused and how, and that nothing typed is lost."""

import json
from random import Random
from typing import Any

import pytest
from httpx import Response

from campaigns import CLEAN, NOON, REPLIES, World, well
from espalier.collect.repair import repair


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:espalier:problem:")


def test_a_new_campaign_asks_for_prompts_alone(campaign: World) -> None:
    there = campaign.ada.shown("/tasks/availability", lang=["en", "de"])
    assert there["en"] == there["de"]
    assert {kind: count for kind, count in there["en"].items() if count} == {"initial_prompt": 110, "random": 110}
    assert campaign.ada.next("assistant_reply") is None
    assert campaign.ada.next("rank_assistant_replies") is None
    task = campaign.ada.task("random")
    assert (task["kind"], task["max_characters"]) == ("initial_prompt", 10_000)


def test_nobody_is_offered_their_own_prompt_to_review(campaign: World) -> None:
    campaign.ada.write("initial_prompt", "Why is the sky blue?")
    mine = campaign.ada.shown("/tasks/availability", lang="en")["en"]
    theirs = campaign.ben.shown("/tasks/availability", lang="en")["en"]
    assert (mine["label_initial_prompt"], mine["random"]) == (0, 109)
    assert (theirs["label_initial_prompt"], theirs["random"]) == (1, 110)
    assert campaign.ada.next("label_initial_prompt") is None
    assert campaign.ben.next("label_initial_prompt") is not None


def test_asking_again_gives_the_open_task_and_it_is_listed(campaign: World) -> None:
    campaign.tree()
    first = campaign.ada.task("assistant_reply")
    assert campaign.ada.next("assistant_reply") == first
    assert campaign.ada.next("random") == first
    assert campaign.ada.shown("/tasks/mine")["items"] == [first]


def test_a_language_is_the_same_however_its_tag_is_spelled(campaign: World) -> None:
    tree_id = campaign.tree(lang="ZH-cn")
    assert campaign.chief.shown("/trees", lang="zh-CN") == campaign.chief.shown("/trees", lang="zh-cn")
    assert campaign.chief.shown(f"/trees/{tree_id}")["lang"] == "zh-CN"
    assert campaign.ada.shown("/tasks/availability", lang=["zh-cn", "zh-CN"])["zh-CN"]["assistant_reply"] == 1
    task = campaign.ada.task("assistant_reply", "Zh-Cn")
    assert task["lang"] == "zh-CN"
    assert campaign.ada.task("assistant_reply", "zh-CN") == task


def test_a_ninth_open_task_is_refused_and_what_is_done_counts_no_more(campaign: World) -> None:
    for number in range(9):
        campaign.tree(f"Question {number}?", lang=f"en-{'ABCDEFGHI'[number]}{'ABCDEFGHI'[number]}")
    langs = [tree["lang"] for tree in campaign.chief.shown("/trees")["items"]]
    tasks = [campaign.ada.task("assistant_reply", lang) for lang in langs[:8]]
    refused = campaign.ada.post("/tasks/next", {"kind": "assistant_reply", "langs": [langs[8]]})
    assert problem(refused) == (429, "too-many-open-tasks")
    well(campaign.ada.post(f"/tasks/{tasks[0]['id']}/skip", {"reason": "not_my_subject"}))
    assert campaign.ada.next("assistant_reply", langs[8]) is not None


def test_a_skipped_parent_is_offered_to_others_only(campaign: World) -> None:
    tree_id = campaign.tree(max_children_count=1, goal_tree_size=2)
    task = campaign.ada.task("assistant_reply")
    assert campaign.ben.post(f"/tasks/{task['id']}/skip", {"reason": "unclear"}).status_code == 404
    assert problem(campaign.ada.post(f"/tasks/{task['id']}/skip", {"reason": "bored"})) == (422, "invalid")
    well(campaign.ada.post(f"/tasks/{task['id']}/skip", {"reason": "unclear"}))
    assert campaign.ada.next("assistant_reply") is None
    assert campaign.ben.next("assistant_reply") is not None
    assert campaign.chief.shown(f"/messages/{tree_id}")["emojis"] == {"_skip_reply": 1}
    assert problem(campaign.ada.post(f"/tasks/{task['id']}/skip", {"reason": "unclear"})) == (409, "already-answered")


def test_a_retry_gets_the_first_receipt_and_changes_nothing(campaign: World) -> None:
    tree_id = campaign.tree()
    task = campaign.ada.task("assistant_reply")
    sent = {"id": "mine-1", "text": REPLIES[0]}
    first = well(campaign.ada.post(f"/tasks/{task['id']}/submit", sent)).json()
    assert well(campaign.ada.post(f"/tasks/{task['id']}/submit", sent)).json() == first
    assert campaign.warden.shown(f"/trees/{tree_id}/state")["messages"] == 2
    other = campaign.ada.post(f"/tasks/{task['id']}/submit", {"id": "mine-1", "text": REPLIES[1]})
    assert problem(other) == (409, "id-reused")
    second = campaign.ada.post(f"/tasks/{task['id']}/submit", {"id": "mine-2", "text": REPLIES[1]})
    assert problem(second) == (409, "already-answered")
    assert second.json()["text"] == REPLIES[1]


def test_a_task_belongs_to_its_holder(campaign: World) -> None:
    campaign.tree()
    task = campaign.ada.task("assistant_reply")
    stolen = campaign.ben.post(f"/tasks/{task['id']}/submit", {"id": "x", "text": REPLIES[0]})
    assert problem(stolen) == (404, "not-found")
    assert problem(campaign.ada.post("/tasks/none/submit", {"id": "x", "text": REPLIES[0]})) == (404, "not-found")


@pytest.mark.parametrize(
    ("text", "slug"),
    [("", "invalid"), (" \n\t ", "invalid"), ("x" * 10_001, "too-long"), ("a\0b", "invalid"), ("a\ud800b", "invalid")],
    ids=["empty", "blank", "too long", "NUL", "half a pair"],
)
def test_a_text_that_cannot_be_taken_is_handed_back(small_campaign: World, text: str, slug: str) -> None:
    small_campaign.tree()
    task = small_campaign.ada.task("assistant_reply")
    refused = small_campaign.ada.call(
        "POST", f"/tasks/{task['id']}/submit", content=json.dumps({"id": "mine", "text": text}).encode(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert problem(refused) == (422, slug)
    assert (refused.json()["field"], refused.json()["text"]) == ("text", text)
    small_campaign.ada.submit(task, text=REPLIES[0])


def test_the_longest_text_is_taken_and_blanks_around_it_go(campaign: World) -> None:
    campaign.policy(message_max_characters=50)
    campaign.tree("Why?")
    long = "It is because of the way in which light scatters.."
    assert len(long) == 50
    message = campaign.ada.write("assistant_reply", f"  {long}\n")
    assert campaign.ada.shown(f"/messages/{message}")["text"] == long


def test_the_same_text_twice_is_refused_for_a_while(campaign: World) -> None:
    for number in range(3):
        campaign.tree(f"Question {number}?", max_children_count=1, goal_tree_size=2)
    campaign.ada.write("assistant_reply", REPLIES[0])
    task = campaign.ada.task("assistant_reply")
    refused = campaign.ada.post(f"/tasks/{task['id']}/submit", {"id": "again", "text": REPLIES[0]})
    assert problem(refused) == (409, "duplicate-text")
    assert refused.json()["text"] == REPLIES[0]
    campaign.ben.write("assistant_reply", REPLIES[0])
    campaign.later(minutes=121)
    campaign.ada.submit(campaign.ada.task("assistant_reply"), text=REPLIES[0])


def test_a_text_that_is_known_no_more_is_named_by_the_doctor_and_known_again(small_campaign: World) -> None:
    small_campaign.ada.write("initial_prompt", "Why is the sky blue?")
    shop = small_campaign.http.app.state.campaign
    with shop.database.writer.begin() as db:
        db.exec_driver_sql("DELETE FROM texts_sent")
        db.exec_driver_sql("DELETE FROM receipts")
    found = repair(shop.door.call, shop.database.read, NOON, Random(1))
    assert [each.says for each in found] == [
        f"the text sent at {NOON:%Y-%m-%d %H:%M:%S} is not known, and could be sent again",
        f"there is no receipt of what was sent at {NOON:%Y-%m-%d %H:%M:%S}",
    ]
    task = small_campaign.ada.task("initial_prompt")
    again = small_campaign.ada.post(f"/tasks/{task['id']}/submit", {"id": "again", "text": "Why is the sky blue?"})
    assert problem(again) == (409, "duplicate-text")


def test_another_language_is_a_warning_that_can_be_overridden(campaign: World) -> None:
    campaign.tree()
    task = campaign.ada.task("assistant_reply")
    text = "Почему небо голубое? Потому что воздух рассеивает синий свет сильнее красного."
    warned = campaign.ada.post(f"/tasks/{task['id']}/submit", {"id": "one", "text": text})
    assert problem(warned) == (422, "wrong-language")
    assert (warned.json()["field"], warned.json()["text"]) == ("confirm_language", text)
    campaign.ada.submit(task, text=text, confirm_language=True)


@pytest.mark.parametrize(
    "answer",
    [
        {"labels": {"quality": 0.75, "lang_mismatch": 0}},
        {"labels": {**CLEAN, "spam": 1.5}},
        {"labels": {**CLEAN, "spam": None}},
        {"labels": {**CLEAN, "beauty": 1}},
        {"labels": {**CLEAN, "political_content": 1}},
        {"labels": {**CLEAN, "quality": 0.6}},
        {"labels": dict(CLEAN), "flags": ["spam"]},
        {"text": "Fine."},
        {"order": [["r0"]]},
        {"labels": dict(CLEAN), "text": "Fine."},
        {},
    ],
    ids=[
        "no spam", "out of range", "spam unjudged", "unknown", "not asked", "no step of the scale", "no flag", "a text",
        "an order", "two answers", "no answer",
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_the_task_are_refused(small_campaign: World, answer: dict[str, Any]) -> None:
    campaign = small_campaign
    campaign.tree()
    campaign.ada.write("assistant_reply", REPLIES[0])
    task = campaign.ben.task("label_assistant_reply")
    refused = campaign.ben.post(f"/tasks/{task['id']}/submit", {"id": "mine", **answer})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    campaign.ben.submit(task, labels=dict(CLEAN), flags=[])


@pytest.mark.parametrize(
    "order",
    [[["r0"]], [["r0"], ["r0"]], [["r1"], ["r2"]], [["r0"], ["r1"], ["r2"]], []],
    ids=["one missing", "twice the same", "unknown", "one too many", "nothing"],
)
def test_an_order_of_other_replies_than_the_task_shows_is_refused(
    small_campaign: World, order: list[list[str]]
) -> None:
    campaign = small_campaign
    campaign.tree()
    campaign.answered_twice()
    task = campaign.cleo.task("rank_assistant_replies")
    refused = campaign.cleo.post(f"/tasks/{task['id']}/submit", {"id": "mine", "order": order})
    assert problem(refused) == (422, "wrong-answer")
    campaign.cleo.submit(task, order=[["r1", "r0"]])


def test_too_many_tasks_in_a_short_time_are_refused_with_the_time_to_wait(campaign: World) -> None:
    campaign.policy(rate_assistant_replies="2/2")
    for number in range(4):
        campaign.tree(f"Question {number}?", max_children_count=1, goal_tree_size=2)
    for number in range(2):
        campaign.ada.write("assistant_reply", f"{REPLIES[number]}")
    refused = campaign.ada.post("/tasks/next", {"kind": "assistant_reply", "langs": ["en"]})
    assert problem(refused) == (429, "rate-limited")
    assert refused.json()["field"] == "kind"
    assert refused.json()["detail"].startswith("At most 2 tasks of this kind in 2 minutes; ")
    wait = refused.json()["retry_after_s"]
    assert (refused.headers["retry-after"], 1 <= wait <= 121) == (str(wait), True)
    campaign.later(seconds=wait)
    assert campaign.ada.next("assistant_reply") is not None


def test_a_reply_of_somebody_who_wrote_for_an_hour_is_taken(campaign: World) -> None:
    campaign.tree(max_children_count=1, goal_tree_size=2)
    task = campaign.ada.task("assistant_reply")
    assert campaign.ben.next("assistant_reply") is None, "the place is held"
    campaign.later(minutes=31)
    theirs = campaign.ben.task("assistant_reply")
    receipt = campaign.ada.submit(task, text=REPLIES[0])
    assert receipt["late"] is True, "ben holds the place now"
    assert campaign.ben.submit(theirs, text=REPLIES[1])["late"] is False
    mine = campaign.ada.shown(f"/messages/{receipt['message_id']}")
    assert (mine["late"], mine["review_result"]) == (True, None)


def test_a_task_of_a_halted_tree_is_stale_and_the_text_is_handed_back(campaign: World) -> None:
    tree_id = campaign.tree()
    task = campaign.ada.task("assistant_reply")
    well(campaign.warden.post(f"/trees/{tree_id}/orders", {"command": "halt"}))
    refused = campaign.ada.post(f"/tasks/{task['id']}/submit", {"id": "mine", "text": REPLIES[0]})
    assert problem(refused) == (409, "stale")
    assert (refused.json()["field"], refused.json()["text"]) == ("task_id", REPLIES[0])


def test_what_was_sent_is_taken_back_within_a_minute_and_not_later(campaign: World) -> None:
    campaign.tree()
    receipt = campaign.ada.submit(campaign.ada.task("assistant_reply"), text=REPLIES[0])
    assert receipt["undo_until"] > NOON.isoformat()
    assert campaign.ben.post(f"/contributions/{receipt['id']}/withdraw").status_code == 404
    well(campaign.ada.post(f"/contributions/{receipt['id']}/withdraw"))
    assert campaign.chief.get(f"/messages/{receipt['message_id']}").status_code == 404
    second = campaign.ada.submit(campaign.ada.task("assistant_reply"), text=REPLIES[0])
    campaign.later(seconds=61)
    assert problem(campaign.ada.post(f"/contributions/{second['id']}/withdraw")) == (409, "built-on")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"kind": "dance", "langs": ["en"]}, "kind"),
        ({"kind": "random", "langs": []}, "langs"),
        ({"kind": "random", "langs": ["no language"]}, "langs"),
        ({"kind": "random"}, "langs"),
        ({"kind": "random", "langs": ["en"], "colour": "blue"}, "colour"),
    ],
)
def test_a_wrong_request_for_a_task_names_its_field(small_campaign: World, form: dict[str, Any], field: str) -> None:
    refused = small_campaign.ada.post("/tasks/next", form)
    assert refused.status_code == 422
    assert refused.json()["field"].split(".")[0] == field


def test_a_tree_grows_from_a_prompt_to_its_end_over_http(campaign: World) -> None:
    campaign.policy(max_tree_depth=1, max_children_count=2, goal_tree_size=3, min_goal_tree_size=3)
    tree_id = campaign.person("dora").write("initial_prompt", "Why is the sky blue?")
    campaign.ben.review("label_initial_prompt")
    campaign.answered_twice()
    campaign.cleo.rank()
    assert campaign.ada.shown(f"/trees/{tree_id}")["state"] == "ready_for_export"


def test_one_free_place_is_given_to_one_of_many_who_ask_at_once(campaign: World) -> None:
    campaign.tree(max_children_count=1, goal_tree_size=2)
    people = [campaign.person(f"writer-{number}") for number in range(6)]
    form = {"kind": "assistant_reply", "langs": ["en"]}
    answers = campaign.http.at_once([(person, "/tasks/next", form) for person in people])
    assert sorted(answer.status_code for answer in answers) == [200, 204, 204, 204, 204, 204]


def test_labels_that_arrive_at_once_are_all_kept(campaign: World) -> None:
    campaign.policy(num_reviews_reply=6)
    campaign.tree()
    reply = campaign.ada.write("assistant_reply", REPLIES[0])
    people = [campaign.person(f"reviewer-{number}") for number in range(6)]
    tasks = [person.task("label_assistant_reply") for person in people]
    answers = campaign.http.at_once(
        [
            (person, f"/tasks/{task['id']}/submit", {"id": "mine", "labels": dict(CLEAN), "flags": []})
            for person, task in zip(people, tasks, strict=True)
        ]
    )
    assert [answer.status_code for answer in answers] == [200] * 6
    message = campaign.chief.shown(f"/messages/{reply}")
    assert (message["review_count"], message["labels"]["spam"]) == (6, {"value": 0, "count": 6})
    assert message["review_result"] is True


def test_a_retry_that_overtakes_its_first_try_makes_no_second_message(campaign: World) -> None:
    tree_id = campaign.tree()
    task = campaign.ada.task("assistant_reply")
    sent = {"id": "mine", "text": REPLIES[0]}
    answers = campaign.http.at_once([(campaign.ada, f"/tasks/{task['id']}/submit", sent)] * 5)
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.text for answer in answers}) == 1
    assert campaign.warden.shown(f"/trees/{tree_id}/state")["messages"] == 2


def test_no_more_trees_are_drawn_at_once_than_may_grow(campaign: World) -> None:
    campaign.policy(max_active_trees=0)
    for number in range(3):
        campaign.tree(f"Question {number}?", state="prompt_lottery_waiting")
    campaign.policy(max_active_trees=1)
    people = [campaign.person(f"asker-{number}") for number in range(6)]
    campaign.http.at_once([(person, "/tasks/next", {"langs": ["en"]}) for person in people])
    campaign.work()
    assert len(campaign.chief.shown("/trees", state="growing")["items"]) == 1
