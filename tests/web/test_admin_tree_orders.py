"""Halting and resuming trees on the site: one by a moderator, many by an administrator, seen before it happens."""

from collections.abc import Iterator

import pytest

from campaigns import World
from visits import Visitor, visit

ADDRESS = "/admin/trees/orders"


@pytest.fixture
def chief(small_campaign: World) -> Iterator[Visitor]:
    """The browser of an administrator."""
    with visit(small_campaign, small_campaign.chief.name) as visitor:
        yield visitor


@pytest.fixture
def warden(small_campaign: World) -> Iterator[Visitor]:
    with visit(small_campaign, small_campaign.warden.name) as visitor:
        yield visitor


def state(world: World, tree: str) -> str:
    found: str = world.chief.shown(f"/trees/{tree}/state")["state"]
    return found


def test_many_trees_are_halted_after_a_look_and_taken_back(chief: Visitor, small_campaign: World) -> None:
    trees = [small_campaign.tree(f"Question number {number}?") for number in range(12)]
    chief.get(ADDRESS)
    page = chief.send(f"{ADDRESS}/preview", lang="en", state="growing", command="halt", reason="Spring cleaning")
    assert "12 trees would follow." in page.text
    assert page.text.count("Question number") == 10, "ten examples"
    assert {state(small_campaign, tree) for tree in trees} == {"growing"}

    page = chief.send(ADDRESS)
    assert "12 trees have followed." in page.text
    assert {state(small_campaign, tree) for tree in trees} == {"halted_by_moderator"}
    chief.send(f"{ADDRESS}/preview")
    page = chief.send(ADDRESS)
    assert "12 trees have followed." in page.text
    assert {state(small_campaign, tree) for tree in trees} == {"growing"}


def test_a_moderator_halts_one_tree(warden: Visitor, small_campaign: World) -> None:
    tree = small_campaign.tree()
    assert "command" not in warden.get(ADDRESS).text.split("<main")[1], "many are for administrators"
    page = warden.get(f"{ADDRESS}?tree={tree}")
    assert 'value="draw"' not in page.text
    page = warden.send(f"{ADDRESS}/preview", command="halt")
    assert "1 tree would follow." in page.text
    warden.send(ADDRESS)
    assert state(small_campaign, tree) == "halted_by_moderator"


def test_faults_are_shown_at_their_fields(chief: Visitor) -> None:
    for values, field in (
        ({"lang": "en", "state": "growing"}, "command"),
        ({"lang": "no language", "state": "growing", "command": "halt"}, "lang"),
        ({"lang": "en", "state": "growing", "command": "halt"}, "state"),
    ):
        chief.get(ADDRESS)
        page = chief.send(f"{ADDRESS}/preview", **values)
        assert page.status_code in (404, 422)
        assert f'id="{field}-fault"' in page.text


def test_contributors_and_moderators_of_other_languages_change_nothing(small_campaign: World) -> None:
    tree = small_campaign.tree()
    with visit(small_campaign, small_campaign.ada.name) as ada:
        assert ada.get(ADDRESS).status_code == 403
        assert ada.post(ADDRESS, {"ids": [tree], "command": ["halt"]}).status_code == 403
    small_campaign.chief.call(
        "PATCH", f"/people/{small_campaign.warden.id}", {"role": "moderator", "moderates": ["de"]}
    )
    with visit(small_campaign, "warden") as warden:
        warden.get(f"{ADDRESS}?tree={tree}")
        assert "0 trees would follow." in warden.send(f"{ADDRESS}/preview", command="halt").text
    assert state(small_campaign, tree) == "growing"
