"""What is said over OpenAI's chat interface: requests, replies, pieces of replies and errors, and which requests are
taken.

A parameter that is not supported is refused, never ignored; one that says what would happen anyway is taken. Knows no
model and needs no torch, so that the site reads the same requests as the process that holds the models.
"""

import json
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
    model_validator,
)

from espalier.dataset.examples import ASSISTANT, SYSTEM, USER, Turn

MOST_REPLIES: Final = 16
MOST_STOPS: Final = 16
MOST_LIKELY: Final = 20  # tokens told beside the one that was drawn
LARGEST_SEED: Final = 2**63 - 1
DONE: Final = b"data: [DONE]\n\n"
"""The last event of every stream."""
STREAMED: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Headers of a stream; nginx keeps pieces back until there are many, unless the answer asks it not to."""

UNCHANGED: Final[Mapping[str, tuple[Any, ...]]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "min_p": (0,),
    "logit_bias": ({},),
    "metadata": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "tools": ([],),
    "tool_choice": ("none",),
    "functions": ([],),
    "function_call": ("none",),
    "store": (False,),
    "stream": (False,),
    "n": (1,),
    "best_of": (1,),
    "suffix": ("",),
    "service_tier": ("auto", "default"),
}
"""Parameters that are not supported, with the values that ask for nothing; clients send them unasked."""

TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class ApiRefusal(Exception):
    """A request that gets an error in OpenAI's shape instead of a reply.

    code, param: as OpenAI has them, for programs. retry_after_s: when trying again may help. numbers: of a prompt that
    is too long `prompt_tokens`, `max_tokens` and `context_length`. server: the address of the one that it came from.
    """

    server: str | None = None

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        numbers: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.retry_after_s, self.numbers = retry_after_s, dict(numbers or {})

    def body(self) -> dict[str, Any]:
        """The answer's JSON, also as an event in a stream that breaks off."""
        type = TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        said = {"message": self.message, "type": type, "param": self.param, "code": self.code}
        return {"error": said | self.numbers}

    def headers(self) -> dict[str, str]:
        return {} if self.retry_after_s is None else {"Retry-After": str(max(1, ceil(self.retry_after_s)))}


def too_long(prompt_tokens: int, context_length: int, max_tokens: int | None = None) -> ApiRefusal:
    """The refusal of a prompt that leaves no room, or less than the reply was to have."""
    asked = f" and the reply may take {max_tokens:,}" if max_tokens else ""
    numbers = {"prompt_tokens": prompt_tokens, "context_length": context_length}
    return ApiRefusal(
        400,
        f"The model takes {context_length:,} tokens in all; the messages are {prompt_tokens:,} tokens{asked}."
        " Shorten the messages" + (" or lower max_tokens." if max_tokens else "."),
        "context_length_exceeded",
        "messages",
        numbers=numbers | ({"max_tokens": max_tokens} if max_tokens else {}),
    )


def no_model(name: str) -> ApiRefusal:
    return ApiRefusal(404, f"There is no model {name!r} here; GET /v1/models lists them.", "model_not_found", "model")


class _Taken(BaseModel):
    """What clients send: exactly these names, and no value of another type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


Kind = TypeVar("Kind", bound=_Taken)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a sign, which no UTF-8 can spell") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]


class TextPart(_Taken):
    type: Literal["text"]
    text: Text


def _parts(given: Any) -> Any:
    if isinstance(given, str):
        return [{"type": "text", "text": given}]
    if not isinstance(given, list):
        raise ValueError("write a text, or a list of parts of text")
    return given


def _list(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


class Message(_Taken):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[list[TextPart], BeforeValidator(_parts)]

    @property
    def turn(self) -> Turn:
        role = {"user": USER, "assistant": ASSISTANT}.get(self.role, SYSTEM)
        return Turn(role, "".join(part.text for part in self.content))


class StreamOptions(_Taken):
    include_usage: bool = False


Messages = Annotated[list[Message], Field(min_length=1)]
Stop = Annotated[Text, StringConstraints(min_length=1)]


def refuse_late_system(messages: Sequence[Message]) -> None:
    """Raises ValueError."""
    if any(message.turn.role == SYSTEM for message in messages[1:]):
        raise ValueError("only the first message may be a system message")


class Asked(_Taken):
    """Messages for a model."""

    model: str
    messages: Messages

    @model_validator(mode="after")
    def _begins_with_system(self) -> Self:
        refuse_late_system(self.messages)
        return self

    @property
    def turns(self) -> list[Turn]:
        return [message.turn for message in self.messages]


class Drawing(_Taken):
    """How what follows is drawn. top_k: not OpenAI's, but of most other servers; 0 means all tokens."""

    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    stop: Annotated[list[Stop], Field(max_length=MOST_STOPS), BeforeValidator(_list)] = []
    seed: int | None = Field(None, ge=0, le=LARGEST_SEED)

    @property
    def longest(self) -> int | None:
        """Tokens that are drawn at most, where the request says so."""
        raise NotImplementedError

    @property
    def likeliest(self) -> int | None:
        """Tokens that are told in each place beside the one that was drawn; None tells no log-probabilities."""
        raise NotImplementedError


class ChatRequest(Asked, Drawing):
    """What is asked of /v1/chat/completions. A last message of the assistant is a reply that is to be continued."""

    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: int = Field(1, ge=1, le=MOST_REPLIES)
    logprobs: bool = False
    top_logprobs: int = Field(0, ge=0, le=MOST_LIKELY)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.stream_options and not self.stream:
            raise ValueError("stream_options needs stream to be true")
        if self.top_logprobs and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs to be true")
        if None not in (self.max_tokens, self.max_completion_tokens) and self.max_tokens != self.max_completion_tokens:
            raise ValueError("max_tokens and max_completion_tokens differ; send one of them")
        return self

    @property
    def longest(self) -> int | None:
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def likeliest(self) -> int | None:
        return self.top_logprobs if self.logprobs else None

    @property
    def usage_in_stream(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


def _prompt(given: Any) -> Any:
    if isinstance(given, str) and given:
        return _encodable(given)
    if isinstance(given, list) and given and all(type(each) is int and each >= 0 for each in given):
        return given
    raise ValueError("write one text, or the numbers of its tokens")


class CompletionRequest(Drawing):
    """What is asked of /v1/completions: how a text goes on, or with `echo` what the model makes of each of its tokens.

    prompt: a text, or one in tokens.
    """

    model: str
    prompt: Annotated[str | list[int], BeforeValidator(_prompt)]
    max_tokens: int = Field(16, ge=0)
    echo: bool = False
    logprobs: int | None = Field(None, ge=0, le=MOST_LIKELY)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.echo and (self.logprobs is None or self.max_tokens > 1 or (self.max_tokens and self.temperature)):
            raise ValueError("echo tells log-probabilities: it needs logprobs, and max_tokens 0, or 1 at temperature 0")
        if not self.echo and not self.max_tokens:
            raise ValueError("max_tokens is 0, which asks for nothing without echo")
        return self

    @property
    def longest(self) -> int | None:
        return self.max_tokens

    @property
    def likeliest(self) -> int | None:
        return self.logprobs


class TokenizeRequest(_Taken):
    """What is asked of /tokenize, as vLLM has it: the tokens of messages, up to where the reply begins, or of a text.

    add_special_tokens: whether the text gets what the tokenizer puts around texts; without, a special token that is
    spelled in it stays letters.
    """

    model: str
    messages: Messages | None = None
    prompt: Text | None = None
    add_special_tokens: bool = True

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.messages is None) == (self.prompt is None):
            raise ValueError("messages or a prompt are needed, and not both")
        return self

    @model_validator(mode="after")
    def _begins_with_system(self) -> Self:
        refuse_late_system(self.messages or ())
        return self

    @property
    def turns(self) -> list[Turn]:
        return [message.turn for message in self.messages or ()]


class ScoreRequest(_Taken):
    """What is asked of /score: each conversation is judged by its last message."""

    conversations: Annotated[list[Messages], Field(min_length=1, max_length=256)]


def read_chat(body: bytes) -> ChatRequest:
    """Raises ApiRefusal."""
    return _read(ChatRequest, body)


def read_completion(body: bytes) -> CompletionRequest:
    """Raises ApiRefusal."""
    return _read(CompletionRequest, body)


def read_tokenize(body: bytes) -> TokenizeRequest:
    """Raises ApiRefusal."""
    return _read(TokenizeRequest, body)


def read_score(body: bytes) -> ScoreRequest:
    """Raises ApiRefusal."""
    return _read(ScoreRequest, body)


def _read(kind: type[Kind], body: bytes) -> Kind:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise ApiRefusal(400, "The body is no JSON.") from None
    if not isinstance(said, dict):
        raise ApiRefusal(400, "The body is no JSON object.")
    given = {name: value for name, value in said.items() if value is not None}
    for name in [name for name in given if name not in kind.model_fields]:
        if not _is_unchanged(name, given.pop(name)):
            raise ApiRefusal(400, f"{name} is not supported; leave it out.", "unsupported_parameter", name)
    try:
        return kind.model_validate(given)
    except ValidationError as wrong:
        raise _invalid(wrong) from None


def _is_unchanged(name: str, value: Any) -> bool:
    # Python holds False to be 0; JSON does not.
    return any(
        value == known and isinstance(value, bool) == isinstance(known, bool) for known in UNCHANGED.get(name, ())
    )


def _invalid(wrong: ValidationError) -> ApiRefusal:
    """The first thing that is wrong, under the name that a client knows: `messages[0].content`."""
    error = wrong.errors(include_url=False)[0]
    name = ""
    for step in error["loc"]:
        if isinstance(step, int):
            name += f"[{step}]"
        else:
            name += f".{step}" if name else step
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return ApiRefusal(400, f"{name} is not supported; leave it out.", "unsupported_parameter", name)
    code = "missing_required_parameter" if error["type"] == "missing" else "invalid_value"
    return ApiRefusal(400, f"{name}: {said}." if name else f"{said[:1].upper()}{said[1:]}.", code, name or None)


class _Said(BaseModel):
    """What a server answers; of other servers' answers what we do not know is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Usage(_Said):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, prompt: int, completion: int) -> Self:
        return cls(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


class Likely(_Said):
    """A token and the logarithm of its probability. bytes: of its text in UTF-8; a token may be a part of a sign."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class TokenLogprob(Likely):
    """A token that was drawn. top_logprobs: the likeliest in its place, the likeliest first."""

    top_logprobs: list[Likely] = []


class Logprobs(_Said):
    content: list[TokenLogprob] | None = None
    refusal: None = None


Finish = Literal["stop", "length", "content_filter"]
"""Why a reply ended: by itself or at a stop string; at max_tokens or the end of the context; refused by a filter."""


class Reply(_Said):
    role: Literal["assistant"] = "assistant"
    content: str | None = None
    refusal: str | None = None


class Choice(_Said):
    index: int = 0
    message: Reply
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class ChatCompletion(_Said):
    """system_fingerprint: how other servers sign what they answer; not passed on."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None
    system_fingerprint: str | None = Field(default=None, exclude=True)


class TextLogprobs(_Said):
    """Of each token of a text: its words, its log-probability, where in the text it begins, and the likeliest tokens in
    its place. Nothing is told of the first one, which stands after nothing.
    """

    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float] | None] | None = None
    text_offset: list[int] = []


class TextChoice(_Said):
    index: int = 0
    text: str
    logprobs: TextLogprobs | None = None
    finish_reason: str | None = None


class TextCompletion(_Said):
    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[TextChoice]
    usage: Usage | None = None


class Delta(_Said):
    """What is new of a reply; what is not new is left out, as clients expect."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: str | None = None

    @model_serializer(mode="wrap")
    def _short(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in whole(self).items() if value is not None}


class ChunkChoice(_Said):
    index: int = 0
    delta: Delta
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class ChatChunk(_Said):
    """A piece of a reply as it is streamed. The one with the usage, the last, has no choices."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None


class Model(_Said):
    """max_model_len: tokens of prompt and reply together; vLLM's name for it. llama.cpp tells it as `meta.n_ctx`."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "espalier"
    max_model_len: int | None = Field(
        default=None, validation_alias=AliasChoices("max_model_len", AliasPath("meta", "n_ctx"))
    )


class ModelList(_Said):
    object: Literal["list"] = "list"
    data: list[Model]


class Tokenized(_Said):
    """count: of the whole prompt, up to where the reply begins. tokens: all of them. message_tokens: of each message
    with what stands around it, so that a client knows which of them to leave out; other servers do not tell it.
    """

    count: int
    max_model_len: int | None = None
    tokens: list[int] | None = None
    message_tokens: list[int] | None = None


class Scores(_Said):
    """For each conversation the reward of the reply at its end, null where there is none or it is too long for the
    model; and the probability that a volunteer finds its last message toxic. Null where the server has no such model.
    """

    rewards: list[float | None] | None = None
    toxicities: list[float] | None = None


def event(said: BaseModel | ApiRefusal) -> bytes:
    """One event of a stream."""
    written = json.dumps(said.body()).encode() if isinstance(said, ApiRefusal) else said.model_dump_json().encode()
    return b"data: " + written + b"\n\n"
