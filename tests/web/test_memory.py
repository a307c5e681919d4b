"""Answers that are remembered: for how long, and who waits for a new one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event

import pytest

from campaigns import NOON
from espalier.web import memory as module
from espalier.web.memory import Memory

LASTS = timedelta(seconds=10)


@contextmanager
def nothing() -> Iterator[None]:
    yield None


def ask(memory: Memory, at: datetime, find: Callable[[], str]) -> str:
    return memory.ask("q", LASTS, at, nothing, lambda _: find())


def test_an_answer_is_found_once_while_it_lasts() -> None:
    memory, found = Memory(), []
    for seconds in (0, 9, 10, 19):
        memory.recall("q", LASTS, NOON + timedelta(seconds=seconds), lambda: found.append(1))
    assert len(found) == 2


def test_what_is_found_quickly_is_never_older_than_it_lasts() -> None:
    memory = Memory()
    ask(memory, NOON, lambda: "old")
    assert ask(memory, NOON + LASTS, lambda: "new") == "new"


def test_of_what_takes_long_nobody_waits_for_a_new_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONG_S", 0)  # everything takes long
    memory, may_end, ended = Memory(), Event(), Event()
    assert ask(memory, NOON, lambda: "old") == "old"

    def slowly() -> str:
        may_end.wait(30)
        ended.set()
        return "new"

    assert ask(memory, NOON + LASTS, slowly) == "old"
    assert ask(memory, NOON + LASTS, lambda: "another") == "old", "one seeker is enough"
    may_end.set()
    ended.wait(30)
    until = time.monotonic() + 30
    while (said := ask(memory, NOON + LASTS, slowly)) == "old" and time.monotonic() < until:
        pass
    assert said == "new"


def test_an_answer_from_long_ago_is_not_given_even_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONG_S", 0)
    memory = Memory()
    ask(memory, NOON, lambda: "old")
    assert ask(memory, NOON + 11 * LASTS, lambda: "new") == "new"
