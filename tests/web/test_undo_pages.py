"""Taking back on the site, over HTTP and without scripts: the line at the head of the next task."""

from collections.abc import Iterator

import pytest

from campaigns import REPLIES, World
from visits import Visitor, form_of, forms_of, visit


@pytest.fixture
def dora(small_campaign: World) -> Iterator[Visitor]:
    with visit(small_campaign, "dora") as visitor:
        yield visitor


def answered(visitor: Visitor) -> str:
    """A task that was answered just now, with the next page open."""
    visitor.world.tree()
    visitor.world.tree("How do birds fly?")
    task = visitor.take("assistant_reply")
    visitor.send(f"{task}/text", text=REPLIES[0])
    return task


def skipped(visitor: Visitor, typed: str = "") -> str:
    visitor.world.tree()
    visitor.world.tree("How do birds fly?")
    task = visitor.take("assistant_reply")
    fields = form_of(visitor.page, f"{task}/text").filled(text=typed)
    visitor.post(f"/tasks/{task}/skip", fields)
    return task


def typed(visitor: Visitor) -> str:
    return next(dict(form.fields)["text"] for form in forms_of(visitor.page) if form.action.endswith("/text")).strip()


def test_an_answer_comes_back_as_it_was_sent_from_the_line_on_the_next_task(dora: Visitor) -> None:
    task = answered(dora)
    assert "Submitted." in dora.page.text
    assert "Undo, 1:00" in dora.page.text
    page = dora.send(f"{task}/undo")
    assert (page.url.path, page.url.params["choice"]) == (f"/tasks/{task}", "assistant_reply")
    assert typed(dora) == REPLIES[0]
    dora.send(f"{task}/text", text=REPLIES[1])
    assert "Submitted." in dora.page.text


def test_the_line_survives_a_reload_and_another_browser_and_goes_with_its_time(dora: Visitor) -> None:
    task = answered(dora)
    dora.world.later(seconds=8)
    for address in (str(dora.page.url), "/tasks"):
        assert "Undo, 0:52" in dora.get(address).text
    dora.world.later(seconds=53)
    assert f"{task}/undo" not in dora.get("/tasks").text


def test_who_is_too_late_is_told_so(dora: Visitor) -> None:
    task = answered(dora)
    dora.world.later(seconds=61)
    page = dora.send(f"{task}/undo")
    assert "The time for taking it back is over" in page.text


def test_a_skip_is_taken_back_with_what_was_typed(dora: Visitor) -> None:
    task = skipped(dora, "Half a sentence")
    assert "Skipped." in dora.page.text
    dora.world.later(minutes=9)
    dora.get("/tasks")
    page = dora.send(f"{task}/unskip")
    assert page.url.path == f"/tasks/{task}"
    assert typed(dora) == "Half a sentence"


def test_why_is_said_with_one_click_and_not_asked_again(dora: Visitor) -> None:
    task = skipped(dora)
    form = form_of(dora.page, f"{task}/reason")
    assert [value for name, value in form.offered if name == "reason"] == [
        "finished", "not_my_subject", "cannot_judge", "offensive", "broken",
    ]  # fmt: skip
    before = dora.page.url.path
    page = dora.send(f"{task}/reason", reason="finished")
    assert page.url.path == before
    assert "Skipped: conversation is finished." in page.text
    assert f"{task}/reason" not in page.text


def test_a_script_gets_the_line_alone(dora: Visitor) -> None:
    task = skipped(dora)
    form = form_of(dora.page, f"{task}/reason").filled(reason="broken")
    sent = dora.client.post(f"/tasks/{task}/reason", data=form, headers={"HX-Request": "true"})
    page = dora.world.http.portal.call(lambda: sent)
    assert page.status_code == 200
    assert "Skipped: broken." in page.text
    assert "<html" not in page.text


def test_who_is_at_work_on_what_was_taken_back_reads_so_and_gets_the_next(dora: Visitor) -> None:
    world = dora.world
    world.tree()
    reply = world.ada.submit(world.ada.task("assistant_reply"), text=REPLIES[0])
    task = dora.take("label_assistant_reply")
    world.ada.post(f"/contributions/{reply['id']}/withdraw")
    page = dora.get(f"/tasks/{task}")
    assert page.status_code == 409
    assert "The author took this back" in page.text
    assert "Give me the next task" in page.text
