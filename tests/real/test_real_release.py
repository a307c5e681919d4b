"""A campaign grown from real trees is released, checked, and released again from a restored backup."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from commands import Run
from espalier.dataset.read import read_trees
from espalier.dataset.stamp import files_in
from espalier.dataset.trees import messages_of
from espalier.replay.client import Server
from espalier.replay.reading import read_originals
from espalier.replay.stage import replay
from espalier.store.session import Database
from live import live

pytestmark = pytest.mark.real

TREES = 5


def test_a_replayed_campaign_gives_the_same_bytes_again_from_its_backup(
    run: Run, sqlite_db: Database, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = read_originals(real_data / "oasst1/oasst1-en-validation.messages.jsonl.gz").trees
    grown = Random(4).sample([tree for tree in trees if tree.id != "0a3fb0dc-bf82-48a2-824b-3f89bd868534"], TREES)

    async def grow(url: str, token: str) -> None:
        async with Server(url) as server:
            await replay(grown, server, token, 20, seed=0)

    with live(sqlite_db) as site:
        asyncio.run(grow(site.url, site.token))
    sqlite_db.close()
    monkeypatch.setenv("ESPALIER_DATABASE_URL", f"sqlite:///{sqlite_db.url.database}")

    def released(into: str) -> Path:
        made = run("dataset", "release", "grown", "--into", into, "--share", "validation=0.4")
        assert made.code == 0, made.err
        folder = Path(into) / "grown"
        assert run("dataset", "verify", folder).code == 0
        return folder

    first = released("one")
    texts = {message.text for file in first.glob("data/*.trees.jsonl.gz") for tree in read_trees(file)
             for message in messages_of(tree)}  # fmt: skip
    assert {tree.root.text for tree in grown} <= texts
    assert run("backup", tmp_path / "kept.db").code == 0
    Path(str(sqlite_db.url.database)).unlink()
    assert run("restore", "--force", tmp_path / "kept.db").code == 0
    one, two = ({name: path.read_bytes() for name, path in files_in(each).items()} for each in (first, released("two")))
    assert one == two
