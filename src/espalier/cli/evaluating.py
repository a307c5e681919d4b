"""`espalier evaluate`: the group of commands for evaluation, the arguments that most of them take, and how they end."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.markup import escape

from espalier.cli.terminal import (
    MISUSED,
    STOPPED,
    err,
    fail,
    out,
    progress,
    refuse_without_torch,
    sentence,
    show,
    table,
)

if TYPE_CHECKING:
    from espalier.dataset.examples import Turns
    from espalier.evaluate.manner import Manner, Question
    from espalier.evaluate.model import Judge, Model, Weighted
    from espalier.evaluate.results import Figure, Results

evaluating = typer.Typer(
    no_args_is_help=True,
    help="Evaluation: what models do on data that they have not learned from, each figure with its interval.",
    rich_markup_mode=None,
)
KEY: str = "OPENAI_API_KEY"
MODEL = "A directory, a name on the hub, or a server's address, as http://HOST:PORT#MODEL; NAME=MODEL names it."
Models = Annotated[list[str], typer.Argument(metavar="MODEL...", help=MODEL)]
Into = Annotated[Path, typer.Option("--into", metavar="FOLDER", help="Results are kept here, a folder for each model.")]
RESULTS = Path("results")
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Of all chance.")]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="Where models run: auto, cpu, cuda or cuda:0.")]
Numbers = Annotated[
    Literal["float32", "bfloat16", "float16"], typer.Option("--dtype", help="The numbers that models compute in.")
]
Threads = Annotated[int | None, typer.Option(metavar="N", min=1, help="Threads of torch; by default a core each.")]
JUDGE_KEY: str = "JUDGE_API_KEY"
JudgeOption = Annotated[
    str | None,
    typer.Option("--judge", metavar="MODEL", help="A language model that says how replies answer; by default rules."),
]
JudgeLongest = Annotated[
    int, typer.Option("--judge-longest", metavar="N", min=1, help="Tokens of what a language model says as a judge.")
]
OF_A_REPLY: Final = 512
"""Tokens of what a judge says of one reply, by default."""
Toxicity = Annotated[
    Path | None, typer.Option("--moderation", metavar="FILE", help="What `espalier safety train` made: tells toxicity.")
]
Longest = Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of a reply at most.")]
Temperature = Annotated[float, typer.Option(metavar="T", min=0, help="Replies are drawn at it.")]


@contextmanager
def in_sentences() -> Iterator[None]:
    """Around an evaluation: whatever ends it is said in a sentence."""
    from espalier.evaluate.model import BadModelName
    from espalier.evaluate.questions import BadSet
    from espalier.evaluate.results import BadResults
    from espalier.evaluate.sandbox import NoSandbox
    from espalier.infer.completions import ApiRefusal
    from espalier.infer.remote import Unreachable
    from espalier.infer.unusable import BadModel, BadTemplate
    from espalier.safety.toxicity import NotAModel

    try:
        yield
    except BadModelName as wrong:
        fail(sentence(wrong), MISUSED)
    except BadSet as wrong:
        fail(f"{wrong}.")  # begins with a file's name, which stays as it is
    except (BadModel, BadResults, BadTemplate, NoSandbox, NotAModel, Unreachable) as wrong:
        fail(sentence(wrong))
    except ApiRefusal as refused:
        fail(f"The server at {refused.server} refuses: {refused.message}")
    except KeyboardInterrupt:
        err.print("Stopped; the same command goes on, with the replies that were kept.")
        sys.exit(STOPPED)


def opened(models: Sequence[str], device: str, dtype: str, threads: int | None = None) -> Iterator["Model"]:
    """One model after the other, so that only one is in memory."""
    from espalier.evaluate.model import open_model

    for written in models:
        _at_hand(written, threads)
        yield open_model(written, os.environ.get(KEY), device, dtype)


def opened_judge(written: str, device: str, dtype: str, threads: int | None = None) -> "Judge":
    from espalier.evaluate.model import open_judge

    _at_hand(written, threads)
    return open_judge(written, os.environ.get(KEY), device, dtype)


def moderation_model(file: Path | None) -> "Callable[[str], float] | None":
    """How toxic a text is, by the model in a file; None where none is named."""
    from espalier.safety.toxicity import read_model

    return None if file is None else read_model(file).score


def told_by(
    question: "Question", judge: str | None, asked: "Sequence[Turns]", replies: "Mapping[str, Sequence[str]]",
    keep: Path, seed: int, longest: int, device: str, dtype: str, threads: int | None,
) -> "dict[str, list[Manner]]":  # fmt: skip
    """How each model's replies answer, by rules or by a language model, whose words are kept."""
    from espalier.evaluate.manner import by_judge, by_rules

    if judge is None:
        return {name: [by_rules(question, reply) for reply in said] for name, said in replies.items()}
    model = opened_grader(judge, device, dtype, threads)
    found = {}
    for name, said in replies.items():
        with progress(f"{model.name}: judging {name}") as bar:
            found[name] = by_judge(question, model, list(zip(asked, said, strict=True)), longest, seed, keep, bar)
    return found


def opened_grader(written: str, device: str, dtype: str, threads: int | None = None) -> "Model":
    """A language model that says how replies are, with a key of its own."""
    from espalier.evaluate.model import open_model

    _at_hand(written, threads)
    return open_model(written, os.environ.get(JUDGE_KEY) or os.environ.get(KEY), device, dtype)


def _at_hand(written: str, threads: int | None) -> None:
    """Models of this machine need torch, in so many threads."""
    from espalier.evaluate.model import is_address, named

    if is_address(named(written)[1]):
        return
    refuse_without_torch("Models of this machine need")
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def kept(into: Path, found: "Results") -> None:
    """Write results, and print their figures."""
    from espalier.evaluate.results import write_results

    path = write_results(into, found)
    shown = table(f"{escape(found.model)}: {found.evaluation}", "figure", "value", "95 %", "n")
    for name, figure in found.figures.items():
        shown.add_row(name, *cells(figure))
    show(shown)
    out.print(f"{escape(str(path))}: the results.")


def cells(figure: "Figure") -> tuple[str, str, str]:
    interval = "" if figure.low is None or figure.high is None else f"{figure.low:.4g} to {figure.high:.4g}"
    return f"{figure.value:.4g}", interval, "" if figure.n is None else f"{figure.n:,}"


def weighing(model: "Model", what: str) -> "Weighted":
    """The model as one that tells probabilities; a command that needs them ends where a server does not."""
    from espalier.evaluate.model import NOTHING

    if (found := model.reading()) is None:
        fail(f"{model.name} is on a server that tells {NOTHING}; {what} needs one that does, or a model's directory.")
    return found
