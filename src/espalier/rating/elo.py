"""Elo's ratings (1978), as of players who meet one after the other: r_i += K (won − 1 / (1 + 10^((r_j − r_i) / 400))).

They depend on the order of the battles, so they are told as the mean over many random orders. Knows no model.
"""

from typing import Final

import numpy as np

from espalier.rating.battles import Battles, Real
from espalier.rating.bradley_terry import MEAN

K: Final = 32.0
ORDERS: Final = 500


def elo(battles: Battles, random: np.random.Generator, k: float = K, orders: int = ORDERS) -> tuple[Real, Real]:
    """The mean rating over random orders, and the standard deviation of a rating from order to order: (models,) each.

    All begin at 1000. The mean has an error of the deviation by the root of the number of orders.
    """
    ratings = np.full((len(battles.models), orders), MEAN)
    order = random.permuted(np.tile(np.arange(len(battles), dtype=np.int32)[:, None], (1, orders)), axis=0)
    across = np.arange(orders)
    for places in order:  # one battle of each order at once
        first, second = battles.first[places], battles.second[places]
        ahead = ratings[second, across] - ratings[first, across]
        gained = k * (battles.won[places] - 1 / (1 + 10 ** (ahead / 400)))
        ratings[first, across] += gained
        ratings[second, across] -= gained
    return ratings.mean(axis=1), ratings.std(axis=1, ddof=1)
