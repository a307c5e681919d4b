"""`espalier dataset`: the group of commands for data sets, and the conditions that several of them take."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import MISUSED, err, fail
from espalier.dataset.findings import Report

if TYPE_CHECKING:
    from espalier.dataset.filter import Condition
    from espalier.dataset.scores import Found

datasets = typer.Typer(
    no_args_is_help=True, help="Data sets: files of trees and what is made of them.", rich_markup_mode=None
)
Conditions = Annotated[
    list[str] | None,
    typer.Option(
        "--where", metavar="CONDITION", help="Only messages with this, as quality>=0.6; may be given several times."
    ),
]
ScoresGiven = Annotated[
    list[Path] | None,
    typer.Option("--scores", metavar="FILE", help="What checks found of the texts; conditions may ask for it."),
]


def conditions(words: Sequence[str] | None) -> "tuple[Condition, ...]":
    """What the options say; ends the command where one cannot be read."""
    from espalier.dataset.filter import BadCondition, condition

    try:
        return tuple(condition(each) for each in words or ())
    except BadCondition as wrong:
        fail(f"{wrong}.", MISUSED)


def tell_of_places(asked: "Iterable[Condition]") -> None:
    """Why nothing is left where a condition asks for what no prompt is."""
    if places := [each.words for each in asked if each.of_place]:
        err.print(
            f"What stands below a message that does not fulfil {' and '.join(map(escape, places))} goes with it, the "
            "prompt's whole tree too; `espalier dataset convert --as messages` asks each message by itself."
        )


def tell_of_licence(licence: str | None) -> None:
    """That hubs know no licence of this name, which may be one of the data set's own, or a slip."""
    from difflib import get_close_matches

    from espalier.dataset.card import KNOWN_LICENCES, licence_id

    if licence and (name := licence_id(licence)) not in KNOWN_LICENCES:
        near = get_close_matches(name, sorted(KNOWN_LICENCES), 1)
        like = f"; they know {near[0]}" if near else ""
        err.print(escape(f"{licence} is no licence that hubs know{like}. The card has it as one of your own."))


def found_by_checks(files: Sequence[Path] | None, asked: "Iterable[Condition]", notices: Report) -> "dict[str, Found]":
    """What the files of scores say, by message; ends the command where a condition asks for what no file was given."""
    from espalier.dataset.filter import FIELDS
    from espalier.dataset.scores import by_message, read_scores

    for condition in asked:
        if FIELDS[condition.field].scored and not files:
            fail(f"{condition.words!r} asks what a check found; name its file with --scores.", MISUSED)
    for file in files or ():
        refuse_unreadable(file)
    return by_message(each for file in files or () for each in read_scores(file, notices))
