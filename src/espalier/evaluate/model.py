"""What evaluation asks of a model, whatever it is: replies to conversations and, where its weights are at hand, what it
thinks of texts.

Knows conversations; knows neither tokens nor servers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from espalier.dataset.examples import Turns
from espalier.infer.engine import Sampling

Context = Turns | str
"""What stands before a text: a conversation, which the assistant answers with it, or text without any chat format."""
NOTHING: Final = "no probabilities of texts (/tokenize with tokens, and /v1/completions with echo and logprobs)"
"""What a server lacks that only replies."""
Tell = Callable[[int, int], None]
"""Who hears how many things are done, of how many."""


def nobody(done: int, of: int) -> None:
    """Hears it and does nothing."""


class BadModelName(ValueError):
    """What somebody wrote gives no model; the message says what would."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Of a text after its context, without an end token: log p in nats, its tokens, and whether each of them was the
    likeliest one.
    """

    log_p: float
    tokens: int
    greedy: bool


class Model(Protocol):
    """Something that replies. name: what it is called in tables. source: where it is, for people. identity: another
    whenever it may reply otherwise, as far as that can be known.
    """

    name: str
    source: str
    identity: str

    def generate(self, prompts: Sequence[Context], sampling: Sampling, seed: int) -> list[str]:
        """A reply to each conversation and how each text goes on, in their order; the same prompts, sampling and seed
        give the same.
        """
        ...

    def reading(self) -> "Weighted | None":
        """The same model where it tells what it makes of texts: one whose weights are at hand does, and one whose
        server does. Raises Unreachable.
        """
        ...


@runtime_checkable
class OneByOne(Model, Protocol):
    """A model each of whose replies is drawn by itself, and comes by itself."""

    def replies(self, prompts: Mapping[int, Context], sampling: Sampling, seed: int) -> Iterator[tuple[int, str]]:
        """Those that `generate` gives to prompts at these places, as they come."""
        ...


@runtime_checkable
class Weighted(Model, Protocol):
    """A model that tells what it makes of texts, as its weights are at hand or its server tells. tokenizer: names
    how it cuts texts: alike in two models only where tokens are the same, so that figures by token can be compared.
    """

    tokenizer: str

    def loglikelihood(self, asked: Sequence[tuple[Context, str]]) -> list[Likelihood]:
        """What each text is to the model after its context."""
        ...

    def loglikelihood_rolling(self, texts: Sequence[str]) -> list[Likelihood]:
        """What each text is to the model from its first token on, after nothing; the whole of it, however long."""
        ...


class Judge(Protocol):
    """Something that says what replies are worth: a reward model, here or on a server."""

    name: str

    def rewards(self, replies: Sequence[tuple[Turns, str]]) -> list[float]:
        """Of each conversation with a reply to it."""
        ...


def named(written: str) -> tuple[str, str]:
    """The name and the place that `NAME=PLACE` says, or a place alone: a directory, a name on the hub, or the address
    of a server with the model's name after `#`.

    A directory called `model`, as runs write it, is named by the one it lies in.
    """
    name, is_given, place = written.partition("=")
    if is_given and name and "/" not in name and ":" not in name:
        if not place:
            raise BadModelName(f"{written!r} names no model; write NAME=DIRECTORY or NAME=http://HOST:PORT#MODEL")
        return name, place
    if is_address(written):
        return written.partition("#")[2] or written, written
    parts = [part for part in written.rstrip("/").split("/") if part not in ("", ".", "..")]
    if not parts:
        raise BadModelName(f"{written!r} has no name of its own; write NAME={written or 'DIRECTORY'}")
    return (parts[-2] if parts[-1] == "model" and len(parts) > 1 else parts[-1]), written


def is_address(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def open_model(written: str, key: str | None = None, device: str = "auto", dtype: str = "float32") -> Model:
    """A model by what somebody wrote. key: of a server. Raises BadModelName, BadModel; of a server Unreachable."""
    name, place = named(written)
    if is_address(place):
        from espalier.evaluate.remote import open_remote

        return open_remote(name, place, key)
    from espalier.evaluate.local import open_local

    return open_local(name, place, device, dtype)


def open_judge(written: str, key: str | None = None, device: str = "auto", dtype: str = "float32") -> Judge:
    """A reward model by what somebody wrote; raises as `open_model` does."""
    name, place = named(written)
    if is_address(place):
        from espalier.evaluate.remote import RemoteJudge

        return RemoteJudge(name, place, key)
    from espalier.evaluate.local import open_local_judge

    return open_local_judge(name, place, device, dtype)
