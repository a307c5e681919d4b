"""How many replies somebody may ask for in a while: a number and a window that slides.

Knows neither people nor databases: times come in, seconds go out.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil
from typing import Final

REPLIES: Final = 20
WITHIN: Final = timedelta(seconds=600)


def seconds_to_wait(asked: Iterable[datetime], now: datetime, most: int = REPLIES, within: timedelta = WITHIN) -> int:
    """How long until another reply may be asked for, in whole seconds; 0 when that is now.

    asked: when the earlier ones were asked for, in any order. most: how many there may be within `within`.
    """
    recent = sorted(at for at in asked if now - at < within)
    if len(recent) < most:
        return 0
    return ceil((recent[-most] + within - now).total_seconds())
