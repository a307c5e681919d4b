"""`espalier dataset diff`: what changed from one data set to another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from espalier.cli.campaign import without_cycle_search
from espalier.cli.dataset_convert import counted
from espalier.cli.sources import at_hand
from espalier.cli.terminal import harmless, out, plural, progress, show, table

if TYPE_CHECKING:
    from espalier.dataset.difference import Difference

EXAMPLES: Final = 5


def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="The older one: trees or messages, or campaign:.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The newer one.")],
    every: Annotated[bool, typer.Option("--ids", help="Name every message, not only a few.")] = False,
) -> None:
    """Say what changed from A to B. Ends with 1 when something did, as diff does."""
    from espalier.dataset.difference import difference
    from espalier.dataset.read import read_trees

    old, new = at_hand(before), at_hand(after)
    with progress("comparing") as bar, without_cycle_search():
        found = difference(read_trees(old), counted(read_trees(new), bar))
    if found.is_nothing:
        out.print(f"No difference; {plural(found.same, 'message')} compared.")
        return
    _print(found, None if every else EXAMPLES)
    raise typer.Exit(1)


def _print(found: "Difference", most: int | None) -> None:
    shown = table("Messages", "", "before", "after")
    for names in (found.by_role, found.by_lang):
        for name, (old, new) in names.items():
            changed = " *" if old != new else ""
            shown.add_row(escape(harmless(name or "(none said)")), f"{old:,}", f"{new:,}{changed}")
    show(shown)
    for what, trees in (("added", found.trees_came), ("removed", found.trees_went)):
        if trees:
            out.print(f"{plural(len(trees), 'tree')} {what}: {_some(trees, most)}")
    for states, times in found.moved.most_common():
        was, now = (escape(harmless(state or "no state")) for state in states)
        out.print(f"{plural(times, 'tree')} from {was} to {now}")
    for what, ids in found.kinds.items():
        if ids:
            out.print(f"{plural(len(ids), 'message')} {what}: {_some(ids, most)}")
    out.print(f"{plural(found.same, 'message')} the same.")


def _some(ids: list[str], most: int | None) -> str:
    shown = escape(", ".join(map(harmless, ids[:most])))
    return shown if most is None or len(ids) <= most else f"{shown} and {len(ids) - most:,} more"
