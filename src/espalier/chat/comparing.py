"""Two models side by side in a conversation: both reply to the same words, nobody knows which is which until they vote.

Use cases in the caller's transaction. What stands left is drawn from the chance that is handed in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import Connection

from espalier.chat.conversations import Asked, Wanted, ask_beside, own_chat, say
from espalier.collect.ids import new_id
from espalier.domain.errors import Conflict, Invalid, NotFound
from espalier.store import battles, chats
from espalier.store.battles import Answer, Battle, Vote
from espalier.store.people import Person


@dataclass(frozen=True, slots=True)
class Pair:
    """Two replies as they stand before the person. vote: None until they have said which is better."""

    id: str
    left_id: str
    right_id: str
    left_model: str
    right_model: str
    vote: Vote | None


def say_to_two(
    db: Connection,
    person: Person,
    chat_id: str | None,
    words: str,
    wanted: tuple[Wanted, Wanted],
    lang: str,
    now: datetime,
    rng: Random,
    *,
    temporary: bool = False,
) -> tuple[Asked, Asked]:
    """Say something and ask two models for a reply. lang: in which the person reads the site.

    Raises Invalid where both are the same, Conflict while an earlier pair waits for its vote, and what `say` raises.
    """
    if wanted[0].model == wanted[1].model:
        raise Invalid("Choose two models that are not the same.", field="other")
    if chat_id is not None:
        refuse_unvoted(db, person, chat_id)
    one = say(db, person, chat_id, words, wanted[0], now, rng, temporary=temporary)
    (other,) = ask_beside(db, person, one, wanted[1:], now, rng, words)
    battle = Battle(
        new_id(rng), one.message_id, lang, Answer(wanted[0].model, message_id=one.reply_id),
        Answer(wanted[1].model, message_id=other.reply_id), now, chat_id=one.chat_id,
    )  # fmt: skip
    battles.add(db, [battle])
    battles.show(db, battle.id, person.id, rng.random() < 0.5, now)
    return one, other


def pairs(db: Connection, person: Person, chat_id: str) -> list[Pair]:
    """All of a conversation, in order. Raises NotFound."""
    own_chat(db, person, chat_id)
    found = []
    for battle in battles.battles_of_chat(db, chat_id):
        shown = battles.showing_to(db, battle.id, person.id)
        if shown is None or battle.first.message_id is None or battle.second.message_id is None:
            continue
        first, second = (battle.first.message_id, battle.first.model), (battle.second.message_id, battle.second.model)
        (left_id, left), (right_id, right) = (second, first) if shown.turned else (first, second)
        found.append(Pair(battle.id, left_id, right_id, left, right, shown.vote))
    return found


def refuse_unvoted(db: Connection, person: Person, chat_id: str) -> None:
    """Raises Conflict while two replies of the conversation wait to be compared."""
    if battles.unvoted_replies(db, chat_id, person.id):
        raise Conflict("Two replies wait for your vote. Say which is better, or go on without a vote.")


def vote(db: Connection, person: Person, chat_id: str, pair_id: str, said: Vote, now: datetime) -> Pair:
    """Say which of two replies is better; the conversation goes on below it. Vote.SKIPPED: without saying so.

    Raises NotFound, and Conflict while a reply is being written and for a second vote.
    """
    pair = next((each for each in pairs(db, person, chat_id) if each.id == pair_id), None)
    if pair is None:
        raise NotFound("There are no such replies side by side.")
    replies = [chats.message_of(db, chat_id, each) for each in (pair.left_id, pair.right_id)]
    if any(reply is not None and reply.state.is_open for reply in replies):
        raise Conflict("A reply is still being written. Wait for it, or stop it.")
    if said is not Vote.SKIPPED and not _comparable([reply.text if reply else "" for reply in replies]):
        raise Conflict("One of the two has no text, so there is nothing to compare.")
    if not battles.vote(db, pair.id, person.id, said, now):
        raise Conflict("You have voted on these two before; that cannot be changed.")
    better = pair.right_id if said is Vote.RIGHT or not (replies[0] and replies[0].text) else pair.left_id
    chats.view(db, chat_id, better)
    return pair


def _comparable(texts: Sequence[str]) -> bool:
    return all(text.strip() for text in texts)
