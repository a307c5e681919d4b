"""Answers that are the same for everybody, remembered for some seconds.

Knows neither questions nor answers. Who recalls waits for a new one; who asks for what takes long to find gets the one
before, while a new one is sought beside them.
"""

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock, Thread
from time import perf_counter
from typing import Any, Final, TypeVar

S = TypeVar("S")
T = TypeVar("T")
LONG_S: Final = 0.05
OLDEST: Final = 10
"""As many times as long as it lasts may an answer be given that takes long to find."""


@dataclass(frozen=True, slots=True)
class _Known:
    at: datetime
    answer: Any
    took_s: float

    def holds(self, lasts: timedelta, now: datetime) -> bool:
        return self.at <= now < self.at + lasts


class Memory:
    def __init__(self) -> None:
        self._answers: dict[Hashable, _Known] = {}
        self._locks: dict[Hashable, Lock] = {}

    def recall(self, question: Hashable, lasts: timedelta, now: datetime, find: Callable[[], T]) -> T:
        """What was found for this question not longer ago than `lasts`, or what is found now."""
        known = self._answers.get(question)
        if known is None or not known.holds(lasts, now):
            with self._locks.setdefault(question, Lock()):
                known = self._answers.get(question)
                if known is None or not known.holds(lasts, now):
                    known = self._find(question, now, find)
        answer: T = known.answer
        return answer

    def ask(
        self,
        question: Hashable,
        lasts: timedelta,
        now: datetime,
        source: Callable[[], AbstractContextManager[S]],
        find: Callable[[S], T],
    ) -> T:
        """The same, found in a source of its own; where that takes long nobody waits who can have the last answer."""

        def found() -> T:
            with source() as opened:
                return find(opened)

        known = self._answers.get(question)
        if known is None or known.took_s < LONG_S or known.holds(lasts, now) or not known.holds(OLDEST * lasts, now):
            return self.recall(question, lasts, now, found)
        lock = self._locks.setdefault(question, Lock())
        if lock.acquire(blocking=False):
            Thread(target=self._find_beside, args=(question, now, found, lock), daemon=True).start()
        answer: T = known.answer
        return answer

    def _find(self, question: Hashable, now: datetime, find: Callable[[], Any]) -> _Known:
        began = perf_counter()
        answer = find()
        found = self._answers[question] = _Known(now, answer, perf_counter() - began)
        return found

    def _find_beside(self, question: Hashable, now: datetime, find: Callable[[], Any], lock: Lock) -> None:
        try:
            self._find(question, now, find)
        finally:
            lock.release()
