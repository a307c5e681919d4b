"""Announcements on the site: made by an organiser, shown to everybody, gone for who has dismissed them."""

from collections.abc import Iterator

import pytest

from campaigns import World
from espalier.collect import charter
from visits import Visitor, visit

LINE = "We pause on Sunday & Monday."


@pytest.fixture
def chief(small_campaign: World) -> Iterator[Visitor]:
    """The browser of an administrator."""
    with visit(small_campaign, small_campaign.chief.name) as visitor:
        yield visitor


def test_a_line_is_on_every_page_until_each_person_has_dismissed_it(chief: Visitor, small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        chief.get("/admin/announcements")
        page = chief.send("/admin/announcements", text=LINE)
        assert "Announced." in page.text
        assert "We pause on Sunday &amp; Monday." in ada.get("/tasks").text

        ada.get("/tasks/none")
        line = next(form for form in page.text.split('action="') if form.startswith("/announcements/"))
        address = line.split('"')[0]
        page = ada.send(address)
        assert page.url.path == "/tasks/none", "back to where one was"
        assert "We pause on Sunday" not in page.text
        assert "We pause on Sunday" in chief.get("/tasks").text


def test_a_line_is_dismissed_also_before_the_terms_are_accepted(chief: Visitor, small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        chief.get("/admin/announcements")
        chief.send("/admin/announcements", text=LINE)
        small_campaign.door.call(charter.publish, None, "terms", "en", "Be kind.", True, small_campaign.now)
        page = ada.get("/tasks")
        assert page.url.path == "/terms/accept"
        address = page.text.split('action="/announcements/')[1].split('"')[0]
        page = ada.send(f"/announcements/{address}")
        assert (page.status_code, page.url.path) == (200, "/terms/accept")
        assert "We pause on Sunday" not in page.text


def test_other_words_appear_again(chief: Visitor) -> None:
    chief.get("/admin/announcements")
    page = chief.send("/admin/announcements", text=LINE)
    address = page.text.split('action="/announcements/')[1].split('"')[0]
    chief.send(f"/announcements/{address}")
    assert 'action="/announcements/' not in chief.get("/tasks").text

    edit = f"/admin/announcements/{address.removesuffix('/read')}"
    chief.get(edit)
    assert "We pause on Tuesday." in chief.send(edit, text="We pause on Tuesday.").text
    assert "We pause on Tuesday." in chief.get("/tasks").text
    chief.get("/admin/announcements")
    chief.send(f"{edit}/end")
    assert "We pause on Tuesday." not in chief.get("/tasks").text


def test_a_fault_is_shown_at_its_field_and_what_was_typed_is_kept(chief: Visitor) -> None:
    chief.get("/admin/announcements")
    page = chief.send("/admin/announcements", text=LINE, ends_at="2020-01-01T00:00")
    assert page.status_code == 422
    assert 'aria-describedby="ends_at-fault' in page.text
    assert "We pause on Sunday &amp; Monday." in page.text
    page = chief.send("/admin/announcements", text=LINE, starts_at="tomorrow")
    assert (page.status_code, 'value="tomorrow"' in page.text) == (422, True)
