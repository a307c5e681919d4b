"""What evaluations found: a file of JSON for each model and evaluation, `OUT/MODEL/EVALUATION.json`.

Knows figures; does not know how they were measured.
"""

import json
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from espalier import __version__
from espalier.dataset.contributors import Estimate
from espalier.dataset.stamp import checksum
from espalier.dataset.write import replacing

FORMAT: Final = 1
PACKAGES: Final = ("torch", "transformers", "numpy", "lm-eval")


class BadResults(ValueError):
    """A file that holds no results; the message says which one."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its middle 95 %, where there is enough to tell it from. n: what it is counted over: pairs, prompts,
    bytes, as the evaluation says.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None

    @classmethod
    def of(cls, estimate: Estimate, n: int | None = None) -> "Figure":
        return cls(estimate.value, estimate.low, estimate.high, n)


@dataclass(frozen=True, slots=True)
class Results:
    """What one evaluation found of one model. source, identity: of the model. n: how many things it was asked.
    settings: whatever else decides the figures. inputs: checksums of the files that were read, by name. details: beside
    the figures, in the evaluation's own form.
    """

    model: str
    source: str
    identity: str
    evaluation: str
    seed: int
    n: int
    figures: dict[str, Figure]
    inputs: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def figures(found: Mapping[str, Estimate | None], n: int | None = None) -> dict[str, Figure]:
    """Estimates as figures; those that nobody could tell are left out."""
    return {name: Figure.of(each, n) for name, each in found.items() if each is not None}


def checksums(files: Iterable[Path]) -> dict[str, str]:
    """By the files' names."""
    return {path.name: checksum(path) for path in files}


def path_of(out: Path, model: str, evaluation: str) -> Path:
    """Where results are kept. What a model is called may hold what no file may: that becomes a dash."""
    return out / (re.sub(r"[^\w.+@-]+", "-", model).strip(".-") or "model") / f"{evaluation}.json"


def write_results(out: Path, found: Results) -> Path:
    """Under its name only when it is whole; returns where it is."""
    path = path_of(out, found.model, found.evaluation)
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {"format": FORMAT, **asdict(found), "versions": dict(found.versions or versions())}
    with replacing(path) as file:
        file.write((json.dumps(said, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode())
    return path


def read_results(out: Path) -> Iterator[Results]:
    """All that lie in a folder, in the order of their names. Raises BadResults."""
    for path in sorted(out.glob("*/*.json")):
        yield read_result(path)


def read_result(path: Path) -> Results:
    """Raises BadResults."""
    try:
        said = json.loads(path.read_text("utf-8"))
        if said.pop("format") != FORMAT:
            raise BadResults(f"{path} is written in another format than this program's; evaluate again")
        said["figures"] = {name: Figure(**each) for name, each in said["figures"].items()}
        return Results(**said)
    except BadResults:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadResults(f"{path} holds no results of an evaluation; take it away, or evaluate again") from None


def versions() -> dict[str, str]:
    """Of what may change figures without anybody wanting it."""
    found = {"espalier": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
