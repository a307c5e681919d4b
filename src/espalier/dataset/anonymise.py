"""Every person's id replaced by a keyed hash: whoever has no key learns nobody's id, and the same person is alike
in all files of a release.

Knows records and keys. Texts are left as they are; message and tree ids name no person and stay.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from espalier.dataset.records import MessageRecord, TreeRecord, VoteRecord
from espalier.dataset.trees import map_messages

SHORTEST_KEY: Final = 16
LONGEST_KEY: Final = 4096
AnyRecord = TreeRecord | MessageRecord | VoteRecord
R = TypeVar("R", bound=AnyRecord)
_PERSON_FIELDS: Final = frozenset({"user_id", "voter", "author", "author_id", "person", "person_id", "username"})


class BadKey(ValueError):
    """A key file that cannot serve, and why."""


def read_key(path: Path) -> bytes:
    """The key in a file, without the white space around it. Raises BadKey."""
    try:
        with path.open("rb") as file:
            key = file.read(LONGEST_KEY + 1).strip()
    except OSError as error:
        raise BadKey(f"The key file {path} cannot be read: {error.strerror}.") from None
    if len(key) > LONGEST_KEY:
        raise BadKey(f"The key file {path} is longer than {LONGEST_KEY:,} bytes; is it the right one?")
    if len(key) < SHORTEST_KEY:
        raise BadKey(
            f"The key in {path} has {len(key)} bytes; it must have at least {SHORTEST_KEY}, for it must not be guessed."
        )
    if len(set(key)) == 1:
        raise BadKey(f"The key in {path} is one character over and over; it must not be guessed.")
    return key


def pseudonym(person_id: str, key: bytes) -> str:
    """What stands for a person under this key: the HMAC-SHA256 of the id, in hexadecimal."""
    return hmac.new(key, person_id.encode(), hashlib.sha256).hexdigest()


def anonymise(records: Iterable[R], key: bytes) -> Iterator[R]:
    """The records with a pseudonym for every person: authors, voters, and who is named in fields kept aside."""
    known: dict[str, str] = {}

    def hidden(person_id: str) -> str:
        if person_id not in known:
            known[person_id] = pseudonym(person_id, key)
        return known[person_id]

    return (cast(R, _anonymous(record, hidden)) for record in records)


Hidden = Callable[[str], str]


def _anonymous(record: AnyRecord, hidden: Hidden) -> AnyRecord:
    match record:
        case MessageRecord():
            return _message(record, hidden)
        case TreeRecord():
            tree = map_messages(record, lambda message: _message(message, hidden))
            return replace(tree, extra=_without_people(tree.extra, None, hidden))
        case VoteRecord():
            voter = None if record.voter is None else hidden(record.voter)
            return replace(record, voter=voter, extra=_without_people(record.extra, record.voter, hidden))


def _message(message: MessageRecord, hidden: Hidden) -> MessageRecord:
    author = None if message.user_id is None else hidden(message.user_id)
    return replace(message, user_id=author, extra=_without_people(message.extra, message.user_id, hidden))


def _without_people(extra: Mapping[str, Any], author: str | None, hidden: Hidden) -> dict[str, Any]:
    """Fields of unknown meaning: whatever names a person at any depth, and the author's id wherever it stands."""
    made: dict[str, Any] = {}
    # Such fields may be nested deeper than Python calls may be.
    waiting: list[tuple[Any, Any, Any]] = [(made, name, value) for name, value in extra.items()]
    while waiting:
        into, key, value = waiting.pop()
        if type(value) is dict:
            into[key] = copy = dict.fromkeys(value)
            waiting.extend((copy, name, inner) for name, inner in value.items())
        elif type(value) is list:
            into[key] = copies = list(value)
            waiting.extend((copies, place, inner) for place, inner in enumerate(value))
        elif value is not None and (key in _PERSON_FIELDS or value == author):
            into[key] = hidden(str(value))
        else:
            into[key] = value
    return made
