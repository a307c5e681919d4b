"""Signing in with an account elsewhere, against a provider that really answers, and linking several ways."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import Connection

from campaigns import World, running
from espalier.collect import accounts
from espalier.collect.charter import change_charter
from espalier.store import people
from espalier.store.charters import charter_in_force
from espalier.store.identities import behind, ways_of
from espalier.store.people import Person, PersonRole, by_email
from espalier.store.session import Database
from espalier.web.doors import Entrance
from espalier.web.providers import Provider, providers_of
from issuers import CLIENT, SECRET, Issuer, issuing
from letters import Mailbox, code_in
from visits import Visitor, form_of, stranger, visit

ADDRESS = "iris@example.org"


@pytest.fixture(scope="module")
def provider() -> Iterator[Issuer]:
    with issuing() as made:
        yield made


@pytest.fixture
def issuer(provider: Issuer) -> Issuer:
    provider.user = {"sub": "42", "email": ADDRESS, "email_verified": True}
    provider.spoil, provider.signs_with = {}, None
    return provider


@pytest.fixture
def mail() -> Mailbox:
    return Mailbox()


@pytest.fixture
def world(sqlite_db: Database, issuer: Issuer, mail: Mailbox) -> Iterator[World]:
    own = {"client_id": CLIENT, "client_secret": SECRET}
    given = {
        "garden": {**own, "title": "Garden", "issuer": issuer.address},
        "github": {
            **own, "authorize": f"{issuer.address}/authorize", "token": f"{issuer.address}/token",
            "api": issuer.address,
        },
    }  # fmt: skip
    with running(sqlite_db, Entrance("http://campaign.test", mail, providers_of(given))) as made:
        yield made


@pytest.fixture
def iris(world: World) -> Iterator[Visitor]:
    with stranger(world) as visitor:
        yield visitor


def through(visitor: Visitor, sent_to: str) -> str:
    """Through the provider, as a browser goes; the way back."""
    answer = httpx.get(sent_to, verify=False)
    assert answer.is_redirect
    back = urlsplit(answer.headers["location"])
    assert back.netloc == "campaign.test"
    return f"{back.path}?{back.query}"


def leave(visitor: Visitor, name: str = "garden", next: str = "/trees") -> str:
    visitor.client.follow_redirects = False
    try:
        answer = visitor.get(f"/signin/with/{name}?next={next}")
    finally:
        visitor.client.follow_redirects = True
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def sign_in(visitor: Visitor, name: str = "garden") -> None:
    """Through the provider and, for the first time there, to an account of one's own."""
    visitor.get(through(visitor, leave(visitor, name)))
    if f"/signin/with/{name}/join" in visitor.page.text:
        visitor.send(f"/signin/with/{name}/join")


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/me/signin").url.path == "/me/signin"


def account(world: World, address: str = ADDRESS) -> Person | None:
    with world.database.read() as db:
        return by_email(db, address)


def issuers_of(world: World, person: Person) -> set[str]:
    with world.database.read() as db:
        return {way.issuer for way in ways_of(db, person.id)}


def by_mail(visitor: Visitor, mail: Mailbox) -> None:
    visitor.get("/signin")
    visitor.send("/signin/email", email=ADDRESS)
    visitor.send("/signin/code", code=code_in(mail.next()))


def link(visitor: Visitor, name: str = "garden") -> None:
    """Add a way from Me."""
    visitor.get("/me/signin")
    visitor.send(f"/me/signin/with/{name}")
    start = visitor.page.text.split('http-equiv="refresh" content="0;url=')[1].split('"')[0].replace("&amp;", "&")
    visitor.get(through(visitor, start))


def test_the_way_there_and_back_signs_in_and_leads_where_one_came_from(iris: Visitor, issuer: Issuer) -> None:
    assert "Continue with <bdi>Garden</bdi>" in iris.get("/signin").text
    sign_in(iris)
    assert iris.page.url.params["next"] == "/trees"
    assert is_in(iris)
    asked = issuer.asked[-1]
    assert asked["nonce"] != asked["state"]
    assert set(asked["scope"].split()) == {"openid", "email", "profile"}


def test_whoever_may_have_an_account_already_is_asked_before_a_second_one_is_made(
    iris: Visitor, issuer: Issuer, mail: Mailbox
) -> None:
    by_mail(iris, mail)
    with stranger(iris.world) as other:
        other.get(through(other, leave(other)))
        for _ in range(2):  # as after a reload, or the back button
            other.get(other.page.url.path)
            assert form_of(other.page, "/signin/with/garden/join")
            assert "/signin?next=/me/signin" in other.page.text
        assert not is_in(other)
        iris.world.later(minutes=10)
        other.get(through(other, leave(other)))
        page = other.page
        iris.world.later(minutes=10)
        other.page = page
        other.send("/signin/with/garden/join")
        assert "took too long" in other.page.text
        assert not is_in(other)


def test_an_issuer_that_is_trusted_lets_in_without_a_question(iris: Visitor, issuer: Issuer) -> None:
    iris.world.door.call(change_charter, None, {"trusted": [issuer.address]}, iris.world.now)
    iris.get(through(iris, leave(iris)))
    assert is_in(iris)


def test_coming_again_leads_to_the_same_account(iris: Visitor) -> None:
    sign_in(iris)
    with stranger(iris.world) as other:
        sign_in(other)
        assert other.get("/me/signin").text.count("End this session") == 1


@pytest.mark.parametrize(
    "spoilt", [{"nonce": "another"}, {"aud": "somebody else"}, {"iss": "https://evil.example"}, {"exp": 1}]
)
def test_an_id_token_that_is_not_for_this_visit_signs_nobody_in(
    iris: Visitor, issuer: Issuer, spoilt: dict[str, object]
) -> None:
    issuer.spoil = spoilt
    sign_in(iris)
    assert iris.page.status_code == 401
    assert not is_in(iris)


def test_an_id_token_signed_with_another_key_signs_nobody_in(iris: Visitor, issuer: Issuer) -> None:
    issuer.signs_with = type(issuer.key).generate_key(2048, {"kid": "one"})
    sign_in(iris)
    assert iris.page.status_code == 401
    assert not is_in(iris)


def test_a_way_back_fits_only_the_browser_that_left_and_only_once(iris: Visitor) -> None:
    back = through(iris, leave(iris))
    with stranger(iris.world) as other:
        assert other.get(back).status_code == 422
        leave(other)
        assert other.get(back).status_code == 422  # another state
        assert not is_in(other)
    iris.get(back)
    iris.send("/join")
    assert is_in(iris)
    assert iris.get(back).status_code == 422


def test_a_provider_that_cannot_be_reached_leaves_the_other_ways(sqlite_db: Database, mail: Mailbox) -> None:
    nowhere = Provider("garden", "Garden", CLIENT, SECRET, "http://127.0.0.1:9")
    with running(sqlite_db, Entrance("http://campaign.test", mail, (nowhere,))) as world, stranger(world) as visitor:
        assert visitor.get("/signin/with/garden").status_code == 401
        assert form_of(visitor.page, "/signin/email")


def test_github_is_asked_for_the_verified_primary_address(iris: Visitor) -> None:
    iris.world.door.call(change_charter, None, {"trusted": ["https://github.com"]}, iris.world.now)
    sign_in(iris, "github")
    assert account(iris.world) is not None


def test_one_account_where_both_addresses_are_verified_and_the_issuer_is_trusted(
    iris: Visitor, issuer: Issuer, mail: Mailbox
) -> None:
    world = iris.world
    world.door.call(change_charter, None, {"trusted": [issuer.address]}, world.now)
    by_mail(iris, mail)
    person = account(world)
    assert person is not None
    with stranger(world) as other:
        sign_in(other)
    assert issuers_of(world, person) == {"email", issuer.address}


def test_the_same_account_by_mail_after_a_trusted_issuer(iris: Visitor, issuer: Issuer, mail: Mailbox) -> None:
    world = iris.world
    world.door.call(change_charter, None, {"trusted": [issuer.address]}, world.now)
    sign_in(iris)
    person = account(world)
    assert person is not None
    with stranger(world) as other:
        by_mail(other, mail)
    assert issuers_of(world, person) == {"email", issuer.address}


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_on_the_word_of_an_issuer_that_is_not_trusted_opens_no_account_of_others(
    iris: Visitor, issuer: Issuer, mail: Mailbox, verified: bool
) -> None:
    issuer.user["email_verified"] = verified
    by_mail(iris, mail)
    person = account(iris.world)
    assert person is not None
    with stranger(iris.world) as other:
        sign_in(other)
    assert issuers_of(iris.world, person) == {"email"}


def test_an_unverified_address_of_a_trusted_issuer_opens_no_account_of_others(
    iris: Visitor, issuer: Issuer, mail: Mailbox
) -> None:
    iris.world.door.call(change_charter, None, {"trusted": [issuer.address]}, iris.world.now)
    issuer.user["email_verified"] = False
    by_mail(iris, mail)
    person = account(iris.world)
    assert person is not None
    with stranger(iris.world) as other:
        sign_in(other)
    assert issuers_of(iris.world, person) == {"email"}


def test_a_way_is_added_and_removed_from_me_but_not_the_last_one(iris: Visitor, issuer: Issuer, mail: Mailbox) -> None:
    by_mail(iris, mail)
    person = account(iris.world)
    assert person is not None
    assert "/me/signin/remove" not in iris.get("/me/signin").text
    link(iris)
    assert iris.page.url.path == "/me/signin"
    assert issuers_of(iris.world, person) == {"email", issuer.address}
    form = form_of(iris.page, "/me/signin/remove")
    iris.post("/me/signin/remove", form.filled())
    assert len(issuers_of(iris.world, person)) == 1
    (left,) = issuers_of(iris.world, person)
    subject = "42" if left == issuer.address else ADDRESS
    token = form.filled()["form_token"]
    iris.post("/me/signin/remove", {"form_token": token, "issuer": [left], "subject": [subject]})
    assert "last way" in iris.page.text
    assert len(issuers_of(iris.world, person)) == 1


def test_an_account_elsewhere_that_belongs_to_somebody_cannot_be_added(iris: Visitor, mail: Mailbox) -> None:
    with stranger(iris.world) as other:
        sign_in(other)
    by_mail(iris, mail)
    link(iris)
    assert "another account" in iris.page.text


def test_after_ten_minutes_adding_a_way_asks_to_sign_in_again_with_a_way_of_the_account(
    iris: Visitor, mail: Mailbox
) -> None:
    by_mail(iris, mail)
    iris.get("/me/signin")
    iris.world.later(minutes=10)
    iris.send("/me/signin/with/garden")
    assert iris.page.url.path == "/signin/again"
    assert "Continue with" not in iris.page.text  # not one of this account's ways
    iris.send("/signin/email", email=ADDRESS)
    iris.send("/signin/code", code=code_in(mail.next()))
    link(iris)
    assert "from now on" in iris.page.text


def test_signing_in_again_with_somebody_elses_account_is_refused(iris: Visitor, issuer: Issuer) -> None:
    sign_in(iris)
    issuer.user = {"sub": "43", "email": "eve@example.org", "email_verified": True}
    sign_in(iris)
    assert iris.page.status_code == 401
    assert account(iris.world, "eve@example.org") is None


def test_who_may_not_come_gets_no_account(iris: Visitor, issuer: Issuer) -> None:
    iris.world.door.call(change_charter, None, {"admission": "domains", "domains": ["example.com"]}, iris.world.now)
    iris.get(through(iris, leave(iris)))
    assert "new ones are for mail addresses at example.com" in iris.page.text
    assert "/signin?next=/me/signin" in iris.page.text  # whoever has an account can add this way
    assert "I am new" not in iris.page.text
    assert not is_in(iris)


def test_who_is_shut_out_while_being_asked_gets_no_account(iris: Visitor, issuer: Issuer) -> None:
    iris.get(through(iris, leave(iris)))
    iris.world.door.call(change_charter, None, {"admission": "invitation"}, iris.world.now)
    iris.send("/join")
    assert iris.page.status_code == 403
    assert "by invitation" in iris.page.text
    assert not is_in(iris)


def test_who_is_invited_comes_with_an_account_elsewhere_too(iris: Visitor, issuer: Issuer) -> None:
    iris.world.door.call(change_charter, None, {"admission": "invitation"}, iris.world.now)
    with visit(iris.world, iris.world.chief.name) as chief:
        chief.get("/admin/invitations/links")
        chief.send("/admin/invitations/links", note="the class", places="1", days="7")
        iris.get(chief.page.text.split('value="http://campaign.test')[1].split('"')[0])
    sign_in(iris)
    assert is_in(iris)


def test_only_providers_that_the_organiser_wants_are_offered(iris: Visitor) -> None:
    iris.world.door.call(change_charter, None, {"providers": ["github"]}, iris.world.now)
    page = iris.get("/signin").text
    assert "Continue with <bdi>GitHub</bdi>" in page
    assert "Garden" not in page
    assert iris.get("/signin/with/garden").status_code == 404


def test_a_way_without_which_people_are_left_outside_is_switched_off_when_asked_twice(iris: Visitor) -> None:
    sign_in(iris)
    world = iris.world
    with visit(world, world.chief.name) as chief:
        chief.get("/admin/campaign")
        page = chief.send("/admin/campaign", providers=["github"])
        assert page.status_code == 422
        assert "People who have no other way to sign in: 1." in page.text
        assert world.door.call(charter_in_force).doors.providers == ()
        page = chief.send("/admin/campaign", providers=["github"], email=[])
        assert page.status_code == 422, "that is more than was warned of"
        assert "Saved." in chief.send("/admin/campaign").text
        assert world.door.call(charter_in_force).doors.providers == ("github",)


def test_the_ways_of_all_administrators_are_not_switched_off(iris: Visitor, issuer: Issuer) -> None:
    sign_in(iris)
    world = iris.world

    def leave_iris_alone(db: Connection) -> None:
        person = behind(db, issuer.address, "42")
        assert person is not None
        accounts.change_role(db, None, person.id, PersonRole.ADMIN, world.now)
        for other in people.admins(db):
            people.revoke_all(db, other, world.now)

    world.door.call(leave_iris_alone)
    iris.get("/admin/campaign")
    page = iris.send("/admin/campaign", providers=["github"])
    assert page.status_code == 422
    assert "No administrator could sign in any more" in page.text
    assert world.door.call(charter_in_force).doors.providers == ()
    assert "Saved." in iris.send("/admin/campaign", providers=["garden"]).text
