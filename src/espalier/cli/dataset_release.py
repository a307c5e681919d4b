"""`espalier dataset release`, `verify` and `publish`: a data set frozen, whether it is what it was, and on a hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from espalier.cli.campaign import campaign, without_cycle_search
from espalier.cli.dataset_split import ByAuthor, Likeness, Previous, Seed, SharesGiven, earlier, shares_given
from espalier.cli.datasets import Conditions, tell_of_licence, tell_of_places
from espalier.cli.files import refuse_unreadable
from espalier.cli.sources import notices_of
from espalier.cli.terminal import MISUSED, err, fail, harmless, one_of, out, plural, progress, sentence, tags_of
from espalier.config import read_settings

if TYPE_CHECKING:
    from espalier.dataset.release import Plan, Source
    from espalier.domain.tree import State


def release(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the release, and of its folder: trees-2026-03.")],
    trees: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", metavar="FILE", help="Trees or messages; by default the campaign that the settings name."
        ),
    ] = None,
    votes: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="The votes on the trees of files.")] = None,
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="In which the release's folder appears.")] = Path(),
    title: Annotated[str, typer.Option(metavar="WORDS", help="For report and card.")] = "",
    licence: Annotated[
        str | None,
        typer.Option(metavar="LICENCE", help="As hubs know it, or one of your own; by default the campaign's."),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help="Trees of the campaign in this state. By default ready_for_export."),
    ] = None,
    lang: Annotated[list[str] | None, typer.Option(metavar="LANG", help="Only trees of the campaign in this.")] = None,
    where: Conditions = None,
    share: SharesGiven = None,
    seed: Seed = "0",
    alike: Likeness = 0.8,
    by_author: ByAuthor = False,
    previous: Previous = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="KEYFILE", help="What hides people behind keyed hashes. By default the campaign's own."),
    ] = None,
    made: Annotated[
        str | None,
        typer.Option("--date", metavar="DATE", help="The day it bears; by default of its youngest message or vote."),
    ] = None,
    with_deleted: Annotated[
        bool, typer.Option("--with-deleted", help="Texts of deleted messages, too, not only their places.")
    ] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Leave out report and card.")] = False,
) -> None:
    """Freeze trees and votes with split, tables, report, card and checksums; the same again gives the same bytes."""
    from espalier.dataset.charts import NeedsVlConvert
    from espalier.dataset.filter import BadCondition, of_records
    from espalier.dataset.papers import write_papers
    from espalier.dataset.parts import Wanted
    from espalier.dataset.release import NAME, NothingToRelease, ReleaseThere, freeze
    from espalier.dataset.tombstones import Gone
    from espalier.domain.tree import State
    from espalier.safety.duplicates import alike_from

    try:
        asked = [of_records(words) for words in where or ()]
    except BadCondition as wrong:
        fail(f"{wrong}.", MISUSED)
    if not NAME.fullmatch(name):
        fail(
            f"{name!r}: a release is named with small letters, digits, dots, hyphens and underscores, at most 64.",
            MISUSED,
        )
    day = _day(made)
    tell_of_licence(licence)
    states = [State(one_of(each, State, "state of a tree")) for each in dict.fromkeys(state or ["ready_for_export"])]
    if trees and (state or lang):
        fail("--state and --lang choose trees of a campaign; of files, --where chooses messages.", MISUSED)
    with (
        _given(name, trees, votes, states, tags_of(lang or ()), licence, key) as (source, plan),
        progress("releasing trees") as bar,
    ):
        wanted = replace(
            plan,
            title=title or plan.title,
            where=tuple(where or ()),
            split=Wanted(shares_given(share, seed), alike, by_author, earlier(previous)),
            gone=Gone(deleted_texts=with_deleted),
            made=day,
        )
        into.mkdir(parents=True, exist_ok=True)
        try:
            papers = (lambda folder, about, files: None) if no_report else write_papers
            said = freeze(into / name, wanted, source, alike_from, papers, bar)
        except ReleaseThere as there:
            fail(str(there))
        except NothingToRelease as nothing:
            tell_of_places(asked)
            fail(str(nothing))
        except NeedsVlConvert as missing:
            fail(f"{sentence(missing).removesuffix('.')}, or leave the report out with --no-report.")
    for part, counted in said["counts"].items():
        if part != "votes":
            out.print(f"{part}: {plural(counted['trees'], 'tree')} with {plural(counted['messages'], 'message')}.")
    out.print(f"votes: {sum(said['counts']['votes'].values()):,}.")
    out.print(f"{escape(str(into / name))} is the release; `espalier dataset verify` checks it.")


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A release.")],
) -> None:
    """Check a release: checksums, counts, splits, and that everything spoken of is there. Ends with 1 on a fault."""
    from espalier.dataset.verify import verify as faults_of
    from espalier.safety.duplicates import alike_from

    faults = 0
    with progress("checking trees") as bar, without_cycle_search():
        for fault in faults_of(folder, alike_from, bar):
            faults += 1
            err.print(escape(fault))
    if faults:
        fail(f"{plural(faults, 'fault')} in {folder}.")
    out.print(f"{escape(str(folder))} is as it was released.")


def publish(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A release.")],
    data_set: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The data set on the hub.")],
    public: Annotated[bool, typer.Option("--public", help="For all to see; a new one is private by default.")] = False,
) -> None:
    """Check a release and put it on a hub as one commit; the hub is HF_ENDPOINT's, the token HF_TOKEN's."""
    from espalier.dataset.hub import NeedsHub, NotPublished
    from espalier.dataset.hub import publish as put

    verify(folder)
    try:
        address = put(folder, data_set, public=public)
    except NeedsHub as missing:
        fail(sentence(missing))
    except NotPublished as refused:
        fail(str(refused))
    out.print(f"Published: {escape(harmless(address))}")


@contextmanager
def _given(
    name: str, trees: list[Path] | None, votes: list[Path] | None, states: "list[State]", langs: list[str],
    licence: str | None, key: Path | None,
) -> "Iterator[tuple[Source, Plan]]":  # fmt: skip
    """What is released: files, or the campaign as one moment has it; and what it says of itself."""
    from espalier.dataset.anonymise import BadKey, read_key
    from espalier.dataset.release import Plan

    try:
        hidden = None if key is None else read_key(key)
    except BadKey as wrong:
        fail(str(wrong))
    if trees:
        yield _of_files(trees, votes or []), Plan(name, licence=licence, key=hidden)
        return
    if votes:
        fail("A campaign brings its own votes; --votes belongs to --from.", MISUSED)
    from espalier.collect.files import campaign_key
    from espalier.collect.releases import Release, plan_of, source_of

    with campaign() as database, database.read() as db:
        own = hidden or campaign_key(read_settings().data_dir, lambda: token_hex(32))
        wanted = Release(name, licence=licence or "", states=tuple(states), langs=tuple(langs))
        yield source_of(db, states, langs), plan_of(db, wanted, own)


def _of_files(trees: list[Path], votes: list[Path]) -> "Source":
    from espalier.dataset.read import read_trees, read_votes
    from espalier.dataset.release import Source

    for file in (*trees, *votes):
        refuse_unreadable(file)
    notices = notices_of(*trees, *votes)
    return Source(
        lambda: (tree for file in trees for tree in read_trees(file, notices)),
        lambda: (vote for file in votes for vote in read_votes(file, notices)),
        tuple(file.name for file in (*trees, *votes)),
    )


def _day(spelled: str | None) -> date | None:
    try:
        return None if spelled is None else date.fromisoformat(spelled)
    except ValueError:
        fail(f"{spelled!r} is no date; write it as 2026-03-31.", MISUSED)
