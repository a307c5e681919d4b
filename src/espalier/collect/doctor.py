"""The doctor: rebuilds everything from what people contributed, and names each difference from what is stored.

Knows the fold of the domain, which is the same that serves requests; there is no second set of rules.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from random import Random
from typing import Any, Final

from sqlalchemy import Connection

from espalier.collect.difference import Difference, differences, said
from espalier.collect.jobs import KEEP_TEXTS
from espalier.domain.contribution import Planted, Settled, rebuild
from espalier.domain.credit import Credits, credit_of_review, credits
from espalier.domain.errors import WrongState
from espalier.domain.message import Message
from espalier.domain.points import Counts
from espalier.domain.tree import Tree, faults
from espalier.domain.work import Act, done_by, open_work
from espalier.safety.duplicates import fingerprint
from espalier.store import checkup, gold, search
from espalier.store.checkup import Stored
from espalier.store.policies import PolicyBook
from espalier.store.trees import derived_columns

NOTHING: Final = Counts()
COLUMNS: Final = ("live", "review_count", "labels", "emojis")
"""What is written beside a message that its value does not hold."""
WORK: Final = ("kind", "lang", "needs", "budget", "author", "lonely", "held", "held in its tree")
DID: Final = {Act.REPLY: "replied to", Act.LABEL: "reviewed", Act.RANK: "ranked the replies to"}
Progress = Callable[[int, int], None]
"""Told how many of how many trees are done."""
Sent = tuple[str, datetime, str]
"""Somebody, when they sent a text, and its fingerprint."""


@dataclass(slots=True)
class Wrong:
    """What differs, as collect/repair.py wants it: trees with rows to write again; what each person's counts of a day
    lack (less than nothing: have too much); messages that are found by wrong words; tables with rows of no tree; texts
    that were sent and are not known to have been, and the other way round."""

    trees: list[str] = field(default_factory=list)
    tallies: Credits = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    strays: set[str] = field(default_factory=set)
    unknown: list[Sent] = field(default_factory=list)
    unsent: list[Sent] = field(default_factory=list)


def examine(
    db: Connection, now: datetime, progress: Progress = lambda done, of: None, wrong: Wrong | None = None
) -> Iterator[Difference]:
    """Each difference between the stored campaign and the one rebuilt from contributions and baselines.

    `now`: what is kept for a while alone may be gone by then. `wrong` learns what there is to repair.
    """
    wrong = Wrong() if wrong is None else wrong
    book = PolicyBook(db)
    earned: Credits = {}
    total = checkup.tree_count(db)
    for number, stored in enumerate(checkup.everything_stored(db), start=1):
        tree, found = _rebuilt(stored, book)
        yield from found
        if tree is not None:
            differing = list(_of_tree(stored, tree, book))
            if differing:
                wrong.trees.append(tree.id)
            yield from differing
            for key, counts in credits(tree).items():
                earned[key] = earned.get(key, NOTHING) + counts
        if number % 500 == 0 or number == total:
            progress(number, total)
    _add_reviews_of_gold(db, earned)
    yield from _of_tallies(checkup.stored_tallies(db), earned, wrong)
    yield from _of_search(db, wrong)
    yield from _of_sent(db, now - KEEP_TEXTS, wrong)
    for person, at in checkup.without_receipt(db):
        yield Difference(f"person {person}", f"there is no receipt of what was sent at {said(at)}")
    for table, rows in checkup.strays(db).items():
        wrong.strays.update({table} if rows else ())
        for row in rows:
            yield Difference(f"{table.replace('_', ' ')} {row}", "it belongs to a tree that does not exist")


def mend_tree(db: Connection, tree_id: str, rng: Random) -> None:
    """Write a tree's derived rows again, where they differ from what its log says now."""
    book = PolicyBook(db)
    for stored in checkup.stored(db, [tree_id]):
        tree, _ = _rebuilt(stored, book)
        if tree is not None and any(_of_tree(stored, tree, book)):
            checkup.write_again(db, tree, book.of, rng)


def _add_reviews_of_gold(db: Connection, earned: Credits) -> None:
    """What was earned by reviews that belong to no tree, since the right labels were known."""
    for person, at, full in gold.labelled(db):
        for key, counts in credit_of_review(person, at, full=full).items():
            earned[key] = earned.get(key, NOTHING) + counts


def _rebuilt(stored: Stored, book: PolicyBook) -> tuple[Tree | None, list[Difference]]:
    tree_id = stored.tree.id
    try:
        facts = stored.facts()
        if not facts or not isinstance(facts[0], Planted | Settled):
            return None, [Difference(tree_id, "its log has no beginning")]
        tree = rebuild(facts, book.of)
    except WrongState as error:
        return None, [Difference(tree_id, f"its log cannot be followed: {error.detail}")]
    except KeyError as error:
        return None, [
            Difference(tree_id, f"its log cannot be followed: it speaks of {said(error.args)}, which it lacks")
        ]
    assert tree is not None
    return tree, [Difference(tree_id, fault) for fault in faults(tree)]


def _of_tree(stored: Stored, tree: Tree, book: PolicyBook) -> Iterator[Difference]:
    if stored.tree != tree:
        yield from _of_values(stored.tree, tree)
    if stored.author != tree.root.author:
        yield from differences(tree.id, "author", stored.author, tree.root.author)
    live = tree.live()
    for message in tree.messages.values():
        expected = derived_columns(message, tree.deletions.get(message.id), live=message.id in live)
        if (written := stored.written.get(message.id)) is None:
            continue  # there is no such row, which is said already
        for name in COLUMNS:
            if written[name] != expected[name]:
                wrong, right = (_column(name, each[name]) for each in (written, expected))
                yield from differences(f"{tree.id} message {message.id}", name, wrong, right)
    should = done_by(tree)
    for person, act, subject in sorted(stored.done - should):
        yield Difference(tree.id, f"it says that {person} {DID[act]} {subject}, which they have not")
    for person, act, subject in sorted(should - stored.done):
        yield Difference(tree.id, f"it does not say that {person} {DID[act]} {subject}")
    yield from _of_work(stored, tree, book)


def _column(name: str, written: Any) -> Any:
    """What is written in a column of COLUMNS, as a value; whatever it holds."""
    if name == "live":
        return bool(written)
    if name in ("labels", "emojis"):
        with suppress(TypeError, ValueError):
            return {each: _mean(value) for each, value in json.loads(written).items()}
        return {} if written is None else written
    return written


def _mean(value: Any) -> Any:
    match value:
        case [float(mean), int(count)]:
            return f"{mean:g} by {count}"
    return value


def _of_values(stored: Tree, tree: Tree) -> Iterator[Difference]:
    for each in fields(Tree):
        before, after = getattr(stored, each.name), getattr(tree, each.name)
        if before == after:
            continue
        if each.name == "messages":
            for message_id in sorted(before.keys() | after.keys()):
                yield from _of_messages(tree.id, message_id, before.get(message_id), after.get(message_id))
        else:
            yield from differences(tree.id, each.name, before, after)


def _of_messages(
    tree_id: str, message_id: str, stored: Message | None, message: Message | None
) -> Iterator[Difference]:
    subject = f"{tree_id} message {message_id}"
    if stored is None or message is None:
        yield Difference(subject, "it is missing" if stored is None else "nobody wrote it")
        return
    for each in fields(Message):
        before, after = getattr(stored, each.name), getattr(message, each.name)
        if before != after:
            yield from differences(subject, each.name, before, after)


def _of_work(stored: Stored, tree: Tree, book: PolicyBook) -> Iterator[Difference]:
    expected: dict[tuple[str, str], tuple[Any, ...]] = {}
    replying = sum(count for (act, _), count in stored.held.items() if act == Act.REPLY)
    for (act, subject), work in open_work(tree, book.of(tree.policy, tree.lang)).items():
        held = stored.held.get((act, subject), 0)
        expected[act, subject] = (
            work.kind, work.lang, work.needs, work.budget, work.author, int(work.lonely), held,
            replying if act is Act.REPLY else 0,
        )  # fmt: skip
    for place in sorted(expected.keys() | stored.work.keys()):
        subject = f"{tree.id} open work {' '.join(place)}"
        before, after = stored.work.get(place), expected.get(place)
        if before is None:
            yield Difference(subject, "it is missing")
        elif after is None:
            yield Difference(subject, "there is nothing to do")
        else:
            for name, wrong, right in zip(WORK, before, after, strict=True):
                if wrong != right:
                    yield from differences(subject, name, wrong, right)


def _of_search(db: Connection, wrong: Wrong) -> Iterator[Difference]:
    for message_id in search.missing(db):
        wrong.found.append(message_id)
        yield Difference(f"message {message_id}", "it is not found by its words")
    for message_id in search.surplus(db):
        wrong.found.append(message_id)
        yield Difference(f"message {message_id}", "it is found, but should not be")
    for message_id in search.misfiled(db):
        wrong.found.append(message_id)
        yield Difference(f"message {message_id}", "it is found by other words than its own")


def _of_sent(db: Connection, since: datetime, wrong: Wrong) -> Iterator[Difference]:
    """Whether nobody can send again what they have sent since then, and everybody all else."""
    should = {(person, at, fingerprint(text)) for person, at, text in checkup.written_since(db, since)}
    kept = {(person, at, mark): shut_out for person, at, mark, shut_out in checkup.sent_since(db, since)}
    wrong.unknown = sorted(should - kept.keys())
    # Of somebody who is being purged the contributions go first.
    wrong.unsent = sorted(sent for sent, shut_out in kept.items() if sent not in should and not shut_out)
    for person, at, _ in wrong.unknown:
        yield Difference(f"person {person}", f"the text sent at {said(at)} is not known, and could be sent again")
    for person, at, _ in wrong.unsent:
        yield Difference(f"person {person}", f"a text is refused as sent at {said(at)}, when none like it was")


def _of_tallies(stored: Credits, rebuilt: Credits, wrong: Wrong) -> Iterator[Difference]:
    for key in sorted(stored.keys() | rebuilt.keys()):
        before, after = stored.get(key, NOTHING), rebuilt.get(key, NOTHING)
        if before != after:
            wrong.tallies[key] = after - before
            person, day = key
            for each in fields(Counts):
                had, earned = getattr(before, each.name), getattr(after, each.name)
                if had != earned:
                    yield from differences(f"person {person}", f"{each.name} on {day}", had, earned)
