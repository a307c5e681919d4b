"""A campaign of its own for each test, and commands run as somebody would type them."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file
from pathlib import Path
from random import Random

import pytest

from espalier import demo
from espalier.cli import main
from espalier.collect.beginning import begin
from espalier.collect.carry import Load, carry_in
from espalier.collect.intake import Source
from espalier.dataset.findings import ignore
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


@pytest.fixture
def postgres_campaign(run: Run, postgres_db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The same on PostgreSQL."""
    url = postgres_db.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ESPALIER_DATABASE_URL", url)
    yield from _begun(url)


@pytest.fixture(params=["campaign", "postgres_campaign"], ids=["sqlite", "postgres"])
def any_campaign(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(request.param)
    return found


def _begun(url: str) -> Iterator[Database]:
    database = open_database(url)
    policy = CampaignPolicy.from_mapping({"base": {"max_active_trees": 0}})
    door = open_door(database)
    door.call(begin, policy, secrets.token_urlsafe, datetime.now(UTC), Random(1))
    door.close()
    database.close()  # nobody has it open until somebody asks
    yield database
    database.close()


@pytest.fixture(scope="session")
def _planted_template(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    path = shutil.copy(_sqlite_template, folder / "espalier.db")
    for database in _begun(f"sqlite:///{path}"):
        door = open_door(database)
        with as_file(demo.TREES) as trees, as_file(demo.VOTES) as votes:
            load = Load(trees, votes, Source(trees.name))
            carry_in(door.call, load, lambda: datetime.now(UTC), Random(2), notice=ignore)
        door.close()
    return path


@pytest.fixture
def planted(run: Run, _planted_template: Path) -> Iterator[Database]:
    """A campaign on SQLite with the demo's trees and votes."""
    Path("var").mkdir()
    shutil.copy(_planted_template, "var/espalier.db")
    database = open_database("sqlite:///var/espalier.db")
    yield database
    database.close()


@pytest.fixture
def demo_files(run: Run) -> tuple[Path, Path]:
    """The demo's trees and votes in the folder."""
    trees, votes = Path("demo.trees.jsonl.gz"), Path("demo.votes.jsonl.gz")
    trees.write_bytes(demo.TREES.read_bytes())
    votes.write_bytes(demo.VOTES.read_bytes())
    return trees, votes
