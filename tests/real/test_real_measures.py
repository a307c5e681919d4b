"""What the measures say of the published rankings without any model: how far the length of a reply tells its rank."""

from pathlib import Path

import numpy as np
import pytest

from espalier.dataset.read import read_trees
from espalier.dataset.threads import is_there, pruned, ranked_lists
from espalier.infer.measure import Scored, agreement

pytestmark = pytest.mark.real


def test_the_longer_reply_is_the_better_one_in_510_of_750_published_pairs(real_data: Path) -> None:
    found = []
    for tree in read_trees(real_data / "oasst1" / "oasst1-en-validation.messages.jsonl.gz"):
        for ranked in ranked_lists(kept) if (kept := pruned(tree, is_there)) else ():
            lengths = tuple(len(reply.text) for reply in ranked.replies)
            found.append(Scored(tree.message_tree_id, "en", tuple(map(float, lengths)), lengths))
    measured = agreement(found, np.random.default_rng(0))
    assert measured.all.longer is not None
    assert (measured.all.pairs, measured.matched.pairs) == (750, 75)
    assert measured.all.longer.value == 510.5 / 750, "one pair is a tie"
