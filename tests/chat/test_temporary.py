"""Temporary conversations: gone within a day, whoever forgets them."""

from datetime import timedelta
from random import Random

from sqlalchemy import Connection

from espalier.chat import conversations
from espalier.chat.conversations import Wanted
from espalier.collect.jobs import ROUNDS, Round
from espalier.store import chats
from gardens import Garden


def test_a_temporary_conversation_is_deleted_within_a_day_of_its_last_word(db: Connection) -> None:
    garden = Garden(db)
    ada = garden.person("Ada")
    begun = garden.now
    for temporary in (True, False):
        conversations.say(db, ada, None, "Why?", Wanted("small"), begun, garden.rng, temporary=temporary)
    (forgets,) = [each for each in ROUNDS if each.name.startswith("temporary conv")]
    assert isinstance(forgets, Round)
    forgets.go(db, begun + timedelta(hours=12), Random(0))
    assert len(chats.every_chat(db, ada.id)) == 2
    forgets.go(db, begun + timedelta(days=1) - forgets.every, Random(0))
    assert [each.temporary for each in chats.every_chat(db, ada.id)] == [False]
