"""What models are measured by: what held-out replies cost them, told of what kind they are and not."""

import shutil
from pathlib import Path

from espalier.dataset.findings import ignore
from espalier.recipe.figures import Figures, table_of
from espalier.recipe.measures import measure
from espalier.recipe.parts import make_parts
from espalier.recipe.plan import read_plan
from oasst import lines, message, tree
from tiny_models import model_directory

__all__ = ["model_directory"]
RECIPE = """
out = "out"
[data]
trees = ["trees.jsonl"]
[[data.beside]]
name = "sums"
path = "sums.jsonl"
learn = true
held_out = 0.5
[steps.base]
data = { sources = [{ path = "@texts" }, { path = "@held_out" }, { path = "@sums", weight = 0 }] }
[steps.sft]
model = { start = "@base" }
data = { sources = [{ path = "@one", task = "chat" }, { path = "@sums", task = "sums" }], tags = ["task"] }
[measure]
prompts = 1
replies = 1
longest = 1
length = 64
"""


def test_replies_beside_the_trees_are_measured_with_tags_too_as_the_step_learned_them(
    tmp_path: Path, model_directory: Path
) -> None:
    kept = {"review_result": True}
    answered = [
        tree(message(f"t{n}", text=f"Why {n}?", replies=[message(f"r{n}", f"t{n}", **kept)], **kept)) for n in range(40)
    ]
    lines(tmp_path / "trees.jsonl", *answered)
    sums = [[("user", f"{n} + {n}?"), ("assistant", f"{2 * n}.")] for n in range(20)]
    chats = [{"messages": [{"role": role, "content": said} for role, said in turns]} for turns in sums]
    lines(tmp_path / "sums.jsonl", *chats)

    def figures(recipe: str) -> Figures:
        """Of the tuned model, which is the same whatever it is told."""
        (tmp_path / "recipe.toml").write_text(recipe)
        plan = read_plan(tmp_path / "recipe.toml", [f"out={tmp_path / 'out'}"], tmp_path)
        make_parts(plan, ignore)
        for step in plan.policies:
            shutil.copytree(model_directory / "model", step.model, dirs_exist_ok=True)
        models = table_of(plan, measure(plan, ignore)).models
        assert not [name for name in models["base"] if name.endswith("with tags")], "it was told nothing"
        return models["sft"]

    told, otherwise = figures(RECIPE), figures(RECIPE.replace('task = "sums"', 'task = "arithmetic"'))
    assert told["loss of sums with tags"] != told["loss of sums"] == otherwise["loss of sums"]
    assert told["loss of sums with tags"] != otherwise["loss of sums with tags"]
    assert "loss of sums with tags" not in figures(RECIPE.replace(', tags = ["task"]', ""))
