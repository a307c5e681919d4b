"""The command `espalier`: each command reads its arguments, calls one function and prints. No rules of any kind."""

import logging
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from espalier.config import Settings, in_force, read_settings
from espalier.domain.errors import Refusal

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Grow conversation trees with volunteers, and train assistants on them.",
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Run a command; a refusal becomes a sentence, never a stack trace."""
    from sqlalchemy.exc import OperationalError

    from espalier.store.migrate import DatabaseTooNew
    from espalier.store.session import UnsupportedDatabase

    try:
        app()
    except Refusal as refusal:
        fail(refusal.detail)
    except (DatabaseTooNew, UnsupportedDatabase) as error:
        fail(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    except OperationalError as error:
        fail(f"The database does not answer: {str(error.orig).strip()}")
    except KeyboardInterrupt:
        sys.exit(130)


def fail(sentence: str) -> None:
    err.print(f"espalier: {sentence}", style="red")
    sys.exit(1)


@app.command()
def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Start with the demo trees, in all states.")] = False,
) -> None:
    """Start the campaign's server; the first start makes the database and an administrator."""
    import uvicorn

    from espalier.web.app import create_app

    settings = read_settings()
    prepare(settings, demo=demo)
    out.print(f"Espalier listens on {settings.address}; its API is described at {settings.address}/api/docs")
    out.print("Stop it with Ctrl-C.")
    set_up_logs(settings)
    uvicorn.run(
        create_app(settings.database_url, data_dir=settings.data_dir),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


@app.command()
def config() -> None:
    """Show every setting in force, with its value, where that comes from, and what it means."""
    for line in in_force(read_settings()):
        out.print(f"[bold]{line.name}[/bold] = {escape(line.value)}  [dim]({escape(line.source)})[/dim]")
        out.print(f"    {escape(line.says)}")


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Trees or messages in the published format, plain or gzip.")],
    token: Annotated[str, typer.Option(envvar="ESPALIER_TOKEN", help="An administrator's token.")],
    url: Annotated[str, typer.Option(help="Where the campaign's server listens.")] = "http://127.0.0.1:8000",
    volunteers: Annotated[int, typer.Option(min=8, max=1000, help="How many people take part.")] = 40,
    seed: Annotated[int, typer.Option(help="Of all chance on this side.")] = 0,
) -> None:
    """Let volunteers say again over HTTP what real trees say, and compare what grows."""
    from espalier.replay.command import replay_command

    sys.exit(replay_command(file, url, token, volunteers, seed, out, err))


def prepare(settings: Settings, *, demo: bool = False) -> None:
    """Migrate, begin the campaign, and say what the first start made."""
    from espalier.collect.beginning import begin
    from espalier.store.door import open_door
    from espalier.store.migrate import migrate
    from espalier.store.session import open_database

    migrate(settings.database_url)
    database = open_database(settings.database_url)
    door = open_door(database)
    try:
        made = door.call(begin, settings.policy, secrets.token_urlsafe, datetime.now(UTC), Random())
    finally:
        door.close()
        database.close()
    if made:
        out.print("A new campaign. Its administrator's token, shown this once:")
        out.print(f"\n    {made.token}\n", style="bold")


def set_up_logs(settings: Settings) -> None:
    from espalier.web.observe import JsonLines

    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s")
    handler.setFormatter(JsonLines() if settings.log_format == "json" else text)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)


if __name__ == "__main__":
    main()
