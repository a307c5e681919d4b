"""Killed with SIGKILL under load: is everything there that a volunteer received as accepted, and does it go on?

    python benchmarks/kills.py               # twenty kills, then kills in an import and in a change of policy
    python benchmarks/kills.py --kills 100   # more of them

Sixteen volunteers work in a fresh small campaign and insist: what was not answered is sent again under the same id
until it is, and what had to be sent again is sent once more, which must give the same receipt. After each kill the
doctor examines a copy of the files as the kill left them; the server itself gets no help. The last line is one JSON
object; the exit status is 1 when anything was lost, doubled or different.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import sqlite3
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from espalier.collect.doctor import examine
from espalier.store.session import open_database
from generated import SIZES, lang_of, person_id, token
from load import CHIEF, HERE, Client, Load, Server, add_chief, fresh_copy, machine, template, texts, trees_of

CLIENTS = 16


class Insisting(Load):
    """Volunteers who do not give up when the server is gone, and keep every receipt."""

    def __init__(self, seed: int) -> None:
        super().__init__(SIZES["small"], texts(), seed)
        self.receipts: dict[tuple[int, str], dict] = {}  # type: ignore[type-arg]
        self.ended = False
        self.sent_again = 0

    async def volunteer(self) -> None:
        client = Client()
        while not self.ended:
            number = self.account()
            self.in_use.add(number)
            await self.cycle(client, number)
            self.in_use.discard(number)
        client.close()

    async def cycle(self, client: Client, number: int) -> None:
        asked = {"kind": "random", "langs": [lang_of(self.size, number)]}
        status, content, _ = await insist(client, "POST", "/api/v1/tasks/next", token(number), asked)
        if status == 204:
            self.run.empty += 1
            return
        if status != 200:
            self.run.errors[f"next {status} {content[:200]!r}"] += 1
            return
        task = json.loads(content)
        answer, path = self.answer(task), f"/api/v1/tasks/{task['id']}/submit"
        status, content, times = await insist(client, "POST", path, token(number), answer)
        if status != 200:
            self.run.errors[f"submit {status} {content[:200]!r}"] += 1
            return
        receipt = self.receipts[number, answer["id"]] = json.loads(content)
        if times > 1:
            self.sent_again += 1
            _, content, _ = await insist(client, "POST", path, token(number), answer)
            if json.loads(content) != receipt:
                self.run.errors[f"another receipt {content[:200]!r}"] += 1


async def insist(client: Client, method: str, path: str, bearer: str, body: object) -> tuple[int, bytes, int]:
    """Ask until there is an answer: it, and how often it was asked for."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    times = 0
    while True:
        times += 1
        try:
            return *await asyncio.wait_for(client.send(method, path, bearer, content), 30), times
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            client.close()
            await asyncio.sleep(0.05)


class Campaign:
    """The campaign under test: killed, looked at, started again."""

    def __init__(self, seed: int) -> None:
        self.database = fresh_copy("small")
        add_chief(self.database)
        self.rng = random.Random(seed)
        self.load = Insisting(seed)
        self.before = contributions(self.database)
        self.restarts: list[float] = []
        self.differences: list[str] = []
        self.server = Server(self.database)

    async def kill(self, what: str) -> None:
        had = len(self.load.receipts)
        self.server.kill()
        self.examine()
        began = time.perf_counter()
        self.server = Server(self.database)
        await self.server.ready()
        self.restarts.append(time.perf_counter() - began)
        found = f"{len(self.differences)} differences so far"
        print(f"  {what}: {had:,} accepted before it, ready in {self.restarts[-1]:.2f} s, {found}", flush=True)

    def examine(self) -> None:
        """What the doctor says of a copy, so that nobody has looked at the campaign itself before it starts again."""
        copy = HERE / "copy.db"
        for ending in ("", "-wal"):
            Path(f"{copy}{ending}").unlink(missing_ok=True)
            if Path(f"{self.database}{ending}").exists():
                shutil.copy(f"{self.database}{ending}", f"{copy}{ending}")
        with sqlite3.connect(copy) as db:
            said = db.execute("PRAGMA integrity_check").fetchall()
        if said != [("ok",)]:
            self.differences.append(f"the file is broken: {said}")
        database = open_database(f"sqlite:///{copy}")
        with database.read() as db:
            self.differences += map(str, examine(db, datetime.now(UTC)))
        database.close()

    async def ask(self, method: str, path: str, body: object = b"") -> dict:  # type: ignore[type-arg]
        status, content, _ = await insist(Client(), method, path, CHIEF, body)
        assert status in (200, 202), content
        answer: dict = json.loads(content)  # type: ignore[type-arg]
        return answer

    async def end_of(self, job: dict) -> dict:  # type: ignore[type-arg]
        while job["status"] in ("waiting", "running"):
            await asyncio.sleep(0.5)
            job = await self.ask("GET", f"/api/v1/jobs/{job['id']}")
        return job


ACCEPTED = "kind IN ('planted', 'replied', 'reviewed', 'ranked') AND void = 0 AND task_id IS NOT NULL"


def contributions(database: Path) -> int:
    with sqlite3.connect(database) as db:
        count: int = db.execute(f"SELECT count(*) FROM contributions WHERE {ACCEPTED}").fetchone()[0]
    return count


def lost(campaign: Campaign) -> tuple[int, int]:
    """Of what was accepted: how much is not there with its receipt, and how much there is that nobody was told of."""
    missing = 0
    with sqlite3.connect(campaign.database) as db:
        for (number, client_id), receipt in campaign.load.receipts.items():
            there = db.execute(
                "SELECT count(*) FROM receipts AS r JOIN contributions AS c ON c.seq = r.contribution"
                " WHERE r.person_id = ? AND r.id = ? AND c.task_id = ? AND c.person_id = r.person_id AND c.void = 0",
                (person_id(number), client_id, receipt["task_id"]),
            ).fetchone()[0]
            of_task = db.execute(
                f"SELECT count(*) FROM contributions WHERE task_id = ? AND {ACCEPTED}", (receipt["task_id"],)
            ).fetchone()[0]
            missing += (there, of_task) != (1, 1)
    return missing, contributions(campaign.database) - campaign.before - len(campaign.load.receipts)


async def policy_with_kills(campaign: Campaign) -> dict:  # type: ignore[type-arg]
    """A change of policy reaches every tree, though the server is killed three times on the way."""
    changed = await campaign.ask("PUT", "/api/v1/policy", {"base": {"num_reviews_reply": 2}})
    for _ in range(3):
        await asyncio.sleep(campaign.rng.uniform(0.2, 2.0))
        job = await campaign.ask("GET", f"/api/v1/jobs/{changed['job']['id']}")
        await campaign.kill(f"in a change of policy, at {job['progress']:,} of {job['total']:,} trees")
    job = await campaign.end_of(changed["job"])
    with sqlite3.connect(campaign.database) as db:
        behind = db.execute(
            "SELECT count(*) FROM trees WHERE policy <> ? AND state NOT LIKE 'aborted%'"
            " AND state NOT IN ('ready_for_export', 'halted_by_moderator')", (changed["version"],)
        ).fetchone()[0]  # fmt: skip
    return {"status": job["status"], "trees": job["progress"], "behind": behind}


async def import_with_kill(campaign: Campaign) -> dict:  # type: ignore[type-arg]
    """An upload is taken in, though the server is killed on the way: taken up again when its lease has run out."""
    file = trees_of("medium")
    job = await campaign.ask("POST", f"/api/v1/imports?name={file.name}", file.read_bytes())
    while (job := await campaign.ask("GET", f"/api/v1/jobs/{job['id']}"))["progress"] < 300:
        assert job["status"] in ("waiting", "running"), job
        await asyncio.sleep(0.05)
    await asyncio.sleep(campaign.rng.uniform(0.0, 2.0))
    job = await campaign.ask("GET", f"/api/v1/jobs/{job['id']}")
    await campaign.kill(f"in an import, at {job['progress']:,} trees")
    job = await campaign.end_of(job)
    with sqlite3.connect(template("medium")) as db:
        wanted = {row[0] for row in db.execute("SELECT id FROM messages")}
    with sqlite3.connect(campaign.database) as db:
        there = {row[0] for row in db.execute("SELECT id FROM messages")}
    return {"status": job["status"], "messages": len(wanted), "missing": len(wanted - there)}


async def measure(kills: int, seed: int) -> dict[str, object]:
    campaign = Campaign(seed)
    await campaign.server.ready()
    volunteers = [asyncio.create_task(campaign.load.volunteer()) for _ in range(CLIENTS)]
    for number in range(kills):
        await asyncio.sleep(campaign.rng.uniform(0.1, 3.0))
        await campaign.kill(f"kill {number + 1}")
    policy = await policy_with_kills(campaign)
    print(f"  policy: {policy}", flush=True)
    imported = await import_with_kill(campaign)
    print(f"  import: {imported}", flush=True)
    campaign.load.ended = True
    await asyncio.gather(*volunteers)
    campaign.server.stop()
    campaign.examine()
    missing, untold = lost(campaign)
    for what in campaign.differences[:10]:
        print(f"  {what}")
    for what, count in campaign.load.run.errors.most_common(5):
        print(f"  {count} x {what}")
    return {
        "kills": len(campaign.restarts),
        "accepted": len(campaign.load.receipts),
        "lost": missing,
        "stored_but_untold": untold,
        "sent_again": campaign.load.sent_again,
        "errors": sum(campaign.load.run.errors.values()),
        "doctor_differences": len(campaign.differences),
        "restart_median_s": round(statistics.median(campaign.restarts), 2),
        "restart_max_s": round(max(campaign.restarts), 2),
        "policy_job": policy,
        "import_job": imported,
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"{machine()}; {CLIENTS} volunteers, rates of a person off")
    result = asyncio.run(measure(arguments.kills, arguments.seed))
    print(json.dumps(result))
    whole = result["policy_job"] | result["import_job"]  # type: ignore[operator]
    counts = ("lost", "stored_but_untold", "errors", "doctor_differences")
    sys.exit(1 if any(result[name] for name in counts) or whole["behind"] or whole["missing"] else 0)


if __name__ == "__main__":
    main()
