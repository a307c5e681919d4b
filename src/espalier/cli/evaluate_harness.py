"""`espalier evaluate harness`: models under lm-evaluation-harness, with its own tasks or files that describe one."""

from importlib.util import find_spec
from typing import Annotated, Final

import typer

from espalier.cli.evaluating import (
    RESULTS,
    Device,
    Into,
    Models,
    Numbers,
    Seed,
    Threads,
    in_sentences,
    kept,
    opened,
)
from espalier.cli.terminal import fail, progress

HARNESS: Final = "harness"


def harness(
    models: Models,
    tasks: Annotated[
        list[str],
        typer.Option(
            "--tasks",
            metavar="NAME|FILE",
            help="A task of the harness, a YAML file of one, or a file of questions; NAME=FILE is a task of the "
            "harness with its data from a file.",
        ),
    ],
    into: Into = RESULTS,
    shots: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Examples before each question; else as the task has it.")
    ] = None,
    first: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N questions of a task.")] = None,
    chat: Annotated[
        bool,
        typer.Option(
            "--chat", help="Ask in a conversation instead of by a text; a server that only replies always is."
        ),
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """Models under lm-evaluation-harness: its tasks by name, files that describe one, or files of questions, without a
    network. What a model says is kept, so the same command goes on where it was stopped."""
    if find_spec("lm_eval") is None:
        fail("This needs lm-evaluation-harness; install it with: pip install 'espalier[eval]'.")
    from espalier.evaluate.answers import samples_of
    from espalier.evaluate.harness import Adapter, evaluate
    from espalier.evaluate.harness_files import asked
    from espalier.evaluate.results import Results, checksums

    with in_sentences():
        files = [each.file for each in map(asked, tasks) if each.file]
        for model in opened(models, device, dtype, threads):
            reader = model.reading()
            in_chat = chat or reader is None
            with progress(f"{model.name}: {', '.join(tasks)}") as bar:
                adapter = Adapter(reader or model, in_chat, seed, samples_of(into, model, HARNESS), bar)
                found = evaluate(adapter, tasks, shots, first, seed)
            kept(into, Results(
                model.name, model.source, model.identity, HARNESS, seed, found.n, found.figures,
                checksums(files),
                {"tasks": tasks, "versions": found.versions, "shots": shots, "first": first,
                 "asked": "in a conversation" if in_chat else "as a text"},
            ))  # fmt: skip
