"""Statements that are compiled once, on both databases."""

import sqlite3

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from espalier.store.session import Database
from espalier.store.sql import Statement

notes = Table(
    "notes_of_a_test",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("words", Text),
    Column("number", BigInteger),
    Column("weight", Double),
)
N = notes.c
KEEP = Statement(insert(notes).values({column.name: bindparam(column.name) for column in N}))
FIND = Statement(select(notes).where(N.id == bindparam("id")))
ALL = Statement(select(notes).order_by(N.id))
AMONG = Statement(select(N.id).where(N.id.in_(bindparam("ids", expanding=True))).order_by(N.id))
NOT_AMONG = Statement(select(N.id).where(N.number.not_in(bindparam("numbers", expanding=True))).order_by(N.id))
COUNT_UP = Statement(update(notes).where(N.id == bindparam("key")).values(number=N.number + 1))


@pytest.fixture
def kept(db: Connection) -> Connection:
    notes.create(db)
    KEEP.many(db, [{"id": f"n{i}", "words": None, "number": i, "weight": i / 4} for i in range(5)])
    return db


def test_a_row_answers_by_name_and_by_place(kept: Connection) -> None:
    row = FIND.row(kept, id="n3")

    assert (row.id, row.words, row.number, row.weight) == row == ("n3", None, 3, 0.75)


def test_what_is_not_there_is_none_or_empty(kept: Connection) -> None:
    assert FIND.row(kept, id="nobody") is None
    assert FIND.value(kept, id="nobody") is None
    assert FIND.rows(kept, id="nobody") == []
    assert COUNT_UP.run(kept, key="nobody") == 0
    assert KEEP.many(kept, []) == 0


def test_a_change_says_how_many_rows_it_touched(kept: Connection) -> None:
    assert COUNT_UP.run(kept, key="n3") == 1
    assert COUNT_UP.many(kept, [{"key": "n0"}, {"key": "n1"}, {"key": "nobody"}]) == 2
    assert [row.number for row in ALL.rows(kept)] == [1, 2, 2, 4, 4]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 100, 5000])
def test_a_list_of_any_length_is_one_argument(kept: Connection, length: int) -> None:
    assert AMONG.values(kept, ids=[f"n{i}" for i in range(length)]) == [f"n{i}" for i in range(min(length, 5))]
    assert NOT_AMONG.values(kept, numbers=range(length)) == [f"n{i}" for i in range(length, 5)]


def test_rows_stream_in_order_while_others_are_read(kept: Connection) -> None:
    first, second = ALL.stream(kept, 2), ALL.stream(kept, 2)

    assert [(a.id, b.id) for a, b in zip(first, second, strict=True)] == [(f"n{i}", f"n{i}") for i in range(5)]


def test_a_fixed_value_stands_in_the_text_so_that_a_partial_index_is_found(kept: Connection) -> None:
    fixed = Statement(select(func.count()).where(N.words == "it's 100% \\ :sure ?", N.number < bindparam("below")))
    KEEP.run(kept, id="x", words="it's 100% \\ :sure ?", number=1, weight=None)

    assert "sure" in fixed.sql(kept.dialect)
    assert fixed.value(kept, below=9) == 1


def test_each_dialect_gets_its_own_insert(kept: Connection) -> None:
    keep_newer = Statement(
        lambda insert: (
            insert(notes)
            .values(id=bindparam("id"), number=bindparam("number"))
            .on_conflict_do_update(index_elements=["id"], set_={"number": bindparam("number")})
            .returning(N.number)
        )
    )

    assert keep_newer.value(kept, id="n1", number=70) == 70
    assert keep_newer.value(kept, id="new", number=80) == 80
    assert FIND.row(kept, id="n1").number == 70


def test_plain_sql_works_too(kept: Connection) -> None:
    assert Statement(text("SELECT max(number) AS top FROM notes_of_a_test")).row(kept).top == 4
    assert Statement(delete(notes)).run(kept) == 5


@pytest.mark.parametrize("arguments", [{}, {"id": "n1", "more": 1}, {"key": "n1"}])
def test_a_missing_or_unknown_argument_is_named(kept: Connection, arguments: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=r"\['id'\]"):
        FIND.row(kept, **arguments)


def test_errors_are_of_one_family_and_hold_nobodys_text(kept: Connection) -> None:
    with pytest.raises(IntegrityError) as caught, kept.begin_nested():
        KEEP.run(kept, id="n1", words="my secret", number=1, weight=1.0)
    assert isinstance(caught.value.orig, sqlite3.IntegrityError | psycopg.IntegrityError)
    assert "my secret" not in str(caught.value)

    with pytest.raises((OperationalError, ProgrammingError)), kept.begin_nested():
        Statement(text("SELECT nothing FROM nowhere")).rows(kept)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    words=some.none() | some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    number=some.none() | some.integers(-(2**63), 2**63 - 1),
    weight=some.none() | some.floats(allow_nan=False),
)
def test_what_is_kept_comes_back_as_it_was(
    kept: Connection, words: str | None, number: int | None, weight: float | None
) -> None:
    with kept.begin_nested() as undo:
        KEEP.run(kept, id="same", words=words, number=number, weight=weight)
        assert FIND.row(kept, id="same") == ("same", words, number, weight)
        undo.rollback()


def test_a_statement_begins_a_transaction_as_any_other_would(any_database: Database) -> None:
    with any_database.writer.connect() as db:
        notes.create(db)
        db.commit()
        KEEP.run(db, id="a", words=None, number=1, weight=1.0)
        assert db.in_transaction()
        db.rollback()
        assert ALL.rows(db) == []


def test_a_connection_that_broke_is_not_used_again(postgres_db: Database) -> None:
    ask = Statement(select(func.pg_backend_pid()))
    end = Statement(select(func.pg_terminate_backend(bindparam("pid"))))
    with postgres_db.writer.connect() as db, postgres_db.writer.connect() as other:
        pid = ask.value(db)
        end.value(other, pid=pid)
        with pytest.raises(OperationalError) as caught:
            ask.value(db)
        assert caught.value.connection_invalidated
    with postgres_db.writer.connect() as db:
        assert ask.value(db) != pid
