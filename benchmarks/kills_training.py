"""A training run that is killed with SIGKILL again and again: are its weights those of the run that nobody disturbed?

    python benchmarks/kills_training.py                          # 200 kills of sft and reward, 20 of dpo, ppo and grpo
    python benchmarks/kills_training.py --algorithms dpo --kills 5

A small model learns from planted trees, saving often. The same command is begun and killed at a random moment, while it
reads, learns, saves or writes the model, until one is left to end; then the next run begins in a fresh folder, and so
on until there were as many kills. Each run's weights, optimiser and metrics are compared bit for bit. The last line is
one JSON object; the exit status is 1 when anything differs.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch  # before the processes fork, so that each begins in a tenth of a second

from espalier.train import base, dpo, grpo, ppo, reward, sft
from espalier.train.checkpoint import FOLDER, checkpoints_in
from espalier.train.watch import METRICS

KILLS = {"sft": 200, "reward": 200, "dpo": 20, "ppo": 20, "grpo": 20}
KINDS: dict[str, tuple[Any, type[Any]]] = {
    "base": (base, base.BaseSettings), "sft": (sft, sft.SftSettings), "reward": (reward, reward.RewardSettings),
    "dpo": (dpo, dpo.DpoSettings), "ppo": (ppo, ppo.PpoSettings), "grpo": (grpo, grpo.GrpoSettings),
}  # fmt: skip
WORDS = ["apple", "river", "quiet", "lantern", "seven", "window", "bring", "paper", "mountain", "slowly", "green"]
LEFT_ALONE = 0.25  # the share of processes that are let run to their end
TIMES = {"tokens_per_second"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithms", nargs="*", default=list(KILLS), choices=KILLS)
    parser.add_argument("--kills", type=int, help="of each; by default 200 of sft and reward, 20 of the others")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        trees(here / "trees.jsonl", rng)
        finish("base", settings("base", here))
        if {"ppo", "grpo"} & set(arguments.algorithms):
            finish("reward", settings("reward", here))
        found = {name: disturb(name, here, arguments.kills or KILLS[name], rng) for name in arguments.algorithms}
    print(json.dumps({"torch": torch.__version__, "seed": arguments.seed, **found}))
    sys.exit(any(each["different"] for each in found.values()))


def disturb(name: str, here: Path, kills: int, rng: random.Random) -> dict[str, Any]:
    """Runs of one algorithm with so many kills in all, compared with one that nobody killed."""
    undisturbed = settings(name, here, f"{name}-undisturbed")
    began = time.perf_counter()
    finish(name, undisturbed)
    took = time.perf_counter() - began
    wanted = state(undisturbed)
    done = runs = 0
    different: list[str] = []
    where: dict[str, int] = {}
    while done < kills:
        chosen = settings(name, here, f"{name}-{runs}")
        while True:
            fresh = not chosen.run.out.exists()
            process = begin(name, chosen)
            if done < kills and rng.random() > LEFT_ALONE:
                time.sleep(delay := rng.uniform(0, took))
                ended, status = os.waitpid(process, os.WNOHANG)
                if not ended:
                    os.kill(process, signal.SIGKILL)
                    os.waitpid(process, 0)
                    done += 1
                    place = steps_kept(chosen.run.out)
                    where[place] = where.get(place, 0) + 1
                    continue
                if fresh:  # a whole run was shorter than that: the undisturbed one had a busier machine
                    took = delay
            else:
                _, status = os.waitpid(process, 0)
            assert status == 0, f"a run of {name} ended with {status}"
            break
        runs += 1
        different += [f"run {runs}: {part}" for part in compare(wanted, state(chosen))]
        shutil.rmtree(chosen.run.out)
    result = {"kills": done, "runs": runs, "shortest_s": round(took, 2), "different": len(different)}
    print(
        f"{name}: {result}, killed after step: {dict(sorted(where.items(), key=lambda each: int(each[0])))}",
        *different[:5],
        sep="\n  ",
        flush=True,
    )
    return result


def steps_kept(out: Path) -> str:
    """How far a run was by its last checkpoint."""
    there = checkpoints_in(out / FOLDER)
    return there[-1].name.removeprefix("step-").lstrip("0") if there else "0"


def state(chosen: Any) -> dict[str, str]:
    """What a run left: a checksum of every file of its last checkpoint and of its model, and of its metrics without
    the times."""
    out = chosen.run.out
    files = [*checkpoints_in(out / FOLDER)[-1].glob("*.pt"), *(out / "model").glob("*.safetensors")]
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    lines = [json.loads(line) for line in (out / METRICS).read_text().splitlines()]
    found[METRICS] = json.dumps([{name: line[name] for name in line if name not in TIMES} for line in lines])
    return found


def compare(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    return [name for name in sorted(wanted.keys() | found.keys()) if wanted.get(name) != found.get(name)]


# Runs


def begin(name: str, chosen: Any) -> int:
    """A process that runs it, as the command does; its number."""
    if process := os.fork():
        return process
    code = 1
    try:
        torch.set_num_threads(1)
        KINDS[name][0].train(chosen)
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def finish(name: str, chosen: Any) -> None:
    _, status = os.waitpid(begin(name, chosen), 0)
    if status:
        sys.exit(f"a run of {name} ended with {status}")


def settings(name: str, here: Path, out: str | None = None) -> Any:
    """Small and short, with many checkpoints."""
    given: dict[str, Any] = {
        "data": {"sources": [{"path": here / "trees.jsonl"}], "length": 96, "held_out": 0.2},
        "optimizer": {"learning_rate": 1e-3, "batch": 4, "warmup": 2},
        "run": {
            "out": here / (out or name), "steps": 40, "save_every": 3, "measure_every": 10, "threads": 1,
            "pass_tokens": 1024, "tensorboard": False,
        },
    }  # fmt: skip
    if name == "base":
        given["base"] = {"vocabulary": 300, "width": 32, "layers": 2, "heads": 2, "positions": 128}
    else:
        given |= {"model": {"start": str(here / "base" / "model")}}
        given["data"] |= {"overlap": "learn"}
    if name in ("ppo", "grpo"):
        given["rollouts"] = {"reward": str(here / "reward" / "model"), "longest": 12}
        given[name] = {"ppo": {"replies": 8, "epochs": 2}, "grpo": {"prompts": 4, "group": 4}}[name]
    return KINDS[name][1].model_validate(given)


def trees(file: Path, rng: random.Random) -> None:
    """Prompts with three ranked replies each, of words that mean nothing."""
    with file.open("w") as lines:
        for number in range(40):
            replies = [message(f"{number}-{rank}", "assistant", rng, rank=rank) for rank in range(3)]
            prompt = message(str(number), "prompter", rng, replies=replies)
            record = {"message_tree_id": str(number), "tree_state": "ready_for_export", "prompt": prompt}
            lines.write(json.dumps(record) + "\n")


def message(name: str, role: str, rng: random.Random, **more: object) -> dict[str, object]:
    words = [name, *rng.choices(WORDS, k=rng.randint(2, 8))]
    parent = {"parent_id": name.partition("-")[0]} if role == "assistant" else {}
    said = {"message_id": name, **parent, "text": " ".join(words), "role": role, "lang": "en", "review_result": True}
    return {**said, **more}


if __name__ == "__main__":
    main()
