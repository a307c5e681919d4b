"""Answers that are remembered: for how long, and who waits for a new one."""

from datetime import timedelta
from threading import Event, Thread

from campaigns import NOON
from espalier.web.memory import Memory

LASTS = timedelta(seconds=10)


def test_an_answer_is_found_once_while_it_lasts() -> None:
    memory, found = Memory(), []
    for seconds in (0, 9, 10, 19):
        memory.recall("q", LASTS, NOON + timedelta(seconds=seconds), lambda: found.append(1))
    assert len(found) == 2


def test_who_asks_while_a_new_answer_is_sought_gets_the_one_before_if_it_is_hardly_too_old() -> None:
    memory, begun, may_end = Memory(), Event(), Event()
    assert memory.recall("q", LASTS, NOON, lambda: "old") == "old"

    def slowly() -> str:
        begun.set()
        may_end.wait(30)
        return "new"

    late = NOON + timedelta(seconds=12)
    seeking = Thread(target=memory.recall, args=("q", LASTS, late, slowly))
    seeking.start()
    begun.wait(30)
    assert memory.recall("q", LASTS, late, lambda: "another") == "old"
    may_end.set()
    seeking.join()
    assert memory.recall("q", LASTS, late, lambda: "another") == "new"


def test_an_answer_from_long_ago_is_not_given() -> None:
    memory = Memory()
    memory.recall("q", LASTS, NOON, lambda: "old")
    assert memory.recall("q", LASTS, NOON + timedelta(minutes=5), lambda: "new") == "new"
