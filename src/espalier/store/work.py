"""Open work and leases: what could be handed out, what is handed out, and to whom.

Handing out is one indexed look-up: the first free places at or after a random point, in the index of this kind and
language, that this person has neither done nor skipped; one of them is drawn. A place moves to a new random point
whenever it is leased, so every place is as likely as any other, and nobody has to count places to be fair.
Knows leases; does not know what makes work open (domain/work.py).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from espalier.domain.work import ACT_OF, Act, Kind, Work
from espalier.store import locks
from espalier.store.sql import Statement
from espalier.store.tables import done, messages, open_work, tasks, trees
from espalier.store.times import from_us, to_us

W, K = open_work.c, tasks.c
FREE: Final = text("needs > held AND budget > tree_held")
LONELY: Final = text("lonely = 1 AND needs > held AND budget > tree_held")

WINDOW: Final = 8
"""Candidates fetched at once; one is drawn. With one alone, a place behind a small gap of the index would starve."""

Place = tuple[Act, str]


@dataclass(frozen=True, slots=True)
class Lease:
    """A task that was handed out. `held`: it still keeps its place. `replies`: ids in the order they were shown.

    `expires_at`: until when it is the holder's; of one that was answered or skipped, when that was.

    `inspiration`: the id of what is shown beside it.
    """

    id: str
    person_id: str
    kind: Kind
    lang: str
    tree_id: str | None
    subject: str | None
    simple: bool
    gold: bool
    replies: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    status: str
    held: bool
    inspiration: str | None = None

    @property
    def act(self) -> Act | None:
        return ACT_OF.get(self.kind)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A free place that was found. `point`: where in the index."""

    act: Act
    subject: str
    tree_id: str
    kind: Kind
    lang: str
    point: float


_INSERT_WORK = Statement(
    insert(open_work).values(
        {
            name: bindparam(name)
            for name in (
                "act", "subject", "tree_id", "kind", "lang", "needs", "budget", "author_id", "lonely", "held",
                "tree_held", "point",
            )
        }
    )
)  # fmt: skip
_UPDATE_WORK = Statement(
    update(open_work)
    .where(W.act == bindparam("what"), W.subject == bindparam("on"))
    .values(
        needs=bindparam("needs"), budget=bindparam("budget"), author_id=bindparam("author_id"),
        lonely=bindparam("lonely"), kind=bindparam("kind"), lang=bindparam("lang"),
    )
)  # fmt: skip
_DELETE_WORK = Statement(delete(open_work).where(W.act == bindparam("what"), W.subject == bindparam("on")))
_FORGET = Statement(delete(open_work).where(W.tree_id == bindparam("tree_id")))
_HELD_IN_TREE = Statement(
    select(K.act, K.subject, func.count())
    .where(K.tree_id == bindparam("tree_id"), K.held == 1, K.gold == 0)
    .group_by(K.act, K.subject)
)
_HELD_ON = Statement(select(W.held, W.tree_held).where(W.act == bindparam("what"), W.subject == bindparam("on")))


def replace_open_work(
    db: Connection, tree_id: str, old: Mapping[Place, Work], new: Mapping[Place, Work], rng: Random
) -> None:
    """Make the stored open work of a tree say `new`, where it said `old`."""
    for place in old.keys() - new.keys():
        _DELETE_WORK.run(db, what=place[0], on=place[1])
    held: dict[Place, int] | None = None
    for place in sorted(new):
        work = new[place]
        columns = {
            "kind": work.kind,
            "lang": work.lang,
            "needs": work.needs,
            "budget": work.budget,
            "author_id": work.author,
            "lonely": int(work.lonely),
        }
        if place not in old:
            held = live_leases(db, tree_id) if held is None else held
            _INSERT_WORK.run(
                db, act=place[0], subject=place[1], tree_id=tree_id, held=held.get(place, 0),
                tree_held=_tree_held(place[0], held), point=rng.random(), **columns,
            )  # fmt: skip
        elif old[place] != work:
            _UPDATE_WORK.run(db, what=place[0], on=place[1], **columns)


def live_leases(db: Connection, tree_id: str) -> dict[Place, int]:
    """How many leases are held on each place of a tree."""
    return {(Act(act), subject): count for act, subject, count in _HELD_IN_TREE.rows(db, tree_id=tree_id)}


def _tree_held(act: Act, held: Mapping[Place, int]) -> int:
    return sum(count for place, count in held.items() if place[0] is Act.REPLY) if act is Act.REPLY else 0


def forget(db: Connection, tree_id: str) -> None:
    _FORGET.run(db, tree_id=tree_id)


def held_on(db: Connection, act: Act, subject: str) -> tuple[int, int]:
    """Live leases on a place, and on all places for a reply in its tree; zeros when the place is gone."""
    row = _HELD_ON.row(db, what=act, on=subject)
    return (row[0], row[1]) if row else (0, 0)


_NOT_DONE: Final = ~(
    select(text("1"))
    .where(done.c.person_id == bindparam("person"), done.c.act == W.act, done.c.subject == W.subject)
    .correlate(open_work)
    .exists()
)
_MINE: Final = (
    select(func.count())
    .where(messages.c.tree_id == W.tree_id, messages.c.author_id == bindparam("person"), messages.c.live == 1)
    .correlate(open_work)
    .scalar_subquery()
)

_IN_HAND: Final = (
    select(func.count())
    .where(
        K.tree_id == W.tree_id, K.person_id == bindparam("person"), K.held == text("1"), K.act == Act.REPLY.value
    )
    .correlate(open_work)
    .scalar_subquery()
)  # fmt: skip
_GOAL: Final = select(trees.c.goal_tree_size).where(trees.c.id == W.tree_id).correlate(open_work).scalar_subquery()


_WITHIN_SHARE: Final = or_(_MINE + _IN_HAND == 0, bindparam("share") * _GOAL >= _MINE + _IN_HAND + 1)
"""Whether one more message leaves the person's share of the tree small enough; the first is always free."""


def _free_places_from(*, lonely: bool, own: bool, capped: bool) -> Statement:
    conditions: list[ColumnElement[bool] | Any] = [
        W.kind == bindparam("kind"),
        W.lang == bindparam("lang"),
        W.point >= bindparam("start"),
        LONELY if lonely else FREE,
        _NOT_DONE,
    ]
    if not own:
        conditions.append((W.author_id.is_(None)) | (W.author_id != bindparam("person")))
    if capped:
        conditions.append(_WITHIN_SHARE)
    return Statement(
        select(W.act, W.subject, W.tree_id, W.kind, W.lang, W.point).where(*conditions).order_by(W.point).limit(WINDOW)
    )


_FREE_PLACES_FROM: Final = {
    (lonely, own, capped): _free_places_from(lonely=lonely, own=own, capped=capped)
    for lonely in (False, True)
    for own in (False, True)
    for capped in (False, True)
}


def find_place(
    db: Connection,
    person_id: str,
    kinds: Sequence[Kind],
    langs: Sequence[str],
    rng: Random,
    *,
    lonely: bool = False,
    own: bool = True,
    share_of_tree: float | None = None,
) -> Candidate | None:
    """A free place for this person, uniform over all of these kinds and languages; None if there is none.

    lonely: only prompter messages with few replies. own: also below the person's own messages. share_of_tree: leave
    out trees of whose goal the person would have written more than this with what they have in hand and one more.
    """
    statement = _FREE_PLACES_FROM[lonely, own, share_of_tree is not None]
    extra: dict[str, object] = {} if share_of_tree is None else {"share": share_of_tree}
    start = rng.random()

    def from_point(point: float) -> list[Any]:
        rows = [
            row
            for kind in kinds
            for lang in langs
            for row in statement.tuples(db, kind=kind, lang=lang, start=point, person=person_id, **extra)
        ]
        return sorted(rows, key=lambda row: row[5])[:WINDOW] if len(kinds) * len(langs) > 1 else rows

    found = from_point(start)
    if len(found) < WINDOW:  # the index is a circle
        found += [row for row in from_point(0.0) if row[5] < start][: WINDOW - len(found)]
    if not found:
        return None
    act, subject, tree_id, kind, lang, point = rng.choice(found)
    return Candidate(Act(act), subject, tree_id, Kind(kind), lang, point)


_LEASE_PLACE = Statement(
    update(open_work)
    .where(W.act == bindparam("what"), W.subject == bindparam("on"), FREE)
    .values(held=W.held + 1, point=bindparam("point"))
)
_LEASE_IN_TREE = Statement(
    update(open_work)
    .where(W.tree_id == bindparam("tree_id"), W.act == bindparam("what"))
    .values(tree_held=W.tree_held + bindparam("more"))
)
_RELEASE_PLACE = Statement(
    update(open_work)
    .where(W.act == bindparam("what"), W.subject == bindparam("on"), W.held > 0)
    .values(held=W.held - 1)
)
_TASK_COLUMNS: Final = (
    K.id, K.person_id, K.kind, K.lang, K.tree_id, K.subject, K.simple, K.gold, K.replies, K.created_at, K.expires_at,
    K.status, K.held, K.inspiration,
)  # fmt: skip
_INSERT_TASK = Statement(
    insert(tasks).values(
        {
            name: bindparam(name)
            for name in (
                "id", "person_id", "kind", "lang", "tree_id", "act", "subject", "simple", "gold", "replies",
                "created_at", "expires_at", "status", "held", "inspiration",
            )
        }
    )
)  # fmt: skip
_TASK = Statement(select(*_TASK_COLUMNS).where(K.id == bindparam("task_id")))
_OPEN_TASKS = Statement(
    select(*_TASK_COLUMNS)
    .where(K.person_id == bindparam("person"), K.status == text("'open'"), K.expires_at > bindparam("now"))
    .order_by(K.created_at, K.id)
)
_EXPIRED = Statement(
    select(*_TASK_COLUMNS).where(K.held == text("1"), K.expires_at <= bindparam("now")).order_by(K.expires_at).limit(50)
)
_SETTLE_TASK = Statement(
    update(tasks)
    .where(K.id == bindparam("task_id"))
    .values(status=bindparam("status"), held=bindparam("held"), expires_at=bindparam("expires_at"))
)
# Two transactions may end the same lease, where there are several writers: only one of them finds it held.
_LET_GO = Statement(
    update(tasks)
    .where(K.id == bindparam("task_id"), K.held == text("1"))
    .values(status=bindparam("status"), held=text("0"), expires_at=bindparam("expires_at"))
)
_RECENT = Statement(
    select(K.kind, K.created_at).where(K.person_id == bindparam("person"), K.created_at > bindparam("since"))
)
_PROMPTS_HELD = Statement(
    select(func.count()).where(
        K.lang == bindparam("lang"), K.held == text("1"), K.kind == text("'initial_prompt'")
    )
)  # fmt: skip
_LAST_OVER = Statement(
    select(*_TASK_COLUMNS)
    .where(
        K.person_id == bindparam("person"), text("status IN ('done', 'skipped')"),
        K.expires_at > bindparam("since"),
    )
    .order_by(K.expires_at.desc())
    .limit(1)
)  # fmt: skip
_HELD_TASKS = Statement(
    select(*_TASK_COLUMNS).where(K.tree_id == bindparam("tree_id"), K.held == text("1")).order_by(K.id)
)


def lease_value(row: Any) -> Lease:
    task_id, person, kind, lang, tree, subject, simple, gold, replies, created, expires, status, held, beside = row
    return Lease(
        task_id, person, Kind(kind), lang, tree, subject, bool(simple), bool(gold),
        tuple(json.loads(replies)) if replies else (), from_us(created), from_us(expires), status, bool(held), beside,
    )  # fmt: skip


def take_place(db: Connection, place: Candidate, rng: Random, *, wait: bool = True) -> bool:
    """Hold a found place; False when somebody else was quicker or, without waiting, is just changing its tree."""
    if not locks.hold_tree(db, place.tree_id, wait=wait):
        return False
    if not _LEASE_PLACE.run(db, what=place.act, on=place.subject, point=rng.random()):
        return False
    if place.act is Act.REPLY:
        _LEASE_IN_TREE.run(db, tree_id=place.tree_id, what=Act.REPLY, more=1)
    return True


def keep_lease(db: Connection, lease: Lease) -> None:
    _INSERT_TASK.run(
        db,
        id=lease.id,
        person_id=lease.person_id,
        kind=lease.kind,
        lang=lease.lang,
        tree_id=lease.tree_id,
        act=lease.act,
        subject=lease.subject,
        simple=int(lease.simple),
        gold=int(lease.gold),
        replies=json.dumps(lease.replies) if lease.replies else None,
        created_at=to_us(lease.created_at),
        expires_at=to_us(lease.expires_at),
        status=lease.status,
        held=int(lease.held),
        inspiration=lease.inspiration,
    )


def find_lease(db: Connection, task_id: str) -> Lease | None:
    row = _TASK.row(db, task_id=task_id)
    return lease_value(row) if row else None


def open_leases(db: Connection, person_id: str, now: datetime) -> list[Lease]:
    """What this person has in hand, oldest first."""
    return [lease_value(row) for row in _OPEN_TASKS.tuples(db, person=person_id, now=to_us(now))]


def recent_kinds(db: Connection, person_id: str, since: datetime) -> list[tuple[Kind, datetime]]:
    """The kind and time of each task that this person was handed since then."""
    return [(Kind(kind), from_us(at)) for kind, at in _RECENT.rows(db, person=person_id, since=to_us(since))]


def prompts_held(db: Connection, lang: str) -> int:
    row = _PROMPTS_HELD.row(db, lang=lang)
    return int(row[0]) if row else 0


def release(db: Connection, lease: Lease, *, status: str, expires_at: datetime | None = None) -> None:
    """End a lease: its place is free again (or filled, which the tree's open work says)."""
    until = expires_at or lease.expires_at
    if not (lease.held and _let_go(db, lease, status, until)):
        _SETTLE_TASK.run(db, task_id=lease.id, status=status, held=0, expires_at=to_us(until))


def _let_go(db: Connection, lease: Lease, status: str, expires_at: datetime) -> bool:
    """Free the place that a lease holds; False when somebody else has done so by now."""
    if not _LET_GO.run(db, task_id=lease.id, status=status, expires_at=to_us(expires_at)):
        return False
    if lease.act is not None and not lease.gold:
        _RELEASE_PLACE.run(db, what=lease.act, on=lease.subject)
        if lease.act is Act.REPLY:
            _LEASE_IN_TREE.run(db, tree_id=lease.tree_id, what=Act.REPLY, more=-1)
    return True


def release_expired(db: Connection, now: datetime) -> int:
    """Free the places of leases that ran out; the holders may still submit. Returns how many were freed.

    Whoever changes one of their trees at this moment is not waited for: those are freed the next time.
    """
    expired = [lease_value(row) for row in _EXPIRED.rows(db, now=to_us(now))]
    if not expired:
        return 0
    free = locks.hold_trees(db, {lease.tree_id for lease in expired if lease.tree_id is not None}, wait=False)
    return sum(
        _let_go(db, lease, lease.status, lease.expires_at)
        for lease in expired
        if lease.tree_id is None or lease.tree_id in free
    )


def release_all(db: Connection, person_id: str, now: datetime) -> None:
    """End what a person has in hand."""
    in_hand = open_leases(db, person_id, now)
    locks.hold_trees(db, {lease.tree_id for lease in in_hand if lease.tree_id is not None})
    for lease in in_hand:
        release(db, lease, status=lease.status, expires_at=now)


def end_leases(db: Connection, tree_id: str, now: datetime, subjects: set[str] | None = None) -> None:
    """Let the leases on these messages (or on the whole tree) run out now, since their work is gone."""
    for row in _HELD_TASKS.rows(db, tree_id=tree_id):
        lease = lease_value(row)
        if subjects is None or lease.subject in subjects or not subjects.isdisjoint(lease.replies):
            release(db, lease, status=lease.status, expires_at=now)


def end_surplus(db: Connection, tree_id: str, now: datetime, surplus: Mapping[Place, int]) -> None:
    """Let so many leases on each place run out now, the last handed out first."""
    left = dict(surplus)
    leases = [lease_value(row) for row in _HELD_TASKS.rows(db, tree_id=tree_id)] if left else []
    for lease in sorted(leases, key=lambda lease: (lease.created_at, lease.id), reverse=True):
        place = (lease.act, lease.subject or "")
        if lease.act is not None and not lease.gold and left.get((lease.act, place[1]), 0) > 0:
            left[lease.act, place[1]] -= 1
            release(db, lease, status=lease.status, expires_at=now)


def last_over(db: Connection, person_id: str, since: datetime) -> Lease | None:
    """What this person answered or skipped last, if that was later; its time is when it was over."""
    row = _LAST_OVER.row(db, person=person_id, since=to_us(since))
    return lease_value(row) if row else None


def renew(db: Connection, lease: Lease, expires_at: datetime) -> None:
    """Give a task back to its holder after a withdrawal, with its place if that is free."""
    held = True
    if lease.act is not None and not lease.gold:
        held = bool(_HOLD_AGAIN.run(db, what=lease.act, on=lease.subject))
        if held and lease.act is Act.REPLY:
            _LEASE_IN_TREE.run(db, tree_id=lease.tree_id, what=Act.REPLY, more=1)
    _SETTLE_TASK.run(db, task_id=lease.id, status="open", held=int(held), expires_at=to_us(expires_at))


_HOLD_AGAIN = Statement(
    update(open_work).where(W.act == bindparam("what"), W.subject == bindparam("on"), FREE).values(held=W.held + 1)
)


_LAPSED = Statement(
    select(*_TASK_COLUMNS)
    .where(
        K.person_id == bindparam("person"),
        K.subject == bindparam("on"),
        K.act == bindparam("what"),
        K.status == text("'open'"),
        K.gold == bindparam("known"),
    )
    .limit(1)
)
_free_places = select(W.kind, func.count()).where(W.lang == bindparam("lang"), FREE, _NOT_DONE).group_by(W.kind)
_FREE_PLACES = Statement(_free_places)
_FREE_PLACES_WITHIN_SHARE = Statement(_free_places.where(or_(W.act != Act.REPLY.value, _WITHIN_SHARE)))
_LIVE_IN_TREE = Statement(
    select(K.act, K.subject)
    .where(
        K.tree_id == bindparam("tree_id"), K.held == text("1"), K.gold == 0, K.expires_at > bindparam("now")
    )
)  # fmt: skip
_WRITING = Statement(
    select(func.count())
    .where(
        K.person_id == bindparam("person"), K.status == text("'open'"), K.expires_at > bindparam("now"),
        K.lang == bindparam("lang"), K.held == text("1"), or_(K.act.is_(None), K.act == Act.REPLY.value),
    )
)  # fmt: skip


def lapsed_lease(db: Connection, person_id: str, act: Act, subject: str, *, gold: bool = False) -> Lease | None:
    """An open task on the same place that ran out: it is handed out again rather than a second one."""
    row = _LAPSED.row(db, person=person_id, what=act, on=subject, known=int(gold))
    return lease_value(row) if row else None


def hold_again(db: Connection, lease: Lease) -> None:
    """Keep a lease on a place that was just taken for it."""
    _SETTLE_TASK.run(db, task_id=lease.id, status="open", held=1, expires_at=to_us(lease.expires_at))


def free_places(db: Connection, person_id: str, lang: str, *, share_of_tree: float | None = None) -> dict[str, int]:
    """How many places of each kind this person could be given in a language. share_of_tree: as for `find_place`."""
    if share_of_tree is None:
        rows = _FREE_PLACES.rows(db, person=person_id, lang=lang)
    else:
        rows = _FREE_PLACES_WITHIN_SHARE.rows(db, person=person_id, lang=lang, share=share_of_tree)
    return {str(kind): int(count) for kind, count in rows}


def writing_in_hand(db: Connection, person_id: str, lang: str, now: datetime) -> int:
    """How many texts in a language this person has been asked for and still has the place of."""
    return int(_WRITING.value(db, person=person_id, lang=lang, now=to_us(now)) or 0)


def held_now(db: Connection, tree_id: str, act: Act, subject: str, now: datetime) -> tuple[int, int]:
    """Leases that have not run out: on a place, and on all places for a reply in its tree."""
    places = [(Act(what), on) for what, on in _LIVE_IN_TREE.rows(db, tree_id=tree_id, now=to_us(now))]
    return places.count((act, subject)), sum(what is Act.REPLY for what, _ in places)
