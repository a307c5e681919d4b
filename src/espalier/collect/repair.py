"""Repairing what the doctor found: a use case a tree, a few rows at a time, so that it goes on beside a running server.

What people contributed is not touched; only what follows from it is written again.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.difference import Difference
from espalier.collect.doctor import Progress, Sent, Wrong, examine, mend_tree
from espalier.collect.jobs import Call
from espalier.store import boards, checkup, search, texts

ROWS: Final = 50  # in one use case


def repair(
    call: Call,
    read: Callable[[], AbstractContextManager[Connection]],
    now: datetime,
    rng: Random,
    progress: Progress = lambda done, of: None,
) -> list[Difference]:
    """Write again what differs at this moment. Returns what was found; what is still wrong, `examine` tells.

    Counts are mended by what they lack, so that what people earn meanwhile stays theirs.
    """
    wrong = Wrong()
    with read() as db:
        found = list(examine(db, now, progress, wrong))
    for tree_id in wrong.trees:
        call(mend_tree, tree_id, rng)
    lacking = list(wrong.tallies.items())
    for start in range(0, len(lacking), ROWS):
        call(boards.add_to_tallies, dict(lacking[start : start + ROWS]))
    for start in range(0, len(wrong.found), ROWS):
        call(search.index_again, wrong.found[start : start + ROWS])
    for start in range(0, max(len(wrong.unknown), len(wrong.unsent)), ROWS):
        call(_know_texts, wrong.unknown[start : start + ROWS], wrong.unsent[start : start + ROWS])
    for table in sorted(wrong.strays & checkup.DERIVED_TABLES):
        call(checkup.remove_strays, table)
    return found


def _know_texts(db: Connection, unknown: Sequence[Sent], unsent: Sequence[Sent]) -> None:
    for person, at, fingerprint in unknown:
        texts.keep_sent(db, person, fingerprint, at)
    for person, at, fingerprint in unsent:
        texts.forget_sent(db, person, fingerprint, at)
