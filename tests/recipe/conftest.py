"""Commands as somebody types them, and a recipe that nobody runs."""

from pathlib import Path

import pytest

from commands import run
from oasst import lines, message, tree

__all__ = ["run"]
RECIPE = """
out = "out"
[data]
trees = ["trees.jsonl"]
[steps.base]
data = { sources = [{ path = "@texts" }, { path = "@held_out" }] }
[steps.sft]
model = { start = "@base" }
data = { sources = [{ path = "@one" }, { path = "@two" }, { path = "@held_out" }] }
[steps.judge]
algorithm = "reward"
model = { start = "@base" }
data = { sources = [{ path = "@two" }, { path = "@held_out" }] }
[steps.ppo]
model = { start = "@sft" }
data = { sources = [{ path = "@one" }, { path = "@held_out" }] }
rollouts = { reward = "@judge" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE, "utf-8")
    lines(tmp_path / "trees.jsonl", tree(message("a", text="Why?")))
    return path
