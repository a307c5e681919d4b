"""`espalier train ppo` and `grpo`: a model learns from its own replies what a reward model likes."""

from espalier.cli.terminal import err
from espalier.cli.training import Changes, Recipe, in_sentences, losses_in, made, settings_in


def ppo(file: Recipe, set_: Changes = None) -> None:
    """Proximal policy optimisation against a reward model. The same command goes on where it stopped."""
    with in_sentences():
        from espalier.train import ppo

        settings = settings_in(ppo.PpoSettings, file, set_)
        made(ppo.train(settings, err, losses_in(settings.data.sources)))


def grpo(file: Recipe, set_: Changes = None) -> None:
    """Group relative policy optimisation: PPO without a critic. The same command goes on where it stopped."""
    with in_sentences():
        from espalier.train import grpo

        settings = settings_in(grpo.GrpoSettings, file, set_)
        made(grpo.train(settings, err, losses_in(settings.data.sources)))
