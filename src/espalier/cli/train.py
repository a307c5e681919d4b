"""`espalier train base`, `sft` and `preview`: a model from scratch, supervised fine-tuning, and what it would learn."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, starmap
from random import Random
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from espalier.cli.terminal import err, harmless, out, plural, progress, show, table
from espalier.cli.training import Changes, DryRun, Recipe, in_sentences, losses_in, made, settings_in, tried

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from espalier.infer.tokens import Encoded
    from espalier.train.learnable import Learnable

LEARNED, ROLE, READ = "bold green", "cyan", "dim"
BRACKETS: Final = "⟦", "⟧"
"""Around what is learned where there are no colours."""


def base(file: Recipe, set_: Changes = None, dry_run: DryRun = False) -> None:
    """Make a small model from scratch, tokenizer and all: for trying and testing, where there is no hub."""
    from espalier.train.options import BaseSettings

    settings = settings_in(BaseSettings, file, set_)
    with in_sentences():
        from espalier.train import base

        if dry_run:
            tried(base.train, settings)
            return
        made(base.train(settings, err, losses_in(settings.data.sources)))


def sft(file: Recipe, set_: Changes = None, dry_run: DryRun = False) -> None:
    """Supervised fine-tuning: learn to write the assistant's turns. The same command goes on where it stopped."""
    from espalier.train.options import SftSettings

    settings = settings_in(SftSettings, file, set_)
    with in_sentences():
        from espalier.train import sft

        if dry_run:
            tried(sft.train, settings)
            return
        made(sft.train(settings, err, losses_in(settings.data.sources)))


def preview(
    file: Recipe,
    set_: Changes = None,
    examples: Annotated[int, typer.Option(metavar="N", min=0, help="Conversations to show, drawn by chance.")] = 3,
    seed: Annotated[int, typer.Option(metavar="SEED", help="Another one shows others.")] = 0,
) -> None:
    """Show what a run of `sft` would learn: real conversations, learned tokens in green, and how many there are."""
    from espalier.train.options import SftSettings

    settings = settings_in(SftSettings, file, set_)
    with in_sentences():
        from espalier.dataset.convert import Kind
        from espalier.infer.load import load_tokenizer
        from espalier.train.learnable import learnable
        from espalier.train.sources import read_parts

        tokenizer = load_tokenizer(settings.model.start, settings.model.chat == "own")
        with progress("reading"):
            parts = read_parts(settings.data, Kind.THREADS, losses_in(settings.data.sources))
            sides = {"learned": parts.learned, "held out": parts.held_out}
            encoded = {
                side: learnable(lines, tokenizer, settings.data, settings.sft.last_only)
                for side, lines in sides.items()
            }
    learned = encoded["learned"]
    there = range(len(learned.conversations))
    drawn = Random(seed).sample(there, min(examples, len(there)))
    for number, each in enumerate(learned.at(drawn, 1, settings.data, settings.run.seed), 1):
        out.print(f"── {number} ── {plural(len(each), 'token')}, {int(each.trained.sum()):,} learned ──")
        out.print(coloured(each, tokenizer, with_colours=out.is_terminal), "\n")
    shown = table(None, "side", "conversations", "tokens", "learned", "%", "longest", "left out")
    for side, given in chain(*starmap(with_and_without_tags, encoded.items())):
        longest = max(map(len, given.conversations), default=0)
        shown.add_row(
            side, f"{len(given.conversations):,}", f"{given.tokens:,}", f"{given.trained:,}",
            f"{given.trained / max(1, given.tokens):.1%}", f"{longest:,}", f"{given.left_out:,}",
        )  # fmt: skip
    show(shown)


def with_and_without_tags(side: str, given: "Learnable") -> Iterator[tuple[str, "Learnable"]]:
    """A row of the table, and where there are tags another one: they take up room."""
    yield side, given
    if given.tagged:
        yield f"{side}, with tags", replace(given, conversations=given.tagged)


def coloured(given: "Encoded", tokenizer: "PreTrainedTokenizerBase", with_colours: bool) -> Text:
    """A conversation as a model reads it: what is learned, the tokens of roles and ends, and what is only read."""
    special = set(tokenizer.all_special_ids)
    said = Text()
    run: list[int] = []
    before = ""
    for token, trained in (*zip(given.ids.tolist(), given.trained.tolist(), strict=True), (None, False)):
        style = "" if token is None else LEARNED if trained else ROLE if token in special else READ
        if style != before and run:
            text = harmless(str(tokenizer.decode(run)))
            bare = f"{BRACKETS[0]}{text}{BRACKETS[1]}" if before == LEARNED and not with_colours else text
            said.append(bare, before)
            run = []
        if token is not None:
            run.append(token)
        before = style
    return said
