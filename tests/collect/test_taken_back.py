"""What cannot be taken back any more, because somebody has built on it."""

import pytest

from espalier.collect import contributions, erasure, tasks, undo
from espalier.collect.answers import LabelsAnswer
from espalier.collect.jobs import run_jobs
from espalier.domain.errors import BuiltOn
from espalier.domain.tree import Shape
from espalier.store.people import Person
from gardens import Garden


def label(garden: Garden, person: Person, spam: float) -> None:
    ask = tasks.Ask("label_assistant_reply", ("en",))
    task = tasks.next_task(garden.db, person, ask, garden.now, garden.rng)
    assert task is not None
    answer = LabelsAnswer({"spam": spam, "lang_mismatch": 0.0})
    contributions.submit(garden.db, person, task.id, "c1", answer, garden.now, garden.rng)


def test_a_refusal_is_not_taken_back_once_its_place_is_filled(garden: Garden) -> None:
    ada, grace = garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin(), shape=Shape(1, 1, 1, 2))
    refused = garden.reply(ada, tree_id)
    label(garden, grace, spam=1.0)
    assert garden.load(tree_id).messages[refused].accepted is False
    garden.reply(garden.person("Eve"), tree_id)
    before = garden.load(tree_id)
    with pytest.raises(BuiltOn):
        undo.withdraw(garden.db, grace, "c1", garden.now, garden.rng)
    assert garden.load(tree_id) == before


def test_an_acceptance_is_not_taken_back_once_somebody_replied(garden: Garden) -> None:
    ada, grace = garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin())
    reply = garden.reply(ada, tree_id)
    label(garden, grace, spam=0.0)
    garden.reply(ada, reply)
    with pytest.raises(BuiltOn):
        undo.withdraw(garden.db, grace, "c1", garden.now, garden.rng)


def test_a_refusal_is_taken_back_while_its_place_is_free(garden: Garden) -> None:
    ada, grace = garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin())
    refused = garden.reply(ada, tree_id)
    label(garden, grace, spam=1.0)
    garden.reply(garden.person("Eve"), tree_id)
    undo.withdraw(garden.db, grace, "c1", garden.now, garden.rng)
    assert garden.load(tree_id).messages[refused].accepted is None


def test_what_came_before_a_purge_of_others_in_the_tree_stays(garden: Garden) -> None:
    ada, grace, mallory = garden.person("Ada"), garden.person("Grace"), garden.person("Mallory")
    tree_id = garden.tree(garden.admin())
    garden.reply(mallory, tree_id)
    garden.reply(ada, tree_id)
    label(garden, grace, spam=0.0)
    erasure.purge(garden.db, None, mallory.id, garden.now, garden.rng)
    while run_jobs(garden.call, garden.now, garden.rng):
        pass
    with pytest.raises(BuiltOn):
        undo.withdraw(garden.db, grace, "c1", garden.now, garden.rng)
