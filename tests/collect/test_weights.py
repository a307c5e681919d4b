"""Reviewers who count for less: what their votes bring with them, and who is weighed when."""

from contextlib import contextmanager
from random import Random
from typing import cast

import pytest
from sqlalchemy import Connection

from espalier.collect import campaign, contributions, erasure, tasks
from espalier.collect.answers import LabelsAnswer, RankingAnswer
from espalier.collect.files import Workshop, run_file_job
from espalier.collect.jobs import run_jobs
from espalier.collect.own_data import own_data
from espalier.collect.weighing import weigh_reviewers
from espalier.collect.weights import WEIGH_JOB, ask_weights, weight_now
from espalier.domain.policy import Policy
from espalier.domain.tree import Shape
from espalier.store import jobs, weights
from espalier.store.facts import log_of
from espalier.store.jobs import JobStatus
from espalier.store.people import Person
from gardens import Garden

WEIGHED = {"least_reviewer_weight": 0.1, "num_reviews_reply": 3, "rate_tasks": None}


def review(garden: Garden, person: Person, *, spam: float) -> None:
    task = tasks.next_task(
        garden.db, person, tasks.Ask("label_assistant_reply", ("en",)), garden.later(seconds=1), garden.rng
    )
    assert task is not None
    answer = LabelsAnswer({"spam": spam, "lang_mismatch": 0.0}, ())
    contributions.submit(garden.db, person, task.id, f"by {person.name}", answer, garden.now, garden.rng)


@pytest.mark.parametrize(("least", "accepted"), [(1.0, False), (0.1, True)])
def test_a_careful_reviewer_outweighs_two_who_answer_by_habit_where_the_policy_says_so(
    garden: Garden, least: float, accepted: bool
) -> None:
    garden.policy(**{**WEIGHED, "least_reviewer_weight": least})
    careful, ben, cai = (garden.person(name) for name in ("careful", "ben", "cai"))
    weights.keep_weights(garden.db, {careful.id: 1.0, ben.id: 0.02, cai.id: 0.1, "nobody": 0.5}, garden.now)
    tree_id = garden.tree(garden.admin(), shape=Shape(1, 2, 1, 3))
    reply = garden.reply(garden.person("writer"), tree_id)
    for person, spam in ((ben, 1.0), (cai, 1.0), (careful, 0.0)):
        review(garden, person, spam=spam)
    tree = garden.load(tree_id)
    assert tree.messages[reply].accepted is accepted
    weighed = least < 1
    assert [each.weight for each in tree.messages[reply].reviews] == ([0.02, 0.1, 1.0] if weighed else [1.0] * 3)
    assert "weight" not in str(own_data(garden.db, ben, garden.now)), "nobody learns their own"
    estimated = weights.last_estimate(garden.db)
    assert estimated is not None
    assert (estimated.reviewers, estimated.low) == (3, 2), "who is not here has none"


def test_what_a_vote_counted_stays_when_its_reviewer_is_weighed_again_or_leaves(garden: Garden) -> None:
    garden.policy(**WEIGHED)
    ben = garden.person("ben")
    tree_id = garden.tree(garden.admin(), shape=Shape(1, 2, 1, 3))
    reply = garden.reply(garden.person("writer"), tree_id)
    weights.keep_weights(garden.db, {ben.id: 0.3}, garden.now)
    review(garden, ben, spam=0.0)
    weights.keep_weights(garden.db, {ben.id: 0.9}, garden.later(days=1))
    assert [each.weight for each in garden.load(tree_id).messages[reply].reviews] == [0.3]
    erasure.close_account(garden.db, ben, ben.id, garden.now, garden.rng)
    while run_jobs(garden.call, garden.now, garden.rng):
        pass
    assert [each.weight for each in garden.load(tree_id).messages[reply].reviews] == [0.3]
    assert weights.last_estimate(garden.db) is None


def test_rankings_bring_their_weight_along(garden: Garden) -> None:
    garden.policy(**{**WEIGHED, "num_reviews_reply": 1})
    ben = garden.person("ben")
    weights.keep_weights(garden.db, {ben.id: 0.3}, garden.now)
    tree_id = garden.tree(garden.admin(), shape=Shape(1, 2, 1, 3))
    for name in ("one", "two"):
        garden.accepted_reply(garden.person(name), garden.person(f"judge of {name}"), tree_id, name)
    task = tasks.next_task(garden.db, ben, tasks.Ask("rank_assistant_replies", ("en",)), garden.now, garden.rng)
    assert task is not None
    contributions.submit(garden.db, ben, task.id, "sent", RankingAnswer([["r0"], ["r1"]]), garden.now, garden.rng)
    assert log_of(garden.db, tree_id)[-1].data["weight"] == 0.3


def test_while_all_count_alike_nobody_is_looked_up(garden: Garden) -> None:
    nowhere = cast(Connection, None)
    assert weight_now(nowhere, garden.person("ben"), Policy()) == 1


def test_reviewers_are_weighed_when_the_policy_begins_to_want_it_and_again_every_now_and_then(garden: Garden) -> None:
    chief = garden.admin()
    ask_weights(garden.db, garden.now, garden.rng)
    assert not jobs.unfinished(garden.db, WEIGH_JOB), "all count alike"
    for _ in range(2):
        campaign.change_policy(garden.db, chief, {"base": {"least_reviewer_weight": 0.1}}, garden.now, garden.rng)
        ask_weights(garden.db, garden.now, garden.rng)
    assert len(jobs.unfinished(garden.db, WEIGH_JOB)) == 1


def test_the_job_weighs_everybody_who_voted(garden: Garden, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    garden.policy(**WEIGHED)
    tree_id = garden.tree(garden.admin(), shape=Shape(1, 4, 1, 5))
    voters = [garden.person(name) for name in ("ann", "ben", "cai")]
    for _ in range(3):
        reply = garden.reply(garden.person("writer"), tree_id)
        for person in voters:
            garden.review(person, reply)
    ask_weights(garden.db, garden.now, garden.rng)

    @contextmanager
    def read():  # type: ignore[no-untyped-def]
        yield garden.db

    shop = Workshop(garden.call, read, tmp_path, lambda: garden.now, Random(1), lambda: "x" * 32)
    assert run_file_job(shop, {WEIGH_JOB: weigh_reviewers})
    (job,) = jobs.finished(garden.db, [WEIGH_JOB])
    assert (job.status, job.result) == (JobStatus.DONE, {"reviewers": 3})
    assert all(0 <= weights.weight_of(garden.db, each.id) <= 1 for each in voters)
