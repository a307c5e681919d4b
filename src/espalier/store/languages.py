"""Questions about a whole language: how many trees stand where, and which prompts wait for the lottery.

Knows counts; the lottery's rules are domain/lottery.py.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, func, or_, select

from espalier.domain.lottery import Author
from espalier.domain.message import Role
from espalier.domain.tree import State
from espalier.domain.work import Act, Kind
from espalier.store.sql import Statement
from espalier.store.tables import messages, open_work, people, trees
from espalier.store.times import to_us

T, M = trees.c, messages.c
MONTH: Final = timedelta(days=30)
ALL: Final = 2**31
"""More than there ever are."""

_IN_STATE = Statement(
    select(func.count()).select_from(
        select(T.id)
        .where(T.lang == bindparam("lang"), T.state == bindparam("state"))
        .limit(bindparam("most"))
        .subquery()
    )
)
_DISABLED: Final = select(people.c.id).where(people.c.disabled == 1)
_OUT_OF_THE_LOTTERY = Statement(
    select(func.count()).where(T.lang == bindparam("lang"), T.state == bindparam("state"), T.author_id.in_(_DISABLED))
)
_AUTHORS = Statement(
    select(T.author_id)
    .where(
        T.lang == bindparam("lang"),
        T.state == bindparam("state"),
        or_(T.author_id.is_(None), T.author_id.not_in(_DISABLED)),
    )
    .distinct()
    .order_by(T.author_id)
)
# In the order of an index that holds nothing but replies ranked first: few rows, however large the campaign is.
_FIRSTS = Statement(
    select(M.author_id, func.count())
    .where(
        M.rank == 0,
        M.role == Role.ASSISTANT.value,
        M.created_at >= bindparam("since"),
        M.live == 1,
        M.synthetic == 0,
        M.imported.is_(None),
    )
    .group_by(M.author_id)
)
_PROMPTS = Statement(
    select(T.id)
    .where(T.lang == bindparam("lang"), T.state == bindparam("state"), T.author_id == bindparam("author"))
    .order_by(T.id)
)
_PROMPTS_OF_NOBODY = Statement(
    select(T.id).where(T.lang == bindparam("lang"), T.state == bindparam("state"), T.author_id.is_(None)).order_by(T.id)
)
_BACKLOG = Statement(
    select(T.id).where(T.lang == bindparam("lang"), T.state == bindparam("state")).order_by(T.created_at, T.id).limit(1)
)
_OPEN_RANKINGS = Statement(
    select(func.count()).where(
        open_work.c.act == Act.RANK.value,
        open_work.c.kind.in_([Kind.RANK_ASSISTANT_REPLIES.value, Kind.RANK_PROMPTER_REPLIES.value]),
        open_work.c.lang == bindparam("lang"),
    )
)
_WRITTEN_BY = Statement(
    select(func.count()).where(
        M.author_id == bindparam("person"), M.created_at >= bindparam("since"), M.lang == bindparam("lang")
    )
)
_WRITTEN = Statement(select(func.count()).where(M.lang == bindparam("lang"), M.created_at >= bindparam("since")))
_LANGS_WHERE_WAITING = Statement(
    select(T.lang)
    .join(messages, M.id == T.id)
    .where(M.author_id == bindparam("person"), T.state == bindparam("state"))
    .distinct()
    .order_by(T.lang)
)
_STATES = Statement(select(T.lang, T.state, func.count()).group_by(T.lang, T.state))
_DRAWN: Final = (
    State.GROWING, State.RANKING, State.READY_FOR_SCORING, State.READY_FOR_EXPORT, State.BACKLOG_RANKING,
    State.SCORING_FAILED,
)  # fmt: skip
_LANGS = Statement(select(T.lang).distinct().order_by(T.lang))


def trees_in(db: Connection, lang: str, state: State, most: int = ALL) -> int:
    """most: further than this nobody needs to count."""
    return int(_IN_STATE.value(db, lang=lang, state=state, most=most) or 0)


def drawn_where_at_work(db: Connection) -> dict[str, int]:
    """How many trees the lottery drew and nobody stopped, by language: of those where trees grow or prompts wait."""
    counts: dict[str, dict[State, int]] = {}
    for lang, state, count in _STATES.rows(db):
        counts.setdefault(lang, {})[State(state)] = count
    return {
        lang: sum(found.get(state, 0) for state in _DRAWN)
        for lang, found in sorted(counts.items())
        if State.GROWING in found or State.PROMPT_LOTTERY_WAITING in found
    }


def prompts_waiting(db: Connection, lang: str, most: int = ALL) -> int:
    """Prompts that wait for the lottery, counted up to `most`; those of disabled people have left it."""
    state = State.PROMPT_LOTTERY_WAITING
    out = int(_OUT_OF_THE_LOTTERY.value(db, lang=lang, state=state) or 0)
    return trees_in(db, lang, state, most + out) - out


def waiting_authors(db: Connection, lang: str, now: datetime) -> list[Author]:
    """Who has an accepted prompt waiting, and how many assistant replies of theirs from the last month were ranked
    first; no disabled people.
    """
    firsts = dict(_FIRSTS.rows(db, since=to_us(now - MONTH)))
    waiting = _AUTHORS.values(db, lang=lang, state=State.PROMPT_LOTTERY_WAITING)
    return [Author(person, int(firsts.get(person, 0))) for person in waiting]


def waiting_prompts(db: Connection, lang: str, author: str | None) -> list[str]:
    """The author's waiting prompts, by their ids."""
    state = State.PROMPT_LOTTERY_WAITING
    if author is None:
        return _PROMPTS_OF_NOBODY.values(db, lang=lang, state=state)
    return _PROMPTS.values(db, lang=lang, state=state, author=author)


def oldest_in_backlog(db: Connection, lang: str) -> str | None:
    row = _BACKLOG.row(db, lang=lang, state=State.BACKLOG_RANKING)
    return str(row[0]) if row else None


def open_rankings(db: Connection, lang: str) -> int:
    row = _OPEN_RANKINGS.row(db, lang=lang)
    return int(row[0]) if row else 0


def written_in_week(db: Connection, person_id: str, lang: str, now: datetime) -> tuple[int, int]:
    """Messages of the last seven days in a language: this person's, everybody's."""
    since = to_us(now - timedelta(days=7))
    mine = _WRITTEN_BY.row(db, person=person_id, lang=lang, since=since)
    all_of_them = _WRITTEN.row(db, lang=lang, since=since)
    return int(mine[0]) if mine else 0, int(all_of_them[0]) if all_of_them else 0


def langs_where_waiting(db: Connection, person_id: str) -> list[str]:
    """The languages in which a prompt of this person waits for the lottery."""
    return [str(lang) for lang in _LANGS_WHERE_WAITING.values(db, person=person_id, state=State.PROMPT_LOTTERY_WAITING)]


def langs_of_trees(db: Connection) -> list[str]:
    return [str(lang) for (lang,) in _LANGS.rows(db)]
