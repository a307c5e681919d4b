"""The audit log and the trollboard: who did what as staff, and whose messages made most trouble."""

from collections.abc import Iterator

import pytest

from campaigns import World
from visits import Visitor, visit


@pytest.fixture
def chief(small_campaign: World) -> Iterator[Visitor]:
    """The browser of an administrator."""
    with visit(small_campaign, small_campaign.chief.name) as visitor:
        yield visitor


@pytest.fixture
def warden(small_campaign: World) -> Iterator[Visitor]:
    """The browser of a moderator."""
    with visit(small_campaign, small_campaign.warden.name) as visitor:
        yield visitor


def rows(visitor: Visitor, address: str) -> list[str]:
    page = visitor.get(address)
    assert page.status_code == 200, page.text
    return page.text.split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:] if "<tbody>" in page.text else []


def test_the_log_is_limited_to_a_person_an_action_and_a_thing(chief: Visitor, small_campaign: World) -> None:
    ada, ben = small_campaign.ada, small_campaign.ben
    small_campaign.warden.post(f"/people/{ada.id}/ban", {"reason": "Spam or advertising"})
    small_campaign.chief.post(f"/people/{ben.id}/ban", {"reason": "Spam or advertising"})
    small_campaign.warden.post(f"/people/{ada.id}/unban")

    assert "person.unbanned" in rows(chief, "/admin/audit")[0]
    assert len(rows(chief, "/admin/audit?action=person.banned")) == 2
    assert len(rows(chief, f"/admin/audit?action=person.banned&person={small_campaign.chief.id}")) == 1
    (unbanned, banned, _) = rows(chief, f"/admin/audit?subject={ada.id}")
    assert "person.unbanned" in unbanned
    assert "person.banned" in banned
    assert "<bdi>warden</bdi>" in banned
    assert f'href="/admin/people/{ada.id}"' in banned
    assert "There is no such entry." in chief.get("/admin/audit?action=nothing").text


def test_a_long_log_goes_on_with_the_next_page(chief: Visitor, small_campaign: World) -> None:
    ada = small_campaign.ada
    for _ in range(30):
        small_campaign.warden.post(f"/people/{ada.id}/ban", {"reason": "Spam or advertising"})
        small_campaign.warden.post(f"/people/{ada.id}/unban")
    first = rows(chief, f"/admin/audit?subject={ada.id}")
    following = chief.page.text.split('<a class="button" href="?action')[1].split('"')[0].replace("&amp;", "&")
    rest = rows(chief, f"/admin/audit?action{following}")
    assert (len(first), len(rest)) == (50, 11)
    assert "person.created" in rest[-1]


def test_the_trollboard_names_who_was_flagged(warden: Visitor, small_campaign: World) -> None:
    assert "Nobody made trouble" in warden.get("/admin/trollboard").text
    _, mine, _ = small_campaign.ranked_tree()
    small_campaign.cleo.post(f"/messages/{mine}/report", {"reason": "It is rude."})
    small_campaign.later(minutes=1)
    (row,) = rows(warden, "/admin/trollboard?frame=day")
    assert f'href="/admin/people/{small_campaign.ada.id}"' in row
    assert warden.get("/admin/trollboard?frame=year").status_code == 422


def test_contributors_see_neither(small_campaign: World) -> None:
    with visit(small_campaign, small_campaign.ada.name) as visitor:
        for address in ("/admin/audit", "/admin/trollboard", "/admin/inspirations"):
            assert visitor.get(address).status_code == 403
