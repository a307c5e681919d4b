"""`espalier dataset split`: a file of trees for each part, and a manifest that the next split goes on from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from espalier.cli.files import refuse_unreadable
from espalier.cli.sources import SOURCE, at_hand, notices_of
from espalier.cli.terminal import MISUSED, fail, harmless, out, plural, progress, sentence, show, table

if TYPE_CHECKING:
    from espalier.dataset.parts import Planned
    from espalier.dataset.split import Shares

SHOWN_LEAKS: Final = 20
SharesGiven = Annotated[
    list[str] | None,
    typer.Option(
        "--share", metavar="PART=SHARE", help="Of a part beside train: validation=0.05; in one language de:test=0.2."
    ),
]
Seed = Annotated[str, typer.Option(metavar="SEED", help="Another one gives another split.")]
Likeness = Annotated[
    float, typer.Option("--alike", min=0.5, max=1, metavar="SHARE", help="From which likeness prompts stay together.")
]
ByAuthor = Annotated[
    bool, typer.Option("--by-author", help="Nobody on two sides: train loses what authors of held-out trees wrote.")
]
Previous = Annotated[
    Path | None, typer.Option(metavar="MANIFEST", help="An earlier split; its trees stay where they are.")
]


def split(
    sources: Annotated[list[Path], typer.Argument(metavar="FILE...", help=SOURCE)],
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write the parts and the manifest.")],
    share: SharesGiven = None,
    seed: Seed = "0",
    alike: Likeness = 0.8,
    by_author: ByAuthor = False,
    previous: Previous = None,
) -> None:
    """Split trees into parts: whole trees, near-duplicate prompts together, the same again when more trees come."""
    from espalier.dataset.parts import MANIFEST, Wanted, plan, write_manifest, write_parts
    from espalier.dataset.read import read_trees
    from espalier.dataset.split import BadShares
    from espalier.safety.duplicates import alike_from

    notices = notices_of(*sources)
    sources = [at_hand(source) for source in sources]
    wanted = Wanted(shares_given(share, seed), alike, by_author, earlier(previous))
    with progress("reading trees"):
        try:
            planned = plan((tree for file in sources for tree in read_trees(file, notices)), wanted, alike_from)
        except BadShares as wrong:
            fail(f"{wrong}.", MISUSED)
    if not planned.saplings:
        fail("There is no tree to split.")
    into.mkdir(parents=True, exist_ok=True)
    files = {part: into / f"{part}.trees.jsonl.gz" for part in wanted.shares.names}
    if taken := {file.resolve() for file in files.values()} & {source.resolve() for source in sources}:
        fail(f"{taken.pop()} is read; write into another folder.", MISUSED)
    with progress("writing trees"):
        written = write_parts(planned, (tree for file in sources for tree in read_trees(file)), files)
        write_manifest(into / MANIFEST, planned.manifest)
    print_split(planned)
    if by_author:
        out.print(f"{plural(written.cut, 'message')} left out, so that nobody writes on two sides.")
    for part, file in files.items():
        out.print(f"{escape(str(file))}: {plural(written.trees[part], 'tree')}.")


def shares_given(given: Sequence[str] | None, seed: str) -> "Shares":
    """What the options say; ends the command where they cannot be."""
    from espalier.dataset.split import BadShares, Shares
    from espalier.domain.language import usual_tag

    parts: dict[str, float] = {}
    by_lang: dict[str, dict[str, float]] = {}
    for words in ("validation=0.05",) if given is None else given:
        name, equals, number = words.partition("=")
        lang, colon, part = name.rpartition(":")
        try:
            share = float(number)
        except ValueError:
            equals = ""
        if not equals or (colon and not lang):
            fail(f"{words!r} is no share; write a part and a number, as validation=0.05 or de:test=0.2.", MISUSED)
        (by_lang.setdefault(usual_tag(lang), {}) if lang else parts)[part] = share
    try:
        return Shares(parts, by_lang, seed)
    except BadShares as wrong:
        fail(sentence(wrong), MISUSED)


def earlier(manifest: Path | None) -> dict[str, str] | None:
    """The parts that an earlier split gave; ends the command where the file says none."""
    from espalier.dataset.parts import MANIFEST, BadManifest, read_manifest

    if manifest is None:
        return None
    refuse_unreadable(manifest / MANIFEST if manifest.is_dir() else manifest)
    try:
        return dict(read_manifest(manifest).made.parts)
    except BadManifest as wrong:
        fail(f"{wrong}.")


def print_split(planned: "Planned") -> None:
    """What each part has of each language beside what it should have, what was left out, and where it leaks."""
    from espalier.dataset.split import on_both_sides, shares_of

    manifest = planned.manifest
    names = manifest.shares.names
    shown = table(None, "language", "trees", *(each for part in names for each in (part, "%", "wanted %")))
    rows: dict[str, list[str]] = {}
    for each in shares_of(planned.saplings, manifest.made, manifest.shares):
        row = rows.setdefault(each.lang or "all", [f"{each.of:,}"])
        row += [f"{each.trees:,}", f"{each.share:.1%}", f"{each.wanted:.1%} ± {each.within:.1%}"]
    for lang, row in rows.items():
        shown.add_row(escape(harmless(lang)), *row)
    show(shown)
    groups, leaks = manifest.made.groups, manifest.made.leaks
    if groups:
        trees = plural(sum(map(len, groups)), "tree")
        out.print(f"{trees} stand in {plural(len(groups), 'group')} of near-duplicate prompts.")
    if planned.twice:
        out.print(f"{plural(planned.twice, 'tree')} came more than once; each is written once.")
    if not manifest.by_author and (both := on_both_sides(planned.saplings, manifest.made)):
        out.print(f"{plural(both, 'author wrote', 'authors wrote')} on both sides; --by-author keeps the sides apart.")
    if leaks:
        out.print(f"{plural(len(leaks), 'held-out tree has', 'held-out trees have')} a near-duplicate in train:")
        for leak in leaks[:SHOWN_LEAKS]:
            out.print(escape(harmless(f"    {leak.tree_id} of {leak.part} is like {leak.like}")))
        if len(leaks) > SHOWN_LEAKS:
            out.print(f"    and {len(leaks) - SHOWN_LEAKS:,} more; the manifest lists all.")
