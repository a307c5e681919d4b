"""`espalier model`: models by themselves, apart from any campaign."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from espalier.cli.chat_models import named_directory
from espalier.cli.evaluating import Numbers
from espalier.cli.files import refuse_unreadable
from espalier.cli.models_beside import end_with_input
from espalier.cli.safety import reached
from espalier.cli.serving import KEPT_OPEN_S, listening
from espalier.cli.terminal import MISUSED, fail, out, sentence
from espalier.cli.training import in_sentences

models = typer.Typer(
    no_args_is_help=True, help="Models by themselves: served over HTTP, for chats and other programs.",
    rich_markup_mode=None,
)  # fmt: skip


@models.command()
def serve(
    sources: Annotated[
        list[str], typer.Argument(metavar="DIR...", help="Language models, as DIR or NAME=DIR; the name is DIR's.")
    ],
    adapter: Annotated[
        list[str] | None, typer.Option(metavar="NAME=DIR", help="An adapter on the first model, as a model of its own.")
    ] = None,
    reward: Annotated[str | None, typer.Option(metavar="DIR", help="A reward model, for POST /score.")] = None,
    moderation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `espalier safety train` made, for POST /score.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8001,
    threads: Annotated[int, typer.Option(min=1, help="Threads that compute.")] = 1,
    tokens: Annotated[
        int, typer.Option(min=64, help="Tokens that each model keeps at once, of prompts and replies together.")
    ] = 8192,
    queue: Annotated[int, typer.Option(min=0, help="Requests to a model that may wait.")] = 64,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:0.")] = "auto",
    dtype: Numbers = "float32",
    beside: Annotated[
        bool, typer.Option("--beside", help="Give way to the program that began this, and end with standard input.")
    ] = False,
) -> None:
    """Serve models over OpenAI's chat interface, in a process of their own."""
    import uvicorn

    from espalier.safety.toxicity import NotAModel, read_model

    if beside:
        end_with_input()
    named = [named_directory(source) for source in sources]
    adapters = {name: Path(place) for name, place in map(_pair, adapter or ())}
    judge = None
    if moderation is not None:
        refuse_unreadable(moderation)
        try:
            judge = read_model(moderation)
        except NotAModel as wrong:
            fail(sentence(wrong))
    with in_sentences():
        from espalier.infer.opening import Bounds, Opened, toxicities
        from espalier.infer.server import Serving, make_app

        opened = Opened(Bounds(device, dtype, threads, tokens, queue))
        for place, (name, folder) in enumerate(named):
            opened.add(name, folder, adapters if place == 0 else {})
        serving = Serving(
            opened.models,
            opened.reward(reward) if reward else None,
            toxicities(judge.score) if judge else None,
        )
    with listening(host, port, "--host", "--port") as socket:
        address = f"http://{f'[{host}]' if ':' in host else host}:{socket.getsockname()[1]}"
        out.print(f"{escape(', '.join(opened.models))} at {address}/v1. Stop it with Ctrl-C.")
        if judge and judge.reached:
            out.print(f"Of the texts that {moderation} learned from, {reached(judge)}.", markup=False)
        uvicorn.Server(
            uvicorn.Config(
                make_app(serving), log_level="warning", access_log=False, server_header=False, ws="none",
                timeout_keep_alive=KEPT_OPEN_S, timeout_graceful_shutdown=5,
            )
        ).run(sockets=[socket])  # fmt: skip


def _pair(given: str) -> tuple[str, str]:
    name, _, place = given.partition("=")
    if not name or not place:
        fail(f"{given!r} names no adapter; write NAME=DIR.", MISUSED)
    return name, place
