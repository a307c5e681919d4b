"""Answers that are the same for everybody and take long to find, remembered for some seconds.

Knows neither questions nor answers. Who asks while an answer is being found waits for it.
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
        with self._locks.setdefault(question, Lock()):
            known = self._answers.get(question)
            if known is None or not known[0] <= now < known[0] + lasts:
                known = self._answers[question] = (now, find())
        answer: T = known[1]
        return answer
