"""`espalier dataset check`: what is found in the texts, beside the messages."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.campaign import without_cycle_search
from espalier.cli.files import refuse_unreadable, refuse_unwritable
from espalier.cli.sources import SOURCE, at_hand, notices_of
from espalier.cli.terminal import MISUSED, STOPPED, err, fail, one_of, out, plural, progress

if TYPE_CHECKING:
    from espalier.dataset.records import MessageRecord
    from espalier.dataset.scores import Scores
    from espalier.safety.toxicity import ToxicityModel


def check(
    sources: Annotated[list[Path], typer.Argument(metavar="FILE...", help=SOURCE)],
    into: Annotated[Path, typer.Option(metavar="SCORES", help="Where to write what is found, a line a message.")],
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", help="language, duplicates, personal or toxicity. By default all that can be."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="Of toxicity; `espalier safety train` makes it.")
    ] = None,
    alike: Annotated[
        float,
        typer.Option("--alike", min=0.5, max=1, metavar="SHARE", help="From which likeness texts are near copies."),
    ] = 0.8,
) -> None:
    """Look at the texts: their language, copies, personal data, toxicity. Nothing is dropped; `--scores` reads it.

    After Ctrl-C the same command goes on where it stopped.
    """
    from espalier import __version__
    from espalier.dataset.read import read_messages
    from espalier.dataset.scores import scores, spelled
    from espalier.dataset.stamp import checksum
    from espalier.dataset.unfinished import Unfinished
    from espalier.dataset.write import write_objects
    from espalier.safety.checks import Check, checked

    wanted = [Check(one_of(each, Check, "check")) for each in dict.fromkeys(only or ())]
    if Check.TOXICITY in wanted and model is None:
        fail("Toxicity is told by a model; make one with `espalier safety train`, and name it with --model.", MISUSED)
    if not wanted:
        wanted = [each for each in Check if each is not Check.TOXICITY or model is not None]
    learned = None if model is None else model_of(model)
    refuse_unwritable(into)
    notices = notices_of(*sources)
    files = [at_hand(source) for source in sources]
    if into.resolve() in {file.resolve() for file in files}:
        fail(f"{into} is read; write to another file.", MISUSED)
    work = {
        "files": [checksum(file) for file in files], "checks": wanted, "alike": alike, "program": __version__,
        "model": None if model is None else checksum(model),
    }  # fmt: skip
    unfinished = Unfinished(into, work)
    if unfinished.found:
        err.print(f"Going on after {plural(len(unfinished.found), 'message')}, where an earlier run has stopped.")
    seen: Counter[str] = Counter()
    try:
        with progress("looking at texts") as bar, without_cycle_search():
            messages = _looked_at((each for file in files for each in read_messages(file, notices)), seen)
            known = [scores(each) for each in unfinished.found]
            found = _counted(checked(messages, wanted, learned, alike, bar, known), seen)
            count = write_objects(into, unfinished.keep(map(spelled, found)))
    except KeyboardInterrupt:
        err.print(f"Stopped; the same command goes on from here, with what {escape(str(unfinished.path))} holds.")
        sys.exit(STOPPED)
    unfinished.done()
    if not count:
        fail("There is no message to look at.")
    out.print(f"{escape(str(into))}: {plural(count, 'line')}.")
    for what in (
        "without a word",
        "without a language that can be told",
        "copies",
        "near copies",
        "with personal data",
        "toxic",
    ):
        if seen[what]:
            out.print(f"{what}: {seen[what]:,}")


def model_of(path: Path) -> "ToxicityModel":
    """The model of a file; ends the command where it holds none."""
    from espalier.safety.toxicity import NotAModel, read_model

    refuse_unreadable(path)
    try:
        return read_model(path)
    except NotAModel as wrong:
        fail(f"{wrong}.")


def _looked_at(messages: "Iterable[MessageRecord]", seen: Counter[str]) -> "Iterator[MessageRecord]":
    """The same, with those counted that stand and say nothing; `--where 'length>0'` leaves them out."""
    for message in messages:
        seen["without a word"] += not message.deleted and not message.text.strip()
        yield message


def _counted(every: "Iterator[Scores]", seen: Counter[str]) -> "Iterator[Scores]":
    for each in every:
        found = each.found
        seen["copies"] += found.get("duplicate_of") is not None
        seen["near copies"] += found.get("near_duplicate_of") is not None
        seen["with personal data"] += bool(found.get("personal"))
        seen["toxic"] += (found.get("toxicity") or 0.0) >= 0.5
        seen["without a language that can be told"] += "lang_detected" in found and found["lang_detected"] is None
        yield each
