"""Trees of records and the messages in them: walked through, changed, cut, and put together from rows."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from operator import is_

from espalier.dataset.records import MessageRecord, TreeRecord, shared_layout


def messages_of(tree: TreeRecord) -> Iterator[MessageRecord]:
    """Every message of a tree, the prompt first, each before its replies."""
    waiting = [tree.prompt]
    while waiting:
        message = waiting.pop()
        yield message
        waiting.extend(reversed(message.replies))


def depths(tree: TreeRecord) -> Iterator[int]:
    """How deep each message stands, the prompt at 0, in the order of `messages_of`."""
    waiting = [(tree.prompt, 0)]
    while waiting:
        message, depth = waiting.pop()
        yield depth
        waiting.extend((reply, depth + 1) for reply in reversed(message.replies))


def flat_messages(tree: TreeRecord) -> Iterator[MessageRecord]:
    """The same as rows of a messages file."""
    for message in messages_of(tree):
        yield replace(
            message,
            replies=(),
            message_tree_id=tree.message_tree_id,
            tree_state=tree.tree_state,
            layout=message.layout if message.layout and message.layout.row else None,
        )  # fmt: skip


def map_messages(tree: TreeRecord, change: Callable[[MessageRecord], MessageRecord]) -> TreeRecord:
    """The tree with each message changed; `change` sees the replies as they already are."""
    order = list(messages_of(tree))
    done: dict[int, MessageRecord] = {}
    for message in reversed(order):
        replies = tuple(done.pop(id(reply)) for reply in message.replies)
        done[id(message)] = change(replace(message, replies=replies) if replies else message)
    return replace(tree, prompt=done[id(tree.prompt)])


def cut(tree: TreeRecord, keeps: Callable[[MessageRecord, int], bool]) -> TreeRecord | None:
    """The tree without the messages that are not kept and all below them; None when its prompt goes.

    keeps: asked with a message and its depth, only of messages below kept ones. A tree of which all is kept is returned
    as it is.
    """
    if not keeps(tree.prompt, 0):
        return None
    order: list[tuple[MessageRecord, int]] = [(tree.prompt, 0)]
    below: list[tuple[MessageRecord, ...]] = []
    gone = False
    for message, depth in order:
        replies = tuple(reply for reply in message.replies if keeps(reply, depth + 1))
        gone = gone or len(replies) < len(message.replies)
        below.append(replies)
        order.extend((reply, depth + 1) for reply in replies)
    if not gone:
        return tree
    done: dict[int, MessageRecord] = {}
    for (message, _), left in zip(reversed(order), reversed(below), strict=True):
        replies = tuple(done.pop(id(reply)) for reply in left)
        same = len(replies) == len(message.replies) and all(map(is_, replies, message.replies))
        done[id(message)] = message if same else replace(message, replies=replies)
    return replace(tree, prompt=done[id(tree.prompt)])


@dataclass(frozen=True, slots=True)
class Assembled:
    """Trees made of flat messages, and the messages that stand in none: orphans, cycles, ids that came twice."""

    trees: tuple[TreeRecord, ...]
    left: tuple[MessageRecord, ...]


def assemble(messages: Iterable[MessageRecord]) -> Assembled:
    """Trees from flat messages, in the order of their prompts; replies in the order in which they came."""
    by_id: dict[str, MessageRecord] = {}
    left: list[MessageRecord] = []
    below: dict[str, list[str]] = {}
    for message in messages:
        if message.message_id in by_id:
            left.append(message)
            continue
        by_id[message.message_id] = message
        if message.parent_id is not None:
            below.setdefault(message.parent_id, []).append(message.message_id)
    trees = []
    placed: set[str] = set()
    for root in by_id.values():
        if root.parent_id is not None:
            continue
        order = [root.message_id]
        for message_id in order:
            order.extend(below.get(message_id, ()))
        placed.update(order)
        made: dict[str, MessageRecord] = {}
        for message_id in reversed(order):
            replies = tuple(made.pop(reply) for reply in below.get(message_id, ()))
            row = by_id[message_id]
            layout = row.layout and shared_layout(row.layout.keys, row.layout.columns, row.layout.null_replies, True)
            # A row says of itself which tree it is in; in a tree the tree says it.
            made[message_id] = replace(row, replies=replies, message_tree_id=None, tree_state=None, layout=layout)
        tree_id = root.message_tree_id or root.message_id
        trees.append(TreeRecord(tree_id, made[root.message_id], root.tree_state, line=root.line))
    left.extend(message for message_id, message in by_id.items() if message_id not in placed)
    return Assembled(tuple(trees), tuple(left))
