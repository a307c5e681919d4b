"""What makes replies: prompts in, samples out.

Knows token ids; knows neither models nor chat formats, and needs no torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How replies are drawn.

    longest: tokens of a reply, its end token among them. temperature: 0 takes the likeliest token each time. top_p: of
    the likeliest tokens only those that make up this share. top_k: only so many of them; 0 means all.
    """

    longest: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """A reply to a prompt.

    reply: with its end token where it has one. finished: whether it came to its end token, and was not cut off at the
    longest length.
    """

    prompt: Tokens
    reply: Tokens
    finished: bool


Reward = Callable[[Sequence[Sample]], Sequence[float]]
"""What each sample is worth: a function that looks at it, or a reward model."""


class Engine(Protocol):
    """Something that replies: a model in this process, or a server."""

    def generate(self, prompts: Sequence[Tokens], sampling: Sampling, seed: int) -> list[Sample]:
        """One sample a prompt, in the order of the prompts; the same prompts, sampling and seed give the same."""
        ...
