"""While the server is being worked on everybody reads so, and nothing that was typed is lost; offline neither."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import API, REPLIES, World
from espalier.web import files, maintenance
from espalier.web.maintenance import Works
from visits import Visitor, form_of, visit


@pytest.fixture
def ada(small_campaign: World) -> Iterator[Visitor]:
    with visit(small_campaign, "ada") as visitor:
        yield visitor


def folder(world: World) -> Path:
    found: Path = world.http.app.state.campaign.data_dir
    return found


def close(world: World, minutes: int | None = 30, reason: str = "") -> None:
    maintenance.begin(folder(world), Works(world.now + timedelta(minutes=minutes) if minutes else None, reason))


@pytest.mark.parametrize("path", ["/", "/tasks", "/signin", "/admin", "/nowhere"])
def test_every_page_says_when_it_goes_on_and_why(ada: Visitor, path: str) -> None:
    close(ada.world, reason="A larger disk.")
    page = ada.get(path)
    assert (page.status_code, page.headers["retry-after"]) == (503, "1800")
    assert "The server is being worked on" in page.text
    assert "12:30" in page.text
    assert "A larger disk." in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    maintenance.end(folder(ada.world))
    assert ada.get("/tasks").status_code == 200


def test_programs_get_a_problem_with_the_time_to_wait_and_operators_an_answer(small_campaign: World) -> None:
    close(small_campaign, minutes=None)
    refused = small_campaign.ada.get("/tasks/mine")
    assert refused.status_code == 503
    assert refused.json()["type"].endswith(":maintenance")
    assert refused.json()["retry_after_s"] == int(refused.headers["retry-after"]) > 0
    assert small_campaign.http.get("/healthz").status_code == 200
    assert "The server is being worked on." in small_campaign.http.get("/readyz").json()["faults"]
    assert small_campaign.http.get(f"{API}/campaign").status_code == 503


def test_a_form_that_is_sent_meanwhile_is_handed_back_and_taken_when_it_is_sent_again(ada: Visitor) -> None:
    ada.world.tree()
    task = ada.take("assistant_reply")
    close(ada.world)
    page = ada.send(f"{task}/text", text=f"\n{REPLIES[0]}")
    assert page.status_code == 503
    assert form_of(page, f"{task}/text").filled()["text"][0].strip() == REPLIES[0]
    maintenance.end(folder(ada.world))
    assert ada.send(f"{task}/text").url.path == "/tasks/none"
    assert REPLIES[0] in ada.get("/me/contributions").text


def test_what_opens_an_account_is_not_handed_back(ada: Visitor) -> None:
    page = ada.get("/signin/again?next=/me")
    close(ada.world)
    token = form_of(page, "/signin/token").filled()["form_token"]
    assert "esp_secret" not in ada.post("/signin/token", {"form_token": token, "token": ["esp_secret"]}).text


def test_it_is_in_the_language_and_the_look_that_the_account_has_chosen(ada: Visitor) -> None:
    form = form_of(ada.get("/me"), "/me")
    ada.post("/me", form.filled(interface="de", theme="dark", name="Ada", langs="en"))
    ada.get("/tasks")
    close(ada.world)
    page = ada.get("/tasks")
    assert '<html lang="de" dir="ltr" data-theme="dark">' in page.text
    assert page.headers["content-language"] == "de"
    assert '<html lang="de" dir="ltr" data-theme="dark">' in ada.get("/offline").text


@pytest.mark.parametrize("content", ["", "{", "[]", '{"until": "soon", "reason": ""}'])
def test_a_file_that_nobody_can_read_still_says_that_something_is_being_done(tmp_path: Path, content: str) -> None:
    (tmp_path / maintenance.FILE).write_text(content)
    assert maintenance.works_in(tmp_path) == Works(None, "")


def test_the_page_without_a_connection_says_nothing_of_anybody_and_has_a_worker_that_keeps_it(ada: Visitor) -> None:
    page = ada.get("/offline")
    assert page.status_code == 200
    assert "form_token" not in page.text
    assert "No connection" in page.text
    worker = ada.get(files.worker_address("en", "system"))
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"
    addresses = {files.worker_address(lang, theme) for lang in ("en", "de") for theme in ("system", "dark")}
    assert len(addresses) == 4
    assert files.worker_address("en", "system").replace("&", "&amp;") in ada.get("/tasks").text
