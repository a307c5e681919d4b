"""Statements that are compiled once and then run on the driver itself, several times faster than through SQLAlchemy.

Knows the two dialects; does not know the tables, nor who opens and ends a transaction. Only for columns whose values
the drivers hand over as they are (text, integers, doubles): nothing is converted on the way in or out.
"""

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from operator import itemgetter
from typing import Any

from sqlalchemy import ARRAY, BindParameter, Connection, Dialect, Executable, Insert, Text, UpdateBase, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from espalier.store.kept import OF_TREES, TABLES, kept

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_numbers = count()
ESCAPE = "!"
"""Of patterns: `column.like(bindparam("pattern"), escape=ESCAPE)`."""


def literally(words: str) -> str:
    """A text in a pattern, where each of its characters stands for itself."""
    return "".join(f"{ESCAPE}{sign}" if sign in f"{ESCAPE}%_" else sign for sign in words)


class Statement:
    """One question or change, given as a Core construct whose arguments are `bindparam("name")`.

    Every other value of the construct becomes a literal, so that a partial index (`WHERE status = 'open'`) is found.
    `column.in_(bindparam("ids", expanding=True))` takes a collection of any size, none included.

    A construct that differs by dialect is given as a function of the dialect's own `insert`:
    `Statement(lambda insert: insert(people).values(...).on_conflict_do_nothing())`.

    Rows are named tuples. Errors are SQLAlchemy's (`sqlalchemy.exc.IntegrityError` and its family).
    A missing or unknown argument is a TypeError.
    """

    __slots__ = ("_build", "_plans")
    watched = TABLES | OF_TREES
    """Whoever keeps what stands in these tables hears of a change."""

    def __init__(self, build: Executable | Callable[[Any], Executable]) -> None:
        self._build = build
        self._plans: dict[str, _Plan] = {}

    def rows(self, db: Connection, /, **arguments: Any) -> list[Any]:
        """All rows, in the order in which the database gives them."""
        cursor, plan = self._execute(db, arguments)
        return list(map(plan.make or plan.row_type(cursor), cursor.fetchall()))

    def tuples(self, db: Connection, /, **arguments: Any) -> list[tuple[Any, ...]]:
        """All rows without their names, for who takes them apart at once: half of the rest of the work."""
        return self._execute(db, arguments)[0].fetchall()  # type: ignore[no-any-return]

    def row(self, db: Connection, /, **arguments: Any) -> Any | None:
        """The first row, or None when there is none."""
        cursor, plan = self._execute(db, arguments)
        found = cursor.fetchone()
        return None if found is None else (plan.make or plan.row_type(cursor))(found)

    def value(self, db: Connection, /, **arguments: Any) -> Any | None:
        """The first column of the first row, or None when there is no row."""
        found = self._execute(db, arguments)[0].fetchone()
        return None if found is None else found[0]

    def values(self, db: Connection, /, **arguments: Any) -> list[Any]:
        """The first column of all rows."""
        return [found[0] for found in self._execute(db, arguments)[0].fetchall()]

    def stream(self, db: Connection, size: int = 1000, /, **arguments: Any) -> Iterator[Any]:
        """All rows, `size` in memory at a time; for exports. PostgreSQL keeps the rest on the server."""
        plan = self._plan(db)
        make: Callable[..., Any] | None = None
        raw = _driver(db)
        cursor = raw.cursor(f"stream_{next(_numbers)}") if db.dialect.name == "postgresql" else raw.cursor()
        try:
            _try(db, plan, cursor.execute, plan.bind(arguments))
            while found := cursor.fetchmany(size):
                make = make or plan.row_type(cursor)
                yield from map(make, found)
        finally:
            cursor.close()

    def run(self, db: Connection, /, **arguments: Any) -> int:
        """Run a change; how many rows it touched."""
        return int(self._execute(db, arguments)[0].rowcount)

    def many(self, db: Connection, /, several: Iterable[Mapping[str, Any]]) -> int:
        """Run a change once for each set of arguments; how many rows were touched in all."""
        plan = self._plans.get(db.dialect.name) or self._plan(db)
        if plan.changes is not None and (here := kept(db)):
            here.changing(plan.changes)
        bound = [plan.bind(arguments) for arguments in several]
        if not bound:
            return 0
        cursor = _driver(db).cursor()
        try:
            _try(db, plan, cursor.executemany, bound)
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def sql(self, dialect: Dialect) -> str:
        """The text that the driver gets, for `EXPLAIN` and for tests."""
        return _Plan(self._build, dialect, self.watched).sql

    def _execute(self, db: Connection, arguments: Mapping[str, Any]) -> tuple[Any, "_Plan"]:
        plan = self._plans.get(db.dialect.name) or self._plan(db)
        bound = plan.bind(arguments)
        driver = _driver(db)
        if plan.changes is not None and (here := kept(db)):
            here.changing(plan.changes)
        try:
            return driver.execute(plan.sql, bound), plan
        except plan.driver_errors as error:
            raise _told(db, plan, bound, error) from error

    def _plan(self, db: Connection) -> "_Plan":
        return self._plans.setdefault(db.dialect.name, _Plan(self._build, db.dialect, self.watched))


class KeptStatement(Statement):
    """A question whose first row is asked for all day, of nothing but `TABLES`; the writer of SQLite keeps it, as what
    `make` makes of it."""

    __slots__ = ("_make",)

    def __init__(
        self, build: Executable | Callable[[Any], Executable], make: Callable[[Any], Any] | None = None
    ) -> None:
        super().__init__(build)
        self._make = make

    def row(self, db: Connection, /, **arguments: Any) -> Any | None:
        here = kept(db)
        if here is None:
            return self._made(db, arguments)
        key = (self, *arguments.values())
        if key not in here.rows:
            here.rows[key] = self._made(db, arguments)
        return here.rows[key]

    def value(self, db: Connection, /, **arguments: Any) -> Any | None:
        found = self.row(db, **arguments)
        return None if found is None else found[0]

    def _made(self, db: Connection, arguments: Mapping[str, Any]) -> Any | None:
        found = super().row(db, **arguments)
        return found if found is None or self._make is None else self._make(found)


class TreeStatement(Statement):
    """A change of one tree, of which whoever runs it says which it is: `kept.touch_tree`."""

    __slots__ = ()
    watched = TABLES


def _driver(db: Connection) -> Any:
    """The driver's own connection. A transaction is begun when none is open, as SQLAlchemy does by itself."""
    if not db.in_transaction():
        db.begin()
    return db.connection.dbapi_connection


def _try(db: Connection, plan: "_Plan", execute: Callable[[str, Any], Any], bound: Any) -> None:
    try:
        execute(plan.sql, bound)
    except plan.driver_errors as error:
        raise _told(db, plan, bound, error) from error


def _told(db: Connection, plan: "_Plan", bound: Any, error: Exception) -> BaseException:
    """SQLAlchemy's error for one of the driver's."""
    gone = db.dialect.is_disconnect(error, db.connection.dbapi_connection, None)  # type: ignore[arg-type]
    if gone:
        db.invalidate(error)
    return DBAPIError.instance(
        plan.sql,
        bound,
        error,
        plan.driver_errors,
        hide_parameters=db.engine.hide_parameters,
        connection_invalidated=gone,
        dialect=db.dialect,
    )


class _Plan:
    """A statement as one dialect wants it: its text, and how arguments become what the driver takes."""

    __slots__ = ("_names", "_pick", "_spell", "changes", "driver_errors", "make", "sql")

    def __init__(
        self, build: Executable | Callable[[Any], Executable], dialect: Dialect, watched: frozenset[str]
    ) -> None:
        construct = build(_INSERT[dialect.name]) if not isinstance(build, Executable) else build
        if isinstance(construct, Insert) and not construct._returning:
            construct = construct.inline()  # else PostgreSQL is asked for the new key each time
        base: Any = type(dialect).statement_compiler
        compiled = _compiler_for(base)(dialect, construct)
        order: Sequence[str] = compiled.positiontup or ()
        self.sql = str(compiled)
        table = str(construct.table) if isinstance(construct, UpdateBase) else ""
        self.changes = table if table in watched else None
        self.driver_errors = dialect.loaded_dbapi.Error
        self.make: Callable[..., Any] | None = None
        self._names = frozenset(name for name in compiled.bind_names.values())
        self._pick = _in_order(order) if compiled.positional else dict
        self._spell: dict[str, Callable[[Iterable[Any]], Any]] = dict.fromkeys(
            compiled.lists, _as_json if dialect.name == "sqlite" else list
        )

    def bind(self, arguments: Mapping[str, Any]) -> Any:
        if len(arguments) != len(self._names) or not self._names.issuperset(arguments):
            raise TypeError(f"expected the arguments {sorted(self._names)}, got {sorted(arguments)}")
        if self._spell:
            arguments = {
                name: self._spell[name](value) if name in self._spell else value for name, value in arguments.items()
            }
        return self._pick(arguments)

    def row_type(self, cursor: Any) -> Callable[..., Any]:
        names = tuple(column[0] for column in cursor.description or ())
        self.make = _named(names)
        return self.make


def _in_order(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What takes the values of these names from a mapping."""
    if len(names) > 1:
        return itemgetter(*names)
    return (lambda arguments: (arguments[names[0]],)) if names else lambda arguments: ()


def _as_json(values: Iterable[Any]) -> str:
    return json.dumps(list(values), ensure_ascii=False)


@cache
def _named(names: tuple[str, ...]) -> Callable[..., Any]:
    row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
    make: Callable[..., Any] = row._make
    return make


@cache
def _compiler_for(base: Any) -> type[Any]:
    """The dialect's compiler, with literals for what is fixed and one argument for a whole list."""

    class Compiler(base):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            self.lists: set[str] = set()
            super().__init__(*args, **options)

        def visit_bindparam(self, bind: BindParameter[Any], literal_binds: bool = False, **options: Any) -> str:
            return str(super().visit_bindparam(bind, literal_binds=literal_binds or not bind.required, **options))

        def visit_in_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
            return self._list(binary, "IN", "= ANY", **options) or self._generate_generic_binary(
                binary, " IN ", **options
            )

        def visit_not_in_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
            return self._list(binary, "NOT IN", "!= ALL", **options) or str(
                super().visit_not_in_op_binary(binary, operator, **options)
            )

        def _list(self, binary: Any, on_sqlite: str, on_postgresql: str, **options: Any) -> str | None:
            bind = binary.right
            if not (isinstance(bind, BindParameter) and bind.required):
                return None
            self.lists.add(bind.key)
            left = self.process(binary.left, **options)
            if self.dialect.name == "sqlite":
                whole = self.process(bindparam(bind.key, type_=Text()), **options)
                return f"{left} {on_sqlite} (SELECT value FROM json_each({whole}))"
            whole = self.process(bindparam(bind.key, type_=ARRAY(bind.type)), **options)
            return f"{left} {on_postgresql} ({whole})"

    return Compiler
