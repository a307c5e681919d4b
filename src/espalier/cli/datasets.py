"""`espalier dataset`: from files of trees to what one trains on. Needs no campaign."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.files import Notices, refuse_unreadable, refuse_unwritable
from espalier.cli.terminal import MISUSED, PUBLISHED, fail, one_of, out, plural, progress

if TYPE_CHECKING:
    from espalier.dataset.filter import Fulfils
    from espalier.dataset.records import VoteRecord

datasets = typer.Typer(
    no_args_is_help=True, help="Data sets: files of trees and what is made of them.", rich_markup_mode=None
)
Conditions = Annotated[
    list[str] | None,
    typer.Option(
        "--where", metavar="CONDITION", help="Only messages with this, as quality>=0.6; may be given several times."
    ),
]


@datasets.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="FILE", help=PUBLISHED)],
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="Where to write; packed where the name ends in .gz.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--as", metavar="KIND", help="trees, messages, threads, best (one path a tree), ranked, pairs or prompts."
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
    with_refused: Annotated[
        bool, typer.Option("--with-refused", help="Also what reviewers refused or nobody reviewed.")
    ] = False,
) -> None:
    """Make of trees what one trains on: chats, ranked replies, preferences or prompts."""
    from espalier.dataset.convert import CHOICES, Kind, Wanted, examples, kept
    from espalier.dataset.read import read_trees
    from espalier.dataset.records import flat_messages
    from espalier.dataset.write import write_examples, write_records

    for place in filter(None, (source, votes)):
        refuse_unreadable(place)
    refuse_unwritable(target)
    if target.absolute() == source.absolute():
        fail(f"{target} is read; write to another file.", MISUSED)
    wanted = Wanted(
        Kind(one_of(kind, Kind, "kind")), conditions(where), conditions(every), top,
        next(each for each in CHOICES if each == one_of(pairs, CHOICES, "choice of pairs")), with_refused,
    )  # fmt: skip
    notices = Notices(verbose=False)
    trees = read_trees(source, notices)
    with progress("reading trees"):
        match wanted.kind:
            case Kind.TREES:
                count = write_records(target, filter(None, (kept(tree, wanted) for tree in trees)))
            case Kind.MESSAGES:
                remaining = filter(None, (kept(tree, wanted) for tree in trees))
                count = write_records(target, (message for tree in remaining for message in flat_messages(tree)))
            case _:
                count = write_examples(target, examples(trees, wanted, votes_of(votes, notices)))
    out.print(f"{escape(str(target))}: {plural(count, 'line')}.")


def conditions(words: list[str] | None) -> "tuple[Fulfils, ...]":
    """What the options say; ends the command where one cannot be read."""
    from espalier.dataset.filter import BadCondition, condition

    try:
        return tuple(condition(each) for each in words or ())
    except BadCondition as wrong:
        fail(f"{wrong}.", MISUSED)


def votes_of(file: Path | None, notices: Notices) -> "dict[str, list[VoteRecord]]":
    """The votes by the message that they are on."""
    from espalier.dataset.read import read_votes

    found: dict[str, list[VoteRecord]] = defaultdict(list)
    if file is not None:
        for vote in read_votes(file, notices):
            found[vote.subject].append(vote)
    return found
