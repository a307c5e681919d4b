"""Finding messages by the words in them, in any script, on both databases.

Knows which messages are in the index and what stands there for them; how a text becomes words is store/words.py.

Found messages come newest first, which here means in the order in which they entered the index (`number`): both
databases can then stop at the end of the page, however common a word is. A message that was gone and comes back, after
a deletion that was undone, enters anew.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, func, select, text

from espalier.domain.errors import Invalid, TooLong
from espalier.store.search_tables import rebuild_words
from espalier.store.sql import Statement
from espalier.store.tables import messages, searched
from espalier.store.words import Phrase, phrases, words_of

MOST_WORDS: Final = 64  # in one query; a pair of characters of a script without spaces counts as one
BY_AGE: Final = (messages.c.created_at, messages.c.id)
FIRST: Final = 2**62  # above every number
LOOK_BACK: Final = 4000  # newest messages that PostgreSQL reads before it asks its index: some milliseconds

# The language of a message stands in the index as a word, so that a common word in a rare language is found as quickly
# as any other. Words of texts have no underscore.
_PUT: Final = {
    "sqlite": Statement(
        text("""
            INSERT INTO searched (message_id, tokens)
            SELECT id, '_' || lang || ' ' || :tokens FROM messages WHERE id = :message_id
            ON CONFLICT (message_id) DO UPDATE SET tokens = excluded.tokens WHERE searched.tokens <> excluded.tokens
        """)
    ),
    "postgresql": Statement(
        text("""
            INSERT INTO searched (message_id, tokens)
            SELECT id, CAST(:tokens AS tsvector) || array_to_tsvector(ARRAY['_' || lang])
            FROM messages WHERE id = :message_id
            ON CONFLICT (message_id) DO UPDATE SET tokens = excluded.tokens WHERE searched.tokens <> excluded.tokens
        """)
    ),
}
_REMOVE: Final = Statement(text("DELETE FROM searched WHERE message_id = :message_id"))
_FIND: Final = {
    "sqlite": Statement(
        text("""
            SELECT searched.number, searched.message_id
            FROM searched_words JOIN searched ON searched.number = searched_words.rowid
            WHERE searched_words MATCH :query AND searched_words.rowid < :before
            ORDER BY searched_words.rowid DESC LIMIT :limit
        """)
    ),
    # A common word is among the newest anyway, and then nobody needs to know where else it is.
    "postgresql": Statement(
        text(f"""
            SELECT number, message_id
            FROM (SELECT * FROM searched WHERE number < :before ORDER BY number DESC LIMIT {LOOK_BACK}) AS newest
            WHERE tokens @@ CAST(:query AS tsquery)
            ORDER BY number DESC LIMIT :limit
        """)
    ),
}
# PostgreSQL guesses how rare a phrase is, and would rather read all messages backwards than ask its index.
_FIND_RARE: Final = Statement(
    text("""
        WITH matching AS MATERIALIZED (
            SELECT number, message_id FROM searched WHERE tokens @@ CAST(:query AS tsquery)
        )
        SELECT number, message_id FROM matching WHERE number < :before ORDER BY number DESC LIMIT :limit
    """)
)
_LIVE: Final = Statement(select(messages.c.id, messages.c.text).where(messages.c.live == 1).order_by(*BY_AGE))
_LIVE_OF: Final = Statement(
    select(messages.c.id, messages.c.text).where(
        messages.c.live == 1, messages.c.id.in_(bindparam("ids", expanding=True))
    )
)
_LIVE_BUT_NOT_THERE: Final = Statement(
    select(messages.c.id, messages.c.text)
    .outerjoin(searched, searched.c.message_id == messages.c.id)
    .where(messages.c.live == 1, searched.c.number.is_(None))
    .order_by(*BY_AGE)
)
_THERE_BUT_NOT_LIVE: Final = Statement(
    select(searched.c.message_id)
    .outerjoin(messages, and_(messages.c.id == searched.c.message_id, messages.c.live == 1))
    .where(messages.c.id.is_(None))
    .order_by(searched.c.number)
)
_LIVE_AND_THERE: Final = Statement(
    select(messages.c.id, messages.c.lang, messages.c.text)
    .join(searched, searched.c.message_id == messages.c.id)
    .where(messages.c.live == 1)
    .order_by(searched.c.number)
)
_DIFFERING: Final = {
    "sqlite": Statement(
        text("""
            SELECT searched.message_id
            FROM json_each(:said) AS said JOIN searched ON searched.message_id = json_extract(said.value, '$.id')
            WHERE searched.tokens
                <> '_' || json_extract(said.value, '$.lang') || ' ' || json_extract(said.value, '$.tokens')
            ORDER BY searched.number
        """)
    ),
    "postgresql": Statement(
        text("""
            SELECT searched.message_id
            FROM jsonb_to_recordset(CAST(:said AS jsonb)) AS said (id text, lang text, tokens text)
            JOIN searched ON searched.message_id = said.id
            WHERE searched.tokens <> CAST(said.tokens AS tsvector) || array_to_tsvector(ARRAY['_' || said.lang])
            ORDER BY searched.number
        """)
    ),
}
_COUNT: Final = Statement(select(func.count()).select_from(searched))


class Found(NamedTuple):
    """A message that was found; `number` is the cursor for the page after it."""

    number: int
    message_id: str


def index(db: Connection, message_id: str, text: str, *, known: bool) -> None:
    """Make the message findable by this text alone; by nothing, when it is empty. The row of the message is there.

    `known`: the message may be in the index already.
    """
    words = words_of(text)
    if words:
        _PUT[db.dialect.name].run(db, message_id=message_id, tokens=_SPELL[db.dialect.name](words))
    elif known:
        _REMOVE.run(db, message_id=message_id)


def index_new(db: Connection, texts: Iterable[tuple[str, str]]) -> None:
    """The same for many messages (id and text) that are not in the index."""
    spell = _SPELL[db.dialect.name]
    _PUT[db.dialect.name].many(
        db,
        ({"message_id": message_id, "tokens": spell(words)} for message_id, text in texts if (words := words_of(text))),
    )


def find(
    db: Connection, query: str, *, langs: Collection[str] = (), before: int | None = None, limit: int = 50
) -> list[Found]:
    """Messages that have every word of the query, newest first, those that came `before` a number.

    The last word may be the beginning of one. Only messages in these languages, when any are given. Raises Invalid
    when there is nothing to look for, TooLong.
    """
    wanted = phrases(query)
    if not wanted:
        raise Invalid("Write at least one letter or digit to look for.", field="query")
    if sum(len(phrase.words) for phrase in wanted) > MOST_WORDS:
        raise TooLong("Look for at most %(most)s words at once.", most=MOST_WORDS, field="query")
    asked = _ASK[db.dialect.name](wanted, sorted(langs))
    place = {"query": asked, "before": FIRST if before is None else before, "limit": limit}
    rows = _FIND[db.dialect.name].rows(db, **place)
    if len(rows) < limit and db.dialect.name == "postgresql":
        rows = _FIND_RARE.rows(db, **place)
    return [Found(*row) for row in rows]


def indexed_count(db: Connection) -> int:
    """How many messages can be found."""
    return int(_COUNT.value(db) or 0)


def missing(db: Connection) -> list[str]:
    """Live messages with words that are not in the index, oldest first; what has no words need not be there."""
    return [message_id for message_id, said in _LIVE_BUT_NOT_THERE.rows(db) if words_of(said)]


def surplus(db: Connection) -> list[str]:
    """Messages in the index that are not live, or are no more."""
    return _THERE_BUT_NOT_LIVE.values(db)


def misfiled(db: Connection) -> Iterator[str]:
    """Live messages that are in the index, but under other words or another language than theirs."""
    spell, rows = _SPELL[db.dialect.name], _LIVE_AND_THERE.stream(db)
    while some := list(islice(rows, 1000)):
        said = [{"id": message_id, "lang": lang, "tokens": spell(words_of(of))} for message_id, lang, of in some]
        yield from _DIFFERING[db.dialect.name].values(db, said=json.dumps(said))


def index_again(db: Connection, message_ids: Sequence[str]) -> None:
    """Make these messages findable by their words where they are live, and not to be found where they are not."""
    live = dict(_LIVE_OF.rows(db, ids=message_ids))
    for message_id in message_ids:
        index(db, message_id, live.get(message_id, ""), known=True)


def rebuild(db: Connection) -> None:
    """Make every live message findable by its words, and nothing else, whatever the index says."""
    rebuild_words(db)
    for message_id in surplus(db):
        _REMOVE.run(db, message_id=message_id)
    for message_id, said in _LIVE.stream(db):
        index(db, message_id, said, known=True)


def _vector(words: list[str]) -> str:
    """The words with their places, as PostgreSQL writes a tsvector."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(words, 1):
        places.setdefault(word, []).append(str(place))
    return " ".join(f"'{word}':{','.join(at)}" for word, at in places.items())


def _match(wanted: list[Phrase], langs: list[str]) -> str:
    """The query as FTS5 wants it."""
    parts = [f'"{" ".join(phrase.words)}"{" *" if phrase.open else ""}' for phrase in wanted]
    if langs:
        parts.append("(" + " OR ".join('"_{}"'.format(lang.replace('"', '""')) for lang in langs) + ")")
    return " AND ".join(parts)


def _tsquery(wanted: list[Phrase], langs: list[str]) -> str:
    """The query as PostgreSQL wants it."""
    parts = [" <-> ".join(f"'{word}'" for word in phrase.words) + (":*" if phrase.open else "") for phrase in wanted]
    if langs:
        parts.append("(" + " | ".join(f"'_{_quoted(lang)}'" for lang in langs) + ")")
    return " & ".join(parts)


def _quoted(lang: str) -> str:
    return lang.replace("\\", "\\\\").replace("'", "''")


_SPELL: Final[dict[str, Any]] = {"sqlite": " ".join, "postgresql": _vector}
_ASK: Final = {"sqlite": _match, "postgresql": _tsquery}
