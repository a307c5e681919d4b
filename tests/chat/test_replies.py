"""Replies to people who chat: written in the order in which they were asked for, kept whatever happens."""

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest

from espalier.chat import conversations
from espalier.chat import replies as replies_module
from espalier.chat.conversations import FULL_S, Asked, Wanted
from espalier.chat.filtering import Filter, in_process
from espalier.chat.models import BEST_OF, ModelState, Served
from espalier.chat.replies import LEFT_BEHIND, Replies
from espalier.chat.scoring import NOBODY, Judges
from espalier.chat.standing import days_of_models, in_all, taken_out
from espalier.collect import accounts
from espalier.dataset.examples import Turn
from espalier.domain.errors import Conflict, Invalid, TryLater
from espalier.infer.remote import Unreachable
from espalier.store import chats
from espalier.store.chats import ChatMessage, MessageState
from espalier.store.door import Door
from espalier.store.filter_hits import FilterHit, Side
from espalier.store.model_figures import Figure
from espalier.store.people import Person, PersonRole
from espalier.store.session import Database
from model_servers import ModelServer, model_server


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as says:
        yield says


@dataclass
class Room:
    """A person who talks with the model `stub`."""

    database: Database
    door: Door
    ada: Person
    rng: Random = field(default_factory=lambda: Random(5))
    told: Callable[[], None] = lambda: None  # that somebody asked for a reply

    def say(self, words: str, chat_id: str | None = None, **sampling: object) -> Asked:
        wanted = Wanted("small", sampling)
        asked = self.door.call(conversations.say, self.ada, chat_id, words, wanted, now(), self.rng)
        self.told()
        return asked

    def reply(self, asked: Asked) -> ChatMessage:
        with self.database.read() as db:
            found = chats.message_of(db, asked.chat_id, asked.reply_id)
        assert found is not None
        return found

    def talks(
        self,
        server: ModelServer,
        doing: Callable[[Replies], Awaitable[None]],
        judges: Judges = NOBODY,
        beside: Sequence[Served] = (),
        **served: object,
    ) -> None:
        """While models are asked, do something."""

        async def run() -> None:
            model = Served("small", server.url, "stub", **served)  # type: ignore[arg-type]
            replies = Replies([model, *beside], self.door.write, self.database.read, now, judges)
            await replies.start()
            self.told = partial(asyncio.get_running_loop().call_soon_threadsafe, replies.wake)
            try:
                await doing(replies)
            finally:
                await replies.stop()

        asyncio.run(run())

    def hits(self) -> list[FilterHit]:
        with self.database.read() as db:
            return taken_out(db, 10)

    async def sees(self, what: Callable[[], bool]) -> None:
        for _ in range(1000):
            if await asyncio.to_thread(what):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it does not come")

    async def until(self, asked: Asked, *states: MessageState) -> ChatMessage:
        await self.sees(lambda: self.reply(asked).state in states)
        return self.reply(asked)

    async def ended(self, asked: Asked) -> ChatMessage:
        return await self.until(asked, *(state for state in MessageState if not state.is_open))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def room(any_database: Database, door: Door) -> Room:
    made = door.call(
        accounts.create_person, None, "Ada", PersonRole.CONTRIBUTOR, secrets.token_urlsafe, now(), Random(1)
    )
    return Room(any_database, door, made.person)


def test_a_reply_is_written_as_the_person_wished_below_what_was_said(room: Room, server: ModelServer) -> None:
    async def talk(_: Replies) -> None:
        first = await asyncio.to_thread(room.say, "Why is the sky blue?", temperature=0.2, system="Be brief.")
        reply = await room.ended(first)
        assert (reply.state, reply.text, reply.finish_reason) == (
            MessageState.COMPLETE, "Blue light is scattered.", "stop",
        )  # fmt: skip
        await room.ended(await asyncio.to_thread(room.say, "And at night?", first.chat_id, top_p=0.5))

    room.talks(server, talk)
    assert [message["content"] for message in server.asked[0]["messages"]] == ["Be brief.", "Why is the sky blue?"]
    assert (server.asked[0]["temperature"], server.asked[0]["model"]) == (0.2, "stub")
    assert [message["role"] for message in server.asked[1]["messages"]] == ["user", "assistant", "user"]
    assert server.asked[1]["top_p"] == 0.5


def test_it_stops_at_any_moment_after_a_reply_was_asked_for(room: Room, server: ModelServer) -> None:
    async def stop(steps: int) -> None:
        replies = Replies([Served("small", server.url, "stub")], room.door.write, room.database.read, now)
        await replies.start()
        await asyncio.sleep(0.1)
        replies.wake()
        for _ in range(steps):
            await asyncio.sleep(0)
        _, still = await asyncio.wait([asyncio.create_task(replies.stop())], timeout=5)
        assert not still

    for steps in range(6):
        asyncio.run(stop(steps))


def test_stopping_keeps_what_is_written_and_hangs_up_at_the_models_server(room: Room, server: ModelServer) -> None:
    server.words, server.pause_s = ("word ",) * 200, 0.05

    async def talk(replies: Replies) -> None:
        asked = await asyncio.to_thread(room.say, "Count.")
        replies.wake()
        await room.sees(lambda: room.reply(asked).text != "")
        await asyncio.to_thread(room.door.call, conversations.stop, room.ada, asked.chat_id, asked.reply_id, now())
        replies.wake()
        await room.sees(lambda: server.gone > 0)
        stopped = room.reply(asked)
        assert stopped.state is MessageState.STOPPED
        assert stopped.text.startswith("word ")

    room.talks(server, talk)
    assert server.gone == 1


def test_replies_wait_in_order_and_their_places_are_known(room: Room, server: ModelServer) -> None:
    server.held_at = 1

    async def talk(replies: Replies) -> None:
        asked = [await asyncio.to_thread(room.say, f"Question {number}") for number in range(3)]
        await room.until(asked[0], MessageState.RUNNING)
        replies.wake()
        await room.sees(lambda: replies.place(asked[2].reply_id) is not None)
        places = [replies.place(each.reply_id) for each in asked]
        assert [place.before if place else None for place in places] == [None, 0, 1]
        server.held_at = None
        for each in asked:
            assert (await room.ended(each)).state is MessageState.COMPLETE
        assert replies.place(asked[2].reply_id) is None

    room.talks(server, talk, at_once=1)
    assert [request["messages"][0]["content"] for request in server.asked] == [f"Question {n}" for n in range(3)]


def test_a_server_that_breaks_off_leaves_what_it_wrote_and_one_that_is_busy_is_asked_again(
    room: Room, server: ModelServer
) -> None:
    async def talk(_: Replies) -> None:
        server.breaks_after = 2
        broken = await room.ended(await asyncio.to_thread(room.say, "Break."))
        assert (broken.state, broken.text, broken.error) == (MessageState.CUT_OFF, "Blue light ", "broke_off")
        server.breaks_after, server.busy = None, 2
        assert (await room.ended(await asyncio.to_thread(room.say, "Again."))).state is MessageState.COMPLETE

    room.talks(server, talk)


def test_a_reply_that_was_not_begun_when_its_model_was_lost_waits_for_it_once(room: Room, server: ModelServer) -> None:
    async def talk(_: Replies) -> None:
        server.lost = 1
        assert (await room.ended(await asyncio.to_thread(room.say, "Wait."))).text == "Blue light is scattered."
        server.lost = 2
        failed = await room.ended(await asyncio.to_thread(room.say, "It is my words that end it."))
        assert (failed.state, failed.error) == (MessageState.FAILED, "gone")
        assert (await room.ended(await asyncio.to_thread(room.say, "And now?"))).state is MessageState.COMPLETE

    room.talks(server, talk)
    assert [request["messages"][-1]["content"] for request in server.asked[:2]] == ["Wait."] * 2


def test_a_server_that_hangs_keeps_nobody_from_another_model(room: Room, server: ModelServer) -> None:
    async def talk(_: Replies) -> None:
        assert (await room.ended(await asyncio.to_thread(room.say, "Why?"))).state is MessageState.COMPLETE

    server.lost = 1  # so that it is asked once more whether it is there
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        room.talks(server, talk, beside=[Served("silent", f"http://127.0.0.1:{silent.getsockname()[1]}", "any")])


def test_a_model_lost_together_with_what_looks_at_its_words_leaves_those_that_were_looked_at(
    room: Room, server: ModelServer
) -> None:
    there, server.held_at = asyncio.Event(), 1
    there.set()

    async def toxicities(texts: Sequence[str]) -> Sequence[float]:
        if not there.is_set():
            raise Unreachable("nobody there")
        return [0.0 for _ in texts]

    async def rewards(conversations: Sequence[Sequence[Turn]]) -> Sequence[float | None]:
        await toxicities([])
        return [1.0 for _ in conversations]

    async def talk(_: Replies) -> None:
        asked = await asyncio.to_thread(room.say, "Why is the sky blue?")
        await room.sees(lambda: room.reply(asked).text == "Blue ")
        there.clear()
        server.breaks_after, server.held_at = 2, None
        lost = await room.ended(asked)
        assert (lost.state, lost.text) == (MessageState.CUT_OFF, "Blue ")
        there.set()
        server.breaks_after, server.words = None, ("light ", "is ", "scattered.")
        again = (room.ada, asked.chat_id, asked.reply_id, now(), room.rng)
        await asyncio.to_thread(room.door.call, conversations.go_on, *again)
        assert (await room.ended(asked)).text == "Blue light is scattered."

    room.talks(server, talk, Judges(Filter(toxicities, 0.5, 0.5), rewards))


def test_a_reply_that_waited_too_long_ends_and_a_deleted_one_frees_its_place(
    room: Room, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies_module, "LONGEST_WAIT", timedelta(seconds=0.5))
    server.held_at = 1

    async def talk(replies: Replies) -> None:
        deleted = await asyncio.to_thread(room.say, "Delete this.")
        await room.sees(lambda: room.reply(deleted).text == "Blue ")
        waited = await room.ended(await asyncio.to_thread(room.say, "Wait."))
        assert (waited.state, waited.error) == (MessageState.FAILED, "waited")
        await asyncio.to_thread(room.door.call, conversations.remove, room.ada, deleted.chat_id)
        await room.sees(lambda: server.gone == 1)
        server.held_at = None
        monkeypatch.setattr(replies_module, "LONGEST_WAIT", timedelta(minutes=10))
        assert (await room.ended(await asyncio.to_thread(room.say, "And now?"))).text == "Blue light is scattered."

    room.talks(server, talk, at_once=1)


def test_a_reply_waits_in_its_place_while_the_server_is_busy(room: Room, server: ModelServer) -> None:
    server.busy = 1_000_000

    async def talk(replies: Replies) -> None:
        asked = [await asyncio.to_thread(room.say, f"Question {number}") for number in range(2)]
        await room.sees(lambda: 1_000_000 - server.busy > 3 and replies.place(asked[1].reply_id) is not None)
        assert room.reply(asked[0]).asked_at == room.reply(asked[0]).created_at
        server.busy = 0
        for each in asked:
            assert (await room.ended(each)).state is MessageState.COMPLETE

    room.talks(server, talk, at_once=1)
    assert [request["messages"][0]["content"] for request in server.asked[-2:]] == ["Question 0", "Question 1"]


def test_a_server_that_is_busy_until_tomorrow_is_asked_again_today(
    room: Room, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies_module, "MOST_BUSY_S", 0.1)
    server.busy, server.busy_s = 1, 86_400

    async def talk(_: Replies) -> None:
        assert (await room.ended(await asyncio.to_thread(room.say, "Now?"))).state is MessageState.COMPLETE

    room.talks(server, talk)


@pytest.mark.parametrize(
    ("owner", "last", "flags"),
    [("llamacpp", "Blue ", {}), ("vllm", "Blue ", {"add_generation_prompt": False, "continue_final_message": True}),
     ("openai", "Go on exactly where you stopped. Repeat nothing.", {})],
)  # fmt: skip
def test_a_stopped_reply_goes_on_in_its_place_as_its_server_can(
    room: Room, server: ModelServer, owner: str, last: str, flags: dict[str, bool]
) -> None:
    server.owner, server.held_at = owner, 1

    async def talk(replies: Replies) -> None:
        asked = await asyncio.to_thread(room.say, "Why is the sky blue?")
        await room.sees(lambda: room.reply(asked).text == "Blue ")
        at = (room.ada, asked.chat_id, asked.reply_id, now())
        with pytest.raises(Conflict):
            await asyncio.to_thread(room.door.call, conversations.go_on, *at, room.rng)
        await asyncio.to_thread(room.door.call, conversations.stop, *at)
        await room.sees(lambda: server.gone == 1)
        server.held_at, server.words = None, ("light ", "is ", "scattered.")
        await asyncio.to_thread(room.door.call, conversations.go_on, *at, room.rng)
        assert (await room.ended(asked)).text == "Blue light is scattered."
        with pytest.raises(Invalid):
            await asyncio.to_thread(room.door.call, conversations.go_on, *at, room.rng)

    room.talks(server, talk)
    assert server.asked[-1]["messages"][-1]["content"] == last
    assert {name: server.asked[-1].get(name) for name in flags} == flags


def test_a_full_queue_is_said_before_anything_is_kept(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MOST_WAITING", 1)
    asked = room.say("One?")
    with pytest.raises(TryLater) as full:
        room.say("Two?")
    assert full.value.retry_after_s == FULL_S
    assert room.reply(asked).state is MessageState.WAITING
    with room.database.read() as db:
        assert chats.waiting_for(db, "small") == 1


def test_what_another_process_is_writing_is_left_alone_and_what_it_left_behind_is_settled(
    room: Room, server: ModelServer
) -> None:
    mine, gone = room.say("Mine."), room.say("Gone.")
    room.door.call(chats.begin, mine.reply_id, now())
    room.door.call(chats.begin, gone.reply_id, now() - 2 * LEFT_BEHIND)

    async def talk(_: Replies) -> None:
        assert (await room.ended(gone)).text == "Blue light is scattered."
        assert room.reply(mine).state is MessageState.RUNNING

    room.talks(server, talk)


def test_a_model_that_is_gone_says_so_and_nothing_is_lost(room: Room) -> None:
    async def talk(replies: Replies) -> None:
        wanted = Wanted("unknown")
        asked = await asyncio.to_thread(
            room.door.call, conversations.say, room.ada, None, "Is anybody there?", wanted, now(), room.rng
        )
        failed = await room.ended(asked)
        assert (failed.state, failed.error) == (MessageState.FAILED, "gone")
        assert [each.state for each in replies.models()] == [ModelState.STARTING]

    room.talks(ModelServer(url="http://127.0.0.1:9"), talk)


def test_the_log_says_under_which_names_a_server_has_its_models(
    room: Room, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        replies = Replies([Served("small", server.url, "large")], room.door.write, room.database.read, now)
        await replies.start()
        try:
            await room.sees(lambda: "the server of small has no model 'large', but stub" in caplog.text)
        finally:
            await replies.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("owner", "context", "counts"), [("espalier", 40, True), ("stub", 100, False), ("llamacpp", 100, False)]
)
def test_of_a_conversation_that_is_too_long_the_oldest_turns_are_left_out_and_counted(
    room: Room, server: ModelServer, owner: str, context: int, counts: bool
) -> None:
    server.owner, server.context, server.counts_tokens = owner, context, counts

    async def talk(_: Replies) -> None:
        first = await asyncio.to_thread(room.say, "one two three four five six seven eight nine ten", max_tokens=10)
        await room.ended(first)
        more = await asyncio.to_thread(room.say, "again " * 20, first.chat_id, max_tokens=10)
        assert (await room.ended(more)).left_out == 2
        much = await room.ended(await asyncio.to_thread(room.say, "word " * 200, max_tokens=10))
        assert much.state is MessageState.FAILED
        assert (much.error or "").split()[0] == "too_long"
        assert (much.error or "").split()[2] == str(server.context)

    room.talks(server, talk)
    assert [len(request["messages"]) for request in server.asked] == [1, 1]


def test_after_a_restart_what_had_begun_is_cut_off_and_what_waited_is_written(room: Room, server: ModelServer) -> None:
    server.held_at = 1
    begun: list[Asked] = []

    async def first_run(replies: Replies) -> None:
        begun.extend([room.say("One."), room.say("Two.")])
        replies.wake()
        await room.sees(lambda: room.reply(begun[0]).text == "Blue ")
        server.held_at = None

    async def second_run(_: Replies) -> None:
        assert (await room.ended(begun[0])).state is MessageState.CUT_OFF
        assert (await room.ended(begun[1])).text == "Blue light is scattered."

    room.talks(server, first_run, at_once=1)
    room.talks(server, second_run)


def crude(text: str) -> float:
    return 0.9 if "scum" in text else 0.1


def test_what_the_filter_takes_out_is_neither_asked_nor_shown_nor_kept(room: Room, server: ModelServer) -> None:
    server.words, server.pause_s = ("Fine. ", "You scum. ", "More."), 0.3

    async def talk(_: Replies) -> None:
        said = await room.ended(await asyncio.to_thread(room.say, "Tell those scum."))
        assert (said.state, said.error, said.text) == (MessageState.REFUSED, "said", "")
        assert server.asked == []
        given = await asyncio.to_thread(room.say, "Greet me.")
        await asyncio.to_thread(room.door.call, conversations.agree, room.ada, given.chat_id, "CC-BY-4.0", now())
        await room.sees(lambda: room.reply(given).text == "Fine. ")
        written = await room.ended(given)
        assert (written.state, written.error, written.text) == (MessageState.REFUSED, "written", "")
        hits = room.hits()
        assert [(hit.side, hit.text and "scum" in hit.text) for hit in hits] == [
            (Side.WRITTEN, True),
            (Side.SAID, None),
        ]
        await asyncio.to_thread(room.door.call, conversations.take_consent_back, room.ada, given.chat_id)
        assert [hit.text for hit in room.hits()] == [None, None]
        await room.sees(lambda: server.gone == 1)

    room.talks(server, talk, Judges(Filter(in_process(crude), 0.5, 0.5)))


def test_where_the_filter_does_not_answer_nothing_is_shown(room: Room, server: ModelServer) -> None:
    async def away(_: object) -> list[float]:
        raise Unreachable("nobody there")

    async def talk(_: Replies) -> None:
        failed = await room.ended(await asyncio.to_thread(room.say, "Hello?"))
        assert (failed.state, failed.error, failed.text) == (MessageState.FAILED, "unchecked", "")

    room.talks(server, talk, Judges(Filter(away, 0.5, None)))


def test_every_reply_counts_for_its_model_however_it_ends(room: Room, server: ModelServer) -> None:
    async def talk(_: Replies) -> None:
        await room.ended(await asyncio.to_thread(room.say, "Why is the sky blue?"))
        server.words = ("I'm sorry, but I can't help with that.",)
        await room.ended(await asyncio.to_thread(room.say, "Something else."))
        server.words, server.breaks_after = ("Blue ", "light."), 1
        await room.ended(await asyncio.to_thread(room.say, "Break."))
        await room.ended(await asyncio.to_thread(room.say, "scum"))

    room.talks(server, talk, Judges(Filter(in_process(crude), 0.5, 0.5)))
    with room.database.read() as db:
        (days,) = days_of_models(db, now().date(), 2).values()
    found = in_all(days.values())
    assert (found.replies, found.failed, found.filtered) == (3, 1, 1)
    assert found.of(Figure.DECLINED).count == 1
    assert found.of(Figure.FIRST_S).count == 3
    assert (found.of(Figure.WHOLE_S).mean or 0) > 0


def longest_is_best(conversations: Sequence[Sequence[Turn]]) -> list[float | None]:
    return [float(len(turns[-1].content)) for turns in conversations]


def test_of_several_replies_the_best_that_the_filter_lets_pass_is_shown(room: Room, server: ModelServer) -> None:
    server.in_turn = [("Short.",), ("A longer reply.",), ("The longest reply, you scum.",)]

    async def rewards(conversations: Sequence[Sequence[Turn]]) -> list[float | None]:
        return longest_is_best(conversations)

    async def talk(_: Replies) -> None:
        reply = await room.ended(await asyncio.to_thread(room.say, "Reply.", **{BEST_OF: 3, "seed": 7}))
        assert (reply.state, reply.text, reply.error) == (MessageState.COMPLETE, "A longer reply.", None)

    room.talks(server, talk, Judges(Filter(in_process(crude), 0.5, 0.5), rewards))
    assert sorted(request["seed"] for request in server.asked) == [7, 8, 9]
    assert all(BEST_OF not in request for request in server.asked)
    with room.database.read() as db:
        (days,) = days_of_models(db, now().date(), 1).values()
    assert in_all(days.values()).of(Figure.REWARD).mean == len("A longer reply.")


def test_without_a_reward_model_the_first_of_several_is_shown_and_that_is_said(room: Room, server: ModelServer) -> None:
    async def away(_: object) -> list[float | None]:
        raise Unreachable("nobody there")

    async def talk(_: Replies) -> None:
        reply = await room.ended(await asyncio.to_thread(room.say, "Reply.", **{BEST_OF: 2}))
        assert (reply.state, reply.error) == (MessageState.COMPLETE, "unjudged")

    room.talks(server, talk, Judges(rewards=away))
