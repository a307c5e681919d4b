"""Migrations, on both databases."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from espalier.store.migrate import DatabaseTooNew, current_revision, head, migrate
from espalier.store.search_tables import is_declared
from espalier.store.session import open_engine
from espalier.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    return str(request.getfixturevalue("empty_postgres_url"))


def order(url: str, sql: str) -> None:
    engine = open_engine(url)
    with engine.begin() as db:
        db.exec_driver_sql(sql)
    engine.dispose()


def described(db: Connection) -> dict[str, object]:
    """Everything that tells one database from another: columns, keys, indexes with their conditions."""
    if db.dialect.name == "sqlite":
        rows = db.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'").all()
        found: dict[str, object] = {f"{kind} {name}": " ".join((sql or "").split()) for kind, name, sql in rows}
        return found
    look = inspect(db)
    tables = [name for name in look.get_table_names() if name != "alembic_version"]
    columns = {name: [{**column, "type": repr(column["type"])} for column in look.get_columns(name)] for name in tables}
    keys = {f"key {name}": look.get_pk_constraint(name) for name in tables}
    indexes = db.exec_driver_sql("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'").all()
    return {**columns, **keys, **{name: text for name, text in indexes if not name.startswith("alembic")}}


def test_an_empty_database_gets_exactly_the_tables_of_the_program(empty_url: str) -> None:
    assert current_revision(empty_url) is None
    assert migrate(empty_url)
    assert current_revision(empty_url) == head()

    engine = open_engine(empty_url)
    with engine.connect() as db:
        options = {"compare_type": True, "compare_server_default": True, "include_name": is_declared}
        context = MigrationContext.configure(db, opts=options)
        assert compare_metadata(context, metadata) == []
        migrated = described(db)
        db.rollback()
        with db.begin():
            metadata.drop_all(db)
            metadata.create_all(db)
        assert migrated == described(db)
    engine.dispose()


def test_a_database_that_is_ready_is_left_alone(empty_url: str) -> None:
    assert migrate(empty_url)
    assert not migrate(empty_url)


def test_a_start_without_migrations_does_not_wait_for_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    migrate(url)
    code = (
        "import sys; from espalier.store.migrate import migrate; assert not migrate(sys.argv[1]); "
        "assert not [name for name in sys.modules if name.startswith('alembic')]"
    )
    subprocess.run([sys.executable, "-c", code, url], check=True)


def test_a_newer_database_is_refused_with_both_revisions(empty_url: str) -> None:
    migrate(empty_url)
    order(empty_url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(DatabaseTooNew, match=f"9999.*{head()}"):
        migrate(empty_url)
    assert current_revision(empty_url) == "9999"


def test_two_programs_that_start_at_once_migrate_once(empty_url: str) -> None:
    outcomes: list[bool] = []
    starts = [threading.Thread(target=lambda: outcomes.append(migrate(empty_url))) for _ in range(3)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()

    assert sorted(outcomes) == [False, False, True]


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty_url: str) -> None:
    order(empty_url, "CREATE TABLE tasks (mine TEXT)")  # in the way of ours

    with pytest.raises(Exception, match="tasks"):
        migrate(empty_url)

    assert current_revision(empty_url) is None
    engine = open_engine(empty_url)
    with engine.connect() as db:
        assert inspect(db).get_table_names() == ["tasks"]
    engine.dispose()
