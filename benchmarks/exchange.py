"""Import and export of 160,000 messages, alone and beside volunteers, and the doctor: seconds, peak memory, waiting.

    python benchmarks/exchange.py                       # all of it, about 15 minutes
    python benchmarks/exchange.py --only import export  # parts: import, export, doctor, beside, upload

The file holds all trees of the large generated campaign. *import*: `espalier import` into a new campaign whose server
is idle. *export*: `espalier export` of all of it from there, which must say what the file said. *doctor*: on the large
campaign itself, where everything was contributed. *beside*: eight volunteers work in the small campaign while the
command imports the file; *upload*: the same with the file sent to the server. The last line is one JSON object.
"""

import argparse
import asyncio
import gzip
import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path

from espalier.domain.tree import State
from espalier.store.migrate import migrate
from generated import SIZES
from load import (
    CHIEF,
    ESPALIER,
    HERE,
    Client,
    Load,
    Server,
    add_chief,
    empty_place,
    environment,
    fresh_copy,
    machine,
    peak_mb,
    percentile,
    template,
    texts,
    trees_of,
)

PARTS = ("import", "export", "doctor", "beside", "upload")
VOLUNTEERS = 8
ALONE_S = 15.0
"""How long the volunteers work before the import begins, for comparison."""


class Command:
    """`espalier …` as a process of its own: how long it takes, the processor time in it, the most memory it holds."""

    def __init__(self, database: Path, *words: str) -> None:
        self.began = time.perf_counter()
        self.log = (HERE / "command.log").open("w")
        self.process = subprocess.Popen(
            [str(ESPALIER), *words], env=environment(database), cwd=HERE, stdout=self.log, stderr=self.log
        )
        self.seconds = self.cpu_s = self.peak_mb = 0.0

    def wait(self) -> "Command":
        while not (ended := os.wait4(self.process.pid, os.WNOHANG))[0]:
            # What wait4 tells of memory begins with that of who started the process.
            self.peak_mb = max(self.peak_mb, peak_mb(self.process.pid))
            time.sleep(0.05)
        _, status, used = ended
        self.seconds = time.perf_counter() - self.began
        self.cpu_s = used.ru_utime + used.ru_stime
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            raise SystemExit(f"espalier failed; see {HERE / 'command.log'}")
        return self

    def figures(self, name: str) -> dict[str, float]:
        seconds, cpu_s, peak = (round(value, 1) for value in (self.seconds, self.cpu_s, self.peak_mb))
        return {f"{name}_s": seconds, f"{name}_cpu_s": cpu_s, f"{name}_peak_mb": peak}


def messages_in(database: Path) -> int:
    with sqlite3.connect(database) as db:
        count: int = db.execute("SELECT count(*) FROM messages").fetchone()[0]
    return count


async def import_alone() -> dict[str, float]:
    """Into an empty campaign that is being served, while nobody works in it."""
    database = empty_place()
    migrate(f"sqlite:///{database}")
    add_chief(database)
    server = Server(database)
    await server.ready()
    command = await asyncio.to_thread(Command(database, "import", str(trees_of("large"))).wait)
    server.stop()
    return {"messages": messages_in(database), **command.figures("import")}


def export_again() -> dict[str, float]:
    """What was imported, to a file that says the same."""
    out = HERE / "out.trees.jsonl.gz"
    states = [word for state in State for word in ("--state", state)]
    command = Command(HERE / "run.db", "export", *states, str(out)).wait()
    with gzip.open(out) as ours, gzip.open(trees_of("large")) as given:
        pairs = zip(map(json.loads, ours), map(json.loads, given), strict=True)
        differing = sum(mine != as_imported(theirs, mine["tree_state"]) for mine, theirs in pairs)
    return {**command.figures("export"), "export_differences": differing}


def as_imported(tree: dict, state: str) -> dict:  # type: ignore[type-arg]
    """What must come out again: a tree says from which file it came, and the lottery may have drawn it meanwhile."""
    drawn = tree["tree_state"] == State.PROMPT_LOTTERY_WAITING and state == State.GROWING
    return {**tree, "origin": trees_of("large").name, "tree_state": state if drawn else tree["tree_state"]}


def doctor() -> dict[str, float]:
    database = template("large")
    command = Command(database, "doctor").wait()
    messages = messages_in(database)
    return {**command.figures("doctor"), "doctor_messages": messages,
            "doctor_s_per_100000": round(command.seconds * 100_000 / messages, 1)}  # fmt: skip


async def beside(name: str) -> dict[str, float]:
    """What eight volunteers wait while the file comes in: by the command, or (`upload`) through the server."""
    database = fresh_copy("small")
    add_chief(database)
    before = messages_in(database)
    server = Server(database)
    await server.ready()
    load = Load(SIZES["small"], texts(), 0)
    load.until = float("inf")
    volunteers = [asyncio.create_task(load.volunteer()) for _ in range(VOLUNTEERS)]
    await asyncio.sleep(3)
    load.measuring = True
    await asyncio.sleep(ALONE_S)
    alone, load.run = load.run, type(load.run)()
    began = time.perf_counter()
    bring = upload if name == "upload" else command
    peak = await bring(database)
    load.run.seconds, load.until = time.perf_counter() - began, 0.0
    await asyncio.gather(*volunteers)
    peak = peak or peak_mb(server.process.pid)
    server.stop()
    for what, count in load.run.errors.most_common(5):
        print(f"  {count} x {what}")
    if not (alone.cycles and load.run.cycles):
        raise SystemExit("the volunteers could not work")
    return {
        f"{name}_s": round(load.run.seconds, 1),
        f"{name}_messages": messages_in(database) - before,
        f"{name}_peak_mb": round(peak, 1),
        f"{name}_p99_ms": round(p99(load), 1),
        f"{name}_p99_without_ms": round(max(percentile(alone.next_ms, 99), percentile(alone.submit_ms, 99)), 1),
        f"{name}_cycles_per_s": round(load.run.cycles / load.run.seconds, 1),
        f"{name}_cycles_per_s_without": round(alone.cycles / ALONE_S, 1),
        f"{name}_errors": sum(load.run.errors.values()) + sum(alone.errors.values()),
        f"{name}_empty_answers": load.run.empty,
    }


def p99(load: Load) -> float:
    return max(percentile(load.run.next_ms, 99), percentile(load.run.submit_ms, 99))


async def command(database: Path) -> float:
    done = await asyncio.to_thread(Command(database, "import", str(trees_of("large"))).wait)
    return done.peak_mb


async def upload(database: Path) -> float:
    """Until the job is done; the memory is the server's own."""
    client = Client()
    status, content = await client.send("POST", "/api/v1/imports", CHIEF, trees_of("large").read_bytes())
    assert status == 202, content
    job = json.loads(content)
    while job["status"] in ("waiting", "running"):
        await asyncio.sleep(0.5)
        _, content = await client.get(f"/api/v1/jobs/{job['id']}", CHIEF)
        job = json.loads(content)
    client.close()
    assert job["status"] == "done", job
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    wanted = parser.parse_args().only
    print(machine(), flush=True)
    trees_of("large")
    result: dict[str, float] = {}
    for name in wanted:
        match name:
            case "import":
                found = asyncio.run(import_alone())
            case "export":
                found = export_again()
            case "doctor":
                found = doctor()
            case _:
                found = asyncio.run(beside(name))
        print(
            f"{name} (load {os.getloadavg()[0]:.1f}): " + ", ".join(f"{key} {found[key]:,}" for key in found),
            flush=True,
        )
        result |= found
    print(json.dumps(result))


if __name__ == "__main__":
    main()
