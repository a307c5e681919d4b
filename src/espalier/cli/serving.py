"""`espalier serve`, `config`, `replay` and `openapi`: a campaign's server, its settings, and volunteers for it."""

import gc
import logging
import secrets
import sys
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from errno import EADDRINUSE
from importlib.resources import as_file
from pathlib import Path
from random import Random
from socket import AF_INET, AF_INET6, create_server
from socket import socket as Socket
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from espalier.cli.campaign import without_cycle_search
from espalier.cli.chat_models import beside, directories_of, judges_of, models_of, rules_of
from espalier.cli.terminal import PUBLISHED, err, fail, out, plural, refuse_no_token, show, table
from espalier.config import Settings, in_force, read_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from uvicorn import Server

    from espalier.store.door import Door
    from espalier.store.session import Database
    from espalier.web.doors import Entrance

OBJECTS_BETWEEN_SEARCHES: Final = 10_000
"""Everybody waits while so many are looked through: some milliseconds."""
LONGEST_TURN_S: Final = 0.0015
KEPT_OPEN_S: Final = 125
"""Longer than proxies keep a connection that nobody uses (Caddy two minutes, nginx one): who closes first must be the
one who asks, or a request meets the end of the connection.
"""
DEMO_POLICY: Final = {"max_active_trees": 1}


def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Begin with the demo trees, in all states.")] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="A model to chat with, as DIR or NAME=DIR; it runs in a process beside this."),
    ] = None,
) -> None:
    """Start the campaign's server; the first start makes the database and an administrator."""
    with ExitStack() as stack:
        with without_cycle_search():  # next to nothing of what is loaded now is ever let go
            server, socket = _ready(demo, directories_of(model or ()), stack)
        search_cycles_seldom()
        take_short_turns()
        with suppress(KeyboardInterrupt):  # it has stopped in order
            server.run(sockets=[socket])


def _ready(demo: bool, directories: dict[str, Path], stack: ExitStack) -> tuple["Server", Socket]:
    """The server of the campaign, which is migrated by now, and where it listens. stack: what goes on beside it."""
    from uvicorn import Config, Server

    from espalier.web.app import create_app

    settings = read_settings()
    socket = stack.enter_context(listening(settings.host, settings.port, *map(settings.place, ("host", "port"))))
    prepare(settings, demo=demo)
    out.print(f"Espalier listens on {settings.address}; its API is described at {settings.address}/api/docs")
    out.print("Stop it with Ctrl-C.")
    set_up_logs(settings)
    models = [*beside(directories, stack), *models_of(settings)] if settings.chat else []
    app = create_app(
        settings.database_url,
        data_dir=settings.data_dir,
        entrance=entrance_of(settings),
        models=models,
        judges=judges_of(settings),
        chat=rules_of(settings),
    )
    server = Server(
        Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            timeout_keep_alive=KEPT_OPEN_S,
            timeout_graceful_shutdown=10,
        )
    )
    return server, socket


def entrance_of(settings: Settings) -> "Entrance":
    """How people sign in at a server with these settings."""
    from espalier.web.doors import Entrance
    from espalier.web.mail import Log, MailServer, Post
    from espalier.web.providers import providers_of

    post: Post | None = Log() if settings.is_local else None
    if settings.mail_host and settings.mail_from:
        post = MailServer(
            settings.mail_host, settings.mail_port, settings.mail_from, settings.mail_user or "",
            settings.mail_password or "", settings.mail_tls,
        )  # fmt: skip
    return Entrance(settings.address, post, providers_of(settings.providers))


def search_cycles_seldom() -> None:
    """What a request makes holds no cycles, so counting references frees it; looking through everything that the
    program has loaded, again and again, is a tenth of the work of a busy server."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES, 1_000, 10)


def take_short_turns() -> None:
    """A page asks the database some thirty times, and after each answer waits for its turn among the threads: beside
    one that counts through the whole campaign that is a tenth of a second at Python's own pace.
    """
    sys.setswitchinterval(LONGEST_TURN_S)


def listening(host: str, port: int, host_by: str, port_by: str) -> Socket:
    """The socket that a server listens on, taken before anything else is done. host_by, port_by: what says where."""
    try:
        return create_server((host, port), family=AF_INET6 if ":" in host else AF_INET)
    except OSError as error:
        place = f"{host}, port {port}"
        if error.errno == EADDRINUSE:
            fail(f"Somebody listens on {place} already; stop that program, or set another {port_by}.")
        fail(f"Espalier cannot listen on {place}: {error.strerror}. {host_by} and {port_by} say where.")


def config() -> None:
    """Show every setting in force, with its value, where that comes from, and what it means."""
    for line in in_force(read_settings()):
        out.print(f"[bold]{line.name}[/bold] = {escape(line.value)}  [dim]({escape(line.source)})[/dim]")
        out.print(f"    {escape(line.says)}")


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=PUBLISHED)],
    token: Annotated[str, typer.Option(metavar="TOKEN", envvar="ESPALIER_TOKEN", help="An administrator's token.")],
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the campaign's server listens, if not where the settings say."),
    ] = None,
    volunteers: Annotated[int, typer.Option(metavar="N", min=8, max=1000, help="How many people take part.")] = 40,
    seed: Annotated[int, typer.Option(metavar="N", help="Of all chance on this side.")] = 0,
) -> None:
    """Let volunteers say again over HTTP what real trees say, and compare what grows."""
    from espalier.replay.command import replay_command

    refuse_no_token(token)
    sys.exit(replay_command(file, url or read_settings().here, token, volunteers, seed, out, err))


def openapi() -> None:
    """Print the description of the API as OpenAPI, for programs that make clients of it."""
    from espalier.web.app import create_app

    out.print_json(data=create_app("sqlite:///none.db").openapi(), highlight=False)


def prepare(settings: Settings, *, demo: bool = False) -> None:
    """Migrate, begin the campaign, and say what the first start made."""
    from espalier.collect.beginning import begin
    from espalier.collect.signin import ask
    from espalier.store.door import open_door
    from espalier.store.migrate import migrate
    from espalier.store.session import open_database

    migrate(settings.database_url)
    database = open_database(settings.database_url)
    door = open_door(database)
    try:
        made = door.call(begin, settings.policy, secrets.token_urlsafe, now(), Random())
        if made:
            link = door.call(ask, None, "/admin", secrets.token_urlsafe, now(), person_id=made.person.id).link
            out.print("A new campaign. Its administrator signs in with this link, once, within a quarter of an hour:")
            out.print(f"\n    {settings.address}/signin/link/{link}\n", style="bold", soft_wrap=True)
            out.print("and later, or for scripts, with this token, which is shown this once:")
            out.print(f"\n    {made.token}\n", style="bold")
        if demo:
            plant_demo(database, door)
    finally:
        door.close()
        database.close()


def plant_demo(database: "Database", door: "Door") -> None:
    """Take in the demo trees, where there are no others, and say what there is to do."""
    from espalier import demo
    from espalier.collect.campaign import change_policy
    from espalier.collect.carry import Load, carry_in
    from espalier.collect.intake import Source
    from espalier.dataset.findings import ignore
    from espalier.store.checkup import tree_count

    with database.read() as db:
        if tree_count(db):
            out.print("There are trees already; the demo's are only taken into an empty campaign.")
            return
    # With room for more trees the lottery would draw all the prompts that wait.
    door.call(change_policy, None, {"base": DEMO_POLICY}, now(), Random())
    with ExitStack() as stack:
        trees, votes = (stack.enter_context(as_file(file)) for file in (demo.TREES, demo.VOTES))
        load = Load(trees, votes, Source(trees.name, origin="demo"))
        report = carry_in(door.call, load, now, Random(), notice=ignore)
    out.print(
        f"Planted {plural(report.trees, 'demo tree')} with {plural(report.messages, 'message')}. "
        "So that prompts go on waiting, max_active_trees is 1."
    )
    _print_work(door.call(_work))


def _work(db: "Connection") -> dict[str, dict[str, int]]:
    """How many tasks of each kind an administrator could get, by language."""
    from espalier.collect.tasks import availability
    from espalier.store import people
    from espalier.store.languages import langs_of_trees

    administrator = people.by_id(db, people.admins(db)[0])
    assert administrator is not None
    return availability(db, administrator, langs_of_trees(db), now())


def _print_work(counts: dict[str, dict[str, int]]) -> None:
    from espalier.domain.work import Kind

    made = table(None, "There is to do", "tasks")
    made.add_column("in")
    for kind in Kind:
        have = {lang: here[kind] for lang, here in counts.items() if here[kind]}
        made.add_row(kind, f"{sum(have.values()):,}", ", ".join(sorted(have)))
    show(made)


def set_up_logs(settings: Settings) -> None:
    from espalier.web.observe import JsonLines, TextLines

    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    # It tells every request to a model's server, of which there are some every second.
    logging.getLogger("httpx").setLevel(max(logging.WARNING, logging.root.level))


def now() -> datetime:
    return datetime.now(UTC)
