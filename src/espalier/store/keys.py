"""Secrets of the campaign itself: what cookies and links are signed with. Made once, the same for every process."""

from collections.abc import Callable

from sqlalchemy import Connection, bindparam, select

from espalier.store.sql import Statement
from espalier.store.tables import keys

_KEY = Statement(select(keys.c.value).where(keys.c.name == bindparam("name")))
_PUT = Statement(
    lambda insert: insert(keys).values(name=bindparam("name"), value=bindparam("value")).on_conflict_do_nothing()
)
SIGNING = "signing"


def signing_key(db: Connection, secret: Callable[[], str]) -> str:
    """The key in force; `secret` gives a fresh one where there is none yet."""
    if (found := _KEY.value(db, name=SIGNING)) is None:
        _PUT.run(db, name=SIGNING, value=secret())
        found = _KEY.value(db, name=SIGNING)
    return str(found)
