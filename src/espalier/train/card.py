"""The model card: a README.md that hubs read, with what a model was made of and how, its curves and figures.

Knows settings and metrics; knows no hub.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from espalier import __version__
from espalier.dataset.charts import NeedsVlConvert
from espalier.dataset.stamp import checksum, files_in
from espalier.train.curves import Curve, chart_of, drawn_alone, read_curves
from espalier.train.settings import Settings, Tuning
from espalier.train.sources import files_of
from espalier.train.watch import METRICS

CARD: Final = "README.md"
DRAWING: Final = "curves.svg"
PACKAGES: Final = ("torch", "transformers", "peft")
WEIGHTS: Final = frozenset({".safetensors", ".json", ".bin"})
SPEED: Final = frozenset({"tokens", "tokens_per_second", "learning_rate"})
"""Metrics that say nothing of the model."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a card tells. algorithm: in words. inputs: the checksum of each file that was read, by its name. notes:
    sentences on what a reader should know. task: what the model is for, as hubs name it.
    """

    algorithm: str
    settings: Settings
    inputs: Mapping[str, str]
    notes: Sequence[str] = ()
    task: str = "text-generation"


def inputs_of(settings: Settings, *models: str) -> dict[str, str]:
    """The SHA-256 of every file that a run reads, by its name: sources, the model that it starts from and other
    `models`, where they are directories. Raises BadSource, OSError.
    """
    files = [file for source in settings.data.sources for file in files_of(source)]
    started = (settings.model.start,) if isinstance(settings, Tuning) else ()
    for model in (*started, *models):
        if model and Path(model).is_dir():
            files += [path for path in files_in(Path(model)).values() if path.suffix in WEIGHTS]
    return {str(file): checksum(file) for file in files}


def write_card(folder: Path, made: Made) -> None:
    """Write the card of a model into its folder, with a drawing of the run's curves where such can be drawn."""
    curves = {name: curve for name, curve in read_curves(made.settings.run.out / METRICS).items() if name not in SPEED}
    losses = {name: curve for name, curve in curves.items() if "loss" in name}
    if losses:
        try:
            drawing = drawn_alone(chart_of("Curves", "Losses over the steps of the run.", losses))
        except NeedsVlConvert:
            losses = {}
        else:
            (folder / DRAWING).write_text(drawing, "utf-8")
    (folder / CARD).write_text(card(made, curves, bool(losses)), "utf-8")


def card(made: Made, curves: Mapping[str, Curve], with_drawing: bool = False) -> str:
    """YAML front matter as hubs read it, then Markdown for people."""
    settings = made.settings
    start = settings.model.start if isinstance(settings, Tuning) else None
    lines = ["---", *_front(made, start), "---", "", f"# {settings.run.out.name}", ""]
    lines += [f"Made by {made.algorithm} with Espalier {__version__}" + (f" from {start}." if start else ".")]
    lines += [f"\n{note}" for note in made.notes]
    if curves:
        lines += ["", "## Figures", "", "| metric | measured | first | last |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {name} | {len(curve)} × | {curve[0][1]:.4g} | {curve[-1][1]:.4g} |" for name, curve in curves.items()
        ]
    if with_drawing:
        lines += ["", f"![Losses over the steps of the run]({DRAWING})"]
    lines += ["", "## What it was made of", "", "| file | SHA-256 |", "| --- | --- |"]
    lines += [f"| `{name}` | `{digest}` |" for name, digest in made.inputs.items()]
    lines += ["", "## Settings", "", "```json", json.dumps(settings.as_json(), ensure_ascii=False, indent=1), "```"]
    lines += ["", "Packages: " + ", ".join(f"{name} {version(name)}" for name in PACKAGES) + "."]
    return "\n".join(lines) + "\n"


def _front(made: Made, start: str | None) -> Iterator[str]:
    """Every value as JSON, which is YAML."""
    front: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": made.task, "tags": ["espalier"]}
    if start and not Path(start).is_dir():
        front["base_model"] = start
    for key, value in front.items():
        yield f"{key}: {json.dumps(value, ensure_ascii=False)}"
