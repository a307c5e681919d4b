"""`espalier evaluate truth`: whether models believe what is true, and say so where they cannot know."""

from pathlib import Path
from typing import Annotated

import typer

from espalier.cli.evaluating import (
    OF_A_REPLY,
    RESULTS,
    Device,
    Into,
    JudgeLongest,
    JudgeOption,
    Longest,
    Models,
    Numbers,
    Seed,
    Temperature,
    Threads,
    in_sentences,
    kept,
    opened,
    told_by,
    weighing,
)
from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import MISUSED, fail, progress

TRUTH = "truth"


def truth(
    models: Models,
    questions: Annotated[
        list[Path] | None,
        typer.Option(
            "--questions", metavar="FILE", help="As TruthfulQA has them; more than one file, as of languages."
        ),
    ] = None,
    invented: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="So many questions about things that do not exist, and about known ones."
        ),
    ] = 90,
    judge: JudgeOption = None,
    judge_longest: JudgeLongest = OF_A_REPLY,
    into: Into = RESULTS,
    longest: Longest = 64,
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """How likely true answers are to models among false ones that people believe (MC1, MC2), and how often they make up
    facts about things that do not exist."""
    import numpy as np

    from espalier.evaluate import truth as measured
    from espalier.evaluate.answers import answers, samples_of
    from espalier.evaluate.choosing import likelihoods
    from espalier.evaluate.manner import NOT_KNOWING, RULES
    from espalier.evaluate.results import Figure, Results, checksums
    from espalier.infer.engine import Sampling

    files = questions or []
    if not files and not invented:
        fail("Name --questions, as TruthfulQA has them, or how many --invented ones.", MISUSED)
    for file in files:
        refuse_unreadable(file)
    with in_sentences():
        beliefs = [each for file in files for each in measured.read_beliefs(file)]
        made_up = measured.invented(invented, seed)
        conversations = [each.turns for each in made_up]
        replies: dict[str, list[str]] = {}
        held: dict[str, tuple[str, str, dict[str, Figure]]] = {}
        for model in opened(models, device, dtype, threads):
            reader = weighing(model, "what answers are worth to it") if beliefs else None
            with progress(f"{model.name}: replying") as bar:
                replies[model.name] = answers(
                    model, conversations, Sampling(longest, temperature), seed, samples_of(into, model, TRUTH), bar
                )
            told: dict[str, Figure] = {}
            if reader is not None:
                with progress(f"{model.name}: one true answer") as bar:
                    single = likelihoods(reader, [(each.turns, each.single) for each in beliefs], bar)
                with progress(f"{model.name}: several") as bar:
                    several = likelihoods(reader, [(each.turns, each.several) for each in beliefs], bar)
                told = measured.truths(beliefs, single, several, np.random.default_rng(seed))
            held[model.name] = model.source, model.identity, told
        manners = told_by(NOT_KNOWING, judge, conversations, replies, into / f"{TRUTH}.judgements.jsonl", seed,
                          judge_longest, device, dtype, threads)  # fmt: skip
        for name, (source, identity, told) in held.items():
            if made_up:
                told |= measured.admitted(made_up, manners[name], np.random.default_rng(seed))
            settings = {"judge": judge or RULES, "version": NOT_KNOWING.version if judge else RULES,
                        "judge longest": judge_longest if judge else None,
                        "invented": invented, "longest": longest, "temperature": temperature}  # fmt: skip
            kept(into, Results(
                name, source, identity, TRUTH, seed, len(beliefs) + len(made_up), told, checksums(files), settings
            ))  # fmt: skip
