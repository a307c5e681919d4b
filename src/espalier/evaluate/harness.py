"""Any of our models under lm-evaluation-harness (github.com/EleutherAI/lm-evaluation-harness): its tasks and how it
counts are its own, and it asks three things of a model.

Knows the harness; does not know where a model is.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from datasets import disable_progress_bars, enable_progress_bars
from lm_eval import evaluator, simple_evaluate
from lm_eval.api import task as task_module
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

from espalier.dataset.examples import USER, Turn
from espalier.evaluate.harness_files import FORM, Asked, asked, described, is_whole
from espalier.evaluate.kept import append_kept, read_kept
from espalier.evaluate.model import NOTHING, BadModelName, Context, Model, Tell, Weighted, nobody
from espalier.evaluate.questions import BadSet
from espalier.evaluate.results import Figure
from espalier.infer.engine import Sampling

LONGEST: Final = 256
"""Tokens of a reply where a task does not say, as the harness's own models have it."""
AT_ONCE: Final = 32
NORMAL: Final = 1.96
LMEH: Final = ("arc_challenge", "arc_easy", "boolq", "hellaswag", "openbookqa", "piqa", "winogrande")
"""The tasks whose mean accuracy the paper calls LMEH."""


class Adapter(LM):  # type: ignore[misc]  # the harness has no types
    """A model as the harness asks it. in_chat: what a task asks is a person's turn, and what is replied the
    assistant's; of a server that only replies always. kept: a file of JSONL to which is appended what the model says,
    and from which that is taken which it has said already.
    """

    def __init__(self, model: Model, in_chat: bool, seed: int, kept: Path | None = None, tell: Tell = nobody) -> None:
        super().__init__()
        self._model, self._in_chat, self._seed, self._path, self._tell = model, in_chat, seed, kept, tell
        self._kept = read_kept(kept)

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        def told(part: Sequence[Any]) -> list[Any]:
            asked = [(self._context(context), text.lstrip() if self._in_chat else text) for context, text in part]
            return [[each.log_p, each.greedy] for each in self._weighted().loglikelihood(asked)]

        return [(log_p, greedy) for log_p, greedy in self._said("loglikelihood", requests, told)]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        def told(part: Sequence[Any]) -> list[Any]:
            return [each.log_p for each in self._weighted().loglikelihood_rolling([text for (text,) in part])]

        return list(self._said("rolling", requests, told))

    def generate_until(self, requests: list[Instance]) -> list[str]:
        def told(part: Sequence[Any]) -> list[Any]:
            found = [""] * len(part)
            for sampling, places in _alike([how for _, how in part]).items():
                asked = [self._context(part[place][0]) for place in places]
                replies = self._model.generate(asked, sampling, self._seed)
                for place, reply in zip(places, replies, strict=True):
                    found[place] = _until(reply, part[place][1].get("until"))
            return found

        return list(self._said("generate", requests, told))

    def _context(self, text: str) -> Context:
        return (Turn(USER, text),) if self._in_chat else text

    def _weighted(self) -> Weighted:
        if not isinstance(self._model, Weighted):
            raise BadModelName(
                f"{self._model.name} is on a server that tells {NOTHING}, and a task asks for them; give it tasks that "
                "generate, or name a model's directory"
            )
        return self._model

    def _said(
        self, kind: str, requests: Sequence[Instance], told: Callable[[Sequence[Any]], list[Any]]
    ) -> Iterator[Any]:
        """What the model says to each request, kept as it comes."""
        asked = [each.args for each in requests]
        keys = [self._key(kind, each) for each in asked]
        waiting = [(key, each) for key, each in zip(keys, asked, strict=True) if key not in self._kept]
        done = len(keys) - len(waiting)
        for begin in range(0, len(waiting), AT_ONCE):
            part = waiting[begin : begin + AT_ONCE]
            new = [(key, {"said": said}) for (key, _), said in zip(part, told([each for _, each in part]), strict=True)]
            append_kept(self._path, new)
            self._kept |= dict(new)
            done += len(part)
            self._tell(done, len(keys))
        return (self._kept[key]["said"] for key in keys)

    def _key(self, kind: str, asked: Sequence[Any]) -> str:
        of = [self._model.identity, self._in_chat, self._seed, kind, list(asked)]
        return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()


def _alike(hows: Sequence[Mapping[str, Any]]) -> dict[Sampling, list[int]]:
    """The places of requests that are answered in the same way."""
    found: dict[Sampling, list[int]] = {}
    for place, how in enumerate(hows):
        temperature = float(how.get("temperature") or 0) if how.get("do_sample", True) else 0.0
        longest = how.get("max_gen_toks") or how.get("max_new_tokens") or how.get("max_tokens") or LONGEST
        sampling = Sampling(int(longest), temperature, *_shares(how) if temperature else ())
        found.setdefault(sampling, []).append(place)
    return found


def _shares(how: Mapping[str, Any]) -> tuple[float, int]:
    return float(how.get("top_p") or 1.0), int(how.get("top_k") or 0)


def _until(reply: str, stops: str | Sequence[str] | None) -> str:
    written = [stops] if isinstance(stops, str) else stops or ()
    ends = [place for stop in written if stop and (place := reply.find(stop)) >= 0]
    return reply[: min(ends, default=len(reply))]


@dataclass(frozen=True, slots=True)
class Found:
    """figures: of each task and metric. n: how many questions in all. versions: of the tasks."""

    figures: dict[str, Figure]
    n: int
    versions: dict[str, Any]


def evaluate(adapter: Adapter, tasks: Sequence[str], shots: int | None, first: int | None, seed: int) -> Found:
    """tasks: names of the harness's tasks, files that describe one, files of questions, or both as NAME=FILE. shots:
    examples before each question, where not as the task has it. first: only so many questions of each task. Raises
    BadSet.
    """
    wanted = [asked(each) for each in tasks]
    descriptions = [described(each) if each.name and each.file else None for each in wanted]
    is_own = all(each.name is None or (of and is_whole(of)) for each, of in zip(wanted, descriptions, strict=True))
    with _quiet():
        manager = TaskManager(include_defaults=False) if is_own else its_tasks()
        loaded = [
            task
            for each, of in zip(wanted, descriptions, strict=True)
            for task in _tasks_in(each, of, manager)
        ]  # fmt: skip
        said = simple_evaluate(
            adapter, tasks=loaded, num_fewshot=shots, limit=first, bootstrap_iters=1_000, log_samples=False,
            random_seed=seed, numpy_random_seed=seed, torch_random_seed=seed, fewshot_random_seed=seed,
            task_manager=manager,
        )  # fmt: skip
    assert said is not None, "there is one process"
    counts = {name: int(each["effective"]) for name, each in said["n-samples"].items()}
    return Found(figures_of(said["results"], counts), sum(counts.values()), dict(said["versions"]))


def figures_of(results: Mapping[str, Mapping[str, Any]], counts: Mapping[str, int]) -> dict[str, Figure]:
    """The harness's figures, each with the interval that follows from its standard error."""
    found = {}
    for task, told in results.items():
        for name, value in told.items():
            metric, comma, filtered = name.partition(",")
            if not comma or metric.endswith("_stderr") or not isinstance(value, int | float):
                continue
            error = told.get(f"{metric}_stderr,{filtered}")
            half = NORMAL * error if isinstance(error, int | float) else None
            low, high = (None, None) if half is None else (float(value) - half, float(value) + half)
            called = f"{task} {metric}" + ("" if filtered == "none" else f", {filtered}")
            found[called] = Figure(float(value), low, high, counts.get(task))
    accuracies = [found[f"{task} acc"].value for task in LMEH if f"{task} acc" in found]
    if len(accuracies) == len(LMEH):
        found["LMEH"] = Figure(sum(accuracies) / len(LMEH))
    return found


@cache
def its_tasks() -> TaskManager:
    """All tasks that the harness has, of which it reads every description: some seconds."""
    return TaskManager()


def _tasks_in(task: Asked, description: Mapping[str, Any] | None, manager: TaskManager) -> list[Any]:
    """Raises BadSet where there is no such task, or a description, or the data that it names, cannot be read."""
    if description is None or not is_whole(description):
        _refuse_unknown(task, manager)
    try:
        found = [*manager.load([_spec(task, description)])["tasks"].values()]
    except Exception as error:  # whatever a description leads the harness to
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise BadSet(f"{task.file or task.name} gives no task: {why}") from None
    if any(getattr(each, "UNSAFE_CODE", False) for each in found):
        raise BadSet(
            f"{task.name or task.file} runs programs of models on this machine as they are; use espalier evaluate "
            "humaneval"
        )
    return found


def _spec(task: Asked, description: Mapping[str, Any] | None) -> str | Mapping[str, Any]:
    """As the harness loads it. A task of its own with other data is told as the only member of a group."""
    if description is None:
        return str(task.file or task.name)
    return description if is_whole(description) else {"group": f"{task.name} of a file", "task": [description]}


def _refuse_unknown(task: Asked, manager: TaskManager) -> None:
    """Raises BadSet where a task is named that the harness does not have."""
    if task.name is None or task.name in (manager.all_subtasks if task.file else manager.all_tasks):
        return
    if task.file is None:
        raise BadSet(
            f"the harness has no task {task.name!r}; `lm-eval ls tasks` lists them, or name a file of your own"
        )
    raise BadSet(
        f"{task.file} has neither {FORM}, nor does the harness have a task {task.name!r} that would say what is asked; "
        f"write NAME={task.file} with the task's name, or name a file that describes one"
    )


def _no_bar(values: Iterable[Any], **_: object) -> Iterable[Any]:
    return values


def _no_commit() -> None:
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the harness tells of its work, and git of the folder that one stands in; ours is told by a bar."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    disable_progress_bars()
    kept = task_module.tqdm, evaluator.get_git_commit_hash
    task_module.tqdm, evaluator.get_git_commit_hash = _no_bar, _no_commit
    try:
        yield
    finally:
        task_module.tqdm, evaluator.get_git_commit_hash = kept
        enable_progress_bars()
        logger.setLevel(level)
