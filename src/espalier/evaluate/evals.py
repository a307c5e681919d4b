"""Sets in the format of OpenAI evals (github.com/openai/evals): samples with `input` and `ideal`, a registry in YAML
that says how they are graded, and descriptions of what a language model is asked that grades.

Knows files, replies and grades; does not know who replies or grades.
"""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from espalier.dataset.examples import ROLES, SYSTEM, USER, Turn, Turns
from espalier.evaluate.counted import mean_of, told
from espalier.evaluate.questions import BadSet, rows
from espalier.evaluate.results import Figure

KINDS: Final = {
    "evals.elsuite.basic.match:Match": "match",
    "evals.elsuite.basic.includes:Includes": "includes",
    "evals.elsuite.basic.fuzzy_match:FuzzyMatch": "fuzzy match",
    "evals.elsuite.modelgraded.classify:ModelBasedClassify": "graded",
}
ARGUMENTS: Final = {
    "match": {"samples_jsonl"}, "includes": {"samples_jsonl", "ignore_case"}, "fuzzy match": {"samples_jsonl"},
    "graded": {"samples_jsonl", "modelgraded_spec", "eval_type"},
}  # fmt: skip
SPECIFICATION: Final = {"prompt", "choice_strings", "choice_scores", "input_outputs", "eval_type"}
VERSION: Final = "graded-1"
"""Of the words below; a change to them is another way to grade."""
ENDINGS: Final = {
    "classify": "Reply with one of {choices} alone, which is your verdict, and nothing else.",
    "classify_cot": "Reply with one of {choices} alone on the first line, your verdict, then with your reasons.",
    "cot_classify": "Think step by step. Then end with a line that holds one of {choices} alone, your verdict.",
}
LONGEST: Final = {"classify": 32, "classify_cot": 512, "cot_classify": 512}
"""Tokens of what a grader says at most."""
EXAMPLES: Final = {"example_user": "user", "example_assistant": "assistant"}
"""Names of system turns that are examples of a conversation."""
FIELD: Final = re.compile(r"\{\{|\}\}|\{(\w+)\}")
PUNCTUATION: Final = str.maketrans("", "", string.punctuation)
ARTICLES: Final = re.compile(r"\b(a|an|the)\b")


@dataclass(frozen=True, slots=True)
class Grading:
    """What a grader is asked. prompt: turns with fields in braces. scores: of each choice. outputs: the field that a
    model's reply to a field of the sample stands in. manner: a key of ENDINGS.
    """

    prompt: Turns
    scores: Mapping[str, float]
    outputs: Mapping[str, str]
    manner: str


@dataclass(frozen=True, slots=True)
class Sample:
    """asked: what models reply to, by the field that it comes from. ideals: replies that are right. said: all fields,
    as texts.
    """

    asked: Mapping[str, Turns]
    ideals: tuple[str, ...]
    said: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Set:
    """An evaluation. kind: a value of KINDS. files: all that were read for it."""

    name: str
    kind: str
    samples: Sequence[Sample]
    ignore_case: bool = False
    grading: Grading | None = None
    files: Sequence[Path] = field(default_factory=tuple)


# Reading


def read_sets(path: Path) -> list[Set]:
    """All evaluations that a registry file describes. Raises BadSet, OSError."""
    described = _yaml(path)
    entries = {name: each for name, each in described.items() if isinstance(each, dict) and "class" in each}
    if not entries:
        raise BadSet(f"{path} describes no evaluation; an entry must have `class` and `args`")
    return [_set(path, described, str(name), each) for name, each in entries.items()]


def _set(path: Path, described: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> Set:
    where = f"{path}: {name}"
    kind, given = KINDS.get(str(entry["class"])), entry.get("args", {})
    if kind is None:
        raise BadSet(f"{where}: there is no class {entry['class']}; write one of {', '.join(KINDS)}")
    if not isinstance(given, dict) or not isinstance(given.get("samples_jsonl"), str):
        raise BadSet(f"{where}: `args` must have `samples_jsonl`, the name of a file")
    if unknown := sorted(given.keys() - ARGUMENTS[kind]):
        raise BadSet(f"{where}: {unknown[0]} is not supported; leave it out")
    samples = _beside(path, given["samples_jsonl"], where, "data")
    grading, files = None, [path, samples]
    if kind == "graded":
        grading, file = _grading(path, described, given, where)
        files = list(dict.fromkeys((*files, file)))
    wanted = _fields_of(grading) if grading else set()
    read = [_sample(each, f"{samples}:{number}", grading, wanted) for number, each in rows(samples)]
    if not read:
        raise BadSet(f"{samples} holds no sample; each must have `input` and `ideal`")
    return Set(name, kind, read, given.get("ignore_case") is True, grading, files)


def _grading(path: Path, described: Mapping[str, Any], given: Mapping[str, Any], where: str) -> tuple[Grading, Path]:
    """What `modelgraded_spec` names: an entry of the same file, or of a file of that name beside it."""
    name = str(given.get("modelgraded_spec"))
    file = path
    if name not in described:
        file = _beside(path, f"{name}.yaml", where, "modelgraded")
        described = _yaml(file)
    entry = described.get(name, described)
    where = f"{file}: {name}"
    try:
        if unknown := sorted(entry.keys() - SPECIFICATION):
            raise BadSet(f"{where}: {unknown[0]} is not supported; leave it out")
        choices = [str(each) for each in entry["choice_strings"]]
        if entry["choice_scores"] == "from_strings":
            scores = {each: float(each) for each in choices}
        else:
            scores = {str(each): float(score) for each, score in entry["choice_scores"].items()}
        prompt = entry["prompt"]
        turns = _turns([{"role": USER, "content": prompt}] if isinstance(prompt, str) else prompt)
        outputs = {str(one): str(other) for one, other in entry.get("input_outputs", {"input": "completion"}).items()}
        manner = str(given.get("eval_type") or entry.get("eval_type") or "cot_classify")
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadSet(
            f"{where}: must have a `prompt`, `choice_strings`, and `choice_scores` with a number for each of them"
        ) from None
    if set(choices) != set(scores) or not choices:
        raise BadSet(f"{where}: `choice_scores` must have a number for each of `choice_strings`")
    if manner not in ENDINGS:
        raise BadSet(f"{where}: there is no eval_type {manner}; write one of {', '.join(ENDINGS)}")
    return Grading(turns, scores, outputs, manner), file


def _sample(given: Mapping[str, Any], where: str, grading: Grading | None, wanted: set[str]) -> Sample:
    inputs = list(grading.outputs) if grading else ["input"]
    try:
        asked = {name: _turns(given[name]) for name in inputs}
        ideal = given["ideal"] if grading is None else given.get("ideal", [])
        ideals = tuple([ideal] if isinstance(ideal, str) else ideal)
        if not all(isinstance(each, str) for each in ideals) or not (ideals or grading):
            raise ValueError("an ideal is a text")
    except (KeyError, TypeError, ValueError):
        form = " and ".join(f"`{name}`" for name in [*inputs, *([] if grading else ["ideal"])])
        raise BadSet(
            f"{where}: must have {form}: a text or a list of messages; and of ideals a text, or several"
        ) from None
    said = {name: _text(each) for name, each in given.items()}
    if missing := sorted(wanted - said.keys()):
        raise BadSet(f"{where}: must have `{missing[0]}`, which the grader's prompt shows")
    return Sample(asked, ideals, said)


def _turns(given: Any) -> Turns:
    """A text is a person's turn. Raises ValueError, KeyError, TypeError."""
    if isinstance(given, str):
        return (Turn(USER, given),)
    turns = tuple(Turn(ROLES[EXAMPLES.get(each.get("name"), each["role"])], each["content"]) for each in given)
    if not turns or not all(isinstance(turn.content, str) for turn in turns):
        raise ValueError("a message has a role and a text")
    # Only the first turn may be the system's, and one alone asks something.
    return tuple(
        Turn(USER, turn.content) if turn.role == SYSTEM and (place or len(turns) == 1) else turn
        for place, turn in enumerate(turns)
    )


def _text(given: Any) -> str:
    """A field as a grader reads it."""
    if isinstance(given, list) and given and all(isinstance(each, dict) and "content" in each for each in given):
        if len(given) == 1:
            return str(given[0]["content"])
        return "\n".join(f"{each.get('name') or each.get('role')}: {each['content']}" for each in given)
    return " | ".join(map(str, given)) if isinstance(given, list) else str(given)


def _fields_of(grading: Grading) -> set[str]:
    """What a prompt shows of the sample."""
    shown = {name for turn in grading.prompt for name in FIELD.findall(turn.content) if name}
    return shown - set(grading.outputs.values())


def _beside(path: Path, name: str, where: str, folder: str) -> Path:
    """A file that another one names: beside it, below it, or where a registry has it."""
    tried = [path.parent / name, path.parent / folder / name, path.parent.parent / folder / name]
    found = next((each for each in tried if each.is_file()), None)
    if found is None:
        raise BadSet(f"{where}: there is no file {name}, neither beside it nor in {tried[2].parent}")
    return found


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise BadSet(f"{path} cannot be read: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadSet(f"{path}:{line}: is no YAML: {error.problem}; name a registry, not its samples") from None
    except yaml.YAMLError:
        raise BadSet(f"{path} is no YAML") from None
    if not isinstance(found, dict):
        raise BadSet(f"{path} is no registry; it must have an entry for each evaluation")
    return found


# Grading


def right(of: Set, sample: Sample, reply: str) -> bool:
    """Whether a reply is one of the ideals, as the set's kind has it."""
    match of.kind:
        case "match":
            return any(reply.lstrip().startswith(ideal) for ideal in sample.ideals)
        case "includes" if of.ignore_case:
            return any(ideal.lower() in reply.lower() for ideal in sample.ideals)
        case "includes":
            return any(ideal in reply for ideal in sample.ideals)
    return any(_alike(normal(reply), normal(ideal)) for ideal in sample.ideals)


def _alike(one: str, other: str) -> bool:
    return one in other or other in one if one and other else one == other


def normal(text: str) -> str:
    """In small letters, without punctuation, articles and more blanks than one."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def asked_of_grader(grading: Grading, sample: Sample, replies: Mapping[str, str]) -> Turns:
    """replies: by the field of the sample that they reply to."""
    shown = {**sample.said, **{grading.outputs[name]: reply for name, reply in replies.items()}}
    *turns, last = (Turn(turn.role, filled(turn.content, shown)) for turn in grading.prompt)
    ending = ENDINGS[grading.manner].format(choices=", ".join(grading.scores))
    return (*turns, Turn(last.role, f"{last.content}\n\n{ending}"))


def filled(template: str, fields: Mapping[str, str]) -> str:
    """A template with its fields; doubled braces are braces."""
    return FIELD.sub(lambda each: fields[each[1]] if each[1] else each[0][0], template)


def grade(grading: Grading, said: str) -> float | None:
    """What the verdict of a grader is worth; None where it gives none."""
    lines = [line.strip(string.punctuation + string.whitespace) for line in said.splitlines()]
    lines = [line for line in lines if line]
    for line in reversed(lines) if grading.manner == "cot_classify" else lines:
        if line in grading.scores:
            return grading.scores[line]
        ends = {word.strip(string.punctuation) for word in (line.split()[0], line.split()[-1])}
        if len(found := ends & grading.scores.keys()) == 1:
            return grading.scores[found.pop()]
    return None


def figures_of(scores: Mapping[str, Sequence[float | None]], random: np.random.Generator) -> dict[str, Figure]:
    """The mean score of all samples and of each set; of what a grader mumbled nothing is counted. scores: by set."""
    found = {}
    names = {name: np.array([f"{name} {n}" for n in range(len(each))], np.str_) for name, each in scores.items()}
    values = {name: np.array([np.nan if x is None else x for x in each], np.float64) for name, each in scores.items()}
    found["accuracy"] = mean_of(np.concatenate([*values.values()]), np.concatenate([*names.values()]), random)
    if len(scores) > 1:
        found |= {f"accuracy, {name}": mean_of(values[name], names[name], random) for name in scores}
    return told(found)
