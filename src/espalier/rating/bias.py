"""What a judge makes of the order: who stands first wins how often, and which verdicts survive a swap of the sides."""

import numpy as np

from espalier.rating.battles import Battles, Real, both_orders


def verdicts(battles: Battles) -> Real:
    """Of each battle, whether the first won, the second, or neither: (battles, 3), of 0 and 1."""
    return np.stack([battles.won == 1, battles.won == 0, (battles.won > 0) & (battles.won < 1)], axis=1).astype(float)


def survived(battles: Battles) -> tuple[Battles, Real]:
    """The battles that were judged in both orders, one of each two, and whether the verdict was the same, (pairs, 1);
    two ties are the same.
    """
    one, other = both_orders(battles)
    same = battles.won[one] == 1 - battles.won[other]
    return battles.only(one), same[:, None].astype(float)
