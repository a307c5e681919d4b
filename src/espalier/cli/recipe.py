"""`espalier recipe run` and `sweep`: from trees to an assistant in one go, and the same with seeds and switches."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import err, fail, out, plural, show, table
from espalier.cli.training import Changes, in_sentences, settled

if TYPE_CHECKING:
    from espalier.recipe.plan import Plan
    from espalier.recipe.run import Around

recipes = typer.Typer(
    no_args_is_help=True,
    help="Whole recipes: from trees to a base model, SFT, reward, PPO, DPO, GRPO and a report.",
    rich_markup_mode=None,
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The recipe, in TOML.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only check it, and say what would be done.")]


def run(file: File, set_: Changes = None, dry_run: DryRun = False) -> None:
    """Run a recipe: every step that is not done yet, then the report. The same command goes on where it stopped."""
    plan = _plan(file, set_ or ())
    with in_sentences():
        from espalier.recipe.once import run_once

        if dry_run:
            _said(plan)
            return
        with _drawing():
            report = run_once(plan, _around(plan))
    out.print(f"{escape(str(report))}: the report.")


def sweep(
    file: File,
    set_: Changes = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="So many seeds, from the recipe's on.")] = 3,
    switch: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=A,B", help="Run it with each of these values; several switches are combined."),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Run a recipe with several seeds, its arms and switches, and put all of it in one table. What they share is made
    once."""
    first = _plan(file, set_ or ())
    with in_sentences():
        from espalier.recipe.sweep import run_sweep, switched

        arms = switched(first.recipe.arms, switch or ())
        plans = {
            (arm, seed): _plan(file, [*(set_ or ()), *changes, f"seed={seed}"])
            for arm, changes in arms.items()
            for seed in range(first.recipe.seed, first.recipe.seed + seeds)
        }
        if dry_run:
            out.print(f"{plural(len(plans), 'run')}: {plural(len(arms), 'arm')} with {plural(seeds, 'seed')} each.")
            _said(first)
            return
        with _drawing():
            report = run_sweep(plans, _around(first))
    out.print(f"{escape(str(report))}: the report.")


def _plan(file: Path, changes: Sequence[str]) -> "Plan":
    from espalier.recipe.plan import read_plan

    refuse_unreadable(file)
    elsewhere = os.environ.get("ESPALIER_DATA")
    with settled():
        return read_plan(file, changes, Path(elsewhere) if elsewhere else None)


def _around(plan: "Plan") -> "Around":
    from espalier.cli.sources import notices_of
    from espalier.recipe.run import Around

    notices = notices_of(*plan.given.trees)
    return Around(
        err,
        lambda said: err.print(escape(said)),
        time.monotonic,
        lambda finding: notices(finding) if finding.lost else None,
    )


@contextmanager
def _drawing() -> Iterator[None]:
    from espalier.dataset.charts import NeedsVlConvert

    try:
        yield
    except NeedsVlConvert as missing:
        fail(f"{missing}.")


def _said(plan: "Plan") -> None:
    """What a run would do, and which files it lacks; then it ends with an error."""
    from espalier.recipe.run import state_of

    shown = table(None, "step", "algorithm", "begins with", "is", "folder")
    for step in plan.steps.values():
        shown.add_row(step.name, step.algorithm.name, step.start or "", state_of(step), str(step.folder))
    show(shown)
    if plan.given.is_demo:
        out.print("The data is not there; the demo's trees would take its place.")
    if plan.given.missing:
        fail(f"There is no file {', '.join(map(str, plan.given.missing))}; ESPALIER_DATA names where the data lies.")
