"""How fast supervised fine-tuning is beside TRL: the same model, conversations, losses and threads, in one run.

    python benchmarks/training.py --trl PYTHON [--runs 5] [--steps 20] [--threads 1] [--dtype float32]

PYTHON is that of an environment with `trl` 1.16, which is no dependency of ours:

    python -m venv trl && trl/bin/pip install trl==1.16.0 torch==2.13.0 transformers==5.23.0 datasets

Reads the published English conversations in `../shared/data`, or where ESPALIER_DATA points. A model of 15 million
parameters with random weights and 16,384 tokens of its own learns threads as they come, prompts masked, at most 1,024
tokens each. Both sides see the same conversations in the same steps, with AdamW at one learning rate, without dropout
and checkpointing. A pair whose first losses differ by more than a thousandth is void. Tokens are those of
conversations, each counted once, padding never. Runs alternate; what is told is the median, with its range. The last
line is one JSON object.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("ESPALIER_DATA") or Path(__file__).parents[2] / "shared" / "data")
LONGEST, BATCH, RATE, WARM = 1024, 8, 1e-4, 1
PAIRS = {"sft_vs_trl_default": ("ours", "trl default"), "sft_vs_trl_packing": ("ours, TRL's packs", "trl packing")}
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
SAME, COMPARED = 1e-3, 20  # how far losses may differ, and how many of them


def prepare(folder: Path, steps: int) -> None:
    """A model, and the conversations of all steps: eight at a time, and as many as TRL packs into eight rows."""
    import torch

    from espalier.dataset.convert import Kind
    from espalier.train.base import Base, learn_tokenizer, new_model
    from espalier.train.learnable import learnable
    from espalier.train.settings import Data, Source
    from espalier.train.sources import read_parts

    torch.manual_seed(0)
    file = DATA / "oasst1" / "oasst1-en-validation.messages.jsonl.gz"
    parts = read_parts(Data(sources=(Source(path=file),), held_out=0, length=LONGEST), Kind.THREADS)
    texts = (json.loads(line)["text"] for line in lines(DATA / "oasst1" / "oasst1-en-train.texts.jsonl.gz"))
    tokenizer = learn_tokenizer(texts, 16_384)
    shape = Base(width=256, layers=8, heads=8, positions=LONGEST)
    model = new_model(shape, len(tokenizer), 0)
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    data = Data(sources=(Source(path=file),), length=LONGEST)
    found = learnable(parts.learned, tokenizer, data).conversations
    order = torch.randperm(len(found)).tolist()
    rows = [{"ids": found[at].ids.tolist(), "trained": found[at].trained.tolist()} for at in order]
    parameters = sum(each.numel() for each in model.parameters())
    (folder / "data.json").write_text(json.dumps({"rows": rows, "parameters": parameters, "steps": steps}))


def lines(file: Path) -> Iterator[str]:
    import gzip

    with gzip.open(file, "rt", encoding="utf-8") as opened:
        yield from opened


def ours(folder: Path, said: dict[str, Any], side: str, dtype: str) -> dict[str, Any]:
    """The product's own loop, told which conversations each step sees."""
    import numpy as np
    import torch

    from espalier.infer.load import load_model
    from espalier.infer.tokens import Encoded
    from espalier.train import sft
    from espalier.train.batch import Weights
    from espalier.train.learnable import Learnable
    from espalier.train.settings import Data, Model, Optimizer, Run, Source
    from espalier.train.sources import Line
    from espalier.train.watch import Watch

    given = [
        Encoded(np.array(row["ids"], np.int32), np.zeros(len(row["ids"]), np.int8), np.array(row["trained"]))
        for row in said["rows"]
    ]
    source = Source(path=Path("rows"))
    lines = tuple(Line("", "", source.path, "en", 1.0, ()) for _ in given)
    settings = sft.SftSettings(
        model=Model(start=str(folder / "model")),
        data=Data(sources=(source,), length=LONGEST),
        optimizer=Optimizer(learning_rate=RATE, schedule="constant", warmup=0, batch=BATCH, betas=(0.9, 0.999)),
        run=Run(out=folder / "ours", steps=said["steps"], save_every=10**9, measure_every=10**9, tensorboard=False,
                pass_tokens=said["pass_tokens"]),
    )  # fmt: skip
    told: list[tuple[float, float]] = []
    now = CLOCKS[said["clock"]]
    step = Watch.step

    def timed(watch: Watch, number: int, tokens: int, **metrics: float) -> None:
        told.append((now(), metrics["loss"]))
        step(watch, number, tokens, **metrics)

    Watch.step, Watch.saves = timed, lambda watch, number: False  # type: ignore[method-assign,assignment]
    sft.lines_of_steps = lambda often, settings: iter(said["places"][side])  # type: ignore[attr-defined]
    model, _ = load_model(folder / "model", getattr(torch, dtype), device="cpu")
    sft.fit(model, Learnable(tuple(given), lines), {}, Weights(), settings, {})
    return {"times": [at for at, _ in told], "losses": [loss for _, loss in told]}


def trl(folder: Path, said: dict[str, Any], side: str, dtype: str) -> dict[str, Any]:
    """TRL's trainer with its defaults, but for what has to be equal."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    rows = said["rows"]
    if not said["places"].get(side):
        places = range(len(rows))
    else:
        places = [place for step in said["places"][side] for place in step]
    columns = {
        "input_ids": [rows[at]["ids"] for at in places],
        "labels": [
            [token if learned else -100 for token, learned in zip(rows[at]["ids"], rows[at]["trained"], strict=True)]
            for at in places
        ],
    }
    config = SFTConfig(
        output_dir=str(folder / "trl"), max_steps=said["steps"], per_device_train_batch_size=BATCH,
        learning_rate=RATE, lr_scheduler_type="constant", warmup_steps=0, max_length=LONGEST, max_grad_norm=1.0,
        adam_beta1=0.9, adam_beta2=0.999, adam_epsilon=1e-8, weight_decay=0.0, gradient_checkpointing=False,
        bf16=False, packing=side == "trl packing", train_sampling_strategy="sequential", report_to="none",
        save_strategy="no", logging_steps=1, use_cpu=True, disable_tqdm=True, optim="adamw_torch",
    )  # fmt: skip
    told: list[float] = []
    now = CLOCKS[said["clock"]]

    class Timed(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            told.append(now())

    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=getattr(torch, dtype))
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    trainer = SFTTrainer(
        model, config, train_dataset=Dataset.from_dict(columns), processing_class=tokenizer, callbacks=[Timed()]
    )
    packs = trainer.train_dataset["seq_lengths"] if config.packing else None
    trainer.train()
    losses = [each["loss"] for each in trainer.state.log_history if "loss" in each]
    kept = {name: value for name, value in config.to_dict().items() if name in SHOWN}
    return {"times": told, "losses": losses, "arguments": kept, "packs": packs}


SHOWN = {
    "per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate", "lr_scheduler_type", "max_length",
    "packing", "packing_strategy", "padding_free", "loss_type", "optim", "adam_beta1", "adam_beta2", "adam_epsilon",
    "weight_decay", "max_grad_norm", "bf16", "fp16", "gradient_checkpointing", "train_sampling_strategy",
    "dataloader_num_workers", "pad_to_multiple_of", "eos_token", "use_cpu", "torch_compile", "use_liger_kernel",
}  # fmt: skip


def packed_places(rows: list[dict[str, Any]], steps: int) -> list[list[int]]:
    """Which conversations TRL's best-fit packing puts into the eight rows of each step, found by asking it."""
    from datasets import Dataset
    from trl.data_utils import pack_dataset

    asked = Dataset.from_dict(
        {"input_ids": [row["ids"] for row in rows], "place": [[at] * len(row["ids"]) for at, row in enumerate(rows)]}
    )
    packs = pack_dataset(asked, LONGEST, "bfd")["place"]
    return [
        [place for pack in packs[at : at + BATCH] for place in dict.fromkeys(pack)]
        for at in range(0, steps * BATCH, BATCH)
    ]


def run(python: str, folder: Path, side: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One side in a process of its own."""
    environment = os.environ | {
        "OMP_NUM_THREADS": str(arguments.threads), "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1",
        "ESPALIER_DATA": str(DATA),
    }  # fmt: skip
    order = [python, __file__, "--trl", "", "--side", side, "--folder", str(folder), "--dtype", arguments.dtype]
    done = subprocess.run(order, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-4000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one_side(arguments: argparse.Namespace) -> None:
    """What a process of its own does."""
    folder = Path(arguments.folder)
    said = json.loads((folder / "data.json").read_text())
    if arguments.side == "places":
        said["places"] = {
            "ours": [[*range(at, at + BATCH)] for at in range(0, said["steps"] * BATCH, BATCH)],
            "ours, TRL's packs": packed_places(said["rows"], said["steps"]),
        }
        said["places"]["trl default"] = said["places"]["ours"]
        (folder / "data.json").write_text(json.dumps(said))
        print(json.dumps({}))
        return
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    found = (ours if arguments.side.startswith("ours") else trl)(folder, said, arguments.side, arguments.dtype)
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl", required=True, help="the Python of an environment with trl 1.16")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument(
        "--clock", default="wall", choices=["wall", "cpu"], help="cpu: where others use the machine too"
    )
    parser.add_argument("--pass-tokens", type=int, default=8192)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        one_side(arguments)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        prepare(folder, arguments.steps)
        said = json.loads((folder / "data.json").read_text()) | {
            "pass_tokens": arguments.pass_tokens,
            "clock": arguments.clock,
        }
        (folder / "data.json").write_text(json.dumps(said))
        run(arguments.trl, folder, "places", arguments)
        said = json.loads((folder / "data.json").read_text())
        parameters = said["parameters"] / 1e6
        print(
            f"{arguments.clock} time; {parameters:.1f} M parameters, {len(said['rows']):,} conversations, "
            f"{arguments.threads} thread, {arguments.dtype}, {arguments.steps} steps"
        )
        results = {name: compared(name, folder, said, arguments) for name in PAIRS}
    print(json.dumps(results))


def compared(name: str, folder: Path, said: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """A pair: alternating runs, the median speed of each side, and whether both learned the same."""
    sides = PAIRS[name]
    steps = said["places"][sides[0]]
    tokens = [sum(len(said["rows"][at]["ids"]) for at in places) for places in steps]
    speeds: dict[str, list[float]] = {side: [] for side in sides}
    memory: dict[str, float] = {}
    losses: dict[str, list[float]] = {}
    for _ in range(arguments.runs):
        for side in sides:
            found = run(sys.executable if side.startswith("ours") else arguments.trl, folder, side, arguments)
            seconds = found["times"][-1] - found["times"][WARM - 1]
            speeds[side].append(sum(tokens[WARM:]) / seconds)
            memory[side] = max(memory.get(side, 0), found["memory"])
            losses[side] = found["losses"]
            if "arguments" in found and len(speeds[side]) == 1:
                print(f"{side}: {json.dumps(found['arguments'])}")
    apart = max(abs(one - other) for one, other in zip(losses[sides[0]], losses[sides[1]], strict=True))
    medians = {side: statistics.median(each) for side, each in speeds.items()}
    for side in sides:
        low, high = min(speeds[side]), max(speeds[side])
        print(f"{side:20} {medians[side]:8,.0f} tokens/s ({low:,.0f} to {high:,.0f}), {memory[side]:,.0f} MB")
    ratio = medians[sides[0]] / medians[sides[1]]
    print(f"{name}: {ratio:.2f} ×; losses differ by {apart:.1e} at most" + ("" if apart <= SAME else ": VOID"))
    return {"times": round(ratio, 2), "tokens_per_second": round(medians[sides[0]]), "loss_apart": apart,
            "void": apart > SAME}  # fmt: skip


if __name__ == "__main__":
    main()
