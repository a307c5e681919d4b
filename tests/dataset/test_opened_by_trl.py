"""What is written for training is trained on by TRL as it is: no column to rename, nothing to turn round."""

from math import isfinite
from pathlib import Path
from typing import Any

import datasets
import pytest

from espalier.dataset.convert import Kind, Wanted, examples
from espalier.dataset.read import read_trees
from espalier.dataset.write import write_examples
from espalier.demo import TREES

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # what TRL warns of is not ours
ROWS = 4


def by_length(completions: list[Any], **_: Any) -> list[float]:
    return [float(len(said[-1]["content"])) for said in completions]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [("SFT", Kind.THREADS), ("DPO", Kind.PAIRS), ("Reward", Kind.PAIRS), ("GRPO", Kind.PROMPTS)],
)
def test_trl_trains_on_what_is_written(
    tmp_path: Path, model_directory: Path, suffix: str, name: str, kind: Kind
) -> None:
    import trl  # here, since it takes seconds
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

    made = sorted(examples(read_trees(TREES), Wanted(kind)), key=lambda each: len(repr(each)))[:ROWS]
    write_examples(tmp_path / f"rows.{suffix}", made)
    loader = "parquet" if suffix == "parquet" else "json"
    rows = datasets.load_dataset(
        loader, data_files=str(tmp_path / f"rows.{suffix}"), split="train", cache_dir=str(tmp_path / "cache")
    )  # fmt: skip
    folder, loaded = model_directory / "model", AutoModelForCausalLM
    more: dict[str, Any] = {}
    short = {"max_length": 1024}
    if name == "Reward":
        folder, loaded = model_directory / "reward", AutoModelForSequenceClassification
    if name == "GRPO":
        more, short = {"reward_funcs": by_length}, {"max_completion_length": 4, "num_generations": 2}
    settings = getattr(trl, f"{name}Config")(
        str(tmp_path / "run"), max_steps=1, per_device_train_batch_size=2, report_to="none", use_cpu=True, bf16=False,
        save_strategy="no", disable_tqdm=True, **short,
    )  # fmt: skip
    trainer = getattr(trl, f"{name}Trainer")(
        loaded.from_pretrained(folder), args=settings, train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(folder), **more,
    )  # fmt: skip
    found = trainer.train()
    assert trainer.state.global_step == 1
    assert isfinite(found.training_loss)
