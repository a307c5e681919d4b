"""Replies of a model to many conversations, kept as they are made: an evaluation that was stopped goes on.

Knows files; does not know what replies are evaluated for.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

from espalier.evaluate.kept import append_kept, read_kept
from espalier.evaluate.model import Context, Model, OneByOne, Tell, nobody
from espalier.evaluate.results import path_of
from espalier.infer.engine import Sampling

AT_ONCE: Final = 32
"""Prompts that are answered together. Chance is one for all of them, so it decides what seeded replies are."""


def answers(
    model: Model,
    prompts: Sequence[Context],
    sampling: Sampling,
    seed: int,
    kept: Path | None = None,
    tell: Tell = nobody,
) -> list[str]:
    """A reply to each prompt, in their order, whether or not the work was stopped in between.

    kept: a file of JSONL to which replies are appended, and from which those are taken that are there already: of this
    model, to these prompts, drawn in this way. tell: how many there are, of all.
    """
    had = read_kept(kept)
    found: list[str] = []
    for begin in range(0, len(prompts), AT_ONCE):
        part = prompts[begin : begin + AT_ONCE]
        key = _key(model, part, sampling, seed, begin)
        replies = had.get(key, {}).get("replies")
        if not isinstance(replies, list) or len(replies) != len(part):
            if isinstance(model, OneByOne):
                told = partial(_told, tell, len(found), len(prompts))
                replies = _one_by_one(model, part, sampling, _seed(seed, begin), key, had, kept, told)
            else:
                replies = model.generate(part, sampling, _seed(seed, begin))
                append_kept(kept, [(key, {"replies": replies})])
        found += map(str, replies)
        tell(len(found), len(prompts))
    return found


def _one_by_one(
    model: OneByOne, part: Sequence[Context], sampling: Sampling, seed: int, key: str,
    had: Mapping[str, Mapping[str, Any]], kept: Path | None, tell: Callable[[int], None],
) -> list[str]:  # fmt: skip
    """The replies of a part, each of which is kept as soon as it is there: a server may have been paid for it."""
    keys = [f"{key} {place}" for place in range(len(part))]
    said = {place: str(had[each]["reply"]) for place, each in enumerate(keys) if "reply" in had.get(each, {})}
    missing = {place: each for place, each in enumerate(part) if place not in said}
    for place, reply in model.replies(missing, sampling, seed):
        append_kept(kept, [(keys[place], {"reply": reply})])
        said[place] = reply
        tell(len(said))
    return [said[place] for place in range(len(part))]


def _told(tell: Tell, before: int, of: int, done: int) -> None:
    tell(before + done, of)


def samples_of(out: Path, model: Model, evaluation: str) -> Path:
    """Where the replies of a model are kept, beside its results."""
    return path_of(out, model.name, evaluation).with_suffix(".samples.jsonl")


def _seed(seed: int, begin: int) -> int:
    return (seed * 1_000_003 + begin) % 2**31


def _key(model: Model, part: Sequence[Context], sampling: Sampling, seed: int, begin: int) -> str:
    said = [each if isinstance(each, str) else [asdict(turn) for turn in each] for each in part]
    of = [model.identity, said, asdict(sampling), seed, begin]
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()
