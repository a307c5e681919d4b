"""Records and examples as rows of tables that need no code to be opened, and such rows as the objects of JSON lines.

Messages are spelled as the hub spells them (`emojis` and `labels` are columns of lists), a tree is a row with the list
of its messages, each with its depth, parents before replies. What has no column is JSON in `extra`. Knows no files.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from espalier.dataset.examples import Battle, Chat, Example, Preference, Prompt, Ranking, spelled
from espalier.dataset.records import Malformed, MessageRecord, TreeRecord, VoteKind, VoteRecord

if TYPE_CHECKING:
    import pyarrow

Row = dict[str, Any]
AnyOf = TreeRecord | MessageRecord | VoteRecord | Example

DETOXIFY: Final = (
    "toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual_explicit",
)  # fmt: skip
_MESSAGE: Final = (
    "message_id", "parent_id", "user_id", "created_date", "text", "role", "lang", "review_count", "review_result",
    "deleted", "rank", "synthetic", "model_name",
)  # fmt: skip
_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_PARTS_OF_LABEL: Final = 2


def schema_of(kind: type[AnyOf]) -> "pyarrow.Schema":
    """The columns of a table of these."""
    import pyarrow as pa

    text, count, truth, real = pa.string(), pa.int32(), pa.bool_(), pa.float64()
    types = {"review_count": count, "rank": count, "review_result": truth, "deleted": truth, "synthetic": truth}
    node = [(name, types.get(name, text)) for name in _MESSAGE]
    node += [("detoxify", pa.struct([(name, real) for name in DETOXIFY]))]
    columns = [("name", pa.list_(text)), ("value", pa.list_(real)), ("count", pa.list_(count))]
    said = [("emojis", pa.struct([columns[0], columns[2]])), ("labels", pa.struct(columns)), ("extra", text)]
    place = [("message_tree_id", text), ("tree_state", text)]
    turns = pa.list_(pa.struct([("role", text), ("content", text)]))
    fields: Mapping[type, Any] = {
        MessageRecord: [*node, *place, *said],
        TreeRecord: [
            *place, ("origin", text), ("messages", pa.list_(pa.struct([*node, ("depth", count), *said]))),
            ("extra", text),
        ],
        VoteRecord: [
            *((name, text) for name in ("vote_id", "kind", "message_id", "parent_id", "voter", "created_date")),
            ("labels", pa.struct(columns[:2])), ("ranking", pa.list_(pa.list_(text))), ("reaction", text),
            ("extra", text),
        ],
        Chat: [("messages", turns)],
        Prompt: [("prompt", turns)],
        Preference: [("prompt", turns), ("chosen", turns), ("rejected", turns)],
        Ranking: [("prompt", turns), ("replies", pa.list_(text)), ("ties", pa.list_(pa.list_(count)))],
        Battle: [
            *((name, text) for name in ("question_id", "model_a", "model_b", "winner", "judge")), ("turn", count),
            ("conversation_a", turns), ("conversation_b", turns),
        ],
    }  # fmt: skip
    return pa.schema(fields[kind])


def row_of(of: AnyOf) -> Row:
    """A record or an example as a row of its table."""
    match of:
        case MessageRecord():
            return _message_row(of) | {"message_tree_id": of.message_tree_id, "tree_state": of.tree_state}
        case TreeRecord():
            return {
                "message_tree_id": of.message_tree_id, "tree_state": of.tree_state, "origin": of.origin,
                "messages": [_node_row(message, depth) for message, depth in _with_depth(of.prompt)],
                "extra": _json(of.extra),
            }  # fmt: skip
        case VoteRecord():
            return _vote_row(of)
    return spelled(of)


def _with_depth(root: MessageRecord) -> Iterator[tuple[MessageRecord, int]]:
    waiting = [(root, 0)]
    while waiting:
        message, depth = waiting.pop()
        yield message, depth
        waiting.extend((reply, depth + 1) for reply in reversed(message.replies))


def _node_row(message: MessageRecord, depth: int) -> Row:
    named = {name: value for name in ("message_tree_id", "tree_state") if (value := getattr(message, name)) is not None}
    row = _message_row(replace(message, extra={**message.extra, **named}) if named else message)
    row["depth"] = depth
    return row


def _message_row(message: MessageRecord) -> Row:
    row: Row = {name: getattr(message, name) for name in _MESSAGE}
    extra = message.extra
    if extra and _is_detoxify(extra.get("detoxify")):
        extra = dict(extra)
        row["detoxify"] = extra.pop("detoxify")
    if message.emojis is not None:
        row["emojis"] = {"name": list(message.emojis), "count": list(message.emojis.values())}
    if (labels := message.labels) is not None:
        said = labels.values()
        row["labels"] = {
            "name": list(labels),
            "value": [each["value"] for each in said],
            "count": [each["count"] for each in said],
        }
        if any(len(each) > _PARTS_OF_LABEL for each in said):
            extra = {**extra, "labels": labels}
    row["extra"] = _json(extra)
    return row


def _is_detoxify(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == set(DETOXIFY)
        and all(isinstance(each, float) for each in value.values())
    )


def _json(extra: Mapping[str, Any]) -> str | None:
    return _encode(extra) if extra else None


def _vote_row(vote: VoteRecord) -> Row:
    row = {name: getattr(vote, name) for name in ("vote_id", "kind", "message_id", "parent_id", "voter")}
    row |= {"created_date": vote.created_date, "extra": _json(vote.extra)}
    match vote.kind:
        case VoteKind.LABELS:
            row["labels"] = {"name": list(vote.value), "value": list(vote.value.values())}
        case VoteKind.RANKING:
            row["ranking"] = vote.value
        case _:
            row["reaction"] = vote.value
    return row


# Reading: from rows to the objects that lines of JSON hold


def object_of(row: Row) -> Row:
    """What a line of JSON would say instead of this row. Raises Malformed."""
    row = _with_extra(row)
    if "vote_id" in row and "value" not in row:
        return _vote_object(row)
    if "message_tree_id" in row and isinstance(row.get("messages"), list):
        return _tree_object(row)
    if "message_id" in row or "prompt" in row:
        _drop_nulls(row)
    return row


def _with_extra(row: Row) -> Row:
    """The row with the fields that its `extra` holds, where that is the JSON that we write."""
    if row.get("detoxify", row) is None:
        del row["detoxify"]
    extra = row.get("extra")
    if isinstance(extra, str) and extra.startswith("{"):
        try:
            fields = json.loads(extra)
        except ValueError:
            return row
        del row["extra"]
        row |= fields
    elif extra is None:
        row.pop("extra", None)
    return row


def _tree_object(row: Row) -> Row:
    messages = row.pop("messages")
    above: list[Row] = []
    for place, given in enumerate(messages):
        if not isinstance(given, dict):
            raise Malformed(f"$.messages[{place}]", "must be a message")
        node = _with_extra(given)
        _drop_nulls(node)
        depth = node.pop("depth", None)
        if type(depth) is not int or not (0 < depth <= len(above) if place else depth == 0):
            raise Malformed(
                f"$.messages[{place}].depth", "must be at most 1 below the message before, and 0 for the first"
            )
        del above[depth:]
        node["replies"] = []
        if above:
            above[-1]["replies"].append(node)
        else:
            row["prompt"] = node
        above.append(node)
    return row


def _vote_object(row: Row) -> Row:
    labels, ranking, reaction = (row.pop(name, None) for name in ("labels", "ranking", "reaction"))
    row["value"] = reaction if labels is None else labels
    if row.get("kind") == VoteKind.RANKING:
        row["value"] = ranking
    elif isinstance(labels, dict) and isinstance(labels.get("name"), list) and isinstance(labels.get("value"), list):
        row["value"] = dict(zip(labels["name"], labels["value"], strict=False))
    return row


def _drop_nulls(node: Row) -> None:
    """Out of maps that became a column for each key, the keys that this row has not; at any depth of a tree."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        for name in ("emojis", "labels"):
            said = node.get(name)
            if isinstance(said, dict) and None in said.values():
                node[name] = {key: value for key, value in said.items() if value is not None}
        below = [node.get("prompt"), *(node.get("replies") or ())]
        waiting.extend(each for each in below if isinstance(each, dict))
