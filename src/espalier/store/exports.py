"""Trees as an export reads them: some hundred at a time in the order in which they were planted, without their log.

A tree that a conversation became leaves with the consent to it, at once.
Knows rows; how a published record is spelled is dataset/records.py.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, func, or_, select, tuple_

from espalier.domain.tree import State
from espalier.store.chat_trees import NO_CONSENT, licences
from espalier.store.facts import FACT_COLUMNS, FactRow
from espalier.store.sql import Statement
from espalier.store.tables import chat_trees, chats, contributions, messages, trees

A, C, M, T = chats.c, contributions.c, messages.c, trees.c
PAGE: Final = 250  # trees

_NO_MORE_ITS_CONVERSATIONS: Final = exists().where(
    chat_trees.c.tree_id == T.id,
    or_(
        chat_trees.c.withdrawn_at.is_not(None),
        NO_CONSENT,
    ),
)
"""Of a tree that a conversation became: its person has taken the consent back, or the conversation is gone."""
_WANTED: Final = (T.state.in_(bindparam("states", expanding=True)), ~_NO_MORE_ITS_CONVERSATIONS)
_IN_LANGS: Final = (T.lang.in_(bindparam("langs", expanding=True)),)


def _page(*conditions: Any) -> Statement:
    return Statement(
        select(T.id, T.state, T.origin, T.extra, T.created_at)
        .where(*conditions, tuple_(T.created_at, T.id) > tuple_(bindparam("at"), bindparam("tree_id")))
        .order_by(T.created_at, T.id)
        .limit(bindparam("most"))
    )


_PAGE: Final = _page(*_WANTED)
_PAGE_OF_LANGS: Final = _page(*_WANTED, *_IN_LANGS)
_COUNT = Statement(select(func.count()).where(*_WANTED))
_COUNT_OF_LANGS = Statement(select(func.count()).where(*_WANTED, *_IN_LANGS))
_MESSAGES = Statement(
    select(
        M.tree_id, M.id, M.parent_id, M.role, M.author_id, M.created_at, M.created_date, M.lang, M.text, M.synthetic,
        M.model_name, M.deleted, M.late, M.accepted, M.rank, M.review_count, M.labels, M.emojis, M.extra,
    )
    .where(M.tree_id.in_(bindparam("ids", expanding=True)))
    .order_by(M.tree_id, M.place)
)  # fmt: skip
_CONSENTS = Statement(
    select(C.message_id, C.terms).where(
        C.tree_id.in_(bindparam("ids", expanding=True)),
        C.void == 0,
        C.kind.in_(["planted", "replied"]),
        C.terms > 0,
    )
)
_JUDGEMENTS = Statement(
    select(*FACT_COLUMNS)
    .where(
        C.tree_id.in_(bindparam("ids", expanding=True)),
        C.void == 0,
        C.kind.in_(["reviewed", "ranked", "reacted"]),
    )
    .order_by(C.tree_id, C.seq)
)


@dataclass(slots=True)
class StoredTree:
    """A tree's row, its messages' rows in order of arrival, and which terms the author of each had accepted.

    licence: of a conversation, what its person agreed to.
    """

    row: Any
    messages: list[Any] = field(default_factory=list)
    consents: dict[str, int] = field(default_factory=dict)
    licence: str | None = None


def count_trees(db: Connection, states: Collection[State], langs: Collection[str] | None) -> int:
    """How many trees an export of these states and languages holds; None for all languages."""
    if langs is None:
        return int(_COUNT.value(db, states=states) or 0)
    return int(_COUNT_OF_LANGS.value(db, states=states, langs=langs) or 0)


def stored_trees(db: Connection, states: Collection[State], langs: Collection[str] | None) -> Iterator[StoredTree]:
    """The trees of these states and languages with their messages, oldest first."""
    for rows in _pages(db, states, langs):
        found = {row[0]: StoredTree(row) for row in rows}
        for message in _MESSAGES.rows(db, ids=list(found)):
            found[message[0]].messages.append(message)
        for tree_id, licence in licences(db, found).items():
            found[tree_id].licence = licence
        consents = dict(_CONSENTS.rows(db, ids=list(found)))
        if consents:
            for tree in found.values():
                tree.consents = {row[1]: consents[row[1]] for row in tree.messages if row[1] in consents}
        yield from found.values()


def judgements(db: Connection, states: Collection[State], langs: Collection[str] | None) -> Iterator[list[FactRow]]:
    """For each of these trees that has any: its reviews, rankings and reactions in the order in which they came."""
    for rows in _pages(db, states, langs):
        found: dict[str, list[FactRow]] = {row[0]: [] for row in rows}
        for row in _JUDGEMENTS.tuples(db, ids=list(found)):
            fact = FactRow._make(row)
            found[fact.tree_id].append(fact)
        yield from filter(None, found.values())


def _pages(db: Connection, states: Collection[State], langs: Collection[str] | None) -> Iterator[list[Any]]:
    at, tree_id = -(2**62), ""
    while True:
        place = {"at": at, "tree_id": tree_id, "most": PAGE, "states": states}
        rows = _PAGE.rows(db, **place) if langs is None else _PAGE_OF_LANGS.rows(db, **place, langs=langs)
        if not rows:
            return
        yield rows
        tree_id, at = rows[-1][0], rows[-1][4]
