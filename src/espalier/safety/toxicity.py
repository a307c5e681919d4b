"""How toxic a text is likely to be called, by a model of the volunteers' own labels: character n-grams, weighed.

Learning needs scikit-learn; judging needs nothing, so that a site or a chat can do it. Knows texts and shares; does not
know where labels come from.
"""

import json
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log, sqrt
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from espalier.dataset.write import replacing
from espalier.safety.duplicates import normal

FORMAT: Final = "espalier-toxicity-1"
BITS: Final = 18
BUCKETS: Final = 2**BITS
SHORTEST, LONGEST = 2, 5  # characters of an n-gram
MOST_CHARACTERS: Final = 4000  # read from the beginning of a longer text
FEWEST_TEXTS: Final = 200
STRENGTH: Final = 1.0  # of the fit against the pull to nothing, the C of a logistic regression
ROUNDS: Final = 200
ONE_IN: Final = (10, 100, 1000)


class TooLittle(ValueError):
    """There are too few labelled texts, or all are alike; the message says so."""


class NotAModel(ValueError):
    """The file holds no such model; the message says why."""


@dataclass(frozen=True, slots=True)
class ToxicityModel:
    """weights: of n-grams by bucket, (BUCKETS,). said: what it was learned from, for people."""

    weights: "array[float]"
    intercept: float
    said: Mapping[str, Any] = field(default_factory=dict)

    def score(self, text: str) -> float:
        """From 0 to 1: the probability that a volunteer finds it toxic."""
        found = features(text)
        total = self.intercept + sum(self.weights[bucket] * value for bucket, value in found.items())
        return 1 / (1 + exp(-max(-30.0, min(30.0, total))))

    @property
    def reached(self) -> Mapping[int, float]:
        """The score that one in so many of the texts reaches that it learned from; empty where that is not told.

        Levels are chosen by it: volunteers call few texts toxic, so that scores are small, however rude a text is.
        """
        return {int(many): float(score) for many, score in self.said.get("reached", {}).items()}


def features(text: str) -> dict[int, float]:
    """By bucket the damped count of n-grams, 1 + ln(n), of Euclidean length 1 in all; empty of an empty text."""
    said = f" {normal(text[:MOST_CHARACTERS])} ".encode("utf-32-le", "surrogatepass")
    counts: dict[int, int] = {}
    end = len(said) // 4
    for length in range(SHORTEST, LONGEST + 1):
        for start in range(end - length + 1):
            bucket = crc32(said[4 * start : 4 * (start + length)]) >> (32 - BITS)
            counts[bucket] = counts.get(bucket, 0) + 1
    damped = {bucket: 1 + log(times) for bucket, times in counts.items()}
    length_of_all = sqrt(sum(value * value for value in damped.values())) or 1.0
    return {bucket: value / length_of_all for bucket, value in damped.items()}


def learn(texts: Sequence[str], shares: Sequence[float], said: Mapping[str, Any] | None = None) -> ToxicityModel:
    """shares: how toxic volunteers found each text, 0 to 1; a text counts for both sides by its share.

    Logistic regression with L2 (D. Cox 1958). Both sides have equal weight in all while it learns, so that the rare one
    is learned at all; the intercept then says how rare it is: + ln(m / (1 - m)), m the mean share. No chance. Raises
    TooLittle.
    """
    import numpy as np
    from scipy.sparse import csr_matrix, vstack
    from sklearn.linear_model import LogisticRegression

    if len(texts) < FEWEST_TEXTS:
        raise TooLittle(f"there are {len(texts):,} labelled texts; learning needs at least {FEWEST_TEXTS:,}")
    toxic = np.asarray(shares, np.float64)
    if not 0 < toxic.mean() < 1:
        raise TooLittle("all texts are labelled alike; learning needs toxic ones and others")
    ends, columns, values = [0], array("i"), array("d")
    for text in texts:
        for bucket, value in features(text).items():
            columns.append(bucket)
            values.append(value)
        ends.append(len(columns))
    table = csr_matrix((np.array(values), np.array(columns), np.array(ends)), shape=(len(texts), BUCKETS))
    weights = np.concatenate([toxic / toxic.sum(), (1 - toxic) / (1 - toxic).sum()]) * len(texts) / 2
    sides = np.concatenate([np.ones(len(texts)), np.zeros(len(texts))])
    there = weights > 0
    fitted = LogisticRegression(C=STRENGTH, max_iter=ROUNDS).fit(
        vstack([table, table])[there], sides[there], sample_weight=weights[there]
    )
    intercept = float(fitted.intercept_[0]) + float(np.log(toxic.mean() / (1 - toxic.mean())))
    scores = np.sort(1 / (1 + np.exp(-(table @ fitted.coef_[0] + intercept))))[::-1]
    reached = {str(many): round(float(scores[len(scores) // many - 1]), 3) for many in ONE_IN if many <= len(scores)}
    told = {**(said or {}), "reached": reached}
    return ToxicityModel(array("f", fitted.coef_[0].astype(np.float32)), intercept, told)


def write_model(path: Path, model: ToxicityModel) -> None:
    """A line of JSON, then the weights as little-endian floats of 4 bytes: about a megabyte, and nothing is run by
    reading it."""
    weights = array("f", model.weights)
    if sys.byteorder == "big":
        weights.byteswap()
    head = {"format": FORMAT, "buckets": len(weights), "intercept": model.intercept, "said": model.said}
    with replacing(path, as_it_is=True) as file:
        file.write(json.dumps(head, sort_keys=True).encode() + b"\n" + weights.tobytes())


def read_model(path: Path) -> ToxicityModel:
    """Raises NotAModel, OSError."""
    with path.open("rb") as file:
        try:
            head = json.loads(file.readline(1_000_000))
            format, buckets, intercept = head["format"], head["buckets"], float(head["intercept"])
        except (ValueError, KeyError, TypeError):
            raise NotAModel(f"{path} is no model; `espalier safety train` makes one") from None
        if format != FORMAT or buckets != BUCKETS:
            raise NotAModel(f"{path} has the format {format}; this program reads {FORMAT}")
        packed = file.read(4 * BUCKETS + 1)
    if len(packed) != 4 * BUCKETS:
        raise NotAModel(f"{path} is cut short or has something behind its end; it must hold {BUCKETS:,} weights")
    weights = array("f", packed)
    if sys.byteorder == "big":
        weights.byteswap()
    return ToxicityModel(weights, intercept, dict(head.get("said") or {}))
