"""The algorithms that steps of a recipe name: what settings each reads, and what it makes. Knows no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from espalier.train.options import KINDS
from espalier.train.settings import Settings


@dataclass(frozen=True, slots=True)
class Algorithm:
    """kind: of its settings. writes: whether it makes a model that writes replies, and not one that judges them."""

    name: str
    kind: type[Settings]
    writes: bool


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    name: Algorithm(name, kind, writes=name != "reward") for name, kind in KINDS.items()
}
