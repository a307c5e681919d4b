"""The page of the campaign's health, for organisers only."""

from campaigns import World
from visits import visit


def test_each_language_says_what_waits_and_how_far_the_goal_is(small_campaign: World) -> None:
    tree = small_campaign.tree()
    small_campaign.ada.write("assistant_reply", "Because of the air.")
    with visit(small_campaign, small_campaign.chief.name) as chief:
        page = chief.get("/admin/health")
        assert page.status_code == 200
        assert f'href="/trees/{tree}"' in page.text
        assert "Review" in page.text
        assert "nothing to compare" in page.text


def test_an_empty_campaign_says_so(small_campaign: World) -> None:
    with visit(small_campaign, small_campaign.chief.name) as chief:
        assert "There is nothing yet to tell." in chief.get("/admin/health").text


def test_only_organisers_see_it(small_campaign: World) -> None:
    for name in (small_campaign.ada.name, small_campaign.warden.name):
        with visit(small_campaign, name) as visitor:
            assert visitor.get("/admin/health").status_code == 403
