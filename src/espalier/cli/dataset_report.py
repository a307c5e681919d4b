"""`espalier dataset report`: a data set described, as a page for people and a card for hubs."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.campaign import without_cycle_search
from espalier.cli.dataset_convert import counted
from espalier.cli.datasets import Conditions, ScoresGiven, conditions, found_by_checks, tell_of_licence, tell_of_places
from espalier.cli.files import refuse_unreadable
from espalier.cli.sources import SOURCE, at_hand, at_hand_with_votes, notices_of
from espalier.cli.terminal import fail, out, plural, progress, sentence
from espalier.dataset.findings import Report

if TYPE_CHECKING:
    from espalier.dataset.filter import Condition
    from espalier.dataset.records import Record, VoteRecord
    from espalier.dataset.scores import Found, Scores


def report(
    sources: Annotated[list[Path], typer.Argument(metavar="FILE...", help=SOURCE)],
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write report.html and README.md.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What the data set is called.")] = "Conversation trees",
    licence: Annotated[
        str | None, typer.Option(metavar="LICENCE", help="As hubs know it, such as apache-2.0, or one of your own.")
    ] = None,
    where: Conditions = None,
    votes: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="The votes on the messages; agreement needs them.")
    ] = None,
    scores: ScoresGiven = None,
    topics: Annotated[
        int | None, typer.Option(metavar="K", min=2, max=500, help="So many topics; by default the best of several.")
    ] = None,
    no_topics: Annotated[bool, typer.Option("--no-topics", help="Leave topics out, which take longest.")] = False,
    resamples: Annotated[int, typer.Option(metavar="N", min=0, max=10_000, help="For intervals.")] = 200,
    seed: Annotated[int, typer.Option(metavar="N", help="Of all chance.")] = 0,
) -> None:
    """Describe a data set: counts, labels, agreement, contributors, topics, toxicity and time line, with charts."""
    from espalier.dataset.about import About, CardFile
    from espalier.dataset.card import write_card
    from espalier.dataset.charts import NeedsVlConvert
    from espalier.dataset.describe import describe
    from espalier.dataset.report import write_report

    asked = conditions(where)
    tell_of_licence(licence)
    notices = notices_of(*sources)
    files, given = _at_hand(sources, votes)
    for file in given:
        refuse_unreadable(file)
    found = found_by_checks(scores, asked, notices)
    with progress("describing") as bar, without_cycle_search():
        described = describe(
            counted(_records(files, asked, found, notices), bar),
            _votes(given, notices),
            _scores(scores, notices),
            seed=seed, resamples=resamples, topics_number=topics, with_topics=not no_topics,
        )  # fmt: skip
    if not described.counts.messages:
        tell_of_places(asked)
        fail("There is no message to describe.")
    about = About(name, licence=licence, sources=[source.name for source in sources], filters=where or ())
    into.mkdir(parents=True, exist_ok=True)
    beside = [CardFile(source.name, config=None) for source in sources if source.parent.resolve() == into.resolve()]
    try:
        write_report(into / "report.html", described, about)
    except NeedsVlConvert as missing:
        fail(sentence(missing))
    write_card(into / "README.md", described, about, beside)
    counts = described.counts
    out.print(f"{plural(counts.messages, 'message')} in {plural(counts.trees, 'tree')} described.")
    if described.elsewhere:
        out.print(f"{plural(described.elsewhere, 'vote')} left out: on messages that are not in these files.")
    out.print(f"{escape(str(into / 'report.html'))}: the report.")
    out.print(f"{escape(str(into / 'README.md'))}: the data card.")


def _at_hand(sources: list[Path], votes: list[Path] | None) -> tuple[list[Path], list[Path]]:
    """The files to read, and those with votes; a campaign brings its own."""
    if votes is not None:
        return [at_hand(source) for source in sources], votes
    pairs = [at_hand_with_votes(source) for source in sources]
    return [file for file, _ in pairs], [given for _, given in pairs if given is not None]


def _records(
    files: list[Path], asked: "tuple[Condition, ...]", found: "dict[str, Found]", notices: Report
) -> "Iterator[Record]":
    from espalier.dataset.convert import Wanted, all_kept
    from espalier.dataset.read import read_trees

    for file in files:
        trees = read_trees(file, notices)
        if not asked:
            yield from trees
        else:
            wanted = Wanted(where=asked, scores=found, with_refused=True, with_deleted=True)
            yield from all_kept(trees, wanted)


def _votes(files: list[Path], notices: Report) -> "Iterator[VoteRecord]":
    from espalier.dataset.read import read_votes

    for file in files:
        yield from read_votes(file, notices)


def _scores(files: list[Path] | None, notices: Report) -> "Iterator[Scores]":
    from espalier.dataset.scores import read_scores

    for file in files or ():
        yield from read_scores(file, notices)
