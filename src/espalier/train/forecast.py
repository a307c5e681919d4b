"""A rehearsal of a run: its first steps for real, in a folder that goes away, and what the whole would take.

Knows settings; does not know what is learned.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from espalier.train.settings import SettingsT
from espalier.train.watch import Forecast, Rehearsed

STEPS: Final = 3


def rehearse(train: Callable[[SettingsT], object], settings: SettingsT) -> Forecast:
    """Try the first steps of a run. Raises what `train` raises: what a dry run finds nobody needs to wait for."""
    with TemporaryDirectory() as folder:
        run = settings.run.model_copy(
            update={"out": Path(folder) / "run", "rehearse": STEPS, "tensorboard": False, "wandb": ""}
        )
        try:
            train(settings.model_copy(update={"run": run}))
        except Rehearsed as tried:
            return tried.forecast
    raise AssertionError("a rehearsal went to its end")
