"""Models against each other: each answers the same questions, and any two answers to one are put before a judge.

Knows conversations and judges; rates nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from random import Random

from espalier.dataset.examples import ASSISTANT, USER, Battle, Turn, Turns
from espalier.evaluate.answers import answers
from espalier.evaluate.model import Model, Tell, nobody
from espalier.evaluate.prompts import Asked
from espalier.infer.engine import Sampling


@dataclass(frozen=True, slots=True)
class Contest:
    """Two answers in one turn of a question, each after its own model's answers before. The judge sees `model_a` first.

    one, other: the conversations, which end with the answers.
    """

    question: str
    turn: int
    model_a: str
    model_b: str
    one: Turns
    other: Turns

    def won_by(self, winner: str, judge: str) -> Battle:
        """winner: `model_a`, `model_b`, `tie`, or why there is none."""
        return Battle(self.question, self.model_a, self.model_b, winner, judge, self.turn, (self.one, self.other))

    @property
    def turned(self) -> "Contest":
        return Contest(self.question, self.turn, self.model_b, self.model_a, self.other, self.one)


def conversations(
    model: Model, questions: Sequence[Asked], sampling: Sampling, seed: int, kept: Path | None, tell: Tell = nobody
) -> list[list[Turns]]:
    """Of each question the conversation after each answer. kept: where answers are kept as they are made."""
    held: list[list[Turns]] = [[] for _ in questions]
    done, of = 0, sum(1 + len(each.later) for each in questions)
    for turn in range(max((1 + len(each.later) for each in questions), default=0)):
        places = [place for place, each in enumerate(questions) if len(each.later) >= turn]
        prompts = [
            (*held[place][-1], Turn(USER, questions[place].later[turn - 1])) if turn else questions[place].turns
            for place in places
        ]
        replies = answers(model, prompts, sampling, seed, kept, partial(_told, tell, done, of))
        for place, prompt, reply in zip(places, prompts, replies, strict=True):
            held[place].append((*prompt, Turn(ASSISTANT, reply)))
        done += len(places)
    return held


def _told(tell: Tell, before: int, of: int, now: int, _: int) -> None:
    tell(before + now, of)


def contests(questions: Sequence[Asked], held: Mapping[str, Sequence[Sequence[Turns]]], seed: int) -> list[Contest]:
    """Any two models on each turn of each question; who stands first is drawn for each."""
    random = Random(seed)
    found = []
    for place, question in enumerate(questions):
        for one, other in combinations(sorted(held), 2):
            for turn, (ours, theirs) in enumerate(zip(held[one][place], held[other][place], strict=True), 1):
                contest = Contest(question.id, turn, one, other, ours, theirs)
                found.append(contest.turned if random.random() < 0.5 else contest)
    return found
