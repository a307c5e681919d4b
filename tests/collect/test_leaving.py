"""Who leaves has a day to think again; then texts and votes stay under no name, or go, as they chose."""

import pytest

from espalier.collect import leaving
from espalier.collect.accounts import known
from espalier.collect.jobs import make_rounds, run_jobs
from espalier.collect.own_data import own_data
from espalier.domain.errors import Conflict, Invalid
from espalier.store.people import Person
from espalier.store.preferences import Preferences, keep_preferences, preferences_of
from gardens import Garden


def time_passes(garden: Garden, hours: float) -> None:
    now = garden.later(hours=hours)
    make_rounds(garden.call, {}, now, garden.rng)
    while run_jobs(garden.call, now, garden.rng):
        pass


def writer(garden: Garden) -> tuple[Person, str, str]:
    """Somebody who wrote a reply, its tree and its id."""
    garden.policy()
    ann = garden.person("ann")
    tree_id = garden.tree(garden.admin())
    return ann, tree_id, garden.reply(ann, tree_id, "Mine.")


@pytest.mark.parametrize("how", leaving.WAYS)
def test_nothing_happens_for_a_day_and_then_what_was_chosen(garden: Garden, how: str) -> None:
    ann, tree_id, mine = writer(garden)
    keep_preferences(garden.db, ann.id, Preferences(langs=("de",)))
    due = leaving.ask_to_leave(garden.db, ann, how, garden.now, garden.rng)
    time_passes(garden, 23.9)
    assert leaving.leaving(garden.db, ann.id) == due
    assert not known(garden.db, ann.id).anonymous
    time_passes(garden, 0.2)
    assert known(garden.db, ann.id).anonymous
    assert leaving.leaving(garden.db, ann.id) is None
    message = garden.load(tree_id).messages[mine]
    assert (message.author, message.text) == (None, "Mine." if how == leaving.ANONYMISE else "")
    assert preferences_of(garden.db, ann.id) == Preferences()
    garden.check()


def test_who_thinks_again_stays(garden: Garden) -> None:
    ann, tree_id, mine = writer(garden)
    leaving.ask_to_leave(garden.db, ann, leaving.REMOVE, garden.now, garden.rng)
    with pytest.raises(Conflict):
        leaving.ask_to_leave(garden.db, ann, leaving.REMOVE, garden.now, garden.rng)
    leaving.stay(garden.db, ann, garden.now)
    leaving.stay(garden.db, ann, garden.now)
    time_passes(garden, 30)
    assert not known(garden.db, ann.id).anonymous
    assert garden.load(tree_id).messages[mine].author == ann.id
    leaving.ask_to_leave(garden.db, ann, leaving.REMOVE, garden.now, garden.rng)


def test_the_last_administrator_stays_and_nobody_leaves_without_a_choice(garden: Garden) -> None:
    chief = garden.admin()
    with pytest.raises(Conflict):
        leaving.ask_to_leave(garden.db, chief, leaving.REMOVE, garden.now, garden.rng)
    with pytest.raises(Invalid):
        leaving.ask_to_leave(garden.db, garden.person("ann"), "somehow", garden.now, garden.rng)


def test_ones_own_data_holds_ones_own_words_and_judgements(garden: Garden) -> None:
    ann, tree_id, _ = writer(garden)
    theirs = garden.reply(garden.person("ben"), tree_id, "Not mine.")
    garden.review(ann, theirs)
    data = own_data(garden.db, ann, garden.now)
    assert [(each["kind"], each.get("text")) for each in data["contributions"]] == [
        ("reviewed", None), ("replied", "Mine."),
    ]  # fmt: skip
    assert data["contributions"][0]["labels"]["spam"] == 0
    assert "Not mine." not in str(data)
