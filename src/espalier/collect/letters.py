"""Letters by choice: once a week, to whoever asked for them, what became of their work.

Some at a time, and each letter at most once: who is due is put off before anything is sent. Knows neither words nor
mail.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from espalier.domain.points import points
from espalier.store import boards, identities, letters, notices, people
from espalier.store.people import Person

EVERY: Final = timedelta(days=7)
AT_ONCE: Final = 20
MOST_NOTICES: Final = 50


@dataclass(frozen=True, slots=True)
class News:
    """What somebody's letter tells: points, accepted texts and firsts of the week; decisions that wait to be read.

    lang: of the letter.
    """

    person_id: str
    address: str
    lang: str
    points: int
    accepted: int
    first: int
    decisions: int


def choose(db: Connection, person_id: str, wanted: bool, lang: str, now: datetime) -> None:
    """Whether somebody gets letters from now on, in which language; the first comes a week from now."""
    if wanted:
        letters.want(db, person_id, lang, now + EVERY)
    else:
        letters.end(db, person_id)


def are_due(db: Connection, now: datetime) -> bool:
    return bool(letters.due(db, now, 1))


def take_due(db: Connection, now: datetime) -> list[News]:
    """What the letters that are due now tell; they are due again in a week. Who has no news gets none."""
    found = []
    for person_id, lang in letters.due(db, now, AT_ONCE):
        person = people.by_id(db, person_id)
        if letters.put_off(db, person_id, now, now + EVERY) and person and (news := _news(db, person, lang, now)):
            found.append(news)
    return found


def _news(db: Connection, person: Person, lang: str, now: datetime) -> News | None:
    address = next(
        (each.subject for each in identities.ways_of(db, person.id) if each.issuer == identities.EMAIL), None
    )
    counts = boards.counts_of(db, person.id, (now - EVERY).astimezone(UTC).date())
    accepted = counts.accepted_prompts + counts.accepted_replies_assistant + counts.accepted_replies_prompter
    decisions = len(notices.unread(db, person.id, MOST_NOTICES))
    if address is None or person.disabled or not (points(counts) or accepted or decisions):
        return None
    return News(person.id, address, lang, points(counts), accepted, counts.ranked_first, decisions)
