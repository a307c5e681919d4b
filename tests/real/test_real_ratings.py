"""The published judgements of GPT-4 on eight models, rated, beside figures computed elsewhere from the same files."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from espalier.rating.battles import Battles, Judged, battles_of
from espalier.rating.bias import survived, verdicts
from espalier.rating.bradley_terry import fit, fits
from espalier.rating.elo import elo
from espalier.rating.intervals import drawn_again, middle

pytestmark = pytest.mark.real

MODELS = (
    "bard", "gpt-3.5-turbo", "gpt-4", "guanaco-13b", "guanaco-30b", "guanaco-65b", "guanaco-7b", "vicuna-13b",
)  # fmt: skip
VICUNA = {
    "plain": (899.20, 963.91, 1366.30, 913.21, 989.22, 1020.37, 876.27, 971.52),
    "position": (889.73, 961.65, 1395.14, 905.23, 988.98, 1024.40, 864.98, 969.90),
    "position and length": (929.35, 1025.56, 1327.04, 917.09, 981.71, 1003.85, 839.98, 975.41),
    "low": (868, 932, 1324, 872, 957, 981, 841, 942),
    "high": (929, 1006, 1411, 949, 1022, 1052, 905, 997),
    "Elo": (896, 962, 1376, 908, 989, 1024, 874, 971),
}
OA = {
    "plain": (1010.16, 1276.96, 892.29, 1001.24, 1009.24, 869.70, 940.41),
    "position": (1010.69, 1282.26, 889.75, 1001.32, 1009.73, 866.90, 939.34),
    "low": (999, 1261, 878, 991, 998, 856, 930),
    "high": (1023, 1295, 905, 1013, 1020, 884, 949),
}
WON = {"first": 1.0, "second": 0.0, "tie": 0.5}


def published(path: Path) -> Battles:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return battles_of(
            Judged(
                row["question"], row["first"], row["second"], WON[row["verdict"]],
                characters=(int(row["first_characters"]), int(row["second_characters"]))
                if "first_characters" in row else None,
            )
            for row in csv.DictReader(file)
            if row["verdict"] in WON
        )  # fmt: skip


@pytest.fixture(scope="module")
def vicuna(real_data: Path) -> Battles:
    return published(real_data / "battles" / "guanaco-vicuna-prompts.csv.gz")


@pytest.fixture(scope="module")
def oa(real_data: Path) -> Battles:
    return published(real_data / "battles" / "guanaco-oa-prompts.csv.gz")


def test_ratings_on_the_vicuna_prompts(vicuna: Battles) -> None:
    assert vicuna.models == MODELS
    assert fit(vicuna).ratings[0] == pytest.approx(VICUNA["plain"], abs=0.05)
    with_position = fit(vicuna, position=True)
    assert with_position.ratings[0] == pytest.approx(VICUNA["position"], abs=0.05)
    held_fixed = fit(vicuna, position=True, length=True)
    assert held_fixed.ratings[0] == pytest.approx(VICUNA["position and length"], abs=0.05)
    assert with_position.position == pytest.approx(0.682, abs=0.0005)
    assert held_fixed.length == pytest.approx(1.676, abs=0.0005)


def test_ratings_on_the_oasst1_prompts(oa: Battles) -> None:
    assert fit(oa).ratings[0] == pytest.approx(OA["plain"], abs=0.05)
    with_position = fit(oa, position=True)
    assert with_position.ratings[0] == pytest.approx(OA["position"], abs=0.05)
    assert with_position.position == pytest.approx(0.322, abs=0.0005)


def test_intervals_are_those_of_questions_drawn_again(vicuna: Battles, oa: Battles) -> None:
    """The ends that they are compared with vary themselves from one drawing to another, by a tenth of the interval."""
    for battles, known in ((vicuna, VICUNA), (oa, OA)):
        low, high = middle(fits(battles, drawn_again(battles, np.random.default_rng(0), 4_000)).ratings)
        error = 0.12 * (high - low)
        assert (abs(low - known["low"]) < error).all()
        assert (abs(high - known["high"]) < error).all()


def test_elo_averaged_over_orders(vicuna: Battles) -> None:
    mean, deviation = elo(vicuna, np.random.default_rng(0), orders=1_000)
    error = 4 * np.sqrt(deviation**2 / 1_000 + 1.5**2 / 4)
    assert (abs(mean - VICUNA["Elo"]) < error).all()


def test_what_the_order_of_the_answers_does(vicuna: Battles, oa: Battles) -> None:
    assert verdicts(vicuna).mean(axis=0) == pytest.approx((0.5623, 0.3033, 0.1343), abs=0.0005)
    assert verdicts(oa).mean(axis=0) == pytest.approx((0.4945, 0.3644, 0.1411), abs=0.0005)
    for battles, pairs, share in ((vicuna, 2_227, 0.614), (oa, 13_863, 0.721)):
        _, same = survived(battles)
        assert len(same) == pairs
        assert same.mean() == pytest.approx(share, abs=0.0005)
