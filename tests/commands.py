"""A campaign of its own for each test, and commands run as somebody would type them."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from espalier import demo
from espalier.cli import main
from espalier.collect.beginning import begin
from espalier.domain.policy import CampaignPolicy
from espalier.store.door import open_door
from espalier.store.session import Database, open_database


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty folder, with no settings but the defaults."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith("ESPALIER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        said = capsys.readouterr()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return Ran(code or 0, said.out, said.err)

    return run


@pytest.fixture
def campaign(run: Run, _sqlite_template: Path) -> Iterator[Database]:
    """A campaign on SQLite, begun and empty, where the commands look for it."""
    Path("var").mkdir()
    shutil.copy(_sqlite_template, "var/espalier.db")
    yield from _begun("sqlite:///var/espalier.db")


@pytest.fixture(params=["sqlite", "postgres"])
def any_campaign(request: pytest.FixtureRequest, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The same on both databases."""
    if request.param == "sqlite":
        yield request.getfixturevalue("campaign")
    else:
        url = request.getfixturevalue("postgres_db").url.render_as_string(hide_password=False)
        monkeypatch.setenv("ESPALIER_DATABASE_URL", url)
        yield from _begun(url)


def _begun(url: str) -> Iterator[Database]:
    database = open_database(url)
    policy = CampaignPolicy.from_mapping({"base": {"max_active_trees": 0}})
    door = open_door(database)
    door.call(begin, policy, secrets.token_urlsafe, datetime.now(UTC), Random(1))
    door.close()
    database.close()  # nobody has it open until somebody asks
    yield database
    database.close()


@pytest.fixture
def demo_files(run: Run) -> tuple[Path, Path]:
    """The demo's trees and votes in the folder."""
    trees, votes = Path("demo.trees.jsonl.gz"), Path("demo.votes.jsonl.gz")
    trees.write_bytes(demo.TREES.read_bytes())
    votes.write_bytes(demo.VOTES.read_bytes())
    return trees, votes
