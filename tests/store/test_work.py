"""Handing out: every open place is as likely as any other, also for somebody who has done most of the work."""

from collections import Counter
from random import Random

import pytest
from sqlalchemy import Connection, bindparam, insert

from espalier.domain.work import Act, Kind, Work
from espalier.store import work
from espalier.store.sql import Statement
from espalier.store.tables import done, trees

ANN, TREE = "ann", "tree"
PLACES = 200
_DONE = Statement(insert(done).values({name: bindparam(name) for name in ("person_id", "act", "subject", "tree_id")}))


@pytest.fixture(autouse=True)
def planted(db: Connection) -> None:
    """A row of the tree, which whoever takes a place holds where several write."""
    shape = {"max_tree_depth": 1, "max_children_count": 1, "num_prompter_replies": 1, "goal_tree_size": 1}
    db.execute(insert(trees).values(id=TREE, lang="en", state="growing", policy=1, created_at=0, changed_at=0, **shape))


def open_places(db: Connection, rng: Random, count: int = PLACES) -> None:
    places = {
        (Act.LABEL, f"m{number}"): Work(Kind.LABEL_ASSISTANT_REPLY, f"m{number}", "en", 10**6, 10**6, "ben")
        for number in range(count)
    }
    work.replace_open_work(db, TREE, {}, places, rng)


def drawn(db: Connection, rng: Random, draws: int) -> Counter[str]:
    """Which places were handed out, each leased as volunteers would."""
    counts: Counter[str] = Counter()
    for _ in range(draws):
        place = work.find_place(db, ANN, (Kind.LABEL_ASSISTANT_REPLY,), ("en",), rng)
        assert place is not None
        assert work.take_place(db, place, rng)
        counts[place.subject] += 1
    return counts


def chi_square(counts: Counter[str], places: int, draws: int) -> float:
    expected = draws / places
    return sum((count - expected) ** 2 / expected for count in counts.values()) + (places - len(counts)) * expected


# A place moves at each lease, so draws are not quite independent: the bound leaves room for half as much again.
@pytest.mark.parametrize("places", [5, 40])
def test_every_place_is_as_likely_as_any_other(db: Connection, places: int) -> None:
    rng = Random(3)
    open_places(db, rng, places)
    draws = 50 * places
    assert chi_square(drawn(db, rng, draws), places, draws) < 1.5 * (places - 1) + 3 * (2 * places) ** 0.5


def test_who_has_done_nearly_everything_gets_what_is_left(db: Connection) -> None:
    rng = Random(5)
    open_places(db, rng)
    left = {f"m{number}" for number in range(0, PLACES, 50)}
    for number in range(PLACES):
        if f"m{number}" not in left:
            _DONE.run(db, person_id=ANN, act=Act.LABEL, subject=f"m{number}", tree_id=TREE)
    counts = drawn(db, rng, 200)
    assert counts.keys() == left
    assert chi_square(counts, len(left), 200) < 30


def test_a_full_place_is_not_found(db: Connection) -> None:
    rng = Random(7)
    work.replace_open_work(
        db, TREE, {}, {(Act.LABEL, "m0"): Work(Kind.LABEL_ASSISTANT_REPLY, "m0", "en", 2, 2, "ben")}, rng
    )
    assert drawn(db, rng, 2) == {"m0": 2}
    assert work.find_place(db, ANN, (Kind.LABEL_ASSISTANT_REPLY,), ("en",), rng) is None
