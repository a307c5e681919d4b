"""Writing on the site, over HTTP and without scripts: from the dashboard to the next task, and no text is lost."""

from collections.abc import Iterator

import pytest
from httpx import Response
from sqlalchemy import select

from campaigns import NOON, REPLIES, World, well
from espalier.collect import charter
from espalier.store.tables import messages
from visits import Visitor, form_of, forms_of, visit

GERMAN = "Das ist ein langer deutscher Text, in dem ich schreibe, warum der Himmel am Tag blau und am Abend rot ist."


@pytest.fixture
def dora(small_campaign: World) -> Iterator[Visitor]:
    """Somebody at the site who has contributed nothing yet."""
    with visit(small_campaign, "dora") as visitor:
        yield visitor


def written(world: World) -> list[str]:
    with world.database.read() as db:
        return list(db.execute(select(messages.c.text).where(messages.c.parent_id.is_not(None))).scalars())


def answer(visitor: Visitor) -> str:
    """A task to answer, with its page open."""
    visitor.world.tree()
    return visitor.take("assistant_reply")


def pressed(visitor: Visitor, task: str, button: str, **values: str) -> Response:
    """The form of the task's page sent with another of its buttons."""
    fields = form_of(visitor.page, f"{task}/text").filled(**values)
    return visitor.post(f"/tasks/{task}/{button}", fields)


def token_of(visitor: Visitor) -> str:
    return dict(forms_of(visitor.get("/tasks"))[0].fields)["form_token"]


def typed(page: Response) -> str:
    """What stands in the field of the answer, as a browser reads it: without the line break after the tag."""
    fields = [dict(form.fields) for form in forms_of(page)]
    return next(each["text"] for each in fields if "text" in each).removeprefix("\n")


def in_words(page: Response) -> str:
    return " ".join(page.text.split())


def test_an_answer_is_stored_and_the_next_task_of_the_same_kind_follows(dora: Visitor) -> None:
    dora.world.tree("How do birds fly?")
    task = answer(dora)
    page = dora.send(f"{task}/text", text=REPLIES[0])
    assert page.status_code == 200
    assert written(dora.world) == [REPLIES[0]]
    assert page.url.path != f"/tasks/{task}"
    assert page.url.params["choice"] == "assistant_reply"
    assert "Answer as the assistant" in page.text


def test_a_double_click_stores_one_answer(dora: Visitor) -> None:
    task = answer(dora)
    fields = form_of(dora.page, f"{task}/text").filled(text=REPLIES[0])
    for _ in range(2):
        assert dora.post(f"/tasks/{task}/text", fields).status_code == 200
    assert written(dora.world) == [REPLIES[0]]


def test_a_blank_answer_is_refused_in_place(dora: Visitor) -> None:
    task = answer(dora)
    page = dora.send(f"{task}/text", text=" \n ")
    assert page.status_code == 422
    assert "There is nothing to submit yet" in page.text
    assert 'aria-invalid="true"' in page.text
    assert written(dora.world) == []


def test_a_text_that_is_too_long_is_kept(dora: Visitor) -> None:
    dora.world.policy(message_max_characters=50)
    task = answer(dora)
    assert "0 of 50 characters" in dora.page.text
    page = dora.send(f"{task}/text", text="x" * 51)
    assert page.status_code == 422
    assert "The text has 51 characters; at most 50 are allowed." in page.text
    assert typed(page) == "x" * 51


def test_another_language_is_a_warning_that_names_both_and_can_be_passed_by(dora: Visitor) -> None:
    task = answer(dora)
    page = dora.send(f"{task}/text", text=GERMAN)
    assert page.status_code == 422
    assert "This looks like German, but this conversation is in English" in page.text
    assert typed(page) == GERMAN
    dora.send(f"{task}/text", text=GERMAN, send_anyway="true")
    assert written(dora.world) == [GERMAN]


def test_the_same_text_twice_is_refused_and_kept(dora: Visitor) -> None:
    dora.world.tree("How do birds fly?")
    first = answer(dora)
    second = dora.send(f"{first}/text", text=REPLIES[0]).url.path.removeprefix("/tasks/")
    page = dora.send(f"{second}/text", text=REPLIES[0])
    assert page.status_code == 409
    assert typed(page) == REPLIES[0]


def test_nobody_sees_submits_or_skips_the_task_of_another(dora: Visitor) -> None:
    task = answer(dora)
    fields = form_of(dora.page, f"{task}/text").filled(text=REPLIES[0])
    with visit(dora.world, "eve") as eve:
        assert eve.get(f"/tasks/{task}").status_code == 404
        token = token_of(eve)
        refused = eve.post(f"/tasks/{task}/text", {**fields, "form_token": [token]})
        assert refused.status_code == 404
        assert REPLIES[0] in refused.text
        assert eve.post(f"/tasks/{task}/skip", {"form_token": [token]}).status_code == 404
    assert written(dora.world) == []
    assert dora.get(f"/tasks/{task}").status_code == 200


def test_an_answer_after_its_time_is_still_taken(dora: Visitor) -> None:
    task = answer(dora)
    dora.world.later(hours=2)
    assert "The time for this task is over" in dora.get(f"/tasks/{task}").text
    assert dora.send(f"{task}/text", text=REPLIES[0]).status_code == 200
    assert written(dora.world) == [REPLIES[0]]


def test_who_comes_after_the_place_is_taken_is_told_that_it_is_late(dora: Visitor) -> None:
    dora.world.tree(max_children_count=1, goal_tree_size=2)
    task = dora.take("assistant_reply")
    dora.world.later(hours=2)
    dora.world.ada.write("assistant_reply", REPLIES[0])
    page = dora.get(f"/tasks/{task}")
    page = dora.send(f"{task}/text", text=REPLIES[1])
    assert "came after the place was taken" in page.text


def test_a_text_whose_message_was_deleted_meanwhile_is_handed_back(dora: Visitor) -> None:
    tree = dora.world.tree()
    task = dora.take("assistant_reply")
    well(dora.world.warden.post(f"/messages/{tree}/delete"))
    page = dora.send(f"{task}/text", text=REPLIES[0])
    assert page.status_code == 409
    assert REPLIES[0] in page.text
    assert "Give me the next task" in page.text


def test_a_task_that_was_answered_in_another_window_hands_the_text_back(dora: Visitor) -> None:
    task = answer(dora)
    fields = form_of(dora.get(f"/tasks/{task}"), f"{task}/text").filled(text=REPLIES[1])
    dora.send(f"{task}/text", text=REPLIES[0])
    page = dora.post(f"/tasks/{task}/text", fields)
    assert page.status_code == 409
    assert REPLIES[1] in page.text
    assert written(dora.world) == [REPLIES[0]]


def test_a_text_that_is_sent_after_the_session_ended_is_handed_back(dora: Visitor) -> None:
    task = answer(dora)
    fields = form_of(dora.page, f"{task}/text").filled(text=REPLIES[0])
    dora.client.cookies.clear()
    page = dora.post(f"/tasks/{task}/text", fields)
    assert page.status_code == 401
    assert REPLIES[0] in page.text
    assert "/signin?next=" in page.text


def test_a_form_of_somebody_else_is_not_taken(dora: Visitor) -> None:
    task = answer(dora)
    fields = form_of(dora.page, f"{task}/text").filled(text=REPLIES[0], form_token="made up")
    assert dora.post(f"/tasks/{task}/text", fields).status_code == 403
    assert written(dora.world) == []


def test_a_draft_is_saved_by_its_button_and_there_after_a_reload(dora: Visitor) -> None:
    task = answer(dora)
    page = pressed(dora, task, "draft", text="\n It is, I")
    assert "Your draft is saved." in page.text
    assert typed(dora.get(f"/tasks/{task}")) == "\n It is, I"
    assert "Continue your draft from" in dora.get("/tasks").text


def test_a_script_saves_drafts_and_is_told_of_a_newer_one(dora: Visitor) -> None:
    task = answer(dora)
    fields = form_of(dora.page, f"{task}/text").filled(text="from one window")
    dora.client.headers["Accept"] = "application/json"
    assert dora.post(f"/tasks/{task}/draft", fields).json() == {"version": 1}
    newer = dora.post(f"/tasks/{task}/draft", {**fields, "text": ["from another"]})
    assert newer.status_code == 409
    assert newer.json() == {"version": 1, "text": "from one window"}
    assert dora.post(f"/tasks/{task}/draft", {**fields, "text": ["it goes on"], "version": ["1"]}).json() == {
        "version": 2
    }


def test_without_scripts_a_newer_draft_is_shown_beside_ones_own(dora: Visitor) -> None:
    task = answer(dora)
    old = form_of(dora.page, f"{task}/text")
    pressed(dora, task, "draft", text="from the phone")
    page = dora.post(f"/tasks/{task}/draft", old.filled(text="from the desk"))
    assert page.status_code == 409
    assert "from the phone" in page.text
    assert "from the desk" in page.text
    assert "Keep mine" in page.text


def test_the_preview_is_safe_and_keeps_the_text(dora: Visitor) -> None:
    task = answer(dora)
    text = "*so* <script>alert(1)</script> ![x](https://elsewhere.example/x.png) $x^2$"
    page = pressed(dora, task, "preview", text=text)
    assert typed(page) == text
    assert "<em>so</em>" in page.text
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert "<math" in page.text
    token = token_of(dora)
    piece = dora.post("/preview", {"form_token": [token], "text": [text], "lang": ["ar"]})
    assert piece.text.lstrip().startswith('<div class="words" lang="ar" dir="rtl">')


def test_skipping_asks_nothing_and_goes_on_at_once(dora: Visitor) -> None:
    dora.world.tree("How do birds fly?")
    task = answer(dora)
    page = pressed(dora, task, "skip", text="half an")
    assert page.status_code == 200
    assert page.url.path.startswith("/tasks/")
    assert page.url.path != f"/tasks/{task}"
    over = dora.get(f"/tasks/{task}")
    assert over.status_code == 409
    assert "half an" in over.text
    dora.world.later(minutes=11)
    assert "half an" not in dora.get(f"/tasks/{task}").text


def test_a_message_of_the_task_is_reported_from_its_page(dora: Visitor) -> None:
    task = answer(dora)
    page = pressed(dora, task, "reporting", text="half an")
    assert "Why is the sky blue?" in page.text
    empty = dora.send(f"{task}/report", handle="m0", reason=" ")
    assert empty.status_code == 422
    page = dora.send(f"{task}/report", handle="m0", reason="An advertisement.")
    assert "Reported." in page.text
    assert typed(page) == "half an"
    reported = dora.world.warden.call("GET", "/reports").json()["items"]
    assert [report["reason"] for report in reported[0]["reports"]] == ["An advertisement."]


def test_the_dashboard_says_what_is_needed_most_first(dora: Visitor) -> None:
    dora.world.policy(max_initial_prompt_review=0, max_active_trees=0)
    for text in ("Why is the sky blue?", "How do birds fly?"):
        dora.world.tree(text)
    dora.world.ada.write("assistant_reply", REPLIES[0])
    page = dora.get("/tasks").text
    assert page.index("Answer as the assistant") < page.index("Review a reply")
    assert "2 open" in page or "3 open" in page


def test_who_has_not_contributed_is_welcomed_once(dora: Visitor) -> None:
    task = answer(dora)
    assert "Welcome" in dora.get("/tasks").text
    dora.get(f"/tasks/{task}")
    dora.send(f"{task}/text", text=REPLIES[0])
    page = dora.get("/tasks").text
    assert "Welcome" not in page
    assert REPLIES[0] in page
    assert "in review" in page


def test_where_nothing_is_to_do_the_page_says_why_and_what_else(dora: Visitor) -> None:
    dora.world.policy(max_initial_prompt_review=0, max_active_trees=0)
    page = dora.get("/tasks")
    assert "There is nothing to do in your languages just now" in page.text
    dora.world.tree(lang="de")
    assert "German" in dora.get("/tasks").text
    dora.world.tree()
    page = dora.get("/tasks/rank")
    assert page.url.path == "/tasks/none"
    assert "There is no task of the kind “Rank replies” for you in English" in page.text
    assert "Answer as the assistant" in page.text


def test_who_asks_too_often_reads_how_long_to_wait(dora: Visitor) -> None:
    dora.world.policy(rate_tasks="1/10")
    dora.world.tree("How do birds fly?")
    task = answer(dora)
    page = dora.send(f"{task}/text", text=REPLIES[0])
    assert page.url.path == "/tasks/none"
    assert "The next task can be had in 10 minutes" in in_words(page)


def test_a_paused_campaign_says_until_when_and_takes_what_was_begun(dora: Visitor) -> None:
    task = answer(dora)
    dora.world.door.call(charter.change_charter, None, {"running": "paused", "paused_until": "2026-04-01"}, NOON)
    assert "The campaign is paused" in dora.get("/tasks").text
    assert ">Give me the next task</button>" not in dora.page.text
    dora.get(f"/tasks/{task}")
    page = dora.send(f"{task}/text", text=REPLIES[0])
    assert written(dora.world) == [REPLIES[0]]
    assert page.url.path == "/tasks/none"
    assert "It goes on on April 1, 2026." in page.text


def test_who_has_too_many_open_tasks_finds_them(dora: Visitor) -> None:
    dora.world.policy(max_pending_tasks_per_user=1)
    answer(dora)
    dora.world.tree(lang="en")
    page = dora.post("/tasks/next", {"form_token": [token_of(dora)], "kind": ["initial_prompt"]})
    assert "You have 1 open task" in page.text
    assert "Continue" in page.text


def test_a_kind_has_a_page_that_starts_or_goes_on(dora: Visitor) -> None:
    dora.world.tree()
    page = dora.get("/tasks/assistant-reply")
    assert "Start" in page.text
    page = dora.send("/tasks/next")
    task = page.url.path
    for name in ("reply", "assistant_reply"):
        assert dora.get(f"/tasks/{name}").url.path == task


def test_the_language_of_the_interface_changes_nothing_about_the_task(dora: Visitor) -> None:
    task = answer(dora)
    dora.client.headers["Accept-Language"] = "de"
    page = dora.get(f"/tasks/{task}")
    assert '<textarea id="text" name="text" lang="en" dir="ltr"' in page.text


def test_who_loads_a_refused_form_again_is_shown_the_task(dora: Visitor) -> None:
    task = answer(dora)
    dora.send(f"{task}/text", text=" ")
    assert dora.get(f"/tasks/{task}/text").url.path == f"/tasks/{task}"
    assert dora.get(f"/tasks/{task}/nonsense").status_code == 404
