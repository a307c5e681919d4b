"""`espalier evaluate generalisation`: what models do on trees like those they were trained on, and on others."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    opened,
    opened_judge,
    weighing,
)
from espalier.cli.sources import SOURCE, at_hand, notices_of
from espalier.cli.terminal import MISUSED, err, fail, plural, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from espalier.dataset.findings import Finding
    from espalier.dataset.records import TreeRecord
    from espalier.evaluate.generalisation import Sides, Which
    from espalier.evaluate.heldout import Said
    from espalier.evaluate.model import Judge, Model, Weighted
    from espalier.evaluate.results import Figure, Results
    from espalier.infer import measure
    from espalier.infer.engine import Sampling


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
    from espalier.evaluate.results import checksums
    from espalier.infer.engine import Sampling

    if not models and not reward:
        fail("Name a model, or a reward model with --reward.", MISUSED)
    if not beyond and not langs:
        fail("Say what is beyond: trees with --beyond, or the languages that were trained on with --lang.", MISUSED)
    files, others = ([at_hand(each) for each in sources] for sources in (within, beyond or ()))
    with in_sentences():
        sides = _sides(files, others, langs or (), notices_of(*within, *(beyond or ())))
        probe = Probe(
            sides, seed, checksums([*files, *others]), prompts if reward else 0, Sampling(longest, temperature),
            base, reward, into,
        )  # fmt: skip
        _refuse_an_empty_side(probe)
        before = None
        if base:
            (model,) = opened([base], device, dtype, threads)
            before = _bits(weighing(model, "what was saved"), probe)
        found = [_of_model(model, probe, before) for model in opened(models or (), device, dtype, threads)]
        if reward:
            judge = opened_judge(reward, device, dtype, threads)
            for each, replies in found:
                each.figures.update(_wins(judge, probe, replies))
            found.append((_of_judge(judge, probe), []))
        for each, _ in found:
            kept(into, each)


@dataclass(frozen=True)
class Probe:
    """What is asked of every model. prompts: so many of each side are answered. sampling: how. into: where replies are
    kept.
    """

    sides: "Sides"
    seed: int
    inputs: dict[str, str]
    prompts: int
    sampling: "Sampling"
    base: str | None
    reward: str | None
    into: Path

    @cached_property
    def said(self) -> "list[Said]":
        """Every reply of people on both sides."""
        from espalier.evaluate.heldout import said_in

        return said_in(self.sides.trees)

    @cached_property
    def beyond(self) -> "Which":
        """Of each of them whether it is beyond, (replies,)."""
        return self.sides.beyond(self.said)

    @cached_property
    def asked(self) -> "list[Said]":
        """Those whose prompts models answer: some of each side."""
        from espalier.evaluate.heldout import asked

        random = self.random()
        sides = (
            [each for each, is_so in zip(self.said, of, strict=True) if is_so] for of in (~self.beyond, self.beyond)
        )
        return [each for side in sides for each in asked(side, self.prompts, random)] if self.prompts else []

    def random(self) -> "np.random.Generator":
        """Chance that begins anew, so that all models meet the same."""
        import numpy as np

        return np.random.default_rng(self.seed)


def _sides(
    files: "Sequence[Path]", others: "Sequence[Path]", langs: "Sequence[str]", notices: "Callable[[Finding], None]"
) -> "Sides":
    from espalier.dataset.read import read_trees
    from espalier.evaluate.generalisation import sides_of

    def trees(paths: "Sequence[Path]") -> "Iterator[TreeRecord]":
        for path in paths:
            yield from read_trees(path, lambda each: notices(each) if each.lost else None)

    sides = sides_of(trees(files), trees(others), langs)
    if both := sides.doubled:
        err.print(f"{plural(both, 'tree')} of those beyond {'is' if both == 1 else 'are'} within, too: left there.")
    return sides


def _refuse_an_empty_side(probe: Probe) -> None:
    """Ends the command where a side has no reply."""
    from espalier.evaluate.generalisation import BEYOND, WITHIN

    for where, of in ((WITHIN, ~probe.beyond), (BEYOND, probe.beyond)):
        if not of.any():
            fail(f"There is no accepted reply of an assistant {where} what was trained on.")


def _bits(model: "Weighted", probe: Probe) -> "measure.Numbers":
    """What each reply costs a model, (replies,)."""
    from espalier.evaluate.heldout import bits_of

    with progress(f"{model.name}: reading") as bar:
        return bits_of(model, probe.said, bar)[0]


def _of_model(model: "Model", probe: Probe, before: "measure.Numbers | None") -> "tuple[Results, list[str]]":
    """What replies cost a model, before: those that training began with; and its own replies to what is asked."""
    from espalier.evaluate.answers import answers, samples_of
    from espalier.evaluate.generalisation import GENERALISATION, costs_apart
    from espalier.evaluate.results import Results, figures
    from espalier.train.seen import learned_among

    if learned := learned_among((each.text for each in probe.said), model.source):
        err.print(
            f"{escape(model.name)} has learned {plural(learned, 'of these texts', 'of these texts')}: its figures say "
            "little.", style="yellow",
        )  # fmt: skip
    reader, told = model.reading(), {}
    if reader is not None:
        told = costs_apart(probe.said, probe.beyond, _bits(reader, probe), before, probe.random())
    replies = list[str]()
    if probe.asked:
        file = samples_of(probe.into, model, GENERALISATION)
        with progress(f"{model.name}: replying") as bar:
            replies = answers(model, [each.before for each in probe.asked], probe.sampling, probe.seed, file, bar)
    return Results(
        model.name, model.source, model.identity, GENERALISATION, probe.seed, len(probe.said), figures(told),
        probe.inputs,
        {"learned": learned, "languages": ", ".join(probe.sides.langs) or None, "base": probe.base,
         "prompts": len(probe.asked), "longest": probe.sampling.longest, "temperature": probe.sampling.temperature,
         "reward": probe.reward},
        {"replies within": int((~probe.beyond).sum()), "replies beyond": int(probe.beyond.sum())},
    ), replies  # fmt: skip


def _wins(judge: "Judge", probe: Probe, replies: "Sequence[str]") -> "dict[str, Figure]":
    """How often the reward model prefers a model's replies to people's best ones."""
    from espalier.evaluate.generalisation import wins_apart
    from espalier.evaluate.heldout import both_rewards, trees_of, won
    from espalier.evaluate.results import figures

    preferred = won(*both_rewards(judge, probe.asked, replies))
    told = wins_apart(preferred, probe.sides.beyond(probe.asked), trees_of(probe.asked), probe.random())
    return figures(told, len(probe.asked))


def _of_judge(judge: "Judge", probe: Probe) -> "Results":
    """How well the reward model itself knows people's rankings."""
    from espalier.evaluate.generalisation import GENERALISATION, agreement_apart
    from espalier.evaluate.heldout import scored
    from espalier.evaluate.results import Results, figures

    with progress(f"{judge.name}: judging rankings") as bar:
        known = scored(judge, probe.sides.trees, bar)
    told, pairs = agreement_apart(known, probe.sides, probe.random())
    return Results(
        judge.name, probe.reward or "", "", GENERALISATION, probe.seed, len(known), figures(told), probe.inputs,
        {"languages": ", ".join(probe.sides.langs) or None}, {f"pairs {name}": count for name, count in pairs.items()},
    )  # fmt: skip
