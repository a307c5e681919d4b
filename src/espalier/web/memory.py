"""Answers that are the same for everybody and take long to find, remembered for some seconds.

Knows neither questions nor answers. Who asks while an answer is being found gets the one before where that is hardly
older than it may be, and else waits.
"""

from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")


class Memory:
    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[datetime, Any]] = {}
        self._locks: dict[Hashable, Lock] = {}

    def recall(self, question: Hashable, lasts: timedelta, now: datetime, find: Callable[[], T]) -> T:
        """What was found for this question not longer ago than `lasts`, or what is found now."""
        known = self._answers.get(question)
        lock = self._locks.setdefault(question, Lock())
        if known is None or not _holds(known[0], lasts, now):
            hardly_older = known is not None and _holds(known[0], 2 * lasts, now)
            if lock.acquire(blocking=not hardly_older):
                try:
                    known = self._answers.get(question)
                    if known is None or not _holds(known[0], lasts, now):
                        known = self._answers[question] = (now, find())
                finally:
                    lock.release()
        assert known is not None, "who did not wait has an answer"
        answer: T = known[1]
        return answer


def _holds(found_at: datetime, lasts: timedelta, now: datetime) -> bool:
    return found_at <= now < found_at + lasts
