"""Writing the replies that people have asked for: the ones that wait are taken in order, and asked of their models.

What stands in the database is the truth: a reply grows there twice a second, whoever reads it from there misses
nothing, and one that was stopped or deleted there is given up here, which frees its place at the model's server. So any
page, after any loss of connection, in any process, sees the same. Knows rows and models' servers; knows no page.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import Any, Final, NoReturn

from sqlalchemy import Connection

from espalier.chat.filtering import FIGURES
from espalier.chat.fitting import Fitted, TooMuch, estimated, fitted
from espalier.chat.gathering import gathered
from espalier.chat.models import BEST_OF, ChatModel, ModelState, Place, Served, offered, place
from espalier.chat.scoring import NOBODY, Conversations, Judges
from espalier.dataset.examples import ASSISTANT, ROLES, SYSTEM, USER, Turn
from espalier.evaluate.manner import REFUSING, Manner, by_rules
from espalier.infer.completions import ApiRefusal
from espalier.infer.remote import AsyncChatClient, Unreachable, as_messages
from espalier.store import chats, filter_hits, model_figures
from espalier.store.chats import ChatMessage, MessageState
from espalier.store.filter_hits import FilterHit, Side
from espalier.store.model_figures import Figure

SAVE_EVERY_S: Final = 0.5
LOOK_EVERY_S: Final = 2.0
"""For replies that were asked for, or stopped, in another process."""
ASK_EVERY_S: Final = 5.0
"""Whether models are there."""
LONGEST_REPLY: Final = 512
"""Tokens, where nobody says otherwise."""
LONGEST_WAIT: Final = timedelta(minutes=10)
LONGEST_S: Final = 600.0
AGAIN_S: Final = 3.0
"""Before a server that was too busy is asked again, where it does not say when."""
MOST_BUSY_S: Final = 60.0
"""After which it is asked again whatever it said: a limit of its own may be raised before the day is over."""
START_S: Final = 120.0
"""So long after the start, or after it was lost, a model that does not answer may be starting."""
MOST_WAITING: Final = 1000
KEEP_EVERY_S: Final = 5.0
"""Whoever writes a reply says that often that it is at it."""
LEFT_BEHIND: Final = timedelta(seconds=20)
"""Whatever nobody was at for so long, its writer has left."""
GO_ON: Final = "Go on exactly where you stopped. Repeat nothing."
"""For servers that do not go on with the last message where it is the model's own."""
NEVER_GO_ON: Final = frozenset({"openai", "openai-internal", "system"})
"""What servers call the owner of such models."""

log = logging.getLogger(__name__)
Write = Callable[..., Awaitable[Any]]
Read = Callable[[], AbstractContextManager[Connection]]


@dataclass
class _Line:
    """The replies of one model. since: when it was begun, or did not answer any more. told: that its server has none of
    its name. doubt: whether it is there at all is to be asked at once.
    """

    served: Served
    client: AsyncChatClient
    state: ModelState = ModelState.STARTING
    context: int | None = None
    owner: str = ""
    since: float = field(default_factory=monotonic)
    busy_until: float = 0.0
    reply_s: float | None = None
    waiting: tuple[str, ...] = ()
    told: bool = False
    doubt: asyncio.Event = field(default_factory=asyncio.Event)
    writing: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def room(self) -> int:
        """For so many more replies."""
        if self.state is ModelState.STARTING or monotonic() < self.busy_until:
            return 0
        return max(0, self.served.at_once - len(self.writing))

    def lost(self) -> bool:
        """It does not answer; whether it may come again in a while, as one does whose server begins anew."""
        if self.state is ModelState.READY:
            self.state, self.since = ModelState.STARTING, monotonic()
        elif monotonic() - self.since > START_S:
            self.state = ModelState.GONE
        return self.state is ModelState.STARTING

    def took(self, seconds: float) -> None:
        """How long a reply took counts for the next estimates, the latest most."""
        self.reply_s = seconds if self.reply_s is None else 0.7 * self.reply_s + 0.3 * seconds


@dataclass
class _Reply:
    """One that is being written. text: as far as the database has it. first_s: after how long its first words came.
    turns: what its model reads. reward: as a reward model found it. fault: for which it is shown all the same. again:
    its model was lost once before it had begun.
    """

    message: ChatMessage
    again: bool = False
    text: str = field(init=False)
    begun: float = field(default_factory=monotonic)
    first_s: float | None = None
    turns: Sequence[Turn] = ()
    reward: float | None = None
    fault: str | None = None

    def __post_init__(self) -> None:
        self.text = self.message.text

    def grows(self, more: str) -> None:
        if more and self.first_s is None:
            self.first_s = monotonic() - self.begun
        self.text += more

    def figures(self, ended: Figure) -> dict[Figure, float]:
        """What counts of it for its model, however it ended."""
        found = {ended: 1.0} | ({} if self.first_s is None else {Figure.FIRST_S: self.first_s})
        if ended is Figure.COMPLETE:
            found[Figure.WHOLE_S] = monotonic() - self.begun
            if self.reward is not None:
                found[Figure.REWARD] = self.reward
            if by_rules(REFUSING, self.text) is Manner.EVADES:
                found[Figure.DECLINED] = 1.0
        return found


class Fault(StrEnum):
    """Why a reply failed or was cut off, as it is kept. Behind TOO_LONG stand the lengths of the prompt and of what a
    model reads, in tokens. SAID, WRITTEN: whose words the safety filter took out; UNCHECKED: it did not answer.
    UNJUDGED: of a reply that is shown although nobody found the best of several.
    """

    GONE = "gone"
    TOO_LONG = "too_long"
    WAITED = "waited"
    SLOW = "slow"
    REFUSED = "refused"
    BROKE_OFF = "broke_off"
    UNCHECKED = "unchecked"
    SAID = "said"
    WRITTEN = "written"
    UNJUDGED = "unjudged"

    def of(self, prompt: int, context: int) -> str:
        return f"{self} {prompt} {context}"


class _GivenUp(Exception):
    """Nobody wants the reply any more."""


class _Busy(Exception):
    """The server takes no more, for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class _Lost(Exception):
    """The model went before it had written anything; the reply waits for it in its place."""


class _Failed(Exception):
    """The reply ends here. fault: a Fault, with its numbers."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


class _TakenOut(Exception):
    """The safety filter lets this not pass. score: how toxic it is."""

    def __init__(self, side: Side, text: str, score: float) -> None:
        super().__init__(side)
        self.side, self.text, self.score = side, text, score


class Replies:
    """Made and used in the event loop, but for `models` and `place`, which threads may ask.

    write: the door's. read: a moment of the database. clock: the time. judges: who looks at what is written.
    """

    def __init__(
        self,
        models: Sequence[Served],
        write: Write,
        read: Read,
        clock: Callable[[], datetime],
        judges: Judges = NOBODY,
    ) -> None:
        self._write, self._read, self._clock, self._judges = write, read, clock, judges
        self._lines = {
            each.id: _Line(each, AsyncChatClient(each.url, each.key), context=each.context) for each in models
        }
        self._news = asyncio.Event()
        self._kept = monotonic()
        self._lost_once = set[str]()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        doing = [self._hand_out(), *(self._watch(line) for line in self._lines.values())]
        self._tasks = [asyncio.create_task(each) for each in doing]

    async def stop(self) -> None:
        """What is being written is kept as far as it is, and what has no word yet waits for the next start."""
        writing = {reply_id: task for line in self._lines.values() for reply_id, task in line.writing.items()}
        for task in (*self._tasks, *writing.values()):
            task.cancel()
        await asyncio.gather(*self._tasks, *writing.values(), return_exceptions=True)
        if writing:
            await self._write(chats.let_go, tuple(writing), self._clock())
        for line in self._lines.values():
            await line.client.__aexit__()
        for server in self._judges.servers:
            await server.close()

    def models(self) -> Sequence[ChatModel]:
        """Those that people may choose, the one that holds until they do first."""
        return [offered(line.served, line.state) for line in self._lines.values()]

    def place(self, reply_id: str) -> Place | None:
        """Where a reply waits; None where that is not known."""
        for line in self._lines.values():
            if reply_id in line.waiting:
                return place(line.waiting.index(reply_id), line.served.at_once, line.reply_s)
        return None

    def wake(self) -> None:
        """There may be a reply to write, or one to stop."""
        self._news.set()

    async def _hand_out(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):  # `wait_for` can miss that it is to stop, before Python 3.12
                    await self._news.wait()
            self._news.clear()
            try:
                await self._look()
            except Exception:
                log.exception("handing out replies met a fault and is tried again")
                await asyncio.sleep(AGAIN_S)

    async def _look(self) -> None:
        """Begin what has room, end what nobody waits for any more, settle what others have left behind."""
        writing = {reply_id: task for line in self._lines.values() for reply_id, task in line.writing.items()}
        if writing and monotonic() - self._kept > KEEP_EVERY_S:
            await self._write(chats.keep, tuple(writing), self._clock())
            self._kept = monotonic()
        waits, ended, are_left = await asyncio.to_thread(self._asked, tuple(writing))
        if are_left:
            await self._write(chats.sweep, self._clock(), self._clock() - LEFT_BEHIND)
        for reply_id in ended:
            writing[reply_id].cancel()
        too_late = self._clock() - LONGEST_WAIT
        left: dict[str, list[ChatMessage]] = {name: [] for name in self._lines}
        for message in waits:
            line = self._lines.get(message.model or "")
            if line is None:
                await self._fail(_Reply(message), Fault.GONE)
            elif message.asked_at < too_late:
                await self._fail(_Reply(message), Fault.WAITED)
            elif message.id not in line.writing:
                left[line.served.id].append(message)
        for name, messages in left.items():
            line = self._lines[name]
            room = line.room()
            for message in messages[:room]:
                line.writing[message.id] = asyncio.create_task(self._reply(line, message))
            line.waiting = tuple(message.id for message in messages[room:])

    def _asked(self, writing: Sequence[str]) -> tuple[list[ChatMessage], list[str], bool]:
        with self._read() as db:
            ended = [each for each in writing if not chats.is_open(db, each)]
            return chats.waiting(db, MOST_WAITING), ended, chats.are_left_behind(db, self._clock() - LEFT_BEHIND)

    async def _watch(self, line: _Line) -> None:
        """Each model by itself: a server that hangs keeps nobody waiting for another one."""
        while True:
            await self._look_after(line)
            with suppress(TimeoutError):
                async with asyncio.timeout(ASK_EVERY_S if line.state is ModelState.READY else 1.0):
                    await line.doubt.wait()
            line.doubt.clear()

    async def _look_after(self, line: _Line) -> None:
        """Whether a model is there, and how much it reads."""
        try:
            known = {each.id: each for each in await line.client.models()}
            is_there = line.served.at_server in known
        except (ApiRefusal, Unreachable):
            known, is_there = {}, False
        if is_there:
            here = known[line.served.at_server]
            line.context, line.owner = line.served.context or here.max_model_len, here.owned_by
            line.state = ModelState.READY
            self.wake()
            return
        if known and not line.told:
            have = ", ".join(known)
            log.warning("the server of %s has no model %r, but %s", line.served.id, line.served.at_server, have)
            line.told = True
        if not line.lost():
            self.wake()

    async def _reply(self, line: _Line, message: ChatMessage) -> None:
        """Write one reply, to whatever end."""
        reply = _Reply(message, message.id in self._lost_once)
        self._lost_once.discard(message.id)
        try:
            async with asyncio.timeout(LONGEST_S):
                reason = await self._write_out(line, reply)
            await self._end(reply, MessageState.COMPLETE, reason=reason, fault=reply.fault)
            line.took(monotonic() - reply.begun)
            await self._reward(reply)
        except _GivenUp:
            pass
        except _Busy as busy:
            line.busy_until = monotonic() + min(busy.seconds, MOST_BUSY_S)
            await self._write(chats.wait_again, message.id)
        except _Lost:
            self._lost_once.add(message.id)
            await self._write(chats.wait_again, message.id)
        except _TakenOut as taken:
            await self._write(_taken_out, reply.message, taken.side, taken.text, taken.score, self._clock())
        except TimeoutError:
            await self._end(reply, MessageState.CUT_OFF, fault=Fault.SLOW)
        except _Failed as failed:
            await self._fail(reply, failed.fault)
        except Exception:
            log.exception("a reply failed")
            await self._end(reply, MessageState.FAILED, fault=Fault.BROKE_OFF)
        finally:
            del line.writing[message.id]
            self.wake()

    async def _write_out(self, line: _Line, reply: _Reply) -> str:
        """Why it ended, as the server says it. Raises _GivenUp, _Busy, _Lost, _TakenOut, _Failed."""
        message = reply.message
        turns = await asyncio.to_thread(self._turns, line.served, message)
        await self._pass(Side.SAID, next(turn.content for turn in reversed(turns) if turn.role == USER))
        with self._told_as_fault(line, reply):
            fits = await self._fitted(line, message, turns)
        if not await self._write(chats.begin, message.id, self._clock(), fits.left_out):
            raise _GivenUp
        request, several = _request(line, message, fits), int(message.sampling.get(BEST_OF, 1))
        reply.turns = fits.turns[:-1] if message.text else fits.turns
        try:
            if several > 1 and not message.text:
                return await self._best(line, reply, request, several)
            return await self._stream(line, reply, request)
        except ApiRefusal as refused:
            if refused.status in (429, 503) and reply.text == message.text:
                raise _Busy(AGAIN_S if refused.retry_after_s is None else refused.retry_after_s) from None
            raise _Failed(_fault_of(refused)) from None
        except Unreachable:
            if reply.text == message.text:
                self._wait_for(line, reply)
            self._lose(line)
            raise _Failed(Fault.BROKE_OFF) from None

    async def _stream(self, line: _Line, reply: _Reply, request: dict[str, Any]) -> str:
        reason = "stop"
        async for chunks in gathered(line.client.stream(request), SAVE_EVERY_S):
            more = ""
            for choice in (choice for chunk in chunks for choice in chunk.choices):
                more += choice.delta.content or ""
                reason = choice.finish_reason or reason
            if more:
                await self._pass(Side.WRITTEN, reply.text + more, len(reply.text))
                reply.grows(more)
                if not await self._write(chats.append, reply.message.id, more):
                    raise _GivenUp
        return reason

    async def _best(self, line: _Line, reply: _Reply, request: dict[str, Any], several: int) -> str:
        """Of several replies the one that the reward model likes most and the filter lets pass; the others go."""
        drawing = [
            asyncio.ensure_future(_whole(line.client, _seeded(request, number))) for number in range(several)
        ]  # fmt: skip
        try:
            drawn = await asyncio.gather(*drawing)
        finally:
            for each in drawing:  # where one failed, nobody wants the others
                each.cancel()
        rewards: Sequence[float | None] = await self._rewards([[*reply.turns, _answer(text)] for text, _ in drawn])
        reply.fault = None if rewards else Fault.UNJUDGED
        ranked = sorted(
            zip(drawn, rewards or [None] * several, strict=True),
            key=lambda each: float("-inf") if each[1] is None else each[1], reverse=True,
        )  # fmt: skip
        for tried, ((text, reason), reward) in enumerate(ranked, start=1):
            try:
                await self._pass(Side.WRITTEN, text)
            except _TakenOut:
                if tried == several:
                    raise
                continue
            reply.grows(text)
            reply.reward = reward
            if not await self._write(chats.append, reply.message.id, text):
                raise _GivenUp
            return reason
        raise AssertionError("the last one returns or raises")

    async def _rewards(self, conversations: Conversations) -> Sequence[float | None]:
        """What the reward model says of each; nothing where it does not answer."""
        if self._judges.rewards is None:
            return ()
        try:
            return await self._judges.rewards(conversations)
        except (ApiRefusal, Unreachable) as error:
            log.warning("the reward model does not answer: %s", error)
            return ()

    async def _reward(self, reply: _Reply) -> None:
        """What counts of a whole reply that was not the best of several."""
        if reply.reward is not None or not reply.text:
            return
        for reward in await self._rewards([[*reply.turns, _answer(reply.text)]]):
            if reward is not None:
                at = self._clock()
                await self._write(model_figures.note, at.date(), reply.message.model or "", {Figure.REWARD: reward})

    async def _pass(self, side: Side, text: str, seen: int = 0) -> None:
        """Raises _TakenOut, and _Failed where the filter does not answer: what is not looked at is not shown."""
        if self._judges.safety is None:
            return
        try:
            score = await self._judges.safety.score(side, text, seen)
        except (ApiRefusal, Unreachable) as error:
            log.warning("the safety filter does not answer: %s", error)
            raise _Failed(Fault.UNCHECKED) from None
        if score is not None:
            raise _TakenOut(side, text, score)

    def _turns(self, served: Served, message: ChatMessage) -> list[Turn]:
        """What the model reads: what stands above the reply, and the beginning of one that is gone on with."""
        assert message.parent_id is not None
        with self._read() as db:
            above = chats.thread(db, message.chat_id, message.parent_id)
        system = str(message.sampling.get("system") or served.system)
        turns = [Turn(SYSTEM, system)] if system else []
        turns += [Turn(ROLES[each.role], each.text) for each in above]
        return [*turns, Turn(ASSISTANT, message.text)] if message.text else turns

    @contextmanager
    def _told_as_fault(self, line: _Line, reply: _Reply) -> Iterator[None]:
        """Raises _Failed, _Lost."""
        try:
            yield
        except ApiRefusal as refused:
            raise _Failed(_fault_of(refused)) from None
        except Unreachable:
            self._wait_for(line, reply)

    def _wait_for(self, line: _Line, reply: _Reply) -> NoReturn:
        """For a model that does not answer, but once only: it may be this very reply that ends its server.

        Raises _Lost, _Failed.
        """
        if self._lose(line) and not reply.again:
            raise _Lost
        raise _Failed(Fault.GONE)

    def _lose(self, line: _Line) -> bool:
        """A model does not answer: it is looked after at once. Whether it may come again."""
        line.doubt.set()
        return line.lost()

    async def _fitted(self, line: _Line, message: ChatMessage, turns: Sequence[Turn]) -> Fitted:
        """Raises _Failed, ApiRefusal, Unreachable."""
        if line.context is None:
            return Fitted(turns, 0, _longest(message))
        tokens, around = estimated(turns), 0
        with suppress(ApiRefusal):  # a server that counts no tokens
            counted = await line.client.tokenize(line.served.at_server, turns)
            if counted.count is not None and counted.message_tokens is not None:
                tokens, around = counted.message_tokens, counted.count - sum(counted.message_tokens)
        try:
            return fitted(turns, tokens, around, line.context, _longest(message))
        except TooMuch as much:
            raise _Failed(Fault.TOO_LONG.of(much.prompt, much.context)) from None

    async def _fail(self, reply: _Reply, fault: str) -> None:
        """What it has of a text stays, cut off."""
        await self._end(reply, MessageState.CUT_OFF if reply.text else MessageState.FAILED, fault=fault)

    async def _end(
        self, reply: _Reply, state: MessageState, *, reason: str | None = None, fault: str | None = None
    ) -> None:
        figures = reply.figures(Figure(state.value))
        await self._write(_ended, reply.message, state, self._clock(), figures, reason, fault)


def _ended(
    db: Connection,
    reply: ChatMessage,
    state: MessageState,
    at: datetime,
    figures: Mapping[Figure, float],
    reason: str | None,
    fault: str | None,
) -> None:
    """Its end, and what counts of it, in one transaction."""
    if chats.finish(db, reply.id, state, at, reason=reason, error=fault):
        model_figures.note(db, at.date(), reply.model or "", figures)


def _taken_out(db: Connection, reply: ChatMessage, side: Side, text: str, score: float, at: datetime) -> None:
    """Nothing of the reply stays; that it was taken out does, with the words where the conversation is given away."""
    if not chats.is_open(db, reply.id):
        return
    chats.empty(db, reply.id)
    chats.finish(db, reply.id, MessageState.REFUSED, at, error=Fault(side.value))
    model = reply.model or ""
    agreed = chats.is_given(db, reply.chat_id)
    filter_hits.add(db, FilterHit(reply.chat_id, model, side, score, at, text if agreed else None))
    model_figures.note(db, at.date(), model, {FIGURES[side]: 1.0})
    log.info("the safety filter took out what was %s in a chat with %s (%.2f)", side.value, model, score)


async def _whole(client: AsyncChatClient, request: dict[str, Any]) -> tuple[str, str]:
    """A reply, and why it ended. Raises ApiRefusal, Unreachable."""
    text, reason = "", "stop"
    async with aclosing(client.stream(request)) as chunks:
        async for chunk in chunks:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                reason = choice.finish_reason or reason
    return text, reason


def _seeded(request: dict[str, Any], number: int) -> dict[str, Any]:
    """With the same seed all of several replies would be the same."""
    return {**request, "seed": request["seed"] + number} if "seed" in request else request


def _answer(text: str) -> Turn:
    return Turn(ASSISTANT, text)


def _longest(message: ChatMessage) -> int:
    return int(message.sampling.get("max_tokens") or LONGEST_REPLY)


def _request(line: _Line, message: ChatMessage, fits: Fitted) -> dict[str, Any]:
    wanted = {**message.sampling, "max_tokens": fits.reply}
    asked = {name: value for name, value in wanted.items() if name in line.served.supports}
    said = as_messages(fits.turns)
    if message.text and line.owner == "vllm":
        asked |= {"add_generation_prompt": False, "continue_final_message": True}
    if message.text and line.owner in NEVER_GO_ON:
        said.append({"role": USER, "content": GO_ON})
    return {"model": line.served.at_server, "messages": said, **asked}


def _fault_of(refused: ApiRefusal) -> str:
    if refused.code == "context_length_exceeded":
        numbers = refused.numbers
        return Fault.TOO_LONG.of(numbers.get("prompt_tokens", 0), numbers.get("context_length", 0))
    log.warning("a model's server refused a reply: %s", refused.message)
    return Fault.REFUSED
