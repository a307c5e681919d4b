"""Sessions and ways to sign in, on both databases: what opens once, what ends what, and who may come."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from random import Random
from threading import Barrier

import pytest

from espalier.collect import accounts, admission, erasure, sessions, signin, survey, ways, welcome
from espalier.collect.charter import change_charter
from espalier.collect.sessions import SignedIn
from espalier.collect.ways import Proof
from espalier.domain.admission import Admission, Doors
from espalier.domain.charter import InvalidCharter, Stranded
from espalier.domain.errors import Conflict, Invalid, NotAllowed, NotFound, RateLimited, Unauthenticated
from espalier.store import identities, people, surveys
from espalier.store import sessions as rows
from espalier.store.identities import EMAIL
from espalier.store.people import Person, PersonRole
from espalier.store.preferences import preferences_of
from espalier.store.session import Database
from gardens import NOON, Garden

ADDRESS = "iris@example.org"
MAIL = Proof(EMAIL, ADDRESS, ADDRESS, ADDRESS)
ISSUER = "https://accounts.example"
ELSEWHERE = Proof(ISSUER, "42", "iris", ADDRESS)
OPEN, TRUSTING = Doors(), Doors(trusted=(ISSUER,))


def come(garden: Garden, proof: Proof = MAIL, doors: Doors = OPEN, invitation: str | None = None) -> SignedIn:
    return ways.sign_in(
        garden.db, proof, doors, "a browser", secrets.token_urlsafe, garden.now, garden.rng, invitation=invitation
    )


def running(garden: Garden, person: Person) -> list[str]:
    return [each.id for each in rows.sessions_of(garden.db, person.id, garden.now)]


def session_of(garden: Garden, made: SignedIn) -> rows.Session | None:
    return rows.find_session(garden.db, people.token_hash(made.token), garden.now)


def test_whoever_signs_in_first_gets_an_account_with_a_name_of_two_words(garden: Garden) -> None:
    made = come(garden)
    assert len(made.person.name.split()) == 2
    assert made.person.email == ADDRESS
    assert come(garden).person.id == made.person.id


def test_two_first_visits_at_the_same_moment_are_one_account(any_database: Database) -> None:
    """On PostgreSQL in two transactions, neither of which sees the other; on SQLite one after the other."""
    mail, vouched = MAIL, Proof(ISSUER, "42", "iris", ADDRESS)
    for number, proofs in enumerate([(mail, mail), (vouched, vouched), (mail, vouched)]):
        _come_at_once(any_database, proofs, (f"first {number}", f"second {number}"))


def _come_at_once(database: Database, proofs: tuple[Proof, Proof], seeds: tuple[str, str]) -> None:
    together = Barrier(2)

    def enter(proof: Proof, seed: str) -> str:
        with database.writer.begin() as db:
            if database.writer.dialect.name == "postgresql":
                together.wait(20)
            made = ways.sign_in(db, proof, TRUSTING, "a browser", secrets.token_urlsafe, NOON, Random(seed))
            return made.person.id

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(enter, proofs, seeds)
    assert first == second
    with database.writer.begin() as db:
        for way in identities.ways_of(db, first):
            identities.remove(db, first, way.issuer, way.subject)
        person = people.by_id(db, first)
        assert person is not None
        people.save_person(db, replace(person, email=None))


def test_signing_in_ends_the_session_that_the_browser_came_with(garden: Garden) -> None:
    first = come(garden)
    second = ways.sign_in(
        garden.db, MAIL, OPEN, "a browser", secrets.token_urlsafe, garden.now, garden.rng,
        replaces=people.token_hash(first.token),
    )  # fmt: skip
    assert session_of(garden, first) is None
    assert session_of(garden, second) is not None


def test_a_session_lasts_while_it_is_used_and_thirty_days_beyond(garden: Garden) -> None:
    made = come(garden)
    garden.later(days=29)
    session = session_of(garden, made)
    assert session is not None
    assert sessions.is_to_touch(session, garden.now)
    sessions.touch(garden.db, people.token_hash(made.token), garden.now)
    garden.later(days=29)
    assert session_of(garden, made) is not None
    garden.later(days=1)
    assert session_of(garden, made) is None


def test_its_use_is_noted_once_an_hour(garden: Garden) -> None:
    session = session_of(garden, come(garden))
    assert session is not None
    assert not sessions.is_to_touch(session, garden.now + timedelta(minutes=59))
    assert sessions.is_to_touch(session, garden.now + timedelta(minutes=60))


def test_what_is_grave_may_be_done_for_ten_minutes(garden: Garden) -> None:
    session = session_of(garden, come(garden))
    assert session is not None
    assert sessions.is_fresh(session, garden.now + timedelta(minutes=9, seconds=59))
    assert not sessions.is_fresh(session, garden.now + timedelta(minutes=10))


def test_one_session_or_all_others_are_ended_by_their_person_alone(garden: Garden) -> None:
    made = [come(garden) for _ in range(3)]
    person = made[0].person
    mine, other, third = (session_of(garden, each) for each in made)
    assert mine
    assert other
    assert third
    with pytest.raises(NotFound):
        sessions.end_session(garden.db, garden.person("ada"), other.id)
    sessions.end_session(garden.db, person, other.id)
    assert set(running(garden, person)) == {mine.id, third.id}
    assert sessions.end_others(garden.db, person, mine.id) == 1
    assert running(garden, person) == [mine.id]


def test_a_closed_account_has_no_sessions_ways_or_survey_and_its_address_may_come_anew(garden: Garden) -> None:
    made = come(garden)
    survey.answer(garden.db, made.person, {"age": "25_34"})
    erasure.close_account(garden.db, made.person, made.person.id, garden.now, garden.rng)
    assert session_of(garden, made) is None
    assert identities.ways_of(garden.db, made.person.id) == []
    assert surveys.answers_of(garden.db, made.person.id) == {}
    assert come(garden).person.id != made.person.id


def test_somebody_banned_gets_a_session_to_read_why(garden: Garden) -> None:
    made = come(garden)
    accounts.ban(garden.db, garden.moderator(), made.person.id, garden.now)
    again = come(garden)
    assert again.person.disabled
    assert session_of(garden, again) is not None


def test_a_trusted_issuer_leads_to_the_account_of_the_same_verified_address(garden: Garden) -> None:
    person = come(garden).person
    assert come(garden, ELSEWHERE, TRUSTING).person.id == person.id
    assert [way.issuer for way in identities.ways_of(garden.db, person.id)] == [EMAIL, ISSUER]


@pytest.mark.parametrize(
    ("proof", "doors"), [(ELSEWHERE, OPEN), (Proof(ISSUER, "42", "iris"), TRUSTING)], ids=["not trusted", "unverified"]
)
def test_without_trust_or_a_verified_address_it_is_another_account(garden: Garden, proof: Proof, doors: Doors) -> None:
    person = come(garden).person
    other = come(garden, proof, doors).person
    assert other.id != person.id
    assert other.email is None


def test_an_address_that_somebody_only_wrote_down_is_no_reason_to_trust_an_issuer(garden: Garden) -> None:
    invited = accounts.create_person(
        garden.db, garden.admin(), "Iris", people.PersonRole.CONTRIBUTOR, secrets.token_urlsafe, garden.now,
        garden.rng, email=ADDRESS,
    ).person  # fmt: skip
    other = come(garden, ELSEWHERE, TRUSTING).person
    assert other.id != invited.id
    assert other.email is None
    assert come(garden).person.id == invited.id  # the letter was received


def test_an_address_takes_the_place_of_the_one_before(garden: Garden) -> None:
    person = come(garden).person
    new = Proof(EMAIL, "new@example.org", "new@example.org", "new@example.org")
    ways.link(garden.db, person, new, garden.now)
    assert [way.subject for way in identities.ways_of(garden.db, person.id)] == ["new@example.org"]
    assert come(garden, new).person.id == person.id
    assert come(garden).person.id != person.id


def test_a_way_of_somebody_else_cannot_be_linked(garden: Garden) -> None:
    come(garden, ELSEWHERE)
    person = come(garden).person
    with pytest.raises(Conflict):
        ways.link(garden.db, person, ELSEWHERE, garden.now)
    with pytest.raises(Conflict):
        ways.link(garden.db, garden.person("ada"), MAIL, garden.now)


def test_the_last_way_and_the_address_of_a_password_stay(garden: Garden) -> None:
    person = come(garden).person
    with pytest.raises(Conflict):
        ways.unlink(garden.db, person, EMAIL, ADDRESS, garden.now)
    ways.set_password(garden.db, person, "argon2", garden.now)
    with pytest.raises(Conflict):
        ways.unlink(garden.db, person, EMAIL, ADDRESS, garden.now)
    ways.unlink(garden.db, person, identities.PASSWORD, person.id, garden.now)
    ways.link(garden.db, person, ELSEWHERE, garden.now)
    ways.unlink(garden.db, person, EMAIL, ADDRESS, garden.now)
    assert [way.issuer for way in identities.ways_of(garden.db, person.id)] == [ISSUER]


def test_a_password_that_was_changed_meanwhile_signs_nobody_in(garden: Garden) -> None:
    person = come(garden).person
    ways.set_password(garden.db, person, "the old one", garden.now)
    assert ways.password_of(garden.db, ADDRESS) == (person.id, "the old one")
    ways.set_password(garden.db, person, "the new one", garden.now)
    with pytest.raises(Unauthenticated):
        sessions.sign_in_by_password(
            garden.db, person.id, "the old one", "", secrets.token_urlsafe, garden.now, garden.rng
        )


@pytest.mark.parametrize(
    ("doors", "proof", "comes"),
    [
        (Doors(admission=Admission.INVITATION), MAIL, False),
        (Doors(admission=Admission.DOMAINS, domains=("example.org",)), MAIL, True),
        (Doors(admission=Admission.DOMAINS, domains=("example.com",)), MAIL, False),
        (Doors(admission=Admission.DOMAINS, domains=("ample.org",)), MAIL, False),
        (Doors(admission=Admission.DOMAINS, domains=("example.org",)), ELSEWHERE, False),  # on whose word?
        (Doors(admission=Admission.DOMAINS, domains=("example.org",), trusted=(ISSUER,)), ELSEWHERE, True),
    ],
)
def test_who_may_come(garden: Garden, doors: Doors, proof: Proof, comes: bool) -> None:
    if comes:
        assert come(garden, proof, doors).person
    else:
        with pytest.raises(NotAllowed):
            come(garden, proof, doors)


def test_an_invitation_lets_in_as_many_as_it_has_places_until_its_end(garden: Garden) -> None:
    closed = Doors(admission=Admission.INVITATION)
    chief = garden.admin()
    made, token = admission.invite_by_link(
        garden.db, chief, "the class", 1, 7, secrets.token_urlsafe, garden.now, garden.rng
    )
    held = people.token_hash(token)
    person = come(garden, MAIL, closed, held).person
    assert come(garden, MAIL, closed).person.id == person.id  # who is in needs no further one
    with pytest.raises(NotAllowed):
        come(garden, ELSEWHERE, closed, held)
    _, other = admission.invite_by_link(garden.db, chief, "", 5, 7, secrets.token_urlsafe, garden.now, garden.rng)
    garden.later(days=7)
    with pytest.raises(NotAllowed):
        come(garden, ELSEWHERE, closed, people.token_hash(other))
    with pytest.raises(NotFound):
        admission.end_invitation(garden.db, chief, made.id, garden.now)


def test_only_administrators_invite(garden: Garden) -> None:
    with pytest.raises(NotAllowed):
        admission.invite_by_link(
            garden.db, garden.moderator(), "", 1, 7, secrets.token_urlsafe, garden.now, garden.rng
        )  # fmt: skip


def test_tries_are_counted_and_forgotten_after_a_quarter_of_an_hour(garden: Garden) -> None:
    for _ in range(3):
        signin.count(garden.db, [("mail a", 3)], garden.now)
    with pytest.raises(RateLimited) as refused:
        signin.count(garden.db, [("mail a", 3)], garden.now)
    assert refused.value.retry_after_s == 900
    signin.count(garden.db, [("mail b", 3)], garden.now)
    signin.count(garden.db, [("mail a", 3)], garden.later(minutes=15))


def test_a_link_of_an_administrator_opens_once_without_an_address(garden: Garden) -> None:
    chief = garden.admin()
    asked = signin.ask(garden.db, None, "/admin", secrets.token_urlsafe, garden.now, person_id=chief.id)

    def open_it() -> signin.Opened:
        return signin.by_link(
            garden.db, asked.link, None, OPEN, "", secrets.token_urlsafe, garden.now, garden.rng
        )  # fmt: skip

    opened = open_it()
    assert opened.next == "/admin"
    assert opened.signed_in is not None
    assert opened.signed_in.person.id == chief.id
    with pytest.raises(NotFound):
        open_it()


def test_a_link_that_adds_an_address_opens_for_its_account_alone(garden: Garden) -> None:
    ada = garden.person("ada")
    asked = signin.ask(garden.db, ADDRESS, "/me", secrets.token_urlsafe, garden.now, person_id=ada.id)
    for other in (None, garden.person("ben")):
        with pytest.raises(Unauthenticated):
            signin.by_link(garden.db, asked.link, other, OPEN, "", secrets.token_urlsafe, garden.now, garden.rng)
        asked = signin.ask(garden.db, ADDRESS, "/me", secrets.token_urlsafe, garden.now, person_id=ada.id)
    opened = signin.by_link(garden.db, asked.link, ada, OPEN, "", secrets.token_urlsafe, garden.now, garden.rng)
    assert opened.signed_in is None
    assert come(garden).person.id == ada.id


def test_the_first_visit_keeps_name_languages_and_the_board(garden: Garden) -> None:
    person = come(garden).person
    welcome.welcome(garden.db, person, "Iris", ["de", "ar", "de"], True, garden.now)
    kept = preferences_of(garden.db, person.id)
    assert (kept.langs, kept.named, kept.welcomed) == (("de", "ar"), True, True)
    after = people.by_id(garden.db, person.id)
    assert after is not None
    assert (after.name, after.on_board) == ("Iris", True)


@pytest.mark.parametrize(
    ("name", "langs", "field"),
    [("", ["en"], "name"), (" Iris", ["en"], "name"), ("Iris", [], "langs"), ("Iris", ["no such"], "langs")],
)
def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    garden: Garden, name: str, langs: list[str], field: str
) -> None:
    person = come(garden).person
    with pytest.raises(Invalid) as refused:
        welcome.welcome(garden.db, person, name, langs, True, garden.now)
    assert refused.value.field == field
    assert not preferences_of(garden.db, person.id).welcomed


def test_a_way_that_is_switched_off_leaves_nobody_outside_unasked(garden: Garden) -> None:
    def opens(doors: Doors) -> set[str]:
        return {EMAIL, ISSUER} if doors.email else {ISSUER}

    def switch_off_mail(*, sure: bool = False) -> None:
        change_charter(
            garden.db, None, {"email": False, "providers": ["issuer"]}, garden.now, opens=opens, sure=sure
        )  # fmt: skip

    person = come(garden).person
    accounts.change_role(garden.db, None, person.id, PersonRole.ADMIN, garden.now)
    with pytest.raises(InvalidCharter, match="No administrator"):
        switch_off_mail(sure=True)
    garden.admin()
    with pytest.raises(Stranded, match=r": 1\."):
        switch_off_mail()
    with pytest.raises(Conflict):
        ways.unlink(garden.db, person, EMAIL, ADDRESS, garden.now, offered={ISSUER})
    ways.link(garden.db, person, ELSEWHERE, garden.now)
    switch_off_mail()
    with pytest.raises(Conflict, match="last way"):
        ways.unlink(garden.db, person, ISSUER, "42", garden.now, offered={ISSUER})


def test_a_survey_is_read_in_groups_of_ten_or_more(garden: Garden) -> None:
    for number in range(10):
        answers = {"age": "25_34", "region": "europe" if number else "oceania", "gender": ""}
        survey.answer(garden.db, garden.person(f"p{number}"), answers)
    counted = survey.counts(garden.db, garden.admin())
    assert counted == {"age": {"25_34": 10}, "gender": {}, "region": {}, "satisfaction": {}, "first_language": {}}
    with pytest.raises(NotAllowed):
        survey.counts(garden.db, garden.moderator())


def test_answers_are_changed_and_removed(garden: Garden) -> None:
    ada = garden.person("ada")
    survey.answer(garden.db, ada, {"age": "25_34", "first_language": "ko"})
    survey.answer(garden.db, ada, {"age": "35_44"})
    assert survey.answers_of(garden.db, ada) == {"age": "35_44"}
    survey.answer(garden.db, ada, {})
    assert survey.answers_of(garden.db, ada) == {}
    with pytest.raises(Invalid):
        survey.answer(garden.db, ada, {"age": "about forty"})
