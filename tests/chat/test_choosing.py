"""Several replies to choose from: one is taken, the others stay beside it, and data that is given away says so."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from espalier.chat import choosing, conversations
from espalier.chat.conversations import Asked, Wanted
from espalier.chat.limits import REPLIES
from espalier.collect.own_data import own_data
from espalier.domain.errors import Conflict, Invalid, NotFound, TryLater
from espalier.store import chats, drawn
from espalier.store.chats import ChatMessage, MessageState
from espalier.store.drawn import Drawn
from gardens import NOON, Garden

WARM = Wanted("small", {"temperature": 0.7})


class Chooser:
    """Ada, who asks for three replies."""

    def __init__(self, db: Connection) -> None:
        self.db, self.garden = db, Garden(db)
        self.ada, self.ben = self.garden.person("Ada"), self.garden.person("Ben")

    def ask(self, chat_id: str | None = None, wanted: Wanted = WARM, several: int = 3) -> Asked:
        now = self.garden.later(minutes=1)
        return choosing.say_to_choose(
            self.db, self.ada, chat_id, "Why is the sky blue?", wanted, several, now, self.garden.rng
        )

    def write(self, texts: Sequence[str]) -> None:
        for reply, text in zip(chats.waiting(self.db, 10), texts, strict=True):
            chats.begin(self.db, reply.id, self.garden.now)
            chats.append(self.db, reply.id, text)
            chats.finish(
                self.db, reply.id, MessageState.COMPLETE if text else MessageState.FAILED, self.garden.now
            )  # fmt: skip

    def drawn(self, chat_id: str) -> Drawn:
        return drawn.drawn_in(self.db, chat_id)[-1]

    def replies(self, chat_id: str) -> list[ChatMessage]:
        return [each for each in chats.messages_of(self.db, chat_id) if each.model]

    def take(self, chat_id: str, reply_id: str | None) -> str:
        return choosing.take(self.db, self.ada, chat_id, self.drawn(chat_id).id, reply_id, self.garden.now)


@pytest.fixture
def chooser(db: Connection) -> Chooser:
    return Chooser(db)


def test_one_of_three_is_taken_once_and_one_goes_on_below_it(chooser: Chooser) -> None:
    chat_id = chooser.ask().chat_id
    _, second, _ = (reply.id for reply in chooser.replies(chat_id))
    with pytest.raises(Conflict, match="still being written"):
        chooser.take(chat_id, second)
    chooser.write(["The air.", "Because of the air.", ""])
    with pytest.raises(Conflict, match="wait for your choice"):
        chooser.ask(chat_id)
    with pytest.raises(NotFound):
        choosing.take(chooser.db, chooser.ben, chat_id, chooser.drawn(chat_id).id, second, chooser.garden.now)
    chooser.take(chat_id, second)
    assert own_data(chooser.db, chooser.ada, chooser.garden.now)["chats"][0]["chosen"][0]["taken"] == second
    with pytest.raises(Conflict, match="cannot be changed"):
        chooser.take(chat_id, None)
    asked = chooser.ask(chat_id)
    above = chats.thread(chooser.db, chat_id, asked.message_id)
    assert [message.text for message in above[:-1]] == ["Why is the sky blue?", "Because of the air."]


def test_what_has_no_text_cannot_be_taken_but_one_can_go_on_without_choosing(chooser: Chooser) -> None:
    chat_id = chooser.ask(several=2).chat_id
    chooser.write(["", "Because of the air."])
    failed, written = (reply.id for reply in chooser.replies(chat_id))
    with pytest.raises(Conflict, match="no text"):
        chooser.take(chat_id, failed)
    with pytest.raises(NotFound):
        chooser.take(chat_id, "another")
    assert chooser.take(chat_id, None) == written
    assert chooser.drawn(chat_id).taken_id is None


def test_more_of_them_are_drawn_beside_a_reply_that_has_ended(chooser: Chooser) -> None:
    chat_id = chooser.ask().chat_id
    chooser.write(["One.", "Two.", "Three."])
    first = chooser.replies(chat_id)[0].id
    chooser.take(chat_id, first)
    choosing.again_to_choose(
        chooser.db, chooser.ada, chat_id, first, WARM, 2, chooser.garden.later(minutes=1), chooser.garden.rng
    )
    assert len(chooser.replies(chat_id)) == 5
    assert len(chooser.drawn(chat_id).replies) == 2


def test_replies_that_would_be_the_same_are_refused_and_each_has_a_seed_of_its_own(chooser: Chooser) -> None:
    for wanted in (Wanted("small", {"temperature": 0}), Wanted("small", {"top_k": 1})):
        with pytest.raises(Invalid, match="the same"):
            chooser.ask(wanted=wanted)
    with pytest.raises(Invalid, match="at most"):
        chooser.ask(several=4)
    chat_id = chooser.ask(wanted=Wanted("small", {"seed": 7})).chat_id
    assert [reply.sampling["seed"] for reply in chooser.replies(chat_id)] == [7, 8, 9]


def test_each_counts_as_a_reply_and_too_many_leave_nothing_behind(chooser: Chooser) -> None:
    chat_id = chooser.ask().chat_id
    assert len(chats.asked_since(chooser.db, chooser.ada.id, NOON)) == 3
    for _ in range(REPLIES // 3 - 1):
        chooser.write(["One.", "Two.", "Three."])
        chooser.take(chat_id, None)
        chooser.ask(chat_id)
    chooser.write(["One.", "Two.", "Three."])
    chooser.take(chat_id, None)
    with pytest.raises(TryLater) as refused:
        chooser.ask(chat_id)
    assert refused.value.text == "Why is the sky blue?"


def test_they_go_with_their_conversation(chooser: Chooser) -> None:
    for remove in (lambda chat_id: conversations.remove(chooser.db, chooser.ada, chat_id),
                   lambda _: conversations.remove_all(chooser.db, chooser.ada)):  # fmt: skip
        chat_id = chooser.ask().chat_id
        remove(chat_id)
        assert drawn.drawn_in(chooser.db, chat_id) == []
