"""`espalier train ppo` and `grpo`: a model learns from its own replies what a reward model likes."""

from espalier.cli.terminal import err
from espalier.cli.training import Changes, DryRun, Recipe, in_sentences, losses_in, made, settings_in, tried


def ppo(file: Recipe, set_: Changes = None, dry_run: DryRun = False) -> None:
    """Proximal policy optimisation against a reward model. The same command goes on where it stopped."""
    from espalier.train.options import PpoSettings

    settings = settings_in(PpoSettings, file, set_)
    with in_sentences():
        from espalier.train import ppo

        if dry_run:
            tried(ppo.train, settings)
            return
        made(ppo.train(settings, err, losses_in(settings.data.sources)))


def grpo(file: Recipe, set_: Changes = None, dry_run: DryRun = False) -> None:
    """Group relative policy optimisation: PPO without a critic. The same command goes on where it stopped."""
    from espalier.train.options import GrpoSettings

    settings = settings_in(GrpoSettings, file, set_)
    with in_sentences():
        from espalier.train import grpo

        if dry_run:
            tried(grpo.train, settings)
            return
        made(grpo.train(settings, err, losses_in(settings.data.sources)))
