"""`espalier maintenance begin` and `end`: a running server says that it is being worked on, and takes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from espalier.cli.terminal import fail, out
from espalier.config import read_settings

maintenance = typer.Typer(no_args_is_help=True, help="Close the site while the server is being worked on.")


@maintenance.command()
def begin(
    minutes: Annotated[
        int | None, typer.Option("--minutes", metavar="N", min=1, max=10_000, help="After which it goes on, about.")
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="A sentence for everybody on what is being done.")
    ] = "",
) -> None:
    """Answer every request with 503 and when it goes on; forms are handed back with what was typed.

    Holds from the next request on, also over restarts, until `espalier maintenance end`.
    """
    from espalier.web import maintenance as works

    until = datetime.now(UTC) + timedelta(minutes=minutes) if minutes else None
    works.begin(read_settings().data_dir, works.Works(until, reason.strip()))
    out.print("The site says that it is being worked on. `espalier maintenance end` opens it again.")


@maintenance.command()
def end() -> None:
    """Let everybody in again."""
    from espalier.web import maintenance as works

    if not works.end(read_settings().data_dir):
        fail("The site is open already.")
    out.print("The site is open again.")
