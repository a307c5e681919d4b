"""The algorithms that steps of a recipe name: what settings each reads, how it is run, and what it makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console

from espalier.dataset.findings import Report
from espalier.train import base, dpo, grpo, ppo, reward, sft
from espalier.train.settings import Settings

Train = Callable[[Any, Console | None, Report], object]


@dataclass(frozen=True, slots=True)
class Algorithm:
    """kind: of its settings. train: runs it, or goes on with it. writes: whether it makes a model that writes replies,
    and not one that judges them.
    """

    name: str
    kind: type[Settings]
    train: Train
    writes: bool = True


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    each.name: each
    for each in (
        Algorithm("base", base.BaseSettings, base.train),
        Algorithm("sft", sft.SftSettings, sft.train),
        Algorithm("reward", reward.RewardSettings, reward.train, writes=False),
        Algorithm("ppo", ppo.PpoSettings, ppo.train),
        Algorithm("dpo", dpo.DpoSettings, dpo.train),
        Algorithm("grpo", grpo.GrpoSettings, grpo.train),
    )
}
