"""What a new campaign needs before anybody can work in it: a policy and an administrator. Once more changes nothing."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from sqlalchemy import Connection

from espalier.collect.accounts import Invitation, create_person
from espalier.domain.policy import CampaignPolicy
from espalier.store import people, policies
from espalier.store.locks import hold_beginning
from espalier.store.people import PersonRole


def begin(
    db: Connection, policy: CampaignPolicy, secret: Callable[[], str], now: datetime, rng: Random
) -> Invitation | None:
    """Put the first policy in force and make the first administrator, whose token is shown this once."""
    hold_beginning(db)
    if not policies.has_policy(db):
        policies.keep_policy(db, policy, None, now)
    if people.admins(db):
        return None
    return create_person(db, None, "Administrator", PersonRole.ADMIN, secret, now, rng)
