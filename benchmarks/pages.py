"""How fast the pages of the site answer: eight readers over HTTP, every page, on a copy of the large campaign.

    python benchmarks/pages.py [--seconds 30] [--campaign large] [--file FILE]

Prints the 95th percentile of each page, the slowest first; the last line is JSON: `slowest_page`,
`slowest_page_p95_ms`. The pages are taken from the application's own routes, so that none is forgotten; what a page
needs to be shown (a tree, a message, a task) is taken from the campaign.
"""

import argparse
import asyncio
import hashlib
import json
import random
import re
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
from fastapi.routing import APIRoute

from espalier.domain.tree import State
from espalier.store import documents, reading
from espalier.store.charters import charter_in_force
from espalier.store.door import open_door
from espalier.store.people import Person, PersonRole, add_person, add_token
from espalier.store.preferences import Preferences, keep_preferences
from espalier.store.session import open_database
from espalier.web import pages
from load import PORT, Server, empty_place, environment, fresh_copy, machine, percentile

READERS = 8
WARM_UP_S = 3.0
PAUSE_S = 0.2
"""For which a reader looks at a page on average; without it eight readers would be some hundred."""
SEEN = 20
"""Trees and messages that the readers look at, by turns."""
MORE = (
    "/trees?lang=en", "/trees?state=growing", "/trees?state=ready_for_export&lang=de", "/trees?q=water",
    "/leaderboard?frame=total", "/leaderboard?frame=total&lang=en", "/leaderboard?frame=day&lang=de",
    "/stats/growth.csv",
)  # fmt: skip
"""Addresses of the same routes that ask other questions."""


@dataclass
class Reader:
    """A volunteer, an administrator for the pages of staff, and what stands in for the names in addresses."""

    number: int
    samples: dict[str, list[str]]
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    rng: random.Random = field(default_factory=random.Random)

    def address(self, path: str) -> str:
        """An address of this route; what is not known by name leads to a page too: that there is nothing."""
        return re.sub(r"{(\w+)[^}]*}", lambda name: self.rng.choice(self.samples.get(name[1], ["nothing"])), path)


def secret(number: int, role: str) -> str:
    return f"bench-{role}-{number}"


def routes() -> list[str]:
    """The paths of all pages."""
    found = (route for router in pages.ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return list(dict.fromkeys(route.path for route in found if "GET" in route.methods))


def prepare(file: Path) -> dict[str, list[str]]:
    """Readers who have accepted the terms and been welcomed; trees and messages for them to look at."""
    database = open_database(environment(file)["ESPALIER_DATABASE_URL"])
    door, now = open_door(database), datetime.now(UTC)
    with database.read() as db:
        terms = charter_in_force(db).terms
    for number in range(READERS):
        for role in (PersonRole.CONTRIBUTOR, PersonRole.ADMIN):
            name = secret(number, role)
            person = Person(name, name, role, False, True, False, now)
            door.call(add_person, person)
            known = hashlib.sha256(name.encode()).hexdigest()
            door.call(add_token, known, f"k{name}", person.id, "bench", "full", now)
            door.call(documents.accept, person.id, terms, now)
            door.call(keep_preferences, person.id, Preferences(langs=("en", "de"), welcomed=True))
    with database.read() as db:
        trees = [
            tree.id
            for state in (State.READY_FOR_EXPORT, State.GROWING, State.RANKING)
            for tree in reading.newest_trees(db, SEEN, state=state)
        ]
        messages = [each for tree in trees[::2] for each in reading.messages_of_tree(db, tree)[:3]]
    door.close()
    database.close()
    ids, authors = [each.id for each in messages], sorted({each.author for each in messages if each.author})
    return {
        "tree_id": trees,
        "message_id": ids,
        "person_id": authors,
        "name": ["growth"],
        "kind": ["assistant_reply"],
        "lang": ["en"],
    }


async def signed_in(token: str) -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", timeout=60)
    page = await client.get("/signin")
    (form_token, *_) = re.findall(r'name="form_token" value="([^"]+)"', page.text)
    answer = await client.post("/signin/token", data={"token": token, "form_token": form_token})
    assert answer.status_code == 303, answer.text[:500]
    return client


async def opened(number: int, samples: dict[str, list[str]]) -> Reader:
    reader = Reader(number, dict(samples), rng=random.Random(number))
    for role in (PersonRole.CONTRIBUTOR, PersonRole.ADMIN):
        reader.clients[role] = await signed_in(secret(number, role))
    bearer = {"Authorization": f"Bearer {secret(number, PersonRole.CONTRIBUTOR)}"}
    asked = {"kind": "random", "langs": ["en", "de"]}
    task = await reader.clients[PersonRole.CONTRIBUTOR].post("/api/v1/tasks/next", json=asked, headers=bearer)
    reader.samples["task_id"] = [task.json()["id"]] if task.status_code == 200 else ["nothing"]
    return reader


async def measured(file: Path, seconds: float) -> tuple[dict[str, list[float]], list[str]]:
    """The times of each page in milliseconds, and the pages on which the server failed."""
    samples = prepare(file)
    server = Server(file)
    times: dict[str, list[float]] = {}
    said: dict[str, set[int]] = {}
    try:
        await server.ready()
        readers = [await opened(number, samples) for number in range(READERS)]
        every = [*routes(), *MORE]
        staff = await for_staff(readers[0], every)
        began = time.perf_counter()

        async def read(reader: Reader) -> None:
            while (now := time.perf_counter()) < began + WARM_UP_S + seconds:
                for page in reader.rng.sample(every, len(every)):
                    client = reader.clients[PersonRole.ADMIN if page in staff else PersonRole.CONTRIBUTOR]
                    address = reader.address(page)
                    asked = time.perf_counter()
                    answer = await client.get(address)
                    now = time.perf_counter()
                    said.setdefault(page, set()).add(answer.status_code)
                    if asked > began + WARM_UP_S:
                        times.setdefault(page, []).append((now - asked) * 1000)
                    if now > began + WARM_UP_S + seconds:
                        break
                    await asyncio.sleep(reader.rng.uniform(0, 2 * PAUSE_S))

        await asyncio.gather(*(read(reader) for reader in readers))
        for reader in readers:
            for client in reader.clients.values():
                await client.aclose()
    finally:
        server.stop()
    for page, took in sorted(times.items(), key=lambda each: -percentile(each[1], 95)):
        codes = ", ".join(map(str, sorted(said[page])))
        p50, p95 = percentile(took, 50), percentile(took, 95)
        print(f"{p95:8.1f} ms p95 {p50:8.1f} ms p50 {len(took):5} times  {page}  ({codes})")
    broken = sorted(page for page, codes in said.items() if any(code >= 500 for code in codes))
    return times, broken


async def for_staff(reader: Reader, every: list[str]) -> set[str]:
    """The pages that a volunteer may not see."""
    volunteer = reader.clients[PersonRole.CONTRIBUTOR]
    return {page for page in every if (await volunteer.get(reader.address(page))).status_code == 403}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--campaign", default="large", help="small, medium or large")
    parser.add_argument("--file", type=Path, help="an SQLite campaign to read a copy of instead")
    given = parser.parse_args()
    print(machine(), flush=True)
    file = Path(shutil.copy(given.file, empty_place())) if given.file else fresh_copy(given.campaign)
    times, broken = asyncio.run(measured(file, given.seconds))
    slowest = max(times, key=lambda page: percentile(times[page], 95))
    found = {"slowest_page": slowest, "slowest_page_p95_ms": round(percentile(times[slowest], 95), 1)}
    if broken:
        print(f"the server failed on {', '.join(broken)}")
    print(json.dumps(found))
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()
