"""What somebody has begun to type is not lost: not by a second window, not by skipping, not by sending."""

from datetime import datetime, timedelta

import pytest

from espalier.collect import drafts, erasure, tasks
from espalier.collect.answers import TextAnswer
from espalier.collect.jobs import run_jobs
from espalier.domain.errors import AlreadyAnswered, Invalid, NewerDraft, NotFound, TooLong
from espalier.store.drafts import Draft, Fields
from espalier.store.people import Person
from gardens import Garden


def text(typed: str) -> Fields:
    return {"text": (typed,)}


def handed_out(garden: Garden) -> tuple[Person, str]:
    """Ada, and the id of her task."""
    garden.tree(garden.admin())
    ada = garden.person("Ada")
    task = tasks.next_task(garden.db, ada, tasks.Ask("assistant_reply", ("en",)), garden.now, garden.rng)
    assert task is not None
    return ada, task.id


def save(garden: Garden, person: Person, task_id: str, fields: Fields, seen: int) -> Draft:
    return drafts.save(garden.db, person, task_id, fields, seen, garden.now)


def typed(garden: Garden, person: Person, now: datetime | None = None) -> list[str]:
    return [draft.text for draft in drafts.mine(garden.db, person, now or garden.now)]


def test_a_draft_is_there_again_on_another_device(garden: Garden) -> None:
    ada, task_id = handed_out(garden)
    assert save(garden, ada, task_id, text("It is, I"), 0).version == 1
    assert save(garden, ada, task_id, text("It is, I think"), 1).version == 2
    assert typed(garden, ada) == ["It is, I think"]


def test_who_has_not_seen_the_newer_draft_cannot_save_over_it(garden: Garden) -> None:
    ada, task_id = handed_out(garden)
    save(garden, ada, task_id, text("on the phone"), 0)
    with pytest.raises(NewerDraft):
        save(garden, ada, task_id, text("at the desk"), 0)
    assert typed(garden, ada) == ["on the phone"]


def test_a_save_that_is_sent_twice_is_one(garden: Garden) -> None:
    ada, task_id = handed_out(garden)
    save(garden, ada, task_id, text("once"), 0)
    assert save(garden, ada, task_id, text("once"), 0).version == 1


def test_nobody_saves_a_draft_of_a_task_that_is_not_theirs(garden: Garden) -> None:
    _, task_id = handed_out(garden)
    with pytest.raises(NotFound):
        save(garden, garden.person("Ben"), task_id, text("mine"), 0)


def test_a_draft_has_a_size_and_only_characters(garden: Garden) -> None:
    ada, task_id = handed_out(garden)
    with pytest.raises(TooLong):
        save(garden, ada, task_id, text("x" * 200_001), 0)
    with pytest.raises(Invalid):
        save(garden, ada, task_id, text("a\0b"), 0)
    assert typed(garden, ada) == []


def test_what_was_typed_stays_for_ten_minutes_after_a_skip(garden: Garden) -> None:
    ada, task_id = handed_out(garden)
    drafts.skip(garden.db, ada, task_id, "cannot_judge", text("half an"), garden.now, garden.rng)
    assert typed(garden, ada, garden.now + timedelta(minutes=9)) == ["half an"]
    assert typed(garden, ada, garden.now + timedelta(minutes=10)) == []


def test_a_draft_that_is_resumed_stays(garden: Garden) -> None:
    ada, task_id = handed_out(garden)
    drafts.skip(garden.db, ada, task_id, "cannot_judge", text("half an"), garden.now, garden.rng)
    drafts.resume(garden.db, ada, task_id)
    assert typed(garden, ada, garden.now + timedelta(hours=1)) == ["half an"]


def test_an_answer_is_a_draft_for_as_long_as_it_can_be_undone(garden: Garden) -> None:
    ada, task_id = handed_out(garden)
    said = "It is, I think, because of the air."
    receipt = drafts.answer(garden.db, ada, task_id, "first", TextAnswer(said), text(said), garden.now, garden.rng)
    assert typed(garden, ada) == [said]
    assert typed(garden, ada, receipt.undo_until) == []
    with pytest.raises(AlreadyAnswered):
        save(garden, ada, task_id, text("more"), 1)


def test_who_closes_their_account_leaves_no_draft(garden: Garden) -> None:
    ada, task_id = handed_out(garden)
    save(garden, ada, task_id, text("private"), 0)
    erasure.close_account(garden.db, ada, ada.id, garden.now, garden.rng)
    while run_jobs(garden.call, garden.now, garden.rng):
        pass
    assert typed(garden, ada) == []
