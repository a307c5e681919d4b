"""`espalier evaluate report`: all that was found of all models, on one page."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from espalier.cli.evaluating import in_sentences
from espalier.cli.files import refuse_unwritable
from espalier.cli.terminal import fail, out, plural, sentence

PAGE = Path("report.html")


def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Results, as the other commands keep them.")
    ],
    into: Annotated[Path, typer.Option("--into", "-o", metavar="FILE", help="Where to write the page.")] = Path(
        "report.html"
    ),
) -> None:
    """All models in one table like the paper's Table 1, with intervals, pictures, and what was published beside it."""
    from espalier.dataset.charts import NeedsVlConvert
    from espalier.evaluate.report import collected, write_report

    for folder in folders:
        if not folder.is_dir():
            fail(f"There is no folder {folder}; name one with results, as `espalier evaluate` keeps them.")
    refuse_unwritable(into)
    with in_sentences():
        found = collected(folders)
        try:
            write_report(into, found)
        except NeedsVlConvert as missing:
            fail(sentence(missing))
    out.print(f"{escape(str(into))}: {plural(len(found), 'model')}, with pictures.")
