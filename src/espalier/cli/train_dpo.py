"""`espalier train dpo`: of two replies the preferred one becomes likelier than it was."""

from espalier.cli.terminal import err
from espalier.cli.training import Changes, Recipe, in_sentences, losses_in, made, settings_in


def dpo(file: Recipe, set_: Changes = None) -> None:
    """Direct preference optimisation, robust variants too. The same command goes on where it stopped."""
    with in_sentences():
        from espalier.train import dpo

        settings = settings_in(dpo.DpoSettings, file, set_)
        model = dpo.train(settings, err, losses_in(settings.data.sources))
    made(model)
