"""`espalier evaluate evals`: sets in the format of OpenAI evals, whose replies are compared or graded by a model."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from espalier.cli.evaluating import (
    RESULTS,
    Device,
    Into,
    Longest,
    Models,
    Numbers,
    Seed,
    Temperature,
    Threads,
    in_sentences,
    kept,
    opened,
    opened_grader,
)
from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import MISUSED, fail, progress

if TYPE_CHECKING:
    from espalier.evaluate.evals import Set
    from espalier.evaluate.model import Model
    from espalier.infer.engine import Sampling

EVALS: Final = "evals"


def evals(
    registry: Annotated[Path, typer.Argument(metavar="SET", help="A registry in YAML, as OpenAI evals has it.")],
    models: Models,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="MODEL", help="The language model that grades graded sets.")
    ] = None,
    judge_longest: Annotated[
        int | None,
        typer.Option(
            "--judge-longest",
            metavar="N",
            min=1,
            help="Tokens of what it says; by default 32, and 512 where it is to reason.",
        ),
    ] = None,
    into: Into = RESULTS,
    longest: Longest = 512,
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """Sets in the format of OpenAI evals: replies that must match, include or resemble an ideal, or that a language
    model grades. Replies and grades are kept, so the same command goes on where it was stopped."""
    if find_spec("yaml") is None:
        fail("This needs PyYAML; install it with: pip install 'espalier[eval]'.")
    import numpy as np

    from espalier.evaluate import evals as measured
    from espalier.evaluate.results import Results, checksums
    from espalier.infer.engine import Sampling

    refuse_unreadable(registry)
    with in_sentences():
        sets = measured.read_sets(registry)
        graded = [each.name for each in sets if each.grading]
        if graded and judge is None:
            fail(f"{graded[0]} is graded by a language model; name one with --judge.", MISUSED)
        grader = opened_grader(judge, device, dtype, threads) if graded and judge else None
        for model in opened(models, device, dtype, threads):
            sampling = Sampling(longest, temperature)
            scores = {each.name: _scores(each, model, grader, judge_longest, sampling, seed, into) for each in sets}
            every = [score for each in scores.values() for score in each]
            kept(into, Results(
                model.name, model.source, model.identity, EVALS, seed, len(every),
                measured.figures_of(scores, np.random.default_rng(seed)),
                checksums(dict.fromkeys(file for each in sets for file in each.files)),
                {"sets": {each.name: each.kind for each in sets}, "longest": longest, "temperature": temperature,
                 "grader": f"{grader.source} {measured.VERSION}" if grader else None, "judge longest": judge_longest},
                {"unparsed": every.count(None), "scores": scores},
            ))  # fmt: skip


def _scores(
    of: "Set", model: "Model", grader: "Model | None", longest: int | None, sampling: "Sampling", seed: int, into: Path
) -> "list[float | None]":
    """Of each sample; None where the grader gave no verdict."""
    from espalier.evaluate.answers import answers, samples_of
    from espalier.evaluate.evals import LONGEST, asked_of_grader, grade, right
    from espalier.infer.engine import Sampling

    keep = samples_of(into, model, EVALS)
    inputs = list(of.grading.outputs) if of.grading else ["input"]
    replies: dict[str, list[str]] = {}
    for name in inputs:
        with progress(f"{model.name}: {of.name}") as bar:
            replies[name] = answers(model, [each.asked[name] for each in of.samples], sampling, seed, keep, bar)
    if of.grading is None or grader is None:
        return [float(right(of, *each)) for each in zip(of.samples, replies["input"], strict=True)]
    asked = [
        asked_of_grader(of.grading, sample, {name: replies[name][place] for name in inputs})
        for place, sample in enumerate(of.samples)
    ]
    with progress(f"{grader.name}: grading {model.name}") as bar:
        ruled = Sampling(longest or LONGEST[of.grading.manner], temperature=0.0)
        said = answers(grader, asked, ruled, seed, keep.with_name(f"{EVALS}.grades.jsonl"), bar)
    return [grade(of.grading, each) for each in said]
