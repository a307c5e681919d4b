"""`espalier evaluate generalisation`: what models do on trees like those they were trained on, and on others."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from espalier.cli.evaluating import (
    MODEL,
    RESULTS,
    Device,
    Into,
    Longest,
    Numbers,
    Seed,
    Temperature,
    Threads,
    in_sentences,
    kept,
    needs_weights,
    opened,
    opened_judge,
)
from espalier.cli.sources import SOURCE, at_hand, notices_of
from espalier.cli.terminal import MISUSED, err, fail, plural, progress


def generalisation(
    within: Annotated[
        list[Path], typer.Option(metavar="FILE", help=f"Held-out trees of the domain that was trained on. {SOURCE}")
    ],
    models: Annotated[list[str] | None, typer.Argument(metavar="MODEL...", help=MODEL)] = None,
    beyond: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Trees of another domain.")] = None,
    langs: Annotated[
        list[str] | None,
        typer.Option("--lang", metavar="LANG", help="A language that was trained on: texts in others are beyond."),
    ] = None,
    base: Annotated[
        str | None, typer.Option(metavar="MODEL", help="What training began with: what each model saved against it.")
    ] = None,
    reward: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A reward model: what it knows, and whose replies it prefers.")
    ] = None,
    into: Into = RESULTS,
    prompts: Annotated[
        int, typer.Option(metavar="N", min=0, help="So many prompts of each side are answered, for the reward model.")
    ] = 200,
    longest: Longest = 256,
    temperature: Temperature = 1.0,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """How far what was learned reaches: what replies cost, how well a reward model knows people's rankings, and how
    often it prefers a model's reply, on held-out trees of the domain and languages that were trained on, beyond them,
    and the difference with its interval."""
    import numpy as np

    from espalier.dataset.read import read_trees
    from espalier.evaluate import generalisation as apart
    from espalier.evaluate import heldout as measured
    from espalier.evaluate.answers import answers, samples_of
    from espalier.evaluate.model import Weighted
    from espalier.evaluate.results import Results, checksums, figures
    from espalier.infer.engine import Sampling
    from espalier.train.seen import learned_among

    if not models and not reward:
        fail("Name a model, or a reward model with --reward.", MISUSED)
    if not beyond and not langs:
        fail("Say what is beyond: trees with --beyond, or the languages that were trained on with --lang.", MISUSED)
    notices = notices_of(*within, *(beyond or ()))
    files, others = ([at_hand(each) for each in sources] for sources in (within, beyond or ()))
    with in_sentences():
        read, outside = (
            [tree for file in side for tree in read_trees(file, lambda each: notices(each) if each.lost else None)]
            for side in (files, others)
        )
        inside = {tree.message_tree_id for tree in read}
        others_only = [tree for tree in outside if tree.message_tree_id not in inside]
        if both := len(outside) - len(others_only):
            err.print(f"{plural(both, 'tree')} of those beyond {'is' if both == 1 else 'are'} within, too: left there.")
        ids = {tree.message_tree_id for tree in others_only}
        read += others_only
        said = measured.said_in(read)
        trees, of = measured.trees_of(said), measured.langs_of(said)
        known = tuple(langs or ())
        side = apart.is_beyond(trees.tolist(), of.tolist(), ids, known)
        for where, which in ((apart.WITHIN, ~side), (apart.BEYOND, side)):
            if not which.any():
                fail(f"There is no accepted reply of an assistant {where} what was trained on.")
        inputs = checksums([*files, *others])
        sampling, random = Sampling(longest, temperature), np.random.default_rng(seed)
        asked = [
            each
            for which in (~side, side)
            for each in measured.asked([said[at] for at in np.flatnonzero(which)], prompts, random)
        ] if reward else []  # fmt: skip
        before = None
        if base:
            (model,) = opened([base], device, dtype, threads)
            needs_weights(model, "what was saved")
            assert isinstance(model, Weighted), "looked at above"
            with progress(f"{model.name}: reading") as bar:
                before, _ = measured.bits_of(model, said, bar)
        found: dict[str, Results] = {}
        replies: dict[str, list[str]] = {}
        for model in opened(models or (), device, dtype, threads):
            if learned := learned_among((each.text for each in said), model.source):
                err.print(
                    f"{escape(model.name)} has learned {plural(learned, 'of these texts', 'of these texts')}: "
                    "its figures say little.", style="yellow",
                )  # fmt: skip
            told = {}
            if isinstance(model, Weighted):
                with progress(f"{model.name}: reading") as bar:
                    bits, _ = measured.bits_of(model, said, bar)
                told = apart.costs_apart(said, side, bits, before, np.random.default_rng(seed))
            if reward:
                with progress(f"{model.name}: replying") as bar:
                    file = samples_of(into, model, apart.GENERALISATION)
                    replies[model.name] = answers(model, [each.before for each in asked], sampling, seed, file, bar)
            found[model.name] = Results(
                model.name, model.source, model.identity, apart.GENERALISATION, seed, len(said), figures(told), inputs,
                {"learned": learned, "languages": ", ".join(known) or None, "base": base, "prompts": len(asked),
                 "longest": longest, "temperature": temperature, "reward": reward},
                {"replies within": int((~side).sum()), "replies beyond": int(side.sum())},
            )  # fmt: skip
        if reward:
            judge = opened_judge(reward, device, dtype, threads)
            drawn = measured.trees_of(asked)
            which = apart.is_beyond(drawn.tolist(), measured.langs_of(asked).tolist(), ids, known)
            for name, texts in replies.items():
                won = measured.won(*measured.both_rewards(judge, asked, texts))
                wins = apart.wins_apart(won, which, drawn, np.random.default_rng(seed))
                found[name].figures.update(figures(wins, len(asked)))
            with progress(f"{judge.name}: judging rankings") as bar:
                scored = measured.scored(judge, read, bar)
            told, pairs = apart.agreement_apart(scored, ids, known, np.random.default_rng(seed))
            found[judge.name] = Results(
                judge.name, reward, "", apart.GENERALISATION, seed, len(scored), figures(told), inputs,
                {"languages": ", ".join(known) or None}, {f"pairs {name}": count for name, count in pairs.items()},
            )  # fmt: skip
        for each in found.values():
            kept(into, each)
