"""`espalier evaluate heldout`: what held-out replies cost a model, and what a reward model says of its own."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from espalier.cli.evaluating import (
    MODEL,
    RESULTS,
    Device,
    Into,
    Numbers,
    Seed,
    Threads,
    in_sentences,
    kept,
    opened,
    opened_judge,
    weighing,
)
from espalier.cli.sources import SOURCE, at_hand, notices_of
from espalier.cli.terminal import MISUSED, err, fail, plural, progress

HELDOUT, AGREEMENT = "heldout", "agreement"


def heldout(
    trees: Annotated[list[Path], typer.Option("--trees", metavar="FILE", help=f"What was held out. {SOURCE}")],
    models: Annotated[list[str] | None, typer.Argument(metavar="MODEL...", help=MODEL)] = None,
    into: Into = RESULTS,
    reward: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A reward model: what it knows, and whose replies it prefers.")
    ] = None,
    prompts: Annotated[
        int, typer.Option(metavar="N", min=0, help="So many prompts are answered, for the reward model.")
    ] = 200,
    longest: Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of a reply at most.")] = 256,
    temperature: Annotated[float, typer.Option(metavar="T", min=0, help="Replies are drawn at it.")] = 1.0,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """Held-out trees: bits per byte of people's replies by language, how well a reward model knows people's rankings,
    and how often it prefers a model's reply to theirs."""
    import numpy as np

    from espalier.dataset.read import read_trees
    from espalier.evaluate import heldout as measured
    from espalier.evaluate.answers import answers, samples_of
    from espalier.evaluate.model import NOTHING
    from espalier.evaluate.results import Figure, Results, checksums, figures
    from espalier.infer.engine import Sampling
    from espalier.train.seen import learned_among

    if not models and not reward:
        fail("Name a model, or a reward model with --reward.", MISUSED)
    notices = notices_of(*trees)
    files = [at_hand(source) for source in trees]
    with in_sentences():
        read = [tree for file in files for tree in read_trees(file, lambda each: notices(each) if each.lost else None)]
        said = measured.said_in(read)
        if not said:
            fail(f"There is no accepted reply of an assistant in {', '.join(map(str, trees))}.")
        inputs = checksums(files)
        sampling = Sampling(longest, temperature)
        asked = measured.asked(said, prompts, np.random.default_rng(seed)) if reward else []
        replies: dict[str, list[str]] = {}
        found: dict[str, Results] = {}
        for model in opened(models or (), device, dtype, threads):
            told: dict[str, Figure] = {}
            learned = learned_among((each.text for each in said), model.source)
            if learned:
                err.print(
                    f"{escape(model.name)} has learned {plural(learned, 'of these texts', 'of these texts')}: "
                    "its figures say little.", style="yellow",
                )  # fmt: skip
            reader = model.reading() if reward else weighing(model, "bits per byte")
            if reader is not None:
                with progress(f"{model.name}: reading") as bar:
                    told = measured.costs(reader, said, np.random.default_rng(seed), bar)
            else:
                err.print(
                    f"{escape(model.name)} is on a server that tells {NOTHING}; its bits per byte are left out.",
                    style="yellow",
                )  # fmt: skip
            if reward:
                with progress(f"{model.name}: replying") as bar:
                    file = samples_of(into, model, HELDOUT)
                    replies[model.name] = answers(model, [each.before for each in asked], sampling, seed, file, bar)
            found[model.name] = Results(
                model.name, model.source, model.identity, HELDOUT, seed, len(said), told, inputs,
                {"learned": learned, "tokenizer": reader.tokenizer if reader else None, "prompts": len(asked),
                 "longest": longest, "temperature": temperature, "reward": reward},
            )  # fmt: skip
        if reward:
            judge = opened_judge(reward, device, dtype, threads)
            for name, texts in replies.items():
                won = measured.wins(judge, asked, texts, np.random.default_rng(seed)) if asked else {}
                found[name].figures.update(figures(won, len(asked)))
            with progress(f"{judge.name}: judging rankings") as bar:
                known = measured.agrees(judge, read, np.random.default_rng(seed), bar)
            about = Results(
                judge.name, reward, "", AGREEMENT, seed, known.prompts,
                measured.figures_of(known), inputs, {}, measured.details_of(known),
            )  # fmt: skip
        for each in found.values():
            kept(into, each)
        if reward:
            kept(into, about)
