"""What one does with a data set in a notebook: load, choose, make of it what one trains on, save.

Streams in, streams out: nothing is read before somebody asks for it, and little is held. Knows no databases.
"""

import os
import warnings
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espalier.dataset import convert, read, scores
from espalier.dataset.convert import Kind, Wanted
from espalier.dataset.examples import Chat, Example, Preference, Prompt, Ranking
from espalier.dataset.filter import FIELDS, BadCondition, Condition, Fulfils, condition
from espalier.dataset.findings import Finding, Report
from espalier.dataset.holds import Holds, held_in
from espalier.dataset.records import MessageRecord, TreeRecord, VoteRecord, by_subject
from espalier.dataset.scores import Found, ScoresOf
from espalier.dataset.tables import AnyOf, row_of, schema_of
from espalier.dataset.threads import Choice
from espalier.dataset.trees import flat_messages
from espalier.dataset.write import write_any

if TYPE_CHECKING:
    import pyarrow

File = str | os.PathLike[str]
Conditions = str | Fulfils
"""`quality>=0.6`, or a function of a message and its place that says whether it is wanted."""


def warn(finding: Finding) -> None:
    """Warns of what could not be read; faults of the structure, of which nothing is lost, it passes over."""
    if finding.lost:
        warnings.warn(str(finding), stacklevel=2)


def load(file: File, report: Report = warn) -> Iterator[Any]:
    """Whatever a file holds: trees, votes or examples.

    report: is told of each fault, with file, line and reason; what is faulty is left out, all else is there.
    """
    match held_in(Path(file)):
        case Holds.RECORDS:
            return load_trees(file, report)
        case Holds.VOTES:
            return load_votes(file, report)
        case Holds.EXAMPLES:
            return load_examples(file, report)


def load_trees(file: File, report: Report = warn) -> Iterator[TreeRecord]:
    """The trees of a file of trees or of messages."""
    return read.read_trees(Path(file), report)


def load_messages(file: File, report: Report = warn) -> Iterator[MessageRecord]:
    """The messages of such a file, in its order."""
    return read.read_messages(Path(file), report)


def load_votes(file: File, report: Report = warn) -> Iterator[VoteRecord]:
    """The single reviews, rankings and reactions of a file of votes."""
    return read.read_votes(Path(file), report)


def load_examples(file: File, report: Report = warn) -> Iterator[Example]:
    """Chats, prompts, preferences, rankings or battles, in whichever of the usual spellings."""
    return read.read_examples(Path(file), report)


def load_scores(*files: File, report: Report = warn) -> dict[str, Found]:
    """What checks found, by message; several files add up."""
    return scores.by_message(each for file in files for each in scores.read_scores(Path(file), report))


def where(
    trees: Iterable[TreeRecord],
    *conditions: Conditions,
    with_refused: bool = False,
    with_deleted: bool = False,
    scores: ScoresOf | None = None,
) -> Iterator[TreeRecord]:
    """The trees with the messages that fulfil all conditions; what stands below one that does not goes with it.

    with_refused: also what reviewers refused or nobody reviewed. with_deleted: also what was deleted. scores: what
    checks found, for conditions that ask for it. Raises BadCondition, at once.
    """
    wanted = _wanted(conditions, with_refused=with_refused, with_deleted=with_deleted, scores=scores)
    return convert.all_kept(trees, wanted)


def messages(trees: Iterable[TreeRecord]) -> Iterator[MessageRecord]:
    """Every message of the trees as a row, with its tree's id and state."""
    return (message for tree in trees for message in flat_messages(tree))


def chats(
    trees: Iterable[TreeRecord], *every: Conditions, best: bool = False, top: int | None = None, **kept: Any
) -> Iterator[Chat]:
    """A chat for each path from the prompt to a leaf, ending on an answer.

    every: what each message of a chat fulfils, or the whole chat is left out. best: only the path along the replies
    ranked first. top: of ranked replies only the best so many. kept: what `where` takes. Raises BadCondition.
    """
    kind = Kind.BEST if best else Kind.THREADS
    return _made(trees, _wanted((), kind=kind, every=every, top=top, **kept))


def prompts(trees: Iterable[TreeRecord], *every: Conditions, **kept: Any) -> Iterator[Prompt]:
    """Each conversation that awaits an answer. every and kept as for chats."""
    return _made(trees, _wanted((), kind=Kind.PROMPTS, every=every, **kept))


def rankings(
    trees: Iterable[TreeRecord],
    *every: Conditions,
    votes: Iterable[VoteRecord] = (),
    top: int | None = None,
    **kept: Any,
) -> Iterator[Ranking]:
    """The ranked replies to each prompt, best first, with the ties that the votes leave."""
    return _made(trees, _wanted((), kind=Kind.RANKED, every=every, top=top, **kept), votes)


def pairs(
    trees: Iterable[TreeRecord],
    *every: Conditions,
    which: Choice = "all",
    votes: Iterable[VoteRecord] = (),
    top: int | None = None,
    **kept: Any,
) -> Iterator[Preference]:
    """A better and a worse reply to each prompt; ties are no pairs.

    which: all pairs, those adjacent in rank, or the best against the rest.
    """
    return _made(trees, _wanted((), kind=Kind.PAIRS, every=every, top=top, pairs=which, **kept), votes)


def _wanted(
    conditions: Iterable[Conditions], *, every: Iterable[Conditions] = (), scores: ScoresOf | None = None, **more: Any
) -> Wanted:
    where, whole = (
        tuple(condition(each) if isinstance(each, str) else each for each in some) for some in (conditions, every)
    )
    for each in (*where, *whole):
        if scores is None and isinstance(each, Condition) and FIELDS[each.field].scored:
            raise BadCondition(f"{each.words!r} asks what a check found; hand in scores=load_scores(file)")
    return Wanted(where=where, every=whole, scores=scores or {}, **more)


def _made(trees: Iterable[TreeRecord], wanted: Wanted, votes: Iterable[VoteRecord] = ()) -> Iterator[Any]:
    return convert.examples(trees, wanted, by_subject(votes))


def save(file: File, things: Iterable[AnyOf], kind: type[AnyOf] = TreeRecord) -> int:
    """Write trees, messages, votes or examples, all of one kind; how many.

    Parquet where the name ends in .parquet, else JSON lines, packed where it ends in .gz. The file appears when it is
    whole; the same things give the same bytes. kind: of an empty table. Raises NeedsPyarrow.
    """
    return write_any(Path(file), things, kind)


def table(things: Iterable[AnyOf], kind: type[AnyOf] = TreeRecord) -> "pyarrow.Table":
    """The same as a table in memory, for pandas (`.to_pandas()`) or `datasets.Dataset`. Needs pyarrow."""
    import pyarrow

    waiting = iter(things)
    first = list(islice(waiting, 1))
    kind = type(first[0]) if first else kind
    return pyarrow.Table.from_pylist([row_of(each) for each in chain(first, waiting)], schema_of(kind))
