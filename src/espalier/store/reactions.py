"""What one person has said of a message with emoji.

Knows rows of the log; what a reaction does is collect/moderation.py.
"""

import json

from sqlalchemy import Connection, bindparam, select, text

from espalier.store.sql import Statement
from espalier.store.tables import contributions

C = contributions.c
_REACTED = Statement(
    select(C.data)
    .where(
        C.tree_id == bindparam("tree_id"),
        C.kind == text("'reacted'"),
        C.message_id == bindparam("message_id"),
        C.person_id == bindparam("person"),
        C.void == text("0"),
    )
    .order_by(C.seq)
)


def reactions_of(db: Connection, person_id: str, tree_id: str, message_id: str) -> frozenset[str]:
    """The names of the emoji that this person has put on the message and not taken back."""
    mine: set[str] = set()
    for document in _REACTED.values(db, tree_id=tree_id, message_id=message_id, person=person_id):
        data = json.loads(document)
        (mine.add if data["on"] else mine.discard)(data["emoji"])
    return frozenset(mine)
