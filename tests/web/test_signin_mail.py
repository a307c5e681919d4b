"""Signing in by mail on the site: a link whose button signs in, or the code beside it."""

import re
from collections.abc import Iterator

import pytest

from campaigns import World, running
from espalier.collect import accounts
from espalier.collect.charter import change_charter
from espalier.store.people import PersonRole, by_email
from espalier.store.session import Database
from espalier.web.doors import Entrance
from letters import Mailbox, code_in, link_in
from visits import Visitor, form_of, stranger

ADDRESS = "iris@example.org"


@pytest.fixture
def mail() -> Mailbox:
    return Mailbox()


@pytest.fixture
def world(sqlite_db: Database, mail: Mailbox) -> Iterator[World]:
    with running(sqlite_db, Entrance(post=mail)) as made:
        yield made


@pytest.fixture
def iris(world: World) -> Iterator[Visitor]:
    with stranger(world) as visitor:
        yield visitor


def ask(visitor: Visitor, address: str = ADDRESS, next: str = "/tasks") -> None:
    visitor.get(f"/signin?next={next}")
    visitor.send("/signin/email", email=address)


def is_in(visitor: Visitor) -> bool:
    """Whether somebody is signed in in this browser."""
    return visitor.get("/me/signin").url.path == "/me/signin"


def test_the_page_shows_the_address_and_ways_to_send_again_or_to_another(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    assert iris.page.url.path == "/signin/code"
    assert ADDRESS in iris.page.text
    assert form_of(iris.page, "/signin/more")
    assert 'href="/signin?next=' in iris.page.text
    assert mail.next().to == ADDRESS


def test_opening_a_link_changes_nothing_and_its_button_signs_in_and_leads_back(iris: Visitor, mail: Mailbox) -> None:
    ask(iris, next="/trees")
    link = link_in(mail.next())
    for _ in range(3):  # as programs do that look at mail
        assert iris.get(link).status_code == 200
    assert ADDRESS in iris.page.text
    iris.send(link)
    assert iris.page.url.params["next"] == "/trees"
    assert is_in(iris)


def test_a_link_works_once(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    link = link_in(mail.next())
    iris.get(link)
    form = form_of(iris.page, link).filled()
    iris.post(link, form)
    assert "signed in already" in iris.get(link).text
    with stranger(iris.world) as other:
        assert other.get(link).status_code == 404
        assert "Send a new one" in other.page.text
        other.get("/signin")
        token = form_of(other.page, "/signin/email").filled()["form_token"]
        assert other.post(link, {"form_token": token}).status_code == 404
        assert not is_in(other)


def test_a_new_link_leads_where_the_one_that_is_over_would_have_led(iris: Visitor, mail: Mailbox) -> None:
    ask(iris, next="/trees")
    iris.world.later(minutes=15)
    page = iris.get(link_in(mail.next()))
    assert "Send a new one" in page.text
    assert 'href="/signin?next=/trees"' in page.text


def test_a_link_and_its_code_hold_for_a_quarter_of_an_hour(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    letter = mail.next()
    iris.world.later(minutes=15)
    assert iris.get(link_in(letter)).status_code == 404
    iris.get("/signin/code")
    iris.send("/signin/code", code=code_in(letter))
    assert iris.page.status_code == 404


def test_a_code_signs_in_the_browser_that_asked_for_it(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    iris.send("/signin/code", code=code_in(mail.next()))
    assert is_in(iris)


def test_a_new_letter_voids_the_old_one(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    old = mail.next()
    iris.world.later(seconds=30)
    iris.get("/signin/code")
    iris.send("/signin/more")
    new = mail.next()
    assert iris.get(link_in(old)).status_code == 404
    iris.get("/signin/code")
    if code_in(old) != code_in(new):
        iris.send("/signin/code", code=code_in(old))
        assert iris.page.status_code == 422
    iris.send("/signin/code", code=code_in(new))
    assert is_in(iris)


def test_no_further_letter_is_sent_within_half_a_minute(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    mail.next()
    iris.world.later(seconds=29)
    iris.send("/signin/more")
    assert mail.letters.empty()
    assert "in 1 second" in iris.page.text


def test_a_code_is_tried_five_times(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    letter = mail.next()
    wrong = "000 000" if code_in(letter) != "000 000" else "111 111"
    for _ in range(5):
        iris.send("/signin/code", code=wrong)
        assert iris.page.status_code == 422
    iris.send("/signin/code", code=code_in(letter))
    assert iris.page.status_code == 404
    assert not is_in(iris)


def test_a_code_is_worth_nothing_in_a_browser_that_did_not_ask(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    code = code_in(mail.next())
    with stranger(iris.world) as other:
        other.get("/signin")
        token = form_of(other.page, "/signin/email").filled()["form_token"]
        other.post("/signin/code", {"form_token": token, "code": [code]})
        assert not is_in(other)


def same_for_all(page: str) -> str:
    return re.sub(r'value="[0-9a-f]{64}"', "", page)


def test_the_answer_is_the_same_whether_or_not_the_address_is_known(sqlite_db: Database, mail: Mailbox) -> None:
    with running(sqlite_db, Entrance(post=mail)) as world, stranger(world) as one, stranger(world) as two:
        world.door.call(change_charter, None, {"admission": "invitation"}, world.now)
        world.door.call(
            accounts.create_person, None, "Iris", PersonRole.CONTRIBUTOR, lambda: "x" * 40, world.now, world.rng,
            email=ADDRESS,
        )  # fmt: skip
        assert "A new account needs an invitation" in one.get("/signin").text
        ask(one, ADDRESS)
        ask(two, "nobody@example.org")
        assert mail.next().to == ADDRESS
        assert same_for_all(one.page.text.replace(ADDRESS, "")) == same_for_all(
            two.page.text.replace("nobody@example.org", "")
        )
        assert mail.letters.empty()  # where nobody new may come, a stranger gets no letter


def test_who_is_not_of_a_domain_does_not_come_in(sqlite_db: Database, mail: Mailbox) -> None:
    with running(sqlite_db, Entrance(post=mail)) as world, stranger(world) as visitor:
        world.door.call(change_charter, None, {"admission": "domains", "domains": ["example.org"]}, world.now)
        assert "<bdi>example.org</bdi>" in visitor.get("/signin").text
        ask(visitor, "eve@example.net")
        assert mail.letters.empty()
        ask(visitor, ADDRESS)
        visitor.send("/signin/code", code=code_in(mail.next()))
        assert is_in(visitor)


def test_where_mail_cannot_be_sent_nobody_is_offered_it_and_a_form_sent_all_the_same_is_refused(
    small_campaign: World,
) -> None:
    with stranger(small_campaign) as visitor:
        assert "/signin/email" not in visitor.get("/signin").text
        token = form_of(visitor.page, "/signin/token").filled()["form_token"]
        visitor.post("/signin/email", {"form_token": token, "email": [ADDRESS]})
        assert visitor.page.status_code == 403
        with small_campaign.database.read() as db:
            assert by_email(db, ADDRESS) is None


@pytest.mark.parametrize(
    "address", ["", "iris", "@example.org", "a b@example.org", "a@b, c@d", "iris@example.org\nBcc: x"]
)
def test_what_is_no_address_is_refused_at_its_field(iris: Visitor, mail: Mailbox, address: str) -> None:
    ask(iris, address)
    assert iris.page.status_code == 422
    assert 'aria-invalid="true"' in iris.page.text
    assert mail.letters.empty()


def test_letters_to_one_address_are_limited(iris: Visitor, mail: Mailbox) -> None:
    for _ in range(5):
        ask(iris)
        mail.next()
    ask(iris)
    assert iris.page.status_code == 429
    assert mail.letters.empty()
    iris.world.later(minutes=15)
    ask(iris)
    assert mail.next()


def test_the_letter_names_code_and_link(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    letter = mail.next()
    assert code_in(letter) in letter.subject
    assert link_in(letter).startswith("/signin/link/")


def test_the_same_address_comes_back_to_the_same_account(iris: Visitor, mail: Mailbox) -> None:
    ask(iris)
    iris.send("/signin/code", code=code_in(mail.next()))
    with iris.world.database.read() as db:
        first = by_email(db, ADDRESS)
    with stranger(iris.world) as other:
        ask(other, ADDRESS.upper())
        other.send("/signin/code", code=code_in(mail.next()))
        with iris.world.database.read() as db:
            assert by_email(db, ADDRESS) == first


def test_another_site_is_never_the_way_back(iris: Visitor, mail: Mailbox) -> None:
    for elsewhere in ("//evil.example", "https://evil.example/", "/\\evil.example"):
        assert dict(form_of(iris.get(f"/signin?next={elsewhere}"), "/signin/email").fields)["next"] == "/tasks"
