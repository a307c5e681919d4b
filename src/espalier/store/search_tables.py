"""What full-text search needs and SQLAlchemy cannot declare: an FTS5 table on SQLite, a GIN index on PostgreSQL.

Created by every migration run that finds it missing, and whenever the tables are created from their declaration.
Knows the DDL; what stands in the index is store/search.py.
"""

from typing import Any, Final

from sqlalchemy import Connection, event, inspect

from espalier.store.tables import searched

# FTS5 reads words that are ready: everything but a space and ASCII punctuation belongs to a word. The words themselves
# stand in `searched`, and triggers keep both together.
_CREATE: Final = {
    "sqlite": (
        """
        CREATE VIRTUAL TABLE IF NOT EXISTS searched_words USING fts5(
            tokens, content = 'searched', content_rowid = 'number', columnsize = 0, tokenize = "ascii tokenchars '_'"
        )
        """,
        # Half as much is sorted in again and again while texts come in.
        "INSERT INTO searched_words (searched_words, rank) VALUES ('automerge', 8)",
        """
        CREATE TRIGGER IF NOT EXISTS searched_words_put AFTER INSERT ON searched BEGIN
            INSERT INTO searched_words (rowid, tokens) VALUES (new.number, new.tokens);
        END
        """,
        """
        CREATE TRIGGER IF NOT EXISTS searched_words_change AFTER UPDATE ON searched BEGIN
            INSERT INTO searched_words (searched_words, rowid, tokens) VALUES ('delete', old.number, old.tokens);
            INSERT INTO searched_words (rowid, tokens) VALUES (new.number, new.tokens);
        END
        """,
        """
        CREATE TRIGGER IF NOT EXISTS searched_words_remove AFTER DELETE ON searched BEGIN
            INSERT INTO searched_words (searched_words, rowid, tokens) VALUES ('delete', old.number, old.tokens);
        END
        """,
    ),
    # What was added waits in a list until somebody sorts it in: KiB of it, the shorter the list, the shorter the wait.
    "postgresql": (
        """
        CREATE INDEX IF NOT EXISTS searched_words ON searched USING gin (tokens) WITH (gin_pending_list_limit = 1024)
        """,
    ),
}
_REBUILD: Final = {
    "sqlite": "INSERT INTO searched_words (searched_words) VALUES ('rebuild')",
    "postgresql": "REINDEX INDEX searched_words",
}


def create_search(db: Connection) -> None:
    """Create what is missing, once the table `searched` is there."""
    if inspect(db).has_table(searched.name):
        for statement in _CREATE[db.dialect.name]:
            db.exec_driver_sql(statement)


def rebuild_words(db: Connection) -> None:
    """Make the index say what the table says."""
    db.exec_driver_sql(_REBUILD[db.dialect.name])


def is_declared(name: str | None, kind: str, _: Any) -> bool:
    """Whether a name in the database is one that the declared tables answer for (Alembic's `include_name`)."""
    return not (kind in {"table", "index"} and name is not None and name.startswith("searched_words"))


@event.listens_for(searched, "after_create")
def _create(_: Any, db: Connection, **_options: Any) -> None:
    create_search(db)


@event.listens_for(searched, "before_drop")
def _drop(_: Any, db: Connection, **_options: Any) -> None:
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("DROP TABLE IF EXISTS searched_words")
