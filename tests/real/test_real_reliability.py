"""Among the published votes of real workers, planted spammers are found and a minority with its own view is spared."""

import csv
import gzip
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from espalier.dataset.answers import answers_of
from espalier.dataset.mace import Care, LabelEvidence, care

pytestmark = pytest.mark.real
LEVELS = ["left", "tie", "right"]
Vote = tuple[str, str, int]


@pytest.fixture(scope="module")
def votes(real_data: Path) -> list[Vote]:
    with gzip.open(real_data / "crowd" / "crowd-comparisons.csv.gz", "rt", encoding="utf-8") as file:
        return [(row["id"], row["worker"], LEVELS.index(row["winner"])) for row in csv.DictReader(file)]


def judged(votes: list[Vote]) -> tuple[list[str], Care]:
    workers = sorted({worker for _, worker, _ in votes})
    return workers, care([LabelEvidence(answers_of(votes, workers, 3), len(workers))], len(workers))


@pytest.mark.parametrize("kind", ["random", "constant"])
def test_twelve_spammers_with_seventy_votes_each_are_found(votes: list[Vote], kind: str) -> None:
    rng = np.random.default_rng(0)
    items = sorted({item for item, _, _ in votes})
    planted = list(votes)
    for number in range(12):
        always = int(rng.integers(0, 3))
        for place in rng.choice(len(items), 70, replace=False):
            planted.append((items[place], f"spammer {number}", int(rng.integers(0, 3)) if kind == "random" else always))
    workers, found = judged(planted)
    spam = np.array([worker.startswith("spammer") for worker in workers])
    above = found.mean[~spam][:, None] - found.mean[spam][None, :]
    assert ((above > 0) + (above == 0) / 2).mean() >= 0.9


def test_a_minority_on_the_other_side_of_one_fifth_of_the_items_keeps_its_weight(votes: list[Vote]) -> None:
    rng = np.random.default_rng(0)
    workers, items = (sorted({vote[part] for vote in votes}) for part in (1, 0))
    who = set(rng.choice(workers, round(0.15 * len(workers)), replace=False))
    contested = set(rng.choice(items, len(items) // 5, replace=False))
    lead: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for item, worker, level in votes:
        lead[item][level] += worker not in who
    changed = [
        (item, worker, 0 if lead[item][2] > lead[item][0] else 2)
        if worker in who and item in contested
        else (item, worker, level)
        for item, worker, level in votes
    ]
    names, found = judged(changed)
    minority = np.array([name in who for name in names])
    assert found.weight[minority].mean() >= 0.9 * found.weight[~minority].mean()
