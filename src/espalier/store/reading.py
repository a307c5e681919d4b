"""What readers of the campaign ask for: messages and trees in order, a page at a time, and whole trees.

Each list goes along one index, behind the place where the page before ended. Gives all there is of a message; what of
it a person may see is domain/sight.py.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, not_, select, text, tuple_

from espalier.domain.errors import NotFound
from espalier.domain.message import Role
from espalier.domain.sight import LabelMean, StaffMessage, Viewer
from espalier.domain.tree import Shape, State
from espalier.domain.work import Act
from espalier.store.people import Person, PersonRole
from espalier.store.sql import ESCAPE, Statement, literally
from espalier.store.tables import done, gold, gold_answers, messages, people, tasks, trees
from espalier.store.times import from_us, to_us

M, T, P = messages.c, trees.c, people.c
NEWEST: Final = (2**62, "")
"""Behind this place begins every list from the newest on."""

COLUMNS: Final = (
    M.id, M.tree_id, M.parent_id, M.role, M.lang, M.text, M.depth, M.created_at, M.edited, M.deleted, M.live,
    M.tombstone, T.state, T.origin, M.late, M.accepted, M.review_count, M.rank, M.labels, M.emojis, M.dismissed_flags,
    M.dismissed_skips, M.author_id, P.name, P.anonymous, M.synthetic, M.model_name,
)  # fmt: skip


def _messages() -> Select[Any]:
    return (
        select(*COLUMNS)
        .select_from(messages)
        .join(trees, T.id == M.tree_id)
        .outerjoin(people, P.id == M.author_id)
    )  # fmt: skip


_ONE = Statement(_messages().where(M.id == bindparam("message_id")))
_OF_TREE = Statement(_messages().where(M.tree_id == bindparam("tree_id")).order_by(M.place))
_CHILDREN = Statement(
    _messages()
    .where(M.parent_id == bindparam("parent_id"))
    .order_by(M.place)
    .limit(bindparam("most"))
    .offset(bindparam("skipped"))
)
MOST_CHILDREN: Final = 1000
_SEVERAL = Statement(_messages().where(M.id.in_(bindparam("ids", expanding=True))))


def message_value(row: Any) -> StaffMessage:
    (
        message_id, tree_id, parent_id, role, lang, said, depth, at, edited, deleted, live, tombstone, state, origin,
        late, accepted, review_count, rank, labels, emojis, flags, skips, author, name, anonymous, synthetic, model,
    ) = row  # fmt: skip
    return StaffMessage(
        id=message_id,
        tree_id=tree_id,
        parent_id=parent_id,
        role=Role(role),
        lang=lang,
        text=said,
        depth=depth,
        created_at=from_us(at),
        edited=bool(edited),
        deleted=bool(deleted),
        removed=not live,
        tombstone=bool(tombstone),
        tree_state=State(state),
        origin=origin,
        late=bool(late),
        review_result=None if accepted is None else bool(accepted),
        review_count=review_count,
        rank=rank,
        labels={label: LabelMean(*mean) for label, mean in json.loads(labels or "{}").items()},
        emojis=json.loads(emojis or "{}"),
        dismissed_flags=flags,
        dismissed_skips=skips,
        author=author,
        author_name=None if anonymous else name,
        synthetic=bool(synthetic),
        model_name=model,
    )


def message(db: Connection, message_id: str) -> StaffMessage:
    """Raises NotFound."""
    row = _ONE.row(db, message_id=message_id)
    if row is None:
        raise NotFound("There is no such message.")
    return message_value(row)


def several(db: Connection, message_ids: Iterable[str]) -> dict[str, StaffMessage]:
    """These messages by id; unknown ones are left out."""
    found = (message_value(row) for row in _SEVERAL.rows(db, ids=list(message_ids)))
    return {each.id: each for each in found}


def children(db: Connection, message_id: str, limit: int = MOST_CHILDREN, *, skipped: int = 0) -> list[StaffMessage]:
    """Replies to a message, in order of arrival. skipped: how many stand before; none ever leaves its place."""
    rows = _CHILDREN.rows(db, parent_id=message_id, most=limit, skipped=skipped)
    return [message_value(row) for row in rows]


def messages_of_tree(db: Connection, tree_id: str) -> list[StaffMessage]:
    """All messages of a tree in order of arrival, so parents before their replies. Raises NotFound."""
    found = [message_value(row) for row in _OF_TREE.rows(db, tree_id=tree_id)]
    if not found:
        raise NotFound("There is no such conversation tree.")
    return found


_BEGINNING = Statement(
    select(M.id).where(M.id.like(bindparam("pattern"), escape=ESCAPE)).order_by(M.id).limit(bindparam("most"))
)


def ids_beginning(db: Connection, start: str, most: int) -> list[str]:
    """Ids of messages that begin with these characters."""
    return [str(found) for found in _BEGINNING.values(db, pattern=f"{literally(start)}%", most=most)]


# Lists of messages


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages a list holds. `deleted`: only those; `standing`: only those that are not removed."""

    lang: str | None = None
    role: Role | None = None
    tree_id: str | None = None
    author: str | None = None
    deleted: bool = False
    standing: bool = False

    def names(self) -> frozenset[str]:
        """By what messages are sorted out."""
        return frozenset(name for name in self.__slots__ if getattr(self, name) not in (None, False))

    def values(self) -> dict[str, object]:
        return {name: value for name in _COLUMN if (value := getattr(self, name)) is not None}


def _aside(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column by which rows are sorted out, hidden from the planner so that it goes along the better index."""
    return func.coalesce(column, text("''"))


_COLUMN: Final[dict[str, ColumnElement[Any]]] = {
    "lang": M.lang, "role": M.role, "tree_id": M.tree_id, "author": M.author_id,
}  # fmt: skip


def _conditions(names: Collection[str], *, along: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        (column if name == along else _aside(column)) == bindparam(name)
        for name, column in _COLUMN.items()
        if name in names
    ]
    if "standing" in names:
        conditions.append(M.live == text("1"))
    if "deleted" in names:
        conditions.append(M.deleted == text("1"))
    return conditions


_ALONG: Final = ("tree_id", "author", "lang")
"""The filters that have an index, the narrowest first."""


@cache
def _newest_messages(names: frozenset[str]) -> Statement:
    along = next((name for name in _ALONG if name in names), None)
    place = tuple_(M.created_at, M.id)
    return Statement(
        _messages()
        .where(*_conditions(names, along=along), place < tuple_(bindparam("at"), bindparam("after")))
        .order_by(M.created_at.desc(), M.id.desc())
        .limit(bindparam("most"))
    )


def newest_messages(
    db: Connection, wanted: MessageFilter, limit: int, *, after: tuple[int, str] = NEWEST
) -> list[StaffMessage]:
    """Messages from the newest on, behind the place `after` (microseconds and id)."""
    at, message_id = after
    rows = _newest_messages(wanted.names()).rows(db, **wanted.values(), at=at, after=message_id, most=limit)
    return [message_value(row) for row in rows]


def place_of(message: StaffMessage) -> tuple[int, str]:
    """Where a message stands in `newest_messages`."""
    return to_us(message.created_at), message.id


@cache
def _by_state(names: frozenset[str]) -> Statement:
    tree = tuple_(T.created_at, T.id)
    end = tuple_(bindparam("at"), bindparam("in_tree"))
    return Statement(
        _messages()
        .add_columns(T.created_at, M.place)
        .where(
            T.state == bindparam("state"),
            *_conditions(names, along=None),
            tree <= end,
            not_(and_(T.id == bindparam("in_tree"), M.place <= bindparam("place"))),
        )
        .order_by(T.created_at.desc(), T.id.desc(), M.place)
        .limit(bindparam("most"))
    )


IN_STATE: Final = (2**62, "", -1)
"""Behind this place begins every list by state."""


def messages_in_state(
    db: Connection, state: State, wanted: MessageFilter, limit: int, *, after: tuple[int, str, int] = IN_STATE
) -> list[tuple[StaffMessage, tuple[int, str, int]]]:
    """Messages of the trees in a state, the newest tree first, each with its place in this list."""
    at, tree_id, place = after
    rows = _by_state(wanted.names()).rows(
        db, **wanted.values(), state=state, at=at, in_tree=tree_id, place=place, most=limit
    )  # fmt: skip
    return [(message_value(row[:-2]), (row[-2], row[1], row[-1])) for row in rows]


# Trees


@dataclass(frozen=True, slots=True)
class TreeOutline:
    """A tree as it stands in lists. `prompt`: the text of its first message; `size`: messages that are not removed."""

    id: str
    lang: str
    state: State
    created_at: datetime
    prompt: str
    size: int


@dataclass(frozen=True, slots=True)
class TreeState:
    """Where a tree stands, for staff. `accepted`, `undecided`, `refused`: messages that are not removed."""

    id: str
    lang: str
    state: State
    shape: Shape
    policy: int
    won_lottery: bool
    parked: State | None
    origin: str | None
    created_at: datetime
    changed_at: datetime
    messages: int
    accepted: int
    undecided: int
    refused: int
    late: int
    removed: int


_root = messages.alias("root")
_SIZE: Final = (
    select(func.count())
    .select_from(messages)
    .where(M.tree_id == T.id, M.live == text("1"))
    .correlate(trees)
    .scalar_subquery()
)


@cache
def _newest_trees(names: frozenset[str], standing: bool) -> Statement:
    conditions: list[ColumnElement[bool]] = [
        column == bindparam(name) for name, column in {"state": T.state, "lang": T.lang}.items() if name in names
    ]
    if standing:
        conditions.append(_root.c.live == text("1"))
    return Statement(
        select(T.id, T.lang, T.state, T.created_at, _root.c.text, _SIZE)
        .join(_root, _root.c.id == T.id)
        .where(*conditions, tuple_(T.created_at, T.id) < tuple_(bindparam("at"), bindparam("after")))
        .order_by(T.created_at.desc(), T.id.desc())
        .limit(bindparam("most"))
    )


def newest_trees(
    db: Connection,
    limit: int,
    *,
    state: State | None = None,
    lang: str | None = None,
    standing: bool = False,
    after: tuple[int, str] = NEWEST,
) -> list[TreeOutline]:
    """Trees from the newest on, behind the place `after` (microseconds and id); `standing`: whose prompt stands."""
    given = {name: value for name, value in {"state": state, "lang": lang}.items() if value is not None}
    at, tree_id = after
    rows = _newest_trees(frozenset(given), standing).rows(db, **given, at=at, after=tree_id, most=limit)
    return [TreeOutline(row[0], row[1], State(row[2]), from_us(row[3]), row[4], row[5]) for row in rows]


def place_of_tree(tree: TreeOutline) -> tuple[int, str]:
    """Where a tree stands in `newest_trees`."""
    return to_us(tree.created_at), tree.id


_TREE = Statement(
    select(
        T.id, T.lang, T.state, T.max_tree_depth, T.max_children_count, T.num_prompter_replies, T.goal_tree_size,
        T.policy, T.won_lottery, T.parked, T.origin, T.created_at, T.changed_at,
    ).where(T.id == bindparam("tree_id"))
)  # fmt: skip


def tree_state(db: Connection, tree_id: str) -> TreeState:
    """Raises NotFound."""
    row = _TREE.row(db, tree_id=tree_id)
    if row is None:
        raise NotFound("There is no such conversation tree.")
    every = messages_of_tree(db, tree_id)
    live = [each for each in every if not each.removed]
    standing = [each for each in live if not each.late]
    return TreeState(
        id=row[0],
        lang=row[1],
        state=State(row[2]),
        shape=Shape(*row[3:7]),
        policy=row[7],
        won_lottery=bool(row[8]),
        parked=State(row[9]) if row[9] else None,
        origin=row[10],
        created_at=from_us(row[11]),
        changed_at=from_us(row[12]),
        messages=len(live),
        accepted=sum(each.review_result is True for each in standing),
        undecided=sum(each.review_result is None for each in standing),
        refused=sum(each.review_result is False for each in standing),
        late=sum(each.late for each in live),
        removed=len(every) - len(live),
    )


# Who looks

_DONE = Statement(
    select(done.c.act, done.c.subject).where(
        done.c.person_id == bindparam("person"),
        done.c.act.in_([Act.LABEL.value, Act.RANK.value]),
        done.c.subject.in_(bindparam("ids", expanding=True)),
    )
)
_IN_HAND = Statement(
    select(tasks.c.act, tasks.c.subject).where(
        tasks.c.person_id == bindparam("person"),
        tasks.c.status == text("'open'"),
        tasks.c.act.in_([Act.LABEL.value, Act.RANK.value]),
    )
)

_ASKED_ABOUT = Statement(
    select(gold.c.message_id).where(
        gold.c.message_id.in_(bindparam("ids", expanding=True)),
        gold.c.person_id != bindparam("person"),
        ~select(text("1"))
        .select_from(gold_answers)
        .where(gold_answers.c.person_id == bindparam("person"), gold_answers.c.message_id == gold.c.message_id)
        .correlate(gold)
        .exists(),
    )
)


def viewer(db: Connection, person: Person, looked_at: Collection[StaffMessage]) -> Viewer:
    """This person as somebody who looks at these messages: with what they have judged or still could."""
    ids = [each.id for each in looked_at]
    subjects = {*ids, *(each.parent_id for each in looked_at if each.parent_id is not None)}
    return Viewer(
        person_id=person.id,
        moderates=person.role.reaches(PersonRole.MODERATOR),
        administers=person.role is PersonRole.ADMIN,
        done=frozenset((Act(act), subject) for act, subject in _DONE.rows(db, person=person.id, ids=sorted(subjects))),
        in_hand=frozenset((Act(act), subject) for act, subject in _IN_HAND.rows(db, person=person.id)),
        asked_about=frozenset(_ASKED_ABOUT.values(db, person=person.id, ids=ids)),
    )
