"""`espalier dataset reliability`: how far each reviewer can be relied upon, and what their votes should count."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from espalier.cli.files import refuse_unreadable, refuse_unwritable
from espalier.cli.sources import at_hand_with_votes, notices_of
from espalier.cli.terminal import MISUSED, fail, harmless, out, plural, progress, show, table

SHOWN: Final = 20


def reliability(
    source: Annotated[
        Path, typer.Argument(metavar="VOTES", help="The votes; campaign: is the campaign that the settings name.")
    ],
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write what each reviewer's votes should count.")
    ] = None,
) -> None:
    """Tell from the votes alone who judges with care, who at random or by habit."""
    from espalier.dataset.holds import Holds, held_in
    from espalier.dataset.read import read_votes
    from espalier.dataset.reliability import Judged, reviewers
    from espalier.dataset.weights import write_weights

    if weights is not None:
        refuse_unwritable(weights)
        if weights.absolute() == source.absolute():
            fail(f"{weights} is read; write to another file.", MISUSED)
    notices = notices_of(source)
    carried, votes = at_hand_with_votes(source)
    file = carried if votes is None else votes
    refuse_unreadable(file)
    if file.stat().st_size and held_in(file) is not Holds.VOTES:
        fail(f"{source} holds no votes; `espalier export --votes FILE` writes those of a campaign.")
    with progress("weighing votes"):
        found = reviewers(read_votes(file, notices))
    if not found:
        fail(f"{source} holds no vote of anybody.")
    written = write_weights(weights, found) if weights is not None else 0  # before anything is shown to who may go away

    def cells(judged: Judged | None) -> tuple[str, str, str]:
        if judged is None:
            return "·", "·", "·"
        return (
            f"{judged.votes:,}",
            f"{judged.reliability:.2f} ({judged.low:.2f}–{judged.high:.2f})",
            f"{judged.weight:.2f}",
        )

    shown = table(
        "Who should count least", "reviewer", "reviews", "with care (90 %)", "weight", "rankings", "with care (90 %)",
        "weight",
    )  # fmt: skip
    for each in found[:SHOWN]:
        shown.add_row(escape(harmless(each.reviewer)), *cells(each.labels), *cells(each.rankings))
    if len(found) > SHOWN:
        shown.add_row(f"and {len(found) - SHOWN:,} more")
    show(shown)
    low = sum(each.weight < 0.5 for each in found)
    out.print(f"{plural(len(found), 'reviewer')}; {low:,} with a weight below one half.")
    if weights is not None:
        out.print(f"{escape(str(weights))}: {plural(written, 'line')}.")
