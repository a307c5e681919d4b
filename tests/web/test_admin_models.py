"""The page of the chat's models, for organisers only: how each does with people, day by day."""

from dataclasses import replace

from campaigns import World
from espalier.store import filter_hits, model_figures
from espalier.store.filter_hits import FilterHit, Side
from espalier.store.model_figures import Figure
from rooms import Room
from visits import visit


def test_organisers_see_whether_models_are_there_and_how_they_do(small_campaign: World) -> None:
    state, now = small_campaign.http.app.state, small_campaign.now
    state.campaign = replace(state.campaign, chatroom=Room())
    for seconds in (0.5, 1.5):
        values = {Figure.COMPLETE: 1.0, Figure.FIRST_S: seconds}
        small_campaign.door.call(model_figures.note, now.date(), "small", values)
    hit = FilterHit(None, "small", Side.WRITTEN, 0.93, now)
    small_campaign.door.call(filter_hits.add, hit)
    with visit(small_campaign, small_campaign.chief.name) as chief:
        page = chief.get("/admin/models").text
        assert "Small" in page
        assert "<svg" in page
        assert "not kept: nobody agreed to it" in page
        lines = chief.get("/admin/models.csv").text.splitlines()
    head, last = lines[0].split(","), lines[-1].split(",")
    assert dict(zip(head, last, strict=True))["replies"] == "2"
    assert dict(zip(head, last, strict=True))["first_s"] == "1.0"


def test_without_chat_the_page_says_so(small_campaign: World) -> None:
    with visit(small_campaign, small_campaign.chief.name) as chief:
        page = chief.get("/admin/models").text
    assert "Chat is switched off" in page
    assert "Nobody has chatted yet" in page
