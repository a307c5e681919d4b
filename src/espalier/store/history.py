"""The log of a tree as facts to fold: what rebuilding, withdrawing and the doctor start from.

Knows rows and facts; the fold itself is `domain.contribution.rebuild`.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from espalier.domain.contribution import Contribution, Settled
from espalier.domain.message import Message
from espalier.domain.tree import Shape, State, Tree
from espalier.store.facts import VOTES, FactRow, decode, log_of
from espalier.store.sql import Statement
from espalier.store.tables import messages
from espalier.store.trees import MESSAGE_COLUMNS, message_value, with_votes

_MESSAGES: Final = Statement(
    select(*MESSAGE_COLUMNS).where(messages.c.tree_id == bindparam("tree_id")).order_by(messages.c.place)
)


def facts_of(db: Connection, tree_id: str, lang: str, *, without: Collection[int] = ()) -> list[Contribution]:
    """Everything that made a tree, in order, from its last baseline on; `without` these numbers of the log."""
    log = [row for row in log_of(db, tree_id) if row.seq not in without]
    return facts(tree_id, lang, log, _MESSAGES.rows(db, tree_id=tree_id))


def facts(tree_id: str, lang: str, log: list[FactRow], message_rows: Iterable[Any]) -> list[Contribution]:
    """The same from rows that are at hand."""
    start = max((number for number, row in enumerate(log) if row.kind == "settled"), default=None)
    since = log if start is None else log[start + 1 :]
    said_before: dict[str, str] = {}
    for row in since:
        if row.kind == "edited":
            said_before.setdefault(row.message_id or "", row.data["was"])
    written = {row[0]: _as_written(message_value(row), said_before) for row in message_rows}
    later = [decode(row, written) for row in since]
    if start is None:
        return later
    return [Settled(_settled(tree_id, lang, log[start], log[:start], written)), *later]


def _as_written(message: Message, said_before: dict[str, str]) -> Message:
    """The message as it was before anything was said of it."""
    return replace(
        message,
        text=said_before.get(message.id, message.text),
        deleted=False,
        tombstone=False,
        edited=False,
        accepted=None,
        rank=None,
        dismissed_flags=0,
        dismissed_skips=0,
    )


def _settled(tree_id: str, lang: str, row: FactRow, before: list[FactRow], written: dict[str, Message]) -> Tree:
    data = row.data
    nodes: dict[str, Message] = {}
    deletions: dict[str, State] = {}
    for message_id, (accepted, found, tombstone, edited, flags, skips) in data["messages"].items():
        nodes[message_id] = replace(
            written[message_id],
            accepted=accepted,
            deleted=found is not None,
            tombstone=bool(tombstone),
            edited=bool(edited),
            dismissed_flags=flags,
            dismissed_skips=skips,
        )
        if found is not None:
            deletions[message_id] = State(found)
    tree = Tree(
        id=tree_id,
        lang=lang,
        shape=Shape(*data["shape"]),
        state=State(data["state"]),
        policy=data["policy"],
        messages=nodes,
        won_lottery=data["won_lottery"],
        parked=State(data["parked"]) if data["parked"] else None,
        deletions=deletions,
        origin=data["origin"],
    )
    return with_votes(tree, [vote for vote in before if vote.kind in VOTES])
