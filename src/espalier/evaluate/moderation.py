"""How well a moderation model knows what volunteers call toxic: of what it calls so, and of what they do.

Knows labelled texts and scores; does not know how a model comes to them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from espalier.dataset.records import TreeRecord
from espalier.dataset.split import NO_LANGUAGE
from espalier.dataset.trees import messages_of
from espalier.evaluate.counted import mean_of, told
from espalier.evaluate.model import Tell, nobody
from espalier.evaluate.results import Figure
from espalier.infer.measure import FEWEST_TREES, RESAMPLES, Numbers, auc, ratio
from espalier.safety.toxicity import learn

LABEL: Final = "toxicity"
LEVELS: Final = tuple(number / 20 for number in range(1, 20))

FEWEST_TOXIC: Final = 5
"""Toxic texts of a language below which nothing is said of it."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """share: how toxic volunteers found it, 0 to 1. detoxify: what the published file says, where it says it."""

    tree: str
    lang: str
    text: str
    share: float
    detoxify: float | None


def labelled(trees: Iterable[TreeRecord]) -> list[Labelled]:
    """All messages that have the label."""
    found = []
    for tree in trees:
        for message in messages_of(tree):
            label = (message.labels or {}).get(LABEL)
            if label is None or not message.text.strip():
                continue
            said = message.extra.get("detoxify")
            score = said.get(LABEL) if isinstance(said, dict) else None
            found.append(Labelled(
                tree.message_tree_id, message.lang or NO_LANGUAGE, message.text, min(1.0, max(0.0, label["value"])),
                float(score) if isinstance(score, int | float) else None,
            ))  # fmt: skip
    return found


def learned_anew(texts: Sequence[Labelled], folds: int, seed: int, tell: Tell = nobody) -> Numbers:
    """Scores of models that learned from the trees of the other folds, (texts,). Raises TooLittle."""
    trees = sorted({each.tree for each in texts})
    Random(seed).shuffle(trees)
    fold = {tree: number % folds for number, tree in enumerate(trees)}
    scores = np.zeros(len(texts))
    for number in range(folds):
        others = [each for each in texts if fold[each.tree] != number]
        model = learn([each.text for each in others], [each.share for each in others])
        for place, each in enumerate(texts):
            if fold[each.tree] == number:
                scores[place] = model.score(each.text)
        tell(number + 1, folds)
    return scores


def knows(
    texts: Sequence[Labelled], scores: Numbers, level: float, alarm: float, random: np.random.Generator
) -> dict[str, Figure]:
    """Precision and recall at an alarm, and the area under the curve, of all and by language; intervals are over trees.

    level: the mean label from which on volunteers call a text toxic. alarm: the score from which on a model does.
    """
    trees = np.array([each.tree for each in texts], np.str_)
    langs = np.array([each.lang for each in texts], np.str_)
    toxic = np.array([each.share >= level for each in texts], bool)
    called = scores >= alarm
    both = np.array(toxic & called, np.float64)
    found: dict[str, Figure | None] = {
        "toxic": mean_of(toxic.astype(np.float64), trees, random),
        "called toxic": mean_of(called.astype(np.float64), trees, random),
        "precision": _share(both, called, trees, random),
        "recall": _share(both, toxic, trees, random),
        "area under the curve": _area(scores, toxic, trees, random),
    }
    for lang in sorted(set(langs.tolist())):
        of = langs == lang
        if FEWEST_TOXIC <= toxic[of].sum() < of.sum() < len(langs):
            found[f"area under the curve, {lang}"] = _area(scores[of], toxic[of], trees[of], random)
    return told(found)


def even(texts: Sequence[Labelled], scores: Numbers, level: float) -> float:
    """The alarm at which a model calls as many texts toxic as volunteers do; there precision is recall."""
    many = sum(each.share >= level for each in texts)
    return float(np.sort(scores)[len(scores) - many])


def at_levels(texts: Sequence[Labelled], scores: Numbers, level: float) -> list[tuple[float, float | None, float]]:
    """Of each alarm precision and recall, to choose one by; None where nothing sets it off."""
    toxic = np.array([each.share >= level for each in texts], bool)
    found = []
    for alarm in LEVELS:
        called = scores >= alarm
        hits = int((called & toxic).sum())
        found.append((alarm, hits / int(called.sum()) if called.any() else None, hits / max(1, int(toxic.sum()))))
    return found


def _share(both: Numbers, of: NDArray[np.bool_], trees: NDArray[np.str_], random: np.random.Generator) -> Figure | None:
    found = ratio(both, of.astype(np.float64), trees, random)
    return None if found is None else Figure.of(found, int(of.sum()))


def _area(
    scores: Numbers, toxic: NDArray[np.bool_], trees: NDArray[np.str_], random: np.random.Generator
) -> Figure | None:
    value = auc(scores, toxic)
    if value is None:
        return None
    names, places = np.unique(trees, return_inverse=True)
    if len(names) < FEWEST_TREES:
        return Figure(value, n=len(scores))
    of_tree = np.split(np.argsort(places, kind="stable"), np.cumsum(np.bincount(places))[:-1])
    drawn = []
    for _ in range(RESAMPLES):
        which = np.concatenate([of_tree[place] for place in random.integers(0, len(names), len(names))])
        if (area := auc(scores[which], toxic[which])) is not None:
            drawn.append(area)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Figure(value, float(low), float(high), len(scores))
