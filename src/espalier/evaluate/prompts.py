"""Sets of prompts that models answer beside each other: FastChat's questions of one turn or more, and any prompts.

Knows files; does not know who answers.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import Any, Final

from espalier.dataset.examples import ASSISTANT, USER, Battle, Chat, Preference, Prompt, Ranking, Turn, Turns
from espalier.dataset.records import Malformed
from espalier.dataset.spellings import example
from espalier.evaluate.questions import BadSet, read_set

IDS: Final = ("question_id", "uid", "prompt_id", "message_id", "id")
FORM: Final = "`turns` as FastChat's questions have them, a `prompt`, or `messages`"


@dataclass(frozen=True, slots=True)
class Asked:
    """turns: the conversation up to the first answer. later: what is said after each answer."""

    id: str
    turns: Turns
    later: tuple[str, ...] = ()


def read_prompts(path: Path) -> list[Asked]:
    """Raises BadSet, OSError."""
    found = read_set(path, asked, FORM)
    twice = [name for name, times in Counter(each.id for each in found).items() if times > 1]
    if twice:
        raise BadSet(f"{path} asks question {twice[0]} twice")
    return found


def asked(given: Mapping[str, Any]) -> Asked:
    """What one object says; without an id it is named by its text. Raises ValueError, KeyError, TypeError."""
    turns, later = _turns(given)
    text = "\n".join(turn.content for turn in turns)
    named = next((given[key] for key in IDS if isinstance(given.get(key), str | int)), None)
    return Asked(str(named) if named is not None else hashlib.sha256(text.encode()).hexdigest()[:12], turns, later)


def _turns(given: Mapping[str, Any]) -> tuple[Turns, tuple[str, ...]]:
    if isinstance(given.get("turns"), list):
        first, *later = (each["content"] if isinstance(each, dict) else each for each in given["turns"])
        if not all(isinstance(each, str) for each in (first, *later)):
            raise ValueError("a turn is a text")
        return (Turn(USER, first),), tuple(later)
    try:
        found = example(given)
    except Malformed as wrong:
        raise ValueError(wrong.reason) from None
    match found:
        case Chat(turns):  # without the answers at its end
            kept = tuple(dropwhile(lambda turn: turn.role == ASSISTANT, reversed(turns)))[::-1]
        case Prompt(turns) | Preference(turns) | Ranking(turns):
            kept = turns
        case Battle():
            raise ValueError("a battle asks nothing")
    if not kept:
        raise ValueError("nothing is asked")
    return kept, ()
