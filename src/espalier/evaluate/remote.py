"""A model on a server that speaks OpenAI's chat interface, as evaluation asks it.

Knows requests; does not know what is evaluated.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from espalier.dataset.examples import ASSISTANT, USER, Turn, Turns
from espalier.evaluate.model import BadModelName, Context
from espalier.infer.engine import Sampling
from espalier.infer.remote import ChatClient, chat_request

AT_ONCE: Final = 8  # requests; a server puts them together as it can
SCORED_AT_ONCE: Final = 64


class RemoteModel:
    """A model of a server. It replies; what it thinks of texts nobody can ask it."""

    def __init__(self, name: str, url: str, model: str, key: str | None = None) -> None:
        self.name, self.source = name, f"{url}#{model}"
        self.identity = self.source  # whether there is another model behind it by now, nobody can see
        self._url, self._model, self._key = url, model, key

    def generate(self, prompts: Sequence[Context], sampling: Sampling, seed: int) -> list[str]:
        """A text is asked as a person's turn, since servers go on with none. Each prompt has a seed of its own, so that
        the same prompt twice gives two samples. Raises ApiRefusal, Unreachable."""
        conversations = [(Turn(USER, each),) if isinstance(each, str) else each for each in prompts]
        asked = [chat_request(self._model, turns, sampling, seed + place) for place, turns in enumerate(conversations)]
        with ChatClient(self._url, self._key) as client, ThreadPoolExecutor(AT_ONCE) as threads:
            answers = list(threads.map(client.complete, asked))
        said = [answer.choices[0].message if answer.choices else None for answer in answers]
        return ["" if each is None else each.content or each.refusal or "" for each in said]


class RemoteJudge:
    """The reward model of one of our own servers."""

    def __init__(self, name: str, place: str, key: str | None = None) -> None:
        self.name, self._place, self._key = name, place, key

    def rewards(self, replies: Sequence[tuple[Turns, str]]) -> list[float]:
        """Raises ApiRefusal, Unreachable; BadModelName where the server has no reward model."""
        found = list[float]()
        with ChatClient(self._place.partition("#")[0], self._key) as client:
            for begin in range(0, len(replies), SCORED_AT_ONCE):
                part = replies[begin : begin + SCORED_AT_ONCE]
                said = client.scores([(*turns, Turn(ASSISTANT, text)) for turns, text in part])
                if said.rewards is None:
                    raise BadModelName(f"the server at {self._place} has no reward model")
                told = [reward for reward in said.rewards if reward is not None]
                if len(told) < len(part):
                    raise BadModelName(f"a conversation is too long for the reward model at {self._place}")
                found += told
        return found


def open_remote(name: str, place: str, key: str | None = None) -> RemoteModel:
    """place: an address, with the model's name after `#` where the server has several. Raises ApiRefusal, Unreachable,
    BadModelName.
    """
    url, _, model = place.partition("#")
    with ChatClient(url, key) as client:
        there = [each.id for each in client.models()]
    if model and model not in there:
        raise BadModelName(f"the server at {url} has no model {model!r}; it has {', '.join(there) or 'none'}")
    if not model and len(there) != 1:
        raise BadModelName(
            f"the server at {url} has {', '.join(there) or 'no model'}; write {url}#MODEL to say which one"
        )
    return RemoteModel(name if name != place else there[0], url, model or there[0], key)
