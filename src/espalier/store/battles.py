"""Two answers of models side by side, and the votes on them: of volunteers on a set that was brought, and of people in
conversations of their own.

Knows rows; who is shown what, and which way round, is collect/arena.py and whoever leads conversations.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, delete, exists, func, insert, or_, select, text, update

from espalier.store.sql import Statement
from espalier.store.tables import battle_sets, battle_votes, battles, chats
from espalier.store.times import from_us, to_us

B, S, V = battles.c, battle_sets.c, battle_votes.c


class Vote(StrEnum):
    """What somebody said of two answers. A tie: both are good. Skipped: no vote, and not asked again."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"
    SKIPPED = "skipped"


class Declined(StrEnum):
    """Which answer does not do what was asked but refuses to, as the voter sees it."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class Source(StrEnum):
    ARENA = "arena"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Line:
    """One turn. role: user, assistant or system."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class BattleSet:
    """people: so many compare each two answers. seed: decides who stands left."""

    id: str
    name: str
    people: int
    seed: int
    person_id: str | None
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One side. lines: what follows the shared thread and ends with the answer; empty where the text is a message of a
    conversation, which `message_id` names.
    """

    model: str
    lines: tuple[Line, ...] = ()
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Battle:
    """thread: what both models were asked. first: stands left, but where a showing is turned. set_id: of a set that
    was brought; chat_id: of a conversation, and None again when that is gone.
    """

    id: str
    question: str
    lang: str
    first: Answer
    second: Answer
    created_at: datetime
    thread: tuple[Line, ...] = ()
    turn: int = 1
    set_id: str | None = None
    chat_id: str | None = None
    full_at: datetime | None = None

    @property
    def source(self) -> Source:
        return Source.CHAT if self.set_id is None else Source.ARENA


@dataclass(frozen=True, slots=True)
class Showing:
    """A battle as it was put before somebody. turned: the second answer stands left. person_id: None when they left."""

    battle_id: str
    person_id: str | None
    turned: bool
    shown_at: datetime
    vote: Vote | None = None
    voted_at: datetime | None = None
    declined: Declined | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """A vote as it counts for the models. set_id: None of a conversation. left, right: the models as they stood.
    person_id: None when they left. open: of a set, or of a conversation that may become a tree.
    """

    battle_id: str
    set_id: str | None
    question: str
    turn: int
    lang: str
    left: str
    right: str
    vote: Vote
    declined: Declined | None
    person_id: str | None
    at: datetime
    open: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """Of a set. voters: how many people voted in it."""

    battles: int
    full: int
    votes: int
    voters: int


_SET: Final = (S.id, S.name, S.people, S.seed, S.person_id, S.created_at, S.ended_at)
_BATTLE: Final = (
    B.id, B.set_id, B.chat_id, B.question, B.turn, B.lang, B.document, B.first_model, B.second_model,
    B.first_message_id, B.second_message_id, B.created_at, B.full_at,
)  # fmt: skip
_SHOWING: Final = (V.battle_id, V.person_id, V.turned, V.shown_at, V.vote, V.voted_at, V.declined)
_COUNTED: Final = and_(V.vote.is_not(None), V.vote != text("'skipped'"))
_HELD: Final = or_(_COUNTED, and_(V.vote.is_(None), V.shown_at > bindparam("since")))
_ON: Final = (V.battle_id == bindparam("battle"), V.person_id == bindparam("person"))
_OWN_CHATS: Final = select(chats.c.id).where(chats.c.person_id == bindparam("person"))

_ADD_SET = Statement(insert(battle_sets).values({column.name: bindparam(column.name) for column in _SET}))
_FIND_SET = Statement(select(*_SET).where(S.id == bindparam("id")))
_SETS = Statement(select(*_SET).order_by(S.created_at.desc(), S.id))
_END_SET = Statement(
    update(battle_sets).where(S.id == bindparam("id"), S.ended_at.is_(None)).values(ended_at=bindparam("at"))
)
_ADD = Statement(insert(battles).values({column.name: bindparam(column.name) for column in _BATTLE}))
_FIND = Statement(select(*_BATTLE).where(B.id == bindparam("id")))
_FIND_ALONE = Statement(select(*_BATTLE).where(B.id == bindparam("id")).with_for_update())
_OF_SET = Statement(
    select(B.number, *_BATTLE)
    .where(B.set_id == bindparam("set_id"), B.number > bindparam("after"))
    .order_by(B.number)
    .limit(bindparam("most"))
)
_OF_CHAT = Statement(select(*_BATTLE).where(B.chat_id == bindparam("chat")).order_by(B.number))
_COUNT = Statement(select(func.count(), func.count(B.full_at)).where(B.set_id == bindparam("set_id")))
_COUNT_VOTES = Statement(
    select(func.count(), func.count(V.person_id.distinct()))
    .join(battles, B.id == V.battle_id)
    .where(B.set_id == bindparam("set_id"), _COUNTED)
)
_OPEN: Final = (
    B.set_id == S.id,
    B.set_id.is_not(None),
    B.full_at.is_(None),
    B.lang.in_(bindparam("langs", expanding=True)),
    S.ended_at.is_(None),
    ~exists().where(V.battle_id == B.id, V.person_id == bindparam("person")),
    select(func.count()).where(V.battle_id == B.id, _HELD).scalar_subquery() < S.people,
)
_WANTED = Statement(select(*_BATTLE).where(*_OPEN).order_by(B.number).limit(1))
_COUNT_WANTED = Statement(
    select(func.count()).select_from(select(B.number).where(*_OPEN).limit(bindparam("most")).subquery())
)
_IN_HAND = Statement(
    select(V.battle_id)
    .join(battles, B.id == V.battle_id)
    .join(battle_sets, S.id == B.set_id)
    .where(V.person_id == bindparam("person"), V.vote.is_(None), S.ended_at.is_(None), B.full_at.is_(None))
    .order_by(V.number.desc())
    .limit(1)
)
_FILL = Statement(update(battles).where(B.id == bindparam("id"), B.full_at.is_(None)).values(full_at=bindparam("at")))
_SHOW = Statement(insert(battle_votes).values({column.name: bindparam(column.name) for column in _SHOWING}))
_SHOW_AGAIN = Statement(update(battle_votes).where(*_ON, V.vote.is_(None)).values(shown_at=bindparam("at")))
_SHOWING_TO = Statement(select(*_SHOWING).where(*_ON))
_SHOWINGS = Statement(select(*_SHOWING).where(V.battle_id == bindparam("battle")).order_by(V.number))
_SHOWINGS_OF_SET = Statement(
    select(*_SHOWING).join(battles, B.id == V.battle_id).where(B.set_id == bindparam("set_id")).order_by(V.number)
)
_VOTE = Statement(
    update(battle_votes)
    .where(*_ON, V.vote.is_(None))
    .values(vote=bindparam("said"), voted_at=bindparam("at"), declined=bindparam("refusing"))
)
_BY_PERSON = Statement(select(*_SHOWING).where(V.person_id == bindparam("person")).order_by(V.number))
_VOTES_IN_CHATS = Statement(
    select(B.first_model, B.second_model, V.turned, V.vote)
    .join(battles, B.id == V.battle_id)
    .where(B.set_id.is_(None), _COUNTED, V.voted_at >= bindparam("since"), V.voted_at < bindparam("until"))
    .order_by(V.number)
)
_CASTS = {
    source: Statement(
        select(
            B.id, B.set_id, B.question, B.turn, B.lang, B.first_model, B.second_model, V.turned, V.vote, V.declined,
            V.person_id, V.voted_at, or_(B.set_id.is_not(None), chats.c.consent_at.is_not(None)),
        )
        .select_from(battle_votes.join(battles, B.id == V.battle_id).outerjoin(chats, chats.c.id == B.chat_id))
        .where(_COUNTED, *of)
        .order_by(V.number.desc())
        .limit(bindparam("most"))
    )
    for source, of in (
        (None, ()), (Source.ARENA, (B.set_id.is_not(None),)), (Source.CHAT, (B.set_id.is_(None),)),
    )
}  # fmt: skip
_FORGET_CHATS = Statement(
    update(battles)
    .where(B.chat_id.in_(bindparam("chats", expanding=True)))
    .values(chat_id=None, first_message_id=None, second_message_id=None)
)
_FORGET_CHATS_OF = Statement(
    update(battles).where(B.chat_id.in_(_OWN_CHATS)).values(chat_id=None, first_message_id=None, second_message_id=None)
)
_FORGET_VOTES = Statement(delete(battle_votes).where(V.person_id == bindparam("person")))
_FORGET_UNSAID = Statement(delete(battle_votes).where(V.person_id == bindparam("person"), V.vote.is_(None)))
_UNNAME_VOTES = Statement(update(battle_votes).where(V.person_id == bindparam("person")).values(person_id=None))
_GIVE_VOTES = Statement(
    update(battle_votes).where(V.person_id == bindparam("before")).values(person_id=bindparam("person"))
)
_UNNAME_SETS = Statement(update(battle_sets).where(S.person_id == bindparam("person")).values(person_id=None))


def add_set(db: Connection, brought: BattleSet) -> None:
    _ADD_SET.run(
        db, id=brought.id, name=brought.name, people=brought.people, seed=brought.seed, person_id=brought.person_id,
        created_at=to_us(brought.created_at), ended_at=to_us(brought.ended_at) if brought.ended_at else None,
    )  # fmt: skip


def set_of(db: Connection, set_id: str) -> BattleSet | None:
    row = _FIND_SET.row(db, id=set_id)
    return _set(row) if row else None


def sets(db: Connection) -> list[BattleSet]:
    """All that were brought, the newest first."""
    return [_set(row) for row in _SETS.rows(db)]


def end_set(db: Connection, set_id: str, at: datetime) -> bool:
    """Nobody is asked about it any more. False when it had ended before, or is not there."""
    return bool(_END_SET.run(db, id=set_id, at=to_us(at)))


def progress_of(db: Connection, set_id: str) -> Progress:
    there, full = _COUNT.row(db, set_id=set_id) or (0, 0)
    votes, voters = _COUNT_VOTES.row(db, set_id=set_id) or (0, 0)
    return Progress(there, full, votes, voters)


def add(db: Connection, brought: Sequence[Battle]) -> None:
    """Put battles beside those that are there. Of one in a conversation no text is kept, only the messages' ids."""
    _ADD.many(db, [_row(each) for each in brought])


def battle_of(db: Connection, battle_id: str) -> Battle | None:
    row = _FIND.row(db, id=battle_id)
    return _battle(row) if row else None


def battle_alone(db: Connection, battle_id: str) -> Battle | None:
    """The same, locked where there are several writers."""
    row = _FIND_ALONE.row(db, id=battle_id)
    return _battle(row) if row else None


def battles_of_set(db: Connection, set_id: str, at_once: int = 500) -> Iterator[Battle]:
    """In the order in which they were brought."""
    after = 0
    while found := _OF_SET.rows(db, set_id=set_id, after=after, most=at_once):
        yield from (_battle(row[1:]) for row in found)
        after = found[-1][0]


def battles_of_chat(db: Connection, chat_id: str) -> list[Battle]:
    return [_battle(row) for row in _OF_CHAT.rows(db, chat=chat_id)]


def unvoted_replies(db: Connection, chat_id: str, person_id: str) -> frozenset[str]:
    """The messages of a conversation that stand side by side and wait for the person's vote: whose they are is not to
    be known yet.
    """
    found = set[str]()
    for battle in battles_of_chat(db, chat_id):
        shown = showing_to(db, battle.id, person_id)
        if shown is not None and shown.vote is None:
            found |= {side.message_id for side in (battle.first, battle.second) if side.message_id}
    return frozenset(found)


def wanted(db: Connection, person_id: str, langs: Collection[str], since: datetime) -> Battle | None:
    """The first of a set, in these languages, that this person has not been shown and fewer people than are wanted
    compared, or have had in hand since.
    """
    row = _WANTED.row(db, person=person_id, langs=langs, since=to_us(since))
    return _battle(row) if row else None


def count_wanted(db: Connection, person_id: str, langs: Collection[str], since: datetime, most: int) -> int:
    """How many there are of these, counted up to `most`."""
    return int(_COUNT_WANTED.value(db, person=person_id, langs=langs, since=to_us(since), most=most) or 0)


def in_hand(db: Connection, person_id: str) -> str | None:
    """The battle of a set that a person was shown last and said nothing of yet, while it is wanted."""
    found = _IN_HAND.value(db, person=person_id)
    return None if found is None else str(found)


def show(db: Connection, battle_id: str, person_id: str, turned: bool, at: datetime) -> None:
    """Keep that somebody sees a battle, and which way round. Raises IntegrityError where they have seen it before."""
    _SHOW.run(
        db, battle_id=battle_id, person_id=person_id, turned=int(turned), shown_at=to_us(at), vote=None, voted_at=None,
        declined=None,
    )  # fmt: skip


def show_again(db: Connection, battle_id: str, person_id: str, at: datetime) -> None:
    """They look at it once more: it stays in their hand for longer."""
    _SHOW_AGAIN.run(db, battle=battle_id, person=person_id, at=to_us(at))


def showing_to(db: Connection, battle_id: str, person_id: str) -> Showing | None:
    row = _SHOWING_TO.row(db, battle=battle_id, person=person_id)
    return _showing(row) if row else None


def showings(db: Connection, battle_id: str) -> list[Showing]:
    """To everybody, in order."""
    return [_showing(row) for row in _SHOWINGS.rows(db, battle=battle_id)]


def showings_of_set(db: Connection, set_id: str) -> list[Showing]:
    return [_showing(row) for row in _SHOWINGS_OF_SET.rows(db, set_id=set_id)]


def showings_to(db: Connection, person_id: str) -> list[Showing]:
    """All that a person was shown, with their votes, in order."""
    return [_showing(row) for row in _BY_PERSON.rows(db, person=person_id)]


def vote(
    db: Connection, battle_id: str, person_id: str, said: Vote, at: datetime, declined: Declined | None = None
) -> bool:
    """Keep the vote of somebody who was shown a battle. False where they have voted before: that stays as it is."""
    return bool(
        _VOTE.run(
            db, battle=battle_id, person=person_id, said=said.value, at=to_us(at),
            refusing=declined.value if declined else None,
        )
    )  # fmt: skip


def fill(db: Connection, battle_id: str, at: datetime) -> None:
    """So many compared the two as were wanted."""
    _FILL.run(db, id=battle_id, at=to_us(at))


def votes_in_chats(db: Connection, since: datetime, until: datetime) -> list[tuple[str, str, Vote]]:
    """The model that stood left, the one that stood right, and the vote; of all conversations, also of deleted ones."""
    return [
        (second, first, Vote(said)) if turned else (first, second, Vote(said))
        for first, second, turned, said in _VOTES_IN_CHATS.rows(db, since=to_us(since), until=to_us(until))
    ]


def casts(db: Connection, source: Source | None, most: int) -> list[Cast]:
    """All votes that were cast, or those from one source, the newest first, so many at most."""
    return [_cast(row) for row in _CASTS[source].rows(db, most=most)]


def forget_chats(db: Connection, chat_ids: Collection[str]) -> None:
    """Take the names of messages off battles whose conversation goes; the votes count on for the models."""
    _FORGET_CHATS.run(db, chats=chat_ids)


def forget_chats_of(db: Connection, person_id: str) -> None:
    """The same for all conversations of a person."""
    _FORGET_CHATS_OF.run(db, person=person_id)


def purge_votes(db: Connection, person_id: str) -> None:
    """Remove what a person was shown and said, and their name from what they brought."""
    _FORGET_VOTES.run(db, person=person_id)
    _UNNAME_SETS.run(db, person=person_id)


def give_votes(db: Connection, person_id: str, to: str) -> None:
    """What a person was shown and said is another's from now on."""
    _GIVE_VOTES.run(db, before=person_id, person=to)


def unname_votes(db: Connection, person_id: str) -> None:
    """The votes stay, under no name."""
    _FORGET_UNSAID.run(db, person=person_id)
    _UNNAME_VOTES.run(db, person=person_id)
    _UNNAME_SETS.run(db, person=person_id)


def _set(row: Any) -> BattleSet:
    set_id, name, people, seed, person_id, created, ended = row
    return BattleSet(
        set_id, name, people, seed, person_id, from_us(created), None if ended is None else from_us(ended)
    )  # fmt: skip


def _row(battle: Battle) -> dict[str, Any]:
    first, second = battle.first, battle.second
    lines = {"thread": battle.thread, "first": first.lines, "second": second.lines}
    spelled = {name: [[line.role, line.text] for line in of] for name, of in lines.items()}
    return {
        "id": battle.id, "set_id": battle.set_id, "chat_id": battle.chat_id, "question": battle.question,
        "turn": battle.turn, "lang": battle.lang,
        "document": json.dumps(spelled, ensure_ascii=False) if battle.set_id is not None else None,
        "first_model": first.model, "second_model": second.model, "first_message_id": first.message_id,
        "second_message_id": second.message_id, "created_at": to_us(battle.created_at),
        "full_at": to_us(battle.full_at) if battle.full_at else None,
    }  # fmt: skip


def _battle(row: Any) -> Battle:
    (
        battle_id, set_id, chat_id, question, turn, lang, document, first_model, second_model, first_id, second_id,
        created, full,
    ) = row  # fmt: skip
    lines = json.loads(document) if document else {}
    thread, first, second = (
        tuple(Line(role, words) for role, words in lines.get(name, ())) for name in ("thread", "first", "second")
    )
    return Battle(
        battle_id, question, lang, Answer(first_model, first, first_id), Answer(second_model, second, second_id),
        from_us(created), thread, turn, set_id, chat_id, None if full is None else from_us(full),
    )  # fmt: skip


def _cast(row: Any) -> Cast:
    (
        battle_id, set_id, question, turn, lang, first, second, turned, said, declined, person_id, voted, is_open,
    ) = row  # fmt: skip
    left, right = (second, first) if turned else (first, second)
    return Cast(
        battle_id, set_id, question, turn, lang, left, right, Vote(said), Declined(declined) if declined else None,
        person_id, from_us(voted), bool(is_open),
    )  # fmt: skip


def _showing(row: Any) -> Showing:
    battle_id, person_id, turned, shown, said, voted, declined = row
    return Showing(
        battle_id, person_id, bool(turned), from_us(shown), Vote(said) if said else None,
        None if voted is None else from_us(voted), Declined(declined) if declined else None,
    )  # fmt: skip
