"""A release: a frozen, documented export of trees and votes that anybody can check and whoever has the source can make
again, byte for byte.

A folder appears under its name when it is whole. Where trees and votes come from, what finds near-duplicates and what
writes the report and the card is handed in.
"""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from espalier.dataset.about import About, CardFile
from espalier.dataset.anonymise import anonymise
from espalier.dataset.filter import of_records, select
from espalier.dataset.parts import MANIFEST as SPLIT
from espalier.dataset.parts import Wanted, plan, write_manifest, write_parts
from espalier.dataset.read import read_trees, read_votes
from espalier.dataset.records import MessageRecord, Spelling, TreeRecord, VoteRecord, date_of
from espalier.dataset.split import TRAIN, Alike, Shares
from espalier.dataset.stamp import FORMAT, write_stamp
from espalier.dataset.tally import Tally, ordered
from espalier.dataset.tombstones import Gone, on_these
from espalier.dataset.trees import flat_messages, messages_of
from espalier.dataset.write import line_of, write_records, write_votes

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""Of a release, as a folder and as a tag on a hub."""
MODE: Final = 0o755  # of the folder: what is released is for others to read
HASHED, AS_THEY_CAME = "keyed hashes", "as they came"
TOMBSTONES, WITH_TEXTS = "tombstones", "with their texts"
DATA: Final = "data"
VOTES: Final = f"{DATA}/votes.jsonl.gz"
VOTES_TABLE: Final = f"{DATA}/votes.parquet"
Told = Callable[[int], None]
"""Is told of each tree that was read how many there were."""
Describe = Callable[[Path, About, Sequence[CardFile]], None]
"""Writes the report and the card into a folder, from the files that lie there."""


class ReleaseThere(Exception):
    """There is something under this name already; a release is never changed."""


class NothingToRelease(Exception):
    """No tree is left to release."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where trees and votes come from; both are asked for anew when they are read again.

    names: of the files or the campaign. policy: what its rules were, with its version. said: more for the manifest.
    """

    trees: Callable[[], Iterable[TreeRecord]]
    votes: Callable[[], Iterable[VoteRecord]]
    names: tuple[str, ...] = ()
    policy: Mapping[str, Any] | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a release shall be. name: also the folder's. states, langs: of trees that were asked for, for the manifest.

    where: conditions on messages; what does not fulfil one goes with all below it. key: hides people; None leaves ids
    as they are. made: the day it bears; None for that of its youngest message or vote.
    """

    name: str
    title: str = ""
    summary: str = ""
    licence: str | None = None
    licence_url: str | None = None
    homepage: str | None = None
    states: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    split: Wanted = field(default_factory=lambda: Wanted(Shares({"validation": 0.05})))
    gone: Gone = Gone()
    key: bytes | None = None
    made: date | None = None


def trees_file(part: str) -> str:
    return f"{DATA}/{part}.trees.jsonl.gz"


def messages_file(part: str) -> str:
    return f"{DATA}/{part}.messages.parquet"


def freeze(
    folder: Path,
    wanted: Plan,
    source: Source,
    alike: Callable[[float], Alike],
    describe: Describe = lambda folder, about, files: None,
    told: Told = lambda done: None,
) -> dict[str, Any]:
    """Write the release into a folder that is not there yet; returns its manifest.

    Raises ReleaseThere, NothingToRelease, BadCondition, BadShares, NeedsPyarrow.
    """
    if folder.exists():
        raise ReleaseThere(f"There is {folder} already; a release is never changed, so give the new one another name.")
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.absolute().parent))
    try:
        work.chmod(MODE)
        (work / DATA).mkdir()
        made = _frozen(work, wanted, source, alike, describe, told)
        work.rename(folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return made


def _frozen(
    work: Path,
    wanted: Plan,
    source: Source,
    alike: Callable[[float], Alike],
    describe: Describe,
    told: Told,
) -> dict[str, Any]:
    parts = wanted.split.shares.names
    whole = work / "whole.trees.jsonl"
    planned = plan(_kept_in(whole, _released(source.trees(), wanted, told)), wanted.split, alike)
    if not planned.saplings:
        raise NothingToRelease("No tree is left to release; look at the states, languages and conditions.")
    written = write_parts(planned, read_trees(whole), {part: work / trees_file(part) for part in parts})
    whole.unlink()
    write_manifest(work / SPLIT, planned.manifest)
    seen = _Seen()
    counts = {part: _tables_of(work, part, seen) for part in parts}
    votes = on_these(wanted.gone.votes(source.votes()), seen.message_ids)
    write_votes(work / VOTES, anonymise(votes, wanted.key) if wanted.key else votes)
    write_votes(work / VOTES_TABLE, map(seen.vote, read_votes(work / VOTES)))
    counts["votes"] = ordered(Counter(vote.kind for vote in read_votes(work / VOTES)))
    day = wanted.made or (date.fromisoformat(seen.youngest) if seen.youngest else None)
    files = _files(parts, counts)
    describe(work, _about(wanted, source, day), files)
    return write_stamp(
        work,
        {
            "format": FORMAT,
            "name": wanted.name,
            "date": None if day is None else day.isoformat(),
            "licence": {"name": wanted.licence, "url": wanted.licence_url},
            "sources": list(source.names),
            **source.said,
            "filters": {"states": list(wanted.states), "langs": list(wanted.langs), "where": list(wanted.where)},
            "people": HASHED if wanted.key else AS_THEY_CAME,
            "deleted": WITH_TEXTS if wanted.gone.deleted_texts else TOMBSTONES,
            "policy": source.policy,
            "left_out": {"trees_that_came_twice": planned.twice, "messages_cut_by_author": written.cut},
            "counts": counts,
        },
        {file.path: file.says for file in files},
    )


def _released(trees: Iterable[TreeRecord], wanted: Plan, told: Told) -> Iterator[TreeRecord]:
    """What of these trees is published, with tombstones and people hidden."""
    conditions = [of_records(words) for words in wanted.where]

    def kept() -> Iterator[TreeRecord]:
        for number, tree in enumerate(trees, start=1):
            if (left := select(wanted.gone.tree(tree), conditions)) is not None:
                yield left
            told(number)

    return anonymise(kept(), wanted.key) if wanted.key else kept()


def _kept_in(path: Path, trees: Iterable[TreeRecord]) -> Iterator[TreeRecord]:
    """The trees, each written down as it goes by, in the native spelling."""
    with path.open("wb") as file:
        for tree in trees:
            file.write(line_of(tree, Spelling.NATIVE) + b"\n")
            yield tree


class _Seen:
    """Which messages are released, and the day of the youngest thing among them."""

    def __init__(self) -> None:
        self.message_ids: set[str] = set()
        self.youngest = ""

    def tree(self, tree: TreeRecord) -> TreeRecord:
        for message in messages_of(tree):
            self.message_ids.add(message.message_id)
            self._date(message.created_date)
        return tree

    def vote(self, vote: VoteRecord) -> VoteRecord:
        self._date(vote.created_date)
        return vote

    def _date(self, spelled: str | None) -> None:
        with suppress(ValueError):  # reported when it was read
            if spelled:
                self.youngest = max(self.youngest, date_of(spelled).date().isoformat())


def _tables_of(work: Path, part: str, seen: _Seen) -> dict[str, Any]:
    """Write the rows of a part's messages; what was counted."""
    tally = Tally()
    trees = map(seen.tree, tally.each(read_trees(work / trees_file(part))))
    rows = (message for tree in trees for message in flat_messages(tree))
    write_records(work / messages_file(part), rows, kind=MessageRecord)
    return tally.said()


def _files(parts: Sequence[str], counts: Mapping[str, Any]) -> list[CardFile]:
    """What lies in a release beside its papers. `datasets` opens no table without rows, so these have no name there."""
    votes = sum(counts["votes"].values())
    made = []
    for part in parts:
        trees, messages = counts[part]["trees"], counts[part]["messages"]
        made.append(
            CardFile(messages_file(part), f"messages of {part}", "messages" if messages else None, part, messages)
        )
        made.append(CardFile(trees_file(part), f"trees of {part}", split=part, lines=trees))
    made.append(CardFile(VOTES_TABLE, "every review, ranking and reaction", "votes" if votes else None, TRAIN, votes))
    made.append(CardFile(VOTES, "the same, a line of JSON each", lines=votes))
    made.append(CardFile(SPLIT, "how the trees were split, and where each is"))
    return made


def _about(wanted: Plan, source: Source, day: date | None) -> About:
    states = [f"state={','.join(wanted.states)}"] if wanted.states else []
    langs = [f"lang={','.join(wanted.langs)}"] if wanted.langs else []
    return About(
        name=wanted.title or wanted.name,
        summary=wanted.summary,
        licence=wanted.licence,
        licence_url=wanted.licence_url,
        sources=source.names,
        filters=(*states, *langs, *wanted.where),
        made=day,
        homepage=wanted.homepage,
    )
