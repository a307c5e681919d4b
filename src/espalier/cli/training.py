"""`espalier train`: the group of commands for training, the arguments that all of them take, and how they end."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.markup import escape

from espalier.cli.files import refuse_unreadable
from espalier.cli.sources import notices_of
from espalier.cli.terminal import MISUSED, STOPPED, err, fail, out, plural, refuse_without_torch
from espalier.dataset.findings import Finding, Report, ignore

if TYPE_CHECKING:
    from espalier.train.settings import Settings, Source

SettingsT = TypeVar("SettingsT", bound="Settings")
training = typer.Typer(
    no_args_is_help=True,
    help="Training: from trees to models, each run as one TOML file has it.",
    rich_markup_mode=None,
)
Recipe = Annotated[Path, typer.Argument(metavar="FILE", help="The settings of the run, in TOML.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Another value, as run.seed=1; may be given several times."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Try the first steps, keep nothing, and say what the whole run would take.")
]


@contextmanager
def in_sentences() -> Iterator[None]:
    """Around a run: whatever ends it is said in a sentence. After Ctrl-C it ends as shells expect. Loads torch."""
    refuse_without_torch("Training needs")
    from espalier.infer.unusable import BadModel, BadTemplate
    from espalier.train.checkpoint import BadCheckpoint
    from espalier.train.sources import BadSource
    from espalier.train.watch import Interrupted, Stopped

    try:
        with settled():
            yield
    except (BadSource, BadModel, BadTemplate, BadCheckpoint) as wrong:
        fail(f"{str(wrong).rstrip('.')}.")
    except Interrupted as stopped:
        err.print(escape(str(stopped)))
        sys.exit(STOPPED)
    except Stopped as stopped:
        fail(str(stopped))


def losses_in(sources: "Sequence[Source]") -> Report:
    """Who prints which lines of the sources are lost; that a tree is unusual does not matter to who learns from it. Of
    several processes, which all read the same, the first one says it.
    """
    if not _is_first():
        return ignore
    notices = notices_of(*(source.path for source in sources))

    def report(finding: Finding) -> None:
        if finding.lost:
            notices(finding)

    return report


def settings_in(kind: type[SettingsT], file: Path, changes: Sequence[str] | None) -> SettingsT:
    """What a file and the options say; a wrong one is refused before torch is loaded, which takes seconds."""
    from espalier.train.settings import read_settings

    refuse_unreadable(file)
    with settled():
        return read_settings(kind, file, changes or ())


@contextmanager
def settled() -> Iterator[None]:
    """Around what reads settings: a line is said for each fault in them."""
    from espalier.train.settings import BadSettings

    try:
        yield
    except BadSettings as wrong:
        fail(str(wrong), MISUSED)


def made(model: Path) -> None:
    """Say where the model is that a run made; of several processes the first one says it."""
    if _is_first():
        out.print(f"{escape(str(model))}: the model, with its card.")


def _is_first() -> bool:
    return os.environ.get("RANK", "0") == "0"


def tried(train: Callable[[SettingsT], object], settings: SettingsT) -> None:
    """Say what a run would take: parameters, tokens, memory and time."""
    from espalier.train.forecast import rehearse

    told = rehearse(train, settings)
    trained = "all of them trained" if told.trained == told.parameters else f"{told.trained:,} of them trained"
    out.print(f"{told.parameters:,} parameters, {trained}.")
    out.print(f"{plural(told.steps, 'step')} with about {_about(told.tokens):,} tokens.")
    speed = _about(told.tokens / told.seconds) if told.seconds else 0
    out.print(f"About {_time(told.seconds)} on {told.device}, {speed:,} tokens/s, without measuring and saving.")
    out.print(f"{told.memory / 2**30:.1f} GiB of memory at most, as far as the first steps tell.")


def _about(number: float) -> int:
    """Three digits of it."""
    return int(float(f"{number:.3g}"))


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return plural(max(1, round(seconds)), "second")
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else plural(minutes, "minute")
