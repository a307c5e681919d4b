"""HumanEval (Chen et al. 2021, arXiv 2107.03374): functions that a model writes, and whether they pass their tests.

Knows problems and what models reply; does not know how programs are run.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from espalier.dataset.contributors import Estimate
from espalier.dataset.examples import USER, Turn
from espalier.evaluate.kept import append_kept, read_kept
from espalier.evaluate.model import Context, Tell, nobody
from espalier.evaluate.questions import read_set
from espalier.evaluate.sandbox import Limits, Outcome, key_of, outcomes
from espalier.infer.measure import mean

FORM: Final = "`task_id`, `prompt`, `entry_point` and `test`, as HumanEval has them"
STOPS: Final = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""Where a completion ends: what follows is no part of the function (section 2.1 of the paper)."""
AT_ONCE: Final = 64  # programs, after which their outcomes are kept
INSTRUCTION: Final = "Complete this Python function. Reply with the whole function in one block of code.\n\n```python\n"
FENCED: Final = re.compile(r"```[^\n`]*\n(.*?)(?:\n```|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """prompt: a program up to the body of a function. entry_point: its name. test: defines `check`, which takes it."""

    id: str
    prompt: str
    entry_point: str
    test: str


def read_problems(path: Path) -> list[Problem]:
    """Raises BadSet, OSError."""
    return read_set(path, _problem, FORM)


def _problem(given: Mapping[str, Any]) -> Problem:
    fields = [given[name] for name in ("task_id", "prompt", "entry_point", "test")]
    if not all(isinstance(each, str) for each in fields):
        raise TypeError("each is a text")
    return Problem(*fields)


def asked(problem: Problem, in_chat: bool) -> Context:
    """The function to be completed: as a request in a conversation, or as the beginning of a text."""
    if not in_chat:
        return problem.prompt
    return (Turn(USER, f"{INSTRUCTION}{problem.prompt.rstrip()}\n```"),)


def program(problem: Problem, reply: str, in_chat: bool) -> str:
    """What is run to see whether a reply is right."""
    body = _from_chat(problem, reply) if in_chat else problem.prompt + completion(reply)
    return f"{body}\n{problem.test}\ncheck({problem.entry_point})\n"


def completion(text: str) -> str:
    """What belongs to the function."""
    return text[: min((place for stop in STOPS if (place := text.find(stop)) >= 0), default=len(text))]


def _from_chat(problem: Problem, reply: str) -> str:
    """The block of code that defines the function, after what the prompt brings along for it; else the first block, as
    the function's body.
    """
    blocks: list[str] = FENCED.findall(reply) or [reply]
    defines = re.compile(rf"^def {re.escape(problem.entry_point)}\b", re.MULTILINE)
    whole = next((block for block in blocks if defines.search(block)), None)
    if whole is None:
        return problem.prompt + completion(blocks[0])
    begins = defines.search(problem.prompt)
    return problem.prompt[: begins.start() if begins else 0] + whole


def pass_at_k(samples: int, right: int, k: int) -> float:
    """How likely one of k samples is right, without bias: 1 − C(n − c, k) / C(n, k), as a product without large
    numbers. samples: n, at least k. right: c.
    """
    if samples - right < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(samples - right + 1, samples + 1)))


def passed(programs: Sequence[str], limits: Limits, kept: Path | None = None, tell: Tell = nobody) -> list[Outcome]:
    """What becomes of each program; each is run once, and not again if it is kept. Raises NoSandbox."""
    keys = [key_of(each, limits) for each in programs]
    had = {
        key: Outcome(each["outcome"]) for key, each in read_kept(kept).items() if each.get("outcome") in set(Outcome)
    }
    waiting = [(key, each) for key, each in dict(zip(keys, programs, strict=True)).items() if key not in had]
    for begin in range(0, len(waiting), AT_ONCE):
        part = waiting[begin : begin + AT_ONCE]
        new = outcomes([each for _, each in part], limits)
        had |= {key: each for (key, _), each in zip(part, new, strict=True)}
        append_kept(kept, [(key, {"outcome": had[key]}) for key, _ in part])
        tell(begin + len(part), len(waiting))
    return [had[key] for key in keys]


def figures_of(
    found: Mapping[str, Sequence[Outcome]], ks: Sequence[int], random: np.random.Generator
) -> dict[str, Estimate]:
    """pass@k over problems, which are drawn again for the interval. found: outcomes of the samples of each problem."""
    names = np.array(list(found), np.str_)
    told = {}
    for k in ks:
        each = [pass_at_k(len(every), list(every).count(Outcome.PASSED), k) for every in found.values()]
        told[f"pass@{k}"] = mean(np.array(each, np.float64), names, random)
    return {name: estimate for name, estimate in told.items() if estimate is not None}
