"""`espalier dataset mix`: one file out of several, with so much of each source and language as was asked for."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
from rich.markup import escape

from espalier.cli.files import refuse_unwritable
from espalier.cli.sources import at_hand, notices_of
from espalier.cli.terminal import MISUSED, fail, harmless, out, plural, progress, sentence, show, table

if TYPE_CHECKING:
    from espalier.dataset.mix import BadMix, Mixture
    from espalier.dataset.mixture import LangOf, Source

N = TypeVar("N", int, float)
LEAST_HELD_OUT = 50  # lines; of fewer nobody can tell whether a change helped


def mix(
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="Where to write; packed where it ends in .gz, Parquet in .parquet.")
    ],
    sources: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files, or campaign:, with lines all of one kind.")
    ],
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE=WEIGHT", help="How often each line of a file counts, as a.jsonl=2."),
    ] = None,
    cap: Annotated[
        list[str] | None, typer.Option(metavar="FILE=LINES", help="At most so many lines of a file, by chance.")
    ] = None,
    alpha: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="ALPHA", help="Draw languages with p ~ n^ALPHA; 1 as they come, 0 alike."),
    ] = 1.0,
    floor: Annotated[
        list[str] | None, typer.Option(metavar="LANG=SHARE", help="The least share of a language, as de=0.05.")
    ] = None,
    highest: Annotated[
        float, typer.Option(min=1, metavar="TIMES", help="No language is drawn more than so many times as often.")
    ] = 10.0,
    size: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="LINES", help="Lines of the mixture; by default as many as there are below the caps."
        ),
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What will be measured on; languages with too few lines there get no more."),
    ] = None,
    seed: Annotated[str, typer.Option(metavar="SEED", help="Another one takes other lines.")] = "0",
) -> None:
    """Mix several files into one, by weights, caps and the languages' sizes, and show what there was and what comes."""
    from espalier.dataset import mix as mixing
    from espalier.dataset.mixture import Source, count, mixed, write_mixture
    from espalier.domain.language import usual_tag

    refuse_unwritable(target)
    if target.resolve() in {source.resolve() for source in sources}:
        fail(f"{target} is read; write to another file.", MISUSED)
    named = _named(sources)
    held_out = at_hand(held_out) if held_out else None
    notices, lang_of = notices_of(*sources), _detector()
    with progress("counting lines"):
        try:
            floors = _numbers(floor, float, None, "floor")
            recipe = mixing.Recipe(
                _numbers(weight, float, named, "weight"), _numbers(cap, int, named, "cap"), alpha,
                {usual_tag(lang): share for lang, share in floors.items()}, highest, size, seed,
            )  # fmt: skip
            counts = count(named, lang_of, notices)
            measured = count([Source("held out", held_out)], lang_of, notices) if held_out else None
            made = mixing.mix(counts, recipe, _too_few(counts, measured))
        except mixing.BadMix as wrong:
            _refuse(wrong)
    with progress("writing lines"):
        try:
            written = write_mixture(target, mixed(named, made, seed, lang_of))
        except mixing.BadMix as wrong:
            _refuse(wrong)
    _print(made)
    out.print(f"{escape(str(target))}: {plural(written, 'line')}.")


def _refuse(wrong: "BadMix") -> NoReturn:
    fail(sentence(wrong), MISUSED)


def _named(sources: Sequence[Path]) -> "list[Source]":
    """Each file under its own name, or under its whole path where two have the same."""
    from espalier.dataset.mixture import Source

    names = Counter(source.name for source in sources)
    named = [source.name if names[source.name] == 1 else str(source) for source in sources]
    if len(set(named)) < len(named):
        fail("A file is named twice; give it a weight instead.", MISUSED)
    return [Source(name, at_hand(source)) for name, source in zip(named, sources, strict=True)]


def _numbers(
    given: Sequence[str] | None, number: Callable[[str], N], named: "Sequence[Source] | None", what: str
) -> dict[str, N]:
    """What options such as a.jsonl=2 say; a file may be written as its name or its path."""
    by_path = {str(source.path): source.name for source in named or ()}
    found: dict[str, N] = {}
    for words in given or ():
        name, _, value = words.rpartition("=")
        try:
            found[by_path.get(name, name)] = number(value)
        except ValueError:
            name = ""
        if not name:
            example = f"{named[0].name}=2" if named else "de=0.05"
            fail(f"{words!r} is no {what}; write a name and a number, as {example}.", MISUSED)
    return found


def _detector() -> "LangOf":
    from espalier.dataset.split import NO_LANGUAGE
    from espalier.safety.language import detect

    def lang_of(text: str) -> str:
        guess = detect(text)
        return NO_LANGUAGE if guess is None else guess.lang

    return lang_of


def _too_few(counts: Mapping[tuple[str, str], int], measured: Mapping[tuple[str, str], int] | None) -> set[str]:
    if measured is None:
        return set()
    return {lang for _, lang in counts if measured.get(("held out", lang), 0) < LEAST_HELD_OUT}


def _print(made: "Mixture") -> None:
    """Each source and each language, before and after, and what could not be as it was asked for."""
    from espalier.dataset.split import NO_LANGUAGE

    before, after = sum(made.counts.values()), sum(made.quotas.values())
    for title, place in (("source", 0), ("language", 1)):
        was: Counter[str] = Counter()
        is_: Counter[str] = Counter()
        for cell, number in made.counts.items():
            was[cell[place]] += number
            is_[cell[place]] += made.quotas[cell]
        shown = table(None, title, "before", "%", "after", "%", "each line")
        for name, number in sorted(was.items(), key=lambda pair: (-pair[1], pair[0])):
            shown.add_row(
                escape(harmless(name)), f"{number:,}", f"{number / before:.1%}", f"{is_[name]:,}",
                f"{is_[name] / after:.1%}", f"{is_[name] / number:.2f} ×",
            )  # fmt: skip
        shown.add_row("all", f"{before:,}", "100.0%", f"{after:,}", "100.0%", f"{after / before:.2f} ×")
        show(shown)
    if NO_LANGUAGE in made.held_down:
        out.print(f"Not drawn more often than it comes, for nobody knows its language: {NO_LANGUAGE}.")
    if langs := ", ".join(lang for lang in made.held_down if lang != NO_LANGUAGE):
        out.print(f"Not drawn more often than they come, for too little is held out to measure it: {escape(langs)}.")
    if langs := ", ".join(lang for lang in made.below_floor if lang in made.held_down):
        out.print(f"Below the floor for that reason: {escape(langs)}.")
    if langs := ", ".join(lang for lang in made.below_floor if lang not in made.held_down):
        out.print(f"Below the floor, for their lines would be repeated too often or there are none: {escape(langs)}.")
