"""What both doors share: the type of a use case, and why a write may come to nothing.

Knows neither threads nor databases.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from espalier.domain.errors import Busy

P = ParamSpec("P")
T = TypeVar("T")
UseCase = Callable[Concatenate[Connection, P], T]

CAPACITY = 1000  # use cases that may wait; beyond that people are asked to come back


class DoorBusy(Busy):
    """More writes wait than the door takes, or another process holds the database. Nothing was changed."""


class Elsewhere(Busy):
    """What a use case needs is in the hands of others, for whom it must not wait. The door begins it anew."""


class DoorClosed(Busy):
    """The server is going down and takes no more writes. Nothing was changed."""

    slug, title = "closing", "The server is closing"


class NotSaved(Busy):
    """The database could not make the change durable; why is the `__cause__`."""

    slug, title = "not-saved", "The change could not be saved"


def too_many() -> DoorBusy:
    return DoorBusy("Too many people are sending at this moment; please try again in a second.", retry_after_s=1)


def closed() -> DoorClosed:
    return DoorClosed("The server is being restarted; please try again in a few seconds.", retry_after_s=5)


def elsewhere() -> Elsewhere:
    return Elsewhere("Too many people ask for the same at this moment; please try again in a second.", retry_after_s=1)


def not_saved() -> NotSaved:
    return NotSaved("The change could not be saved; please try again in a few seconds.", retry_after_s=5)
