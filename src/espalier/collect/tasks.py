"""Handing out work: the next task, what is in hand, what is there to do, and skipping.

Knows people, leases and the policy; does not know HTTP. Each function is one use case in the caller's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect import gold
from espalier.collect.change import Scene, change_tree
from espalier.collect.ids import timely_id
from espalier.collect.lottery import shares_of_places
from espalier.domain.arrival import refuse_stale
from espalier.domain.charter import refuse_new_work
from espalier.domain.contribution import Skipped
from espalier.domain.errors import (
    AlreadyAnswered,
    CampaignClosed,
    Invalid,
    NotBegun,
    NotFound,
    Paused,
    RateLimited,
    Refusal,
    TakenBack,
    TermsNotAccepted,
    TooManyOpenTasks,
    TryLater,
    WarningUnread,
)
from espalier.domain.lottery import GROUPS, draw, groups_in_turn, new_prompts_open
from espalier.domain.message import MANDATORY_LABELS, SKIP_REASONS, Skip, offered_labels
from espalier.domain.policy import Policy, Rate
from espalier.domain.tree import State, Tree
from espalier.domain.work import ACT_OF, SKIP_OF, Act, Kind, Reply, Task, Turn
from espalier.store import inspirations, languages, locks, notices, trees, work
from espalier.store.charters import charter_in_force
from espalier.store.facts import record
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook
from espalier.store.texts import live_replies, nodes_of, path_to
from espalier.store.work import Candidate, Lease
from espalier.store.writes import elsewhere

RANDOM: Final = "random"
WRITING: Final = (Kind.INITIAL_PROMPT, Kind.ASSISTANT_REPLY, Kind.PROMPTER_REPLY)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a volunteer asks for: a kind of task or `random`, in any of these languages."""

    kind: str
    langs: tuple[str, ...]

    def admits(self, lease: Lease) -> bool:
        return lease.lang in self.langs and self.kind in (RANDOM, lease.kind)


def next_task(db: Connection, person: Person, ask: Ask, now: datetime, rng: Random) -> Task | None:
    """Hand out a task, or the open one that fits; None when there is nothing for this person now.

    Raises Invalid, TooManyOpenTasks, RateLimited, WarningUnread, Elsewhere while others are at all that there is, and
    NotBegun, Paused, CampaignClosed, TermsNotAccepted where the campaign hands out nothing.
    """
    if ask.kind != RANDOM and ask.kind not in set(Kind):
        raise Invalid(
            "There is no kind of task '%(given)s'; there are random, %(known)s.",
            given=ask.kind,
            known=", ".join(Kind),
            field="kind",
        )
    book = PolicyBook(db)
    freed = work.release_expired(db, now)
    in_hand = work.open_leases(db, person.id, now)
    for lease in in_hand:
        if ask.admits(lease):
            return shown(db, lease, book)
    is_staff = person.role.reaches(PersonRole.MODERATOR)
    if notices.has_unread_warning(db, person.id):
        raise WarningUnread("Read the warning that you were given before you go on.")
    refuse_new_work(charter_in_force(db), is_staff=is_staff, accepted=person.terms)
    resting = _check_limits(db, person, ask, len(in_hand), book, now)
    search = Search(person, book, now, rng, wait=not freed)
    found = _found(db, search, ask, resting)
    if found is None and search.missed:
        raise elsewhere()
    return shown(db, found, book) if found else None


Resting = Mapping[Kind, RateLimited]
"""Kinds of which somebody had so many lately that they must wait, with what is said to who asks for one."""


def _check_limits(
    db: Connection, person: Person, ask: Ask, open_tasks: int, book: PolicyBook, now: datetime
) -> Resting:
    """Refuse what this person may not be given now; of the rest, which kinds `random` must leave out."""
    base = book.campaign.base
    if open_tasks >= base.max_pending_tasks_per_user:
        raise TooManyOpenTasks(
            "You have %(count)s open tasks; finish or skip one first.", count=open_tasks, field="kind"
        )
    limits: list[tuple[Rate, tuple[Kind, ...]]] = [
        (rate, kinds)
        for rate, kinds in (
            (base.rate_tasks, tuple(Kind)),
            (base.rate_assistant_replies, (Kind.ASSISTANT_REPLY,)),
            (base.rate_prompter_replies, (Kind.PROMPTER_REPLY,)),
        )
        if rate is not None and (len(kinds) > 1 or ask.kind in (RANDOM, *kinds))
    ]
    resting: dict[Kind, RateLimited] = {}
    if not limits:
        return resting
    widest = max(rate.minutes for rate, _ in limits)
    recent = work.recent_kinds(db, person.id, now - timedelta(minutes=widest))
    for rate, kinds in limits:
        window = timedelta(minutes=rate.minutes)
        times = sorted(at for kind, at in recent if kind in kinds and at > now - window)
        if len(times) >= rate.count:
            wait_s = int((times[-rate.count] + window - now).total_seconds()) + 1
            if len(kinds) > 1:
                raise RateLimited(
                    "At most %(count)s tasks in %(minutes)s minutes; again in %(seconds)s seconds.",
                    count=rate.count, minutes=rate.minutes, seconds=wait_s, retry_after_s=wait_s, field="kind",
                )  # fmt: skip
            refusal = RateLimited(
                "At most %(count)s tasks of this kind in %(minutes)s minutes; again in %(seconds)s seconds.",
                count=rate.count, minutes=rate.minutes, seconds=wait_s, retry_after_s=wait_s, field="kind",
            )  # fmt: skip
            if ask.kind in kinds:
                raise refusal
            resting.update(dict.fromkeys(kinds, refusal))
    return resting


@dataclass(slots=True)
class Search:
    """Somebody looks for work. `wait`: for who is just changing the tree of a place that was found.

    Not once a tree is held (because a lease there ran out, or its place was lost after all): two who hold a tree each
    and wait for the other's would wait for ever. `missed`: there may have been something all the same, had one waited.
    """

    person: Person
    book: PolicyBook
    now: datetime
    rng: Random
    wait: bool = True
    missed: bool = False


def _found(db: Connection, search: Search, ask: Ask, resting: Resting) -> Lease | None:
    """A place of the kind that was asked for; of any kind, by their weights, for `random`.

    Raises RateLimited when there is work only of kinds of which this person had enough for now.
    """
    if ask.kind != RANDOM:
        return _of_kinds(db, search, (Kind(ask.kind),), ask.langs)
    for group in groups_in_turn(search.rng):
        kinds = tuple(kind for kind in GROUPS[group] if kind not in resting)
        if kinds and (lease := _of_kinds(db, search, kinds, ask.langs)):
            return lease
    for kind, refusal in resting.items():
        if _free_place(db, search, (kind,), ask.langs):
            raise refusal
    return None


def _of_kinds(db: Connection, search: Search, kinds: tuple[Kind, ...], langs: Sequence[str]) -> Lease | None:
    if kinds == (Kind.INITIAL_PROMPT,):
        return _prompt(db, search, langs)
    gold_share = search.book.campaign.base.gold_task_share
    # A place may be taken between finding and holding it only where there are several writers; then look again.
    for _ in range(5):
        place = _free_place(db, search, kinds, langs)
        if place is None:
            return None
        if known := gold.in_place_of(db, search.person, place, gold_share, search.rng):
            return _lease(db, search, known, gold_task=True)
        if work.take_place(db, place, search.rng, wait=search.wait):
            return _lease(db, search, place)
        search.wait = False
    search.missed = True
    return None


def _free_place(db: Connection, search: Search, kinds: tuple[Kind, ...], langs: Sequence[str]) -> Candidate | None:
    person_id, rng = search.person.id, search.rng
    if ACT_OF[kinds[0]] is not Act.REPLY:
        return work.find_place(db, person_id, kinds, langs, rng)
    langs = [lang for lang in langs if not _has_written_enough(db, search.person, lang, search.book, search.now)]
    share = search.book.campaign.base.max_share_of_tree
    if Kind.ASSISTANT_REPLY in kinds:
        preferring = [lang for lang in langs if rng.random() < search.book.for_lang(lang).p_lonely_child_extension]
        lonely = work.find_place(
            db, person_id, (Kind.ASSISTANT_REPLY,), preferring, rng, lonely=True, own=False, share_of_tree=share
        )
        if lonely:
            return lonely
    # An own message is offered as parent only when no other is open to this person.
    return work.find_place(db, person_id, kinds, langs, rng, own=False, share_of_tree=share) or work.find_place(
        db, person_id, kinds, langs, rng, share_of_tree=share
    )


def _has_written_enough(db: Connection, person: Person, lang: str, book: PolicyBook, now: datetime) -> bool:
    """Whether one more message would pass the person's share of the language's week; the first is always free.

    What they have in hand to write counts as written.
    """
    share = book.campaign.base.max_share_of_language_week
    if share is None:
        return False
    mine, everybody = languages.written_in_week(db, person.id, lang, now)
    more = work.writing_in_hand(db, person.id, lang, now) + 1
    return mine + more > max(1, share * (everybody + more))


def _prompt(db: Connection, search: Search, langs: Sequence[str]) -> Lease | None:
    shares = shares_of_places(db, langs, search.book)
    left = dict(shares)
    while lang := draw(left, search.rng):
        del left[lang]
        if prompts_open(db, lang, search.book, shares[lang]) <= 0:
            continue
        if _has_written_enough(db, search.person, lang, search.book, search.now):
            continue
        if locks.several_writers(db) and not _still_open(db, search, lang, shares[lang]):
            continue
        return _kept(db, search, Kind.INITIAL_PROMPT, lang, None, None)
    return None


def _still_open(db: Connection, search: Search, lang: str, share: float) -> bool:
    """Whether a language asks for a new prompt now that nobody else can be handed it."""
    held = locks.hold_prompts(db, lang, wait=search.wait)
    search.wait = False
    search.missed |= not held
    return held and prompts_open(db, lang, search.book, share) > 0


def prompts_open(db: Connection, lang: str, book: PolicyBook, share: float) -> int:
    """How many new prompts a language with this share of its places asks for now."""
    policy = book.for_lang(lang)
    return new_prompts_open(
        policy,
        lang,
        growing=languages.trees_in(db, lang, State.GROWING, policy.max_active_trees),
        in_review=languages.trees_in(db, lang, State.INITIAL_PROMPT_REVIEW, policy.max_initial_prompt_review),
        waiting=languages.prompts_waiting(db, lang, policy.max_prompt_lottery_waiting),
        live_leases=work.prompts_held(db, lang),
        share=share,
    )


def _lease(db: Connection, search: Search, place: Candidate, *, gold_task: bool = False) -> Lease:
    again = work.lapsed_lease(db, search.person.id, place.act, place.subject, gold=gold_task)
    if again is not None and place.act is Act.RANK and set(again.replies) != set(live_replies(db, place.subject)):
        work.release(db, again, status="closed")  # it shows what is no longer there to be ranked
        again = None
    if again is not None:
        until = search.now + lease_time(again.kind, search.book.for_lang(again.lang))
        renewed = replace(again, expires_at=until, held=True)
        work.hold_again(db, renewed)
        return renewed
    return _kept(db, search, place.kind, place.lang, place.tree_id, place.subject, gold_task=gold_task)


def _kept(
    db: Connection,
    search: Search,
    kind: Kind,
    lang: str,
    tree_id: str | None,
    subject: str | None,
    *,
    gold_task: bool = False,
) -> Lease:
    policy, rng = search.book.for_lang(lang), search.rng
    act = ACT_OF.get(kind)
    replies: list[str] = []
    if act is Act.RANK and subject is not None:
        replies = live_replies(db, subject)
        rng.shuffle(replies)
    lease = Lease(
        id=timely_id(search.now, rng),
        person_id=search.person.id,
        kind=kind,
        lang=lang,
        tree_id=tree_id,
        subject=subject,
        simple=act is Act.LABEL and rng.random() >= _share_of_full(kind, policy),
        gold=gold_task,
        replies=tuple(replies),
        created_at=search.now,
        expires_at=search.now + lease_time(kind, policy),
        status="open",
        held=True,
        inspiration=inspirations.draw(db, lang, rng) if act is None else None,
    )
    work.keep_lease(db, lease)
    return lease


def _share_of_full(kind: Kind, policy: Policy) -> float:
    return {
        Kind.LABEL_INITIAL_PROMPT: policy.p_full_labeling_review_prompt,
        Kind.LABEL_ASSISTANT_REPLY: policy.p_full_labeling_review_reply_assistant,
        Kind.LABEL_PROMPTER_REPLY: policy.p_full_labeling_review_reply_prompter,
    }[kind]


def lease_time(kind: Kind, policy: Policy) -> timedelta:
    act = ACT_OF.get(kind)
    minutes = {Act.LABEL: policy.lease_minutes_label, Act.RANK: policy.lease_minutes_ranking}
    return timedelta(
        minutes=policy.lease_minutes_writing if act is None else minutes.get(act, policy.lease_minutes_writing)
    )


def shown(db: Connection, lease: Lease, book: PolicyBook) -> Task:
    """The task as its holder sees it: texts, roles and handles, and nothing of who wrote them."""
    policy = book.for_lang(lease.lang)
    task = partial(Task, lease.id, lease.kind, lease.lang, lease.expires_at)
    act = lease.act
    if act is None or lease.tree_id is None or lease.subject is None:
        beside = inspirations.find(db, lease.inspiration) if lease.inspiration else None
        return task(max_characters=policy.message_max_characters, inspiration=beside.idea if beside else None)
    nodes = nodes_of(db, lease.tree_id)
    if not nodes.keys() >= {lease.subject, *lease.replies}:
        raise TakenBack
    path = path_to(nodes, lease.subject)
    thread = tuple(Turn(f"m{place}", node.role, node.text, node.lang) for place, node in enumerate(path))
    if act is Act.REPLY:
        return task(thread, max_characters=policy.message_max_characters)
    if act is Act.RANK:
        replies = (Reply(f"r{place}", nodes[reply].text) for place, reply in enumerate(lease.replies))
        return task(thread, tuple(replies))
    labels = offered_labels(path[-1].role, full=not lease.simple)
    return task(thread, labels=labels, mandatory=MANDATORY_LABELS, mode="simple" if lease.simple else "full")


def my_tasks(db: Connection, person: Person, now: datetime, *, after: str | None = None) -> list[Task]:
    """What this person has in hand, oldest first. after: only what came after this task of theirs, which may be over.

    Raises NotFound.
    """
    leases = work.open_leases(db, person.id, now)
    if after is not None:
        last = _handed_out(db, person, after)
        leases = [lease for lease in leases if (lease.created_at, lease.id) > (last.created_at, last.id)]
    book = PolicyBook(db)
    return [shown(db, lease, book) for lease in leases]


def limit_reached(db: Connection, person: Person, ask: Ask, now: datetime) -> Refusal | None:
    """Why this person gets no new task now, whatever there is to do; None when nothing stands against it.

    Raises TermsNotAccepted.
    """
    is_staff = person.role.reaches(PersonRole.MODERATOR)
    try:
        refuse_new_work(charter_in_force(db), is_staff=is_staff, accepted=person.terms)
        _check_limits(db, person, ask, len(work.open_leases(db, person.id, now)), PolicyBook(db), now)
    except (TryLater, NotBegun, CampaignClosed) as refusal:
        return refusal
    return None


def elsewhere_open(db: Connection, person: Person, langs: Sequence[str], now: datetime) -> dict[str, int]:
    """How many tasks there are for this person in languages other than these; only where there are any."""
    others = [lang for lang in languages.langs_of_trees(db) if lang not in langs]
    counts = {lang: sum(here[kind] for kind in Kind) for lang, here in availability(db, person, others, now).items()}
    return {lang: count for lang, count in counts.items() if count}


def own_task(db: Connection, person: Person, task_id: str) -> Task:
    """What a person was handed and has not answered, also after its time.

    Raises NotFound, AlreadyAnswered, and Stale when the author took back what it is about.
    """
    return shown(db, own_lease(db, person, task_id), PolicyBook(db))


def availability(db: Connection, person: Person, langs: Sequence[str], now: datetime) -> dict[str, dict[str, int]]:
    """How many tasks of each kind this person could get now, by language; `random` is their sum. Changes nothing."""
    if _stands_still(db, person):
        return {lang: dict.fromkeys((*map(str, Kind), RANDOM), 0) for lang in langs}
    book = PolicyBook(db)
    result: dict[str, dict[str, int]] = {}
    shares = shares_of_places(db, langs, book)
    for lang in langs:
        share = book.campaign.base.max_share_of_tree
        counts = dict.fromkeys(map(str, Kind), 0) | work.free_places(db, person.id, lang, share_of_tree=share)
        counts[Kind.INITIAL_PROMPT] = prompts_open(db, lang, book, shares[lang])
        if _has_written_enough(db, person, lang, book, now):
            counts.update(dict.fromkeys(WRITING, 0))
        result[lang] = {**counts, RANDOM: sum(counts.values())}
    return result


def _stands_still(db: Connection, person: Person) -> bool:
    """Whether the campaign hands out nothing to this person."""
    try:
        is_staff = person.role.reaches(PersonRole.MODERATOR)
        refuse_new_work(charter_in_force(db), is_staff=is_staff, accepted=person.terms)
    except (NotBegun, Paused, CampaignClosed):
        return True
    except TermsNotAccepted:
        pass
    return False


def skip(db: Connection, person: Person, task_id: str, reason: str, now: datetime, rng: Random) -> None:
    """Give a task back for good: this person is not asked again. Raises NotFound, AlreadyAnswered, Invalid, Stale."""
    if reason not in SKIP_REASONS:
        raise Invalid(
            "There is no reason '%(given)s'; there are %(known)s.",
            given=reason,
            known=", ".join(SKIP_REASONS),
            field="reason",
        )
    lease = own_lease(db, person, task_id)
    act = lease.act
    if lease.gold:
        gold.skip(db, person, lease, reason, now)
    if act is None or lease.tree_id is None or lease.subject is None or lease.gold:
        work.release(db, lease, status="skipped", expires_at=now)
        return
    scene = Scene(PolicyBook(db), now, rng)
    tree = tree_of_task(db, lease)
    work.release(db, lease, status="skipped", expires_at=now)
    fact = Skipped(lease.subject, Skip(person.id, SKIP_OF[act], reason))
    record(db, tree.id, fact, now, person=person.id, task=lease.id, terms=person.terms)
    change_tree(db, tree, fact, scene)


def tree_of_task(db: Connection, lease: Lease) -> Tree:
    """The tree that a task is about. Raises Stale when what it asks about is gone."""
    tree = trees.find_tree(db, lease.tree_id or "")
    if tree is None or not tree.messages.keys() >= set(lease.replies):
        raise TakenBack
    refuse_stale(tree, lease.subject or "")
    return tree


def own_lease(db: Connection, person: Person, task_id: str) -> Lease:
    """A person's own open task. Raises NotFound (also for other people's tasks) and AlreadyAnswered."""
    lease = _handed_out(db, person, task_id)
    if lease.status != "open":
        raise AlreadyAnswered("This task is %(status)s already.", status=lease.status, field="task_id")
    return lease


def _handed_out(db: Connection, person: Person, task_id: str) -> Lease:
    lease = work.find_lease(db, task_id)
    if lease is None or lease.person_id != person.id:
        raise NotFound("You have no such task.")
    return lease
