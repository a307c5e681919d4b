"""What the organiser lets programs read: with a token, without one, and under which names."""

from typing import Any

import pytest
from httpx import Response

from campaigns import API, Someone, World, well
from espalier.collect.charter import change_charter
from espalier.domain.pseudonym import pseudonym
from espalier.store.preferences import Preferences, keep_preferences


def said(world: World, **change: Any) -> None:
    world.door.call(change_charter, None, change, world.now)


def unasked(world: World, path: str, **query: str) -> Response:
    """What somebody without a token is answered."""
    return world.http.get(f"{API}{path}", params=query)


def test_of_an_open_campaign_everybody_reads_what_is_finished(campaign: World) -> None:
    tree_id, first, _ = campaign.ranked_tree()
    growing = campaign.tree("Why is the sea salt?")
    said(campaign, visibility="open")
    whole = well(unasked(campaign, f"/trees/{tree_id}")).json()
    assert whole["prompt"]["replies"][0]["seen_as"] == "public"
    assert [tree["id"] for tree in well(unasked(campaign, "/trees")).json()["items"]] == [tree_id]
    assert len(well(unasked(campaign, "/messages")).json()["items"]) == 3
    assert {each["tree_id"] for each in unasked(campaign, "/messages", q="why is").json()["items"]} == {tree_id}
    for path in (f"/messages/{first}", f"/messages/{first}/thread", f"/messages/{first}/tree", "/stats",
                 "/leaderboards/total"):  # fmt: skip
        assert unasked(campaign, path).status_code == 200, path
    for path in (f"/trees/{growing}", f"/messages/{growing}", f"/messages/{growing}/children"):
        assert unasked(campaign, path).status_code == 404, path
    for path in ("/me", "/me/contributions", "/me/stats", "/people", "/policy"):
        assert unasked(campaign, path).status_code == 401, path


@pytest.mark.parametrize("visibility", ["members", "staff"])
def test_else_nobody_reads_anything_without_a_token(small_campaign: World, visibility: str) -> None:
    tree_id, first, _ = small_campaign.ranked_tree()
    said(small_campaign, visibility=visibility)
    for path in (f"/trees/{tree_id}", "/trees", "/messages", f"/messages/{first}", "/stats", "/leaderboards/week"):
        assert unasked(small_campaign, path).status_code == 401, path


def test_where_staff_alone_read_others_see_their_own_work(small_campaign: World) -> None:
    tree_id, adas, bens = small_campaign.ranked_tree()
    ada: Someone = small_campaign.ada
    said(small_campaign, visibility="staff")
    assert [each["id"] for each in ada.shown("/messages", author="me")["items"]] == [adas]
    assert ada.get(f"/messages/{adas}").status_code == 200
    assert ada.get(f"/messages/{bens}").status_code == 404
    assert ada.get("/me/contributions").status_code == 200
    for path in (f"/trees/{tree_id}", "/trees", "/messages", "/stats", "/leaderboards/week", f"/messages/{adas}/tree"):
        assert ada.get(path).status_code == 403, path
        assert small_campaign.warden.get(path).status_code == 200, path


def test_a_name_is_read_by_others_once_somebody_agreed(campaign: World) -> None:
    tree_id, adas, _ = campaign.ranked_tree()
    campaign.door.call(keep_preferences, campaign.ada.id, Preferences(welcomed=True))
    instead = pseudonym(campaign.ada.id)
    assert "ada" not in instead.lower().split()

    def names(reader: Someone) -> set[str | None]:
        whole = reader.shown(f"/trees/{tree_id}")["prompt"]
        alone = reader.shown(f"/messages/{adas}")["author_name"]
        assert alone in {each["author_name"] for each in whole["replies"]}
        return {each["author_name"] for each in whole["replies"]}

    assert names(campaign.cleo) == {instead, "ben"}
    assert names(campaign.warden) == {"ada", "ben"}
    board = {place["person"]: place["name"] for place in campaign.ben.shown("/leaderboards/total")["items"]}
    assert (board[campaign.ada.id], board[campaign.ben.id]) == (instead, "ben")
    staffs = {place["name"] for place in campaign.warden.shown("/leaderboards/total")["items"]}
    assert "ada" in staffs
