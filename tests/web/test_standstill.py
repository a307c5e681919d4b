"""What each state of a campaign does to pages and to programs: preparing, paused, closed."""

import re

import pytest

from campaigns import API, REPLIES, World, well
from espalier.collect import charter
from espalier.domain.charter import Running
from visits import Visitor, form_of, visit

READING = ("/trees", "/leaderboard", "/stats")


def switch(world: World, running: Running, **more: object) -> None:
    world.door.call(charter.change_charter, None, {"running": str(running), **more}, world.now)


def begun(ada: Visitor) -> str:
    """The task of a reply that somebody has begun to write."""
    ada.world.tree()
    task = ada.take("assistant_reply")
    save(ada, task, REPLIES[0])
    return task


def save(ada: Visitor, task: str, text: str) -> None:
    ada.post(f"/tasks/{task}/draft", form_of(ada.page, f"{task}/text").filled(text=text))


@pytest.mark.parametrize("visibility", ["open", "members"])
def test_while_it_is_prepared_staff_alone_read_and_volunteers_see_that_it_has_not_begun(
    small_campaign: World, visibility: str
) -> None:
    tree, staff = small_campaign.tree(), small_campaign.warden.name
    switch(small_campaign, Running.PREPARING, visibility=visibility)
    for path in (*READING, f"/trees/{tree}"):
        with visit(small_campaign, "ada") as ada:
            assert ada.get(path).status_code in (403, 404), path
        assert small_campaign.http.get(path).status_code == 303, path
        with visit(small_campaign, staff) as warden:
            assert warden.get(path).status_code == 200, path
    assert small_campaign.ada.get("/messages").status_code == 403
    assert small_campaign.http.get(f"{API}/messages").status_code == 401
    with visit(small_campaign, "ada") as ada:
        assert "has not begun" in ada.get("/tasks").text
        assert ada.get("/guidelines").status_code == ada.get("/me").status_code == 200
    front = small_campaign.http.get("/")
    assert "This campaign is being prepared." in front.text
    assert "Take part" not in front.text


def test_while_it_is_prepared_new_people_come_by_invitation(small_campaign: World) -> None:
    switch(small_campaign, Running.PREPARING)
    with small_campaign.database.read() as db:
        doors = small_campaign.http.app.state.campaign.entrance.doors(db)
    assert not doors.admits("ada@example.org", invited=False)
    assert doors.admits("ada@example.org", invited=True)


@pytest.mark.parametrize("running", [Running.PREPARING, Running.PAUSED, Running.CLOSED])
def test_where_nothing_is_handed_out_nothing_is_counted_as_work(small_campaign: World, running: Running) -> None:
    small_campaign.tree()
    switch(small_campaign, running)
    counts = small_campaign.ada.shown("/tasks/availability", lang="en")
    assert set(counts["en"].values()) == {0}
    with visit(small_campaign, "ada") as ada:
        assert ada.get("/tasks/reply").url.path == "/tasks/none"


def test_a_pause_is_said_on_an_open_task_which_can_still_be_saved_and_sent(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        task = begun(ada)
        switch(small_campaign, Running.PAUSED, paused_until="2026-04-01")
        page = ada.get(f"/tasks/{task}")
        assert "It goes on on April 1, 2026." in page.text
        save(ada, task, REPLIES[1])
        assert form_of(ada.get(f"/tasks/{task}"), "/text").filled()["text"] == [REPLIES[1]]
        small_campaign.later(days=20)
        assert ada.send(f"/tasks/{task}/text", text=REPLIES[1]).url.path == "/tasks/none"


def test_once_it_is_closed_an_open_task_says_so_and_hands_the_draft_back(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        task = begun(ada)
        switch(small_campaign, Running.CLOSED, release="https://example.org/data")
        page = ada.get(f"/tasks/{task}")
        assert page.status_code == 409
        assert REPLIES[0] in page.text
        assert "https://example.org/data" in page.text
        assert "Give me the next task" not in page.text
        offered = ada.get("/tasks").text
        assert re.search(rf'href="/tasks/{task}">What you had written</a>', offered)
        assert "Continue your" not in offered, "it takes nothing more"


def test_once_it_is_closed_people_read_download_withdraw_and_report_but_nothing_is_added(
    small_campaign: World,
) -> None:
    tree = small_campaign.tree()
    mine = small_campaign.ada.write("assistant_reply", REPLIES[0])
    other = small_campaign.warden.write("assistant_reply", REPLIES[1])
    small_campaign.tree("How do birds fly?")
    skipped = small_campaign.ben.task("assistant_reply")
    well(small_campaign.ben.post(f"/tasks/{skipped['id']}/skip", {}))
    switch(small_campaign, Running.CLOSED)
    with visit(small_campaign, "ada") as ada:
        for path in (*READING, f"/trees/{tree}", f"/messages/{mine}", "/me/data/espalier.json"):
            assert ada.get(path).status_code == 200, path
        assert "Reactions" not in ada.get(f"/messages/{mine}").text
    for answer in (
        small_campaign.cleo.call("PUT", f"/messages/{mine}/reactions/+1"),
        small_campaign.ben.post(f"/tasks/{skipped['id']}/unskip"),
    ):
        assert answer.json()["type"].rpartition(":")[2] == "closed"
    with visit(small_campaign, "ben") as ben:
        assert "Undo" not in ben.get("/tasks").text
    well(small_campaign.cleo.post(f"/messages/{other}/report", {"reason": "It names somebody."}))
    well(small_campaign.ada.post(f"/messages/{mine}/withdraw"))


def test_a_closed_campaign_without_a_release_leads_its_visitors_to_what_has_grown(small_campaign: World) -> None:
    switch(small_campaign, Running.CLOSED, visibility="open")
    front = small_campaign.http.get("/")
    assert 'class="button primary" href="/trees"' in front.text
