"""Letters come to those alone who asked for them, once a week, and each of them ends them with one press."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection

from campaigns import World, running
from espalier.collect import welcome
from espalier.collect.accounts import known
from espalier.store import identities
from espalier.store.identities import EMAIL, Identity
from espalier.store.session import Database
from espalier.web.doors import Entrance
from letters import Mailbox
from visits import stranger


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture
def world(any_database: Database, box: Mailbox) -> Iterator[World]:
    with running(any_database, Entrance(post=box)) as made:
        yield made


def asks_for_letters(db: Connection, world: World, name: str) -> None:
    person = known(db, world.person(name).id)
    address = f"{name}@example.org"
    identities.add(db, Identity(EMAIL, address, person.id, address, world.now))
    welcome.set_mail(db, person, True, "de" if name == "cleo" else "en", world.now)


def test_a_letter_a_week_tells_what_became_of_ones_work_until_it_is_ended(world: World, box: Mailbox) -> None:
    for someone in (world.ada, world.ben, world.cleo):
        world.door.call(asks_for_letters, world, someone.name)
    world.work()
    assert box.letters.empty()
    world.later(days=6)
    world.tree()
    world.ada.write("assistant_reply", "It is because of the air.")
    world.cleo.review("label_assistant_reply")
    world.later(days=1)
    world.work()
    letter, german = sorted((box.next(), box.next()), key=lambda each: each.to)
    assert box.letters.empty()  # ben has no news
    assert (letter.to, german.to) == ("ada@example.org", "cleo@example.org")
    assert "2 Punkte in sieben Tagen." in german.text
    assert "8 points in seven days.\n1 text of yours was accepted." in letter.text
    assert letter.unsubscribe
    assert letter.unsubscribe in letter.text
    world.later(minutes=2)
    world.work()
    assert box.letters.empty()  # the next one comes in a week
    with stranger(world) as program:
        link = urlsplit(letter.unsubscribe).path
        assert program.post(link, {"List-Unsubscribe": ["One-Click"]}).status_code == 200
    world.ada.write("initial_prompt", "How do I prune a pear tree?")
    world.later(days=8)
    world.work()
    assert box.letters.empty()
