"""How fast a campaign runs: cycles of `next` and `submit` per second, small and large, with 1, 8 and 32 clients.

    python benchmarks/campaign.py            # all of it, about 40 minutes
    python benchmarks/campaign.py --quick    # one run of 15 s each, large and small, 32 clients

Starts the server as a user would (`espalier serve` on an SQLite file) and drives it from this, a second process, over
HTTP. Each figure: a fresh copy of the database, 10 s to warm up, 60 s measured; three runs, the median. Off is only
what limits one person (the rates); 2,000 accounts stand for the crowd. The last line is one JSON object.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from generated import NINETY, SIZES, Size, generate, lang_of, token

ACCOUNTS = 2_000
PORT = 8791
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "bench"


@dataclass
class Run:
    """What one measured run saw. Times in milliseconds."""

    next_ms: list[float] = field(default_factory=list)
    submit_ms: list[float] = field(default_factory=list)
    cycles: int = 0
    accepted: int = 0
    empty: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0
    server_cpu_s: float = 0
    late: int = 0


class Client:
    """One kept-alive connection; just enough HTTP/1.1 for our own server, so that the load costs little."""

    def __init__(self) -> None:
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, bearer: str, body: dict) -> tuple[int, bytes]:  # type: ignore[type-arg]
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", PORT)
        assert self.reader is not None
        content = json.dumps(body).encode()
        self.writer.write(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {bearer}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 : head.index(b"\r\n", at)]) if at >= 0 else 0
        return status, await self.reader.readexactly(length) if length else b""

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


class Load:
    """The volunteers: `clients` of them at once, each cycle as one of the accounts that nobody else uses just now."""

    def __init__(self, size: Size, texts: list[str], seed: int) -> None:
        self.size, self.texts, self.rng = size, texts, random.Random(seed)
        self.in_use: set[int] = set()
        self.run = Run()
        self.measuring = False
        self.until = 0.0

    def account(self) -> int:
        while True:
            busiest = self.rng.random() < 0.1
            number = self.rng.randrange(self.size.busiest) if busiest else self.rng.randrange(ACCOUNTS)
            if number not in self.in_use:
                return number

    async def volunteer(self) -> None:
        client = Client()
        while time.perf_counter() < self.until:
            number = self.account()
            self.in_use.add(number)
            try:
                await asyncio.wait_for(self.cycle(client, number), 30)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.run.errors[type(error).__name__] += 1
                client.close()
                client = Client()
            finally:
                self.in_use.discard(number)
        client.close()

    async def cycle(self, client: Client, number: int) -> None:
        bearer = token(number)
        began = time.perf_counter()
        asked = {"kind": "random", "langs": [lang_of(self.size, number)]}
        status, content = await client.post("/api/v1/tasks/next", bearer, asked)
        got = time.perf_counter()
        run, measured = self.run, self.measuring
        if status == 204:
            run.empty += measured
            return
        if status != 200:
            run.errors[f"next {status} {content[:200]!r}"] += 1
            return
        task = json.loads(content)
        answer = self.answer(task)
        sending = time.perf_counter()
        status, content = await client.post(f"/api/v1/tasks/{task['id']}/submit", bearer, answer)
        done = time.perf_counter()
        if status != 200:
            run.errors[f"submit {status} {content[:200]!r}"] += 1
            return
        run.accepted += 1
        if measured and self.measuring:
            run.cycles += 1
            run.kinds[task["kind"]] += 1
            run.late += json.loads(content)["late"]
            run.next_ms.append((got - began) * 1000)
            run.submit_ms.append((done - sending) * 1000)

    def answer(self, task: dict) -> dict:  # type: ignore[type-arg]
        form: dict = {"id": f"{self.rng.getrandbits(96):024x}"}  # type: ignore[type-arg]
        if task["replies"]:
            handles = [reply["handle"] for reply in task["replies"]]
            self.rng.shuffle(handles)
            return {**form, "order": [[handle] for handle in handles]}
        if task["labels"]:
            labels = {
                label["name"]: self.rng.randrange(5) / 4 if label["kind"] == "likert" else 0
                for label in task["labels"]
                if label["kind"] != "flag" or label["name"] == "lang_mismatch"
            }
            return {**form, "labels": {**labels, "spam": int(self.rng.random() < 0.03)}, "flags": []}
        return {**form, "text": f"{self.rng.choice(self.texts)} {self.rng.getrandbits(64):x}", "confirm_language": True}


class Server:
    """`espalier serve` on a copy of a database, as a process of its own."""

    def __init__(self, database: Path) -> None:
        address = {"ESPALIER_DATABASE_URL": f"sqlite:///{database}", "ESPALIER_PORT": str(PORT)}
        self.log = (FOLDER / "server.log").open("w")
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("espalier")), "serve"],
            env={**os.environ, **address, "ESPALIER_LOG_LEVEL": "warning"}, cwd=FOLDER,
            stdout=self.log, stderr=self.log,
        )  # fmt: skip

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def ready(self) -> None:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", PORT)
                writer.close()
                return
            except OSError:
                await asyncio.sleep(0.1)
        raise SystemExit(f"the server did not start; see {FOLDER / 'server.log'}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def template(name: str) -> Path:
    path = FOLDER / f"{name}.db"
    if not path.exists():
        print(f"generating the {name} campaign …", flush=True)
        generate(name, path)
    return path


def fresh_copy(name: str) -> Path:
    path = FOLDER / "run.db"
    for old in FOLDER.glob("run.db*"):
        old.unlink()
    shutil.copy(template(name), path)
    os.sync()
    return path


def texts() -> list[str]:
    from generated import Texts

    pool = Texts(("en",))
    rng = random.Random(1)
    return [pool.text("en", rng) for _ in range(2_000)]


async def measure(name: str, clients: int, warm_s: float, measured_s: float, seed: int) -> Run:
    database = fresh_copy(name)
    before = contributions(database)
    server = Server(database)
    await server.ready()
    load = Load(SIZES[name], texts(), seed)
    began = time.perf_counter()
    load.until = began + warm_s + measured_s
    volunteers = [asyncio.create_task(load.volunteer()) for _ in range(clients)]
    await asyncio.sleep(warm_s)
    load.measuring, started, cpu = True, time.perf_counter(), server.cpu_s()
    await asyncio.sleep(measured_s)
    load.run.seconds, load.run.server_cpu_s = time.perf_counter() - started, server.cpu_s() - cpu
    load.measuring = False
    await asyncio.gather(*volunteers)
    server.stop()
    stored = contributions(database) - before
    if stored != load.run.accepted:
        load.run.errors[f"{load.run.accepted} accepted, {stored} stored"] += 1
    return load.run


def contributions(database: Path) -> int:
    with sqlite3.connect(database) as db:
        count: int = db.execute(
            "SELECT count(*) FROM contributions WHERE kind IN ('planted', 'replied', 'reviewed', 'ranked') AND void = 0"
        ).fetchone()[0]
    return count


async def ninety(name: str) -> float:
    """p99 of `next` in milliseconds for the person who has done nine tenths of the open work."""
    database = fresh_copy(name)
    server = Server(database)
    await server.ready()
    load = Load(SIZES[name], texts(), 7)
    client, times = Client(), []
    for _ in range(200):
        began = time.perf_counter()
        asked = {"kind": "random", "langs": [SIZES[name].langs[0]]}
        status, content = await client.post("/api/v1/tasks/next", token(NINETY), asked)
        times.append((time.perf_counter() - began) * 1000)
        assert status == 200, content
        task = json.loads(content)
        await client.post(f"/api/v1/tasks/{task['id']}/submit", token(NINETY), load.answer(task))
    client.close()
    server.stop()
    return percentile(times, 99)


def percentile(values: list[float], share: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def figures(run: Run) -> dict[str, float]:
    return {
        "cycles_per_s": run.cycles / run.seconds,
        "next_p50_ms": percentile(run.next_ms, 50),
        "next_p99_ms": percentile(run.next_ms, 99),
        "submit_p50_ms": percentile(run.submit_ms, 50),
        "submit_p99_ms": percentile(run.submit_ms, 99),
        "server_cpu_ms_per_cycle": run.server_cpu_s * 1000 / max(1, run.cycles),
        "empty_share": run.empty / max(1, run.cycles + run.empty),
    }


def show(name: str, clients: int, run: Run) -> None:
    shares = ", ".join(f"{kind} {count / run.cycles:.1%}" for kind, count in run.kinds.most_common())
    print(f"{name}, {clients} clients: " + ", ".join(f"{key} {value:.2f}" for key, value in figures(run).items()))
    print(f"  tasks: {shares}; late {run.late}; empty {run.empty}; errors {sum(run.errors.values())}", flush=True)
    for what, count in run.errors.most_common(5):
        print(f"  {count} x {what}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("small", "large"))
    parser.add_argument("--clients", type=int, action="append")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    warm_s, measured_s, runs = (5.0, 15.0, 1) if arguments.quick else (10.0, 60.0, arguments.runs)
    counts = arguments.clients or ([32] if arguments.quick else [1, 8, 32])
    print(f"{machine()}; SQLite in {FOLDER.relative_to(ROOT)} ({file_system()}); {pragmas()}; rates of a person off")
    best: dict[str, list[Run]] = {}
    for name in ("small", "large"):
        if arguments.only in (None, name):
            for clients in counts:
                best[name] = [asyncio.run(measure(name, clients, warm_s, measured_s, seed)) for seed in range(runs)]
                best[name].sort(key=lambda run: run.cycles / run.seconds)
                show(name, clients, best[name][runs // 2])
    result: dict[str, object] = {}
    for name, several in best.items():
        middle = figures(several[len(several) // 2])
        result[f"{name}_cycles_per_s"] = round(middle["cycles_per_s"], 1)
        worse = [max(figures(run)["next_p99_ms"], figures(run)["submit_p99_ms"]) for run in several]
        result[f"{name}_p99_ms"] = round(statistics.median(worse), 1)
        result["server_cpu_ms_per_cycle"] = round(middle["server_cpu_ms_per_cycle"], 3)
    if len(best) == 2:
        result["growth"] = round(float(str(result["small_cycles_per_s"])) / float(str(result["large_cycles_per_s"])), 3)
    everything = [run for several in best.values() for run in several]
    result["errors"] = sum(sum(run.errors.values()) for run in everything)
    result["empty_answers"] = sum(run.empty for run in everything)
    if "large" in best:
        result["next_after_90_percent_ms"] = round(asyncio.run(ninety("large")), 1)
    invalid = result["errors"] or any(figures(run)["empty_share"] > 0.01 for run in everything)
    if invalid:
        print("INVALID: errors, or more than 1 % empty answers")
    print(json.dumps(result))
    sys.exit(1 if invalid else 0)


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return f"{os.cpu_count()} x {model}, Python {sys.version.split()[0]}"


def file_system() -> str:
    return subprocess.run(["stat", "-f", "-c", "%T", FOLDER], capture_output=True, text=True, check=True).stdout.strip()


def pragmas() -> str:
    from espalier.store.session import open_database

    database = open_database(f"sqlite:///{template('small')}")
    with database.writer.connect() as db:
        journal, sync = (db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous"))
    database.close()
    return f"journal_mode={journal}, synchronous={ {1: 'NORMAL', 2: 'FULL'}.get(int(str(sync)), sync) }"


if __name__ == "__main__":
    main()
