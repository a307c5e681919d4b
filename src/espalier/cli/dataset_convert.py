"""`espalier dataset convert`: from trees, and from examples of others, to what one trains on."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from rich.markup import escape

from espalier.cli.campaign import without_cycle_search
from espalier.cli.datasets import Conditions, ScoresGiven, conditions, found_by_checks, tell_of_places
from espalier.cli.files import refuse_unreadable, refuse_unwritable
from espalier.cli.sources import at_hand, at_hand_with_votes, notices_of
from espalier.cli.terminal import MISUSED, Bar, fail, one_of, out, plural, progress
from espalier.dataset.findings import Report

if TYPE_CHECKING:
    from espalier.dataset.convert import Wanted
    from espalier.dataset.filter import Condition
    from espalier.dataset.records import Spelling, Votes

T = TypeVar("T")
TOLD_EVERY: Final = 100
"""Records; a bar that is told of each one costs as much as a condition."""


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Trees, messages, votes or examples, plain, gzip or Parquet; campaign: is the one of the settings.",
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(metavar="TARGET", help="Where to write; packed where it ends in .gz, Parquet in .parquet."),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="KIND",
            help="trees, messages, votes, threads, best (one path a tree), ranked, pairs, prompts or battles.",
        ),
    ] = "threads",
    where: Conditions = None,
    every: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help="Leave out a thread unless each of its messages fulfils this."),
    ] = None,
    top: Annotated[int | None, typer.Option(metavar="K", min=1, help="Of ranked replies only the best K.")] = None,
    pairs: Annotated[str, typer.Option(metavar="WHICH", help="all, adjacent, or best (against the rest).")] = "all",
    votes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The votes beside the trees; they tell which replies are tied.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What each reviewer's votes count: labels, acceptance and ranks follow from the votes again.",
        ),
    ] = None,
    scores: ScoresGiven = None,
    with_refused: Annotated[
        bool, typer.Option("--with-refused", help="Also what reviewers refused or nobody reviewed.")
    ] = False,
    with_deleted: Annotated[bool, typer.Option("--with-deleted", help="Also what was deleted.")] = False,
    spelling: Annotated[
        str, typer.Option(metavar="SPELLING", help="Of trees and messages: as_read, native, hub or sparse.")
    ] = "as_read",
) -> None:
    """Make of trees what one trains on: chats, ranked replies, preferences or prompts; or choose among them."""
    from espalier.dataset.convert import CHOICES, Kind, Wanted
    from espalier.dataset.holds import Holds, held_in
    from espalier.dataset.records import Spelling

    made = Kind(one_of(kind, Kind, "kind"))
    which = next(each for each in CHOICES if each == one_of(pairs, CHOICES, "choice of pairs"))
    spelled = Spelling(one_of(spelling, Spelling, "spelling"))
    some, whole = conditions(where), conditions(every)
    refuse_unwritable(target)
    if target.absolute() in {each.absolute() for each in (source, votes, weights, *(scores or ())) if each}:
        fail(f"{target} is read; write to another file.", MISUSED)
    if votes is None and (weights or made in (Kind.RANKED, Kind.PAIRS, Kind.VOTES)):
        file, votes = at_hand_with_votes(source)
    else:
        file = at_hand(source)
    notices = notices_of(source)
    wanted = Wanted(
        made, some, whole, top, which, with_refused, with_deleted, found_by_checks(scores, (*some, *whole), notices)
    )  # fmt: skip
    if not file.stat().st_size:
        fail(f"{source} is empty.")
    holds = held_in(file)
    if weights is not None and (holds is not Holds.RECORDS or votes is None):
        fail(f"Weights need trees and the votes on them; name the file of the votes on {source} with --votes.", MISUSED)
    with progress(f"reading {holds}") as bar, without_cycle_search():
        match holds:
            case Holds.RECORDS:
                said = _of_records(file, target, wanted, some, votes, weights, spelled, notices, bar)
            case Holds.VOTES:
                said = _of_votes(source, target, wanted, notices, bar)
            case Holds.EXAMPLES:
                said = _of_examples(source, target, wanted, notices, bar)
    out.print(f"{escape(str(target))}: {said}.")


def _of_records(
    file: Path,
    target: Path,
    wanted: "Wanted",
    asked: "Sequence[Condition]",
    votes: Path | None,
    weights: Path | None,
    spelled: "Spelling",
    notices: Report,
    bar: Bar,
) -> str:
    from espalier.dataset.convert import LINES, Kind, all_kept, examples, rows_kept, votes_kept
    from espalier.dataset.read import read_trees, read_votes
    from espalier.dataset.records import MessageRecord, TreeRecord
    from espalier.dataset.weights import read_weights, weighted
    from espalier.dataset.write import write_any, write_records, write_votes

    trees = anything(counted(read_trees(file, notices), bar), target)
    if votes is not None:
        refuse_unreadable(votes)
    if weights is not None:
        refuse_unreadable(weights)
        trees = weighted(trees, votes_of(votes, notices), read_weights(weights, notices))
    match wanted.kind:
        case Kind.TREES:
            count = write_records(target, all_kept(trees, wanted), spelled, TreeRecord)
        case Kind.MESSAGES:
            count = write_records(target, rows_kept(trees, wanted), spelled, MessageRecord)
        case Kind.VOTES:
            if votes is None:
                fail(f"{file} holds trees; name the file of the votes on them with --votes.", MISUSED)
            count = write_votes(target, votes_kept(trees, read_votes(votes, notices), wanted))
        case Kind.BATTLES:
            fail(f"{file} holds no battles between models.", MISUSED)
        case _:
            count = write_any(target, examples(trees, wanted, votes_of(votes, notices)), LINES[wanted.kind])
    if not count and wanted.kind is not Kind.MESSAGES:
        tell_of_places(asked)
    return plural(count, "line")


def _of_votes(file: Path, target: Path, wanted: "Wanted", notices: Report, bar: Bar) -> str:
    from espalier.dataset.convert import Kind
    from espalier.dataset.read import read_votes
    from espalier.dataset.write import write_votes

    if wanted.kind is not Kind.VOTES:
        fail(f"{file} holds votes; name the file of their trees, and this one with --votes.", MISUSED)
    return plural(write_votes(target, anything(counted(read_votes(file, notices), bar), target)), "line")


def _of_examples(file: Path, target: Path, wanted: "Wanted", notices: Report, bar: Bar) -> str:
    from espalier.dataset.convert import LINES, RECORDS, remade
    from espalier.dataset.read import read_examples
    from espalier.dataset.write import write_any

    if wanted.kind in RECORDS:
        fail(f"{file} holds examples, of which no {wanted.kind} can be made.", MISUSED)
    if wanted.where or wanted.every:
        fail(f"Conditions ask what trees know of their messages; {file} holds examples.", MISUSED)
    read = 0

    def told(done: int, of: int | None = None, /) -> None:
        nonlocal read
        read = done
        bar(done, of)

    found = remade(anything(counted(read_examples(file, notices), told), target), wanted)
    count = write_any(target, found, LINES[wanted.kind])
    return f"{plural(count, 'line')} of {plural(read, 'example')}"


def counted(records: Iterable[T], told: Bar) -> Iterator[T]:
    """The same, told now and then how many there were, and at the end."""
    done = 0
    for done, record in enumerate(records, 1):
        yield record
        if done % TOLD_EVERY == 0:
            told(done)
    told(done)


def anything(records: Iterator[T], target: Path) -> Iterator[T]:
    """The same; where there is none, the command ends before the target is touched."""
    first = list(islice(records, 1))
    if not first:
        fail(f"There is nothing that can be read; {target} is not written.")
    return chain(first, records)


def votes_of(file: Path | None, notices: Report) -> "Votes":
    """The votes by the message that they are on."""
    from espalier.dataset.read import read_votes
    from espalier.dataset.records import by_subject

    return by_subject(read_votes(file, notices) if file is not None else ())
