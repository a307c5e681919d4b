"""The micro recipe goes the whole way, over a kill, and its report says what such a report has to say."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from commands import Run

torch.set_num_threads(1)
MICRO = Path(__file__).parents[2] / "recipes" / "micro.toml"
OUT = Path("var/recipes/micro")


def killed_while_it_learns(step: str) -> None:
    """Begin the recipe, and kill it when this step has its first checkpoint."""
    command = [sys.executable, "-m", "espalier.cli", "recipe", "run", str(MICRO)]
    going = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        for _ in range(6_000):
            if any(OUT.glob(f"{step}-*/checkpoints/step-*")):
                return
            assert going.poll() is None, "the recipe ended before it was killed"
            time.sleep(0.05)
        pytest.fail(f"no checkpoint of {step}")
    finally:
        going.kill()
        going.wait()


def interval(of: dict[str, Any]) -> list[float]:
    return [of["low"], of["value"], of["high"]]


@pytest.mark.slow
def test_micro_goes_from_trees_to_a_report(
    run: Run, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESPALIER_DATA", str(real_data))
    killed_while_it_learns("sft")
    ran = run("recipe", "run", MICRO)
    assert ran.code == 0, ran.err
    assert "base: done before" in ran.err
    assert "sft: goes on" in ran.err
    assert not list(OUT.rglob("checkpoints"))

    found = json.loads((OUT / "report.json").read_text("utf-8"))
    for loss in ("loss", "loss in en"):
        assert found["changes"]["sft"][loss]["high"] < 0, "the loss on held-out replies is lower than that of base"
    judged = found["judges"]["folds"]
    assert {"accuracy", "longer reply", "above longer", "of like length", "tau"} <= judged.keys()
    for step in ("ppo", "dpo", "grpo"):
        for figure in ("reward", "judge"):
            assert interval(found["changes"][step][figure]) == sorted(interval(found["changes"][step][figure]))
        assert found["models"][step]["KL"]
    assert [(best["n"], round(best["bound"], 3)) for best in found["best"]] == [(1, 0), (2, 0.193), (4, 0.636)]
    if real_data.is_dir():  # of what is published, every pair is measured once, but for texts that the base learned
        assert 700 <= found["pairs"]["folds"] <= 750
        assert judged["longer reply"]["value"] == pytest.approx(0.68, abs=0.02)

    page = (OUT / "report.html").read_text("utf-8")
    for said in ("Best of n", "chance", "the longer reply", "of like length", "Under the judge", "Prompt 1"):
        assert said in page
    assert "<svg" in page
    assert not re.findall(r'(?:src|href)="(?!#)', page), "the page needs nothing from elsewhere"

    again = run("recipe", "run", MICRO)
    assert set(re.findall(r": (\w+)", again.err)) == {"done"}
    assert (OUT / "report.html").read_text("utf-8") == page
