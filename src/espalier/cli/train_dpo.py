"""`espalier train dpo`: of two replies the preferred one becomes likelier than it was."""

from espalier.cli.terminal import err
from espalier.cli.training import Changes, DryRun, Recipe, in_sentences, losses_in, made, settings_in, tried


def dpo(file: Recipe, set_: Changes = None, dry_run: DryRun = False) -> None:
    """Direct preference optimisation, robust variants too. The same command goes on where it stopped."""
    from espalier.train.options import DpoSettings

    settings = settings_in(DpoSettings, file, set_)
    with in_sentences():
        from espalier.train import dpo

        if dry_run:
            tried(dpo.train, settings)
            return
        model = dpo.train(settings, err, losses_in(settings.data.sources))
    made(model)
