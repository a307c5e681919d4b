"""Cases: rows of what came in, what was decided, and the organiser's reasons.

Knows rows; who may decide what is domain/cases.py, and what follows is collect/cases.py.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    bindparam,
    delete,
    insert,
    or_,
    select,
    text,
    tuple_,
    update,
)

from espalier.domain.cases import REASONS, About, Came, Case, Decision, Entry, State, Verdict, gravest, gravity
from espalier.store.sql import Statement
from espalier.store.tables import case_entries, cases, decisions, notices, people, reason_lists
from espalier.store.times import from_us, to_us

C, E, D, R = cases.c, case_entries.c, decisions.c, reason_lists.c
FIRST: Final = (-(2**31), 0, 0)
"""Before every case of the queue."""
HEAVIEST: Final = 100


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case with its number. `came`: the gravest of what came in. `place`: in the queue, for `queue`."""

    id: int
    tree_id: str | None
    state: State
    came: Came
    place: tuple[int, int, int]
    case: Case
    decision_number: int | None


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it is kept. `before`: what undoing it brings back. `bulk`: of many decided at once."""

    number: int
    case_id: int
    decision: Decision
    before: Mapping[str, Any]
    bulk: int | None
    undone_by: str | None
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases. `taken`: in somebody's hands, or in nobody's. `holder`: in this person's."""

    state: State = State.OPEN
    lang: str | None = None
    langs: tuple[str, ...] = ()
    came: Came | None = None
    about: About | None = None
    holder: str | None = None
    taken: bool | None = None


_COLUMNS: Final = (
    C.id, C.about, C.subject, C.lang, C.tree_id, C.person_id, C.state, C.came, C.place, C.opened_at, C.taken_by,
    C.taken_at, C.decision,
)  # fmt: skip
_FIND = Statement(select(*_COLUMNS).where(C.id == bindparam("number")))
_FIND_ALONE = Statement(select(*_COLUMNS).where(C.id == bindparam("number")).with_for_update())
_OPEN_ON = Statement(
    select(*_COLUMNS).where(C.about == bindparam("kind"), C.subject == bindparam("on"), C.state == text("'open'"))
)
_ON = Statement(select(*_COLUMNS).where(C.subject == bindparam("on")).order_by(C.id.desc()).limit(bindparam("most")))
_OF_PERSON = Statement(
    select(*_COLUMNS).where(C.person_id == bindparam("person")).order_by(C.id.desc()).limit(bindparam("most"))
)
_INSERT = Statement(
    insert(cases)
    .values(
        {name: bindparam(name) for name in ("about", "subject", "lang", "tree_id", "person_id", "came", "opened_at")}
    )
    .values(state="open", place=HEAVIEST)
    .returning(C.id)
)
_HOLD = Statement(
    update(cases).where(C.id == bindparam("number")).values(taken_by=bindparam("holder"), taken_at=bindparam("at"))
)
_STAND = Statement(
    update(cases)
    .where(C.id == bindparam("number"))
    .values(state=bindparam("now_state"), decision=bindparam("standing"), taken_by=None, taken_at=None)
)
_PLACE = Statement(
    update(cases)
    .where(C.id == bindparam("number"))
    .values(came=bindparam("gravest"), place=bindparam("new_place"), state=bindparam("now_state"))
)
_EMPTY = Statement(
    update(cases).where(C.id == bindparam("number")).values(place=bindparam("new_place"), state="withdrawn")
)
_ENTRIES = Statement(
    select(E.case_id, E.came, E.person_id, E.at, E.words)
    .where(E.case_id.in_(bindparam("numbers", expanding=True)), E.withdrawn_at.is_(None))
    .order_by(E.seq)
)
_APPEALS = Statement(
    select(E.case_id, E.came, E.person_id, E.at, E.words)
    .where(E.person_id == bindparam("person"), E.came == text("'appeal'"))
    .order_by(E.seq.desc())
)
_ADD_ENTRY = Statement(
    insert(case_entries).values({name: bindparam(name) for name in ("case_id", "came", "person_id", "at", "words")})
)
_WITHDRAW = Statement(
    update(case_entries)
    .where(E.case_id == bindparam("number"), E.person_id == bindparam("person"), E.withdrawn_at.is_(None))
    .values(withdrawn_at=bindparam("now"))
)
_MOVE = Statement(
    update(case_entries).where(E.case_id == bindparam("number")).values(case_id=bindparam("into"))
)  # fmt: skip
_DELETE = Statement(delete(cases).where(C.id == bindparam("number")))
_DECISION_COLUMNS: Final = (
    D.seq, D.case_id, D.verdict, D.reason, D.note, D.days, D.removed, D.person_id, D.at, D.before, D.bulk,
    D.undone_by, D.undone_at,
)  # fmt: skip
_DECIDE = Statement(
    insert(decisions)
    .values(
        {
            name: bindparam(name)
            for name in (
                "case_id",
                "verdict",
                "reason",
                "note",
                "days",
                "removed",
                "person_id",
                "at",
                "before",
                "bulk",
            )
        }
    )
    .returning(D.seq)
)
_BULK = Statement(update(decisions).where(D.seq == bindparam("number")).values(bulk=bindparam("first")))
_DECISIONS = Statement(
    select(*_DECISION_COLUMNS).where(D.case_id == bindparam("number")).order_by(D.seq.desc()).limit(bindparam("most"))
)
_ON_PERSON = Statement(
    select(*_DECISION_COLUMNS)
    .join(cases, C.id == D.case_id)
    .where(C.person_id == bindparam("person"), D.verdict.in_(("warn", "suspend", "ban", "lift")))
    .order_by(D.seq.desc())
    .limit(bindparam("most"))
)
_BY_NUMBERS = Statement(select(*_DECISION_COLUMNS).where(D.seq.in_(bindparam("numbers", expanding=True))))
_IN_BULK = Statement(
    select(*_DECISION_COLUMNS).where(D.bulk == bindparam("first"), D.undone_at.is_(None)).order_by(D.seq)
)
_UNDO = Statement(
    update(decisions).where(D.seq == bindparam("number")).values(undone_by=bindparam("who"), undone_at=bindparam("now"))
)
_OTHER_STAFF = Statement(
    select(people.c.role, people.c.moderates).where(
        people.c.role.in_(("moderator", "admin")),
        people.c.disabled == text("0"),
        people.c.id.not_in(bindparam("without", expanding=True)),
    )
)
_REASONS = Statement(select(R.document).order_by(R.version.desc()).limit(1))
_KEEP_REASONS = Statement(
    insert(reason_lists).values(at=bindparam("at"), person_id=bindparam("person_id"), document=bindparam("document"))
)
_IDS: Final[Any] = bindparam("ids", expanding=True)
_OF_SUBJECTS: Final = select(C.id).where(C.subject.in_(_IDS))
_FORGET_ON: Final = (
    Statement(
        delete(notices).where(notices.c.decision.in_(select(D.seq).where(D.case_id.in_(_OF_SUBJECTS))))
    ),
    Statement(delete(decisions).where(D.case_id.in_(_OF_SUBJECTS))),
    Statement(delete(case_entries).where(E.case_id.in_(_OF_SUBJECTS))),
    Statement(delete(cases).where(C.subject.in_(_IDS))),
)  # fmt: skip
_UNNAME: Final = (
    Statement(update(cases).where(C.person_id == bindparam("person")).values(person_id=None)),
    Statement(update(case_entries).where(E.person_id == bindparam("person")).values(person_id=None)),
    Statement(delete(notices).where(notices.c.person_id == bindparam("person"))),
)
_FORGET_WORDS = Statement(update(case_entries).where(E.person_id == bindparam("person")).values(words=None))


def find(db: Connection, number: int, *, alone: bool = False) -> CaseRow | None:
    """The case with this number; `alone`: nobody else decides on it until the transaction ends."""
    row = (_FIND_ALONE if alone else _FIND).row(db, number=number)
    return _several(db, [row])[0] if row else None


def open_on(db: Connection, about: About, subject: str) -> CaseRow | None:
    """The case of this message or person that is not decided yet."""
    row = _OPEN_ON.row(db, kind=about, on=subject)
    return _several(db, [row])[0] if row else None


def on(db: Connection, subject: str, limit: int) -> list[CaseRow]:
    """All cases of this message or person, the last one first."""
    return _several(db, _ON.rows(db, on=subject, most=limit))


def of_person(db: Connection, person_id: str, limit: int) -> list[CaseRow]:
    """Cases about a person and what they wrote, the last one first."""
    return _several(db, _OF_PERSON.rows(db, person=person_id, most=limit))


def queue(
    db: Connection,
    wanted: CaseFilter,
    limit: int,
    *,
    free_before: datetime,
    after: tuple[int, int, int] = FIRST,
) -> list[CaseRow]:
    """The gravest and oldest first, behind the place `after`. What was taken before `free_before` is free again."""
    names = frozenset(name for name in ("lang", "langs", "came", "about", "holder") if getattr(wanted, name))
    place, opened_at, number = after
    given: dict[str, Any] = {name: getattr(wanted, name) for name in names}
    if "langs" in given:
        given["langs"] = list(wanted.langs)
    in_hand = True if "holder" in names else wanted.taken
    if in_hand is not None:
        given["free"] = to_us(free_before)
    rows = _queue(names, in_hand).rows(
        db, in_state=wanted.state, place=place, opened=opened_at, number=number, most=limit, **given
    )  # fmt: skip
    return _several(db, rows)


@cache
def _queue(names: frozenset[str], taken: bool | None) -> Statement:
    free: BindParameter[int] = bindparam("free")
    conditions: dict[str, ColumnElement[bool]] = {
        "lang": C.lang == bindparam("lang"),
        "langs": C.lang.in_(bindparam("langs", expanding=True)),
        "came": C.came == bindparam("came"),
        "about": C.about == bindparam("about"),
        "holder": C.taken_by == bindparam("holder"),
    }
    chosen = [conditions[name] for name in sorted(names)]
    if taken is not None:
        chosen.append(C.taken_at > free if taken else or_(C.taken_at.is_(None), C.taken_at <= free))
    return Statement(
        select(*_COLUMNS)
        .where(
            C.state == bindparam("in_state"),
            tuple_(C.place, C.opened_at, C.id) > tuple_(bindparam("place"), bindparam("opened"), bindparam("number")),
            *chosen,
        )
        .order_by(C.place, C.opened_at, C.id)
        .limit(bindparam("most"))
    )


def add_case(
    db: Connection,
    about: About,
    subject: str,
    came: Came,
    now: datetime,
    *,
    lang: str | None,
    tree_id: str | None,
    person_id: str | None,
) -> int:
    """A new open case, without entries yet; its number."""
    number = _INSERT.value(
        db, about=about, subject=subject, lang=lang, tree_id=tree_id, person_id=person_id, came=came,
        opened_at=to_us(now),
    )  # fmt: skip
    assert number is not None
    return int(number)


def add_entry(db: Connection, number: int, entry: Entry) -> None:
    _ADD_ENTRY.run(
        db, case_id=number, came=entry.came, person_id=entry.person, at=to_us(entry.at), words=entry.words
    )  # fmt: skip
    _replace(db, number)


def withdraw(db: Connection, number: int, person_id: str, now: datetime) -> None:
    """What this person brought to an open case counts no more."""
    _WITHDRAW.run(db, number=number, person=person_id, now=to_us(now))
    _replace(db, number)


def merge(db: Connection, number: int, into: int) -> None:
    """Everything that came to one open case goes to another."""
    _DELETE.run(db, number=number)
    _MOVE.run(db, number=number, into=into)


def _replace(db: Connection, number: int) -> None:
    """Put a case where its entries say."""
    entries = _entries(db, [number])[number]
    if entries:
        place = HEAVIEST - gravity(entries)
        _PLACE.run(db, number=number, gravest=gravest(entries), new_place=place, now_state=State.OPEN)
    else:
        _EMPTY.run(db, number=number, new_place=HEAVIEST)


def hold(db: Connection, number: int, holder: str | None, at: datetime | None) -> None:
    _HOLD.run(db, number=number, holder=holder, at=None if at is None else to_us(at))


def keep_decision(db: Connection, number: int, decision: Decision, before: Mapping[str, Any]) -> int:
    """The case is decided; the number of the decision."""
    kept = _DECIDE.value(
        db, case_id=number, verdict=decision.verdict, reason=decision.reason, note=decision.note, days=decision.days,
        removed=int(decision.removed), person_id=decision.by, at=to_us(decision.at), before=json.dumps(before),
        bulk=None,
    )  # fmt: skip
    assert kept is not None
    _STAND.run(db, number=number, now_state=State.DECIDED, standing=kept)
    return int(kept)


def keep_together(db: Connection, numbers: Sequence[int]) -> None:
    """These decisions were made at once."""
    _BULK.many(db, [{"number": number, "first": numbers[0]} for number in numbers])


def reopen(db: Connection, number: int, decision: int, undone_by: str | None, now: datetime) -> None:
    """The decision of a case is undone, and the case waits again."""
    _UNDO.run(db, number=decision, who=undone_by, now=to_us(now))
    _STAND.run(db, number=number, now_state=State.OPEN, standing=None)
    _replace(db, number)


def decisions_on(db: Connection, number: int, limit: int) -> list[Decided]:
    """Every decision of a case, the last one first."""
    return [_decided(row) for row in _DECISIONS.rows(db, number=number, most=limit)]


def decisions_by_number(db: Connection, numbers: Collection[int]) -> dict[int, Decided]:
    return {each.number: each for each in map(_decided, _BY_NUMBERS.rows(db, numbers=list(numbers)))}


def in_bulk(db: Connection, first: int) -> list[Decided]:
    """Those of the decisions made at once that still stand."""
    return [_decided(row) for row in _IN_BULK.rows(db, first=first)]


def decided_on(db: Connection, person_id: str, limit: int) -> list[Decided]:
    """What was decided on a person themselves, undone or not, the last one first."""
    return [_decided(row) for row in _ON_PERSON.rows(db, person=person_id, most=limit)]


def appeals_of(db: Connection, person_id: str) -> list[Entry]:
    """Every appeal of a person, the last one first."""
    return [
        Entry(Came(came), person, from_us(at), words)
        for _, came, person, at, words in _APPEALS.rows(db, person=person_id)
    ]


def other_staff(db: Connection, without: Iterable[str | None], lang: str | None) -> bool:
    """Whether somebody else could decide in this language, or (None) in all."""
    staff = _OTHER_STAFF.rows(db, without=[each for each in without if each])
    return any(role == "admin" or not moderates or lang in moderates.split(",") for role, moderates in staff)


def reasons(db: Connection) -> tuple[str, ...]:
    """The organiser's list, or the one that the program brings."""
    document = _REASONS.value(db)
    return REASONS if document is None else tuple(json.loads(document))


def keep_reasons(db: Connection, given: Sequence[str], person_id: str | None, now: datetime) -> None:
    _KEEP_REASONS.run(db, at=to_us(now), person_id=person_id, document=json.dumps(list(given), ensure_ascii=False))


def forget_on(db: Connection, subjects: Collection[str]) -> None:
    """Remove all cases on messages that were purged, or on a person: what was said may repeat what was written."""
    for statement in _FORGET_ON:
        statement.run(db, ids=list(subjects))


def forget_words(db: Connection, person_id: str) -> None:
    """What a person said in reports goes."""
    _FORGET_WORDS.run(db, person=person_id)


def anonymise(db: Connection, person_id: str) -> None:
    """Cases stay, under no id."""
    forget_on(db, [person_id])
    for statement in _UNNAME:
        statement.run(db, person=person_id)


def _several(db: Connection, rows: Sequence[Any]) -> list[CaseRow]:
    numbers = [row[0] for row in rows]
    entries = _entries(db, numbers) if numbers else {}
    standing = [row[12] for row in rows if row[12] is not None]
    decided = decisions_by_number(db, standing) if standing else {}
    return [_row(row, entries[row[0]], decided) for row in rows]


def _entries(db: Connection, numbers: Sequence[int]) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = {number: [] for number in numbers}
    for number, came, person, at, words in _ENTRIES.rows(db, numbers=list(numbers)):
        found[number].append(Entry(Came(came), person, from_us(at), words))
    return found


def _row(row: Any, entries: Sequence[Entry], decided: Mapping[int, Decided]) -> CaseRow:
    number, about, subject, lang, tree_id, person, state, came, place, opened, taken_by, taken_at, decision = row
    case = Case(
        About(about), subject, lang, person, from_us(opened), tuple(entries), taken_by,
        None if taken_at is None else from_us(taken_at),
        decided[decision].decision if decision is not None else None,
    )  # fmt: skip
    return CaseRow(number, tree_id, State(state), Came(came), (place, opened, number), case, decision)


def _decided(row: Any) -> Decided:
    number, case_id, verdict, reason, note, days, removed, by, at, before, bulk, undone_by, undone_at = row
    return Decided(
        number, case_id, Decision(Verdict(verdict), reason, note, by, from_us(at), days, bool(removed)),
        json.loads(before), bulk, undone_by, None if undone_at is None else from_us(undone_at),
    )  # fmt: skip
