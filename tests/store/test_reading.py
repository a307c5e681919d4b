"""Lists of messages and trees: complete, in order, and read along an index whatever the filter."""

from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import Connection

from espalier.domain.message import Role
from espalier.domain.tree import State
from espalier.store import reading
from espalier.store.reading import IN_STATE, NEWEST, MessageFilter
from espalier.store.session import Database
from espalier.store.sql import Statement
from gardens import Garden

FILTERS: dict[str, Any] = {
    "lang": "en", "role": Role.ASSISTANT, "tree_id": "t", "author": "p", "deleted": True, "standing": True,
}  # fmt: skip
SETS = [frozenset(names) for size in range(4) for names in combinations(FILTERS, size)]


@pytest.fixture
def garden(db: Connection) -> Garden:
    garden = Garden(db)
    garden.policy()
    return garden


def plan(database: Database, statement: Statement) -> list[str]:
    with database.read() as db:
        sql = statement.sql(db.dialect)
        raw = db.connection.dbapi_connection
        assert raw is not None
        rows = raw.cursor().execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?"))
        return [row[3] for row in rows]


@pytest.mark.parametrize("names", SETS, ids=lambda names: "+".join(sorted(names)) or "none")
def test_every_list_of_messages_goes_along_one_index(sqlite_db: Database, names: frozenset[str]) -> None:
    steps = plan(sqlite_db, reading._newest_messages(names))
    assert all(step.startswith("SEARCH") or "TEMP B-TREE" in step for step in steps), steps
    if "tree_id" not in names:  # a tree has few messages, which are sorted
        along = next((index for name, index in (("author", "author"), ("lang", "lang")) if name in names), None)
        along = along or ("deleted" if "deleted" in names else "age")
        expected = "messages_deleted" if along == "deleted" else f"messages_by_{along}"
        assert expected in steps[0], steps
        assert not any("TEMP B-TREE" in step for step in steps), steps


@pytest.mark.parametrize("names", [(), ("lang",), ("role", "standing")], ids=str)
def test_lists_by_state_go_along_the_trees_of_that_state(sqlite_db: Database, names: tuple[str, ...]) -> None:
    steps = plan(sqlite_db, reading._by_state(frozenset(names)))
    assert "trees_in_order (state=?" in steps[0], steps
    assert all(step.startswith("SEARCH") or "RIGHT PART OF ORDER BY" in step for step in steps), steps


@pytest.mark.parametrize(
    ("names", "index"),
    [
        ((), "trees_by_age"),
        (("state",), "trees_in_order (state=?"),
        (("lang",), "trees_by_lang (lang=?"),
        (("lang", "state"), "trees_by_lang_and_state (lang=? AND state=?"),
    ],
)
def test_every_list_of_trees_goes_along_one_index(sqlite_db: Database, names: tuple[str, ...], index: str) -> None:
    for standing in (False, True):
        steps = plan(sqlite_db, reading._newest_trees(frozenset(names), standing))
        assert index in steps[0], steps
        assert not any("TEMP B-TREE" in step for step in steps), steps


def test_pages_join_to_the_whole_list_also_where_times_are_equal(garden: Garden) -> None:
    chief = garden.admin()
    for number in range(7):
        garden.tree(chief, f"Number {number}?")
        if number % 2:
            garden.later(seconds=-1)  # the next one has the same time
    whole = reading.newest_messages(garden.db, MessageFilter(), 100)
    assert [(each.created_at, each.id) for each in whole] == sorted(
        ((each.created_at, each.id) for each in whole), reverse=True
    )
    read: list[str] = []
    after = NEWEST
    while part := reading.newest_messages(garden.db, MessageFilter(), 2, after=after):
        read += [each.id for each in part]
        after = reading.place_of(part[-1])
    assert read == [each.id for each in whole]
    trees = reading.newest_trees(garden.db, 100)
    assert [tree.id for tree in trees] == read
    assert reading.newest_trees(garden.db, 100, after=reading.place_of_tree(trees[2])) == trees[3:]


def test_a_list_by_state_keeps_each_tree_together_over_pages(garden: Garden) -> None:
    chief, ada = garden.admin(), garden.person("ada")
    first, second = garden.tree(chief), garden.tree(chief)
    for parent in (first, second, first):
        garden.reply(ada, parent)
    read: list[tuple[str, int]] = []
    after = IN_STATE
    while part := reading.messages_in_state(garden.db, State.GROWING, MessageFilter(), 2, after=after):
        read += [(message.tree_id, message.depth) for message, _ in part]
        after = part[-1][1]
    assert read == [(second, 0), (second, 1), (first, 0), (first, 1), (first, 1)]


def test_a_viewer_brings_what_they_have_judged_and_hold(garden: Garden) -> None:
    chief, ada, ben = garden.admin(), garden.person("ada"), garden.person("ben")
    tree_id = garden.tree(chief)
    reply = garden.reply(ada, tree_id)
    garden.review(ben, reply)
    looked_at = reading.messages_of_tree(garden.db, tree_id)
    assert ("label", reply) in reading.viewer(garden.db, ben, looked_at).done
    assert ("label", reply) in reading.viewer(garden.db, ada, looked_at).done
    assert reading.viewer(garden.db, chief, looked_at).administers
