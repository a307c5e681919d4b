"""`espalier replay`: what it prints, and its exit code. Knows no rules."""

import asyncio
import json
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from espalier.domain.tree import State
from espalier.replay.client import Refused, Server
from espalier.replay.original import OriginalTree
from espalier.replay.reading import read_originals
from espalier.replay.stage import Report, replay

DONE, FAILED, STOPPED = 0, 1, 130
COUNTED: Final = ("texts", "reviews", "rankings", "orders", "skips")
MOST_REASONS: Final = 5  # printed of one tree


def replay_command(
    file: Path, url: str, token: str, volunteers: int, seed: int, out: Console, err: Console
) -> int:  # fmt: skip
    """Read the file, replay its trees, print what came of it; the last line is a JSON object with the figures."""
    try:
        originals = read_originals(file)
    except OSError as error:
        return _failed(err, f"{file} cannot be read: {error.strerror}.")
    if not originals.trees:
        return _failed(err, f"{file} holds no tree that can be planted.")
    try:
        report = _replayed(originals.trees, url, token, volunteers, seed, err)
    except KeyboardInterrupt:
        _failed(err, "Stopped; the campaign's own policy is in force again.")
        return STOPPED
    except (httpx.HTTPError, httpx.InvalidURL, Refused, ExceptionGroup) as error:
        first = _innermost(error)
        return _failed(err, _sentence(first, url), *getattr(first, "__notes__", ()))
    _print(originals.left_out, report, out)
    waiting = sum(tree.state is State.PROMPT_LOTTERY_WAITING for tree in originals.trees)
    if waiting:
        err.print(f"The campaign's own lottery is in force again and may draw the {waiting:,} prompts that wait.")
    out.print_json(json.dumps(_figures(report, len(originals.left_out))), indent=None, highlight=False)
    return DONE


def _replayed(
    trees: list[OriginalTree], url: str, token: str, volunteers: int, seed: int, err: Console
) -> Report:  # fmt: skip
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        shown = bar.add_task("", total=None)

        async def run() -> Report:
            async with Server(url) as server:
                return await replay(
                    trees, server, token, volunteers, seed,
                    lambda done, total: bar.update(shown, completed=done, total=total),
                )  # fmt: skip

        return asyncio.run(run())


def _failed(err: Console, *sentences: str) -> int:
    for sentence in sentences:
        err.print(f"espalier: {escape(sentence)}", style="red")
    return FAILED


def _innermost(error: Exception) -> Exception:
    """The first cause of what several volunteers stumbled over; what nobody expected is raised again."""
    first = error
    while isinstance(first, ExceptionGroup):
        first = first.exceptions[0]
    if not isinstance(first, httpx.HTTPError | httpx.InvalidURL | Refused):
        raise error
    return first


def _sentence(error: Exception, url: str) -> str:
    return str(error) if isinstance(error, Refused) else f"{url} does not answer: {str(error) or type(error).__name__}"


def _print(left_out: dict[str, str], report: Report, out: Console) -> None:
    done = ", ".join(f"{report.counts[what]:,} {what}" for what in COUNTED)
    out.print(f"{report.same:,} of {report.trees:,} trees became what their originals are, in {report.seconds:.0f} s.")
    out.print(f"{done}.")
    for tree, reason in left_out.items():
        out.print(f"Not planted: {escape(tree)}: {escape(reason)}.")
    for tree, reasons in report.differing.items():
        out.print(f"Not the same: {escape(tree)}")
        for reason in reasons[:MOST_REASONS]:
            out.print(f"    {escape(reason)}")
        if len(reasons) > MOST_REASONS:
            out.print(f"    and {len(reasons) - MOST_REASONS:,} more")
    for detail, count in report.refusals.most_common():
        out.print(f"Refused {count:,} times: {escape(detail)}")


def _figures(report: Report, left_out: int) -> dict[str, float]:
    return {
        "trees": report.trees,
        "same": report.same,
        "left_out": left_out,
        **{what.replace(" ", "_"): report.counts[what] for what in (*COUNTED, "empty answers")},
        "refused": report.refusals.total(),
        "seconds": round(report.seconds, 1),
    }
