"""Functions that models write are run, and counted as the paper counts them."""

import json
from collections.abc import Sequence
from math import comb
from pathlib import Path

import pytest

from commands import Run
from espalier.evaluate import sandbox
from espalier.evaluate.humaneval import Problem, asked, completion, pass_at_k, passed, program
from espalier.evaluate.sandbox import Limits, NoSandbox, Outcome
from oasst import lines

ADD = Problem(
    "t/0", "import math\n\n\ndef add(a, b):\n    \"\"\" Add.\n    \"\"\"\n", "add",
    "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert math.pi > 3\n",
)  # fmt: skip


@pytest.mark.parametrize(("n", "right", "k"), [(5, 0, 1), (5, 2, 1), (5, 2, 3), (5, 5, 5), (200, 3, 100), (10, 8, 3)])
def test_pass_at_k_is_the_closed_form(n: int, right: int, k: int) -> None:
    assert pass_at_k(n, right, k) == pytest.approx(1 - comb(n - right, k) / comb(n, k), abs=1e-12)


def test_a_completion_ends_where_the_function_does() -> None:
    assert completion("    return a + b\n\n\ndef other():\n    pass\n") == "    return a + b\n\n"
    assert completion("    if a:\n        print(b)\n") == "    if a:\n        print(b)\n"


@pytest.mark.parametrize(
    ("reply", "in_chat", "expected"),
    [
        ("    return a + b\nprint(1 / 0)", False, Outcome.PASSED),
        ("    return a", False, Outcome.FAILED),
        ("", False, Outcome.FAILED),
        ("Sure:\n```python\ndef add(a, b):\n    return a + b\n```\nThat adds.", True, Outcome.PASSED),
        ("```\nx = 1\n```\n```py\ndef add(a, b):\n    return a + b", True, Outcome.PASSED),
        ("    return a + b", True, Outcome.PASSED),
        ("I cannot.", True, Outcome.FAILED),
        ("", True, Outcome.FAILED),
    ],
)
def test_what_is_run_is_what_was_written(reply: str, in_chat: bool, expected: Outcome) -> None:
    assert sandbox.outcome(program(ADD, reply, in_chat)) is expected


def test_a_base_model_goes_on_with_the_text_and_others_are_asked() -> None:
    assert asked(ADD, in_chat=False) == ADD.prompt
    (turn,) = asked(ADD, in_chat=True)
    assert turn.content.endswith('Add.\n    """\n```')


def test_a_program_is_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "outcomes.jsonl"
    right, wrong = program(ADD, "    return a + b", False), program(ADD, "", False)
    found = passed([right, wrong, right], Limits(), kept)
    assert found == [Outcome.PASSED, Outcome.FAILED, Outcome.PASSED]
    assert len(kept.read_bytes().split()) > 0

    def none(*_: object) -> Sequence[Outcome]:
        raise AssertionError("a program was run again")

    monkeypatch.setattr("espalier.evaluate.humaneval.outcomes", none)
    assert passed([right, wrong], Limits(), kept) == found[:2]


def test_the_command_counts_and_keeps(run: Run, model_directory: Path) -> None:
    problem = {"task_id": "t/0", "prompt": "def f(x):\n", "entry_point": "f", "test": "def check(f):\n    f(1)\n"}
    lines(Path("problems.jsonl"), *({**problem, "task_id": f"t/{n}"} for n in range(3)))
    command = ("evaluate", "humaneval", f"tiny={model_directory / 'model'}", "--problems", "problems.jsonl")
    more = ("--samples", 2, "--k", "1,2", "--temperature", 0.8, "--longest", 4, "--threads", 1)
    done = run(*command, *more, "--text")
    assert done.code == 0, done.err
    found = json.loads(Path("results/tiny/humaneval.json").read_text("utf-8"))
    assert found["figures"].keys() == {"pass@1", "pass@2"}
    assert {name: len(each) for name, each in found["details"]["outcomes"].items()} == {"t/0": 2, "t/1": 2, "t/2": 2}
    assert run(*command, *more).code == 0


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--k", "2"], "as many samples"),
        (["--k", "x"], "no list of numbers"),
        (["--samples", "2"], "At temperature 0"),
        (["--problems", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_what_cannot_be_asked_is_refused(run: Run, more: list[str], says: str) -> None:
    Path("p.jsonl").write_text('{"task_id": "x"}\n', "utf-8")
    done = run("evaluate", "humaneval", "m=dir", "--problems", "p.jsonl", *more)
    assert done.code
    assert says in done.err
    assert "p.jsonl:1: must have `task_id`" in run("evaluate", "humaneval", "m=dir", "--problems", "p.jsonl").err


def test_without_a_sandbox_nothing_is_run(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    open_door = tmp_path / "confined.py"
    open_door.write_text("import sys\nsys.stdin.read()\nprint('the kernel has no Landlock', end='')\n", "utf-8")
    monkeypatch.setattr("espalier.evaluate.confined.__file__", str(open_door))
    with pytest.raises(NoSandbox, match="the kernel has no Landlock"):
        sandbox.outcome("pass")
    lines(Path("p.jsonl"), {"task_id": "x", "prompt": "", "entry_point": "f", "test": ""})
    done = run("evaluate", "humaneval", "m=dir", "--problems", "p.jsonl")
    assert done.code == 1
    assert "cannot be shut in on this machine: the kernel has no Landlock" in done.err
