"""`espalier sample`: a model replies in growing trees, and volunteers judge its replies like any other."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.apart import told_apart
from espalier.cli.campaign import campaign, writing
from espalier.cli.evaluating import MODEL, Device, Numbers, Seed, Threads, in_sentences, opened
from espalier.cli.files import now
from espalier.cli.terminal import MISUSED, fail, out, plural, progress, tags_of

if TYPE_CHECKING:
    from espalier.collect.synthetic import Added, Waiting
    from espalier.dataset.examples import Turns
    from espalier.evaluate.model import Model
    from espalier.infer.engine import Sampling
    from espalier.store.door import Door
    from espalier.store.session import Database


def sample(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL)],
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Prompts, each of which becomes a growing tree, once; only these are answered. "
            "Without it the model replies in all trees that grow.",
        ),
    ] = None,
    replies: Annotated[int, typer.Option(metavar="K", min=1, help="Replies to each prompt, at most.")] = 1,
    most: Annotated[int | None, typer.Option(metavar="N", min=1, help="So many prompts are answered at most.")] = None,
    lang: Annotated[
        list[str] | None,
        typer.Option(metavar="LANG", help="Only in this language, may be given several times; with --prompts theirs."),
    ] = None,
    longest: Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of a reply at most.")] = 256,
    temperature: Annotated[float, typer.Option(metavar="T", min=0, help="Replies are drawn at it.")] = 1.0,
    top_p: Annotated[
        float, typer.Option(metavar="P", min=0, max=1, help="Of the likeliest tokens those of this share.")
    ] = 1.0,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """Add replies of a model to growing trees, marked as synthetic with the model's name.

    A prompt has its free places and no more, and a model replies to it K times whatever becomes of the replies; so the
    same command goes on where it was stopped, and once more adds nothing. Works beside a running server.
    """
    from espalier.collect.jobs import free_expired
    from espalier.collect.synthetic import Added
    from espalier.infer.engine import Sampling

    langs = tags_of(lang or ())
    with in_sentences(), campaign() as database, writing(database) as door:
        (asked,) = opened([model], device, dtype, threads)
        door.call(free_expired, now(), Random())  # no server may be there that does
        planted = None if prompts is None else _planted(door, prompts, langs)
        added, answered, too_long, sampling = Added(), 0, 0, Sampling(longest, temperature, top_p)
        with progress(f"{asked.name}: replying") as bar:
            for some in _waiting(database, asked.name, replies, langs, planted):
                for waiting, texts in _replied(asked, some[: most and most - answered], sampling, seed):
                    added.include(_add(door, waiting, asked.name, texts))
                    answered, too_long = answered + bool(texts), too_long + (not texts)
                    bar(answered, most)
                if answered == most:
                    break
    out.print(
        f"{escape(asked.name)} added {plural(added.replies, 'reply', 'replies')} to {plural(answered, 'prompt')}."
    )
    if too_long:
        out.print(f"{plural(too_long, 'prompt is', 'prompts are')} too long for the model.")
    if added.no_place:
        out.print(f"{plural(added.no_place, 'reply', 'replies')} found no place: there were enough.")
    if added.unfit:
        was = plural(added.unfit, "reply was", "replies were")
        out.print(f"{was} empty, too long, or said what another reply says.")


def _planted(door: "Door", file: Path, langs: Sequence[str]) -> list[str]:
    """The trees of the prompts in a file."""
    from espalier.collect.synthetic import plant_prompt
    from espalier.evaluate.prompts import read_prompts

    if len(langs) != 1:
        fail("Say with --lang in which language the prompts are; one language.", MISUSED)
    read = read_prompts(file)
    alone = [each.turns[0].content for each in read if len(each.turns) == 1]
    made = [door.call(plant_prompt, text, langs[0], file.name, now(), Random()) for text in alone]
    new = sum(is_new for _, is_new in made)
    out.print(f"{escape(str(file))}: {plural(new, 'new tree')} of {plural(len(read), 'prompt')}.")
    if len(alone) < len(read):
        out.print(f"{plural(len(read) - len(alone), 'prompt')} of more than one turn cannot begin a tree.")
    return [tree_id for tree_id, _ in made]


def _waiting(
    database: "Database", model: str, each: int, langs: Sequence[str], trees: Sequence[str] | None
) -> Iterator[list["Waiting"]]:
    """The prompts to answer, some at a time."""
    from espalier.collect.synthetic import waiting_prompts

    after: str | None = ""
    while after is not None:
        with database.read() as db:
            some, after = waiting_prompts(db, model, each, set(langs) or None, trees, after)
        if some:
            yield some


def _replied(
    model: "Model", some: "Sequence[Waiting]", sampling: "Sampling", seed: int
) -> Iterator[tuple["Waiting", list[str]]]:
    """What the model says to each, drawn by a seed that the prompts decide."""
    asked = [_turns(waiting) for waiting in some for _ in range(waiting.wanted)]
    mark = sha256("".join(f"{each.id} {each.given}\n" for each in some).encode()).digest()
    drawn_by = (seed + int.from_bytes(mark[:4])) % 2**31
    texts = iter(told_apart(lambda few: model.generate(few, sampling, drawn_by), asked))
    for waiting in some:
        yield waiting, [text for _ in range(waiting.wanted) if (text := next(texts)) is not None]


def _turns(waiting: "Waiting") -> "Turns":
    from espalier.dataset.examples import ROLES, Turn

    return tuple(Turn(ROLES[role], text) for role, text in waiting.thread)


def _add(door: "Door", waiting: "Waiting", model: str, texts: Sequence[str]) -> "Added":
    from espalier.collect.synthetic import add_replies

    return door.call(add_replies, waiting.id, model, texts, now(), Random())
