"""Finding messages by their words, on both databases."""

from contextlib import suppress

import pytest
from sqlalchemy import Connection, insert, inspect, update

from espalier.domain.errors import Invalid, TooLong
from espalier.store import search
from espalier.store.search_tables import is_declared
from espalier.store.tables import messages, metadata, searched


def put(db: Connection, message_id: str, text: str, *, lang: str = "en", live: int = 1, at: int = 0) -> None:
    row = {"tree_id": "t", "place": 0, "role": "prompter", "created_at": at, "lang": lang, "depth": 0, "live": live}
    counts = {"review_count": 0, "dismissed_flags": 0, "dismissed_skips": 0}
    db.execute(insert(messages).values(id=message_id, text=text, **row, **counts))
    search.index(db, message_id, text if live else "", known=False)


def found(db: Connection, query: str, *langs: str) -> list[str]:
    return [hit.message_id for hit in search.find(db, query, langs=langs)]


def test_all_words_must_occur_and_the_newest_comes_first(db: Connection) -> None:
    put(db, "m1", "The quick brown fox")
    put(db, "m2", "A brown, quick dog")
    put(db, "m3", "A slow dog")

    assert found(db, "Quick brown") == ["m2", "m1"]
    assert found(db, "quick dog") == ["m2"]
    assert found(db, "cat") == []
    assert found(db, "quick cat") == []


@pytest.mark.parametrize(
    ("lang", "text", "query"),
    [
        ("zh", "今天我们讨论人工智能的发展。", "讨论"),
        ("zh", "今天我们讨论人工智能的发展。", "人工智能"),
        ("zh", "今天我们讨论人工智能的发展。", "展"),
        ("zh", "今天我们讨论人工智能的发展。", "发展 今天"),
        ("ko", "저는 한국어를 공부합니다.", "한국"),
        ("ko", "저는 한국어를 공부합니다.", "공부"),
        ("ja", "東京タワーはどこですか", "タワー"),
        ("ja", "東京タワーはどこですか", "ﾀﾜｰ"),
        ("ja", "GPT4モデルを使う", "gpt4モデル"),
        ("th", "ผมชอบกินข้าวผัดทุกวัน", "ข้าว"),
        ("th", "ผมชอบกินข้าวผัดทุกวัน", "กินข้าว"),
        ("km", "ខ្ញុំចូលចិត្តសៀវភៅ", "សៀវភៅ"),
        ("ar", "مُحَمَّدٌ يَكْتُبُ", "محمد"),
        ("ar", "محمد يكتب", "مُحَمَّد"),
        ("ar", "الكـــتاب الجديد", "الكتاب"),
        ("ar", "أحمد في الإسكندرية", "احمد الاسكندرية"),
        ("fa", "می‌خواهم کتاب بخوانم", "كتاب"),
        ("he", "שָׁלוֹם עולם", "שלום"),
        ("hi", "मैं हिन्दी सीखता हूँ", "हिन्दी"),
        ("fr", "Ça coûte très cher à l'ÉCOLE", "ecole coute"),
        ("fr", "un ete", "été"),
        ("de", "Die Straße", "STRASSE"),
        ("pl", "Łódź", "lodz"),
        ("tr", "İstanbul ışık", "istanbul isik"),
        ("vi", "Tiếng Việt", "tieng viet"),
        ("ru", "Всё ещё Программирование", "все программиров"),
        ("el", "Καλημέρα Κόσμος", "ΚΟΣΜΟΣ καλημερα"),
        ("en", "I don't know", "don't"),
        ("en", "see https://example.org/a-page", "https://example.org/a-page"),
        ("en", "Ｆｕｌｌ width", "full"),
        ("en", "What a Beginning", "what begin"),
    ],
)
def test_a_word_is_found_in_any_script_and_spelling(db: Connection, lang: str, text: str, query: str) -> None:
    put(db, "m1", text, lang=lang)
    put(db, "m2", "something else 別 다른 อื่น آخر", lang=lang)

    assert found(db, query) == ["m1"]
    assert found(db, query, lang) == ["m1"]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("人口和工业", "人工"),  # both characters, not side by side
        ("工人", "人工"),
        ("你好，世界", "好世"),
        ("มานา", "นาม"),
        ("कमल", "कमला"),
        ("мои", "мой"),
        ("word for word", "wo"),  # two letters are a whole word
        ("begin here", "ginhere"),
        ("know don", "don't"),
    ],
)
def test_what_only_looks_alike_is_not_found(db: Connection, text: str, query: str) -> None:
    put(db, "m1", text)

    assert found(db, query) == []


def test_only_the_last_word_may_be_unfinished(db: Connection) -> None:
    put(db, "m1", "machine learning")

    assert found(db, "machine lear") == ["m1"]
    assert found(db, "mach learning") == []


def test_a_text_that_changes_is_found_by_the_new_words_only_and_keeps_its_place(db: Connection) -> None:
    put(db, "m1", "An apple")
    put(db, "m2", "A plum, a pear")
    search.index(db, "m1", "A pear", known=True)

    assert found(db, "apple") == []
    assert found(db, "pear") == ["m2", "m1"]


def test_a_message_that_is_gone_is_not_found_until_it_comes_back(db: Connection) -> None:
    put(db, "m1", "An apple")
    search.index(db, "m1", "", known=True)
    search.index(db, "m1", "", known=True)
    assert found(db, "apple") == []
    assert search.indexed_count(db) == 0

    search.index(db, "m1", "An apple", known=True)
    assert found(db, "apple") == ["m1"]


def test_many_new_messages_are_indexed_like_one(db: Connection) -> None:
    for message_id in ("m1", "m2", "m3"):
        put(db, message_id, "")
    search.index_new(db, [("m1", "red apple"), ("m2", "!!!"), ("m3", "green apple")])

    assert found(db, "apple") == ["m3", "m1"]


def test_languages_narrow_the_search(db: Connection) -> None:
    put(db, "m1", "Computer", lang="en")
    put(db, "m2", "Computer", lang="de")
    put(db, "m3", "Computer", lang="pt-BR")
    put(db, "m4", "de en pt BR", lang="fr")

    assert found(db, "computer", "de") == ["m2"]
    assert found(db, "computer", "en", "pt-BR") == ["m3", "m1"]
    assert found(db, "computer", "fr") == []
    assert found(db, "computer", 'x" OR "', "it's \\' | !") == []
    assert found(db, "en") == ["m4"], "the language of a message is no word of it"


@pytest.mark.parametrize("word", ["common", "rare"])
def test_pages_follow_one_another_without_gap_or_repetition(db: Connection, word: str) -> None:
    for number in range(30):
        put(db, f"m{number:02}", "common rare" if number % 10 == 0 else "common")

    pages, before = [], None
    while hits := search.find(db, word, before=before, limit=7):
        pages.append([hit.message_id for hit in hits])
        before = hits[-1].number
    in_order = [message_id for page in pages for message_id in page]
    step = 1 if word == "common" else 10
    assert in_order == [f"m{number:02}" for number in range(29, -1, -1) if number % step == 0]
    assert [len(page) for page in pages] == ([7, 7, 7, 7, 2] if word == "common" else [3])


def test_a_rare_word_is_found_however_many_messages_came_later(db: Connection) -> None:
    put(db, "old", "a needle")
    rows = [{"message_id": f"m{number}", "tokens": "hay"} for number in range(search.LOOK_BACK + 10)]
    db.execute(insert(searched), rows)

    assert found(db, "needle") == ["old"]
    assert len(found(db, "hay")) == 50


HOSTILE = [
    '"', "'", '""" OR 1', "a' & !b | (c", "NEAR(a b, 5)", "tokens: a", "^a", "a*", "* a", "-a", "a AND", "NOT a", "a:*",
    "\\", "a\\'b", "%", "_", "_en", "\x01\x02 a", "a\u0000b", "\ud800 a", "'); DROP TABLE searched; --",
    "\u202ea\u202c", "a\u0301\u0301\u0301", "\u0e34\u0e34", "ﷺ", "𠮷野家", "👩‍👩‍👧 a", "ａ＊", "١٢٣", "½", "ŉ",
    "x" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE)
def test_no_query_disturbs_the_database(db: Connection, query: str) -> None:
    put(db, "m1", "something harmless about bees")
    with suppress(Invalid):
        assert found(db, query, "en") == []
    assert found(db, "bees") == ["m1"]


@pytest.mark.parametrize("text", [*HOSTILE, "中" * 40_000, "same " * 20_000, "𠮷" * 70_000, "ﷺ" * 9000])
def test_any_text_can_be_indexed_and_changed(db: Connection, text: str) -> None:
    put(db, "m1", "")
    search.index(db, "m1", "bees " + text, known=False)
    assert found(db, "bees") == ["m1"]
    search.index(db, "m1", text + " wasps", known=True)
    search.index(db, "m1", "ants", known=True)
    assert found(db, "ants") == ["m1"]
    assert found(db, "bees") == []


def test_a_text_with_very_many_different_words_is_found_by_its_first(db: Connection) -> None:
    put(db, "m1", " ".join(f"{number:040x}" for number in range(20_000)))

    assert found(db, f"{1:040x} {2:040x}") == ["m1"]


@pytest.mark.parametrize("query", ["", "  \n", "?!…", "👍🏽", "\x01", "\u0301", "\u200d", "ـــ"])
def test_a_query_without_words_is_refused(db: Connection, query: str) -> None:
    with pytest.raises(Invalid, match="at least one letter or digit"):
        search.find(db, query)


@pytest.mark.parametrize("query", ["word " * 65, "中" * 66, "a-" * 5000])
def test_a_query_of_too_many_words_is_refused(db: Connection, query: str) -> None:
    with pytest.raises(TooLong, match="at most 64"):
        search.find(db, query)


def test_what_is_wrong_with_the_index_is_named_and_repaired(db: Connection) -> None:
    put(db, "m1", "an apple", at=2)
    put(db, "m2", "a pear", at=1)
    put(db, "m3", "👍")
    put(db, "m4", "a removed plum", live=0)
    put(db, "m5", "a fresh quince")
    put(db, "m6", "ein Apfel", lang="de")
    for n, said in enumerate([*HOSTILE, "中" * 40_000, "same " * 20_000, "don't 東京 it's"]):
        put(db, f"h{n}", "" if "\0" in said or "\ud800" in said else said)
    assert (search.missing(db), search.surplus(db), list(search.misfiled(db))) == ([], [], [])
    count = search.indexed_count(db)

    db.execute(searched.delete().where(searched.c.message_id.in_(["m1", "m2"])))
    search.index(db, "m4", "a removed plum", known=False)
    search.index(db, "m5", "stale words", known=True)
    db.execute(insert(searched).values(message_id="nobody", tokens="ghost"))
    assert search.missing(db) == ["m2", "m1"]
    assert search.surplus(db) == ["m4", "nobody"]
    search.index(db, "m3", "a thumb", known=False)
    db.execute(update(messages).where(messages.c.id == "m6").values(lang="en"))
    assert sorted(search.misfiled(db)) == ["m3", "m5", "m6"]

    wrong = [*search.missing(db), *search.surplus(db), *search.misfiled(db)]
    with db.begin_nested() as repaired:
        search.index_again(db, wrong)
        assert (search.missing(db), search.surplus(db), list(search.misfiled(db))) == ([], [], [])
        repaired.rollback()

    search.rebuild(db)
    assert (search.missing(db), search.surplus(db), list(search.misfiled(db))) == ([], [], [])
    assert found(db, "apple") == ["m1"]
    assert found(db, "pear") == ["m2"]
    assert found(db, "quince") == ["m5"]
    assert found(db, "plum") == found(db, "ghost") == found(db, "stale") == []
    assert search.indexed_count(db) == count


def test_texts_are_undone_with_their_transaction(db: Connection) -> None:
    put(db, "m1", "an apple")
    undone = db.begin_nested()
    search.index(db, "m1", "a pear", known=True)
    put(db, "m2", "a pear")
    undone.rollback()

    assert found(db, "pear") == []
    assert found(db, "apple") == ["m1"]


def test_everything_in_the_database_is_declared_but_for_the_index_of_words(db: Connection) -> None:
    names = {name for name in inspect(db).get_table_names() if is_declared(name, "table", {})}

    assert names - {"alembic_version"} == set(metadata.tables)


def test_a_message_without_a_row_is_not_indexed(db: Connection) -> None:
    search.index(db, "nobody", "a ghost", known=False)

    assert found(db, "ghost") == []
