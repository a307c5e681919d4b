"""Volunteers replay a part of each real file against a running server."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from espalier.domain.tree import State
from espalier.replay.client import Server
from espalier.replay.original import OriginalTree
from espalier.replay.reading import read_originals
from espalier.replay.stage import Report, replay
from espalier.store.session import Database
from live import Live, live

pytestmark = pytest.mark.real

FINISHED = "oasst1/oasst1-en-validation.messages.jsonl.gz"
IN_ALL_STATES = "oasst2/oasst2-selection.trees.jsonl.gz"


async def replayed(site: Live, trees: list[OriginalTree]) -> Report:
    async with Server(site.url) as server:
        return await replay(trees, server, site.token, 20, seed=0)


def some(trees: list[OriginalTree], count: int) -> list[OriginalTree]:
    return Random(4).sample(trees, count)


def test_all_trees_but_the_one_without_its_prompt_can_be_planted(real_data: Path) -> None:
    originals = read_originals(real_data / FINISHED)
    assert len(originals.trees) == 141
    assert all("is left out of the trees" in reason for reason in originals.left_out.values())
    assert len(originals.left_out) == 1
    assert len(read_originals(real_data / IN_ALL_STATES).trees) == 378


def test_finished_english_trees_grow_again_with_the_same_texts_in_the_same_order(
    sqlite_db: Database, real_data: Path
) -> None:
    trees = read_originals(real_data / FINISHED).trees
    # One has siblings of equal text, each with replies of its own.
    (twins,) = [tree for tree in trees if tree.id == "0a3fb0dc-bf82-48a2-824b-3f89bd868534"]
    with live(sqlite_db) as site:
        report = asyncio.run(replayed(site, [twins, *some([tree for tree in trees if tree is not twins], 11)]))
    assert report.differing == {}


def test_trees_of_many_languages_come_to_rest_in_the_states_of_their_originals(
    sqlite_db: Database, real_data: Path
) -> None:
    trees = read_originals(real_data / IN_ALL_STATES).trees
    few = [
        tree
        for state in sorted({tree.state for tree in trees})
        for tree in some([tree for tree in trees if tree.state is state], 3)
    ]
    assert {State.GROWING, State.HALTED_BY_MODERATOR, State.INITIAL_PROMPT_REVIEW} <= {tree.state for tree in few}
    with live(sqlite_db) as site:
        report = asyncio.run(replayed(site, few))
    assert report.differing == {}
