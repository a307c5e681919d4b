"""Faults in the structure of trees: what reading reports and keeps.

Knows records; does not know files. One tree at a time; of the whole file only the ids that were seen.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from espalier.dataset.findings import Code, Finding, Report
from espalier.dataset.records import MessageRecord, TreeRecord, date_of
from espalier.domain.message import LABELS, Role
from espalier.domain.tree import State

USUAL_REPLIES: Final = 3
"""A parent with more replies than this is reported as overfull; the published campaigns asked for three at most."""

_LABELS: Final = frozenset(LABELS)
_ROLES: Final = frozenset(Role)
_STATES: Final = frozenset(State)
ROLES, STATES = ", ".join(Role), ", ".join(State)
"""What there is, as sentences name it."""
_KEEPS_OUT: Final = frozenset({Code.ORPHAN, Code.CYCLE, Code.DUPLICATE_ID})
"""What keeps a row out of every tree."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What the structure needs to know of a message; texts are not kept."""

    id: str
    parent: str | None
    role: str
    user: str | None
    rank: int | None
    line: int
    path: str


class Structure:
    """Looks at records as they are read. `finish` must be called after the last one: only then orphans are known."""

    def __init__(self, file: str, report: Report) -> None:
        self._file = file
        self._report = report
        self._seen: set[str] = set()
        self._flat: dict[str, list[_Place]] = {}
        self._left: set[int] = set()  # lines of rows in no tree, of which no finding says so yet

    def tree(self, tree: TreeRecord) -> None:
        places = []
        waiting: list[tuple[MessageRecord, MessageRecord | None, str]] = [(tree.prompt, None, "$.prompt")]
        while waiting:
            message, parent, path = waiting.pop()
            self._message(message, path)
            above = parent.message_id if parent else None
            if parent is None and message.parent_id is not None:
                reason = f"the prompt has a parent, {message.parent_id}"
                self._found(Code.ROOT_WITH_PARENT, message.line, f"{path}.parent_id", reason)
            elif message.parent_id not in (None, above):
                reason = f"stands below {above} but names {message.parent_id} as its parent"
                self._found(Code.WRONG_PARENT, message.line, f"{path}.parent_id", reason)
            places.append(_place(message, above, path))
            for number in range(len(message.replies) - 1, -1, -1):
                waiting.append((message.replies[number], message, f"{path}.replies[{number}]"))
        if tree.message_tree_id != tree.prompt.message_id:
            reason = f"is {tree.message_tree_id}, but the prompt is {tree.prompt.message_id}"
            self._found(Code.WRONG_TREE_ID, tree.line, "$.message_tree_id", reason)
        self._state(tree.tree_state, tree.line)
        self._group(places, None)

    def message(self, message: MessageRecord) -> None:
        """A row of a flat file; looked at with the others of its tree in `finish`."""
        self._message(message, "$")
        self._state(message.tree_state, message.line)
        tree = message.message_tree_id or ""
        self._flat.setdefault(tree, []).append(_place(message, message.parent_id, "$"))

    def group(self, tree_id: str, messages: Iterable[MessageRecord], left: Iterable[MessageRecord]) -> None:
        """All rows of one tree of a flat file, for a reader that has them together. `left`: those that it could put
        into no tree; each is lost once, by the fault that keeps it out where it has one itself."""
        rows = list(messages)
        out = list(left)
        self._left = {row.line for row in out}
        for row in rows:
            self._message(row, "$")
        self._state(rows[0].tree_state, rows[0].line)
        self._group([_place(row, row.parent_id, "$") for row in rows], tree_id)
        for row in out:
            if row.line in self._left:
                reason = f"{row.message_id} stands in no tree and is left out of them"
                self._report(Finding(Code.IN_NO_TREE, self._file, row.line, "$", reason, lost=True))

    def finish(self) -> None:
        for tree_id, places in self._flat.items():
            self._group(places, tree_id)
        self._flat.clear()

    def _found(self, code: Code, line: int, path: str, reason: str) -> None:
        lost = code in _KEEPS_OUT and line in self._left
        if lost:
            self._left.discard(line)
            reason += "; it is left out of the trees"
        self._report(Finding(code, self._file, line, path, reason, lost))

    def _state(self, state: str | None, line: int) -> None:
        if state is not None and state not in _STATES:
            self._found(Code.UNKNOWN_STATE, line, "$.tree_state", f"there is no state {state!r}; there are {STATES}")

    def _message(self, message: MessageRecord, path: str) -> None:
        """What can be seen of one message alone."""
        if message.message_id in self._seen:
            reason = f"{message.message_id} is the id of an earlier message"
            self._found(Code.DUPLICATE_ID, message.line, f"{path}.message_id", reason)
        self._seen.add(message.message_id)
        for code, field, reason in _alone(message):
            self._found(code, message.line, f"{path}.{field}", reason)

    def _group(self, places: Sequence[_Place], tree_id: str | None) -> None:
        """What can be seen of the messages of one tree together. `tree_id`: as its rows spell it, None when nested."""
        by_id = {place.id: place for place in places}
        below: dict[str, list[_Place]] = {}
        for place in places:
            if place.parent is None:
                self._root(place, tree_id)
            elif place.parent not in by_id:
                reason = f"replies to {place.parent}, which is not in its tree"
                self._found(Code.ORPHAN, place.line, f"{place.path}.parent_id", reason)
            else:
                below.setdefault(place.parent, []).append(place)
                self._reply(place, by_id[place.parent])
        for parent_id, replies in below.items():
            self._siblings(by_id[parent_id], replies)
        for place in _in_cycles(by_id):
            reason = "replies to itself" if place.parent == place.id else "its parents lead back to itself"
            self._found(Code.CYCLE, place.line, f"{place.path}.parent_id", reason)

    def _root(self, place: _Place, tree_id: str | None) -> None:
        if place.role != Role.PROMPTER and place.role in _ROLES:
            reason = f"the first message of a tree is of the {Role.PROMPTER}, not of the {place.role}"
            self._found(Code.WRONG_ROLE, place.line, f"{place.path}.role", reason)
        if tree_id and place.id != tree_id:
            reason = f"has no parent, though the tree's prompt is {tree_id}"
            self._found(Code.SECOND_ROOT, place.line, f"{place.path}.parent_id", reason)

    def _reply(self, place: _Place, parent: _Place) -> None:
        if place.role == parent.role and place.role in _ROLES:
            reason = f"{place.role} replies to {parent.role}, but roles must alternate"
            self._found(Code.WRONG_ROLE, place.line, f"{place.path}.role", reason)
        if place.user is not None and place.user == parent.user:
            reason = f"{place.user} replies to a message of their own"
            self._found(Code.OWN_REPLY, place.line, f"{place.path}.user_id", reason)

    def _siblings(self, parent: _Place, replies: Sequence[_Place]) -> None:
        if len(replies) > USUAL_REPLIES:
            reason = f"has {len(replies)} replies; more than {USUAL_REPLIES} are unusual"
            self._found(Code.OVERFULL_PARENT, parent.line, parent.path, reason)
        ranks = sorted(reply.rank for reply in replies if reply.rank is not None)
        if len(set(ranks)) < len(ranks):
            reason = f"of its replies several have the same rank: {ranks}"
            self._found(Code.RANK_TWICE, parent.line, parent.path, reason)
        elif ranks != list(range(len(ranks))):
            reason = f"the ranks of its replies have gaps: {ranks}"
            self._found(Code.RANK_GAP, parent.line, parent.path, reason)


def _place(message: MessageRecord, parent: str | None, path: str) -> _Place:
    return _Place(message.message_id, parent, message.role, message.user_id, message.rank, message.line, path)


def _alone(message: MessageRecord) -> Iterator[tuple[Code, str, str]]:
    if message.role not in _ROLES:
        yield Code.UNKNOWN_ROLE, "role", f"there is no role {message.role!r}; there are {ROLES}"
    if (not message.text or message.text.isspace()) and not message.deleted:
        yield Code.NO_TEXT, "text", "is empty, though the message is not deleted"
    if "\0" in message.text:
        yield Code.NUL_CHARACTER, "text", "holds a NUL character"
    if not message.labels:
        yield Code.NO_LABELS, "labels", "has no labels"
    elif "lang_mismatch" not in message.labels:
        yield Code.NO_LANG_MISMATCH, "labels", "has no label lang_mismatch"
    for name, said in (message.labels or {}).items():
        if name not in _LABELS:
            yield Code.UNKNOWN_LABEL, f"labels.{name}", f"there is no label {name!r}"
        if not 0 <= said["value"] <= 1:
            yield Code.LABEL_OUT_OF_RANGE, f"labels.{name}.value", f"is {said['value']}, not from 0 to 1"
    if message.created_date is not None:
        try:
            date_of(message.created_date)
        except (ValueError, OverflowError):
            yield Code.BAD_DATE, "created_date", f"{message.created_date!r} is not a date in ISO 8601"


def _in_cycles(by_id: dict[str, _Place]) -> Iterator[_Place]:
    """The messages whose parents lead back to them."""
    finished: set[str] = set()
    for start in by_id:
        path: dict[str, None] = {}
        at: str | None = start
        while at is not None and at in by_id and at not in finished and at not in path:
            path[at] = None
            at = by_id[at].parent
        if at in path:
            cycle = list(path)
            yield from (by_id[message_id] for message_id in cycle[cycle.index(at or "") :])
        finished.update(path)
