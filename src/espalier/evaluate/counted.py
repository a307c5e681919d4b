"""Means with their intervals and how many values they are over; what cannot be told is left out.

Knows values and the clusters in which they are alike; does not know what they are of.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from espalier.evaluate.results import Figure
from espalier.infer.measure import Numbers, mean, mean_apart

Names = NDArray[np.str_]
Which = NDArray[np.bool_]


def mean_of(values: Numbers, clusters: Names, random: np.random.Generator) -> Figure | None:
    """Of values that are no number nothing is counted. values, clusters: (n,)."""
    there = ~np.isnan(values)
    found = mean(values[there], clusters[there], random)
    return None if found is None else Figure.of(found, int(there.sum()))


def apart(values: Numbers, which: Which, clusters: Names, random: np.random.Generator) -> Figure | None:
    """The mean of some minus that of the others. values, which, clusters: (n,)."""
    there = ~np.isnan(values)
    found = mean_apart(values[there], which[there], clusters[there], random)
    return None if found is None else Figure.of(found, int(there.sum()))


def told(found: Mapping[str, Figure | None]) -> dict[str, Figure]:
    return {name: each for name, each in found.items() if each is not None}
