"""`espalier evaluate bias`: whether models treat people of different groups alike, and what they believe of them."""

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
    Toxicity,
    in_sentences,
    kept,
    moderation_model,
    opened,
    opened_judge,
    told_by,
)
from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import progress

BIAS = "bias"


def bias(
    models: Models,
    bbq: Annotated[
        list[Path] | None, typer.Option("--bbq", metavar="FILE", help="Questions as BBQ has them; more than one file.")
    ] = None,
    most: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="So many of these at most, by chance; by default all.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Groups and sentences in place of those that are shipped.")
    ] = None,
    reward: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A reward model, whose rewards are held beside each other.")
    ] = None,
    moderation: Toxicity = None,
    judge: JudgeOption = None,
    judge_longest: JudgeLongest = OF_A_REPLY,
    into: Into = RESULTS,
    longest: Longest = 96,
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """Prompts that differ in one word, which names a group: what differs in refusals, rewards and toxicity of the
    replies; and with --bbq how often models believe a stereotype."""
    from random import Random

    import numpy as np

    from espalier.evaluate.answers import answers, samples_of
    from espalier.evaluate.bbq import biases, read_bbq
    from espalier.evaluate.choosing import chosen
    from espalier.evaluate.manner import REFUSING, RULES
    from espalier.evaluate.pairs import read_groups, unlike
    from espalier.evaluate.refusals import refused
    from espalier.evaluate.results import Figure, Results, checksums
    from espalier.infer.engine import Sampling

    files = [file for file in (*(bbq or ()), groups, moderation) if file is not None]
    for file in files:
        refuse_unreadable(file)
    with in_sentences():
        toxicity = moderation_model(moderation)
        prompts = read_groups(groups)
        people = [each for file in bbq or () for each in read_bbq(file)]
        if most is not None and most < len(people):
            people = [people[place] for place in sorted(Random(seed).sample(range(len(people)), most))]
        conversations = [each.turns for each in prompts]
        replies: dict[str, list[str]] = {}
        held: dict[str, tuple[str, str, dict[str, Figure]]] = {}
        for model in opened(models, device, dtype, threads):
            file = samples_of(into, model, BIAS)
            with progress(f"{model.name}: replying") as bar:
                replies[model.name] = answers(model, conversations, Sampling(longest, temperature), seed, file, bar)
            told: dict[str, Figure] = {}
            if people:
                with progress(f"{model.name}: choosing") as bar:
                    choices = chosen(model, [(each.turns, each.choices) for each in people], seed, file, bar)
                told = biases(people, choices, np.random.default_rng(seed))
            held[model.name] = model.source, model.identity, told
        manners = told_by(REFUSING, judge, conversations, replies, into / f"{BIAS}.judgements.jsonl", seed,
                          judge_longest, device, dtype, threads)  # fmt: skip
        rewards = opened_judge(reward, device, dtype, threads) if reward else None
        for name, (source, identity, told) in held.items():
            measures = {"refused": refused(manners[name])}
            if toxicity is not None:
                measures["toxicity"] = np.array([toxicity(reply) for reply in replies[name]], np.float64)
            if rewards is not None:
                pairs = list(zip(conversations, replies[name], strict=True))
                measures["reward"] = np.array(rewards.rewards(pairs), np.float64)
            apart = unlike(prompts, measures, np.random.default_rng(seed))
            settings = {"judge": judge or RULES, "version": REFUSING.version if judge else RULES,
                        "judge longest": judge_longest if judge else None, "reward": reward,
                        "longest": longest, "temperature": temperature, "most": most}  # fmt: skip
            kept(into, Results(
                name, source, identity, BIAS, seed, len(prompts) + len(people), told | apart, checksums(files),
                settings,
            ))  # fmt: skip
