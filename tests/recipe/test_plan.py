"""What a recipe is taken for before anything is learned: steps with keys that follow from what goes into them."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from commands import Run
from espalier.dataset.convert import Kind
from espalier.dataset.findings import ignore
from espalier.dataset.read import read_trees
from espalier.recipe.parts import divided, held_out_lines, make_parts
from espalier.recipe.plan import Plan, read_plan
from espalier.train.settings import BadSettings, Data, Source
from espalier.train.sources import Line, read_parts
from oasst import lines, message, tree

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


def keys(plan: Plan) -> dict[str, str]:
    return {step.name: step.key for step in plan.steps.values()}


def changed(file: Path, *changes: str) -> set[str]:
    """The steps that a change would make again."""
    before, after = (keys(read_plan(file, given, file.parent)) for given in ((), changes))
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_every_recipe_that_comes_along_can_be(recipe: Path) -> None:
    plan = read_plan(recipe)
    assert plan.recipe.about
    if not plan.recipe.arms and not plan.recipe.data.planted:
        assert {"sft", "ppo", "dpo", "grpo"} <= plan.steps.keys()
        assert plan.recipe.measure.reward
        assert plan.recipe.measure.judge
    for changes in plan.recipe.arms.values():
        assert not changes or keys(read_plan(recipe, changes)) != keys(plan)


def test_a_step_is_made_again_when_what_goes_into_it_changed_and_never_else(file: Path) -> None:
    assert changed(file, "steps.ppo.ppo.kl=0.1") == {"ppo"}
    assert changed(file, "steps.judge.reward.margin=1.0") == {"judge", "ppo"}
    assert changed(file, "steps.base.run.steps=7") == {"base", "sft", "judge", "ppo"}
    assert changed(file, "seed=1") == {"base", "sft", "judge", "ppo"}
    assert changed(file, "data.split_seed=x") == {"base", "sft", "judge", "ppo"}
    assert not changed(file, "steps.sft.run.keep=1", "about=Another", "measure.prompts=3", "out=elsewhere")


def test_a_step_is_made_again_when_a_file_changed(file: Path) -> None:
    before = keys(read_plan(file, (), file.parent))
    lines(file.parent / "trees.jsonl", tree(message("a", text="Why not?")))
    assert not before.items() & keys(read_plan(file, (), file.parent)).items()


def test_a_step_starts_with_the_model_of_another(file: Path) -> None:
    steps = read_plan(file, (), file.parent).steps
    assert steps["ppo"].settings.as_json()["model"]["start"] == str(steps["sft"].model)
    assert steps["ppo"].settings.as_json()["rollouts"]["reward"] == str(steps["judge"].model)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("steps.sft.run.sed=1", "steps.sft.run.sed is no setting; did you mean steps.sft.run.seed?"),
        ("steps.sft.model.start=@ppo", "steps.sft.model.start is '@ppo', but must be one of what there is by then"),
        ("steps.sft.run.out=here", "steps.sft.run.out is no setting here"),
        ("steps.sft.algorithm=sftt", "steps.sft.algorithm is 'sftt', but must be one of base, sft"),
        ("steps.ppo.ppo.kl=-1", "steps.ppo.ppo.kl is -1, but must be a number from 0"),
        ("measure.judge=sft", "measure.judge is 'sft', but must be a step that makes a reward model"),
        ("common.grpo.clip=1", "common.grpo is read by no step"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_with_its_place(file: Path, change: str, says: str) -> None:
    with pytest.raises(BadSettings, match=re.escape(f"recipe.toml: {says}")):
        read_plan(file, [change], file.parent)


def test_what_is_wrong_in_several_steps_is_told_at_once(file: Path) -> None:
    with pytest.raises(BadSettings) as refused:
        read_plan(file, ["steps.sft.run.sed=1", "steps.ppo.ppo.kl=-1", "steps.ppo.model.start=@stf"], file.parent)
    told = str(refused.value).splitlines()
    assert [line.split()[1] for line in told] == ["steps.sft.run.sed", "steps.ppo.model.start", "steps.ppo.ppo.kl"]


def test_each_tree_is_in_one_part_and_those_that_share_a_text_in_the_same(tmp_path: Path) -> None:
    shared = "This is said word for word in two of these trees, however they come."
    written = [tree(message(f"t{number}", text=f"Question {number}?")) for number in range(60)]
    written += [tree(message(name, text=shared)) for name in ("x", "y")]
    trees = list(read_trees(lines(tmp_path / "trees.jsonl", *written)))
    parts = divided(trees, 0.2, "0")
    ids = {name: {each.message_tree_id for each in part} for name, part in parts.items()}
    assert sum(map(len, ids.values())) == len(trees) == len(set.union(*ids.values()))
    assert any({"x", "y"} <= part for part in ids.values())
    assert 10 <= len(ids["held_out"]) <= 15
    assert abs(len(ids["one"]) - len(ids["two"])) <= 4
    assert divided(trees, 0.2, "0") == parts


def test_conversations_beside_the_trees_have_their_language_and_turns_and_are_learned_only_where_that_is_said(
    file: Path,
) -> None:
    chats = [("de", 2), ("de", 4), ("en", 4), ("de", 6)]
    lines(
        file.parent / "test.jsonl",
        *(
            {"lang": lang, "messages": [{"role": ("user", "assistant")[turn % 2], "content": f"{lang} {number} {turn}"}
             for turn in range(turns)]}
            for number, (lang, turns) in enumerate(chats)
        ),
    )  # fmt: skip
    kept = {"review_result": True}
    answered = [
        tree(
            message(f"t{number}", text=f"Why {number}?", replies=[message(f"r{number}", f"t{number}", **kept)], **kept)
        )
        for number in range(40)
    ]
    lines(file.parent / "trees.jsonl", *answered)
    named = '{name="deep", path="test.jsonl", langs=["de"], turns=4}, {name="more", path="test.jsonl", learn=true}'
    named += ', {name="both", path="test.jsonl", learn=true, held_out=0.5}'
    plan = read_plan(file, [f"data.beside=[{named}]", f"out={file.parent / 'out'}"], file.parent)
    make_parts(plan, ignore)

    def turns_of(lines: Sequence[Line]) -> list[tuple[str, int]]:
        return [(line.lang, len(line.texts)) for line in lines]

    deep, more, both = plan.recipe.data.beside
    assert deep.measured
    assert both.measured
    assert more.measured is None
    assert turns_of(held_out_lines(plan, Kind.THREADS, deep.measured)) == [("de", 4), ("de", 6)]
    sources = tuple(Source(path=plan.parts / each) for each in ("held_out.trees.jsonl.gz", more.part))
    assert turns_of(read_parts(Data(sources=sources), Kind.THREADS).learned) == chats
    parts = read_parts(Data(sources=(Source(path=plan.parts / both.part),)), Kind.THREADS)
    said = Source(path=plan.parts / both.part, task="ask", domain="numbers")
    measured = held_out_lines(plan, Kind.THREADS, both.measured, said)
    assert turns_of(measured) == turns_of(parts.held_out) != []
    assert sorted(turns_of((*parts.learned, *parts.held_out))) == sorted(chats)
    assert {(line.tags["task"], line.tags["domain"]) for line in measured} == {("ask", "numbers")}


def test_a_dry_run_says_which_files_are_missing(run: Run, file: Path) -> None:
    (file.parent / "trees.jsonl").unlink()
    ran = run("recipe", "run", file, "--dry-run")
    assert ran.code == 1
    assert "to do" in ran.out
    assert "There is no file trees.jsonl; ESPALIER_DATA names where the data lies." in ran.err
