"""What a release holds of messages that may not be published: their place in the tree, and nothing that they said.

So no reply loses what it replies to. Knows records; knows no files.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from espalier.dataset.records import MessageRecord, TreeRecord, VoteKind, VoteRecord
from espalier.dataset.trees import map_messages


@dataclass(frozen=True, slots=True)
class Gone:
    """people: whose messages and votes may not be published. deleted_texts: whether texts of deleted messages may."""

    people: frozenset[str] = frozenset()
    deleted_texts: bool = False

    def tree(self, tree: TreeRecord) -> TreeRecord:
        """The tree with tombstones: text empty, author null, deleted."""
        return map_messages(tree, self._message)

    def votes(self, votes: Iterable[VoteRecord]) -> Iterator[VoteRecord]:
        """The votes of all others."""
        return (vote for vote in votes if vote.voter is None or vote.voter not in self.people)

    def _message(self, message: MessageRecord) -> MessageRecord:
        purged = message.user_id is not None and message.user_id in self.people
        return entombed(message) if purged or (message.deleted and not self.deleted_texts) else message


def entombed(message: MessageRecord) -> MessageRecord:
    """The place of a message; what others said of it stays, fields of unknown meaning go."""
    return replace(message, text="", user_id=None, deleted=True, extra={})


def is_tombstone(message: MessageRecord) -> bool:
    return bool(message.deleted) and not message.text and message.user_id is None


def on_these(votes: Iterable[VoteRecord], message_ids: Collection[str]) -> Iterator[VoteRecord]:
    """Votes on these messages; a ranking without the replies that are not among them, if any two are left."""
    for vote in votes:
        if vote.subject not in message_ids:
            continue
        if vote.kind != VoteKind.RANKING or all(reply in message_ids for group in vote.value for reply in group):
            yield vote
            continue
        groups = [[reply for reply in group if reply in message_ids] for group in vote.value]
        if sum(map(len, groups)) >= 2:
            yield replace(vote, value=[group for group in groups if group])
