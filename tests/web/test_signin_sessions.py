"""Sessions on the site: with a password, back to the page one came from, signed out elsewhere, banned, invited."""

from collections.abc import Iterator

import pytest

from campaigns import World, running, well
from espalier.collect.charter import change_charter
from espalier.store.preferences import preferences_of
from espalier.store.session import Database
from espalier.store.sessions import sessions_of
from espalier.web.doors import Entrance
from espalier.web.weekly import unsubscribe_address
from letters import Mailbox, code_in, link_in
from visits import Visitor, form_of, forms_of, stranger, visit

ADDRESS = "iris@example.org"
PASSWORD = "an espalier of pears"


@pytest.fixture
def mail() -> Mailbox:
    return Mailbox()


@pytest.fixture
def world(sqlite_db: Database, mail: Mailbox) -> Iterator[World]:
    with running(sqlite_db, Entrance("http://campaign.test", mail)) as made:
        made.door.call(change_charter, None, {"password": True}, made.now)
        yield made


@pytest.fixture
def iris(world: World, mail: Mailbox) -> Iterator[Visitor]:
    """Somebody who has signed in by mail."""
    with stranger(world) as visitor:
        visitor.get("/signin")
        visitor.send("/signin/email", email=ADDRESS)
        visitor.send("/signin/code", code=code_in(mail.next()))
        yield visitor


@pytest.fixture
def ada(world: World) -> Iterator[Visitor]:
    with visit(world, "ada") as visitor:
        yield visitor


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/me/signin").url.path == "/me/signin"


def with_password(visitor: Visitor, password: str = PASSWORD, address: str = ADDRESS) -> None:
    visitor.get("/signin")
    visitor.send("/signin/password", address=address, password=password)


def set_password(visitor: Visitor, password: str = PASSWORD) -> None:
    visitor.get("/me/signin/password")
    visitor.send("/me/signin/password", password=password)


def test_a_password_is_set_in_me_and_signs_in_from_then_on(iris: Visitor) -> None:
    set_password(iris)
    assert iris.page.url.path == "/me/signin"
    with stranger(iris.world) as other:
        with_password(other, "another one entirely")
        assert other.page.status_code == 401
        assert not is_in(other)
        with_password(other)
        assert is_in(other)


def test_a_new_password_ends_all_other_sessions(iris: Visitor) -> None:
    set_password(iris)
    with stranger(iris.world) as other:
        with_password(other)
        set_password(iris, "a trellis along the wall")
        assert is_in(iris)
        assert not is_in(other)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", ""])
def test_a_password_that_is_easy_to_guess_is_refused_at_its_field(iris: Visitor, password: str) -> None:
    set_password(iris, password)
    assert iris.page.status_code == 422
    assert 'aria-invalid="true"' in iris.page.text


def test_an_unknown_address_and_a_wrong_password_are_answered_alike(iris: Visitor) -> None:
    set_password(iris)
    with stranger(iris.world) as other:
        with_password(other, "wrong, wrong, wrong")
        wrong = other.page
        with_password(other, "wrong, wrong, wrong", "nobody@example.org")
        assert (wrong.status_code, other.page.status_code) == (401, 401)
        assert wrong.text.replace(ADDRESS, "") == other.page.text.replace("nobody@example.org", "")


def test_passwords_are_tried_twenty_times_in_a_quarter_of_an_hour(iris: Visitor) -> None:
    set_password(iris)
    with stranger(iris.world) as other:
        for _ in range(20):
            with_password(other, "wrong, wrong, wrong")
        with_password(other)
        assert other.page.status_code == 429
        assert 0 < int(other.page.headers["retry-after"]) <= 15 * 60
        assert "Try again in 15 minutes" in other.page.text
        iris.world.later(minutes=15)
        with_password(other)
        assert is_in(other)


def test_where_the_organiser_allows_no_passwords_none_is_offered_or_taken(iris: Visitor) -> None:
    set_password(iris)
    iris.world.door.call(change_charter, None, {"password": False}, iris.world.now)
    with stranger(iris.world) as other:
        assert "/signin/password" not in other.get("/signin").text
        token = forms_of(other.page)[0].filled()["form_token"]
        other.post("/signin/password", {"form_token": token, "address": [ADDRESS], "password": [PASSWORD]})
        assert other.page.status_code == 403
        assert "Nobody signs in with a password here." in other.page.text
        assert not is_in(other)


@pytest.mark.parametrize("page", ["/tasks", "/trees?lang=de", "/leaderboard", "/me/signin", "/admin"])
def test_a_page_of_contributors_leads_to_signing_in_and_back(world: World, page: str) -> None:
    with stranger(world) as visitor:
        assert visitor.get(page).url.path == "/signin"
        visitor.send("/signin/token", token=world.chief.token)
        assert visitor.page.url.raw_path.decode() == page


def test_sessions_are_listed_and_ended_one_by_one_or_all_others(ada: Visitor) -> None:
    world = ada.world
    with visit(world, "ada") as second, visit(world, "ada") as third:
        assert ada.get("/me/signin").text.count("End this session") == 2
        assert ada.page.text.count("this browser") == 1
        ended = form_of(ada.page, "/me/signin/end").filled()["session"]
        with world.database.read() as db:
            assert ended[0] in [each.id for each in sessions_of(db, world.ada.id, world.now)]
        ada.send("/me/signin/end")
        assert ada.page.text.count("End this session") == 1
        assert [is_in(second), is_in(third)].count(False) == 1
        others = next(form for form in forms_of(ada.page) if len(form.fields) == 1 and form.action == "/me/signin/end")
        ada.post(others.action, others.filled())
        assert not is_in(second)
        assert not is_in(third)
        assert is_in(ada)


def test_a_session_in_use_is_noted_once_an_hour_and_never_before(ada: Visitor) -> None:
    world = ada.world

    def seen() -> list[object]:
        with world.database.read() as db:
            return [each.seen_at for each in sessions_of(db, world.ada.id, world.now)]

    begun = seen()
    world.later(minutes=59)
    ada.get("/me/signin")
    assert seen() == begun
    world.later(minutes=1)
    ada.get("/me/signin")
    assert seen() == [world.now]


def test_a_ban_holds_from_the_next_request_on_with_an_old_cookie_too(ada: Visitor) -> None:
    well(ada.world.warden.post(f"/people/{ada.world.ada.id}/ban", {"reason": "Spam or advertising"}))
    assert ada.get("/tasks").status_code == 403
    assert ada.get("/me/signin").status_code == 403


def test_a_closed_account_is_signed_out_everywhere(ada: Visitor) -> None:
    well(ada.world.ada.call("DELETE", "/me"))
    assert ada.get("/tasks").url.path == "/signin"


def test_signing_out_ends_the_session_itself(ada: Visitor) -> None:
    cookie = dict(ada.client.cookies)
    ada.get("/me/signin")
    ada.send("/signout")
    assert ada.page.url.path == "/"
    for name, value in cookie.items():
        ada.client.cookies.set(name, value, domain="campaign.test")
    assert not is_in(ada)


def test_after_ten_minutes_what_is_grave_asks_to_sign_in_again_and_leads_back(ada: Visitor) -> None:
    assert ada.get("/me/signin/password").status_code == 200
    ada.world.later(minutes=10)
    assert ada.get("/me/signin/password").url.path == "/signin/again"
    ada.send("/signin/token", token=ada.world.ada.token)
    assert ada.page.url.path == "/me/signin/password"


def test_an_invitation_opens_a_campaign_that_only_the_invited_may_join(world: World, mail: Mailbox) -> None:
    world.door.call(change_charter, None, {"admission": "invitation"}, world.now)
    with visit(world, world.chief.name) as chief:
        chief.get("/admin/invitations/links")
        chief.send("/admin/invitations/links", note="the class", places="1", days="7")
        link = chief.page.text.split('value="http://campaign.test')[1].split('"')[0]
    with stranger(world) as guest:
        assert guest.get(link).url.path == "/signin"
        assert "You are invited" in guest.page.text
        guest.send("/signin/email", email=ADDRESS)
        guest.send("/signin/code", code=code_in(mail.next()))
        assert is_in(guest)
    with stranger(world) as late:
        assert "holds no more" in late.get(link).text


@pytest.fixture
def newcomer(iris: Visitor) -> Visitor:
    """Iris, who has accepted the terms."""
    iris.get("/tasks")
    if iris.page.url.path == "/terms/accept":
        iris.send("/terms/accept")
    assert iris.page.url.path == "/welcome"
    return iris


def test_the_first_visit_suggests_a_name_and_leads_to_the_first_task_with_its_practice(newcomer: Visitor) -> None:
    form = dict(form_of(newcomer.page, "/welcome").fields)
    assert len(form["name"].split()) == 2
    assert form["langs"] == "en"
    newcomer.send("/welcome", name="Iris", langs=["de", "en"], on_board="yes")
    assert newcomer.page.url.path == "/practice/initial_prompt"
    task = dict(newcomer.page.url.params)["task"]
    newcomer.send("/practice/initial_prompt", do="skip")
    assert newcomer.page.url.path == f"/tasks/{task}"
    assert newcomer.get("/trees").url.path == "/trees"


@pytest.mark.parametrize(("field", "value"), [("name", " Iris"), ("name", " "), ("langs", [])])
def test_a_blank_name_or_no_language_is_refused_and_what_was_typed_stays(
    newcomer: Visitor, field: str, value: str | list[str]
) -> None:
    newcomer.send("/welcome", **{"name": "Iris", "langs": ["de"], "on_board": "yes", field: value})
    assert newcomer.page.status_code == 422
    assert 'class="fault"' in newcomer.page.text
    kept = form_of(newcomer.page, "/welcome").filled()
    assert kept["on_board"] == ["yes"]
    assert kept["name"] == ([value] if field == "name" else ["Iris"])


def test_who_chooses_every_language_is_told_how_many_may_be_chosen(newcomer: Visitor) -> None:
    every = [value for name, value in form_of(newcomer.page, "/welcome").offered if name == "langs"]
    newcomer.send("/welcome", name="Iris", langs=every, on_board="yes")
    assert "Choose at most 20 languages." in newcomer.page.text
    assert form_of(newcomer.page, "/welcome").filled()["langs"] == every
    newcomer.send("/welcome", name="Iris", langs=every[:20], on_board="yes")
    assert newcomer.page.url.path == "/practice/initial_prompt"


def test_a_survey_is_answered_in_part_and_changed(ada: Visitor) -> None:
    ada.get("/me/survey")
    token = form_of(ada.page, "/me/survey").filled()["form_token"]
    ada.post("/me/survey", {"form_token": token, "age": ["25_34"], "gender": [""], "first_language": ["ko"]})
    page = ada.get("/me/survey").text
    assert '<option value="25_34" selected>' in page
    assert '<option value="ko" selected>' in page


def test_organisers_read_the_survey_in_groups_alone(ada: Visitor) -> None:
    ada.get("/me/survey")
    token = form_of(ada.page, "/me/survey").filled()["form_token"]
    ada.post("/me/survey", {"form_token": token, "age": ["25_34"]})
    with visit(ada.world, ada.world.chief.name) as chief:
        assert "Too few answers" in chief.get("/admin/survey").text
        assert chief.get("/admin/survey.csv").text == "question,answer,people\r\n"
    assert ada.get("/admin/survey").status_code == 403


def test_letters_are_chosen_and_ended_with_one_press_by_whoever_got_them(ada: Visitor) -> None:
    def wants() -> bool:
        with ada.world.database.read() as db:
            return preferences_of(db, ada.world.ada.id).mail

    token = forms_of(ada.get("/me/signin"))[0].filled()["form_token"]
    ada.post("/me/mail", {"form_token": token, "mail": ["yes"]})
    assert wants()
    link = unsubscribe_address(ada.world.http.app.state.campaign, ada.world.ada.id).removeprefix("http://campaign.test")
    with stranger(ada.world) as program:
        assert program.get(link).status_code == 200
        assert wants()  # opening it changes nothing
        assert program.post(link, {"List-Unsubscribe": ["One-Click"]}).status_code == 200
        assert program.get(link[:-1]).status_code == 404
    assert not wants()


def test_a_new_address_is_ones_own_once_its_letter_was_read(iris: Visitor, mail: Mailbox) -> None:
    iris.get("/me/signin/email")
    iris.send("/me/signin/email", email="new@example.org")
    assert ADDRESS in iris.get("/me/signin").text  # until then the old one holds
    iris.get("/signin/code")
    iris.send("/signin/code", code=code_in(mail.next()))
    assert iris.page.url.path == "/me/signin"
    assert "new@example.org" in iris.page.text
    assert ADDRESS not in iris.page.text


def test_the_link_to_a_new_address_asks_another_browser_to_sign_in_first(iris: Visitor, mail: Mailbox) -> None:
    set_password(iris)
    iris.get("/me/signin/email")
    iris.send("/me/signin/email", email="new@example.org")
    link = link_in(mail.next())
    with stranger(iris.world) as phone:
        assert phone.get(link).url.path == "/signin"
        phone.send("/signin/password", address=ADDRESS, password=PASSWORD)
        assert phone.page.url.path == link
        phone.send(link)
    assert "new@example.org" in iris.get("/me/signin").text


def test_a_form_of_an_earlier_session_is_refused_and_its_text_handed_back(ada: Visitor) -> None:
    ada.post("/preview", {"form_token": ["0" * 64], "text": ["Long thought about."]})
    assert ada.page.status_code == 403
    assert "Long thought about." in ada.page.text
