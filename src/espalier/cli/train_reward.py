"""`espalier train reward`: a model that tells which of two replies people like better."""

from typing import TYPE_CHECKING, Annotated

import typer

from espalier.cli.terminal import err, out, show, table
from espalier.cli.training import Changes, DryRun, Recipe, in_sentences, losses_in, made, settings_in, tried

if TYPE_CHECKING:
    from espalier.dataset.contributors import Estimate
    from espalier.infer.measure import Agreement


def reward(
    file: Recipe,
    set_: Changes = None,
    from_demonstrations: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Rank samples of this model by their likeness to the best replies instead."),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Learn from ranked replies which are better, and say how it agrees with rankings that it has not seen."""
    from espalier.train.options import RewardSettings

    sampler = [f"demonstrations.sampler={from_demonstrations}"] if from_demonstrations else []
    settings = settings_in(RewardSettings, file, [*(set_ or ()), *sampler])
    with in_sentences():
        from espalier.train import reward
        from espalier.train.verdict import sentences

        if dry_run:
            tried(reward.train, settings)
            return
        judge = reward.train(settings, err, losses_in(settings.data.sources))
    shown(judge.agreement)
    for sentence in sentences(judge.agreement):
        out.print(sentence)
    made(judge.model)


def shown(found: "Agreement") -> None:
    """Print the figures by which groups of pairs are told apart."""
    told = table(None, "held-out pairs", "number", "model", "longer reply")
    groups = {"all": found.all, "of like length": found.matched}
    if len(found.by_lang) > 1:
        groups |= found.by_lang
    for name, group in groups.items():
        told.add_row(name, f"{group.pairs:,}", _cell(group.accuracy), _cell(group.longer))
    show(told)


def _cell(of: "Estimate | None") -> str:
    if of is None:
        return "·"
    return f"{of.value:.1%}" + ("" if of.low is None else f" ({of.low:.1%}–{of.high:.1%})")
