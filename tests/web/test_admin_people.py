"""People as staff see them: found, given roles, banned, purged after a look at what would go, invited."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import pytest
from sqlalchemy import Connection

from campaigns import World
from espalier.collect import accounts
from espalier.domain.cases import REASONS
from espalier.store import people
from espalier.store.people import Person, PersonRole
from visits import Visitor, form_of, visit, words_of


@pytest.fixture
def chief(small_campaign: World) -> Iterator[Visitor]:
    """The browser of an administrator."""
    with visit(small_campaign, small_campaign.chief.name) as visitor:
        yield visitor


@pytest.fixture
def warden(small_campaign: World) -> Iterator[Visitor]:
    with visit(small_campaign, small_campaign.warden.name) as visitor:
        yield visitor


def account(world: World, name: str) -> Person:
    with world.database.read() as db:
        found = people.by_id(db, world.people[name].id)
    assert found is not None
    return found


def test_people_are_found_by_a_part_of_their_name(warden: Visitor, small_campaign: World) -> None:
    ada = small_campaign.ada
    page = warden.get("/admin/people?q=AD")
    assert f'href="/admin/people/{ada.id}"' in page.text
    assert ">warden<" not in page.text.split("<tbody>")[1]
    assert "Nobody is called so" in warden.get("/admin/people?q=zzz").text


def test_a_long_list_goes_on_with_the_next_page(chief: Visitor, small_campaign: World) -> None:
    for number in range(55):
        small_campaign.person(f"v{number:02}")
    page = chief.get("/admin/people?q=v")
    assert "v49" in page.text
    assert "v50" not in words_of(page.text)
    following = page.text.split('href="?q=v&amp;cursor=')[1].split('"')[0]
    assert "v54" in chief.get(f"/admin/people?q=v&cursor={following}").text


def test_a_role_is_given_with_its_languages(chief: Visitor, small_campaign: World) -> None:
    ada = small_campaign.ada
    chief.get(f"/admin/people/{ada.id}")
    page = chief.send("/role", role="moderator", moderates="de, fr")
    assert "The role is changed." in page.text
    assert (account(small_campaign, "ada").role, account(small_campaign, "ada").moderates) == (
        PersonRole.MODERATOR, ("de", "fr"),
    )  # fmt: skip
    page = chief.send("/role", role="moderator", moderates="no language")
    assert page.status_code == 422
    assert 'aria-describedby="moderates-fault' in page.text
    assert 'value="no language"' in page.text
    assert account(small_campaign, "ada").moderates == ("de", "fr")


def test_the_last_administrator_keeps_the_role(chief: Visitor, small_campaign: World) -> None:
    small_campaign.door.call(_only_admin, small_campaign.chief.id)
    chief.get(f"/admin/people/{small_campaign.chief.id}")
    page = chief.send("/role", role="contributor")
    assert page.status_code == 409
    assert "last administrator" in page.text


def _only_admin(db: Connection, keep: str) -> None:
    for person in people.search_people(db, 100):
        if person.role is PersonRole.ADMIN and person.id != keep:
            people.save_person(db, replace(person, disabled=True))


def test_a_ban_holds_at_once_and_is_taken_back(warden: Visitor, small_campaign: World) -> None:
    ada = small_campaign.ada
    with visit(small_campaign, "ada") as visitor:
        warden.get(f"/admin/people/{ada.id}/ban")
        assert not account(small_campaign, "ada").disabled
        assert "Banned." in warden.send("/ban", verdict="ban", reason=REASONS[0], note="Links to *a shop*.").text
        page = visitor.get("/tasks")
        assert page.status_code == 403
        assert "Your account was banned." not in page.text.split("<h2>")[0]
        assert REASONS[0] in page.text
        assert "<em>a shop</em>" in page.text
        page = warden.get(f"/admin/people/{ada.id}")
        assert "<b>Banned</b>" in page.text
        assert "They may come in again." in warden.send("/unban").text
        assert visitor.get("/tasks").status_code == 200


def test_a_ban_without_a_reason_changes_nothing_and_keeps_what_was_typed(
    warden: Visitor, small_campaign: World
) -> None:
    ada = small_campaign.ada
    warden.get(f"/admin/people/{ada.id}/ban")
    page = warden.send("/ban", verdict="suspend", days="3", reason="", note="Half a note")
    assert page.status_code == 422
    assert "Choose a reason from the list." in page.text
    assert "Half a note" in page.text
    assert 'value="suspend" checked' in page.text
    assert 'value="3"' in page.text
    page = warden.send("/ban", verdict="suspend", days="0", reason=REASONS[0])
    assert page.status_code == 422
    assert 'aria-describedby="days-fault' in page.text
    assert not account(small_campaign, "ada").is_suspended(small_campaign.now)


def test_a_suspension_shows_on_the_pages_of_people_and_is_undone_from_its_case(
    warden: Visitor, small_campaign: World
) -> None:
    ada = small_campaign.ada
    warden.get(f"/admin/people/{ada.id}/ban")
    page = warden.send("/ban", verdict="suspend", days="3", reason=REASONS[0]).text
    assert "Suspended until" in page
    assert "March 4, 2026" in page
    assert ">suspended<" in warden.get("/admin/people?q=ada").text
    case = page.split('href="/moderation/cases/')[1].split('"')[0]
    assert "Staff shut somebody out" in warden.get(f"/moderation/cases/{case}").text
    assert "is undone" in warden.send("/undo").text
    assert not account(small_campaign, "ada").is_suspended(small_campaign.now)
    assert f"/moderation/cases/{case}" not in warden.get("/moderation").text, "nothing is left to decide"
    assert ">undone<" in warden.get(f"/admin/people/{ada.id}").text


def test_a_moderator_of_some_languages_shuts_nobody_out_of_all_of_them(warden: Visitor, small_campaign: World) -> None:
    ada, warder = small_campaign.ada, small_campaign.warden
    small_campaign.door.call(_moderates, warder.id, ("es",), small_campaign)
    page = warden.get(f"/admin/people/{ada.id}")
    token = form_of(page, "/signout").fields
    assert "/ban" not in page.text
    assert warden.get(f"/admin/people/{ada.id}/ban").status_code == 403
    for act in ("ban", "unban"):
        answer = warden.post(
            f"/admin/people/{ada.id}/{act}",
            {**{name: [value] for name, value in token}, "verdict": ["ban"], "reason": [REASONS[0]]},
        )
        assert answer.status_code == 403
    assert not account(small_campaign, "ada").disabled


def _moderates(db: Connection, person_id: str, langs: tuple[str, ...], world: World) -> None:
    accounts.change_role(db, None, person_id, PersonRole.MODERATOR, world.now, moderates=langs)


def test_nobody_is_offered_to_act_on_an_administrator_nor_on_themselves(warden: Visitor, small_campaign: World) -> None:
    for person in (small_campaign.chief, small_campaign.warden):
        page = warden.get(f"/admin/people/{person.id}")
        assert f"/admin/people/{person.id}/ban" not in page.text
        assert f"/admin/people/{person.id}/purge" not in page.text
        assert f"/admin/people/{person.id}/role" not in page.text


def test_a_purge_says_first_what_would_go(warden: Visitor, small_campaign: World) -> None:
    small_campaign.ranked_tree()
    ada = small_campaign.ada
    page = warden.get(f"/admin/people/{ada.id}/purge")
    assert "What a purge would remove" in page.text
    assert not account(small_campaign, "ada").disabled
    page = warden.send("/purge")
    assert "is being removed" in page.text
    assert "hx-get" in page.text
    assert "What this person did" not in page.text
    small_campaign.work()
    page = warden.get(f"/admin/people/{ada.id}")
    assert "hx-get" not in page.text
    assert account(small_campaign, "ada").anonymous


def test_the_page_of_a_person_shows_what_they_did(warden: Visitor, small_campaign: World) -> None:
    _, mine, _ = small_campaign.ranked_tree()
    page = warden.get(f"/admin/people/{small_campaign.ada.id}")
    assert f'href="/messages/{mine}"' in page.text
    assert "Wrote a reply" in page.text


def test_tokens_of_invitations_are_shown_once_and_open_the_site(chief: Visitor, small_campaign: World) -> None:
    chief.get("/admin/invitations")
    page = chief.send("/admin/invitations", count="3", prefix="course", give="file")
    assert page.headers["content-disposition"].startswith("attachment")
    rows = list(csv.DictReader(StringIO(page.text)))
    assert [row["name"] for row in rows] == ["course-1", "course-2", "course-3"]
    headers = {"Authorization": f"Bearer {rows[0]['token']}"}
    assert small_campaign.http.get("/api/v1/me", headers=headers).json()["name"] == "course-1"

    chief.get("/admin/invitations")
    page = chief.send("/admin/invitations", count="2", prefix="group", give="page")
    assert page.text.count("esp_") == 2
    assert "esp_" not in chief.get("/admin/invitations").text


def test_a_fault_in_an_invitation_is_shown_at_its_field(chief: Visitor) -> None:
    for values, field in (
        ({"count": "many"}, "count"),
        ({"count": "2000"}, "count"),
        ({"prefix": "x" * 200}, "prefix"),
    ):
        chief.get("/admin/invitations")
        page = chief.send("/admin/invitations", **values)
        assert page.status_code == 422
        assert f'id="{field}-fault"' in page.text
        assert dict(form_of(page, "/admin/invitations").fields)[field] == values[field]


def test_contributors_see_nothing_of_it(small_campaign: World) -> None:
    chief_id = small_campaign.chief.id
    with visit(small_campaign, small_campaign.ada.name) as visitor:
        for address in (
            "",
            "/people",
            f"/people/{chief_id}",
            f"/people/{chief_id}/purge",
            "/invitations",
            "/jobs/x/progress",
        ):
            page = visitor.get(f"/admin{address}")
            assert page.status_code == 403, address
            assert "chief" not in page.text
    with visit(small_campaign, small_campaign.warden.name) as visitor:
        assert visitor.get("/admin/invitations").status_code == 403
