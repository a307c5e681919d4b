"""Export: the campaign's trees and votes as published records, some hundred trees in memory at a time.

Reads only, from one connection, so that a file shows one moment. Which records go into which file, how they are
spelled and whether people are hidden is dataset/ and whoever writes the file.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection

from espalier.dataset.records import MessageRecord, TreeRecord, VoteKind, VoteRecord
from espalier.domain.tree import State
from espalier.store.exports import StoredTree, count_trees, judgements, stored_trees
from espalier.store.facts import FactRow
from espalier.store.times import from_us

__all__ = ["count_trees", "export_trees", "export_votes"]


def export_trees(
    db: Connection, states: Collection[State] = tuple(State), langs: Collection[str] | None = None
) -> Iterator[TreeRecord]:
    """The trees in these states, oldest first, with all their messages: deleted, refused and late ones too.

    langs: only trees in these languages. Replies come by rank, unranked ones last, then by date.
    """
    return map(_tree, stored_trees(db, states, langs))


def _tree(stored: StoredTree) -> TreeRecord:
    tree_id, state, origin, extra, _ = stored.row
    replies: dict[str, list[Any]] = {}
    for row in stored.messages:
        if row[2] is not None:
            replies.setdefault(row[2], []).append(row)
    made: dict[str, MessageRecord] = {}
    for row in reversed(stored.messages):  # replies before what they reply to
        below = sorted(replies.get(row[1], ()), key=_order)
        made[row[1]] = _message(row, tuple(made.pop(reply[1]) for reply in below), stored.consents.get(row[1]))
    kept = json.loads(extra) if extra else {}
    if stored.licence is not None:
        kept["licence"] = stored.licence
    return TreeRecord(tree_id, made[tree_id], state, origin, kept)


def _order(row: Any) -> tuple[bool, int, int]:
    rank, at = row[14], row[5]
    return rank is None, rank or 0, at


def _message(row: Any, replies: tuple[MessageRecord, ...], consent: int | None) -> MessageRecord:
    (
        _, message_id, parent_id, role, author, at, spelled, lang, text, synthetic, model_name, deleted, late, accepted,
        rank, review_count, labels, emojis, kept,
    ) = row  # fmt: skip
    extra = json.loads(kept) if kept else {}
    if late:
        extra["late"] = True
    if consent is not None:
        extra["consent_version"] = consent
    # A file that gave an empty object gets it back; nobody has said anything since.
    no_emojis, no_labels = extra.pop("emojis", None), extra.pop("labels", None)
    return MessageRecord(
        message_id=message_id,
        parent_id=parent_id,
        user_id=author,
        created_date=from_us(at).isoformat() if spelled is None else spelled or None,
        text=text,
        role=role,
        lang=lang,
        review_count=review_count,
        review_result=None if accepted is None else bool(accepted),
        deleted=bool(deleted),
        rank=rank,
        synthetic=bool(synthetic),
        model_name=model_name,
        emojis=json.loads(emojis) if emojis else no_emojis,
        labels=_labels(labels) if labels else no_labels,
        replies=replies,
        extra=extra,
    )


def _labels(spelled: str) -> Any:
    return {name: {"value": value, "count": count} for name, (value, count) in json.loads(spelled).items()}


def export_votes(
    db: Connection, states: Collection[State] = tuple(State), langs: Collection[str] | None = None
) -> Iterator[VoteRecord]:
    """Every review, ranking and standing reaction on these trees; what was withdrawn or purged is not there."""
    for log in judgements(db, states, langs):
        for fact in _standing(log):
            yield _vote(fact)


def _standing(log: list[FactRow]) -> Iterator[FactRow]:
    """The log without reactions that were taken back or given again."""
    last: dict[tuple[Any, ...], FactRow] = {}
    for fact in log:
        if fact.kind == "reacted":
            last[_reaction(fact)] = fact
    for fact in log:
        if fact.kind != "reacted" or (last[_reaction(fact)] is fact and fact.data["on"]):
            yield fact


def _reaction(fact: FactRow) -> tuple[Any, ...]:
    # Of people who closed their account nobody can say any more whether they are the same.
    return fact.message_id, fact.data["emoji"], fact.person_id or fact.seq


def _vote(fact: FactRow) -> VoteRecord:
    data = fact.data
    extra = dict(data.get("extra", {}))
    if fact.late:
        extra["late"] = True
    if not fact.counted:
        extra["counted"] = False
    subject, value, kind = fact.message_id, data.get("labels"), VoteKind.LABELS
    if fact.kind == "ranked":
        kind, value = VoteKind.RANKING, [] if data["not_rankable"] else data["order"]
    elif fact.kind == "reacted":
        kind, value = VoteKind.REACTION, data["emoji"]
    elif not data["full"]:
        extra["full"] = False
    ranking = kind is VoteKind.RANKING
    return VoteRecord(
        vote_id=data.get("vote_id", str(fact.seq)),
        kind=kind,
        message_id=None if ranking else subject,
        parent_id=subject if ranking else None,
        voter=fact.person_id,
        value=value,
        created_date=fact.at.isoformat(),
        extra=extra,
    )
