"""The trees of a recipe divided once for all of its steps: two halves to learn from, and what is only measured on.

Trees that share a text stay together, whatever files they come from. Knows no models.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, Final

from espalier.dataset.convert import Kind
from espalier.dataset.examples import Chat, spelled
from espalier.dataset.findings import Report
from espalier.dataset.planted import lessons, planted
from espalier.dataset.read import read_trees
from espalier.dataset.records import TreeRecord
from espalier.dataset.split import NO_LANGUAGE
from espalier.dataset.trees import messages_of
from espalier.dataset.write import write_objects, write_records
from espalier.recipe.plan import ALL, HELD_OUT, LESSONS, ONE, PARTS, SECRETS, TEXTS, TWO, Beside, Plan
from espalier.train import sources
from espalier.train.checkpoint import appearing
from espalier.train.ranked import folds
from espalier.train.settings import Data, Source
from espalier.train.sources import BadSource, Line, lines_of, read_parts, read_texts

FOLDS: Final = 20
"""The trees are dealt to so many folds of like size, which are then given to the parts."""


def make_parts(plan: Plan, report: Report) -> None:
    """Write the parts, where they are not there already. Raises BadSource, OSError."""
    if plan.parts.exists():
        return
    if plan.given.missing:
        raise BadSource(f"there is no file {plan.given.missing[0]}; name the folder of the data with ESPALIER_DATA")
    trees = {tree.message_tree_id: tree for file in plan.given.trees for tree in read_trees(file, report)}
    parts = divided(list(trees.values()), plan.recipe.data.held_out, plan.recipe.data.split_seed)
    if not all(parts.values()):
        raise BadSource(f"{len(trees)} trees are too few to divide; name more")
    with appearing(plan.parts) as folder:
        for name, part in (*parts.items(), (ALL, trees.values())):
            write_records(folder / PARTS[name], part)
        for each, file in zip(plan.recipe.data.beside, plan.given.beside, strict=True):
            for name, lines in _beside(each, file, plan.recipe.data.split_seed, report).items():
                (folder / name).parent.mkdir(exist_ok=True)
                write_objects(folder / name, map(_spelled, lines))
        if (wanted := plan.recipe.data.planted) is not None:
            secrets = planted(wanted.people, wanted.times, wanted.seed)
            write_objects(folder / LESSONS, map(spelled, lessons(secrets)))
            write_objects(folder / SECRETS, map(asdict, secrets))
        write_objects(folder / PARTS[TEXTS], ({"text": text} for text in _texts_of(plan, parts[ONE], report)))


def divided(trees: Sequence[TreeRecord], held_out: float, seed: str) -> dict[str, list[TreeRecord]]:
    """Each tree in one part; the same trees in the same parts every time. held_out: a share, rounded to twentieths."""
    lines = [
        Line(tree.prompt.text, tree.message_tree_id, Path(), tree.prompt.lang or NO_LANGUAGE, 1.0, _texts(tree))
        for tree in trees
    ]
    dealt = [{line.unit for line in measured} for _, measured in folds(lines, FOLDS, seed)]
    aside = max(1, round(held_out * FOLDS))
    names = {
        HELD_OUT: set(chain(*dealt[:aside])), ONE: set(chain(*dealt[aside::2])), TWO: set(chain(*dealt[aside + 1 :: 2]))
    }  # fmt: skip
    return {name: [tree for tree in trees if tree.message_tree_id in ids] for name, ids in names.items()}


def _texts_of(plan: Plan, half: Sequence[TreeRecord], report: Report) -> list[str]:
    """What a base model learns from: the texts that were given, or those of one half of the trees."""
    data = plan.recipe.data
    if not plan.given.texts:
        return [text for tree in half for text in _texts(tree)]
    read = read_texts(Data(sources=tuple(Source(path=path) for path in plan.given.texts), held_out=0), report)
    texts = [str(line.example) for line in read.learned]
    if data.most_texts is None or data.most_texts >= len(texts):
        return texts
    return Random(data.split_seed).sample(texts, data.most_texts)


def _beside(wanted: Beside, file: Path, seed: str, report: Report) -> dict[str, Sequence[Line]]:
    """The conversations of a file that are long enough, by the file that they go to. Raises BadSource where there are
    none.
    """
    data = Data(sources=(Source(path=file, langs=wanted.langs),), held_out=wanted.held_out, split_seed=seed)
    lines = [
        replace(line, held_out=False)  # here the recipe says what is learned, not what the file is called
        for line in lines_of(data.sources[0], Kind.THREADS, report) if len(line.texts) >= wanted.turns
    ]  # fmt: skip
    if not lines:
        raise BadSource(f"{file} gives no conversation of {wanted.turns} turns and more; lower data.beside.turns")
    if wanted.learned is None:
        return {wanted.part: lines}
    parts = sources.divided(lines, data)
    found = {wanted.learned: parts.learned, wanted.measured: parts.held_out}
    return {name: some for name, some in found.items() if name is not None}


def _spelled(line: Line) -> dict[str, Any]:
    assert isinstance(line.example, Chat), f"{line.example=}"
    return {"lang": line.lang, **spelled(line.example)}


def _texts(tree: TreeRecord) -> tuple[str, ...]:
    return tuple(message.text for message in messages_of(tree) if not message.deleted)


def held_out_lines(plan: Plan, kind: Kind, part: str = PARTS[HELD_OUT], said: Source | None = None) -> Sequence[Line]:
    """What the held-out trees give, or another file that is only measured on, as the steps see it.

    said: the source of a step that tells of what kind they are.
    """
    task, domain = (said.task, said.domain) if said else ("", "")
    measured = Source(path=plan.parts / part, task=task, domain=domain)
    return read_parts(Data(sources=(Source(path=plan.parts / PARTS[ONE]), measured)), kind).held_out
