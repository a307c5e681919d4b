"""A policy that changes while the campaign runs: what holds at once, and how it reaches the trees."""

import pytest

from espalier.collect import campaign, moderation
from espalier.collect.jobs import run_jobs
from espalier.domain.errors import Conflict, NotAllowed
from espalier.domain.lifecycle import Command
from espalier.domain.policy import InvalidPolicy
from espalier.domain.tree import State
from espalier.store import jobs, policies
from espalier.store.facts import log_of
from espalier.store.jobs import Job, JobStatus
from espalier.store.policies import PolicyBook
from gardens import Garden


def run_all(garden: Garden) -> int:
    batches = 0
    while run_jobs(garden.call, garden.now, garden.rng):
        batches += 1
    return batches


def found(garden: Garden, job: Job) -> Job:
    stored = jobs.find(garden.db, job.id)
    assert stored is not None
    return stored


def test_a_change_is_recorded_with_who_and_when(garden: Garden) -> None:
    chief = garden.admin()
    version, _ = campaign.change_policy(
        garden.db, chief, {"base": {"max_active_trees": 7}}, garden.later(hours=1), garden.rng
    )
    book = PolicyBook(garden.db)
    assert book.version == version
    assert book.campaign.base.max_active_trees == 7
    assert book.campaign.base.num_reviews_reply == 1, "what is not named stays"
    newest = policies.versions(garden.db, 1)[0]
    assert (newest.version, newest.person_id, newest.at) == (version, chief.id, garden.now)
    assert newest.policy == book.campaign


def test_only_administrators_change_it_and_a_wrong_value_changes_nothing(garden: Garden) -> None:
    version = PolicyBook(garden.db).version
    with pytest.raises(NotAllowed):
        campaign.change_policy(garden.db, garden.moderator(), {}, garden.now, garden.rng)
    with pytest.raises(InvalidPolicy, match="goal_tree_size"):
        campaign.change_policy(garden.db, garden.admin(), {"base": {"goal_tree_size": 501}}, garden.now, garden.rng)
    assert PolicyBook(garden.db).version == version


def test_a_raised_limit_draws_waiting_prompts_at_once(garden: Garden) -> None:
    garden.policy(max_active_trees=1)
    chief = garden.admin()
    trees = [garden.tree(chief, state=State.PROMPT_LOTTERY_WAITING) for _ in range(3)]
    trees += [garden.tree(chief, state=State.PROMPT_LOTTERY_WAITING, lang="de") for _ in range(3)]
    campaign.change_policy(
        garden.db, chief, {"base": {"max_active_trees": 2}, "langs": {"de": {"max_active_trees": 1}}}, garden.now,
        garden.rng,
    )  # fmt: skip
    growing = [garden.load(tree_id).lang for tree_id in trees if garden.load(tree_id).state is State.GROWING]
    assert sorted(growing) == ["de", "en", "en"]


def test_more_draws_than_fit_one_batch_are_made_by_the_job(garden: Garden) -> None:
    garden.policy(max_active_trees=0)
    chief = garden.admin()
    trees = [garden.tree(chief, state=State.PROMPT_LOTTERY_WAITING) for _ in range(25)]
    _, job = campaign.change_policy(garden.db, chief, {"base": {"max_active_trees": 22}}, garden.now, garden.rng)

    def growing() -> int:
        return sum(garden.load(tree_id).state is State.GROWING for tree_id in trees)

    assert growing() == campaign.DRAWS_AT_ONCE
    run_all(garden)
    assert growing() == 22
    assert found(garden, job).status is JobStatus.DONE


def test_a_tree_follows_its_old_policy_until_the_job_reaches_it(garden: Garden) -> None:
    garden.policy(num_reviews_reply=3)
    chief, ada = garden.admin(), garden.person("Ada")
    tree_id = garden.tree(chief)
    reply = garden.reply(ada, tree_id)
    garden.review(garden.person("Grace"), reply)

    version, job = campaign.change_policy(garden.db, chief, {"base": {"num_reviews_reply": 1}}, garden.now, garden.rng)
    assert garden.load(tree_id).messages[reply].accepted is None
    garden.check()
    run_all(garden)
    after = garden.load(tree_id)
    assert (after.policy, after.messages[reply].accepted) == (version, True)
    assert found(garden, job).progress == 1


def test_a_large_campaign_is_reached_in_batches_with_progress(garden: Garden) -> None:
    chief = garden.admin()
    trees = [garden.tree(chief) for _ in range(campaign.TREES_AT_ONCE + 3)]
    version, job = campaign.change_policy(garden.db, chief, {"base": {"goal_tree_size": 9}}, garden.now, garden.rng)
    run_jobs(garden.call, garden.now, garden.rng)
    half = found(garden, job)
    assert (half.status, half.progress, half.total) == (JobStatus.RUNNING, campaign.TREES_AT_ONCE, len(trees))
    reached = [tree_id for tree_id in sorted(trees) if garden.load(tree_id).policy == version]
    assert reached == sorted(trees)[: campaign.TREES_AT_ONCE]

    run_all(garden)
    assert {garden.load(tree_id).policy for tree_id in trees} == {version}
    assert found(garden, job).status is JobStatus.DONE
    assert found(garden, job).finished_at == garden.now


def test_finished_and_stopped_trees_are_left_alone_until_somebody_brings_them_back(garden: Garden) -> None:
    chief = garden.admin()
    halted, deleted = garden.tree(chief), garden.tree(chief)
    moderation.order_tree(garden.db, chief, halted, Command.HALT, garden.now, garden.rng)
    moderation.delete_message(garden.db, chief, deleted, garden.now, garden.rng)
    logs = [log_of(garden.db, tree_id) for tree_id in (halted, deleted)]
    version, _ = campaign.change_policy(garden.db, chief, {"base": {"goal_tree_size": 9}}, garden.now, garden.rng)
    run_all(garden)
    assert [log_of(garden.db, tree_id) for tree_id in (halted, deleted)] == logs

    moderation.order_tree(garden.db, chief, halted, Command.RESUME, garden.now, garden.rng)
    moderation.undelete_message(garden.db, chief, deleted, garden.now, garden.rng)
    for tree_id in (halted, deleted):
        tree = garden.load(tree_id)
        assert (tree.state, tree.policy) == (State.GROWING, version)


def test_a_later_change_takes_the_place_of_the_one_that_still_runs(garden: Garden) -> None:
    chief = garden.admin()
    trees = [garden.tree(chief) for _ in range(campaign.TREES_AT_ONCE + 1)]
    _, first = campaign.change_policy(garden.db, chief, {"base": {"goal_tree_size": 9}}, garden.now, garden.rng)
    run_jobs(garden.call, garden.now, garden.rng)
    version, second = campaign.change_policy(garden.db, chief, {"base": {"goal_tree_size": 8}}, garden.now, garden.rng)
    run_all(garden)
    assert found(garden, first).status is JobStatus.CANCELLED
    assert found(garden, second).status is JobStatus.DONE
    assert {garden.load(tree_id).policy for tree_id in trees} == {version}


def test_a_preview_names_what_would_change_and_a_change_made_for_another_version_is_refused(garden: Garden) -> None:
    chief = garden.admin()
    garden.tree(chief)
    wanted = {"base": {"max_active_trees": 3}}
    preview = campaign.preview_policy(garden.db, chief, wanted)
    assert [(each.name, each.now) for each in preview.changes] == [("max_active_trees", 3)]
    assert preview.trees == 1
    assert PolicyBook(garden.db).version == preview.version, "nothing is changed yet"

    campaign.change_policy(garden.db, chief, wanted, garden.now, garden.rng, seen=preview.version)
    with pytest.raises(Conflict):
        campaign.change_policy(garden.db, chief, wanted, garden.now, garden.rng, seen=preview.version)
    with pytest.raises(NotAllowed):
        campaign.preview_policy(garden.db, garden.moderator(), wanted)
