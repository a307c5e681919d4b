"""Who wins how often against whom."""

import numpy as np

from espalier.rating.battles import Battles, Places, Real


def win_rates(battles: Battles) -> tuple[Real, Places]:
    """The share of its battles against each other model that a model won, a tie half, and their number: (models,
    models) each, the winner's row; not a number where two never met.
    """
    count = len(battles.models)
    wins, met = np.zeros((count, count)), np.zeros((count, count), np.int64)
    for one, other, won in (
        (battles.first, battles.second, battles.won),
        (battles.second, battles.first, 1 - battles.won),
    ):
        np.add.at(wins, (one, other), won)
        np.add.at(met, (one, other), 1)
    return np.divide(wins, met, out=np.full((count, count), np.nan), where=met > 0), met
