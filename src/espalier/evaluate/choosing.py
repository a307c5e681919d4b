"""Which of some answers a model gives: by what it makes of each where it tells that, else by what it says.

Knows choices; does not know which one is right.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from espalier.dataset.examples import USER, Turn, Turns
from espalier.evaluate.answers import answers
from espalier.evaluate.model import Model, Tell, Weighted, nobody
from espalier.infer.engine import Sampling

AT_ONCE: Final = 64
LETTERS: Final = "ABCDEFGHIJ"
ASKED_FOR: Final = "Answer with the letter alone."
LONGEST: Final = 64
"""Tokens of an answer that names its letter."""
_LETTER: Final = re.compile(r"(?:^|[\s(\[*\"])([A-J])(?=$|[\s).\]:,*\"])")


def likelihoods(
    model: Weighted, asked: Sequence[tuple[Turns, Sequence[str]]], tell: Tell = nobody
) -> list[list[float]]:
    """Of each conversation log p of each choice as the reply to it, in nats."""
    flat = [(turns, choice) for turns, choices in asked for choice in choices]
    told: list[float] = []
    for begin in range(0, len(flat), AT_ONCE):
        told += [each.log_p for each in model.loglikelihood(flat[begin : begin + AT_ONCE])]
        tell(len(told), len(flat))
    found, begin = [], 0
    for _, choices in asked:
        found.append(told[begin : begin + len(choices)])
        begin += len(choices)
    return found


def chosen(
    model: Model, asked: Sequence[tuple[Turns, Sequence[str]]], seed: int, kept: Path | None, tell: Tell = nobody
) -> list[int | None]:
    """The place of each answer. Of a model that tells what it makes of texts the choice with the highest log p a byte,
    so that a short one has no advantage; another is asked for a letter, and None stands where it names none.

    The last turn of each conversation lists the choices by letter.
    """
    if (reader := model.reading()) is not None:
        return [
            max(range(len(choices)), key=lambda place, of=of, choices=choices: of[place] / _size(choices[place]))  # type: ignore[misc]
            for (_, choices), of in zip(asked, likelihoods(reader, asked, tell), strict=True)
        ]
    prompts = [(*turns[:-1], Turn(USER, f"{turns[-1].content}\n{ASKED_FOR}")) for turns, _ in asked]
    said = answers(model, prompts, Sampling(LONGEST, temperature=0.0), seed, kept, tell)
    return [letter_in(reply, choices) for reply, (_, choices) in zip(said, asked, strict=True)]


def letter_in(reply: str, choices: Sequence[str]) -> int | None:
    """The first letter that a reply names, or the one choice that stands in it."""
    found = _LETTER.search(reply.strip())
    if found and (place := LETTERS.index(found[1])) < len(choices):
        return place
    said = [place for place, choice in enumerate(choices) if choice.casefold() in reply.casefold()]
    return said[0] if len(said) == 1 else None


def _size(text: str) -> int:
    return max(1, len(text.encode()))
