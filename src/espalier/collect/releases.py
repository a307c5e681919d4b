"""Releases of a campaign: what one holds, and making one as a job while the site goes on serving.

Knows the campaign, its terms and its policy; what a release looks like is said in dataset/release.py.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import Connection

from espalier.collect import exports
from espalier.collect.accounts import require
from espalier.collect.beside import beside
from espalier.collect.files import Telling, Workshop, campaign_key
from espalier.collect.ids import new_id
from espalier.dataset.about import About, CardFile
from espalier.dataset.filter import BadCondition, of_records
from espalier.dataset.papers import write_papers
from espalier.dataset.parts import Wanted
from espalier.dataset.release import NAME, NothingToRelease, Plan, ReleaseThere, Source, freeze
from espalier.dataset.split import BadShares, Shares
from espalier.dataset.stamp import MANIFEST, SUMS, BadRelease, Stamp, read_stamp
from espalier.domain.errors import Conflict, Invalid, NotFound
from espalier.domain.tree import State
from espalier.safety.duplicates import alike_from
from espalier.store import jobs, journal
from espalier.store.charters import charter_in_force
from espalier.store.jobs import Job
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook

RELEASE_JOB: Final = "release"
RELEASES: Final = "releases"
PACKAGES: Final = ("pyarrow", "sklearn", "stopwordsiso", "vl_convert")


@dataclass(frozen=True, slots=True)
class Release:
    """What a release shall hold. licence: as hubs know it, by default the campaign's. langs: none for all.

    where: conditions on messages. shares: of held-out parts.
    """

    name: str
    title: str = ""
    licence: str = ""
    states: tuple[State, ...] = (State.READY_FOR_EXPORT,)
    langs: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    shares: dict[str, float] = field(default_factory=lambda: {"validation": 0.05})
    made: date | None = None


def source_of(db: Connection, states: Sequence[State], langs: Sequence[str] = ()) -> Source:
    """The campaign as this moment of the database has it, with its policy, its licence and the terms in force."""
    charter, book = charter_in_force(db), PolicyBook(db)
    chosen = set(langs) or None
    return Source(
        lambda: exports.export_trees(db, states, chosen),
        lambda: exports.export_votes(db, states, chosen),
        (charter.name,),
        book.campaign.to_mapping(),
        {"campaign": charter.name, "terms": charter.terms, "policy_version": book.version},
    )


def plan_of(db: Connection, wanted: Release, key: bytes | None) -> Plan:
    """What is to be frozen: the campaign's name and licence where nothing else is said. Raises Invalid."""
    charter = charter_in_force(db)
    own = charter.licence.lower().replace(" ", "-")
    if not NAME.fullmatch(wanted.name):
        raise Invalid(
            "A release is named with small letters, digits, dots and hyphens, at most 64, as trees-2026-03.",
            field="name",
        )
    try:
        for words in wanted.where:
            of_records(words)
    except BadCondition as wrong:
        raise Invalid("This condition cannot be read: %(why)s.", field="where", why=str(wrong)) from wrong
    try:
        shares = Shares(dict(wanted.shares))
    except BadShares as wrong:
        raise Invalid("The trees cannot be held out so: %(why)s.", field="share", why=str(wrong)) from wrong
    return Plan(
        wanted.name,
        title=wanted.title or f"{charter.name}: {wanted.name}",
        summary=charter.about,
        licence=wanted.licence or own or None,
        licence_url=charter.licence_url or None if wanted.licence in ("", own) else None,
        states=tuple(wanted.states),
        langs=wanted.langs,
        where=wanted.where,
        split=Wanted(shares),
        key=key,
        made=wanted.made,
    )


def folder_of(folder: Path, name: str) -> Path:
    """Where the release of this name lies, or will."""
    return folder / RELEASES / name


def releases_in(folder: Path) -> list[tuple[Path, Stamp]]:
    """The releases that lie there, the youngest first."""
    found = []
    for path in (folder / RELEASES).glob(f"*/{MANIFEST}"):
        with suppress(BadRelease):
            found.append((path.parent, read_stamp(path.parent)))
    return sorted(found, key=lambda each: (str(each[1].said.get("date")), each[0].name), reverse=True)


def file_of(shop: Workshop, name: str, path: str) -> Path:
    """A file that a release names. Raises NotFound."""
    for folder, stamp in releases_in(shop.folder):
        if folder.name == name and path in {MANIFEST, SUMS, *(each.path for each in stamp.files)}:
            return folder / path
    raise NotFound("There is no such file in a release.")


def ask_release(db: Connection, actor: Person, wanted: Release, folder: Path, now: datetime, rng: Random) -> Job:
    """Ask for a release; it goes on by itself. Raises NotAllowed, Invalid, Conflict."""
    require(actor, PersonRole.ADMIN)
    if any(find_spec(package) is None for package in PACKAGES):
        raise Conflict(
            'Releases need packages that the site does without; install them with: pip install "espalier[data]"'
        )
    plan_of(db, wanted, None)
    if folder_of(folder, wanted.name).exists():
        raise Conflict(
            "There is a release of this name; it is never changed, so give the new one another.", field="name"
        )
    arguments = {
        "name": wanted.name, "title": wanted.title, "licence": wanted.licence,
        "states": list(wanted.states), "langs": list(wanted.langs),
        "where": list(wanted.where), "shares": dict(wanted.shares),
    }  # fmt: skip
    job = Job(new_id(rng), RELEASE_JOB, arguments, actor.id, now)
    jobs.add(db, job)
    journal.note(db, actor.id, "release.asked", job.id, now, **arguments)
    return job


def make_release(shop: Workshop, job: Job) -> dict[str, Any]:
    """Freeze it; the report is written by a process of its own, so that nobody on the site waits for it."""
    given = job.arguments
    wanted = Release(
        given["name"], given["title"], given["licence"], tuple(map(State, given["states"])), tuple(given["langs"]),
        tuple(given["where"]), given["shares"],
    )  # fmt: skip
    folder = folder_of(shop.folder, wanted.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for half in folder.parent.glob(f".{wanted.name}.*.part"):  # of a server that was stopped at it
        shutil.rmtree(half, ignore_errors=True)
    with shop.read() as db:
        plan = plan_of(db, wanted, campaign_key(shop.folder, shop.secret))
        told = Telling(shop, job, exports.count_trees(db, wanted.states, set(wanted.langs) or None))

        def describe(folder: Path, about: About, files: Sequence[CardFile]) -> None:
            beside(partial(write_papers, folder, about, files), lambda: told.tell(0))

        source = source_of(db, wanted.states, wanted.langs)
        told_of = replace(source, trees=lambda: told.each(source.trees()))
        try:
            made = freeze(folder, plan, told_of, alike_from, describe)
        except NothingToRelease:
            raise Conflict("No tree is left to release; look at the states, languages and conditions.") from None
        except ReleaseThere:
            # Killed after it was whole: what lies there is this job's own.
            made = dict(read_stamp(folder).said)
    return {"name": wanted.name, "counts": made["counts"]}
