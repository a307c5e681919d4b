"""Records from JSON objects, checked, and JSON objects from records, spelled as they were read or are wanted.

Knows what a record may hold; knows no files.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import isinf
from typing import Any, Final

from espalier.dataset.records import (
    LabelMean,
    Layout,
    Malformed,
    MessageRecord,
    Record,
    Spelling,
    TreeRecord,
    VoteKind,
    VoteRecord,
    shared_layout,
)

LARGEST_COUNT: Final = 2**31 - 1
LONGEST_ID: Final = 255
DEEPEST_EXTRA: Final = 100
"""How deep a field of unknown meaning may be nested; the replies of a tree may be as deep as a line can be parsed."""


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise Malformed("", f"must be a text, not {_named(value)}")


def _id(value: object) -> str:
    if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and "\0" not in value:
        return value
    raise Malformed("", f"must be a text of 1 to {LONGEST_ID} characters, not {_named(value)}")


def _name(value: object) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_ID and "\0" not in value:
        return value
    raise Malformed("", f"must be a text of at most {LONGEST_ID} characters, not {_named(value)}")


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT:
        return value
    raise Malformed("", f"must be a whole number from 0 to {LARGEST_COUNT:,}, not {_named(value)}")


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Malformed("", f"must be true or false, not {_named(value)}")


def _named(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {value[:40]!r}" + ("…" if len(value) > 40 else "")
        case int() | float():
            return f"the number {value}" if abs(value) < 1e15 else "so large a number"
        case list():
            return "a list"
        case dict():
            return "an object"
    return type(value).__name__


_PARTS_OF_A_MEAN: Final = len(LabelMean.__annotations__)
_WHOLE: Final = {int}
_NUMBERS: Final = {int, float}


def _are_counts(values: Collection[Any]) -> bool:
    """Whether all are whole numbers in range; a quick look at all of them at once."""
    return not values or (set(map(type, values)) == _WHOLE and min(values) >= 0 and max(values) <= LARGEST_COUNT)


def _are_means(values: Collection[Any]) -> bool:
    return not values or (
        set(map(type, values)) <= _NUMBERS and min(values) >= -LARGEST_COUNT and max(values) <= LARGEST_COUNT
    )


def _emojis(value: object) -> Mapping[str, int]:
    if not isinstance(value, dict):
        raise Malformed("", f"must be an object, not {_named(value)}")
    if _is_columns(value, ("name", "count")):
        for name in value.keys() - {"name", "count"}:
            raise Malformed(f".{name}", "is no column of emojis")
        return {row["name"]: row["count"] for row in _rows(value)}
    if not _are_counts(value.values()):
        for name, count in value.items():
            _within(name, _count, count)
    return value


def _labels(value: object) -> Mapping[str, LabelMean]:
    if not isinstance(value, dict):
        raise Malformed("", f"must be an object, not {_named(value)}")
    if _is_columns(value, ("name", "value", "count")):
        return {row.pop("name"): row for row in _rows(value)}  # type: ignore[misc]
    try:
        sound = _are_means([said["value"] for said in value.values()]) and _are_counts(
            [said["count"] for said in value.values()]
        )
    except (KeyError, TypeError, IndexError):
        sound = False
    if not sound:
        for name, said in value.items():
            _label(name, said)
    for name, said in value.items():
        if len(said) > _PARTS_OF_A_MEAN:
            _finite(name, said)
    return value


def _label(name: str, said: object) -> None:
    if not isinstance(said, dict):
        raise Malformed(f".{name}", f"must be an object with value and count, not {_named(said)}")
    for part, read in (("value", _mean), ("count", _count)):
        if part not in said:
            raise Malformed(f".{name}.{part}", "is missing", missing=True)
        _within(f"{name}.{part}", read, said[part])


def _mean(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_COUNT:
        return value
    raise Malformed("", f"must be a number, not {_named(value)}")


def _within(name: str, read: Callable[[object], object], value: object) -> None:
    try:
        read(value)
    except Malformed as wrong:
        raise Malformed(f".{name}{wrong.path}", wrong.reason, missing=wrong.missing) from None


def _is_columns(value: Mapping[str, object], names: Sequence[str]) -> bool:
    return names[0] in value and all(type(value.get(name)) is list for name in names)


def _rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The hub's columns as rows; a column more is kept with each."""
    names = columns["name"]
    for name, column in columns.items():
        if type(column) is not list or len(column) != len(names):
            raise Malformed(f".{name}", f"must be a list as long as name, {len(names)}")
    if not _are_counts(columns["count"]) or not _are_means(columns.get("value", ())):
        for name, read in (("count", _count), ("value", _mean)):
            for place, value in enumerate(columns.get(name, ())):
                _within(f"{name}[{place}]", read, value)
    for place, name in enumerate(names):
        if type(name) is not str:
            _within(f"name[{place}]", _name, name)
    if len(set(names)) < len(names):
        raise Malformed(".name", "names something twice")
    if len(columns) > _PARTS_OF_A_MEAN + 1:
        for name, column in columns.items():
            _finite(name, column)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


_READ_MESSAGE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "message_id": _id,
    "parent_id": _id,
    "user_id": _id,
    "created_date": _name,
    "text": _text,
    "role": _name,
    "lang": _name,
    "review_count": _count,
    "review_result": _truth,
    "deleted": _truth,
    "rank": _count,
    "synthetic": _truth,
    "model_name": _name,
    "emojis": _emojis,
    "labels": _labels,
    "message_tree_id": _id,
    "tree_state": _name,
}
_READ_TREE: Final[Mapping[str, Callable[[Any], Any]]] = {"message_tree_id": _id, "tree_state": _name, "origin": _text}
_READ_VOTE: Final[Mapping[str, Callable[[Any], Any]]] = {
    "vote_id": _id,
    "kind": _name,
    "message_id": _id,
    "parent_id": _id,
    "voter": _id,
    "value": lambda value: value,
    "created_date": _name,
}
_COLUMNS_OF: Final = (("emojis", ("name", "count")), ("labels", ("name", "value", "count")))


def _fields(
    given: Mapping[str, Any], read: Mapping[str, Callable[[Any], Any]], needed: Sequence[str], apart: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Known fields, checked, and the others as they are; the field `apart` in neither."""
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in given.items():
        check = read.get(name)
        if check is None:
            if name != apart:
                extra[name] = value
                if type(value) in _MAY_HOLD_FLOATS:
                    _finite(name, value)
        elif value is None:
            known[name] = None
        else:
            try:
                known[name] = check(value)
            except Malformed as wrong:
                raise Malformed(f".{name}{wrong.path}", wrong.reason, missing=wrong.missing) from None
    for name in needed:
        if known.get(name) is None:
            raise Malformed(f".{name}", "must not be null" if name in given else "is missing", missing=True)
    return known, extra


_MAY_HOLD_FLOATS: Final = {dict, list, float}


def _finite(name: str, value: object) -> None:
    """Refuse what could not be written again: a number too large for a double, and what is nested too deeply."""
    waiting = [(value, 1)]
    while waiting:
        value, depth = waiting.pop()
        inner: Iterable[object] = ()
        if type(value) is dict:
            inner = value.values()
        elif type(value) is list:
            inner = value
        elif type(value) is float and isinf(value):
            raise Malformed(f".{name}", "holds a number that is too large")
        if inner and depth > DEEPEST_EXTRA:
            raise Malformed(f".{name}", f"is nested more than {DEEPEST_EXTRA} levels deep")
        waiting.extend((each, depth + 1) for each in inner if type(each) in _MAY_HOLD_FLOATS)


def _message(given: Mapping[str, Any], line: int, replies: tuple[MessageRecord, ...]) -> MessageRecord:
    known, extra = _fields(given, _READ_MESSAGE, ("message_id", "text", "role"), apart="replies")
    columns = [name for name, _ in _COLUMNS_OF if known.get(name) is not given.get(name)]  # read as rows
    null_replies = "replies" in given and given["replies"] is None
    layout = shared_layout(tuple(given), frozenset(columns), null_replies)
    return MessageRecord(**known, replies=replies, extra=extra, layout=layout, line=line)


def message_record(given: Mapping[str, Any], line: int = 0, at: str = "$") -> MessageRecord:
    """A message, with all its replies, from a JSON object. Raises Malformed with the path from `at`."""
    # A tree may be deeper than Python calls may nest: first listed, parents before replies, then made backwards.
    nodes: list[tuple[Mapping[str, Any], int, int]] = [(given, -1, 0)]
    for index, (node, _, _) in enumerate(nodes):
        below = node.get("replies")
        if below is None:
            continue
        if type(below) is not list:
            raise Malformed(f"{_path(nodes, index, at)}.replies", f"must be a list, not {_named(below)}")
        for place, reply in enumerate(below):
            if type(reply) is not dict:
                wrong = f"{_path(nodes, index, at)}.replies[{place}]"
                raise Malformed(wrong, f"must be an object, not {_named(reply)}")
            nodes.append((reply, index, place))
    replies: list[list[MessageRecord]] = [[] for _ in nodes]
    for index in range(len(nodes) - 1, -1, -1):
        node, parent, _ = nodes[index]
        try:
            made = _message(node, line, tuple(reversed(replies[index])))
        except Malformed as error:
            path = f"{_path(nodes, index, at)}{error.path}"
            raise Malformed(path, error.reason, missing=error.missing) from None
        if parent >= 0:
            replies[parent].append(made)
    return made


def _path(nodes: Sequence[tuple[Mapping[str, Any], int, int]], index: int, at: str) -> str:
    steps = []
    while nodes[index][1] >= 0:
        _, index, place = nodes[index]
        steps.append(f".replies[{place}]")
    return at + "".join(reversed(steps))


def tree_record(given: Mapping[str, Any], line: int = 0) -> TreeRecord:
    """A tree from a JSON object. Raises Malformed."""
    try:
        known, extra = _fields(given, _READ_TREE, ("message_tree_id",), apart="prompt")
    except Malformed as wrong:
        raise Malformed(f"${wrong.path}", wrong.reason, missing=wrong.missing) from None
    prompt = given.get("prompt")
    if type(prompt) is not dict:
        raise Malformed("$.prompt", f"must be an object, not {_named(prompt)}", missing=prompt is None)
    layout = shared_layout(tuple(given))
    return TreeRecord(
        prompt=message_record(prompt, line, "$.prompt"), extra=extra, layout=layout, line=line, **known
    )  # fmt: skip


def record(given: Mapping[str, Any], line: int = 0) -> Record:
    """A tree or a flat message from a JSON object. Raises Malformed."""
    if "message_id" in given:
        return message_record(given, line)
    if "prompt" in given or "message_tree_id" in given:
        return tree_record(given, line)
    raise Malformed("$", "is neither a message (no message_id) nor a tree (no message_tree_id)", missing=True)


def vote_record(given: Mapping[str, Any], line: int = 0) -> VoteRecord:
    """A judgement from a JSON object. Raises Malformed."""
    try:
        known, extra = _fields(given, _READ_VOTE, ("vote_id", "kind"))
        if known["kind"] not in _CHECK_VALUE:
            raise Malformed(".kind", f"must be one of {', '.join(VoteKind)}, not {_named(known['kind'])}")
        subject = "parent_id" if known["kind"] == VoteKind.RANKING else "message_id"
        if known.get(subject) is None:
            raise Malformed(f".{subject}", "is missing", missing=True)
        _within("value", _CHECK_VALUE[known["kind"]], known.get("value"))
    except Malformed as wrong:
        raise Malformed(f"${wrong.path}", wrong.reason, missing=wrong.missing) from None
    return VoteRecord(extra=extra, layout=shared_layout(tuple(given)), line=line, **known)


def _label_values(value: object) -> object:
    if type(value) is not dict:
        raise Malformed("", f"must be an object of labels, not {_named(value)}")
    for name, said in value.items():
        if said is not None:
            _within(name, _share, said)
    return value


def _share(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return value
    raise Malformed("", f"must be a number from 0 to 1, or null, not {_named(value)}")


def _groups(value: object) -> object:
    if type(value) is not list:
        raise Malformed("", f"must be a list of groups of message ids, not {_named(value)}")
    seen: set[str] = set()
    for place, group in enumerate(value):
        if type(group) is not list or not group:
            raise Malformed(f"[{place}]", f"must be a list of message ids, not {_named(group)}")
        for reply in group:
            if _id(reply) in seen:
                raise Malformed(f"[{place}]", f"names {reply} a second time")
            seen.add(reply)
    return value


_CHECK_VALUE: Final[Mapping[str, Callable[[Any], Any]]] = {
    VoteKind.LABELS: _label_values,
    VoteKind.RANKING: _groups,
    VoteKind.REACTION: _id,
}


_NODE: Final = (
    "message_id", "parent_id", "user_id", "created_date", "text", "role", "lang", "review_count", "review_result",
    "deleted", "rank", "synthetic", "model_name", "emojis", "labels",
)  # fmt: skip
_FLAT: Final = (*_NODE, "message_tree_id", "tree_state")
_TREE: Final = ("message_tree_id", "tree_state", "origin")
_VOTE: Final = ("vote_id", "kind", "message_id", "parent_id", "voter", "value", "created_date")


def layout_of(message: MessageRecord, spelling: Spelling, *, flat: bool) -> Layout | None:
    """As what it is to be spelled; None: natively, which is also how a row becomes the node of a tree."""
    layout = message.layout if spelling is Spelling.AS_READ else None
    return None if layout and layout.row and not flat else layout


def message_object(message: MessageRecord, spelling: Spelling, *, flat: bool) -> dict[str, Any]:
    """The message as a JSON object without its replies. `flat`: a row of a messages file, not a node of a tree."""
    layout = layout_of(message, spelling, flat=flat)
    said = _object(message, _FLAT if flat else _NODE, layout, spelling)
    if spelling is Spelling.HUB or (layout and layout.columns):
        for name, names in _COLUMNS_OF:
            if said.get(name) is not None and (layout is None or name in layout.columns):
                said[name] = _as_columns(said[name], names)
    return said


def tree_object(tree: TreeRecord, spelling: Spelling) -> dict[str, Any]:
    """The tree as a JSON object without its prompt."""
    return _object(tree, _TREE, tree.layout if spelling is Spelling.AS_READ else None, spelling)


def vote_object(vote: VoteRecord) -> dict[str, Any]:
    said = _object(vote, _VOTE, vote.layout, Spelling.SPARSE)
    said.setdefault("voter", None)
    return said


def _object(
    of: MessageRecord | TreeRecord | VoteRecord, names: Sequence[str], layout: Layout | None, spelling: Spelling
) -> dict[str, Any]:
    if layout is None:
        said = {name: getattr(of, name) for name in names}
        said.update(of.extra)
        if spelling is Spelling.SPARSE:
            return {name: value for name, value in said.items() if value is not None}
        return said
    extra = of.extra
    said = {}
    for name in layout.keys:
        if name in extra:
            said[name] = extra[name]
        elif name not in ("replies", "prompt"):
            said[name] = getattr(of, name, None)
    # What has changed since it was read, or came with it later.
    for name in names:
        if name not in said and (value := getattr(of, name)) is not None:
            said[name] = value
    for name, value in extra.items():
        said.setdefault(name, value)
    return said


def _as_columns(given: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[Any]]:
    if "value" not in names:
        return {"name": list(given), "count": list(given.values())}
    others = [part for said in given.values() for part in said if part not in names]
    columns: dict[str, list[Any]] = {"name": list(given)}
    for part in dict.fromkeys((*names[1:], *others)):
        columns[part] = [said.get(part) for said in given.values()]
    return columns
