"""Several replies of one model to the same words, of which the person takes one; the others were found worse.

Use cases in the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.chat.conversations import Asked, Wanted, ask_beside, own_chat, regenerate, say
from espalier.collect.ids import new_id
from espalier.domain.errors import Conflict, Invalid, NotFound
from espalier.store import chats, drawn
from espalier.store.drawn import Drawn
from espalier.store.people import Person

SEVERAL: Final = (2, 3)
"""So many may be asked for."""


def say_to_choose(
    db: Connection,
    person: Person,
    chat_id: str | None,
    words: str,
    wanted: Wanted,
    several: int,
    now: datetime,
    rng: Random,
    *,
    temporary: bool = False,
) -> Asked:
    """Say something and ask for several replies; the first of them.

    Raises Invalid for another number, or where all would be the same, Conflict while earlier ones wait for a choice,
    and what `say` raises.
    """
    first, *others = _several(wanted, several)
    if chat_id is not None:
        refuse_undecided(db, person, chat_id)
    asked = say(db, person, chat_id, words, first, now, rng, temporary=temporary)
    return _to_choose(db, asked, ask_beside(db, person, asked, others, now, rng, words), now, rng)


def again_to_choose(
    db: Connection,
    person: Person,
    chat_id: str,
    reply_id: str,
    wanted: Wanted,
    several: int,
    now: datetime,
    rng: Random,
) -> Asked:
    """Ask for several more replies beside one that has ended; the first of them.

    Raises what `say_to_choose` and `regenerate` raise.
    """
    first, *others = _several(wanted, several)
    refuse_undecided(db, person, chat_id)
    asked = regenerate(db, person, chat_id, reply_id, first, now, rng)
    return _to_choose(db, asked, ask_beside(db, person, asked, others, now, rng), now, rng)


def refuse_undecided(db: Connection, person: Person, chat_id: str) -> None:
    """Raises NotFound, and Conflict while several replies of the conversation wait for a choice."""
    own_chat(db, person, chat_id)
    if drawn.undecided(drawn.drawn_in(db, chat_id)):
        raise Conflict("Several replies wait for your choice. Take one, or go on without choosing.")


def take(db: Connection, person: Person, chat_id: str, drawn_id: str, reply_id: str | None, now: datetime) -> str:
    """Go on below one of several replies; its id. reply_id: None goes on below the first, without a choice.

    Raises NotFound, and Conflict while one is being written, for one without a text, and for a second choice.
    """
    own_chat(db, person, chat_id)
    there = next((each for each in drawn.drawn_in(db, chat_id) if each.id == drawn_id), None)
    if there is None or (reply_id is not None and reply_id not in there.replies):
        raise NotFound("There are no such replies to choose among.")
    replies = [found for each in there.replies if (found := chats.message_of(db, chat_id, each))]
    if any(each.state.is_open for each in replies):
        raise Conflict("A reply is still being written. Wait for it, or stop it.")
    written = [each.id for each in replies if each.text.strip()]
    if reply_id is not None and reply_id not in written:
        raise Conflict("This reply has no text. Take another one, or go on without choosing.")
    if not drawn.decide(db, there.id, reply_id, now):
        raise Conflict("You have chosen among these before; that cannot be changed.")
    viewed = reply_id or next(iter(written), there.replies[0])
    chats.view(db, chat_id, viewed)
    return viewed


def _several(wanted: Wanted, several: int) -> list[Wanted]:
    """Of one seed each has another: with the same all would be the same."""
    if several not in SEVERAL:
        raise Invalid("There are at most %(most)s replies to choose from.", most=max(SEVERAL), field="several")
    if wanted.sampling.get("temperature") == 0 or wanted.sampling.get("top_k") == 1:
        raise Invalid(
            "With always the likeliest word all replies are the same. Choose another preset.", field="several"
        )
    seed = wanted.sampling.get("seed")
    return [
        wanted if seed is None else replace(wanted, sampling={**wanted.sampling, "seed": seed + number})
        for number in range(several)
    ]


def _to_choose(db: Connection, asked: Asked, others: Sequence[Asked], now: datetime, rng: Random) -> Asked:
    replies = (asked.reply_id, *(each.reply_id for each in others))
    drawn.add(db, Drawn(new_id(rng), asked.chat_id, asked.message_id, replies, now))
    return asked
