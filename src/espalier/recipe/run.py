"""A recipe run: each step that is not done yet, then what its models are worth, then the report.

What has a key that follows from all its inputs is made once: a run that was stopped goes on where it stopped, and one
whose settings changed makes again only what depends on them.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from espalier.dataset.findings import Report, ignore
from espalier.dataset.write import replacing
from espalier.recipe.parts import make_parts
from espalier.recipe.plan import Plan, Step
from espalier.train import base, dpo, grpo, ppo, reward, sft
from espalier.train.checkpoint import FOLDER, checkpoints_in

DONE: Final = "done.json"
TRAIN: Final[Mapping[str, Callable[[Any, Console | None, Report], object]]] = {
    "base": base.train, "sft": sft.train, "reward": reward.train, "ppo": ppo.train, "dpo": dpo.train,
    "grpo": grpo.train,
}  # fmt: skip
"""What runs each algorithm, or goes on with it."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Around:
    """What a run is watched with. tell: takes a sentence on each step. now: seconds, from any beginning."""

    console: Console | None
    tell: Tell
    now: Callable[[], float]
    report: Report = ignore


def run_steps(plan: Plan, around: Around) -> None:
    """Make all models of a recipe that are not there yet. Raises what the steps raise: BadSource, Stopped and so on."""
    make_parts(plan, around.report)
    for step in plan.steps.values():
        state = state_of(step)
        if state == "done":
            around.tell(f"{step.name}: done before, {step.folder}")
            continue
        around.tell(f"{step.name}: {'goes on' if state == 'begun' else 'begins'}, {step.folder}")
        begun = around.now()
        TRAIN[step.algorithm.name](step.settings, around.console, around.report)
        took = around.now() - begun
        write_json(step.folder / DONE, {"step": step.name, "algorithm": step.algorithm.name, "seconds": round(took, 1)})
        for folder in step.folder.rglob(FOLDER):
            shutil.rmtree(folder)  # nobody goes on from the middle of what is done


def state_of(step: Step) -> str:
    """Whether a step is `done`, `begun` (it has a checkpoint to go on from) or `to do`."""
    if (step.folder / DONE).exists():
        return "done"
    return "begun" if checkpoints_in(step.folder / FOLDER) else "to do"


def done(step: Step) -> dict[str, Any]:
    """What was written down when a step was done."""
    said: dict[str, Any] = json.loads((step.folder / DONE).read_text("utf-8"))
    return said


def write_json(path: Path, said: Mapping[str, Any]) -> None:
    with replacing(path) as file:
        file.write(json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n")
