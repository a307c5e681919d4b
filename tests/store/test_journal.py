"""The journal: newest first, page by page, of all or of one subject."""

from datetime import UTC, datetime

from sqlalchemy import Connection

from espalier.store import journal

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_entries_come_newest_first_and_page_by_page(db: Connection) -> None:
    for number in range(5):
        journal.note(db, "staff", "tree.halt", f"tree {number}", NOW, number=number)

    first = journal.entries(db, 3)
    rest = journal.entries(db, 3, before=first[-1].seq)
    assert [entry.data["number"] for entry in (*first, *rest)] == [4, 3, 2, 1, 0]
    assert {(entry.person_id, entry.action, entry.at) for entry in first} == {("staff", "tree.halt", NOW)}


def test_entries_of_one_subject_leave_out_the_others(db: Connection) -> None:
    journal.note(db, None, "person.banned", "p1", NOW)
    journal.note(db, "staff", "person.banned", "p2", NOW)
    journal.note(db, "staff", "person.unbanned", "p1", NOW)

    assert [entry.action for entry in journal.entries(db, 10, subject="p1")] == ["person.unbanned", "person.banned"]


def test_entries_of_one_person_and_of_one_action(db: Connection) -> None:
    for person, action in (("ada", "tree.halt"), ("ben", "tree.halt"), ("ada", "tree.resume"), ("ada", "tree.halt")):
        journal.note(db, person, action, "t1", NOW)

    assert len(journal.entries(db, 10, person="ada")) == 3
    assert [each.person_id for each in journal.entries(db, 10, action="tree.halt")] == ["ada", "ben", "ada"]
    both = journal.entries(db, 10, person="ada", action="tree.halt", subject="t1")
    assert [
        each.person_id for each in journal.entries(db, 10, person="ada", action="tree.halt", before=both[0].seq)
    ] == ["ada"]
    assert journal.entries(db, 10, subject="t2") == []
