"""A client of any server that speaks OpenAI's chat interface: ours, vLLM, llama.cpp, Ollama, or one elsewhere.

Evaluation asks one thing after the other and waits where a server is busy; chats read replies as they come, and are
told at once. Knows HTTP; knows no model and needs no torch.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from math import isfinite
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from espalier.dataset.examples import ASSISTANT, Turn
from espalier.infer.completions import (
    ApiRefusal,
    ChatChunk,
    ChatCompletion,
    Model,
    ModelList,
    Reply,
    Scores,
    TextCompletion,
    TextLogprobs,
    Usage,
    too_long,
)
from espalier.infer.engine import Sampling, Tokens

SILENCE_S: Final = 120.0
"""How long a server may say nothing in a stream; ours says that it is there while a request waits."""
CONNECT_S: Final = 5.0
FIRST_S: Final = 10.0
"""How long a server may take to say which models it has; nothing is computed for that."""
WHOLE_S: Final = 600.0
"""How long an answer may take that comes as a whole; OpenAI's own client waits as long."""
LARGEST: Final = 64 * 2**20
LARGEST_EVENT: Final = 4 * 2**20
"""Bytes of a whole answer, and of an event in a stream; what is larger is nothing that a model wrote."""
END_S: Final = 1.0
"""How long the end of a stream may take after its last event; a connection that was read to its end serves again."""
TRIES: Final = 6
PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
BUSY: Final = frozenset({408, 409, 429, 500, 502, 503, 504})
"""Answers after which another try may help."""
SHOWN: Final = 100
"""Characters of an answer that nobody understands."""
LLAMA_CPP: Final = re.compile(r"b\d+-")
"""How it signs its replies; OpenAI's begin with `fp_`."""


class Cut(BaseModel):
    """What a server says of a text's tokens, if it says anything of them: llama.cpp answers messages with no tokens.

    count: of the whole prompt. message_tokens: of each message with what stands around it; our own servers tell it.
    """

    tokens: list[int] | None = None
    count: int | None = None
    message_tokens: list[int] | None = None


class EchoChoice(BaseModel):
    logprobs: TextLogprobs | None = None


class Echo(BaseModel):
    """What a server says of a text that it is asked to say again, if it does."""

    choices: list[EchoChoice] = []


Said = TypeVar("Said", bound=BaseModel)
Request = Mapping[str, Any]


class Unreachable(Exception):
    """A server gave no answer, or none that can be read; the message says which one and why."""


class Hopeless(Unreachable):
    """The same, where another try would bring nothing else: it speaks of something else, or took all the time."""


def chat_request(
    model: str, turns: Sequence[Turn], sampling: Sampling, seed: int | None = None, stop: Sequence[str] = (), n: int = 1
) -> dict[str, Any]:
    """What is sent to have a conversation answered. What says nothing is left out: some servers refuse its name."""
    more = {name: value for name, value in (("stop", list(stop)), ("n", n)) if value not in ([], 1)}
    return {"model": model, "messages": as_messages(turns), **drawn_so(sampling, seed), **more}


def drawn_so(sampling: Sampling, seed: int | None) -> dict[str, Any]:
    """How what follows is drawn, as the interface spells it."""
    always = {"max_tokens": sampling.longest, "temperature": sampling.temperature}
    more: dict[str, tuple[Any, Any]] = {
        "top_p": (sampling.top_p, 1.0), "top_k": (sampling.top_k, 0), "seed": (seed, None)
    }  # fmt: skip
    return always | {name: value for name, (value, nothing) in more.items() if value != nothing}


class _Address:
    """Where a server is. url: as http://localhost:8000, or with a path as https://api.example.org/v1."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url.rstrip("/")
        if not urlsplit(self.url).path:
            self.url += "/v1"
        self.root = self.url.removesuffix("/v1")
        self.headers = httpx.Headers([(b"Authorization", b"Bearer " + key.strip().encode())] if key else [])

    def read(self, kind: type[Said], answer: httpx.Response, said: bytes) -> Said:
        """Raises ApiRefusal, Unreachable."""
        if answer.is_error:
            raise self.refusal(answer, said)
        if answer.has_redirect_location:
            raise Hopeless(f"the server at {self.url} sends one on to {answer.headers['location']}; name that address")
        try:
            return self.parsed(kind, said)
        except Unreachable:
            if (refused := refusal_in(_json(said), 500)) is not None:
                raise self._from_here(refused) from None
            raise

    def parsed(self, kind: type[Said], said: bytes | str) -> Said:
        """Raises Unreachable."""
        try:
            return kind.model_validate_json(said)
        except ValidationError:
            text = said if isinstance(said, str) else said.decode("utf-8", "replace")
            raise Hopeless(
                f"the server at {self.url} does not answer as OpenAI's chat interface does, but: {_beginning(text)!r}"
            ) from None

    def refusal(self, answer: httpx.Response, said: bytes) -> ApiRefusal:
        """What a server says no with, in whatever shape."""
        waits = _seconds(answer.headers)
        if (refused := refusal_in(_json(said), answer.status_code, waits)) is None:
            text = said.decode("utf-8", "replace").strip()
            words = f": {_beginning(text)}" if text and not text.startswith("<") else ""
            why = f"{answer.status_code} {answer.reason_phrase}{words}"
            refused = ApiRefusal(answer.status_code, why, retry_after_s=waits)
        return self._from_here(refused)

    def _from_here(self, refused: ApiRefusal) -> ApiRefusal:
        refused.server = self.url
        return refused

    def too_large(self) -> Hopeless:
        return Hopeless(f"the server at {self.url} says more than any model would")

    def too_slow(self, within_s: float) -> Hopeless:
        return Hopeless(f"the server at {self.url} gives no whole answer in {within_s:.0f} seconds")

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Around what is sent to it. Raises Unreachable."""
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = str(error).rstrip(".") or type(error).__name__
            kind = Hopeless if isinstance(error, httpx.ReadTimeout | httpx.DecodingError) else Unreachable
            raise kind(f"the server at {self.url} does not answer: {what}") from None


def refusal_in(said: Any, status: int, retry_after_s: float | None = None) -> ApiRefusal | None:
    """The error in an answer, or in an event in the midst of a stream; None where there is none."""
    error = said.get("error", said.get("detail")) if isinstance(said, dict) else None
    if not error:
        return None
    if not isinstance(error, dict):
        return ApiRefusal(status, str(error), retry_after_s=retry_after_s)
    # vLLM and llama.cpp have the status, a number, where others name what is wrong.
    code, param = (said if isinstance(said := error.get(name), str) else None for name in ("code", "param"))
    numbers = {name: value for name, value in error.items() if type(value) is int and name != "code"}
    if error.get("type") == "exceed_context_size_error":  # llama.cpp's
        return too_long(numbers.get("n_prompt_tokens", 0), numbers.get("n_ctx", 0))
    return ApiRefusal(status, str(error.get("message") or error), code, param, retry_after_s, numbers)


def _seconds(headers: httpx.Headers) -> float | None:
    try:
        said = float(headers["retry-after"])
    except (KeyError, ValueError):  # it may also be a date, which nobody sends here
        return None
    return max(0.0, said) if isfinite(said) else None


def _json(said: bytes) -> Any:
    """None where it is none."""
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return None


def _beginning(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


class ChatClient:
    """For who waits for answers. It tries again where a server is busy or gone for a moment.

    Raises ApiRefusal where the server refuses, Unreachable where there is none.
    """

    def __init__(self, url: str, key: str | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._address, self._sleep = _Address(url, key), sleep
        self._http = httpx.Client(headers=self._address.headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def models(self) -> list[Model]:
        """The first question to a server, so it is put again only where that says when: the address may be wrong."""
        return self._ask(ModelList, "GET", f"{self._address.url}/models", is_first=True).data

    def complete(self, request: Request) -> ChatCompletion:
        made = self._ask(ChatCompletion, "POST", f"{self._address.url}/chat/completions", request)
        return _without_beginning(request, made)

    def scores(self, conversations: Sequence[Sequence[Turn]]) -> Scores:
        """Of our own servers: what a reward model and a moderation model say of the last message of each."""
        return self._ask(Scores, "POST", f"{self._address.root}/score", _scored(conversations))

    def tokens(self, model: str, given: Sequence[Turn] | str, special: bool = True) -> Tokens | None:
        """Of our own servers and vLLM: a conversation in tokens, up to where the reply begins, or a text. special: with
        what the tokenizer puts around texts. None where a server cuts nothing, or does not tell into what.
        """
        said: Request = (
            {"prompt": given, "add_special_tokens": special}
            if isinstance(given, str)
            else {"messages": as_messages(given)}
        )
        told = self._ask(Cut, "POST", f"{self._address.root}/tokenize", {"model": model, **said}).tokens
        return None if told is None else tuple(told)

    def go_on(self, request: Request) -> str:
        """How a text goes on."""
        told = self._ask(TextCompletion, "POST", f"{self._address.url}/completions", request)
        return told.choices[0].text if told.choices else ""

    def read(self, model: str, text: Tokens) -> TextLogprobs | None:
        """What a model makes of each token of a text, and of one more. None where a server does not tell it."""
        asked = {"model": model, "prompt": list(text), "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
        choices = self._ask(Echo, "POST", f"{self._address.url}/completions", asked).choices
        told = choices[0].logprobs if choices else None
        return told if told and len(told.token_logprobs) >= len(text) and told.top_logprobs else None

    def _ask(
        self, kind: type[Said], method: str, url: str, body: Request | None = None, is_first: bool = False
    ) -> Said:
        for tried in range(1, TRIES + 1):
            at_least = 0.0
            try:
                return self._asked_once(kind, method, url, body, FIRST_S if is_first else WHOLE_S)
            except Unreachable as error:
                if is_first or tried == TRIES or isinstance(error, Hopeless):
                    raise
            except ApiRefusal as refused:
                if tried == TRIES or refused.status not in BUSY or (is_first and refused.retry_after_s is None):
                    raise
                at_least = refused.retry_after_s or 0.0
            self._sleep(min(LONGEST_PAUSE_S, max(at_least, PAUSE_S * 2 ** (tried - 1))))
        raise AssertionError("the last try returns or raises")

    def _asked_once(self, kind: type[Said], method: str, url: str, body: Request | None, within_s: float) -> Said:
        until, said = time.monotonic() + within_s, bytearray()
        timeout = httpx.Timeout(within_s, connect=CONNECT_S)
        with self._address.reached(), self._http.stream(method, url, json=body, timeout=timeout) as answer:
            for piece in answer.iter_bytes():
                said += piece
                if len(said) > LARGEST:
                    raise self._address.too_large()
                if time.monotonic() > until:
                    raise self._address.too_slow(within_s)
        return self._address.read(kind, answer, bytes(said))


class AsyncChatClient:
    """For who reads replies as they come, many at a time. It tries nothing again.

    Raises ApiRefusal where the server refuses, Unreachable where there is none.
    """

    def __init__(self, url: str, key: str | None = None, silence_s: float = SILENCE_S) -> None:
        self._address = _Address(url, key)
        self._http = httpx.AsyncClient(
            headers=self._address.headers,
            timeout=httpx.Timeout(silence_s, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.aclose()

    async def models(self) -> list[Model]:
        return (await self._ask(ModelList, "GET", f"{self._address.url}/models", within_s=FIRST_S)).data

    async def complete(self, request: Request) -> ChatCompletion:
        made = await self._ask(ChatCompletion, "POST", f"{self._address.url}/chat/completions", request)
        return _without_beginning(request, made)

    async def stream(self, request: Request) -> AsyncGenerator[ChatChunk, None]:
        """The pieces of a reply. Whoever closes the generator before its end has the server stop. A stream that breaks
        off before each of its replies has ended raises Unreachable.
        """
        async with aclosing(self.together(request)) as coming:
            async for chunks in coming:
                for chunk in chunks:
                    yield chunk

    async def together(self, request: Request) -> AsyncGenerator[list[ChatChunk], None]:
        """The same, with the pieces that come at once as one. The usage comes last, once: llama.cpp tells it of each of
        several replies.
        """
        body = {**request, "stream": True, "stream_options": {"include_usage": True}}
        unfinished = set(range(int(request.get("n", 1))))
        used = list[ChatChunk]()
        with self._address.reached():
            async with self._http.stream("POST", f"{self._address.url}/chat/completions", json=body) as answer:
                if answer.is_error:
                    raise self._address.refusal(answer, await self._read(answer))
                async for events in _events(answer.aiter_bytes(), self._address.too_large()):
                    chunks, fault = self._chunks(events)
                    unfinished -= {each.index for chunk in chunks for each in chunk.choices if each.finish_reason}
                    used += [each for each in chunks if each.usage and not each.choices]
                    if replies := [each for each in chunks if each.choices]:
                        yield replies
                    if fault:
                        raise fault
        if unfinished:
            raise Unreachable(f"the server at {self._address.url} broke off in the midst of a reply")
        if used:
            yield [_once(used)]

    async def tokenize(self, model: str, turns: Sequence[Turn]) -> Cut:
        """Of our own servers and vLLM: how many tokens a conversation is. Others refuse, or say nothing of it."""
        said = {"model": model, "messages": as_messages(turns)}
        return await self._ask(Cut, "POST", f"{self._address.root}/tokenize", said)

    async def scores(self, conversations: Sequence[Sequence[Turn]]) -> Scores:
        """Of our own servers: what a reward model and a moderation model say of the last message of each."""
        return await self._ask(Scores, "POST", f"{self._address.root}/score", _scored(conversations))

    def _chunks(self, events: Sequence[str]) -> tuple[list[ChatChunk], Exception | None]:
        """The pieces up to the first event that is none, and what that says."""
        chunks = list[ChatChunk]()
        try:
            for said in events:
                chunks.append(self._chunk(said))
        except (ApiRefusal, Unreachable) as fault:
            return chunks, fault
        return chunks, None

    def _chunk(self, said: str) -> ChatChunk:
        if '"error"' in said or '"detail"' in said:  # most have neither, and need not be read twice
            with suppress(ValueError):
                if refused := refusal_in(json.loads(said), 500):
                    raise refused
        return self._address.parsed(ChatChunk, said)

    async def _ask(
        self, kind: type[Said], method: str, url: str, body: Request | None = None, within_s: float = WHOLE_S
    ) -> Said:
        timeout = httpx.Timeout(within_s, connect=CONNECT_S)
        try:
            async with asyncio.timeout(within_s):
                with self._address.reached():
                    async with self._http.stream(method, url, json=body, timeout=timeout) as answer:
                        said = await self._read(answer)
        except TimeoutError:
            raise self._address.too_slow(within_s) from None
        return self._address.read(kind, answer, said)

    async def _read(self, answer: httpx.Response) -> bytes:
        said = bytearray()
        async for piece in answer.aiter_bytes():
            said += piece
            if len(said) > LARGEST:
                raise self._address.too_large()
        return bytes(said)


def as_messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """A conversation as the interface spells it."""
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def _without_beginning(request: Request, made: ChatCompletion) -> ChatCompletion:
    """What is new of a reply that was to go on: llama.cpp says its beginning again, but in streams."""
    last = request["messages"][-1]
    if last["role"] != ASSISTANT or not LLAMA_CPP.match(made.system_fingerprint or ""):
        return made
    said = last["content"]
    begun = said if isinstance(said, str) else "".join(part["text"] for part in said)
    choices = [
        each.model_copy(update={"message": Reply(content=(each.message.content or "").removeprefix(begun))})
        for each in made.choices
    ]
    return made.model_copy(update={"choices": choices})


def _once(used: Sequence[ChatChunk]) -> ChatChunk:
    """One usage of those of several replies to one prompt; the prompt counts once, as OpenAI counts it."""
    told = [each.usage for each in used if each.usage]
    usage = Usage.of(told[-1].prompt_tokens, sum(each.completion_tokens for each in told))
    return used[-1].model_copy(update={"usage": usage})


def _scored(conversations: Sequence[Sequence[Turn]]) -> Request:
    return {"conversations": [as_messages(turns) for turns in conversations]}


async def _events(pieces: AsyncIterator[bytes], too_large: Exception) -> AsyncIterator[list[str]]:
    """The data of the events, those of one piece together, up to `[DONE]` or the end of the body. Raises too_large.

    Lines end with a line feed only: httpx would also break them at U+2028, which JSON may hold as it is.
    """
    left, data = b"", list[str]()
    async for piece in pieces:
        *lines, left = (left + piece).split(b"\n")
        come, done = list[str](), False
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", "replace")
            if text.startswith("data:"):
                data.append(text[5:].removeprefix(" "))
            elif not text and data:
                said = "\n".join(data)
                data.clear()
                done = said.strip() == "[DONE]"
                if done:
                    break
                come.append(said)
        if len(left) + sum(map(len, data)) > LARGEST_EVENT:
            raise too_large
        if come:
            yield come
        if done:
            await _read_out(pieces)
            return


async def _read_out(pieces: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(END_S):
            async for _ in pieces:
                pass
