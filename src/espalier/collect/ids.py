"""Ids of what a campaign makes, drawn from the chance that is handed in."""

import uuid
from datetime import datetime
from random import Random


def new_id(rng: Random) -> str:
    """One that tells nothing (a UUID of version 4)."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def timely_id(now: datetime, rng: Random) -> str:
    """One that begins with its time (a UUID of version 7, RFC 9562 §5.7): what is made together stands together in an
    index, so that a busy campaign writes fewer of its pages.
    """
    millisecond, version, variant = int(now.timestamp() * 1000), 7, 2
    bits = millisecond << 80 | version << 76 | rng.getrandbits(12) << 64 | variant << 62 | rng.getrandbits(62)
    return str(uuid.UUID(int=bits))
