"""Chat on the site with a real server of models behind it: what is said on the page is answered there."""

import time
from collections.abc import Callable
from dataclasses import replace

from campaigns import World
from espalier.chat.models import Served
from espalier.chat.replies import Replies
from model_servers import model_server
from visits import visit


def test_what_is_said_on_the_page_is_answered_by_the_models_server(small_campaign: World) -> None:
    app = small_campaign.http.app
    with model_server() as server, visit(small_campaign, "ada") as ada:
        served = [Served("small", server.url, "stub", title="Small"), Served("gone", "http://127.0.0.1:9", "stub")]
        campaign = app.state.campaign
        replies = Replies(served, campaign.door.write, campaign.database.read, campaign.clock)
        app.state.campaign = replace(campaign, chatroom=replies)
        small_campaign.http.portal.call(replies.start)
        try:
            comes(lambda: "Small" in ada.get("/chat").text)
            ada.send("/chat", text="Why is the sky blue?", model="small", preset="balanced")
            address = ada.page.url.path
            comes(lambda: "Blue light is scattered." in ada.get(address).text)
        finally:
            small_campaign.http.portal.call(replies.stop)
    assert server.asked[0]["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]


def comes(what: Callable[[], bool]) -> None:
    for _ in range(200):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come")
