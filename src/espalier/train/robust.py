"""Group-robust weights: groups that fare badly count more, so that no language or domain is left behind.

Sagawa et al. (arXiv 1911.08731), algorithm 1: the loss is Σ_g w_g L_g, and after each step w_g ← w_g exp(η L_g) / Z.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

from espalier.train.objectives import group_weights
from espalier.train.settings import Section, setting
from espalier.train.sources import Line


class Robust(Section):
    """Which groups are looked at, and how fast their weights move."""

    by: tuple[Literal["language", "domain", "task"], ...] = setting(
        "What lines of a group share.", "a list of language, domain, task", ("language",), min_length=1
    )
    rate: float = setting("η, how fast weights move.", "a number above 0", 0.01, gt=0)


class Groups:
    """The weights of the groups that there are; a part of every checkpoint."""

    def __init__(self, lines: Sequence[Line], chosen: Robust) -> None:
        self._chosen = chosen
        self.names = sorted({self.of(line) for line in lines})
        self._weights = torch.full((len(self.names),), 1 / len(self.names), dtype=torch.float64)

    def of(self, line: Line) -> str:
        return " ".join(line.tags.get(name) or "-" for name in self._chosen.by)

    def weights(self, names: Sequence[str]) -> dict[str, float]:
        """Of those that are there, together 1."""
        there = {name: float(self._weights[self.names.index(name)]) for name in names}
        return {name: weight / sum(there.values()) for name, weight in there.items()}

    def move(self, losses: Mapping[str, float]) -> None:
        """Weigh again, by the losses of the groups that a step saw; the others keep their share."""
        seen = torch.tensor([self.names.index(name) for name in losses])
        told = torch.tensor([*losses.values()], dtype=torch.float64)
        mass = self._weights[seen].sum()
        self._weights[seen] = mass * group_weights(self._weights[seen], told, self._chosen.rate)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self._weights.clone()}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self._weights = state_dict["weights"].clone()
