"""What the votes of a reviewer count, where the policy lets those who answer by habit or chance count for less.

The weight that somebody has when they vote is part of what they send, so that a rebuild reads the same. Knows no HTTP;
how weights are estimated is weighing.py.
"""

from datetime import datetime
from importlib.util import find_spec
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.ids import new_id
from espalier.domain.errors import Conflict
from espalier.domain.policy import Policy
from espalier.store import jobs, weights
from espalier.store.jobs import Job
from espalier.store.people import Person
from espalier.store.policies import PolicyBook

WEIGH_JOB: Final = "weigh_reviewers"


def are_weighed(policy: Policy) -> bool:
    return policy.least_reviewer_weight < 1


def weight_now(db: Connection, person: Person, policy: Policy) -> float:
    """What a vote of this person brings with it; nobody is looked up while all count alike."""
    return weights.weight_of(db, person.id) if are_weighed(policy) else weights.UNKNOWN


def ask_weights(db: Connection, now: datetime, rng: Random) -> None:
    """Let reviewers be weighed again, where the policy in force wants it and nobody is at it."""
    if are_weighed(PolicyBook(db).campaign.base) and not jobs.unfinished(db, WEIGH_JOB):
        jobs.add(db, Job(new_id(rng), WEIGH_JOB, {}, None, now))


def refuse_without_packages() -> None:
    """Raises Conflict where what weighs reviewers is not installed."""
    if find_spec("numpy") is None:
        raise Conflict(
            "Weighing reviewers needs packages that the site does without; install them with: "
            'pip install "espalier[data]"'
        )
