"""How fast training is beside TRL: the same models, examples, losses, precision and threads, in one run.

    python benchmarks/training.py --trl PYTHON --trl-ppo PYTHON [--only NAME ...] [--runs 5] [--threads 1]

PYTHON is that of an environment with `trl`, which is no dependency of ours: 1.16.0, and 1.12.0, the last one with PPO:

    python -m venv trl && trl/bin/pip install trl==1.16.0 torch==2.13.0 transformers==5.23.0 datasets

A model of 15 million parameters and 16,384 tokens learns published conversations (`training_data.py`). Both sides see
the same examples in the same steps of AdamW, from the same weights, at one learning rate, prompts masked, without
dropout and checkpointing; what they draw, they draw by the same chance. TRL keeps its other defaults, and all its
arguments are printed. Sides alternate; the first run of each has 20 steps and the others fewer, and a pair whose first
20 losses differ by more than a thousandth is void. The first step of a run (PPO: the first rollout) warms up and does
not count. Tokens are those of conversations, each counted once, padding never; K replies to a prompt count as
K (K − 1) / 2 pairs on both sides. What is told is the median with its range; `cpu` beside it is the same in processor
time, for machines that others use too. The last line is one JSON object, of times that ours is faster.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SAME, COMPARED = 1e-3, 20  # how far losses may differ, and how many of them
EPOCHS = 4  # steps of the optimiser that PPO makes on a rollout
GROUP = 8  # replies to a prompt of GRPO


@dataclass(frozen=True)
class Pair:
    """What is compared.

    data: the file of examples. batch: of them in a step. theirs: what TRL takes at once, its default of 8 where the
    step allows it. steps: of a run, but for the first one. rate: of learning. clip: of gradients; TRL's PPO has none.
    pass_tokens: what ours takes at once, and no less than all replies of a rollout, which TRL draws together: drawn in
    parts, they would come by another chance.
    """

    algorithm: str
    unit: str
    data: str
    batch: int
    theirs: int
    steps: int
    rate: float
    variant: str = ""
    clip: float = 1.0
    pass_tokens: int = 2048


PAIRS = {
    "sft_vs_trl_default": Pair("sft", "tokens", "sft", 8, 8, 2, 1e-4, "default"),
    "sft_vs_trl_packing": Pair("sft", "tokens", "sft", 8, 8, 2, 1e-4, "packing"),
    "reward_vs_trl": Pair("reward", "pairs", "reward", 4, 8, 3, 1e-5),
    "ppo_vs_trl": Pair("ppo", "samples", "prompts", 16, 16, 2, 3e-6, clip=0.0),
    "dpo_vs_trl": Pair("dpo", "pairs", "dpo", 8, 8, 3, 1e-6),
    "grpo_vs_trl": Pair("grpo", "samples", "prompts", 4, 8, 2, 1e-6, pass_tokens=4096),
}


def examples(folder: Path, pair: Pair, arguments: argparse.Namespace) -> tuple[list[list[Any]], list[Any]]:
    """What each step sees, and all that there is."""
    rows = json.loads((folder / f"{pair.data}.json").read_text("utf-8"))
    if pair.variant == "packing":
        tell(folder, pair, arguments, all=rows, variant="pack", batch=pair.batch)
        places = json.loads(run(arguments.trl, "training_trl.py", folder))
        return [[rows[place] for place in step] for step in places], rows
    steps = [rows[at : at + pair.batch] for at in range(0, len(rows) - pair.batch + 1, pair.batch)]
    if pair.data == "prompts":  # in the order in which ours draws replies to them
        steps = [sorted(step, key=len) for step in steps]
    return steps, []


def tell(folder: Path, pair: Pair, arguments: argparse.Namespace, **more: Any) -> None:
    """What a process of either side reads."""
    said = {
        "algorithm": pair.algorithm, "variant": pair.variant, "rate": pair.rate, "clip": pair.clip, "group": GROUP,
        "batch": pair.theirs, "threads": arguments.threads, "dtype": arguments.dtype,
        "pass_tokens": pair.pass_tokens,
    }  # fmt: skip
    (folder / "said.json").write_text(json.dumps(said | more), "utf-8")


def run(python: str, script: str, folder: Path) -> str:
    """One side in a process of its own; the last line that it says."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    order = [python, str(HERE / script), str(folder)]
    done = subprocess.run(order, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{script} failed:\n{done.stderr[-4000:]}")
    return done.stdout.splitlines()[-1]


def work(pair: Pair, step: list[Any]) -> int:
    """How much a step of the examples is, in the unit of the pair."""
    match pair.algorithm:
        case "sft":
            return sum(len(row["ids"]) for row in step)
        case "reward" | "dpo":
            return sum(len(row["replies"]) * (len(row["replies"]) - 1) // 2 for row in step)
        case "grpo":
            return len(step) * GROUP
        case _:
            return len(step)


def speed(pair: Pair, steps: list[list[Any]], found: dict[str, Any], clock: str) -> float:
    """Units a second, the first step left out, and with it its share of the work that was done before the loop."""
    ends = found["times"][clock][EPOCHS - 1 :: EPOCHS] if pair.algorithm == "ppo" else found["times"][clock]
    assert len(ends) == len(steps), f"{len(ends)} steps were made of {len(steps)}"
    counted = sum(work(pair, step) for step in steps[1:])
    share = counted / (counted + work(pair, steps[0]))
    return counted / (ends[-1] - ends[0] + share * found["before"][clock])


def compared(folder: Path, pair: Pair, arguments: argparse.Namespace) -> tuple[float | None, dict[str, Any]]:
    """Alternating runs: by how much ours is faster, None where the pair is void; and what else is told of it."""
    steps, everything = examples(folder, pair, arguments)
    lengths = [COMPARED // (EPOCHS if pair.algorithm == "ppo" else 1), *[pair.steps] * (arguments.runs - 1)]
    sides = {"ours": (sys.executable, "training_ours.py")}
    sides["trl"] = (arguments.trl_ppo if pair.algorithm == "ppo" else arguments.trl, "training_trl.py")
    speeds: dict[str, dict[str, list[float]]] = {clock: {side: [] for side in sides} for clock in ("wall", "cpu")}
    memory: dict[str, float] = dict.fromkeys(sides, 0)
    losses: dict[str, list[float]] = {}
    gradient_apart = None
    for number, length in enumerate(lengths):
        gradient = "" if number else str(folder / "gradient.pt")
        Path(folder / "gradient.pt").unlink(missing_ok=True)
        for side, (python, script) in sides.items():
            tell(
                folder,
                pair,
                arguments,
                steps=steps[:length],
                gradient=gradient,
                all=everything if side == "trl" else [],
            )
            found = json.loads(run(python, script, folder))
            for clock, of in speeds.items():
                of[side].append(speed(pair, steps[:length], found, clock))
            if number:
                memory[side] = max(memory[side], found["memory"])
            else:
                losses[side] = found["losses"]
                gradient_apart = found["gradient_apart"]
        if not number:
            print(f"trl: {(folder / 'arguments.json').read_text('utf-8')}")
        said = "; ".join(
            f"{clock} " + ", ".join(f"{side} {each[-1]:,.2f}" for side, each in of.items())
            for clock, of in speeds.items()
        )
        print(f"  run {number + 1}, {length} steps, {pair.unit}/s: {said}", flush=True)
    apart = max(abs(ours - theirs) for ours, theirs in zip(losses["ours"], losses["trl"], strict=True))
    told: dict[str, Any] = {"losses_apart": apart, "gradient_apart": gradient_apart, "memory": memory}
    for clock, of in speeds.items():
        ratios = [ours / theirs for ours, theirs in zip(of["ours"], of["trl"], strict=True)]
        told[clock] = {"times": statistics.median(ratios), "from": min(ratios), "to": max(ratios)}
        for side, each in of.items():
            told[clock][side] = [statistics.median(each), min(each), max(each)]
    return (None if apart > SAME else round(told["wall"]["times"], 2)), told


def say(name: str, pair: Pair, told: dict[str, Any]) -> None:
    for side in ("ours", "trl"):
        middle, low, high = told["wall"][side]
        said = f"{middle:,.2f} {pair.unit}/s ({low:,.2f} to {high:,.2f})"
        print(f"{name:20} {side:5} {said}, {told['memory'][side]:,.0f} MB")
    both = (f"{clock} {of['times']:.2f} × ({of['from']:.2f} to {of['to']:.2f})" for clock, of in (
        (clock, told[clock]) for clock in ("wall", "cpu")
    ))  # fmt: skip
    print(
        f"{name:20} {', '.join(both)}; losses differ by {told['losses_apart']:.1e} at most, the first gradient by "
        f"{told['gradient_apart']:.1e} of its norm" + ("" if told["losses_apart"] <= SAME else ": VOID"), flush=True,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl", required=True, help="the Python of an environment with trl 1.16.0")
    parser.add_argument("--trl-ppo", required=True, help="the Python of an environment with trl 1.12.0")
    parser.add_argument("--only", nargs="+", default=[*PAIRS], choices=[*PAIRS], metavar="NAME")
    parser.add_argument("--runs", type=int, default=5, help="of each side")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--data", type=Path, help="a folder that training_data.py made; by default it makes one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.data or Path(made)
        if not arguments.data:
            print(run(sys.executable, "training_data.py", folder))
        print(f"{arguments.threads} thread, {arguments.dtype}")
        results: dict[str, float | None] = {}
        for name in arguments.only:
            print(f"{name}:", flush=True)
            results[name], told = compared(folder, PAIRS[name], arguments)
            say(name, PAIRS[name], told)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
