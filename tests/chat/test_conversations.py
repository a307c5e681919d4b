"""What people do with their conversations, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from espalier.chat import conversations
from espalier.chat.conversations import Asked, Wanted
from espalier.collect import erasure
from espalier.collect.jobs import run_jobs
from espalier.collect.own_data import own_data
from espalier.domain.errors import Conflict, Invalid, NotFound, Refusal, TooLong, TryLater
from espalier.domain.message import Role
from espalier.store import chats
from espalier.store.chats import MessageState
from espalier.store.people import Person
from gardens import Garden

MODEL = Wanted("small", {"temperature": 0.7, "stop": None})


class Talk:
    """A campaign in which Ada chats, each time a minute later."""

    def __init__(self, db: Connection) -> None:
        self.garden = Garden(db)
        self.garden.policy()
        self.db = db
        self.ada = self.garden.person("Ada")

    def say(self, chat_id: str | None, words: str, **more: Any) -> Asked:
        now = self.garden.later(minutes=1)
        return conversations.say(self.db, self.ada, chat_id, words, MODEL, now, self.garden.rng, **more)

    def edit(self, asked: Asked, message_id: str, words: str) -> Asked:
        now = self.garden.later(minutes=1)
        return conversations.edit(
            self.db, self.ada, asked.chat_id, message_id, words, MODEL, now, self.garden.rng
        )  # fmt: skip

    def regenerate(self, asked: Asked, reply_id: str) -> Asked:
        now = self.garden.later(minutes=1)
        return conversations.regenerate(self.db, self.ada, asked.chat_id, reply_id, MODEL, now, self.garden.rng)

    def reply(self, asked: Asked, words: str, state: MessageState = MessageState.COMPLETE) -> None:
        chats.begin(self.db, asked.reply_id, self.garden.now)
        chats.append(self.db, asked.reply_id, words)
        chats.finish(self.db, asked.reply_id, state, self.garden.now)

    def seen(self, chat_id: str) -> list[str]:
        """The texts of the branch in view."""
        chat = chats.chat_of(self.db, self.ada.id, chat_id)
        assert chat is not None
        assert chat.viewed_id is not None
        return [each.text for each in chats.thread(self.db, chat_id, chat.viewed_id)]


@pytest.fixture
def talk(db: Connection) -> Talk:
    return Talk(db)


def test_the_first_words_begin_a_conversation_that_is_listed_first_under_their_first_hundred_characters(
    talk: Talk,
) -> None:
    talk.say(None, "Before.")
    asked = talk.say(None, "Why  is\nthe sky " + "very " * 30)

    first = chats.chats_of(talk.db, talk.ada.id, 1)[0]
    assert first.id == asked.chat_id
    assert first.title == ("Why is the sky " + "very " * 30)[:100].rstrip()
    prompt, reply = chats.thread(talk.db, asked.chat_id, asked.reply_id)
    assert (prompt.id, prompt.role, prompt.state) == (asked.message_id, Role.PROMPTER, MessageState.COMPLETE)
    assert (reply.role, reply.text, reply.state) == (Role.ASSISTANT, "", MessageState.WAITING)
    assert (reply.model, reply.sampling) == ("small", MODEL.sampling)


@pytest.mark.parametrize("state", [MessageState.FAILED, MessageState.REFUSED])
def test_after_a_reply_that_did_not_come_one_goes_on_below_the_last_one_that_did(
    talk: Talk, state: MessageState
) -> None:
    asked = talk.say(None, "One?")
    talk.reply(asked, "One.")
    talk.reply(talk.say(asked.chat_id, "Two?"), "", state)
    talk.say(asked.chat_id, "Two, please?")
    assert talk.seen(asked.chat_id) == ["One?", "One.", "Two, please?", ""]


def test_where_no_reply_came_at_all_the_conversation_begins_anew_at_its_root(talk: Talk) -> None:
    asked = talk.say(None, "One?")
    talk.reply(asked, "", MessageState.FAILED)
    talk.say(asked.chat_id, "One, please?")
    assert talk.seen(asked.chat_id) == ["One, please?", ""]
    assert len(chats.branches(talk.db, asked.chat_id)[None]) == 2


def test_nothing_is_said_while_a_reply_is_being_written_and_a_stopped_one_keeps_its_text(talk: Talk) -> None:
    asked = talk.say(None, "One?")
    for busy in (
        lambda: talk.say(asked.chat_id, "And?"),
        lambda: talk.edit(asked, asked.message_id, "Or?"),
        lambda: talk.regenerate(asked, asked.reply_id),
    ):
        with pytest.raises(Conflict):
            busy()
    chats.begin(talk.db, asked.reply_id, talk.garden.now)
    chats.append(talk.db, asked.reply_id, "On")
    conversations.stop(talk.db, talk.ada, asked.chat_id, asked.reply_id, talk.garden.now)
    talk.say(asked.chat_id, "And?")
    assert talk.seen(asked.chat_id) == ["One?", "On", "And?", ""]


def test_an_edit_is_a_branch_also_of_the_first_message_and_one_can_turn_back(talk: Talk) -> None:
    asked = talk.say(None, "One?")
    talk.reply(asked, "One.")
    further = talk.say(asked.chat_id, "Two?")
    talk.reply(further, "Two.")
    edited = talk.edit(asked, asked.message_id, "Uno?")
    talk.reply(edited, "Uno.")

    assert talk.seen(asked.chat_id) == ["Uno?", "Uno."]
    assert chats.branches(talk.db, asked.chat_id)[None] == (asked.message_id, edited.message_id)
    assert conversations.look(talk.db, talk.ada, asked.chat_id, asked.message_id) == further.reply_id
    assert talk.seen(asked.chat_id) == ["One?", "One.", "Two?", "Two."]
    with pytest.raises(Invalid):
        talk.edit(asked, asked.reply_id, "What the model said.")


def test_another_reply_stands_beside_the_first(talk: Talk) -> None:
    asked = talk.say(None, "One?")
    talk.reply(asked, "One.")
    again = talk.regenerate(asked, asked.reply_id)
    assert chats.branches(talk.db, asked.chat_id)[asked.message_id] == (asked.reply_id, again.reply_id)
    talk.reply(again, "1.")
    assert talk.seen(asked.chat_id) == ["One?", "1."]
    with pytest.raises(Invalid):
        talk.regenerate(asked, asked.message_id)


def test_what_is_refused_says_why_and_keeps_the_words(talk: Talk) -> None:
    for words, kind in (("  \n", Invalid), ("a\0b", Invalid), ("x" * 50_001, TooLong)):
        with pytest.raises(kind) as refused:
            talk.say(None, words)
        assert refused.value.field == "text"
    assert chats.every_chat(talk.db, talk.ada.id) == []


def test_the_twenty_first_reply_has_to_wait_also_when_conversations_were_deleted(talk: Talk) -> None:
    now = talk.garden.now
    for _ in range(20):
        conversations.say(talk.db, talk.ada, None, "Again?", MODEL, now, talk.garden.rng)
    conversations.remove_all(talk.db, talk.ada)
    with pytest.raises(TryLater) as refused:
        conversations.say(talk.db, talk.ada, None, "And again?", MODEL, now, talk.garden.rng)
    assert (refused.value.retry_after_s, refused.value.text) == (600, "And again?")
    conversations.say(talk.db, talk.ada, None, "Now?", MODEL, talk.garden.later(minutes=10), talk.garden.rng)


def test_conversations_are_renamed_hidden_shown_and_deleted(talk: Talk) -> None:
    asked = talk.say(None, "One?")
    assert conversations.rename(talk.db, talk.ada, asked.chat_id, "  The\tfirst ") == "The first"
    with pytest.raises(Invalid):
        conversations.rename(talk.db, talk.ada, asked.chat_id, " ")
    with pytest.raises(TooLong):
        conversations.rename(talk.db, talk.ada, asked.chat_id, "x" * 101)
    conversations.hide(talk.db, talk.ada, asked.chat_id)
    assert chats.chats_of(talk.db, talk.ada.id, 9) == []
    conversations.show(talk.db, talk.ada, asked.chat_id)
    assert [each.title for each in chats.chats_of(talk.db, talk.ada.id, 9)] == ["The first"]
    assert conversations.hide_all(talk.db, talk.ada) == 1
    conversations.remove(talk.db, talk.ada, asked.chat_id)
    assert chats.every_chat(talk.db, talk.ada.id) == []


def test_nobody_gets_at_the_conversation_of_another(talk: Talk) -> None:
    asked = talk.say(None, "Mine.")
    talk.reply(asked, "Yours.")
    ben, db, now, rng = talk.garden.person("Ben"), talk.db, talk.garden.now, talk.garden.rng
    chat_id = asked.chat_id
    attempts: tuple[Callable[[Person], object], ...] = (
        lambda who: conversations.say(db, who, chat_id, "Hi", MODEL, now, rng),
        lambda who: conversations.edit(db, who, chat_id, asked.message_id, "Hi", MODEL, now, rng),
        lambda who: conversations.regenerate(db, who, chat_id, asked.reply_id, MODEL, now, rng),
        lambda who: conversations.stop(db, who, chat_id, asked.reply_id, now),
        lambda who: conversations.look(db, who, chat_id, asked.message_id),
        lambda who: conversations.rename(db, who, chat_id, "Hi"),
        lambda who: conversations.hide(db, who, chat_id),
        lambda who: conversations.show(db, who, chat_id),
        lambda who: conversations.agree(db, who, chat_id, "CC BY 4.0", now),
        lambda who: conversations.take_consent_back(db, who, chat_id),
        lambda who: conversations.remove(db, who, chat_id),
    )
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt(ben)
    assert talk.seen(chat_id) == ["Mine.", "Yours."]


def test_consent_is_not_given_for_what_is_not_kept(talk: Talk) -> None:
    kept, passing = talk.say(None, "Keep."), talk.say(None, "Do not.", temporary=True)
    conversations.agree(talk.db, talk.ada, kept.chat_id, "CC BY 4.0", talk.garden.now)
    with pytest.raises(Refusal):
        conversations.agree(talk.db, talk.ada, passing.chat_id, "CC BY 4.0", talk.garden.now)
    conversations.take_consent_back(talk.db, talk.ada, kept.chat_id)
    assert [each.consent for each in chats.every_chat(talk.db, talk.ada.id)] == [None, None]


def test_ones_own_data_holds_conversations_with_all_branches(talk: Talk) -> None:
    asked = talk.say(None, "One?")
    talk.reply(asked, "One.")
    talk.edit(asked, asked.message_id, "Uno?")
    (chat,) = own_data(talk.db, talk.ada, talk.garden.now)["chats"]
    assert chat["title"] == "One?"
    assert [(each["role"], each["text"], each["state"]) for each in chat["messages"]] == [
        ("prompter", "One?", "complete"),
        ("assistant", "One.", "complete"),
        ("prompter", "Uno?", "complete"),
        ("assistant", "", "waiting"),
    ]


@pytest.mark.parametrize("how", [erasure.purge, erasure.close_account])
def test_with_its_owner_a_conversation_is_gone(talk: Talk, how: Callable[..., object]) -> None:
    garden = talk.garden
    asked = talk.say(None, "One?")
    ben = garden.person("Ben")
    kept = conversations.say(talk.db, ben, None, "Stay.", MODEL, garden.now, garden.rng)
    how(talk.db, garden.admin(), talk.ada.id, garden.now, garden.rng)
    while run_jobs(garden.call, garden.now, garden.rng):
        pass
    assert chats.every_chat(talk.db, talk.ada.id) == []
    assert chats.messages_of(talk.db, asked.chat_id) == []
    assert chats.asked_since(talk.db, talk.ada.id, garden.now.replace(year=2000)) == []
    assert len(chats.messages_of(talk.db, kept.chat_id)) == 2
