"""What the benchmarks share: the server as a user would start it, volunteers who work in it over HTTP, and the machine.

Knows HTTP and the generated campaigns; what is measured is said by the scripts beside it.
"""

import asyncio
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from espalier.collect.exports import export_trees
from espalier.dataset.write import write_records
from espalier.store.door import open_door
from espalier.store.people import Person, PersonRole, add_person, add_token
from espalier.store.session import open_database, open_engine
from espalier.store.tables import metadata
from generated import Size, Texts, generate, lang_of, token

ACCOUNTS = 2_000
CHIEF = "bench-chief"
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "bench"
HERE = FOLDER / Path(sys.argv[0]).stem
"""Each script's own files; the generated campaigns in FOLDER are everybody's."""
ESPALIER = Path(sys.executable).with_name("espalier")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


PORT = free_port()


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

    async def get(self, path: str, bearer: str) -> tuple[int, bytes]:
        return await self.send("GET", path, bearer, b"")

    async def post(self, path: str, bearer: str, body: dict) -> tuple[int, bytes]:  # type: ignore[type-arg]
        return await self.send("POST", path, bearer, json.dumps(body).encode())

    async def send(self, method: str, path: str, bearer: str, content: bytes) -> tuple[int, bytes]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", PORT)
        assert self.reader is not None
        self.writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {bearer}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 : head.index(b"\r\n", at)]) if at >= 0 else 0
        return status, await self.reader.readexactly(length) if length else b""

    def close(self) -> None:
        """Hang up; the next request opens a new connection."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


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
            number = self.rng.randrange(self.size.busiest if busiest else min(ACCOUNTS, self.size.people))
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
    """`espalier serve` on a database, as a process of its own."""

    def __init__(self, database: Path | str, *options: str) -> None:
        self.log = (HERE / "server.log").open("w")
        self.process = subprocess.Popen(
            [str(ESPALIER), "serve", *options], env=environment(database), cwd=HERE, stdout=self.log, stderr=self.log
        )

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def ready(self) -> None:
        """Wait until it answers that it can work."""
        while self.process.poll() is None:
            client = Client()
            try:
                if (await client.get("/readyz", ""))[0] == 200:
                    return
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.01)
            finally:
                client.close()
        raise SystemExit(f"the server did not start; see {HERE / 'server.log'}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


def environment(database: Path | str) -> dict[str, str]:
    """What tells `espalier` which campaign is meant: an SQLite file, or an address."""
    return {
        **os.environ,
        "ESPALIER_DATABASE_URL": f"sqlite:///{database}" if isinstance(database, Path) else database,
        "ESPALIER_DATA_DIR": str(HERE / "data"),
        "ESPALIER_PORT": str(PORT),
        "ESPALIER_LOG_LEVEL": "warning",
    }


def peak_mb(pid: int) -> float:
    """The most memory that a running process has ever held; 0 where it has ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next((line for line in lines if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024


def template(name: str) -> Path:
    """A generated campaign, kept for the next time. One from before there was a table has it from now on."""
    path = FOLDER / f"{name}.db"
    if not path.exists():
        print(f"generating the {name} campaign …", flush=True)
        generate(name, path)
    engine = open_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    return path


def fresh_copy(name: str) -> Path:
    """A copy of a generated campaign, in the place of the one before."""
    path = empty_place()
    shutil.copy(template(name), path)
    os.sync()
    return path


def empty_place() -> Path:
    """Where a database may be made."""
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    return HERE / "run.db"


def trees_of(name: str) -> Path:
    """All trees of a generated campaign as a published file, to be imported into others."""
    path = FOLDER / f"{name}.trees.jsonl.gz"
    if not path.exists():
        database = open_database(f"sqlite:///{template(name)}")
        with database.read() as db:
            write_records(path, export_trees(db))
        database.close()
    return path


def add_chief(database: Path | str) -> None:
    """An administrator whose token is known, so that the first start of the server need not make one."""
    opened = open_database(environment(database)["ESPALIER_DATABASE_URL"])
    door, now = open_door(opened), datetime.now(UTC)
    chief = Person("chief", "Chief", PersonRole.ADMIN, False, False, False, now)
    door.call(add_person, chief)
    door.call(add_token, hashlib.sha256(CHIEF.encode()).hexdigest(), "kchief", chief.id, "bench", "full", now)
    door.close()
    opened.close()


def texts() -> list[str]:
    pool, rng = Texts(("en",)), random.Random(1)
    return [pool.text("en", rng) for _ in range(2_000)]


def percentile(values: list[float], share: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def machine() -> str:
    """The machine, how busy it is otherwise, and where the database lies: without these a figure means nothing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    system = subprocess.run(["stat", "-f", "-c", "%T", FOLDER], capture_output=True, text=True, check=True).stdout
    return (
        f"{os.cpu_count()} x {model}, load before {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}; "
        f"SQLite in {FOLDER.relative_to(ROOT)} ({system.strip()}); {pragmas()}"
    )


def pragmas() -> str:
    database = open_database(f"sqlite:///{template('small')}")
    with database.writer.connect() as db:
        journal, sync = (db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous"))
    database.close()
    return f"journal_mode={journal}, synchronous={ {1: 'NORMAL', 2: 'FULL'}.get(int(str(sync)), sync) }"
