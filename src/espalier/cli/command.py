"""All commands in the order of the help, and what a refusal looks like: one sentence, never a stack trace."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from espalier import __version__
from espalier.cli import (
    dataset_check,
    dataset_convert,
    dataset_diff,
    dataset_mix,
    dataset_release,
    dataset_reliability,
    dataset_report,
    dataset_split,
    datasets,
    evaluate_battles,
    evaluate_bias,
    evaluate_evals,
    evaluate_exposure,
    evaluate_generalisation,
    evaluate_harness,
    evaluate_heldout,
    evaluate_humaneval,
    evaluate_moderation,
    evaluate_pairwise,
    evaluate_report,
    evaluate_safety,
    evaluate_subspace,
    evaluate_truth,
    evaluating,
    files,
    keeping,
    looking,
    maintenance,
    model,
    people,
    recipe,
    safety,
    sample,
    score,
    serving,
    tour,
    train,
    train_dpo,
    train_policy,
    train_reward,
    training,
)
from espalier.cli.sources import AT_THE_END
from espalier.cli.terminal import STOPPED, fail, out, sentence
from espalier.domain.errors import Refusal

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Grow conversation trees with volunteers, and train assistants on them.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"espalier {__version__}")
        raise typer.Exit


@app.callback()
def espalier(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What can be asked of no command in particular."""


app.command()(serving.serve)
app.command()(serving.config)
app.command()(looking.stats)
app.add_typer(looking.trees, name="tree")
app.add_typer(people.users, name="user")
app.command("import")(files.import_)
app.command()(files.export)
datasets.datasets.command()(dataset_convert.convert)
datasets.datasets.command()(dataset_split.split)
datasets.datasets.command()(dataset_mix.mix)
datasets.datasets.command()(dataset_report.report)
datasets.datasets.command()(dataset_release.release)
datasets.datasets.command()(dataset_release.verify)
datasets.datasets.command()(dataset_release.publish)
datasets.datasets.command()(dataset_diff.diff)
datasets.datasets.command()(dataset_check.check)
datasets.datasets.command()(dataset_reliability.reliability)
app.add_typer(datasets.datasets, name="dataset")
app.add_typer(safety.safety, name="safety")
training.training.command()(train.base)
training.training.command()(train.sft)
training.training.command()(train.preview)
training.training.command()(train_reward.reward)
training.training.command()(train_dpo.dpo)
training.training.command()(train_policy.ppo)
training.training.command()(train_policy.grpo)
app.add_typer(training.training, name="train")
recipe.recipes.command()(recipe.run)
recipe.recipes.command()(recipe.sweep)
app.add_typer(recipe.recipes, name="recipe")
app.add_typer(model.models, name="model")
evaluating.evaluating.command()(evaluate_heldout.heldout)
evaluating.evaluating.command()(evaluate_generalisation.generalisation)
evaluating.evaluating.command()(evaluate_battles.battles)
evaluating.evaluating.command()(evaluate_pairwise.pairwise)
evaluating.evaluating.command()(evaluate_humaneval.humaneval)
evaluating.evaluating.command()(evaluate_evals.evals)
evaluating.evaluating.command()(evaluate_harness.harness)
evaluating.evaluating.command()(evaluate_subspace.subspace)
evaluating.evaluating.command()(evaluate_safety.safety)
evaluating.evaluating.command()(evaluate_bias.bias)
evaluating.evaluating.command()(evaluate_truth.truth)
evaluating.evaluating.command()(evaluate_moderation.moderation)
evaluating.evaluating.command()(evaluate_exposure.exposure)
evaluating.evaluating.command()(evaluate_report.report)
app.add_typer(evaluating.evaluating, name="evaluate")
app.command()(sample.sample)
app.command()(score.score)
app.command()(keeping.doctor)
app.command()(keeping.backup)
app.command()(keeping.restore)
app.add_typer(maintenance.maintenance, name="maintenance")
app.command()(tour.tour)
app.command()(serving.replay)
app.command()(serving.openapi)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, by default the one that was typed; ends with its exit code."""
    try:
        _run(arguments)
    except KeyboardInterrupt:  # before the command itself had begun
        sys.exit(STOPPED)


def _run(arguments: Sequence[str] | None) -> None:
    from sqlalchemy.exc import DatabaseError, OperationalError

    from espalier.dataset.parquet import NeedsPyarrow
    from espalier.store.backup import CannotCopy
    from espalier.store.migrate import DatabaseTooNew
    from espalier.store.session import UnsupportedDatabase

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a text in any script, whatever the terminal can show
    try:
        with AT_THE_END:
            app(arguments, prog_name="espalier")
    except Refusal as refusal:
        fail(refusal.detail)
    except (CannotCopy, NeedsPyarrow) as error:
        fail(str(error))
    except (DatabaseTooNew, UnsupportedDatabase) as error:
        fail(sentence(error))
    except OperationalError as error:
        fail(f"The database does not answer: {_first_line(error.orig)}.")
    except DatabaseError as error:
        fail(f"The database cannot be used: {_first_line(error.orig)}.")
    except UnicodeEncodeError:  # sought in the database
        fail("What was typed holds bytes that are no characters of UTF-8.")
    except OSError as error:
        fail(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.")


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
