"""Published preference pairs of others are read whole."""

from pathlib import Path

import pytest

from espalier.dataset.examples import Preference
from espalier.dataset.findings import Findings
from espalier.dataset.read import read_examples

pytestmark = pytest.mark.real


def test_every_pair_of_hh_rlhf_is_read(real_data: Path) -> None:
    findings = Findings()
    pairs = list(read_examples(real_data / "hh-rlhf" / "harmless-base.test.jsonl.gz", findings))
    assert len(pairs) == 2312
    assert not findings.counts
    preferences = [pair for pair in pairs if isinstance(pair, Preference)]
    assert len(preferences) == len(pairs)
    assert all(pair.prompt and pair.prompt[0].role == "user" for pair in preferences)
    assert all(pair.chosen != pair.rejected for pair in preferences[:100])
