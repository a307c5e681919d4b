"""`espalier evaluate humaneval`: functions that models write, run in a sandbox to see whether they pass their tests."""

from pathlib import Path
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
from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import MISUSED, fail, progress

HUMANEVAL: Final = "humaneval"


def humaneval(
    models: Models,
    problems: Annotated[Path, typer.Option(metavar="FILE", help="HumanEval's problems, as they are published.")],
    into: Into = RESULTS,
    samples: Annotated[int, typer.Option(metavar="N", min=1, help="Functions that are written for each problem.")] = 1,
    k: Annotated[str, typer.Option(metavar="K,K", help="The k of pass@k, each at most --samples.")] = "1",
    text: Annotated[
        bool, typer.Option("--text", help="Models go on with the text, as base models do, instead of being asked.")
    ] = False,
    longest: Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of a reply at most.")] = 512,
    temperature: Annotated[float, typer.Option(metavar="T", min=0, help="Replies are drawn at it.")] = 0.0,
    top_p: Annotated[float, typer.Option(metavar="P", min=0.01, max=1, help="Of the likeliest tokens.")] = 0.95,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.1, help="A program has so long.")] = 10.0,
    memory: Annotated[int, typer.Option(metavar="MB", min=64, help="And so much memory.")] = 512,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """HumanEval: pass@k of the functions that models write. Programs are run shut in: they read Python's library and
    compute, and do nothing else. Replies and outcomes are kept, so the same command goes on where it was stopped."""
    import numpy as np

    from espalier.evaluate import humaneval as measured
    from espalier.evaluate.answers import answers, samples_of
    from espalier.evaluate.results import Results, checksums, figures
    from espalier.evaluate.sandbox import Limits, refuse_without
    from espalier.infer.engine import Sampling

    ks = _numbers(k, samples)
    if samples > 1 and not temperature:
        fail("At temperature 0 all samples of a problem are alike; write --temperature 0.8, or --samples 1.", MISUSED)
    refuse_unreadable(problems)
    with in_sentences():
        refuse_without()
        read = measured.read_problems(problems)
        limits, sampling = Limits(seconds, memory), Sampling(longest, temperature, top_p if temperature else 1.0)
        for model in opened(models, device, dtype, threads):
            file = samples_of(into, model, HUMANEVAL)
            with progress(f"{model.name}: writing") as bar:
                prompts = [measured.asked(each, not text) for each in read] * samples
                replies = answers(model, prompts, sampling, seed, file, bar)
            programs = [
                measured.program(each, reply, not text) for each, reply in zip(read * samples, replies, strict=True)
            ]
            with progress(f"{model.name}: running") as bar:
                told = measured.passed(programs, limits, file.with_name(f"{HUMANEVAL}.outcomes.jsonl"), bar)
            found = {each.id: told[place :: len(read)] for place, each in enumerate(read)}
            kept(into, Results(
                model.name, model.source, model.identity, HUMANEVAL, seed, len(read),
                figures(measured.figures_of(found, ks, np.random.default_rng(seed)), len(read)), checksums([problems]),
                {"samples": samples, "asked": "as a text" if text else "in a conversation", "longest": longest,
                 "temperature": temperature, "top_p": sampling.top_p, "seconds": seconds, "memory_mb": memory},
                {"outcomes": found},
            ))  # fmt: skip


def _numbers(written: str, samples: int) -> list[int]:
    try:
        found = [int(each) for each in written.split(",")]
    except ValueError:
        fail(f"{written!r} is no list of numbers; write --k 1,10,100.", MISUSED)
    if not all(1 <= each <= samples for each in found):
        fail(
            f"pass@k needs k of 1 at least and {samples} at most, as many samples as there are; write more --samples.",
            MISUSED,
        )
    return found
