"""Rows of people and tokens: lists in order, searches, revocation."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from espalier.store import people
from espalier.store.people import Person, PersonRole
from espalier.store.session import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def person(person_id: str, name: str, *, role: PersonRole = PersonRole.CONTRIBUTOR, email: str | None = None) -> Person:
    return Person(person_id, name, role, False, True, False, NOW, email)


def test_a_person_is_found_by_a_token_until_it_is_revoked(db: Connection) -> None:
    people.add_person(db, person("p1", "Ada"))
    people.add_token(db, people.token_hash("esp_secret"), "t1", "p1", "laptop", "read", NOW)

    found = people.by_token(db, people.token_hash("esp_secret"))
    assert found is not None
    assert (found.id, found.scope) == ("p1", "read")
    assert people.revoke_token(db, "p1", "t1", NOW)
    assert people.by_token(db, people.token_hash("esp_secret")) is None
    assert not people.revoke_token(db, "p1", "t1", NOW), "it is revoked once only"


def test_the_list_of_tokens_says_when_each_was_revoked(db: Connection) -> None:
    people.add_person(db, person("p1", "Ada"))
    later = NOW + timedelta(hours=1)
    people.add_token(db, "hash1", "t1", "p1", "laptop", "full", NOW)
    people.add_token(db, "hash2", "t2", "p1", "phone", "read", later)
    assert people.revoke_all(db, "p1", later) == 2

    assert [(token.id, token.scope, token.revoked_at) for token in people.tokens_of(db, "p1")] == [
        ("t1", "full", later),
        ("t2", "read", later),
    ]


def test_pages_of_people_follow_each_other_without_gap_or_repetition(db: Connection) -> None:
    for number in range(7):
        people.add_person(db, person(f"p{number}", f"name {number // 3}"))  # several people bear the same name

    seen: list[str] = []
    after = ("", "")
    while page := people.search_people(db, 2, after=after):
        assert len(page) <= 2
        seen += [each.id for each in page]
        after = (page[-1].name, page[-1].id)
    assert seen == [f"p{number}" for number in range(7)]


def test_people_are_searched_by_a_part_of_their_name_or_by_the_whole_id_and_by_address_where_asked(
    db: Connection,
) -> None:
    people.add_person(db, person("p1", "Ada Lovelace", email="ada@example.org"))
    people.add_person(db, person("p2", "Grace 100%", email="grace@example.com"))

    def found(wanted: str, *, addresses: bool = False) -> list[str]:
        return [each.id for each in people.search_people(db, 10, wanted=wanted, addresses=addresses)]

    assert found("LOVE") == ["p1"]
    assert found("example.com") == []
    assert found("example.com", addresses=True) == ["p2"]
    assert found("p2") == ["p2"]
    assert found("0%") == ["p2"]
    assert found("%") == ["p2"], "a percent sign is a percent sign"
    assert found("a_a") == []


def test_administrators_who_are_disabled_do_not_count(db: Connection) -> None:
    chief = person("p1", "Ada", role=PersonRole.ADMIN)
    people.add_person(db, chief)
    people.add_person(db, person("p2", "Grace", role=PersonRole.ADMIN))
    people.add_person(db, person("p3", "Edsger", role=PersonRole.MODERATOR))
    assert people.admins(db) == ["p1", "p2"]
    people.save_person(db, replace(chief, disabled=True))
    assert people.admins(db) == ["p2"]


def test_a_ban_holds_for_what_was_sent_while_it_was_decided(postgres_db: Database) -> None:
    with postgres_db.writer.begin() as db:
        people.add_person(db, person("p1", "Ada"))
        people.add_token(db, "hash", "t1", "p1", "laptop", "full", NOW)

    def look_up() -> Person | None:
        with postgres_db.writer.begin() as other:
            return people.by_token_alone(other, "hash")

    with ThreadPoolExecutor(1) as threads:
        with postgres_db.writer.begin() as db:
            found = people.by_token_alone(db, "hash")
            assert found is not None
            waiting = threads.submit(look_up)
            while not _somebody_waits(postgres_db):
                assert not waiting.done(), "nobody may come in meanwhile"
            people.save_person(db, replace(found, disabled=True))
        seen = waiting.result()
    assert seen is not None
    assert seen.disabled


def _somebody_waits(database: Database) -> bool:
    with database.read() as db:
        return bool(db.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar())


def test_several_people_are_found_at_once_and_unknown_ones_left_out(db: Connection) -> None:
    for name in ("ada", "ben"):
        people.add_person(db, person(name, name))
    assert people.by_ids(db, {"ada", "ben", "nobody"}).keys() == {"ada", "ben"}
    assert people.by_ids(db, ()) == {}
