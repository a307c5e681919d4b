"""What the writer of SQLite keeps: whoever asks is told what stands in the database, whatever happened between."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from sqlalchemy import Connection, Table, update
from sqlalchemy.sql.util import find_tables

from espalier.collect.change import Scene, change_tree
from espalier.domain.contribution import Planted, Reviewed
from espalier.domain.errors import Refusal
from espalier.domain.message import Message, Review, Role
from espalier.domain.policy import CampaignPolicy
from espalier.domain.tree import Shape, Tree
from espalier.store import charters, notices, people, policies, tables
from espalier.store.door import Door, open_door
from espalier.store.facts import record
from espalier.store.kept import MOST_MESSAGES, TABLES, Kept, keep_no_more, kept
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook
from espalier.store.session import Database, open_engine
from espalier.store.sql import KeptStatement, Statement
from espalier.store.trees import load_tree, load_trees

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ANN = Person("ann", "Ann", PersonRole.CONTRIBUTOR, False, True, False, NOW)


@pytest.fixture
def door(any_database: Database) -> Iterator[Door]:
    door = open_door(any_database, threads=1)
    door.call(people.add_person, ANN)
    door.call(people.add_token, "of Ann", "t1", "ann", "laptop", "full", NOW)
    yield door
    door.close()


def suspended(db: Connection) -> datetime | None:
    person = people.by_token_alone(db, "of Ann")
    assert person is not None
    return person.suspended_until


def test_what_is_changed_holds_for_whoever_asks_next(door: Door) -> None:
    assert door.call(suspended) is None
    door.call(people.suspend, "ann", NOW)
    assert door.call(suspended) == NOW
    door.call(people.suspend, "ann", None)
    assert door.call(suspended) is None


def test_what_is_undone_was_never_there(door: Door) -> None:
    def in_vain(db: Connection) -> None:
        people.suspend(db, "ann", NOW)
        assert suspended(db) == NOW
        raise Refusal("No.")

    assert door.call(suspended) is None
    with pytest.raises(Refusal):
        door.call(in_vain)
    assert door.call(suspended) is None


def test_what_another_process_changes_is_seen(door: Door, any_database: Database) -> None:
    assert door.call(suspended) is None
    other = open_engine(any_database.url.render_as_string(hide_password=False))
    with other.begin() as db:
        people.suspend(db, "ann", NOW)
    other.dispose()
    assert door.call(suspended) == NOW


def test_whoever_gets_the_connection_next_keeps_nothing(any_database: Database) -> None:
    door = open_door(any_database, threads=1)
    door.call(people.add_person, ANN)
    door.close()
    with any_database.writer.begin() as db:
        assert kept(db) is None


def test_only_questions_of_tables_that_are_watched_are_kept() -> None:
    asked = [
        statement
        for module in (charters, notices, people, policies)
        for statement in vars(module).values()
        if isinstance(statement, KeptStatement)
    ]
    assert len(asked) == 5
    for statement in asked:
        tables = find_tables(statement._build, include_joins=True, include_selects=True)  # type: ignore[arg-type]
        names = {str(table) for table in tables if isinstance(table, Table)}
        assert names
        assert names <= TABLES


@pytest.fixture
def tree(door: Door) -> Tree:
    door.call(policies.keep_policy, CampaignPolicy(), None, NOW)
    return door.call(planted)


def planted(db: Connection) -> Tree:
    prompt = Message("t1", None, Role.PROMPTER, "ann", NOW, "en", "Why is the sky blue?", 0)
    fact = Planted(prompt, Shape(3, 3, 1, 12), PolicyBook(db).version)
    record(db, "t1", fact, NOW, person="ann")
    return change_tree(db, None, fact, scene(db))


def scene(db: Connection) -> Scene:
    return Scene(PolicyBook(db), NOW, Random(1))


def review(db: Connection) -> Tree:
    tree = load_tree(db, "t1")
    said = Review(0, "ann", NOW, {"spam": 0.0}, full=False)
    number = record(db, "t1", Reviewed("t1", said), NOW, person="ann")
    return change_tree(db, tree, Reviewed("t1", replace(said, id=number)), scene(db))


def load(db: Connection) -> Tree:
    return load_tree(db, "t1")


def read(database: Database) -> Tree:
    """As anybody reads it who keeps nothing."""
    with database.read() as db:
        (found,) = load_trees(db, ["t1"])
        return found


def test_a_tree_that_somebody_changed_is_what_the_next_one_finds(
    door: Door, tree: Tree, any_database: Database
) -> None:
    assert door.call(load) == tree == read(any_database)
    after = door.call(review)
    assert door.call(load) == after == read(any_database)
    assert len(after.root.reviews) == 1


def test_a_change_of_a_tree_that_is_undone_was_never_there(door: Door, tree: Tree, any_database: Database) -> None:
    def in_vain(db: Connection) -> None:
        assert len(review(db).root.reviews) == 1
        raise Refusal("No.")

    with pytest.raises(Refusal):
        door.call(in_vain)
    assert door.call(load) == tree == read(any_database)


def test_whatever_else_changes_a_tree_is_seen(door: Door, tree: Tree, any_database: Database) -> None:
    changes: list[Callable[[Connection], object]] = [
        Statement(update(tables.trees).values(won_lottery=1)).run,
        Statement(update(tables.messages).values(edited=1)).run,
        Statement(update(tables.contributions).where(tables.contributions.c.kind == "reviewed").values(void=1)).run,
    ]
    door.call(review)
    for change in changes:
        before = door.call(load)
        door.call(change)
        assert door.call(load) == read(any_database) != before
    assert door.call(load).root.reviews == ()


def test_a_tree_that_another_process_changes_is_seen(door: Door, tree: Tree, any_database: Database) -> None:
    assert door.call(load) == tree
    other = open_engine(any_database.url.render_as_string(hide_password=False))
    with other.begin() as db:
        after = review(db)
    other.dispose()
    assert door.call(load) == after


def test_no_more_trees_are_kept_than_the_memory_holds(any_database: Database, tree: Tree) -> None:
    with any_database.writer.connect() as db:
        here = Kept(db)
        for number in range(MOST_MESSAGES + 2):
            here.keep_tree(replace(tree, id=str(number)))
            here.keep_tree(replace(tree, id=str(number)))
        assert [here.tree(str(number)) is None for number in (0, 1, 2, MOST_MESSAGES + 1)] == [True, True, False, False]
        keep_no_more(db)
