"""Finding messages by their words, on both databases."""

from sqlalchemy import Connection, insert

from espalier.store import search
from espalier.store.tables import messages


def put(db: Connection, message_id: str, text: str, lang: str = "en") -> None:
    row = {"tree_id": "t", "place": 0, "role": "prompter", "created_at": 0, "lang": lang, "depth": 0, "text": text}
    counts = {"review_count": 0, "dismissed_flags": 0, "dismissed_skips": 0}
    db.execute(insert(messages).values(id=message_id, **row, **counts))
    search.index(db, message_id, text, known=False)


def found(db: Connection, query: str, *langs: str) -> list[str]:
    return [hit.message_id for hit in search.find(db, query, langs=langs)]


def test_all_words_must_occur_and_the_newest_comes_first(db: Connection) -> None:
    put(db, "m1", "The quick brown fox")
    put(db, "m2", "A brown, quick dog")
    put(db, "m3", "A slow dog")

    assert found(db, "Quick brown") == ["m2", "m1"]
    assert found(db, "quick dog") == ["m2"]
    assert found(db, "cat") == []


def test_a_text_that_changes_is_found_by_the_new_words_only(db: Connection) -> None:
    put(db, "m1", "An apple")
    search.index(db, "m1", "A pear", known=True)

    assert found(db, "apple") == []
    assert found(db, "pear") == ["m1"]

    search.index(db, "m1", "", known=True)
    assert found(db, "pear") == []
