"""Whether a release is what it says: checksums, counts, splits, and that everything spoken of is there.

Each fault is a sentence with its place. What finds near-duplicates is handed in.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from espalier.dataset import release
from espalier.dataset.findings import Finding
from espalier.dataset.parts import MANIFEST as SPLIT
from espalier.dataset.parts import BadManifest, Manifest, read_manifest
from espalier.dataset.read import read_messages, read_trees, read_votes
from espalier.dataset.records import MessageRecord, TreeRecord, VoteKind
from espalier.dataset.split import TRAIN, Alike, Leak, Sapling, sapling, split
from espalier.dataset.stamp import MANIFEST, SUMS, BadRelease, Stamp, checksum, files_in, read_stamp, read_sums
from espalier.dataset.tally import Tally, ordered
from espalier.dataset.tombstones import is_tombstone
from espalier.dataset.trees import flat_messages, messages_of

_HASHED: Final = re.compile("[0-9a-f]{64}")
Told = Callable[[int], None]


def verify(folder: Path, alike: Callable[[float], Alike], told: Told = lambda done: None) -> Iterator[str]:
    """Every fault of a release, as a sentence; none where all is well. told: how many trees were looked at."""
    try:
        stamp = read_stamp(folder)
    except BadRelease as wrong:
        yield f"{wrong}."
        return
    yield from _sums(folder, stamp)
    try:
        manifest = read_manifest(folder / SPLIT)
    except BadManifest as wrong:
        yield f"{wrong}."
        return
    except OSError as error:
        yield f"{folder / SPLIT} cannot be read: {error.strerror}."
        return
    missing = [name for name in _read_below(manifest) if not (folder / name).is_file()]
    yield from (f"{folder / name} is not there." for name in missing if name not in {each.path for each in stamp.files})
    if not missing:
        yield from _Contents(folder, stamp, manifest, alike, told).faults()


def _read_below(manifest: Manifest) -> list[str]:
    of_parts = [
        name for part in manifest.shares.names for name in (release.trees_file(part), release.messages_file(part))
    ]
    return [*of_parts, release.VOTES, release.VOTES_TABLE]


def _sums(folder: Path, stamp: Stamp) -> Iterator[str]:
    """Files that are not there, not named, or not as they were."""
    there = files_in(folder)
    named = {each.path: each for each in stamp.files}
    for name, each in named.items():
        if name not in there:
            yield f"{folder / name} is not there, though {MANIFEST} names it."
        elif (size := there[name].stat().st_size) != each.bytes:
            yield f"{folder / name} has {size:,} bytes; it had {each.bytes:,} when it was released."
        elif checksum(there[name]) != each.sha256:
            yield f"{folder / name} has changed since it was released: its SHA-256 is another."
    for name in there:
        if name not in named and name not in (MANIFEST, SUMS):
            yield f"{folder / name} is no part of the release: {MANIFEST} does not name it."
    try:
        sums = read_sums(folder)
    except BadRelease as wrong:
        yield f"{wrong}."
        return
    expected = {each.path: each.sha256 for each in stamp.files} | {MANIFEST: checksum(folder / MANIFEST)}
    for name in sorted(expected.keys() | sums.keys()):
        if name not in sums:
            yield f"{folder / SUMS} has no line for {name}."
        elif name not in expected:
            yield f"{folder / SUMS} has a line for {name}, which {MANIFEST} does not name."
        elif sums[name] != expected[name]:
            yield f"{folder / SUMS} has another checksum for {name} than {_says(name)}."


def _says(name: str) -> str:
    return "that file has" if name == MANIFEST else f"{MANIFEST} has"


class _Contents:
    """What stands in the files, read once: trees, their messages, votes."""

    def __init__(
        self, folder: Path, stamp: Stamp, manifest: Manifest, alike: Callable[[float], Alike], told: Told
    ) -> None:
        self._folder, self._stamp, self._manifest = folder, stamp, manifest
        self._alike, self._told = alike, told
        self._part_of: dict[str, str] = {}
        self._message_ids: dict[str, str] = {}
        self._saplings: list[Sapling] = []
        self._counts: dict[str, Any] = {}
        self._lost: list[Finding] = []

    def faults(self) -> Iterator[str]:
        for part in self._manifest.shares.names:
            yield from self._part(part)
        yield from self._votes()
        yield from (f"{finding}." for finding in self._lost)
        yield from self._numbers(self._stamp.said.get("counts"), self._counts, "counts")
        yield from self._placed()

    def _notice(self, finding: Finding) -> None:
        if finding.lost:
            self._lost.append(finding)

    def _part(self, part: str) -> Iterator[str]:
        """The trees of a part one by one, beside the rows of its table."""
        path, tally = self._folder / release.trees_file(part), Tally()
        rows = read_messages(self._folder / release.messages_file(part), self._notice)
        for tree in tally.each(read_trees(path, self._notice)):
            place = f"{path}:{tree.line}"
            if earlier := self._part_of.get(tree.message_tree_id):
                yield f"{place}: the tree {tree.message_tree_id} stands in {earlier} already."
            self._part_of.setdefault(tree.message_tree_id, part)
            self._saplings.append(sapling(tree))
            yield from self._messages(tree, place)
            yield from self._rows(tree, rows, part)
            self._told(len(self._saplings))
        if (more := next(rows, None)) is not None:
            table = self._folder / release.messages_file(part)
            yield f"{table} holds {more.message_id}, which is in no tree of {part}."
        self._counts[part] = tally.said()

    def _messages(self, tree: TreeRecord, place: str) -> Iterator[str]:
        hashed = self._stamp.said.get("people") == release.HASHED
        tombstones = self._stamp.said.get("deleted") == release.TOMBSTONES
        for message in messages_of(tree):
            if message.message_id in self._message_ids:
                yield f"{place}: the message {message.message_id} came before."
            self._message_ids[message.message_id] = tree.message_tree_id
            if message.deleted and tombstones and not is_tombstone(message):
                yield f"{place}: the message {message.message_id} is deleted, but its text or author is still there."
            if hashed and message.user_id is not None and not _HASHED.fullmatch(message.user_id):
                yield f"{place}: the author of {message.message_id} is not hidden behind a keyed hash."

    def _rows(self, tree: TreeRecord, rows: Iterator[MessageRecord], part: str) -> Iterator[str]:
        for message in flat_messages(tree):
            row = next(rows, None)
            if row is None or row.message_id != message.message_id or row.text != message.text:
                table = self._folder / release.messages_file(part)
                found = "ends" if row is None else f"has {row.message_id}"
                yield f"{table} {found} where {message.message_id} of the tree {tree.message_tree_id} belongs."
            elif _said(row) != _said(message):
                table = self._folder / release.messages_file(part)
                yield f"{table}: what it says of {message.message_id} is not what the trees say."

    def _votes(self) -> Iterator[str]:
        path, table = self._folder / release.VOTES, self._folder / release.VOTES_TABLE
        hashed = self._stamp.said.get("people") == release.HASHED
        rows = read_votes(table, self._notice)
        seen: set[str] = set()
        kinds: Counter[str] = Counter()
        for vote in read_votes(path, self._notice):
            kinds[vote.kind] += 1
            place = f"{path}:{vote.line}"
            if vote.vote_id in seen:
                yield f"{place}: the vote {vote.vote_id} came before."
            seen.add(vote.vote_id)
            spoken_of = [vote.subject]
            if vote.kind == VoteKind.RANKING:
                spoken_of += [reply for group in vote.value for reply in group]
            for message_id in spoken_of:
                if message_id not in self._message_ids:
                    yield f"{place}: the vote {vote.vote_id} speaks of {message_id}, which is not in the release."
            if hashed and vote.voter is not None and not _HASHED.fullmatch(vote.voter):
                yield f"{place}: the voter of {vote.vote_id} is not hidden behind a keyed hash."
            row = next(rows, None)
            if row is None or row.vote_id != vote.vote_id or row.value != vote.value or row.voter != vote.voter:
                yield f"{table} does not say of the vote {vote.vote_id} what {path} says."
        if (more := next(rows, None)) is not None:
            yield f"{table} holds the vote {more.vote_id}, which {path} has not."
        self._counts["votes"] = ordered(kinds)

    def _numbers(self, said: object, counted: object, path: str) -> Iterator[str]:
        """Where the manifest counts other than the files."""
        if isinstance(said, dict) and isinstance(counted, dict):
            for name in dict.fromkeys((*said, *counted)):
                yield from self._numbers(said.get(name), counted.get(name), f"{path}.{name}")
        elif said != counted:
            shown = "nothing" if said is None else said
            found = "nothing of it" if counted is None else counted
            yield f"{self._folder / MANIFEST} says {path} = {shown}; the files hold {found}."

    def _placed(self) -> Iterator[str]:
        """Whether each tree is where the split says, and the split what its seed and shares make of these trees."""
        path, made = self._folder / SPLIT, self._manifest.made
        for tree_id, part in self._part_of.items():
            if made.parts.get(tree_id) != part:
                says = made.parts.get(tree_id, "no part")
                yield f"The tree {tree_id} stands in {part}, but {path} has it in {says}."
        if self._manifest.by_author:
            yield from self._on_two_sides()
        absent = made.parts.keys() - self._part_of.keys()
        if absent and not self._manifest.by_author:
            yield from (f"{path} names the tree {tree_id}, which no part holds." for tree_id in sorted(absent))
        if not absent:
            yield from self._again(path)

    def _again(self, path: Path) -> Iterator[str]:
        """The split once more, from the texts."""
        was = self._manifest
        previous = was.made.parts if was.goes_on else None
        made = split(self._saplings, was.shares, self._alike(was.threshold), previous)
        for tree_id, part in made.parts.items():
            if was.made.parts.get(tree_id, part) != part:
                yield f"{path} has the tree {tree_id} in {was.made.parts[tree_id]}; its seed and shares say {part}."
        groups = {frozenset(group) for group in made.groups}
        for group in groups ^ {frozenset(group) for group in was.made.groups}:
            what = "does not name" if group in groups else "names"
            but = "they are" if group in groups else "they are not"
            yield f"{path} {what} as near-duplicates {', '.join(sorted(group))}; {but}."
        for leak in _differing(made.leaks, was.made.leaks):
            yield f"{path} is wrong about {leak.tree_id} of {leak.part} having a near-duplicate in {TRAIN}."

    def _on_two_sides(self) -> Iterator[str]:
        sides: dict[str, str] = {}
        for tree in self._saplings:
            part = self._part_of[tree.tree_id]
            for author in sorted(tree.authors):
                if sides.setdefault(author, part) != part:
                    yield f"The author {author} wrote in {sides[author]} and in {part}, which the split rules out."


def _differing(one: Iterable[Leak], other: Iterable[Leak]) -> list[Leak]:
    return sorted(set(one) ^ set(other), key=lambda leak: leak.tree_id)


def _said(message: MessageRecord) -> dict[str, Any]:
    """What a message says, for comparing; in a table what is null and what is not there are alike."""
    names = (name for name in MessageRecord.__dataclass_fields__ if name not in ("layout", "line", "replies", "extra"))
    said = {name: getattr(message, name) for name in names} | dict(message.extra)
    return {name: value for name, value in said.items() if value is not None and value != {} and value is not False}
