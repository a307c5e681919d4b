"""People who are purged, and people who leave: what is left of them, and that all else agrees."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from espalier.collect import accounts, erasure, moderation, tasks
from espalier.collect.jobs import run_jobs
from espalier.domain.contribution import Skipped
from espalier.domain.errors import Conflict, NotAllowed, WrongState
from espalier.domain.message import Skip, SkipOf
from espalier.domain.tree import Shape, State, Tree
from espalier.domain.work import Act
from espalier.store import boards, jobs, journal, people, receipts, search, tables, texts, work
from espalier.store.jobs import Job, JobStatus
from espalier.store.people import Person, PersonRole
from espalier.store.sql import Statement
from gardens import Garden

SHAPE = Shape(max_tree_depth=2, max_children_count=3, num_prompter_replies=1, goal_tree_size=4)


def run_all(garden: Garden, job: Job) -> Job:
    while run_jobs(garden.call, garden.now, garden.rng):
        pass
    done = jobs.find(garden.db, job.id)
    assert done is not None
    assert (done.status, done.error) == (JobStatus.DONE, None)
    return done


def purge(garden: Garden, person: Person) -> Job:
    return run_all(garden, erasure.purge(garden.db, None, person.id, garden.now, garden.rng))


def close(garden: Garden, person: Person) -> Job:
    return run_all(garden, erasure.close_account(garden.db, person, person.id, garden.now, garden.rng))


def rows_that_say(garden: Garden, wanted: str, *, but: tuple[str, ...] = ()) -> list[str]:
    """Tables in which a text or an id still stands somewhere."""
    return sorted(
        name
        for name, table in tables.metadata.tables.items()
        if name not in but and any(wanted in repr(row) for row in Statement(select(table)).rows(garden.db))
    )


def finished_tree(garden: Garden, mallory: Person) -> tuple[str, list[str]]:
    """Three ranked replies, the middle one by Mallory, who also reviewed the first and ranked them all."""
    ada, grace = garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin("planter"), shape=SHAPE)
    replies = [
        garden.accepted_reply(ada, mallory, tree_id, "First."),
        garden.accepted_reply(mallory, ada, tree_id, "Poison."),
        garden.accepted_reply(grace, ada, tree_id, "Third."),
    ]
    garden.rank(garden.person("Barbara"), tree_id, *replies)
    assert garden.load(tree_id).state is State.READY_FOR_EXPORT
    return tree_id, replies


def test_a_purged_message_is_an_empty_authorless_deleted_tombstone_and_ranks_close_up(garden: Garden) -> None:
    mallory = garden.person("Mallory")
    tree_id, (first, poison, third) = finished_tree(garden, mallory)
    assert garden.load(tree_id).messages[poison].rank == 1

    purge(garden, mallory)
    tree = garden.load(tree_id)
    tombstone = tree.messages[poison]
    assert (tombstone.text, tombstone.author, tombstone.deleted, tombstone.tombstone) == ("", None, True, True)
    assert [tree.messages[reply].rank for reply in (first, poison, third)] == [0, None, 1]
    assert tree.messages[first].reviews == (), "their votes are gone"
    assert tree.messages[first].accepted, "what was accepted stays accepted"
    with pytest.raises(WrongState):
        moderation.undelete_message(garden.db, garden.moderator(), poison, garden.now, garden.rng)


def test_descendants_of_purged_messages_are_kept_but_out_of_every_task(garden: Garden) -> None:
    mallory, ada, grace = garden.person("Mallory"), garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin())
    poison = garden.accepted_reply(mallory, ada, tree_id, "Poison.")
    below = garden.reply(grace, poison, "And then?")
    task = tasks.next_task(garden.db, ada, tasks.Ask("label_prompter_reply", ("en",)), garden.now, garden.rng)
    assert task is not None

    purge(garden, mallory)
    tree = garden.load(tree_id)
    assert tree.messages[below].text == "And then?"
    assert not tree.is_live(below)
    assert tasks.my_tasks(garden.db, ada, garden.now) == []
    assert work.held_on(garden.db, Act.LABEL, below) == (0, 0)
    assert work.held_on(garden.db, Act.REPLY, poison) == (0, 0)
    again = tasks.next_task(garden.db, grace, tasks.Ask("assistant_reply", ("en",)), garden.now, garden.rng)
    assert again is not None
    assert len(again.thread) == 1, "the purged reply's place is free again"


def test_a_purged_vote_is_asked_for_again(garden: Garden) -> None:
    garden.policy(num_reviews_reply=2, num_required_rankings=2)
    mallory, ada, grace = garden.person("Mallory"), garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin())
    reply = garden.reply(ada, tree_id)
    garden.review(mallory, reply)
    purge(garden, mallory)
    garden.review(grace, reply)
    assert garden.load(tree_id).messages[reply].accepted is None
    garden.review(garden.person("Barbara"), reply)
    assert garden.load(tree_id).messages[reply].accepted


def test_a_purged_prompt_halts_its_tree(garden: Garden) -> None:
    garden.policy(max_active_trees=0)
    mallory = garden.admin("Mallory")
    trees = [garden.tree(mallory, state=state) for state in moderation.PLANTED_INTO]
    accounts.change_role(garden.db, garden.admin(), mallory.id, PersonRole.CONTRIBUTOR, garden.now)
    purge(garden, mallory)
    for tree_id in trees:
        assert garden.load(tree_id).state is State.HALTED_BY_MODERATOR
    assert rows_that_say(garden, "Why is the sky blue?") == []


def test_nothing_that_a_purged_person_wrote_is_left_anywhere(garden: Garden) -> None:
    mallory, warden = garden.person("Mallory"), garden.moderator()
    tree_id, (first, poison, _) = finished_tree(garden, mallory)
    moderation.edit_message(garden.db, warden, poison, "Less Poison.", garden.now, garden.rng)
    moderation.report(garden.db, garden.person("Eve"), poison, "Says Poison.", garden.now, garden.rng)
    moderation.report(garden.db, mallory, first, "Not Poison.", garden.now, garden.rng)
    texts.keep_sent(garden.db, mallory.id, "Poison", garden.now)
    receipts.keep_answer(garden.db, mallory.id, "c1", "digest", {"id": "Poison"})
    assert tasks.next_task(garden.db, mallory, tasks.Ask("initial_prompt", ("en",)), garden.now, garden.rng)
    assert rows_that_say(garden, "Poison") != []
    assert search.find(garden.db, "Poison") != []

    purge(garden, mallory)
    assert rows_that_say(garden, "Poison") == []
    assert rows_that_say(garden, "poison") == []
    # That it happened is kept: in the journal, the job, and an account that nobody can open.
    assert rows_that_say(garden, mallory.id) == ["jobs", "journal", "people"]
    entry = journal.entries(garden.db, 1, subject=mallory.id)[0]
    assert (entry.action, entry.data) == ("person.purged", {})
    account = people.by_id(garden.db, mallory.id)
    assert account is not None
    assert (account.name, account.disabled, account.anonymous) == (erasure.CLOSED_NAME, True, True)
    assert search.find(garden.db, "Poison") == []
    assert "Poison" not in repr(moderation.history(garden.db, garden.moderator("reader"), poison))
    assert tree_id


def test_edits_after_a_purge_start_from_what_it_left(garden: Garden) -> None:
    mallory, warden = garden.person("Mallory"), garden.moderator()
    tree_id, (first, _, _) = finished_tree(garden, mallory)
    moderation.edit_message(garden.db, warden, first, "Second thoughts.", garden.now, garden.rng)
    purge(garden, mallory)
    moderation.edit_message(garden.db, warden, first, "Third thoughts.", garden.now, garden.rng)
    assert [wording.text for wording in moderation.history(garden.db, warden, first)] == [
        "First.",
        "Second thoughts.",
        "Third thoughts.",
    ]
    assert tree_id


def test_the_preview_counts_and_changes_nothing(garden: Garden) -> None:
    mallory, ada = garden.person("Mallory"), garden.person("Ada")
    tree_id, (first, poison, _) = finished_tree(garden, mallory)
    moderation.react(garden.db, mallory, first, "-1", True, garden.now, garden.rng)
    other = garden.tree(garden.admin())
    parent = garden.accepted_reply(mallory, ada, other)
    garden.reply(garden.person("Eve"), parent)
    before = [garden.load(each) for each in (tree_id, other)]

    counts = erasure.purge_preview(garden.db, garden.moderator(), mallory.id)
    assert (counts.trees, counts.messages, counts.prompts, counts.replies_below) == (2, 2, 0, 1)
    assert (counts.labels, counts.rankings, counts.reactions, counts.skips) == (1, 0, 1, 0)
    assert [garden.load(each) for each in (tree_id, other)] == before
    assert poison in before[0].messages


def test_only_staff_purge_and_never_an_administrator(garden: Garden) -> None:
    chief, ada, warden = garden.admin(), garden.person("Ada"), garden.moderator()
    for actor, target in ((ada, warden), (warden, chief), (chief, chief)):
        with pytest.raises(NotAllowed):
            erasure.purge(garden.db, actor, target.id, garden.now, garden.rng)
        with pytest.raises(NotAllowed):
            erasure.purge_preview(garden.db, actor, target.id)


def test_a_large_purge_goes_on_in_batches_and_is_one_job_however_often_it_is_asked_for(garden: Garden) -> None:
    mallory, warden, chief = garden.person("Mallory"), garden.moderator(), garden.admin()
    trees = [garden.tree(chief) for _ in range(erasure.TREES_AT_ONCE + 2)]
    for tree_id in trees:
        garden.reply(mallory, tree_id, "Poison.")
    job = erasure.purge(garden.db, warden, mallory.id, garden.now, garden.rng)
    assert erasure.purge(garden.db, warden, mallory.id, garden.now, garden.rng).id == job.id
    assert job.total == len(trees)
    account = people.by_id(garden.db, mallory.id)
    assert account is not None
    assert account.disabled, "at once"

    run_jobs(garden.call, garden.now, garden.rng)
    half = jobs.find(garden.db, job.id)
    assert half is not None
    assert (half.status, half.progress) == (JobStatus.RUNNING, erasure.TREES_AT_ONCE)
    garden.check()
    assert run_all(garden, job).progress == len(trees)
    assert rows_that_say(garden, "Poison") == []


def leaving(garden: Garden) -> tuple[str, Person, Tree]:
    mallory = garden.person("Mallory")
    tree_id, (first, _, third) = finished_tree(garden, mallory)
    for emoji, on in (("rofl", True), ("rofl", False), ("clap", True), ("-1", True), ("+1", True)):
        moderation.react(garden.db, mallory, first, emoji, on, garden.now, garden.rng)
    garden.rank(mallory, tree_id, third, first)
    garden.add(tree_id, mallory, Skipped(third, Skip(mallory.id, SkipOf.LABELING, "unclear")))
    return tree_id, mallory, garden.load(tree_id)


def test_who_leaves_leaves_texts_and_votes_under_no_id(garden: Garden) -> None:
    tree_id, mallory, before = leaving(garden)
    close(garden, mallory)
    after = garden.load(tree_id)
    assert [(message.text, message.rank, message.accepted) for message in after.messages.values()] == [
        (message.text, message.rank, message.accepted) for message in before.messages.values()
    ]
    for message_id, message in after.messages.items():
        was = before.messages[message_id]
        assert message.emoji_counts() == was.emoji_counts()
        assert len(message.reviews) == len(was.reviews)
        assert message.author != mallory.id
    assert rows_that_say(garden, mallory.id) == ["jobs", "journal", "people"]
    assert rows_that_say(garden, "Mallory") == []
    assert boards.active_days(garden.db, mallory.id) == []


def test_reactions_of_several_who_left_are_still_several(garden: Garden) -> None:
    tree_id = garden.tree(garden.admin())
    for name in ("Mallory", "Trent"):
        person = garden.person(name)
        moderation.react(garden.db, person, tree_id, "clap", True, garden.now, garden.rng)
        garden.add(tree_id, person, Skipped(tree_id, Skip(person.id, SkipOf.REPLY, "unclear")))
        close(garden, person)
    assert garden.load(tree_id).root.emoji_counts() == {"clap": 2, "_skip_reply": 2}


def test_prompts_of_who_left_leave_the_lottery(garden: Garden) -> None:
    garden.policy(max_active_trees=0)
    ada, chief = garden.admin("Ada"), garden.admin()
    waiting = garden.tree(ada, state=State.PROMPT_LOTTERY_WAITING)
    growing = garden.tree(ada)
    run_all(garden, erasure.close_account(garden.db, chief, ada.id, garden.now, garden.rng))
    assert garden.load(waiting).state is State.HALTED_BY_MODERATOR
    assert garden.load(growing).state is State.GROWING
    assert garden.load(waiting).root.text == "Why is the sky blue?"


def test_an_account_is_closed_by_oneself_or_an_administrator_and_once(garden: Garden) -> None:
    ada, grace, chief = garden.person("Ada"), garden.person("Grace"), garden.admin()
    with pytest.raises(NotAllowed):
        erasure.close_account(garden.db, grace, ada.id, garden.now, garden.rng)
    with pytest.raises(Conflict, match="last administrator"):
        erasure.close_account(garden.db, chief, chief.id, garden.now, garden.rng)
    close(garden, ada)
    with pytest.raises(Conflict):
        erasure.close_account(garden.db, chief, ada.id, garden.now, garden.rng)
    with pytest.raises(Conflict):
        accounts.unban(garden.db, chief, ada.id, garden.now, garden.rng)
    assert people.tokens_of(garden.db, ada.id) == []


def test_who_is_purged_while_leaving_is_purged(garden: Garden) -> None:
    mallory = garden.person("Mallory")
    tree_id, (_, poison, _) = finished_tree(garden, mallory)
    leaving_job = erasure.close_account(garden.db, mallory, mallory.id, garden.now, garden.rng)
    purge(garden, mallory)
    stopped = jobs.find(garden.db, leaving_job.id)
    assert stopped is not None
    assert stopped.status is JobStatus.CANCELLED
    assert garden.load(tree_id).messages[poison].tombstone


def test_flags_that_were_answered_stay_answered_when_one_of_them_is_purged(garden: Garden) -> None:
    garden.policy(auto_mod_red_flags=2)
    mallory, warden = garden.person("Mallory"), garden.moderator()
    tree_id = garden.tree(garden.admin())
    reply = garden.reply(garden.person("Ada"), tree_id)
    moderation.report(garden.db, mallory, reply, "Bad.", garden.now, garden.rng)
    moderation.close_reports(garden.db, warden, reply, garden.later(seconds=1), garden.rng)
    purge(garden, mallory)
    moderation.report(garden.db, garden.person("one"), reply, "Bad.", garden.now, garden.rng)
    assert not garden.load(tree_id).messages[reply].deleted
    moderation.report(garden.db, garden.person("two"), reply, "Bad.", garden.now, garden.rng)
    assert garden.load(tree_id).messages[reply].deleted


def test_a_ranking_in_hand_ends_when_one_of_its_replies_is_gone(garden: Garden) -> None:
    mallory, ada, grace = garden.person("Mallory"), garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin(), shape=SHAPE)
    for author in (ada, mallory, garden.person("Eve")):
        garden.accepted_reply(author, garden.person("reviewer"), tree_id, f"By {author.name}.")
    ask = tasks.Ask("rank_assistant_replies", ("en",))
    first = tasks.next_task(garden.db, grace, ask, garden.now, garden.rng)
    assert first is not None
    assert len(first.replies) == 3
    purge(garden, mallory)
    assert tasks.my_tasks(garden.db, grace, garden.now) == []
    second = tasks.next_task(garden.db, grace, ask, garden.later(seconds=1), garden.rng)
    assert second is not None
    assert sorted(reply.text for reply in second.replies) == ["By Ada.", "By Eve."]
    garden.now += timedelta(hours=1)
