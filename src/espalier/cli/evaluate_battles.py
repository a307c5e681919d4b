"""`espalier evaluate battles`: files of battles between models, rated."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from espalier.cli.evaluating import RESULTS, Into, Seed, in_sentences
from espalier.cli.files import refuse_unreadable, refuse_unwritable
from espalier.cli.sources import notices_of
from espalier.cli.terminal import fail, harmless, out, plural, progress, sentence, show, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from espalier.evaluate.battles import Verdict
    from espalier.evaluate.standings import Standings
    from espalier.evaluate.standings_results import Known

BATTLES: Final = "battles"
Resamples = Annotated[int, typer.Option(metavar="N", min=100, help="So often questions are drawn again.")]
Orders = Annotated[int, typer.Option(metavar="N", min=2, help="Elo is the mean over so many random orders.")]
Gain = Annotated[float, typer.Option("--k", metavar="K", min=0.1, help="Elo's K: 32, or 4 as arenas have it.")]


def battles(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="FastChat's battles or judgements; or rows of question, first, second, verdict."
        ),
    ],
    into: Into = RESULTS,
    seed: Seed = 0,
    resamples: Resamples = 2_000,
    orders: Orders = 500,
    k: Gain = 32.0,
    fastchat: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write all battles as FastChat has them.")
    ] = None,
) -> None:
    """Rate models by their battles: Bradley and Terry with intervals, with the order and the length of answers held
    fixed, after a swap of the sides, and Elo; who wins against whom; what the judge makes of the order."""
    from espalier.dataset.write import write_objects
    from espalier.evaluate.battles import read_verdicts, written
    from espalier.evaluate.results import checksums

    for file in files:
        refuse_unreadable(file)
    if fastchat is not None:
        refuse_unwritable(fastchat)
    notices = notices_of(*files)
    with in_sentences(), progress("rating"):
        verdicts = [each for file in files for each in read_verdicts(file, notices)]
        found = standing(verdicts, seed, resamples, orders, k)
    if fastchat is not None:
        write_objects(fastchat, map(written, verdicts))
    judges = sorted({each.battle.judge or "judges who are not named" for each in verdicts})
    rated(found, into, BATTLES, ", ".join(file.name for file in files), ", ".join(judges), checksums(files))
    if apart := sum(bool(each.declined) for each in verdicts):
        out.print(f"Left out, for an answer was seen refusing: {plural(apart, 'battle')}.")
    if fastchat is not None:
        out.print(f"{escape(str(fastchat))}: {plural(len(verdicts), 'battle')}.")


def standing(verdicts: "Sequence[Verdict]", seed: int, resamples: int, orders: int, k: float) -> "Standings":
    """How models stand; ends the command where nothing can be told."""
    from espalier.evaluate.battles import Unsaid
    from espalier.evaluate.standings import NoBattles, standings

    judged = (each.judged for each in verdicts if each.counts)
    unsaid = [each.unsaid for each in verdicts]
    unparsed, refused = (unsaid.count(why) for why in (Unsaid.UNPARSED, Unsaid.REFUSED))
    try:
        return standings(judged, seed, unparsed, refused, resamples, orders, k)
    except NoBattles as nothing:
        fail(sentence(nothing))


def rated(
    found: "Standings", into: Path, evaluation: str, name: str, judge: str, inputs: "Mapping[str, str]",
    known: "Known | None" = None,
) -> None:  # fmt: skip
    """Write how models stand, a page, all figures and a file of results for each model, and print it."""
    from espalier.dataset.charts import NeedsVlConvert
    from espalier.evaluate.results import write_results
    from espalier.evaluate.standings_page import cell, kinds_of, sentences, share, write_standings
    from espalier.evaluate.standings_results import results, write_figures

    into.mkdir(parents=True, exist_ok=True)
    page, figures = into / f"{evaluation}.html", into / f"{evaluation}.json"
    write_figures(figures, found, {"judge": judge}, inputs)
    for each_model in results(found, evaluation, {"judge": judge}, inputs, known or {}):
        write_results(into, each_model)
    try:
        write_standings(page, name, found, judge)
    except NeedsVlConvert as missing:
        fail(sentence(missing))
    kinds = kinds_of(found)
    shown = table(None, "model", "battles", "won", *kinds.values(), "Elo")
    for each in found.models:
        ratings = [cell(getattr(each, kind)) for kind in kinds]
        shown.add_row(escape(harmless(each.model)), f"{each.battles:,}", share(each.won), *ratings, f"{each.elo:.0f}")
    show(shown)
    for said in sentences(found):
        out.print(escape(harmless(said)))
    out.print(f"{escape(str(page))}: the ratings, with pictures.")
    out.print(f"{escape(str(figures))}: all figures.")
