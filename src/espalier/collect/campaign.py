"""Changing the policy of a running campaign: recorded with who and when, in force at once, and brought to every tree.

What holds for a language as a whole (the lottery, new prompts, leases) follows the new version from here on; each tree
follows its old one until the job of this change has reached it. Knows no HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.accounts import require
from espalier.collect.change import Scene, order
from espalier.collect.ids import new_id
from espalier.collect.lottery import fill_places, top_up_rankings
from espalier.collect.weights import are_weighed, ask_weights, refuse_without_packages
from espalier.domain.contribution import PolicyChanged
from espalier.domain.errors import Conflict
from espalier.domain.policy import CampaignPolicy
from espalier.domain.policy_change import Change, changes
from espalier.domain.tree import TERMINAL
from espalier.store import jobs, journal, languages, locks, policies, trees
from espalier.store.jobs import Job, JobStatus
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook

POLICY_JOB: Final = "policy"
TREES_AT_ONCE: Final = 20  # in one batch
MESSAGES_AT_ONCE: Final = 200  # no further tree is begun after so many: a batch shall take about 50 ms
DRAWS_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of the policy would do. `version`: the one in force; `trees`: on their way, that would follow."""

    version: int
    changes: list[Change]
    trees: int


def preview_policy(db: Connection, actor: Person | None, change: Mapping[str, object]) -> Preview:
    """What `change_policy` would change; nothing is changed yet. Raises NotAllowed, InvalidPolicy."""
    require(actor, PersonRole.ADMIN)
    before = PolicyBook(db)
    after = CampaignPolicy.from_mapping(change, before.campaign)
    return Preview(before.version, changes(before.campaign, after), trees.count_behind(db, before.version + 1))


def change_policy(
    db: Connection,
    actor: Person | None,
    change: Mapping[str, object],
    now: datetime,
    rng: Random,
    *,
    seen: int | None = None,
) -> tuple[int, Job]:
    """Put a changed policy in force; the version, and the job that brings it to the trees.

    change: `base` with the values that change, `langs` with the differences of all languages. A change that says what
    holds already is a new version all the same. seen: the version that the change was made for.
    Raises NotAllowed, InvalidPolicy, and Conflict when another version is in force than the one that was seen, or
    when reviewers are to be weighed and what weighs them is not installed.
    """
    require(actor, PersonRole.ADMIN)
    before = PolicyBook(db)
    if seen is not None and seen != before.version:
        raise Conflict("Somebody has changed the policy in the meantime; look at it again before you change it.")
    policy = CampaignPolicy.from_mapping(change, before.campaign)
    to_weigh = are_weighed(policy.base) and not are_weighed(before.campaign.base)
    if to_weigh:
        refuse_without_packages()
    person = actor.id if actor is not None else None
    version = policies.keep_policy(db, policy, person, now)
    journal.note(db, person, "policy.changed", str(version), now, was=before.version)
    for older in jobs.unfinished(db, POLICY_JOB):
        jobs.cancel(db, older.id, now)  # the new job reaches every tree that the old one has not
    langs = languages.langs_of_trees(db)
    job = Job(
        new_id(rng), POLICY_JOB, {"version": version}, person, now, total=trees.count_behind(db, version),
        position={"fill": langs, "after": ""},
    )  # fmt: skip
    begun = fill_languages(db, job, now, rng)
    jobs.add(db, begun)
    if to_weigh:
        ask_weights(db, now, rng)
    return version, begun


def reach_trees(db: Connection, job: Job, now: datetime, rng: Random) -> Job:
    """One batch of the job: free places of the lottery first, then trees in the order of their ids."""
    if job.position["fill"]:
        return fill_languages(db, job, now, rng)
    scene = Scene(PolicyBook(db), now, rng)
    progress, after, messages = job.progress, job.position["after"], 0
    behind = trees.behind(db, scene.book.version, after=after, limit=TREES_AT_ONCE)
    locks.hold_trees(db, behind, languages=True)
    for tree_id in behind:
        progress, after, messages = progress + 1, tree_id, messages + _reach(db, tree_id, scene)
        if messages >= MESSAGES_AT_ONCE:
            break
    if progress == job.progress:
        return replace(job, status=JobStatus.DONE, total=progress, finished_at=now)
    return replace(job, progress=progress, position={"fill": [], "after": after})


def _reach(db: Connection, tree_id: str, scene: Scene) -> int:
    """Bring the policy in force to a tree that is still on its way; how many messages it has."""
    tree = trees.find_tree(db, tree_id)
    if tree is None:
        return 0
    if tree.policy != scene.book.version and tree.state not in TERMINAL:
        order(db, tree, PolicyChanged(scene.book.version), scene, person=None)
    return len(tree.messages)


def reach_stragglers(db: Connection, now: datetime, rng: Random) -> None:
    """Reach trees that the job of the last change passed by, since a transaction that wrote them began before it."""
    if not locks.several_writers(db) or jobs.unfinished(db, POLICY_JOB):
        return
    scene = Scene(PolicyBook(db), now, rng)
    behind = trees.behind(db, scene.book.version, after="", limit=TREES_AT_ONCE)
    for tree_id in sorted(locks.hold_trees(db, behind, wait=False, languages=True)):
        _reach(db, tree_id, scene)


def fill_languages(db: Connection, job: Job, now: datetime, rng: Random) -> Job:
    """Draw for the places that the new policy opens, a few trees at a time; what is left goes on with the job."""
    book = PolicyBook(db)
    left = list(job.position["fill"])
    drawn = 0
    # Who tends a language just now may in turn wait for this transaction.
    while left and drawn < DRAWS_AT_ONCE and locks.hold_language(db, left[0], wait=False):
        most = DRAWS_AT_ONCE - drawn
        here = fill_places(db, left[0], book, now, rng, most=most)
        drawn += here
        if here < most:
            top_up_rankings(db, left.pop(0), book, now, rng)
    return replace(job, status=JobStatus.RUNNING, position={**job.position, "fill": left})
