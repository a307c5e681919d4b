"""What an organiser says of the campaign holds for everybody at once."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection

from campaigns import NOON
from espalier.collect import charter, moderation, tasks
from espalier.collect.accounts import create_person
from espalier.collect.answers import TextAnswer
from espalier.collect.beginning import begin
from espalier.collect.contributions import submit
from espalier.collect.exports import export_trees
from espalier.domain.charter import OWN_TERMS, Charter, InvalidCharter, Running
from espalier.domain.errors import CampaignClosed, Conflict, NotAllowed, NotBegun, Paused, TermsNotAccepted
from espalier.domain.policy import CampaignPolicy
from espalier.domain.tree import State
from espalier.store import people
from espalier.store.charters import charter_in_force, charter_versions
from espalier.store.documents import consents_of, latest
from espalier.store.people import Person, PersonRole

ASK = tasks.Ask("initial_prompt", ("en",))


@pytest.fixture
def somebody(db: Connection) -> Callable[..., Person]:
    """Makes an account in a campaign that has begun."""
    secrets = (f"secret-{number}" for number in range(100))
    begin(db, CampaignPolicy(), lambda: next(secrets), NOON, Random(1))
    rng = Random(2)

    def make(name: str = "Ada", role: PersonRole = PersonRole.CONTRIBUTOR) -> Person:
        return create_person(db, None, name, role, lambda: next(secrets), NOON, rng).person

    return make


def asked(db: Connection, person: Person) -> Any:
    return tasks.next_task(db, person, ASK, NOON, Random(person.id))


def test_before_anybody_says_anything_the_campaign_is_open_to_members(db: Connection) -> None:
    assert charter_in_force(db) == Charter()
    assert Charter().running is Running.OPEN


def test_what_is_not_named_stays_and_every_version_is_kept(db: Connection, somebody: Callable[..., Person]) -> None:
    charter.change_charter(db, None, {"name": "Garden", "languages": ["de", "en"]}, NOON)
    charter.change_charter(db, None, {"target": 500}, NOON)
    charter.change_charter(db, None, {"target": 500}, NOON)
    assert charter_in_force(db) == Charter(name="Garden", languages=("de", "en"), target=500)
    assert [each.charter.target for each in charter_versions(db, 10)] == [500, None]
    with pytest.raises(NotAllowed):
        charter.change_charter(db, somebody(), {"name": "Mine"}, NOON)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"), ({"languages": ["no language"]}, "languages"), ({"target": 0}, "target"),
        ({"running": "dancing"}, "running"), ({"licence_url": "ftp://x"}, "licence_url"), ({"colour": "red"}, "colour"),
        ({"email": False}, "email"), ({"admission": "domains"}, "domains"), ({"domains": ["nowhere"]}, "domains"),
        ({"paused_until": "soon"}, "paused_until"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_names_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidCharter) as refused:
        Charter.from_mapping(change)
    assert refused.value.field == field


def test_while_it_is_prepared_only_staff_get_tasks(db: Connection, somebody: Callable[..., Person]) -> None:
    charter.change_charter(db, None, {"running": "preparing"}, NOON)
    with pytest.raises(NotBegun):
        asked(db, somebody())
    assert asked(db, somebody("Mona", PersonRole.MODERATOR)) is not None


def test_a_pause_hands_out_nothing_and_takes_what_is_in_hand(db: Connection, somebody: Callable[..., Person]) -> None:
    ada = somebody()
    task = asked(db, ada)
    charter.change_charter(db, None, {"running": "paused", "paused_until": "2026-04-01", "reason": "We move."}, NOON)
    assert asked(db, ada).id == task.id
    with pytest.raises(Paused, match=r"2026-04-01.*We move\."):
        asked(db, somebody("Ben"))
    assert submit(db, ada, task.id, "c1", TextAnswer("Why is the sky blue?", True), NOON, Random(4)).message_id
    charter.change_charter(db, None, {"running": "open"}, NOON)
    assert charter_in_force(db).paused_until is None
    assert asked(db, somebody("Cleo")) is not None


def test_what_is_closed_takes_nothing_and_hands_the_text_back(db: Connection, somebody: Callable[..., Person]) -> None:
    ada = somebody()
    task = asked(db, ada)
    charter.change_charter(db, None, {"running": "closed", "release": "https://example.org/data"}, NOON)
    with pytest.raises(CampaignClosed) as refused:
        submit(db, ada, task.id, "c1", TextAnswer("Why is the sky blue?", True), NOON, Random(4))
    assert refused.value.text == "Why is the sky blue?"
    with pytest.raises(CampaignClosed):
        asked(db, somebody("Ben"))


def test_published_terms_are_asked_for_and_kept_with_what_is_sent(
    db: Connection, somebody: Callable[..., Person]
) -> None:
    ada = somebody()
    task = asked(db, ada)
    version = charter.publish(db, None, "terms", "en", "Be kind.", True, NOON)
    with pytest.raises(TermsNotAccepted):
        submit(db, ada, task.id, "c1", TextAnswer("Why is the sky blue?", True), NOON, Random(4))
    with pytest.raises(Conflict):
        charter.accept_terms(db, ada, version - 1, NOON)
    charter.accept_terms(db, ada, version, NOON)
    ada = people.by_id(db, ada.id) or ada
    submit(db, ada, task.id, "c1", TextAnswer("Why is the sky blue?", True), NOON, Random(4))
    kept = db.exec_driver_sql("SELECT terms FROM contributions WHERE kind = 'planted'").scalar()
    assert kept == version == ada.terms
    (exported,) = export_trees(db, list(State))
    assert exported.prompt.extra["consent_version"] == version
    assert consents_of(db, ada.id) == [(version, NOON)]


def test_a_correction_of_the_terms_asks_nobody_again(db: Connection, somebody: Callable[..., Person]) -> None:
    ada = somebody()
    charter.publish(db, None, "terms", "en", "Be kind.", False, NOON)
    assert asked(db, ada) is not None
    newest = latest(db, "terms", "en")
    assert newest is not None
    assert (newest.text, newest.version) == ("Be kind.", 2)
    assert latest(db, "terms", "de") is None


def test_a_reaction_and_a_skip_are_kept_with_the_terms_that_were_accepted(
    db: Connection, somebody: Callable[..., Person]
) -> None:
    planter = somebody("Ada", PersonRole.ADMIN)
    tree = moderation.plant(db, planter, "Why is the sky blue?", "en", NOON, Random(5), state=State.GROWING)
    ben = somebody("Ben")
    charter.accept_terms(db, ben, OWN_TERMS, NOON)
    ben = people.by_id(db, ben.id) or ben
    task = tasks.next_task(db, ben, tasks.Ask("assistant_reply", ("en",)), NOON, Random(6))
    assert task is not None
    tasks.skip(db, ben, task.id, "not_my_subject", NOON, Random(7))
    moderation.react(db, ben, tree.id, "+1", True, NOON, Random(8))
    kept = db.exec_driver_sql("SELECT kind, terms FROM contributions WHERE kind IN ('skipped', 'reacted')").all()
    assert {(kind, terms) for kind, terms in kept} == {("skipped", OWN_TERMS), ("reacted", OWN_TERMS)}
