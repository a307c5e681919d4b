"""The doctor: rebuilds everything from what people contributed, and names each difference from what is stored.

Knows the fold of the domain, which is the same that serves requests; there is no second set of rules.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any, Final

from sqlalchemy import Connection

from espalier.domain.contribution import rebuild
from espalier.domain.credit import Credits, credit_of_review, credits
from espalier.domain.errors import WrongState
from espalier.domain.message import Message
from espalier.domain.points import Counts
from espalier.domain.tree import Tree, faults
from espalier.domain.work import Act, done_by, open_work
from espalier.store import checkup, gold, search
from espalier.store.checkup import Stored
from espalier.store.policies import PolicyBook
from espalier.store.trees import derived_columns

NOTHING: Final = Counts()


@dataclass(frozen=True, slots=True)
class Difference:
    """`subject`: the tree, person or row; `what`: which of its values; `stored` is wrong, `rebuilt` right."""

    subject: str
    what: str
    stored: object
    rebuilt: object

    def __str__(self) -> str:
        return f"{self.subject}: {self.what} is {self.stored!r}, but should be {self.rebuilt!r}"


Progress = Callable[[int, int], None]
"""Told how many of how many trees are done."""


@dataclass(slots=True)
class Wrong:
    """What differs, as collect/repair.py wants it: trees with rows to write again; what each person's counts of a day
    lack (less than nothing: have too much); messages that are found by wrong words; tables with rows of no tree."""

    trees: list[str] = field(default_factory=list)
    tallies: Credits = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    strays: set[str] = field(default_factory=set)


def examine(
    db: Connection, progress: Progress = lambda done, of: None, wrong: Wrong | None = None
) -> Iterator[Difference]:
    """Each difference between the stored campaign and the one rebuilt from contributions and baselines.

    `wrong` learns what there is to repair.
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
    for table, rows in checkup.strays(db).items():
        wrong.strays.update({table} if rows else ())
        for row in rows:
            yield Difference(f"{table} {row}", "tree", "a tree that does not exist", None)


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
        tree = rebuild(stored.facts(), book.of)
    except (WrongState, KeyError) as error:
        return None, [Difference(tree_id, "log", f"not foldable ({error!r})", None)]
    if tree is None:
        return None, [Difference(tree_id, "log", "empty", None)]
    return tree, [Difference(tree_id, "structure", fault, None) for fault in faults(tree)]


def _of_tree(stored: Stored, tree: Tree, book: PolicyBook) -> Iterator[Difference]:
    if stored.tree != tree:
        yield from _of_values(stored.tree, tree)
    live = tree.live()
    for message in tree.messages.values():
        expected = derived_columns(message, tree.deletions.get(message.id), live=message.id in live)
        written = stored.written.get(message.id, {})
        for name, value in expected.items():
            if written.get(name) != value:
                yield Difference(f"{tree.id} message {message.id}", name, written.get(name), value)
    if stored.done != (should := done_by(tree)):
        yield from _of_sets(tree.id, "done", stored.done, should)
    yield from _of_work(stored, tree, book)


def _of_values(stored: Tree, tree: Tree) -> Iterator[Difference]:
    for each in fields(Tree):
        before, after = getattr(stored, each.name), getattr(tree, each.name)
        if before == after:
            continue
        if each.name == "messages":
            for message_id in sorted(before.keys() | after.keys()):
                yield from _of_messages(tree.id, message_id, before.get(message_id), after.get(message_id))
        else:
            yield Difference(tree.id, each.name, before, after)


def _of_messages(
    tree_id: str, message_id: str, stored: Message | None, message: Message | None
) -> Iterator[Difference]:
    subject = f"{tree_id} message {message_id}"
    if stored is None or message is None:
        yield Difference(subject, "message", *("there" if each else "missing" for each in (stored, message)))
        return
    for each in fields(Message):
        before, after = getattr(stored, each.name), getattr(message, each.name)
        if before != after:
            yield Difference(subject, each.name, before, after)


def _of_sets(subject: str, what: str, stored: set[Any], rebuilt: set[Any]) -> Iterator[Difference]:
    for entry in sorted(stored - rebuilt, key=repr):
        yield Difference(subject, what, entry, None)
    for entry in sorted(rebuilt - stored, key=repr):
        yield Difference(subject, what, None, entry)


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
        if expected.get(place) != stored.work.get(place):
            yield Difference(tree.id, f"open work {' '.join(place)}", stored.work.get(place), expected.get(place))


def _of_search(db: Connection, wrong: Wrong) -> Iterator[Difference]:
    for message_id in search.missing(db):
        wrong.found.append(message_id)
        yield Difference(f"message {message_id}", "search index", None, "its words")
    for message_id in search.surplus(db):
        wrong.found.append(message_id)
        yield Difference(f"message {message_id}", "search index", "its words", None)
    for message_id in search.misfiled(db):
        wrong.found.append(message_id)
        yield Difference(f"message {message_id}", "search index", "other words", "its words")


def _of_tallies(stored: Credits, rebuilt: Credits, wrong: Wrong) -> Iterator[Difference]:
    for key in sorted(stored.keys() | rebuilt.keys()):
        before, after = stored.get(key, NOTHING), rebuilt.get(key, NOTHING)
        if before != after:
            wrong.tallies[key] = after - before
            person, day = key
            for each in fields(Counts):
                if getattr(before, each.name) != getattr(after, each.name):
                    yield Difference(
                        f"person {person}", f"{each.name} on {day}", getattr(before, each.name),
                        getattr(after, each.name),
                    )  # fmt: skip
