"""Announcements: shown in their time, to each person until read, and again when their words change."""

from datetime import timedelta

import pytest

from espalier.collect import announcements, erasure
from espalier.collect.jobs import run_jobs
from espalier.domain.errors import Invalid, NotAllowed, NotFound, TooLong
from espalier.store import announcements as rows
from espalier.store import journal
from espalier.store.people import Person
from gardens import Garden

HOUR = timedelta(hours=1)


def announced(garden: Garden, text: str = "We pause on Sunday.") -> rows.Announcement:
    return announcements.announce(
        garden.db, garden.admin(), text, garden.now, garden.now + 2 * HOUR, garden.now, garden.rng
    )


def seen(garden: Garden, person: Person) -> list[str]:
    return [each.text for each in rows.unread(garden.db, person.id, garden.now)]


def test_a_line_is_shown_in_its_time_and_to_nobody_who_has_read_it(garden: Garden) -> None:
    ada, ben = garden.person("Ada"), garden.person("Ben")
    line = announced(garden, "  We pause\non Sunday. ")
    assert seen(garden, ada) == ["We pause on Sunday."]
    announcements.dismiss(garden.db, ada, line.id, line.version)
    assert (seen(garden, ada), seen(garden, ben)) == ([], ["We pause on Sunday."])
    garden.later(hours=2)
    assert seen(garden, ben) == []


def test_it_is_not_shown_before_it_begins(garden: Garden) -> None:
    starts = garden.now + HOUR
    announcements.announce(garden.db, garden.admin(), "Soon", starts, starts + HOUR, garden.now, garden.rng)
    ada = garden.person("Ada")
    assert seen(garden, ada) == []
    garden.later(hours=1)
    assert seen(garden, ada) == ["Soon"]


def test_other_words_appear_again_and_other_times_do_not(garden: Garden) -> None:
    ada, chief = garden.person("Ada"), garden.admin("other")
    line = announced(garden)
    announcements.dismiss(garden.db, ada, line.id, line.version)
    longer = line.ends_at + HOUR
    announcements.change(garden.db, chief, line.id, line.text, line.starts_at, longer, garden.now)
    assert seen(garden, ada) == []
    announcements.change(garden.db, chief, line.id, "We pause on Monday.", line.starts_at, longer, garden.now)
    assert seen(garden, ada) == ["We pause on Monday."]
    announcements.dismiss(garden.db, ada, line.id, line.version)
    assert seen(garden, ada) == ["We pause on Monday."], "what was read are the old words"


def test_an_ended_one_is_gone_and_the_journal_says_who_did_what(garden: Garden) -> None:
    line = announced(garden)
    announcements.end(garden.db, garden.admin("other"), line.id, garden.now)
    assert seen(garden, garden.person("Ada")) == []
    actions = [entry.action for entry in journal.entries(garden.db, 5, subject=line.id)]
    assert actions == ["announcement.ended", "announcement.made"]
    assert [each.id for each in rows.newest(garden.db)] == [line.id]


def test_what_cannot_be_is_refused(garden: Garden) -> None:
    chief, now = garden.admin(), garden.now
    for text, ends, refusal in (("", HOUR, Invalid), ("x" * 301, HOUR, TooLong), ("A line", -HOUR, Invalid)):
        with pytest.raises(refusal):
            announcements.announce(garden.db, chief, text, now, now + ends, now, garden.rng)
    with pytest.raises(NotAllowed):
        announcements.announce(garden.db, garden.moderator(), "A line", now, now + HOUR, now, garden.rng)
    with pytest.raises(NotFound):
        announcements.dismiss(garden.db, chief, "nowhere", 1)


def test_what_a_person_has_read_goes_with_their_account(garden: Garden) -> None:
    ada = garden.person("Ada")
    line = announced(garden)
    announcements.dismiss(garden.db, ada, line.id, line.version)
    erasure.close_account(garden.db, ada, ada.id, garden.now, garden.rng)
    while run_jobs(garden.call, garden.now, garden.rng):
        pass
    assert seen(garden, ada) == [line.text]
