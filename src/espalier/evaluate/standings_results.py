"""How models stand after battles, as files: all figures in one, and of each model its own beside its other results.

Knows files; does not know who judged.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from espalier.dataset.contributors import Estimate
from espalier.dataset.write import replacing
from espalier.evaluate.results import Figure, Results, figures
from espalier.evaluate.standings import Standings

Known = Mapping[str, tuple[str, str]]
"""The source and the identity of models, by name, where they are known."""


def results(
    found: Standings, evaluation: str, settings: Mapping[str, Any], inputs: Mapping[str, str], known: Known
) -> Iterator[Results]:
    """What the battles say of each model. settings: who judged, and how."""
    with_seeds = {**settings, "resamples": found.resamples, "orders": found.orders, "k": found.k}
    for each in found.models:
        told: dict[str, Estimate | None] = {
            "rating": each.rating, "rating_position_fixed": each.with_position,
            "rating_position_length_fixed": each.with_length, "rating_both_orders": each.both_orders, "won": each.won,
        }  # fmt: skip
        source, identity = known.get(each.model, ("", ""))
        yield Results(
            each.model, source, identity, evaluation, found.seed, each.battles,
            {**figures(told, each.battles), "elo": Figure(each.elo, n=each.battles)}, inputs, with_seeds,
            {"has_maximum": each.has_maximum, "elo_error": each.elo_error},
        )  # fmt: skip


def write_figures(path: Path, found: Standings, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
    """All of it in one file of JSON, which appears when it is whole."""
    said = {**asdict(found), "passed_with_style_fixed": found.turned, "settings": settings, "inputs": inputs}
    with replacing(path) as file:
        file.write((json.dumps(said, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode())
