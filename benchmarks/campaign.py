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
import sqlite3
import statistics
import sys
import time
from pathlib import Path

from generated import NINETY, SIZES, token
from load import Client, Load, Run, Server, fresh_copy, machine, percentile, texts


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
    warm_s, measured_s, runs = (5.0, 15.0, 1) if arguments.quick else (10.0, 60.0, arguments.runs)
    counts = arguments.clients or ([32] if arguments.quick else [1, 8, 32])
    print(f"{machine()}; rates of a person off")
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


if __name__ == "__main__":
    main()
