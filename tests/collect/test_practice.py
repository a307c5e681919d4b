"""Practice is due once, or until it is passed where the organiser requires that."""

from random import Random

import pytest
from sqlalchemy import Connection

from campaigns import NOON
from espalier.collect.accounts import create_person
from espalier.collect.beginning import begin
from espalier.collect.practice import is_due, practise
from espalier.domain.errors import NotAllowed
from espalier.domain.policy import CampaignPolicy
from espalier.store.people import Person, PersonRole
from espalier.store.practice import Outcome, practised_by


def newcomer(db: Connection, **policy: object) -> Person:
    begin(db, CampaignPolicy.from_mapping({"base": policy}), lambda: "first", NOON, Random(1))
    return create_person(db, None, "Ada", PersonRole.CONTRIBUTOR, lambda: "second", NOON, Random(2)).person


@pytest.mark.parametrize("outcome", Outcome)
def test_it_is_due_before_the_first_task_only_whatever_came_of_it(db: Connection, outcome: Outcome) -> None:
    ada = newcomer(db)
    assert is_due(db, ada, "review")
    practise(db, ada, "review", outcome, NOON)
    assert not is_due(db, ada, "review")
    assert is_due(db, ada, "order")


def test_where_it_is_required_it_is_due_until_it_is_passed(db: Connection) -> None:
    ada = newcomer(db, practice_required=True)
    practise(db, ada, "review", Outcome.TRIED, NOON)
    assert is_due(db, ada, "review")
    practise(db, ada, "review", Outcome.PASSED, NOON)
    assert not is_due(db, ada, "review")


def test_what_must_be_passed_cannot_be_skipped_and_the_refusal_changes_nothing(db: Connection) -> None:
    ada = newcomer(db, practice_required=True)
    with pytest.raises(NotAllowed):
        practise(db, ada, "review", Outcome.SKIPPED, NOON)
    assert practised_by(db, ada.id) == {}


def test_what_was_passed_stays_passed(db: Connection) -> None:
    ada = newcomer(db)
    practise(db, ada, "review", Outcome.PASSED, NOON)
    practise(db, ada, "review", Outcome.TRIED, NOON)
    assert practised_by(db, ada.id) == {"review": Outcome.PASSED}
