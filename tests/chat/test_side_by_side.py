"""Two models side by side, what people say of replies, and links to conversations."""

import json
import re
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection

from espalier.chat import comparing, conversations, drafts, judging, parameters, sharing
from espalier.chat.conversations import Asked, Wanted
from espalier.collect.own_data import own_data
from espalier.domain.errors import Conflict, Invalid, NewerDraft, NotFound, TooLong
from espalier.store import battles, chat_reports, chats, thumbs
from espalier.store.battles import Vote, votes_in_chats
from espalier.store.chats import MessageState
from espalier.store.drafts import draft_of
from espalier.store.thumbs import Thumb
from gardens import Garden

SMALL, LARGE = Wanted("small"), Wanted("large")


class Pairs:
    """Ada, who puts two models side by side."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        self.garden = Garden(db)
        self.ada, self.ben = self.garden.person("Ada"), self.garden.person("Ben")

    def ask(self, chat_id: str | None = None, rng: Random | None = None) -> tuple[Asked, Asked]:
        now = self.garden.later(minutes=1)
        return comparing.say_to_two(
            self.db, self.ada, chat_id, "Why is the sky blue?", (SMALL, LARGE), "en", now, rng or self.garden.rng
        )

    def answer(self, asked: Asked, words: str, state: MessageState = MessageState.COMPLETE) -> None:
        chats.begin(self.db, asked.reply_id, self.garden.now)
        chats.append(self.db, asked.reply_id, words)
        chats.finish(self.db, asked.reply_id, state, self.garden.now)

    def answered(self) -> Asked:
        one, other = self.ask()
        self.answer(one, "Because of the air.")
        self.answer(other, "Because it is.")
        return one

    def vote(self, chat_id: str, said: Vote) -> comparing.Pair:
        (pair,) = comparing.pairs(self.db, self.ada, chat_id)
        return comparing.vote(self.db, self.ada, chat_id, pair.id, said, self.garden.now)


@pytest.fixture
def pairs(db: Connection) -> Pairs:
    return Pairs(db)


def test_which_model_stands_left_follows_from_chance_and_both_sides_occur(pairs: Pairs) -> None:
    sides = set()
    for seed in range(8):
        one, _ = pairs.ask(rng=Random(seed))
        (pair,) = comparing.pairs(pairs.db, pairs.ada, one.chat_id)
        sides.add(pair.left_model)
    assert sides == {"small", "large"}


def test_until_the_vote_nobody_can_know_which_model_is_which_and_it_cannot_be_changed(pairs: Pairs) -> None:
    asked = pairs.answered()
    chat = conversations.own_chat(pairs.db, pairs.ada, asked.chat_id)
    unknown = battles.unvoted_replies(pairs.db, chat.id, pairs.ada.id)
    written = json.dumps(sharing.as_value(chat, chats.messages_of(pairs.db, chat.id), unknown))
    written += str(own_data(pairs.db, pairs.ada, pairs.garden.now)["chats"])
    assert not re.search("small|large", written)
    with pytest.raises(Conflict):
        pairs.ask(chat.id)
    pair = pairs.vote(chat.id, Vote.RIGHT)
    assert conversations.own_chat(pairs.db, pairs.ada, chat.id).viewed_id == pair.right_id
    assert not battles.unvoted_replies(pairs.db, chat.id, pairs.ada.id)
    with pytest.raises(Conflict, match="cannot be changed"):
        pairs.vote(chat.id, Vote.LEFT)
    ((left, right, said),) = votes_in_chats(pairs.db, pairs.garden.now, pairs.garden.later(minutes=1))
    assert (left, right, said) == (pair.left_model, pair.right_model, Vote.RIGHT)


def test_there_is_no_vote_while_one_is_being_written_or_without_a_text(pairs: Pairs) -> None:
    one, other = pairs.ask()
    pairs.answer(one, "Because of the air.")
    with pytest.raises(Conflict, match="still being written"):
        pairs.vote(one.chat_id, Vote.LEFT)
    pairs.answer(other, "", MessageState.FAILED)
    with pytest.raises(Conflict, match="nothing to compare"):
        pairs.vote(one.chat_id, Vote.LEFT)
    pairs.vote(one.chat_id, Vote.SKIPPED)
    assert conversations.own_chat(pairs.db, pairs.ada, one.chat_id).viewed_id == one.reply_id


def test_two_of_the_same_model_are_no_comparison(pairs: Pairs) -> None:
    with pytest.raises(Invalid):
        comparing.say_to_two(
            pairs.db, pairs.ada, None, "Why?", (SMALL, SMALL), "en", pairs.garden.now, pairs.garden.rng
        )


def test_a_thumb_has_a_reason_from_its_list_and_can_be_taken_back(pairs: Pairs) -> None:
    asked = pairs.answered()
    of = (pairs.db, pairs.ada, asked.chat_id, asked.reply_id)
    with pytest.raises(Invalid):
        judging.judge(*of, Thumb.UP, "wrong", "", pairs.garden.now)
    with pytest.raises(NotFound):
        judging.judge(pairs.db, pairs.ben, asked.chat_id, asked.reply_id, Thumb.UP, "", "", pairs.garden.now)
    judging.judge(*of, Thumb.DOWN, "wrong", " It is not so. ", pairs.garden.now)
    said = thumbs.thumbs_of_chat(pairs.db, asked.chat_id)[asked.reply_id]
    assert (said.thumb, said.reason, said.note) == (Thumb.DOWN, "wrong", "It is not so.")
    judging.take_back(*of)
    assert not thumbs.thumbs_of_chat(pairs.db, asked.chat_id)


def test_staff_are_shown_a_reported_reply_and_its_question_alone(pairs: Pairs) -> None:
    asked = pairs.answered()
    with pytest.raises(Invalid):
        judging.report(pairs.db, pairs.ada, asked.chat_id, asked.reply_id, " ", pairs.garden.now)
    judging.report(pairs.db, pairs.ada, asked.chat_id, asked.reply_id, "It is rude.", pairs.garden.now)
    (shown,) = chat_reports.open_reports(pairs.db, 10)
    assert (shown.question, shown.reply, shown.reason) == ("Why is the sky blue?", "Because of the air.", "It is rude.")
    assert judging.reported(pairs.db, pairs.ada, asked.chat_id) == {asked.reply_id}


def test_a_link_shows_the_conversation_as_it_was_and_no_name(pairs: Pairs) -> None:
    asked = pairs.answered()
    pairs.vote(asked.chat_id, Vote.TIE)
    made = sharing.share(pairs.db, pairs.ada, asked.chat_id, lambda: "secret", pairs.garden.now)
    conversations.say(pairs.db, pairs.ada, asked.chat_id, "And later?", SMALL, pairs.garden.now, pairs.garden.rng)
    assert next(turn.text for turn in made.turns) == "Why is the sky blue?"
    assert len(made.turns) == 2
    with pytest.raises(NotFound):
        sharing.take_back(pairs.db, pairs.ben, asked.chat_id, made.id)
    sharing.take_back(pairs.db, pairs.ada, asked.chat_id, made.id)


def test_what_is_typed_is_kept_until_it_is_sent(pairs: Pairs) -> None:
    def save(chat_id: str | None, words: str, seen: int) -> Any:
        return drafts.save(pairs.db, pairs.ada, chat_id, {"text": (words,)}, seen, pairs.garden.now)

    save(None, "Why is", 0)
    with pytest.raises(NewerDraft):
        save(None, "Another window", 0)
    asked = pairs.answered()
    assert draft_of(pairs.db, pairs.ada.id, "chat", pairs.garden.now) is None
    save(asked.chat_id, "And", 0)
    conversations.remove(pairs.db, pairs.ada, asked.chat_id)
    assert draft_of(pairs.db, pairs.ada.id, f"chat:{asked.chat_id}", pairs.garden.now) is None


def test_what_is_out_of_bounds_is_refused_by_name_and_what_is_empty_is_not_set() -> None:
    assert parameters.checked({"temperature": "0.5", "top_p": " ", "max_tokens": "64"}) == {
        "temperature": 0.5, "max_tokens": 64,
    }  # fmt: skip
    for name, typed in (("temperature", "2.1"), ("top_p", "nan"), ("max_tokens", "1.5"), ("seed", "-1")):
        with pytest.raises(Invalid) as refused:
            parameters.checked({name: typed})
        assert refused.value.field == name
    with pytest.raises(TooLong):
        parameters.checked_system("a" * 5000)
