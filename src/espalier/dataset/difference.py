"""What changed between two data sets: trees and messages that came and went, and what became another.

Knows records; one line of figures a message is kept of the older one, no texts.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from espalier.dataset.records import MessageRecord, Record, TreeRecord
from espalier.dataset.trees import messages_of
from espalier.domain.language import usual_tag


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is remembered of a message."""

    text: bytes
    labels: bytes
    rank: int | None
    accepted: bool | None
    deleted: bool
    reviews: int
    parent: str | None
    lang: str
    role: str
    rest: bytes


@dataclass(slots=True)
class Difference:
    """Ids by what became of them. came, went: messages; the same of trees. moved: trees by (old state, new state).
    by_lang, by_role: messages before and after.
    """

    came: list[str] = field(default_factory=list)
    went: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    relabelled: list[str] = field(default_factory=list)
    reranked: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    otherwise: list[str] = field(default_factory=list)
    trees_came: list[str] = field(default_factory=list)
    trees_went: list[str] = field(default_factory=list)
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_lang: dict[str, tuple[int, int]] = field(default_factory=dict)
    by_role: dict[str, tuple[int, int]] = field(default_factory=dict)
    same: int = 0

    @property
    def is_nothing(self) -> bool:
        return not any((*self.kinds.values(), self.trees_came, self.trees_went, self.moved))

    @property
    def kinds(self) -> Mapping[str, list[str]]:
        """What can become of a message, in the order in which it is told."""
        return {
            "added": self.came, "removed": self.went, "edited": self.edited, "accepted since": self.accepted,
            "no longer accepted": self.refused, "deleted since": self.deleted, "restored": self.restored,
            "with other labels": self.relabelled, "ranked otherwise": self.reranked,
            "under another parent": self.elsewhere,
            "with another date, origin, reactions or further fields": self.otherwise,
        }  # fmt: skip


def difference(before: Iterable[Record], after: Iterable[Record]) -> Difference:
    """From the older to the newer one, each read once. The order of records makes no difference.

    A message that comes more than once in one of them counts there once, as it comes first.
    """
    old_states: dict[str, str] = {}
    old: dict[str, _Kept] = {}
    for tree, message in _messages(before):
        old_states[tree[0]] = tree[1]
        old.setdefault(message.message_id, _kept(message))
    found = Difference()
    new_states: dict[str, str] = {}
    langs, roles = (Counter(getattr(each, name) for each in old.values()) for name in ("lang", "role"))
    new_langs: Counter[str] = Counter()
    new_roles: Counter[str] = Counter()
    seen: set[str] = set()
    for tree, message in _messages(after):
        new_states[tree[0]] = tree[1]
        if message.message_id in seen:
            continue
        seen.add(message.message_id)
        now = _kept(message)
        new_langs[now.lang] += 1
        new_roles[now.role] += 1
        was = old.pop(message.message_id, None)
        if was is None:
            found.came.append(message.message_id)
        elif was == now:
            found.same += 1
        else:
            _compare(message.message_id, was, now, found)
    found.went = list(old)
    found.trees_came = [tree for tree in new_states if tree not in old_states]
    found.trees_went = [tree for tree in old_states if tree not in new_states]
    found.moved = Counter(
        (state, new_states[tree]) for tree, state in old_states.items() if new_states.get(tree, state) != state
    )
    found.by_lang = {lang: (langs[lang], new_langs[lang]) for lang in sorted({*langs, *new_langs})}
    found.by_role = {role: (roles[role], new_roles[role]) for role in sorted({*roles, *new_roles})}
    return found


def _messages(records: Iterable[Record]) -> Iterator[tuple[tuple[str, str], MessageRecord]]:
    for record in records:
        if isinstance(record, TreeRecord):
            tree = (record.message_tree_id, record.tree_state or "")
            for message in messages_of(record):
                yield tree, message
        else:
            yield (record.message_tree_id or record.message_id, record.tree_state or ""), record


def _kept(message: MessageRecord) -> _Kept:
    labels = sorted((name, said["count"], round(said["value"], 9)) for name, said in (message.labels or {}).items())
    return _Kept(
        _digest(message.text), _digest(repr(labels)), message.rank, message.review_result, bool(message.deleted),
        message.review_count or 0, message.parent_id, usual_tag(message.lang or ""), message.role,
        _digest(_rest(message)),
    )  # fmt: skip


def _rest(message: MessageRecord) -> str:
    """What is compared as a whole; not the author, who stands under another id in each release."""
    reactions = {name: count for name, count in (message.emojis or {}).items() if count}
    said = [message.created_date, bool(message.synthetic), message.model_name or "", reactions, dict(message.extra)]
    return json.dumps(said, sort_keys=True)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _compare(message_id: str, was: _Kept, now: _Kept, found: Difference) -> None:
    changes = (
        (found.edited, was.text != now.text or was.lang != now.lang or was.role != now.role),
        (found.relabelled, was.labels != now.labels or was.reviews != now.reviews),
        (found.reranked, was.rank != now.rank),
        (found.accepted, now.accepted is True and was.accepted is not True),
        (found.refused, was.accepted is True and now.accepted is not True),
        (found.deleted, now.deleted and not was.deleted),
        (found.restored, was.deleted and not now.deleted),
        (found.elsewhere, was.parent != now.parent),
        (found.otherwise, was.rest != now.rest),
    )
    for names, changed in changes:
        if changed:
            names.append(message_id)
    found.same += not any(changed for _, changed in changes)
