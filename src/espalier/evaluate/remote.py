"""A model on a server that speaks OpenAI's chat interface, as evaluation asks it.

Knows requests; does not know what is evaluated.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Self, TypeVar

from espalier.dataset.examples import ASSISTANT, SYSTEM, USER, Turn, Turns
from espalier.evaluate.model import BadModelName, Context, Likelihood
from espalier.evaluate.together import together
from espalier.evaluate.windows import Read, of_the_word, windows
from espalier.infer.completions import ApiRefusal
from espalier.infer.engine import Sampling, Tokens
from espalier.infer.remote import ChatClient, Unreachable, chat_request, drawn_so

SCORED_AT_ONCE: Final = 64
LONGEST: Final = 2_048
"""Tokens of a prompt and its reply where a server does not say how many it takes."""
TRIED: Final = "Why?"
"""With this a server is asked whether it tells what a model makes of texts."""


Asked = TypeVar("Asked")
Told = TypeVar("Told")


class RemoteModel:
    """A model of a server. It replies; whether it also tells what it makes of texts, `reading` finds out. longest:
    tokens of a prompt with its reply, where the server says so.
    """

    def __init__(self, name: str, url: str, model: str, key: str | None = None, longest: int | None = None) -> None:
        self.name, self.source, self.longest = name, f"{url}#{model}", longest or LONGEST
        self.identity = self.source  # whether there is another model behind it by now, nobody can see
        self._url, self._model, self._key = url, model, key

    def generate(self, prompts: Sequence[Context], sampling: Sampling, seed: int) -> list[str]:
        """Each prompt has a seed of its own, so that the same prompt twice gives two samples. Raises ApiRefusal,
        Unreachable.
        """
        return _in_order(self.replies(dict(enumerate(prompts)), sampling, seed))

    def replies(self, prompts: Mapping[int, Context], sampling: Sampling, seed: int) -> Iterator[tuple[int, str]]:
        """Those of `generate` to prompts at these places, as they come."""
        places = list(prompts)
        asked = self._each(lambda client, at: self._reply(client, prompts[at], sampling, seed + at), places)
        return ((places[number], text) for number, text in asked)

    def _reply(self, client: ChatClient, asked: Context, sampling: Sampling, seed: int) -> str:
        """A text is asked as a person's turn, since servers go on with none."""
        turns = (Turn(USER, asked),) if isinstance(asked, str) else asked
        answer = client.complete(chat_request(self._model, turns, sampling, seed))
        said = answer.choices[0].message if answer.choices else None
        return "" if said is None else said.content or said.refusal or ""

    def _each(self, ask: Callable[[ChatClient, Asked], Told], about: Sequence[Asked]) -> Iterator[tuple[int, Told]]:
        client = ChatClient(self._url, self._key)
        return together(lambda each: ask(client, each), about, client.close)

    def reading(self) -> "ReadingModel | None":
        """The same model where its server tells tokens and their log-probabilities, as ours and vLLM do. Raises
        Unreachable.
        """
        try:
            with ChatClient(self._url, self._key) as client:
                cut = client.tokens(self._model, TRIED)
                turn = client.tokens(self._model, (Turn(USER, TRIED),))
                told = client.read(self._model, cut) if cut and turn else None
        except ApiRefusal:
            return None
        return ReadingModel(self.name, self._url, self._model, self._key, self.longest) if told else None


class ReadingModel(RemoteModel):
    """A model of a server that tells what it makes of texts. How it cuts them nobody can look up, so its tokenizer is
    like no other's.
    """

    def __init__(self, name: str, url: str, model: str, key: str | None = None, longest: int | None = None) -> None:
        super().__init__(name, url, model, key, longest)
        self.tokenizer = hashlib.sha256(self.source.encode()).hexdigest()[:16]

    def reading(self) -> Self:
        return self

    def _reply(self, client: ChatClient, asked: Context, sampling: Sampling, seed: int) -> str:
        """A text goes on as a text."""
        if not isinstance(asked, str):
            return super()._reply(client, asked, sampling, seed)
        prompt = self._tokens(client, asked)[-max(1, self.longest - sampling.longest) :]
        return client.go_on({"model": self._model, "prompt": list(prompt), **drawn_so(sampling, seed)})

    def loglikelihood(self, asked: Sequence[tuple[Context, str]]) -> list[Likelihood]:
        """As a model of this process has it. Raises ApiRefusal, Unreachable."""
        return _in_order(self._each(lambda client, each: self._likelihood(client, *self._pair(client, *each)), asked))

    def loglikelihood_rolling(self, texts: Sequence[str]) -> list[Likelihood]:
        """As a model of this process has it. Raises ApiRefusal, Unreachable; BadModelName where the tokenizer puts
        nothing before a text, so that its first token stands after nothing.
        """
        return _in_order(self._each(lambda client, text: self._likelihood(client, *self._begun(client, text)), texts))

    def _pair(self, client: ChatClient, context: Context, text: str) -> Read:
        if not isinstance(context, str):
            reply = self._tokens(client, text, special=False)
            return self._prompt(client, context, max(self.longest - len(reply), self.longest // 2)), reply
        stripped, text = of_the_word(context, text)
        if not stripped:
            return self._begun(client, text)
        before, whole = self._tokens(client, stripped), self._tokens(client, stripped + text)
        return before, whole[len(before) :]

    def _begun(self, client: ChatClient, text: str) -> Read:
        """A text after what the tokenizer puts before it."""
        begin, whole = self._tokens(client, ""), self._tokens(client, text)
        if not begin or whole[:1] != begin[:1]:
            raise BadModelName(
                f"the tokenizer of {self.name} puts nothing before a text, and a server does not say what its first "
                "token stands after; name the model's directory"
            )
        return whole[:1], whole[1:]

    def _prompt(self, client: ChatClient, turns: Turns, room: int) -> Tokens:
        """Of a conversation that is too long the last turns; where the last one alone is too long the end of it."""
        led = turns[:1] if turns[0].role == SYSTEM else ()
        begins = [place for place, turn in enumerate(turns) if place > len(led) and turn.role == USER]
        whole = self._tokens(client, turns)
        for begin in begins:
            if len(whole) <= room:
                break
            whole = self._tokens(client, (*led, *turns[begin:]))
        return whole if len(whole) <= room else self._tokens(client, turns)[-room:]

    def _tokens(self, client: ChatClient, given: Turns | str, special: bool = True) -> Tokens:
        if (found := client.tokens(self._model, given, special)) is None:
            raise Unreachable(f"the server of {self.name} tells no tokens any more")
        return found

    def _likelihood(self, client: ChatClient, before: Tokens, text: Tokens) -> Likelihood:
        log_p, greedy = 0.0, True
        for context, piece in windows(before, text, self.longest - 1):  # a token follows, of which there is no need
            told = client.read(self._model, context + piece)
            if told is None or told.top_logprobs is None:
                raise Unreachable(f"the server of {self.name} tells no log-probabilities any more")
            for place in range(len(context), len(context) + len(piece)):
                own, top = told.token_logprobs[place], told.top_logprobs[place] or {}
                if own is None:
                    raise Unreachable(f"the server of {self.name} tells nothing of a token")
                log_p += own
                greedy &= own >= max(top.values(), default=own)
        return Likelihood(log_p, len(text), greedy)


def _in_order(told: Iterator[tuple[int, Told]]) -> list[Told]:
    by_place = dict(told)
    return [by_place[place] for place in range(len(by_place))]


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
        told = client.models()
    there = [each.id for each in told]
    if model and model not in there:
        raise BadModelName(f"the server at {url} has no model {model!r}; it has {', '.join(there) or 'none'}")
    if not model and len(there) != 1:
        raise BadModelName(
            f"the server at {url} has {', '.join(there) or 'no model'}; write {url}#MODEL to say which one"
        )
    longest = next(each.max_model_len for each in told if each.id == (model or there[0]))
    return RemoteModel(name if name != place else there[0], url, model or there[0], key, longest)
