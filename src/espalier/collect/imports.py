"""Import: trees of published files become trees of the campaign, with their ids, dates and everything said of them.

A batch is a use case of its own, so that an import runs beside working volunteers; a tree that the campaign has is
left as it is, so the same file twice adds nothing. What of a record can stand is intake.py.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.intake import UNSPOKEN, CannotStand, Sapling, Source, Vote, lang_of, sapling
from espalier.collect.lottery import fill_places, top_up_rankings
from espalier.dataset.findings import Code, Finding, Findings
from espalier.dataset.records import TreeRecord, Votes
from espalier.dataset.trees import messages_of
from espalier.domain.contribution import Ranked, Settled, grow
from espalier.domain.tree import State, accepted
from espalier.store import bulk, journal
from espalier.store.bulk import Happened, NewTree
from espalier.store.policies import PolicyBook
from espalier.store.trees import votes_of, with_votes

BATCH: Final = 60  # messages in one use case: well under 50 ms, so that nobody who works waits long


@dataclass(frozen=True, slots=True)
class Moved:
    """A tree that the import itself moved on."""

    tree_id: str
    before: State
    after: State


@dataclass(slots=True)
class ImportReport:
    """What an import did. `known`: trees that the campaign had already. `left_out`: messages that cannot stand.
    `drawn`: prompts that the lottery drew at the end."""

    trees: int = 0
    messages: int = 0
    votes: int = 0
    people: int = 0
    known: int = 0
    left_out: int = 0
    drawn: int = 0
    moved: list[Moved] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    langs: set[str] = field(default_factory=set)

    def include(self, other: "ImportReport") -> None:
        """Add what a further batch did."""
        self.trees += other.trees
        self.messages += other.messages
        self.votes += other.votes
        self.people += other.people
        self.known += other.known
        self.left_out += other.left_out
        self.drawn += other.drawn
        self.moved += other.moved
        self.findings.include(other.findings)
        self.langs |= other.langs


def in_batches(trees: Iterable[TreeRecord], messages: int = BATCH) -> Iterator[list[TreeRecord]]:
    """Trees in lists of about so many messages; a larger tree makes a list of its own."""
    batch: list[TreeRecord] = []
    held = 0
    for tree in trees:
        size = sum(1 for _ in messages_of(tree))
        if batch and held + size > messages:
            yield batch
            batch, held = [], 0
        batch.append(tree)
        held += size
    if batch:
        yield batch


def import_trees(
    db: Connection,
    records: Sequence[TreeRecord],
    votes: Votes,
    source: Source,
    person: str | None,
    now: datetime,
    rng: Random,
) -> ImportReport:
    """Take in a batch of trees. `person`: who imports, None at the command line.

    Nothing is refused as a whole: what cannot stand is left out with a finding. `finish_import` ends the import.
    """
    bulk.import_lock(db)
    report = ImportReport()
    book = PolicyBook(db)
    new = _saplings(db, records, votes, source, book, now, report)
    names = {person_id: _name(person_id) for made in new for person_id in made.people}
    report.people = bulk.add_anonymous(db, names, now)
    bulk.record_all(db, (_happened(made, vote) for made in new for vote in made.votes))
    _number_votes(db, new)
    bulk.record_all(db, (Happened(made.tree.id, Settled(made.tree), now, person) for made in new))
    grown = []
    for made in new:
        after = grow(None, Settled(made.tree), book.of)
        grown.append(NewTree(after, made.extra, made.columns))
        if after.state is not made.said_state:
            report.moved.append(Moved(after.id, made.said_state, after.state))
        _compare_ranks(made, grown[-1], source)
        for finding in made.findings:
            report.findings(finding)
        report.messages += len(after.messages)
        report.votes += len(made.votes)
        report.langs.add(after.lang)
    report.trees = len(new)
    bulk.add_trees(db, grown, book.of, now, rng)
    return report


def finish_import(
    db: Connection, report: ImportReport, source: Source, person: str | None, now: datetime, rng: Random
) -> ImportReport:
    """Let the lottery fill the places that are free, now that all trees are there, and note the import."""
    book = PolicyBook(db)
    drawn = 0
    for lang in sorted(report.langs):
        drawn += fill_places(db, lang, book, now, rng)
        top_up_rankings(db, lang, book, now, rng)
    if report.trees:
        journal.note(
            db, person, "trees.imported", None, now, file=source.file, trees=report.trees, messages=report.messages
        )  # fmt: skip
    return ImportReport(drawn=drawn)


def _saplings(
    db: Connection,
    records: Sequence[TreeRecord],
    votes: Votes,
    source: Source,
    book: PolicyBook,
    now: datetime,
    report: ImportReport,
) -> list[Sapling]:
    """The new trees of a batch; those that are known and those that cannot stand are counted."""
    known = bulk.known_trees(db, [record.prompt.message_id for record in records])
    taken = bulk.known_messages(db, [each.message_id for record in records for each in messages_of(record)])
    new = []
    for record in records:
        if record.prompt.message_id in known:
            report.known += 1
            report.langs.add(lang_of(record) or UNSPOKEN)  # an import that was cut off ends with all of its places
            continue
        try:
            policy = book.for_lang(lang_of(record) or UNSPOKEN)
            made = sapling(record, votes, taken, policy, book.version, source, now)
        except CannotStand as error:
            report.left_out += sum(1 for _ in messages_of(record))
            report.findings(error.finding)
            continue
        report.left_out += sum(1 for _ in messages_of(record)) - len(made.tree.messages)
        known.add(made.tree.id)
        taken |= made.tree.messages.keys()
        new.append(made)
    return new


def _name(person_id: str) -> str:
    """What an account is called of whose owner nothing is known but an id; the id itself is not shown."""
    return f"anonymous-{hashlib.sha256(person_id.encode()).hexdigest()[:8]}"


def _happened(made: Sapling, vote: Vote) -> Happened:
    return Happened(made.tree.id, vote.fact, vote.at, vote.person, vote.late, vote.counted, vote.note)


def _number_votes(db: Connection, new: Sequence[Sapling]) -> None:
    """Attach the votes as the log has numbered them: a rebuild reads the same."""
    voted = [made for made in new if made.votes]
    rows = votes_of(db, [made.tree.id for made in voted])
    for made in voted:
        made.tree = with_votes(made.tree, rows[made.tree.id])


def _compare_ranks(made: Sapling, new: NewTree, source: Source) -> None:
    """Say where siblings have other ranks than in the file: gaps were closed, or the votes give another order.

    What is deleted or was not accepted has no rank in a campaign, whatever the file says, nor has what waits in the
    backlog to be ranked.
    """
    voted = {vote.fact.parent_id for vote in made.votes if isinstance(vote.fact, Ranked)}
    live = new.tree.live()
    ranked = [
        each for each in new.tree.messages.values()
        if each.id in made.said_ranks and each.id in live and accepted(each)
    ]  # fmt: skip
    changed = {each.parent_id for each in ranked if each.rank != made.said_ranks[each.id]}
    for parent_id in sorted(filter(None, changed & {each.parent_id for each in ranked if each.rank is not None})):
        said = [made.said_ranks[each.id] for each in ranked if each.parent_id == parent_id]
        code, reason = Code.RANK_GAP, f"the ranks of the replies to {parent_id} have gaps, which are closed"
        if len(set(said)) < len(said):
            code, reason = Code.RANK_TWICE, f"of the replies to {parent_id} several have the same rank"
        if parent_id in voted:
            reason = f"the votes give another order of the replies to {parent_id} than the file, and theirs holds"
        made.findings.append(Finding(code, source.file, made.lines[parent_id], "$", reason))
