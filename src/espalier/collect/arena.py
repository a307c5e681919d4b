"""Comparing answers of models: sets that organisers bring, handed out to volunteers one by one, blind, and their votes.

Each two answers are compared by several people. Who stands left is drawn by the set's seed and changes from one person
to the next; which models they are is told after the vote, which nothing changes.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import require
from espalier.domain.errors import Conflict, Invalid, NotFound
from espalier.domain.language import checked_tag
from espalier.store import battles, journal
from espalier.store.battles import Answer, Battle, BattleSet, Declined, Line, Progress, Showing, Vote
from espalier.store.people import Person, PersonRole

HELD_FOR: Final = timedelta(minutes=30)
"""So long two answers stay in the hands of somebody who does not vote."""
MOST_PEOPLE: Final = 25
MOST_COUNTED: Final = 100
"""Whoever can compare more is told that there are so many or more."""
MOST_CHARACTERS: Final = 400_000  # of two conversations with their answers
ROLES: Final = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Side:
    """lines: what follows the shared thread and ends with the answer, which stands left (`first`) but where it is
    turned.
    """

    model: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two answers to one question, as they are brought. thread: what both models were asked."""

    question: str
    turn: int
    lang: str
    thread: tuple[Line, ...]
    first: Side
    second: Side


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody sees of a battle. names: of the left and the right model, once they have voted."""

    battle_id: str
    lang: str
    thread: tuple[Line, ...]
    left: tuple[Line, ...]
    right: tuple[Line, ...]
    vote: Vote | None
    names: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Said:
    """A vote as it leaves the site. rater: a number, the same for all votes of a person in this set. voted: what was
    said, of the model that stood left and the one that stood right.
    """

    question: str
    turn: int
    lang: str
    left: str
    right: str
    voted: Vote
    declined: Declined | None
    rater: int
    at: datetime


def bring(
    db: Connection, actor: Person, set_id: str, name: str, people: int, seed: int, now: datetime
) -> BattleSet:  # fmt: skip
    """Begin a set; the same one once more changes nothing. people: so many compare each two answers.

    Raises NotAllowed, Invalid, and Conflict where another set has the id.
    """
    require(actor, PersonRole.ADMIN)
    if not name.strip():
        raise Invalid("A set of comparisons needs a name.", field="name")
    if not 1 <= people <= MOST_PEOPLE:
        raise Invalid("Between 1 and %(most)s people compare two answers.", most=MOST_PEOPLE, field="people")
    there = battles.set_of(db, set_id)
    if there is None:
        there = BattleSet(set_id, name.strip(), people, seed, actor.id, now)
        battles.add_set(db, there)
        journal.note(db, actor.id, "comparisons.brought", set_id, now, name=there.name, people=people)
    elif (there.name, there.people, there.seed) != (name.strip(), people, seed):
        raise Conflict("There is another set of comparisons with this id.")
    return there


def add(db: Connection, actor: Person, set_id: str, brought: Sequence[Comparison], now: datetime) -> int:
    """Put comparisons into a set; how many were not there yet. Raises NotAllowed, NotFound, Invalid, Conflict."""
    require(actor, PersonRole.ADMIN)
    if _known(db, set_id).ended_at is not None:
        raise Conflict("This set of comparisons has ended.")
    made = {battle.id: battle for battle in (_battle(set_id, each, now) for each in brought)}
    new = [battle for battle in made.values() if battles.battle_of(db, battle.id) is None]
    battles.add(db, new)
    return len(new)


def end(db: Connection, actor: Person, set_id: str, now: datetime) -> None:
    """Ask nobody any more; the votes stay. Raises NotAllowed, NotFound."""
    require(actor, PersonRole.ADMIN)
    _known(db, set_id)
    if battles.end_set(db, set_id, now):
        journal.note(db, actor.id, "comparisons.ended", set_id, now)


def standing(db: Connection, set_id: str) -> tuple[BattleSet, Progress]:
    """A set, and how far it has come. Raises NotFound."""
    return _known(db, set_id), battles.progress_of(db, set_id)


def said(db: Connection, set_id: str) -> list[Said]:
    """All votes of a set, in the order in which answers were shown, people as numbers. Raises NotFound."""
    _known(db, set_id)
    by_id = {battle.id: battle for battle in battles.battles_of_set(db, set_id)}
    raters: dict[str, int] = {}
    found = []
    for place, shown in enumerate(battles.showings_of_set(db, set_id)):
        if shown.vote is None or shown.vote is Vote.SKIPPED or shown.voted_at is None:
            continue
        battle = by_id[shown.battle_id]
        rater = raters.setdefault(shown.person_id or f"left {place}", len(raters) + 1)
        left, right = _sides(battle, shown)
        found.append(
            Said(battle.question, battle.turn, battle.lang, left.model, right.model, shown.vote, shown.declined, rater,
                 shown.voted_at)
        )  # fmt: skip
    return found


def left_for(db: Connection, person: Person, langs: Collection[str], now: datetime) -> int:
    """How many two answers this person can compare now, counted up to MOST_COUNTED; with those in their hand."""
    held = battles.in_hand(db, person.id) is not None
    others = battles.count_wanted(db, person.id, langs, now - HELD_FOR, MOST_COUNTED) if langs else 0
    return min(held + others, MOST_COUNTED)


def next_battle(db: Connection, person: Person, langs: Collection[str], now: datetime) -> str | None:
    """The battle that a person has in hand, else another one in their languages; None where there is none."""
    if held := battles.in_hand(db, person.id):
        battles.show_again(db, held, person.id, now)
        return held
    battle = battles.wanted(db, person.id, langs, now - HELD_FOR) if langs else None
    if battle is None:
        return None
    brought = _known(db, battle.set_id or "")
    turned = (_drawn(brought.seed, battle.id) + len(battles.showings(db, battle.id))) % 2 == 1
    battles.show(db, battle.id, person.id, turned, now)
    return battle.id


def seen(db: Connection, person: Person, battle_id: str) -> Seen:
    """A battle as it was put before this person. Raises NotFound, also for what others were shown."""
    battle, shown = _shown(db, person, battle_id)
    left, right = _sides(battle, shown)
    names = (left.model, right.model) if shown.vote else None
    return Seen(battle.id, battle.lang, battle.thread, left.lines, right.lines, shown.vote, names)


def vote(
    db: Connection, person: Person, battle_id: str, said: Vote, declined: Declined | None, now: datetime
) -> Seen:  # fmt: skip
    """Vote, or skip; the battle with the names of its models. The same vote once more changes nothing.

    declined: which answer does not do what was asked but refuses to. Raises NotFound, and Conflict for another vote.
    """
    battle, shown = _shown(db, person, battle_id)
    battles.battle_alone(db, battle.id)
    if not battles.vote(db, battle.id, person.id, said, now, declined) and shown.vote is not said:
        raise Conflict("You have voted on these answers already, and a vote cannot be changed.")
    counted = [each for each in battles.showings(db, battle.id) if each.vote not in (None, Vote.SKIPPED)]
    if battle.set_id is not None and len(counted) >= _known(db, battle.set_id).people:
        battles.fill(db, battle.id, now)
    return seen(db, person, battle_id)


def _known(db: Connection, set_id: str) -> BattleSet:
    found = battles.set_of(db, set_id)
    if found is None:
        raise NotFound("There is no such set of comparisons.")
    return found


def _shown(db: Connection, person: Person, battle_id: str) -> tuple[Battle, Showing]:
    battle, shown = battles.battle_of(db, battle_id), battles.showing_to(db, battle_id, person.id)
    if battle is None or battle.set_id is None or shown is None:
        raise NotFound("There are no such answers to compare.")
    return battle, shown


def _sides(battle: Battle, shown: Showing) -> tuple[Answer, Answer]:
    return (battle.second, battle.first) if shown.turned else (battle.first, battle.second)


def _drawn(seed: int, battle_id: str) -> int:
    """0 or 1, for the first person who sees a battle."""
    return hashlib.sha256(f"{seed} {battle_id}".encode()).digest()[0] & 1


def _battle(set_id: str, brought: Comparison, now: datetime) -> Battle:
    """Raises Invalid."""
    sides = (brought.first, brought.second)
    if not all(side.model.strip() for side in sides) or sides[0].model == sides[1].model:
        raise Invalid("Two different models answer each question.", field="model")
    if any(not side.lines or side.lines[-1].role != "assistant" for side in sides):
        raise Invalid("Each side ends with the answer of its model.", field="turns")
    lines = [line for of in (brought.thread, *(side.lines for side in sides)) for line in of]
    if any(line.role not in ROLES for line in lines):
        raise Invalid("A turn is of one of these: %(roles)s.", roles=", ".join(ROLES), field="role")
    if sum(len(line.text) for line in lines) > MOST_CHARACTERS:
        raise Invalid("Two answers with what was asked have at most %(most)s characters.", most=MOST_CHARACTERS)
    about = f"{set_id} {brought.question} {brought.turn} {' '.join(sorted(side.model for side in sides))}"
    first, second = (Answer(side.model, side.lines) for side in sides)
    return Battle(
        hashlib.sha256(about.encode()).hexdigest()[:32], brought.question, checked_tag(brought.lang, "lang"), first,
        second, now, brought.thread, brought.turn, set_id,
    )  # fmt: skip
