"""Which part of a data set each tree belongs to: whole trees, near-duplicate prompts together, the same in every run.

A plan from what is known of the trees, and what is cut so that nobody writes on both sides. Knows no files; which
prompts are alike is a callable that is handed in.
"""

import hashlib
import hmac
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

from espalier.dataset.records import MessageRecord, TreeRecord, date_of
from espalier.dataset.threads import pruned
from espalier.dataset.trees import messages_of
from espalier.domain.language import usual_tag

TRAIN: Final = "train"
"""The part that gets what no share claims."""
NO_LANGUAGE: Final = "und"
TWO_SIDES: Final = 1.96  # standard errors to either side of a share: 95 in 100 splits lie within
Alike = Callable[[Sequence[str]], list[list[int]]]
"""Of texts, the groups of places that are near-duplicates of each other, as safety/duplicates.py finds them."""


class BadShares(ValueError):
    """Shares that no split can have; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Sapling:
    """What a split has to know of a tree."""

    tree_id: str
    date: str
    lang: str
    text: str
    authors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of the trees each part beside `train` gets, from 0 to 1. by_lang: what differs in a language.

    seed: the key of the hash; another one gives another split. Raises BadShares.
    """

    parts: Mapping[str, float] = field(default_factory=dict)
    by_lang: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    seed: str = "0"

    def __post_init__(self) -> None:
        for lang, parts in (("", self.parts), *self.by_lang.items()):
            where = f" in {lang}" if lang else ""
            for part, share in parts.items():
                if part == TRAIN:
                    raise BadShares(f"{TRAIN} gets what the others leave; give the shares of the others")
                if not part.isidentifier():
                    raise BadShares(f"{part!r} is no name of a part; write letters, digits and _, as validation")
                if not 0 <= share < 1:
                    raise BadShares(f"the share of {part}{where} is {share:g}; it must be from 0 to less than 1")
                if lang and part not in self.parts:
                    raise BadShares(f"{part} has a share{where} but none in general; give it one, 0 if need be")
            if sum(self.of(lang).values()) >= 1:
                raise BadShares(f"the shares{where} make {sum(self.of(lang).values()):g}; leave some for {TRAIN}")

    def of(self, lang: str) -> dict[str, float]:
        """The shares in a language, in the order of the parts."""
        own = self.by_lang.get(lang, {})
        return {part: own.get(part, share) for part, share in self.parts.items()}

    @property
    def names(self) -> tuple[str, ...]:
        return (TRAIN, *self.parts)


@dataclass(frozen=True, slots=True)
class Leak:
    """A held-out tree of which a near-duplicate stands in train: whoever measures should leave it out."""

    tree_id: str
    part: str
    like: str


@dataclass(frozen=True, slots=True)
class Split:
    """parts: of each tree. groups: near-duplicates, each beginning with its oldest tree."""

    parts: Mapping[str, str]
    groups: tuple[tuple[str, ...], ...] = ()
    leaks: tuple[Leak, ...] = ()


def sapling(tree: TreeRecord) -> Sapling:
    """What a split has to know of this tree. Dates are brought to UTC; one that is none comes first."""
    try:
        date = date_of(tree.prompt.created_date).isoformat() if tree.prompt.created_date else ""
    except ValueError:  # reported when it was read
        date = ""
    authors = frozenset(message.user_id for message in messages_of(tree) if message.user_id is not None)
    return Sapling(tree.message_tree_id, date, usual_tag(tree.prompt.lang or NO_LANGUAGE), tree.prompt.text, authors)


def place_of(tree_id: str, seed: str) -> float:
    """Where a tree falls between 0 and 1: HMAC-SHA256 of its id under the seed; of two trees it tells nothing."""
    digest = hmac.new(seed.encode(), tree_id.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:7]) / 2**56  # 56 bits: a float holds them exactly


def split(
    saplings: Iterable[Sapling], shares: Shares, alike: Alike, previous: Mapping[str, str] | None = None
) -> Split:
    """Each tree's part: that of its group of near-duplicate prompts, which its oldest tree (by date, then id) decides.

    previous: parts of trees that stay as they are; a new tree follows the group it joins, and goes to train where that
    stands in several parts. Prompts without a text (tombstones) are like no other. Raises BadShares.
    """
    for part in (previous or {}).values():
        if part not in shares.names:
            raise BadShares(f"the earlier split has a part {part}; give it a share, 0 if nothing new shall come to it")
    known = {tree.tree_id: tree for tree in saplings}
    trees = sorted(known.values(), key=lambda tree: (tree.date, tree.tree_id))
    written = [tree for tree in trees if tree.text.strip()]
    groups = [[written[place] for place in sorted(places)] for places in alike([tree.text for tree in written])]
    grouped = {tree.tree_id for group in groups for tree in group}
    parts: dict[str, str] = {}
    leaks: list[Leak] = []
    fixed = {tree_id: part for tree_id, part in (previous or {}).items() if tree_id in known}
    for group in (*groups, *([tree] for tree in trees if tree.tree_id not in grouped)):
        stand = {fixed[tree.tree_id] for tree in group if tree.tree_id in fixed}
        if not stand:
            part = _part(place_of(group[0].tree_id, shares.seed), shares.of(group[0].lang))
        else:
            part = stand.pop() if len(stand) == 1 else TRAIN
        for tree in group:
            parts[tree.tree_id] = fixed.get(tree.tree_id, part)
        leaks += _leaks(group, parts)
    in_order = {tree.tree_id: parts[tree.tree_id] for tree in trees}
    return Split(in_order, tuple(tuple(tree.tree_id for tree in group) for group in groups), tuple(leaks))


def _part(place: float, shares: Mapping[str, float]) -> str:
    above = 0.0
    for part, share in shares.items():
        above += share
        if place < above:
            return part
    return TRAIN


def _leaks(group: Sequence[Sapling], parts: Mapping[str, str]) -> list[Leak]:
    learnt = next((tree.tree_id for tree in group if parts[tree.tree_id] == TRAIN), None)
    if learnt is None:
        return []
    held_out = (tree.tree_id for tree in group if parts[tree.tree_id] != TRAIN)
    return [Leak(tree_id, parts[tree_id], learnt) for tree_id in held_out]


@dataclass(frozen=True, slots=True)
class Share:
    """Of a language, or of all (lang None): how many trees a part has, of how many, and what it should have.

    within: how far chance alone takes the share from the wanted one in 19 of 20 splits.
    """

    lang: str | None
    part: str
    trees: int
    of: int
    wanted: float
    within: float

    @property
    def share(self) -> float:
        return self.trees / self.of


def shares_of(saplings: Iterable[Sapling], made: Split, shares: Shares) -> list[Share]:
    """What each part has of each language and of all, most trees first.

    A group of n near-duplicates falls as one, so the variance of a part's count is p(1 − p) Σ n² over its groups.
    """
    trees = {tree.tree_id: tree for tree in saplings}
    oldest = {tree_id: group[0] for group in made.groups for tree_id in group}
    counts: dict[str | None, Counter[str]] = defaultdict(Counter)
    falls: dict[str | None, Counter[str]] = defaultdict(Counter)
    for tree_id, tree in trees.items():
        for lang in (None, tree.lang):
            counts[lang][made.parts[tree_id]] += 1
            falls[lang][oldest.get(tree_id, tree_id)] += 1
    found = []
    for lang in sorted(counts, key=lambda lang: (-counts[lang].total(), lang or "")):
        of = counts[lang].total()
        for part in shares.names:
            wanted, variance = 0.0, 0.0
            for head, size in falls[lang].items():
                claimed = shares.of(trees[head].lang if head in trees else lang or "")
                share = claimed[part] if part != TRAIN else 1 - sum(claimed.values())
                wanted += share * size / of
                variance += share * (1 - share) * size**2
            found.append(Share(lang, part, counts[lang][part], of, wanted, TWO_SIDES * sqrt(variance) / of))
    return found


@dataclass(frozen=True, slots=True)
class Owners:
    """Of each author, the part whose side they stand on: the first held-out one in which they wrote, else train."""

    parts: Mapping[str, str]

    def cut(self, tree: TreeRecord, part: str) -> TreeRecord | None:
        """The tree without what authors of another side wrote and all below it; None when the prompt goes."""

        def stays(message: MessageRecord) -> bool:
            return message.user_id is None or self.parts.get(message.user_id, part) == part

        return pruned(tree, stays)


def owners(saplings: Iterable[Sapling], made: Split, shares: Shares) -> Owners:
    """Who stands on which side when nobody may stand on two: held-out trees stay whole, and train loses what their
    authors wrote elsewhere. Of several held-out parts the first in the order of the shares comes first.
    """
    order = {part: number for number, part in enumerate((*shares.parts, TRAIN))}
    side: dict[str, str] = {}
    for tree in saplings:
        part = made.parts[tree.tree_id]
        for author in tree.authors:
            if author not in side or order[part] < order[side[author]]:
                side[author] = part
    return Owners(side)


def on_both_sides(saplings: Iterable[Sapling], made: Split) -> int:
    """How many authors wrote both in train and in a held-out part."""
    sides: dict[str, set[bool]] = defaultdict(set)
    for tree in saplings:
        for author in tree.authors:
            sides[author].add(made.parts[tree.tree_id] == TRAIN)
    return sum(len(stand) == 2 for stand in sides.values())
