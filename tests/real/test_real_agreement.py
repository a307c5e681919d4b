"""Agreement on published judgements is what was computed of them independently."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import krippendorff
import numpy as np
import pytest

from espalier.dataset.agreement import Alpha, Level, alpha

pytestmark = pytest.mark.real


def of(judgements: Iterable[Iterable[float]], level: Level) -> Alpha:
    units = Counter(tuple(sorted(each)) for each in judgements)
    return alpha(units, level, 200, np.random.default_rng(0))


def pandalm(real_data: Path) -> list[list[float]]:
    with gzip.open(real_data / "pandalm" / "testset-v1.json.gz", "rt", encoding="utf-8") as file:
        return [[row[f"annotator{n}"] for n in (1, 2, 3)] for row in json.load(file)]


def crowd(real_data: Path) -> Mapping[str, list[float]]:
    said = {"left": 0.0, "tie": 0.5, "right": 1.0}
    judged = defaultdict(list)
    with gzip.open(real_data / "crowd" / "crowd-comparisons.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            judged[row["id"]].append(said[row["winner"]])
    return judged


def test_three_annotators_of_pandalm_agree_as_others_computed(real_data: Path) -> None:
    found = of(pandalm(real_data), Level.NOMINAL)
    assert found.units == 999
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(0.8642, abs=5e-5)
    assert (found.estimate.low or 1) < 0.8642 < (found.estimate.high or 0)


def test_the_crowd_agrees_as_others_computed(real_data: Path) -> None:
    judged = crowd(real_data)
    assert sum(map(len, judged.values())) == 8931
    found = of(judged.values(), Level.NOMINAL)
    assert found.units == len(judged) - 15  # those have a single vote
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(0.2906, abs=5e-5)


@pytest.mark.parametrize("level", list(Level))
def test_alpha_is_that_of_the_reference_library(real_data: Path, level: Level) -> None:
    judged = list(crowd(real_data).values())
    width = max(map(len, judged))
    table = np.array([[*each, *[np.nan] * (width - len(each))] for each in judged]).T
    found = of(judged, level).estimate
    assert found is not None
    assert found.value == pytest.approx(krippendorff.alpha(table, level_of_measurement=level.value), abs=1e-9)
