"""What one trains on, as values: chats, prompts, preferences, ranked replies and battles; how they come of threads, and
the one way in which we write them.

How others spell them is spellings.py. Knows no files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from espalier.dataset.records import MessageRecord
from espalier.dataset.threads import Pair, RankedList, Thread

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"


@dataclass(frozen=True, slots=True)
class Turn:
    """role: system, user or assistant."""

    role: str
    content: str


Turns = tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation, from its first turn to its last."""

    turns: Turns


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation that awaits an answer."""

    turns: Turns


@dataclass(frozen=True, slots=True)
class Preference:
    """Two ways to go on after a prompt, of which the first is preferred."""

    prompt: Turns
    chosen: Turns
    rejected: Turns


@dataclass(frozen=True, slots=True)
class Ranking:
    """Replies to a prompt, best first; `ties`: pairs of places that are equally good."""

    prompt: Turns
    replies: tuple[str, ...]
    ties: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Battle:
    """Two models on one question. winner: `model_a`, `model_b`, `tie` or `tie (bothbad)`, as FastChat spells it.
    conversations: of the one and of the other, where the file tells them.
    """

    question_id: str
    model_a: str
    model_b: str
    winner: str
    judge: str | None = None
    turn: int = 1
    conversations: tuple[Turns, Turns] | None = None


Example = Chat | Prompt | Preference | Ranking | Battle

ROLES: Final[Mapping[str, str]] = {
    "system": SYSTEM, "user": USER, "human": USER, "prompter": USER, "assistant": ASSISTANT, "gpt": ASSISTANT,
    "bing": ASSISTANT, "bard": ASSISTANT, "chatgpt": ASSISTANT, "model": ASSISTANT, "developer": SYSTEM,
}  # fmt: skip


# From trees


def turns_of(thread: Thread) -> Turns:
    """A thread as chats have it."""
    return tuple(Turn(ROLES[message.role], message.text) for message in thread)


def _reply(message: MessageRecord) -> Turns:
    return (Turn(ROLES[message.role], message.text),)


def preference_of(pair: Pair) -> Preference:
    return Preference(turns_of(pair.thread), _reply(pair.chosen), _reply(pair.rejected))


def ranking_of(ranked: RankedList) -> Ranking:
    return Ranking(turns_of(ranked.thread), tuple(reply.text for reply in ranked.replies), ranked.ties)


def shared(one: Turns, other: Turns) -> Turns:
    """What two conversations begin with, short enough that both go on after it."""
    both = tuple(turn for turn, _ in takewhile(lambda each: each[0] == each[1], zip(one, other, strict=False)))
    return both[:-1] if len(both) == min(len(one), len(other)) else both


# Writing


def spelled(example: Example) -> dict[str, Any]:
    """The example as an object of JSON: `messages`, or `prompt` alone, with `chosen` and `rejected`, or with
    `replies`."""
    match example:
        case Chat(turns):
            return {"messages": _objects(turns)}
        case Prompt(turns):
            return {"prompt": _objects(turns)}
        case Preference(prompt, chosen, rejected):
            return {"prompt": _objects(prompt), "chosen": _objects(chosen), "rejected": _objects(rejected)}
        case Ranking(prompt, replies, ties):
            return {"prompt": _objects(prompt), "replies": list(replies), "ties": sorted(map(list, ties))}
        case Battle():
            said: dict[str, Any] = {
                "question_id": example.question_id, "model_a": example.model_a, "model_b": example.model_b,
                "winner": example.winner, "judge": example.judge, "turn": example.turn,
            }  # fmt: skip
            if example.conversations:
                said["conversation_a"], said["conversation_b"] = map(_objects, example.conversations)
            return said


def _objects(turns: Sequence[Turn]) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in turns]
