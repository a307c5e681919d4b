"""Messages whose right labels are known, who was asked about them, and what they answered.

An answer stands in the log of contributions under a kind of its own, so that it is no fact of the tree. Knows rows;
what agrees is domain/gold.py.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, text

from espalier.domain.gold import Agreement
from espalier.domain.work import Act, Kind
from espalier.store.facts import GOLD
from espalier.store.sql import Statement, TreeStatement
from espalier.store.tables import contributions, done, gold, gold_answers, messages, people, tasks
from espalier.store.times import from_us, to_us

C, G, A, M, P = contributions.c, gold.c, gold_answers.c, messages.c, people.c
NEWEST: Final = 2**62
"""Above every time: where a list begins."""


@dataclass(frozen=True, slots=True)
class Known:
    """A message whose right labels are known. `person_id`: who said so."""

    message_id: str
    kind: Kind
    lang: str
    answers: Mapping[str, float]
    person_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """The same with how people did. `people`: how many judged any of its labels."""

    known: Known
    people: int
    agreement: Agreement

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in the list."""
        return to_us(self.known.at), self.known.message_id


@dataclass(frozen=True, slots=True)
class Record:
    """How one person's reviews agree with what is known. `messages`: how many were asked about and judged."""

    person_id: str
    name: str
    messages: int
    agreement: Agreement


_FIELDS: Final = ("message_id", "kind", "lang", "answers", "person_id", "at")


def _keep(insert: Any) -> Any:
    new = insert(gold).values({name: bindparam(name) for name in _FIELDS})
    return new.on_conflict_do_update(
        index_elements=["message_id"], set_={name: new.excluded[name] for name in _FIELDS if name != "message_id"}
    )


_KEEP = Statement(_keep)
_FORGET = Statement(delete(gold).where(G.message_id == bindparam("message_id")))
_ANSWERS = Statement(select(G.answers).where(G.message_id == bindparam("message_id")))
_PEOPLE_ASKED: Final = func.count().filter(A.asked > text("0"))
_AGREED, _ASKED = func.coalesce(func.sum(A.agreed), 0), func.coalesce(func.sum(A.asked), 0)
_LIST = Statement(
    select(*(G[name] for name in _FIELDS), _PEOPLE_ASKED, _AGREED, _ASKED)
    .outerjoin(gold_answers, A.message_id == G.message_id)
    .where(or_(G.at < bindparam("at"), (G.at == bindparam("at")) & (G.message_id > bindparam("after"))))
    .group_by(*(G[name] for name in _FIELDS))
    .order_by(G.at.desc(), G.message_id)
    .limit(bindparam("most"))
)


def _never(table: Any, *conditions: Any) -> Any:
    """That this person has no such row for the message."""
    return ~(
        select(text("1")).select_from(table).where(table.c.person_id == bindparam("person"), *conditions)
    ).correlate(gold).exists()  # fmt: skip


_UNASKED = Statement(
    select(G.message_id, M.tree_id)
    .join(messages, M.id == G.message_id)
    .where(
        G.kind == bindparam("kind"),
        G.lang == bindparam("lang"),
        G.person_id != bindparam("person"),
        M.live == text("1"),
        M.accepted.is_not(None),
        _never(done, done.c.act == Act.LABEL.value, done.c.subject == G.message_id),
        _never(gold_answers, A.message_id == G.message_id),
        _never(
            tasks,
            tasks.c.status == text("'open'"),
            tasks.c.gold == text("0"),
            tasks.c.act == Act.LABEL.value,
            tasks.c.subject == G.message_id,
        ),
    )
    .order_by(G.message_id)
)
_RECORD = TreeStatement(  # of none, in truth
    insert(contributions)
    .values(
        kind=GOLD,
        **{name: bindparam(name) for name in ("tree_id", "message_id", "person_id", "at", "task_id", "terms", "data")},
    )
    .returning(C.seq)
)
_ADD_ANSWER = Statement(
    insert(gold_answers).values(
        {name: bindparam(name) for name in ("person_id", "message_id", "agreed", "asked", "at")}
    )
)  # fmt: skip
_DROP_ANSWER = Statement(
    delete(gold_answers).where(A.person_id == bindparam("person"), A.message_id == bindparam("message_id"))
)
_LABELLED = Statement(
    select(C.person_id, C.at, C.data).where(C.kind == GOLD, C.void == text("0"), C.person_id.is_not(None))
)
_RECORDS = Statement(
    select(A.person_id, P.name, func.count(), _AGREED, _ASKED)
    .join(people, P.id == A.person_id)
    .where(A.asked > text("0"))
    .group_by(A.person_id, P.name)
)


def keep(db: Connection, known: Known) -> None:
    """Mark a message, or say anew what is right of it."""
    _KEEP.run(
        db, message_id=known.message_id, kind=known.kind, lang=known.lang, answers=json.dumps(dict(known.answers)),
        person_id=known.person_id, at=to_us(known.at),
    )  # fmt: skip


def forget(db: Connection, message_id: str) -> bool:
    """Take the mark off a message; False when there was none. What people answered stays."""
    return bool(_FORGET.run(db, message_id=message_id))


def answers_of(db: Connection, message_id: str) -> dict[str, float]:
    """The known answers; none when the mark was taken off in the meantime."""
    spelled = _ANSWERS.value(db, message_id=message_id)
    known: dict[str, float] = json.loads(spelled) if spelled else {}
    return known


def marked(db: Connection, limit: int, *, before: int = NEWEST, after: str = "") -> list[Asked]:
    """Marked messages, the last marked first: from a time (in microseconds) and an id on."""
    return [
        Asked(
            Known(message_id, Kind(kind), lang, json.loads(answers), person, from_us(at)), asked_of,
            Agreement(int(agreed), int(asked)),
        )
        for message_id, kind, lang, answers, person, at, asked_of, agreed, asked in _LIST.rows(
            db, at=before, after=after, most=limit
        )
    ]  # fmt: skip


def unasked(db: Connection, person_id: str, kind: Kind, lang: str) -> list[tuple[str, str]]:
    """Messages with known labels, and their trees, about which this person was never asked and knows nothing."""
    return [(message_id, tree_id) for message_id, tree_id in _UNASKED.rows(db, person=person_id, kind=kind, lang=lang)]


def record(
    db: Connection,
    person_id: str,
    tree_id: str,
    message_id: str,
    task_id: str,
    said: Mapping[str, object],
    agreement: Agreement,
    now: datetime,
    *,
    terms: int,
) -> int:
    """Keep an answer (or a skip, which agrees with nothing); its number in the log. `terms`: the version accepted."""
    row = _RECORD.row(
        db, tree_id=tree_id, message_id=message_id, person_id=person_id, at=to_us(now), task_id=task_id,
        terms=terms, data=json.dumps(dict(said)),
    )  # fmt: skip
    assert row is not None
    _ADD_ANSWER.run(
        db, person_id=person_id, message_id=message_id, agreed=agreement.agreed, asked=agreement.asked, at=to_us(now)
    )
    return int(row[0])


def drop_answer(db: Connection, person_id: str, message_id: str) -> None:
    """As if this person had not been asked; the row of the log is for the caller to void."""
    _DROP_ANSWER.run(db, person=person_id, message_id=message_id)


def labelled(db: Connection) -> Iterator[tuple[str, datetime, bool]]:
    """Who answered when, and whether in full, of all answers that were not taken back or skipped."""
    for person, at, data in _LABELLED.rows(db):
        said = json.loads(data)
        if "labels" in said:
            yield person, from_us(at), said["full"]


def records(db: Connection) -> list[Record]:
    """How each person did who judged any label with a known answer."""
    return [
        Record(person, name, asked_about, Agreement(int(agreed), int(asked)))
        for person, name, asked_about, agreed, asked in _RECORDS.rows(db)
    ]
