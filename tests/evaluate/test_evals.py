"""Sets in the format of OpenAI evals are read as they are published, and graded as they say."""

import json
from pathlib import Path

import numpy as np
import pytest

from commands import Run
from espalier.dataset.examples import Turn
from espalier.evaluate.evals import Sample, Set, asked_of_grader, figures_of, grade, read_sets, right
from espalier.evaluate.questions import BadSet
from oasst import lines

REGISTRY = """\
sums:
  id: sums.dev.v0
  metrics: [accuracy]
sums.dev.v0:
  class: evals.elsuite.basic.match:Match
  args:
    samples_jsonl: sums/samples.jsonl
polite:
  class: evals.elsuite.modelgraded.classify:ModelBasedClassify
  args:
    samples_jsonl: polite.jsonl
    modelgraded_spec: politeness
    eval_type: classify
"""
POLITENESS = """\
politeness:
  prompt: |-
    Was this a polite answer to "{input}"? {{Ignore}} the grammar. What counts: {criteria}
    {completion}
  choice_strings: [Yes please, "No"]
  choice_scores: {Yes please: 1.0, "No": 0.0}
  input_outputs:
    input: completion
"""


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """As a registry has its files: in folders of their own."""
    for folder in ("evals", "modelgraded", "data/sums"):
        (tmp_path / folder).mkdir(parents=True)
    path = tmp_path / "evals" / "mine.yaml"
    path.write_text(REGISTRY, "utf-8")
    (tmp_path / "modelgraded" / "politeness.yaml").write_text(POLITENESS, "utf-8")
    system = [{"role": "system", "content": "Add."}, {"role": "user", "content": "1 + 1"}]
    lines(tmp_path / "data" / "sums" / "samples.jsonl", {"input": system, "ideal": "2"},
          {"input": "2 + 2", "ideal": ["4", "four"]})  # fmt: skip
    lines(tmp_path / "data" / "polite.jsonl", {"input": "Hello?", "criteria": "a greeting"})
    return path


def test_a_registry_is_read_with_what_it_names(registry: Path) -> None:
    sums, polite = read_sets(registry)
    assert (sums.name, sums.kind, polite.kind) == ("sums.dev.v0", "match", "graded")
    assert sums.samples[0].asked["input"] == (Turn("system", "Add."), Turn("user", "1 + 1"))
    assert sums.samples[1].ideals == ("4", "four")
    assert polite.grading
    (turn,) = asked_of_grader(polite.grading, polite.samples[0], {"input": "Hi {criteria}."})
    assert turn.content.startswith(
        'Was this a polite answer to "Hello?"? {Ignore} the grammar. What counts: a greeting'
    )
    assert "Hi {criteria}." in turn.content
    assert "Yes please, No" in turn.content


@pytest.mark.parametrize(
    ("kind", "ideal", "reply", "expected"),
    [
        ("match", "Paris", " Paris, of course", True),
        ("match", "Paris", "It is Paris", False),
        ("includes", "Paris", "It is Paris", True),
        ("includes", "paris", "It is Paris", False),
        ("fuzzy match", "the Eiffel Tower!", "Eiffel  tower", True),
        ("fuzzy match", "tower", "It is the Eiffel tower.", True),
        ("fuzzy match", "Paris", "", False),
        ("fuzzy match", "Paris", "London", False),
    ],
)
def test_replies_are_compared_as_the_set_says(kind: str, ideal: str, reply: str, expected: bool) -> None:
    sample = Sample({}, ("something else", ideal), {})
    assert right(Set("x", kind, [sample]), sample, reply) is expected
    assert right(Set("x", "includes", [sample], ignore_case=True), sample, ideal.upper())


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Yes please", 1.0),
        ("**No**.", 0.0),
        ("It was: No", 0.0),
        ("No.\nYes please", 0.0),
        ("Perhaps.", None),
        ("", None),
    ],
)
def test_a_verdict_is_read_or_counted_apart(registry: Path, said: str, expected: float | None) -> None:
    grading = read_sets(registry)[1].grading
    assert grading
    assert grade(grading, said) == expected


def test_figures_are_means_over_what_was_graded() -> None:
    found = figures_of({"a": [1.0, 0.0, None], "b": [1.0]}, np.random.default_rng(0))
    assert (found["accuracy"].value, found["accuracy"].n) == (pytest.approx(2 / 3), 3)
    assert found["accuracy, b"].value == 1


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("evals/mine.yaml", "metrics: [accuracy]", "metrics: [", r"mine.yaml:\d: is no YAML"),
        ("evals/mine.yaml", "match:Match", "match:Fits", "no class evals.elsuite.basic.match:Fits"),
        ("evals/mine.yaml", "sums/samples", "sums/none", "no file sums/none.jsonl"),
        ("evals/mine.yaml", "eval_type: classify", "eval_type: guess", "no eval_type guess"),
        ("evals/mine.yaml", "eval_type: classify", "num_few_shot: 3", "num_few_shot is not supported"),
        ("modelgraded/politeness.yaml", '"No": 0.0', '"Nay": 0.0', "a number for each"),
        ("modelgraded/politeness.yaml", "{criteria}", "{other}", "polite.jsonl:1: must have `other`"),
        ("data/sums/samples.jsonl", '"four"', "4", r"samples.jsonl:2: must have `input` and `ideal`"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(registry: Path, file: str, old: str, new: str, says: str) -> None:
    path = registry.parent.parent / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(BadSet, match=says):
        read_sets(registry)


def test_the_command_keeps_scores(run: Run, registry: Path, model_directory: Path) -> None:
    model = f"tiny={model_directory / 'model'}"
    command = ("evaluate", "evals", registry, model, "--longest", 8, "--threads", 1)
    assert "name one with --judge" in run(*command).err
    done = run(*command, "--judge", model, "--judge-longest", 8)
    assert done.code == 0, done.err
    found = json.loads(Path("results/tiny/evals.json").read_text("utf-8"))
    assert found["settings"]["sets"] == {"sums.dev.v0": "match", "polite": "graded"}
    assert found["figures"]["accuracy, sums.dev.v0"]["n"] == 2
    assert found["inputs"].keys() == {"mine.yaml", "politeness.yaml", "samples.jsonl", "polite.jsonl"}
