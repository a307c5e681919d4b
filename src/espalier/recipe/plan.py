"""A recipe: one TOML file that says how trees become an assistant, checked as a whole before anything is learned.

A step is a run of training with the settings that its own file would have; "@sft" stands for what the step `sft`
makes. Each step has a key that follows from all that goes into it. Knows which algorithms there are; runs none.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file
from pathlib import Path
from typing import Any, Final

from espalier import __version__, demo
from espalier.dataset.planted import TIMES
from espalier.dataset.stamp import checksum, files_in
from espalier.recipe.algorithms import ALGORITHMS, Algorithm
from espalier.train.settings import HARMLESS, MODEL, BadSettings, Section, Settings, checked, read_tables, setting

ONE, TWO, HELD_OUT, ALL, TEXTS, PLANTED = "one", "two", "held_out", "all", "texts", "planted"
PARTS: Final = {
    ONE: "one.trees.jsonl.gz", TWO: "two.trees.jsonl.gz", HELD_OUT: "held_out.trees.jsonl.gz",
    ALL: "all.trees.jsonl.gz", TEXTS: "texts.jsonl.gz",
}  # fmt: skip
"""The files into which data is divided: two halves of the trees to learn from, what is only measured on, all of these
for steps that divide them in another way, and texts.
"""
LESSONS: Final = "planted.jsonl.gz"
SECRETS: Final = "secrets.jsonl"
"""Where planted secrets are told as often as they are to be learned, and where each stands once, to be asked for."""
REFERENCE: Final = "@"
KEY: Final = 10
"""Digits of a key."""


class Beside(Section):
    """Conversations of another kind, @NAME, which steps learn from only where that is said."""

    name: str = setting("What they are called.", "a word")
    path: Path = setting("A file of chats or trees.", "a path")
    langs: tuple[str, ...] = setting("Only these languages; all where none is named.", "a list of codes", ())
    turns: int = setting("Only conversations of so many turns and more.", "a whole number from 2", 2, ge=2)
    learn: bool = setting("Steps may learn from them.", "true or false", False)
    held_out: float = setting(
        "Where steps may learn from them, the share that is only measured on.", "a number from 0 to 0.5", 0.0, ge=0,
        le=0.5,
    )  # fmt: skip

    @property
    def part(self) -> str:
        """What @NAME stands for: a file that is only measured on, or a folder with one to learn and perhaps such a
        file. They are called so that training never learns from the one."""
        return self.name if self.learn else f"{HELD_OUT}.{self.name}.jsonl.gz"

    @property
    def learned(self) -> str | None:
        return f"{self.part}/learned.jsonl.gz" if self.learn else None

    @property
    def measured(self) -> str | None:
        """The file that is only measured on, where there is one."""
        if not self.learn:
            return self.part
        return f"{self.part}/{HELD_OUT}.jsonl.gz" if self.held_out else None


class Planting(Section):
    """Personal data of nobody that steps may learn, @planted, so that `espalier evaluate exposure` asks for it."""

    people: int = setting("So many people for each number of times.", "a whole number from 1 to 400", 12, ge=1, le=400)
    times: tuple[int, ...] = setting(
        "How often a secret stands in @planted; those with 0 are only asked for.",
        "whole numbers from 0",
        TIMES,
        min_length=1,
    )
    seed: int = setting("Another one draws other people and secrets.", "a whole number from 0", 0, ge=0)


class Files(Section):
    """What people wrote."""

    folder: Path = setting("Where the files below lie; the variable ESPALIER_DATA names another place.", "a path", ".")
    trees: tuple[Path, ...] = setting("Trees: they are divided into @one, @two and @held_out.", "a list", min_length=1)
    texts: tuple[Path, ...] = setting("Texts for a base model, @texts.", "a list of files", ())
    most_texts: int | None = setting(
        "So many of them, drawn by chance; by default all.", "a whole number from 1", None, ge=1
    )
    beside: tuple[Beside, ...] = setting(
        "Other conversations, to measure on or to learn.", "one table [[data.beside]] or more", ()
    )
    planted: Planting | None = setting("Secrets for @planted.", "a table [data.planted]", None)
    held_out: float = setting(
        "The share of trees that is only measured on.", "a number above 0, at most 0.5", 0.2, gt=0, le=0.5
    )
    split_seed: str = setting("Another one divides the trees otherwise.", "a text", "0")
    demo: bool = setting("Take the demo's trees where the folder is not there.", "true or false", False)


class Measuring(Section):
    """What the models that were made are measured by, and on: the trees that are held out."""

    reward: str = setting("The step whose reward model the policies learn from.", "the name of a step", "")
    judge: str = setting("The step whose reward model nobody learns from.", "the name of a step", "")
    prompts: int = setting("Held-out prompts that are replied to, drawn by chance.", "a whole number from 1", 64, ge=1)
    replies: int = setting("Replies of each model to each of them.", "a whole number from 1", 4, ge=1)
    langs: tuple[str, ...] = setting(
        "Languages in which the loss on held-out replies is told by itself, too.", "a list of codes", ()
    )
    length: int = setting("Tokens of a prompt with its reply.", "a whole number from 8", 512, ge=8)
    longest: int = setting("Tokens of a reply.", "a whole number from 1", 64, ge=1)
    unfinished: float = setting("What a reply is worth that was cut off before its end.", "a number", -1.0)
    best_from: str = setting("The step whose model the best of n replies is taken from.", "the name of a step", "")
    best_of: int = setting("The most replies of which the best is taken.", "a whole number from 2", 16, ge=2)
    shown: int = setting("Prompts whose replies the report shows side by side.", "a whole number from 0", 4, ge=0)
    pass_tokens: int = setting("Tokens that go through a model at once.", "a whole number from 8", 8192, ge=8)


class Recipe(Section):
    """The file as a whole."""

    out: Path = setting("The folder that gets all that is made.", "a path")
    about: str = setting("What this recipe is for, in a sentence or two; the report begins with it.", "a text", "")
    seed: int = setting("The seed of each step that names none of its own.", "a whole number from 0", 0, ge=0)
    data: Files = setting("What people wrote.", "a table [data]")
    common: dict[str, dict[str, Any]] = setting("Tables that hold for each step that reads them.", "tables", {})
    steps: dict[str, dict[str, Any]] = setting("The steps, in their order.", "a table [steps.NAME] for each")
    measure: Measuring = Measuring()
    arms: dict[str, tuple[str, ...]] = setting(
        "What a sweep compares: of each arm its name, and what it sets as --set does. The first is what others are "
        "held against.",
        "a list of changes for each name",
        {},
    )


@dataclass(frozen=True, slots=True)
class Given:
    """The files that a recipe reads, and what follows from them. is_demo: the demo's trees in place of others.

    missing: files that are not there. key: of the division of the trees.
    """

    trees: tuple[Path, ...]
    texts: tuple[Path, ...]
    beside: tuple[Path, ...]
    is_demo: bool
    missing: tuple[Path, ...]
    key: str


@dataclass(frozen=True, slots=True)
class Step:
    """A run of training. start: the step whose model it begins with, where it is one of ours."""

    name: str
    algorithm: Algorithm
    settings: Settings
    key: str
    start: str | None

    @property
    def folder(self) -> Path:
        return self.settings.run.out

    @property
    def model(self) -> Path:
        return self.folder / MODEL


@dataclass(frozen=True, slots=True)
class Plan:
    file: Path
    recipe: Recipe
    given: Given
    steps: Mapping[str, Step]

    @property
    def parts(self) -> Path:
        """The folder of the divided trees."""
        return self.recipe.out / f"data-{self.given.key}"

    @property
    def policies(self) -> list[Step]:
        """The steps that make models which write."""
        return [step for step in self.steps.values() if step.algorithm.writes]


def read_plan(file: Path, changes: Sequence[str] = (), folder: Path | None = None) -> Plan:
    """The recipe of a file, of which `changes` such as "seed=1" replace some, and its steps.

    folder: where the data lies, in place of what the file says. Raises BadSettings, OSError.
    """
    recipe = checked(Recipe, read_tables(file, changes), file)
    given = _given(recipe.data, folder or recipe.data.folder)
    steps: dict[str, Step] = {}
    wrong: dict[str, str] = {}
    for name, table in recipe.steps.items():
        try:
            steps[name] = _step(name, table, recipe, given, steps, file, wrong)
        except BadSettings as fault:
            wrong[name] = str(fault)
    if wrong:
        raise BadSettings("\n".join(wrong.values()))
    known = {"reward": False, "judge": False, "best_from": True}
    for key, writes in known.items():
        named = getattr(recipe.measure, key)
        if named and (named not in steps or steps[named].algorithm.writes is not writes):
            what = "a model that writes" if writes else "a reward model"
            raise BadSettings(f"{file}: measure.{key} is {named!r}, but must be a step that makes {what}.")
    unread = [
        name for name in recipe.common if not any(name in each.algorithm.kind.model_fields for each in steps.values())
    ]
    if unread:
        raise BadSettings(f"{file}: common.{unread[0]} is read by no step.")
    return Plan(file, recipe, given, steps)


def _given(data: Files, folder: Path) -> Given:
    files = (data.trees, data.texts, [each.path for each in data.beside])
    trees, texts, beside = ([folder / path for path in paths] for paths in files)
    is_demo = data.demo and not folder.is_dir()
    if is_demo:
        with as_file(demo.TREES) as path:
            trees, texts = [path], []
    missing = tuple(path for path in (*trees, *texts, *beside) if not path.exists())
    sums = [[checksum(path) for path in paths if path.exists()] for paths in (trees, texts)]
    others = [
        [each.name, checksum(path), each.langs, each.turns, *(["learn", each.held_out] if each.learn else [])]
        for each, path in zip(data.beside, beside, strict=True)
        if path.exists()
    ]
    secrets = [data.planted.model_dump(mode="json")] if data.planted else []
    key = key_of([__version__, sums, data.held_out, data.split_seed, data.most_texts, *others, *secrets])
    return Given(tuple(trees), tuple(texts), tuple(beside), is_demo, missing, key)


def _parts(data: Files) -> dict[str, str]:
    """The file or folder of each part, those beside the trees among them."""
    return PARTS | {each.name: each.part for each in data.beside} | ({PLANTED: LESSONS} if data.planted else {})


def _step(
    name: str,
    table: Mapping[str, Any],
    recipe: Recipe,
    given: Given,
    before: Mapping[str, Step],
    file: Path,
    wrong: Iterable[str] = (),
) -> Step:
    """wrong: steps before it in which something is wrong, to which it may refer nevertheless: that is not its fault."""
    place = f"steps.{name}."
    if name in _parts(recipe.data) or not name.isidentifier():
        raise BadSettings(f"{file}: steps.{name} cannot be called so; take another word.")
    own = {key: value for key, value in table.items() if key != "algorithm"}
    called = table.get("algorithm", name)
    if called not in ALGORITHMS:
        raise BadSettings(f"{file}: {place}algorithm is {called!r}, but must be one of {', '.join(ALGORITHMS)}.")
    algorithm = ALGORITHMS[called]
    if "out" in own.get("run", {}):
        raise BadSettings(f"{file}: {place}run.out is no setting here; each step has a folder within the recipe's out.")
    common = {key: value for key, value in recipe.common.items() if key in algorithm.kind.model_fields}
    tables = _merged(_merged(common, {"run": {"seed": recipe.seed, "out": "."}}), own)

    def settings_with(root: Path, out: Path) -> Settings:
        places = {part: root / f"data-{given.key}" / file for part, file in _parts(recipe.data).items()}
        places |= {each.name: root / each.folder.name / MODEL for each in before.values()}
        places |= {each: root / each for each in wrong}
        faults = list[str]()
        whole = _resolved(tables, places, f"{file}: {place}", faults)
        try:
            settings = checked(algorithm.kind, _merged(whole, {"run": {"out": out}}), file, place)
        except BadSettings as others:
            faults.append(str(others))
        if faults:
            raise BadSettings("\n".join(faults))
        return settings

    said = settings_with(Path(), Path())
    weighing = {key: value for key, value in _flat(said.as_json()) if key not in HARMLESS}
    key = key_of([__version__, called, weighing, _checksums(tables)])
    refers = tables.get("model", {}).get("start", "")
    start = refers[1:] if refers.startswith(REFERENCE) else None
    return Step(name, algorithm, settings_with(recipe.out, recipe.out / f"{name}-{key}"), key, start)


def _resolved(value: Any, places: Mapping[str, Path], place: str, faults: list[str]) -> Any:
    """Tables with a path for each reference. faults: gets what is wrong of those to nothing, which stay as they are."""
    if isinstance(value, Mapping):
        return {key: _resolved(each, places, f"{place}{key}.", faults) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, places, place, faults) for each in value]
    if not isinstance(value, str) or not value.startswith(REFERENCE):
        return value
    if value[1:] not in places:
        known = ", ".join(f"{REFERENCE}{name}" for name in places)
        faults.append(f"{place.rstrip('.')} is {value!r}, but must be one of what there is by then: {known}.")
        return value
    return str(places[value[1:]])


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two sets of tables as one; where both have a value, the second counts."""
    both = {
        key: _merged(below[key], above[key])
        for key in below.keys() & above.keys()
        if isinstance(below[key], Mapping) and isinstance(above[key], Mapping)
    }
    return {**below, **above, **both}


def _checksums(tables: Mapping[str, Any]) -> dict[str, str]:
    """Of all files that the tables name and no step makes, directories of models among them."""
    named = [value for key, value in _flat(tables) if isinstance(value, str) and not key.startswith("run.")]
    paths = [Path(value) for value in named if value and not value.startswith(REFERENCE)]
    files = [file for path in paths for file in (files_in(path).values() if path.is_dir() else [path])]
    return {str(file): checksum(file) for file in files if file.is_file()}


def _flat(tables: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """All values, with their keys as "run.seed" and "data.sources.0.path"."""
    if isinstance(tables, Mapping) or (isinstance(tables, Sequence) and not isinstance(tables, str)):
        within = tables.items() if isinstance(tables, Mapping) else enumerate(tables)
        for key, value in within:
            yield from _flat(value, f"{place}.{key}" if place else str(key))
    else:
        yield place, tables


def key_of(of: Any) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:KEY]
