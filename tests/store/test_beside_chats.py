"""What is kept beside conversations: thumbs, links to read them, replies shown to staff."""

from datetime import timedelta

from sqlalchemy import Connection

from espalier.chat import conversations
from espalier.chat.conversations import Asked, Wanted
from espalier.store import chat_reports, chats, erasure, shares, thumbs
from espalier.store.people import Person
from espalier.store.shares import Share, SharedTurn
from espalier.store.tables import chat_thumbs
from espalier.store.thumbs import Judged, Thumb
from gardens import Garden


def talk(garden: Garden, person: Person) -> Asked:
    return conversations.say(
        garden.db, person, None, "Why is the sky blue?", Wanted("small"), garden.later(minutes=1), garden.rng
    )


def judge(garden: Garden, asked: Asked, thumb: Thumb, note: str | None = None) -> None:
    thumbs.put(garden.db, Judged(asked.chat_id, asked.reply_id, "small", thumb, garden.now, "wrong", note))


def test_a_second_thumb_takes_the_place_of_the_first(db: Connection) -> None:
    garden = Garden(db)
    asked = talk(garden, garden.person("Ada"))
    judge(garden, asked, Thumb.UP)
    judge(garden, asked, Thumb.DOWN, "It is not true.")
    (said,) = thumbs.thumbs_of_chat(db, asked.chat_id).values()
    assert (said.thumb, said.reason, said.note) == (Thumb.DOWN, "wrong", "It is not true.")
    thumbs.take_back(db, asked.reply_id)
    assert not thumbs.thumbs_of_chat(db, asked.chat_id)


def test_of_a_deleted_conversation_only_the_models_figure_stays(db: Connection) -> None:
    garden = Garden(db)
    ada = garden.person("Ada")
    asked, other = talk(garden, ada), talk(garden, ada)
    for each in (asked, other):
        judge(garden, each, Thumb.DOWN, "I told it my name, Ada.")
        shares.add(db, Share(each.chat_id, each.chat_id, ada.id, "Sky", (SharedTurn("prompter", "Why?"),), garden.now))
    chats.delete_chat(db, ada.id, asked.chat_id)
    assert [each.chat_id for each in shares.shares_by(db, ada.id)] == [other.chat_id]
    chats.delete_all(db, ada.id)
    assert not shares.shares_by(db, ada.id)
    kept = db.execute(chat_thumbs.select()).mappings().all()
    assert [(each["model"], each["thumb"], each["chat_id"], each["reply_id"], each["note"]) for each in kept] == [
        ("small", "down", None, None, None)
    ] * 2


def test_a_link_is_taken_back_by_who_made_it_alone(db: Connection) -> None:
    garden = Garden(db)
    ada, ben = garden.person("Ada"), garden.person("Ben")
    asked = talk(garden, ada)
    shares.add(db, Share("secret", asked.chat_id, ada.id, "Sky", (SharedTurn("prompter", "Why?"),), garden.now))
    assert not shares.end(db, ben.id, asked.chat_id, "secret")
    assert shares.share_of(db, "secret") is not None
    assert shares.end(db, ada.id, asked.chat_id, "secret")
    assert shares.share_of(db, "secret") is None


def test_a_reported_reply_is_there_once_until_somebody_looked_at_it_or_its_reporter_leaves(db: Connection) -> None:
    garden = Garden(db)
    ada, mona = garden.person("Ada"), garden.person("Mona")
    asked, other = talk(garden, ada), talk(garden, ada)
    for each in (asked, asked, other):
        chat_reports.add(db, ada.id, each.reply_id, "small", "Why?", "Because.", "Rude.", garden.now)
    first, _ = chat_reports.open_reports(db, 10)
    assert chat_reports.close(db, first.number, mona.id, garden.now + timedelta(hours=1))
    assert not chat_reports.close(db, first.number, mona.id, garden.now + timedelta(hours=2))
    assert [each.reply_id for each in chat_reports.open_reports(db, 10)] == [other.reply_id]
    erasure.purge_rest(db, ada.id)
    assert not chat_reports.open_reports(db, 10)
