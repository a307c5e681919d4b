"""What the measures say of the published rankings without any model: how far the length of a reply, and its quality
label, tell its rank.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from espalier.dataset.examples import Turns
from espalier.dataset.read import read_trees
from espalier.evaluate.heldout import agrees

pytestmark = pytest.mark.real


class ByLength:
    name = "length"

    def rewards(self, replies: Sequence[tuple[Turns, str]]) -> list[float]:
        return [float(len(text)) for _, text in replies]


def test_the_longer_reply_is_the_better_one_in_510_of_750_published_pairs(real_data: Path) -> None:
    trees = read_trees(real_data / "oasst1" / "oasst1-en-validation.messages.jsonl.gz")
    measured = agrees(ByLength(), trees, np.random.default_rng(0))
    assert measured.all.longer is not None
    assert (measured.all.pairs, measured.matched.pairs) == (750, 75)
    assert measured.all.longer.value == 510.5 / 750, "one pair is a tie"
    assert measured.by_label is not None
    assert measured.by_label.accuracy is not None
    assert (measured.by_label.pairs, measured.by_label.ties) == (659, 88)
    assert measured.by_label.accuracy.value == pytest.approx(428 / 659)
