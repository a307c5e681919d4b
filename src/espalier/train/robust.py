"""Group-robust weights: groups that fare badly count more, so that no language or domain is left behind.

Sagawa et al. (arXiv 1911.08731), algorithm 1: the loss is Σ_g w_g L_g, and after each step w_g ← w_g exp(η L_g) / Z.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from espalier.train.objectives import group_weights
from espalier.train.options import Robust
from espalier.train.sources import MEASURABLE

OTHER: Final = "other"
"""The group of all that would be alone in groups too small to tell how they fare."""


class Tagged(Protocol):
    """What says of what kind it is."""

    @property
    def tags(self) -> Mapping[str, str]: ...


class Groups:
    """The weights of the groups that there are; a part of every checkpoint.

    Groups of fewer than 30 lines are one together: alone a handful of bad lines would draw all weight.
    """

    def __init__(self, lines: Sequence[Tagged], chosen: Robust) -> None:
        self._chosen = chosen
        numbers = Counter(map(self._called, lines))
        self._large = {name for name, number in numbers.items() if number >= MEASURABLE}
        self.names = sorted({self.of(line) for line in lines})
        self._weights = torch.full((len(self.names),), 1 / len(self.names), dtype=torch.float64)

    def of(self, line: Tagged) -> str:
        return name if (name := self._called(line)) in self._large else OTHER

    def _called(self, line: Tagged) -> str:
        return " ".join(line.tags.get(name) or "-" for name in self._chosen.by)

    def weights(self, names: Sequence[str]) -> dict[str, float]:
        """Of those that are there, together 1."""
        there = {name: float(self._weights[self.names.index(name)]) for name in names}
        return {name: weight / sum(there.values()) for name, weight in there.items()}

    def shares(self, lines: Sequence[Tagged]) -> Tensor:
        """What each of these counts in Σ_g w_g L_g, (lines,): the weight of its group over how many of it there are."""
        names = [self.of(line) for line in lines]
        weights, numbers = self.weights([*dict.fromkeys(names)]), Counter(names)
        return torch.tensor([weights[name] / numbers[name] for name in names])

    def means(self, lines: Sequence[Tagged], losses: Tensor) -> dict[str, float]:
        """The mean loss of each group that is there. losses: (lines,)."""
        names = [self.of(line) for line in lines]
        return {name: float(losses[[each == name for each in names]].mean()) for name in dict.fromkeys(names)}

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
