"""What the server does by itself, on its own threads."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, TypeVar

import pytest

from campaigns import NOON, World, well
from espalier.collect.files import LEASE, Workshop
from espalier.store import jobs
from espalier.web.background import Background

T = TypeVar("T")
LONG_S = 60


def shop(campaign: World, folder: Path, told: Callable[[Callable[..., Any]], None] = lambda use_case: None) -> Workshop:
    def call(use_case: Callable[..., T], /, *args: object) -> T:
        result = campaign.door.call(use_case, *args)
        told(use_case)
        return result

    return Workshop(call, campaign.database.read, folder, lambda: NOON, Random(1), lambda: "x" * 32)


def test_a_job_is_done_without_anybody_asking_again(campaign: World, tmp_path: Path) -> None:
    done = Event()
    by_itself = Background(shop(campaign, tmp_path, lambda use_case: done.set() if use_case is jobs.finish else None))
    asked = well(campaign.chief.post("/exports", {})).json()
    by_itself.start()
    try:
        assert done.wait(LONG_S)
    finally:
        by_itself.stop()
    assert campaign.chief.shown(f"/jobs/{asked['id']}")["status"] == "done"


def test_a_job_that_was_left_lying_is_taken_up_again_and_its_file_is_whole(campaign: World, tmp_path: Path) -> None:
    campaign.ranked_tree()
    asked = well(campaign.chief.post("/exports", {})).json()
    here = shop(campaign, tmp_path)
    campaign.door.call(jobs.claim, ("export",), NOON, -LEASE)
    assert campaign.chief.shown(f"/jobs/{asked['id']}")["status"] == "running"
    assert Background(here).step()
    assert campaign.chief.shown(f"/jobs/{asked['id']}")["result"] == {"trees": 1}
    assert [path.name for path in (tmp_path / "exports").iterdir()] == [f"{asked['id']}.trees.jsonl.gz"]


def test_a_job_that_breaks_down_says_so_and_the_next_one_is_done(
    campaign: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = well(campaign.chief.call("POST", "/imports", content=b"[]")).json()
    here = shop(campaign, tmp_path)  # the upload lies in another folder
    assert Background(here).step()
    failed = campaign.chief.shown(f"/jobs/{asked['id']}")
    assert (failed["status"], failed["error"]) == ("failed", "It broke down (FileNotFoundError).")
    assert "a job failed" in caplog.text
    well(campaign.chief.post("/exports", {}))
    assert Background(here).step()
    assert campaign.chief.shown("/jobs")["items"][0]["status"] == "done"


def test_what_is_done_again_and_again_frees_leases_that_ran_out(campaign: World) -> None:
    campaign.tree(max_children_count=1, goal_tree_size=2)
    campaign.ada.task("assistant_reply")
    campaign.later(minutes=31)
    assert campaign.ben.shown("/tasks/availability", lang="en")["en"]["assistant_reply"] == 0
    campaign.work()
    assert campaign.ben.shown("/tasks/availability", lang="en")["en"]["assistant_reply"] == 1
