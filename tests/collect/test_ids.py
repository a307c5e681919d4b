"""Ids that a campaign makes."""

import uuid
from datetime import UTC, datetime, timedelta
from random import Random

from espalier.collect.ids import timely_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_ids_that_begin_with_their_time_are_uuids_and_stand_in_the_order_of_time() -> None:
    rng = Random(1)
    made = [timely_id(NOON + timedelta(milliseconds=number), rng) for number in range(1000)]
    assert made == sorted(made)
    assert len({each[14:] for each in made}) == 1000, "the rest is chance"
    read = uuid.UUID(made[7])
    assert (str(read), read.version, read.variant) == (made[7], 7, uuid.RFC_4122)
    assert datetime.fromtimestamp((read.int >> 80) / 1000, UTC) == NOON + timedelta(milliseconds=7)
