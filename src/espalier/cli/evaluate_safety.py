"""`espalier evaluate safety`: what models refuse, of what should be refused and of what should not, and what they say
to those who try to make them misbehave."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    Toxicity,
    in_sentences,
    kept,
    moderation_model,
    opened,
    told_by,
)
from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import MISUSED, fail, progress

if TYPE_CHECKING:
    from espalier.evaluate.refusals import Tempting

SAFETY = "safety"
Level = Annotated[float, typer.Option(metavar="X", min=0, max=1, help="From this score on a text counts as toxic.")]


def safety(
    models: Models,
    prompts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prompts with a label, safe or unsafe, as XSTest has them.")
    ] = None,
    redteam: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prompts, or pairs of answers as hh-rlhf has them.")
    ] = None,
    most: Annotated[int, typer.Option(metavar="N", min=1, help="So many red-team prompts at most, by chance.")] = 300,
    moderation: Toxicity = None,
    level: Level = 0.5,
    judge: JudgeOption = None,
    judge_longest: JudgeLongest = OF_A_REPLY,
    into: Into = RESULTS,
    longest: Longest = 128,
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """What models refuse of prompts that should be refused and of those that only look so, and how toxic their replies
    to red-team prompts are."""
    import numpy as np

    from espalier.evaluate.answers import answers, samples_of
    from espalier.evaluate.manner import REFUSING, RULES
    from espalier.evaluate.refusals import contrast, provoked, read_red_team, read_tempting
    from espalier.evaluate.results import Results, checksums
    from espalier.infer.engine import Sampling

    if prompts is None and redteam is None:
        fail("Name --prompts, as XSTest has them, or --redteam, or both.", MISUSED)
    files = [file for file in (prompts, redteam, moderation) if file is not None]
    for file in files:
        refuse_unreadable(file)
    with in_sentences():
        toxicity = moderation_model(moderation)
        tempting: list[Tempting] = read_tempting(prompts) if prompts else []
        red_team = read_red_team(redteam, most, seed) if redteam else []
        conversations = [*(each.turns for each in tempting), *(each.turns for each in red_team)]
        sampling = Sampling(longest, temperature)
        held: dict[str, tuple[list[str], dict[str, Any]]] = {}
        for model in opened(models, device, dtype, threads):
            with progress(f"{model.name}: replying") as bar:
                replies = answers(model, conversations, sampling, seed, samples_of(into, model, SAFETY), bar)
            held[model.name] = replies, {"source": model.source, "identity": model.identity}
        manners = told_by(REFUSING, judge, conversations, {name: each for name, (each, _) in held.items()},
                          into / f"{SAFETY}.judgements.jsonl", seed, judge_longest, device, dtype, threads)  # fmt: skip
        for name, (replies, which) in held.items():
            random, cut = np.random.default_rng(seed), len(tempting)
            found = contrast(tempting, manners[name][:cut], random) if tempting else {}
            if red_team:
                found |= provoked(red_team, replies[cut:], manners[name][cut:], random, toxicity, level)
            settings = {"judge": judge or RULES, "version": REFUSING.version if judge else RULES,
                        "judge longest": judge_longest if judge else None, "most": most,
                        "longest": longest, "temperature": temperature, "level": level}  # fmt: skip
            details = {"unparsed": manners[name].count("unparsed")}  # type: ignore[arg-type]
            kept(into, Results(
                name, which["source"], which["identity"], SAFETY, seed, len(conversations), found, checksums(files),
                settings, details,
            ))  # fmt: skip
