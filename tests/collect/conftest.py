"""`garden`: an empty campaign on SQLite and PostgreSQL, examined after the test and then undone."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from gardens import Garden


@pytest.fixture
def garden(db: Connection) -> Iterator[Garden]:
    made = Garden(db)
    made.policy()
    yield made
    made.check()
