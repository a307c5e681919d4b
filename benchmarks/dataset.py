"""What a data set of 160,000 messages takes: filtered and written, and described, in seconds and peak memory.

    python benchmarks/dataset.py                # every part
    python benchmarks/dataset.py --only filter  # some: filter, report

The file holds all trees of the large generated campaign, packed, with the votes on them; it is made once and kept.
*filter*: `espalier dataset convert` reads it, asks three things of each message and writes the trees that are left,
packed again; the conditions leave most of it to be written. *report*: `espalier dataset report` with everything in the
page: votes, topics, intervals from 200 resamples. The last line is one JSON object.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping

from espalier.dataset.read import read_messages, read_votes
from espalier.domain.tree import State
from exchange import Command
from load import HERE, machine, template, trees_of

LARGE = "large"
EVERY_STATE = tuple(word for state in State for word in ("--state", state.value))
FILTER = ("length>=1", "spam!=1", "date>=2000-01-01")


def filtered() -> dict[str, float]:
    """Every message is read, asked for three things, and written again."""
    out = HERE / "filtered.trees.jsonl.gz"
    where = [word for condition in FILTER for word in ("--where", condition)]
    command = Command(
        HERE / "no.db", "dataset", "convert", str(trees_of(LARGE)), str(out), "--as", "trees", "--with-refused", *where
    ).wait()
    return {
        **command.figures("filter_write"),
        "filter_messages": sum(1 for _ in read_messages(trees_of(LARGE))),
        "filter_messages_left": sum(1 for _ in read_messages(out)),
    }


def reported() -> dict[str, float]:
    """The page and the card of all trees and the votes on them, with everything in it."""
    trees, votes = HERE / "large.trees.jsonl.gz", HERE / "large.votes.jsonl.gz"
    if not (trees.exists() and votes.exists()):
        Command(template(LARGE), "export", str(trees), "--votes", str(votes), *EVERY_STATE).wait()
    command = Command(
        HERE / "no.db", "dataset", "report", str(trees), "--votes", str(votes), "--into", str(HERE / "report")
    ).wait()  # fmt: skip
    page = (HERE / "report" / "report.html").stat().st_size
    return {
        **command.figures("report"),
        "report_page_kb": round(page / 1024),
        "report_votes": sum(1 for _ in read_votes(votes)),
    }


PARTS: Mapping[str, Callable[[], dict[str, float]]] = {"filter": filtered, "report": reported}
"""Each part and what measures it; a part more is a line more."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    wanted = parser.parse_args().only
    HERE.mkdir(parents=True, exist_ok=True)
    print(machine(), flush=True)
    result: dict[str, float] = {}
    for name in wanted:
        found = PARTS[name]()
        print(f"{name} (load {os.getloadavg()[0]:.1f}): " + ", ".join(f"{key} {found[key]:,}" for key in found))
        result |= found
    print(json.dumps(result))


if __name__ == "__main__":
    main()
