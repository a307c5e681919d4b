"""How far what a model learned reaches: figures of texts like those it was trained on, of others, and their difference.

Within are the texts of the domain and languages that were trained on, beyond are all others. Every difference has an
interval of its own, in trees drawn again. Texts differ in how hard they are, so bits per byte themselves say little of
that; what training saved of them against the model that it began with does. Knows texts and figures.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from espalier.dataset.contributors import Estimate
from espalier.dataset.records import TreeRecord
from espalier.evaluate.heldout import Said, langs_of, sizes, trees_of
from espalier.infer.measure import Numbers, Scored, mean, mean_apart, pairs_of, ratio, ratio_apart

GENERALISATION: Final = "generalisation"
WITHIN, BEYOND, APART = "within", "beyond", "beyond less within"
COST, SAVED, ACCURACY, GAIN, WON = (
    "bits per byte", "bits per byte saved", "accuracy", "above the longer reply", "win rate",
)  # fmt: skip
Which = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sides:
    """Held-out trees, each once, and what tells those beyond: outside are the trees of another domain, langs the
    languages that were trained on, all where there are none. doubled: so many trees were named on both sides, and are
    within.
    """

    trees: tuple[TreeRecord, ...]
    outside: frozenset[str]
    langs: tuple[str, ...]
    doubled: int

    def beyond(self, said: Sequence[Said]) -> Which:
        """Of each reply whether it is beyond, (replies,)."""
        return is_beyond(trees_of(said).tolist(), langs_of(said).tolist(), self.outside, self.langs)


def sides_of(within: Iterable[TreeRecord], others: Iterable[TreeRecord], langs: Iterable[str]) -> Sides:
    """Trees within and trees of another domain, where one that is both is within."""
    inside = tuple(within)
    known = {tree.message_tree_id for tree in inside}
    outside = tuple(others)
    only = tuple(tree for tree in outside if tree.message_tree_id not in known)
    ids = frozenset(tree.message_tree_id for tree in only)
    return Sides(inside + only, ids, tuple(langs), len(outside) - len(only))


def is_beyond(trees: Sequence[str], langs: Sequence[str], outside: Collection[str], known: Collection[str]) -> Which:
    """Of each text whether it is beyond: of a tree outside the domain, or in a language that is not among the known;
    no languages: all are known. (n,).
    """
    return np.array(
        [tree in outside or bool(known and lang not in known) for tree, lang in zip(trees, langs, strict=True)],
        np.bool_,
    )


def costs_apart(
    said: Sequence[Said], beyond: Which, bits: Numbers, before: Numbers | None, random: np.random.Generator
) -> dict[str, Estimate]:
    """Bits per byte on both sides; and where `before` tells the bits of the model that training began with, what it
    saved, also by language. bits, before, beyond: (replies,).
    """
    size, trees, langs = sizes(said), trees_of(said), langs_of(said)
    found = {
        f"{COST}, {side}": ratio(bits[of], size[of], trees[of], random)
        for side, of in ((WITHIN, ~beyond), (BEYOND, beyond))
    }
    if before is not None:
        saved = before - bits
        for side, of in ((WITHIN, ~beyond), (BEYOND, beyond)):
            found[f"{SAVED}, {side}"] = ratio(saved[of], size[of], trees[of], random)
        found[f"{SAVED}, {APART}"] = ratio_apart(saved, size, beyond, trees, random)
        for side, of in ((WITHIN, ~beyond), (BEYOND, beyond)):
            for lang in sorted(set(langs[of].tolist())):
                its = of & (langs == lang)
                found[f"{SAVED}, {side}, {lang}"] = ratio(saved[its], size[its], trees[its], random)
    return told(found)


def wins_apart(
    won: Numbers, beyond: Which, trees: NDArray[np.str_], random: np.random.Generator
) -> dict[str, Estimate]:
    """How often a model's reply is preferred to people's on both sides. won, beyond, trees: (prompts,)."""
    return told(_three(WON, won, beyond, trees, random))


def agreement_apart(
    scored: Sequence[Scored], sides: Sides, random: np.random.Generator
) -> tuple[dict[str, Estimate], dict[str, int]]:
    """How often a reward model has people's order on both sides, and by how much more than the rule of the longer
    reply; and how many pairs there are.
    """
    pairs = pairs_of(scored)
    beyond = is_beyond(pairs.trees.tolist(), pairs.langs.tolist(), sides.outside, sides.langs)
    figures = {
        **_three(ACCURACY, pairs.agrees, beyond, pairs.trees, random),
        **_three(GAIN, pairs.agrees - pairs.length_agrees, beyond, pairs.trees, random),
    }
    return told(figures), {WITHIN: int((~beyond).sum()), BEYOND: int(beyond.sum())}


def _three(
    name: str, values: Numbers, beyond: Which, trees: NDArray[np.str_], random: np.random.Generator
) -> dict[str, Estimate | None]:
    return {
        f"{name}, {WITHIN}": mean(values[~beyond], trees[~beyond], random),
        f"{name}, {BEYOND}": mean(values[beyond], trees[beyond], random),
        f"{name}, {APART}": mean_apart(values, beyond, trees, random),
    }


def told(found: Mapping[str, Estimate | None]) -> dict[str, Estimate]:
    """Without what nobody could tell."""
    return {name: each for name, each in found.items() if each is not None}


KINDS: Final = (SAVED, ACCURACY, WON)
"""Of which both sides stand on one scale, so that a picture may have them beside each other."""
