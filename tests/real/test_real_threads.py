"""Threads of the published validation split are those that others counted."""

from pathlib import Path

import pytest

from espalier.dataset import threads
from espalier.dataset.read import read_trees

pytestmark = pytest.mark.real


def test_the_validation_split_has_as_many_threads_as_were_counted(real_data: Path) -> None:
    read = read_trees(real_data / "oasst1" / "oasst1-en-validation.messages.jsonl.gz")
    trees = [tree for each in read if (tree := threads.pruned(each))]
    found = [path for tree in trees for path in threads.threads(tree)]
    assert len(found) == 669
    assert all(path[-1].role == "assistant" for path in found)
    assert len({tuple(message.message_id for message in path) for path in found}) == 669
