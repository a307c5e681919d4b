"""Inspirations: given by organisers, drawn for who writes a prompt, and named by the tree that came of it."""

import pytest

from espalier.collect import contributions, exports, inspirations, tasks
from espalier.collect.answers import TextAnswer
from espalier.collect.inspirations import Said
from espalier.domain.errors import Invalid, NotAllowed, NotFound, TooLong
from espalier.domain.tree import State
from espalier.domain.work import Task
from espalier.store import inspirations as rows
from espalier.store import journal
from espalier.store.people import Person
from gardens import Garden

POTS = Said("en", "Plants on a balcony", "What grows in *pots* that face north?", "A gardener", "CC0")


def prompt_task(garden: Garden, person: Person, lang: str = "en") -> Task:
    task = tasks.next_task(garden.db, person, tasks.Ask("initial_prompt", (lang,)), garden.now, garden.rng)
    assert task is not None
    return task


def test_the_writer_of_a_prompt_sees_one_and_the_tree_names_it(garden: Garden) -> None:
    ada = garden.person("Ada")
    kept = inspirations.add(garden.db, garden.admin(), POTS, garden.now, garden.rng)
    task = prompt_task(garden, ada)
    assert task.inspiration == kept.idea
    assert tasks.own_task(garden.db, ada, task.id).inspiration == kept.idea

    receipt = contributions.submit(
        garden.db, ada, task.id, "1", TextAnswer("What can I plant on a dark balcony?"), garden.now, garden.rng
    )
    tree = garden.load(receipt.message_id or "")
    assert tree.origin == f"inspiration:{kept.idea.id}"
    (record,) = exports.export_trees(garden.db, [State.INITIAL_PROMPT_REVIEW])
    assert record.origin == tree.origin


def test_nothing_is_drawn_from_another_language_nor_from_what_is_hidden(garden: Garden) -> None:
    chief = garden.admin()
    kept = inspirations.add(garden.db, chief, POTS, garden.now, garden.rng)
    assert prompt_task(garden, garden.person("Ada"), "de").inspiration is None
    inspirations.show(garden.db, chief, kept.idea.id, False, garden.now)
    assert prompt_task(garden, garden.person("Ben")).inspiration is None
    inspirations.show(garden.db, chief, kept.idea.id, True, garden.now)
    assert prompt_task(garden, garden.person("Cleo")).inspiration == kept.idea


def test_each_of_a_few_is_drawn(garden: Garden) -> None:
    chief = garden.admin()
    ideas = {inspirations.add(garden.db, chief, POTS, garden.now, garden.rng).idea.id for _ in range(5)}
    assert {rows.draw(garden.db, "en", garden.rng) for _ in range(200)} == ideas


def test_other_words_are_read_by_who_has_it_in_hand(garden: Garden) -> None:
    chief, ada = garden.admin(), garden.person("Ada")
    kept = inspirations.add(garden.db, chief, POTS, garden.now, garden.rng)
    task = prompt_task(garden, ada)
    said = Said("en", "Pots", "Other words", "", "")
    changed = inspirations.change(garden.db, chief, kept.idea.id, said, garden.now)
    assert tasks.own_task(garden.db, ada, task.id).inspiration == changed.idea
    assert [each.action for each in journal.entries(garden.db, 5, subject=kept.idea.id)] == [
        "inspiration.changed", "inspiration.added",
    ]  # fmt: skip


def test_the_list_is_read_page_by_page(garden: Garden) -> None:
    chief = garden.admin()
    made = [
        inspirations.add(garden.db, chief, POTS, garden.later(seconds=number % 2), garden.rng) for number in range(5)
    ]
    first = rows.newest(garden.db, 3)
    rest = rows.newest(garden.db, 3, before=rows.place(first[-1]))
    assert [*first, *rest] == sorted(made, key=rows.place, reverse=True)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (Said("no language", "A title", "A text"), "lang"),
        (Said("en", " ", "A text"), "title"),
        (Said("en", "A title", ""), "text"),
        (Said("en", "A title", "A text", source="x" * 301), "source"),
        (Said("en", "A title", "A text", licence="x\0"), "licence"),
    ],
)
def test_a_fault_is_named_with_its_field(garden: Garden, said: Said, field: str) -> None:
    with pytest.raises((Invalid, TooLong)) as refused:
        inspirations.add(garden.db, garden.admin(), said, garden.now, garden.rng)
    assert refused.value.field == field
    assert rows.newest(garden.db, 10) == []


def test_only_administrators_change_them(garden: Garden) -> None:
    kept = inspirations.add(garden.db, garden.admin(), POTS, garden.now, garden.rng)
    warden = garden.moderator()
    with pytest.raises(NotAllowed):
        inspirations.add(garden.db, warden, POTS, garden.now, garden.rng)
    with pytest.raises(NotAllowed):
        inspirations.show(garden.db, warden, kept.idea.id, False, garden.now)
    with pytest.raises(NotFound):
        inspirations.change(garden.db, garden.admin("other"), "nowhere", POTS, garden.now)
