"""A split keeps trees and near-duplicates whole, holds its shares, and stays as it is when the data set grows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.dataset.objects import tree_record
from espalier.dataset.parts import BadManifest, Wanted, plan, read_manifest, write_manifest, write_parts
from espalier.dataset.read import read_trees
from espalier.dataset.records import TreeRecord
from espalier.dataset.split import (
    TRAIN,
    BadShares,
    Leak,
    Sapling,
    Shares,
    Split,
    owners,
    shares_of,
    split,
)
from espalier.dataset.trees import messages_of
from espalier.safety.duplicates import near_duplicates
from oasst import message, tree

SHARES = Shares({"validation": 0.2, "test": 0.1}, {"de": {"validation": 0.4}})


def same_letter(texts: Sequence[str]) -> list[list[int]]:
    """Texts are alike where they begin alike."""
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(text[0], []).append(place)
    return [group for group in places.values() if len(group) > 1]


def none_alike(texts: Sequence[str]) -> list[list[int]]:
    return []


@st.composite
def gardens(draw: st.DrawFn) -> list[Sapling]:
    """Some trees of a few languages; those whose texts begin alike are near-duplicates."""
    made = draw(
        st.lists(
            st.tuples(st.integers(1, 99), st.sampled_from(["en", "de", "ko"]), st.sampled_from("abcdefghijklmnop")),
            max_size=30,
        )
    )
    return [
        Sapling(f"tree {number}", f"2024-01-01T00:{number:02}:{second:02}", lang, text)
        for number, (second, lang, text) in enumerate(made)
    ]


@given(gardens(), st.randoms())
def test_each_tree_has_one_part_whatever_the_order_and_near_duplicates_share_it(trees, random) -> None:
    made = split(trees, SHARES, same_letter)
    assert made.parts.keys() == {tree.tree_id for tree in trees}
    assert set(made.parts.values()) <= set(SHARES.names)
    for one in trees:
        for other in trees:
            if one.text == other.text:
                assert made.parts[one.tree_id] == made.parts[other.tree_id]
    random.shuffle(trees)
    assert split(trees, SHARES, same_letter) == made
    assert made.leaks == ()


@given(gardens(), st.integers(0, 30))
def test_younger_trees_change_no_part_unless_they_join_two_groups(trees: list[Sapling], cut: int) -> None:
    before = split(trees[:cut], SHARES, same_letter)  # the dates rise with the number
    after = split(trees, SHARES, same_letter)
    assert {tree_id: after.parts[tree_id] for tree_id in before.parts} == before.parts


@given(gardens(), st.integers(0, 30), st.randoms())
def test_an_earlier_split_is_kept_even_when_older_trees_come(trees: list[Sapling], cut: int, random) -> None:
    random.shuffle(trees)
    before = split(trees[:cut], SHARES, none_alike)
    after = split(trees, SHARES, same_letter, before.parts)
    assert {tree_id: after.parts[tree_id] for tree_id in before.parts} == before.parts
    by_text: dict[str, set[str]] = {}
    for each in trees[:cut]:
        by_text.setdefault(each.text, set()).add(before.parts[each.tree_id])
    for each in trees[cut:]:
        stand = by_text.get(each.text)
        if stand is not None:
            assert after.parts[each.tree_id] == (next(iter(stand)) if len(stand) == 1 else TRAIN)
    held_out = {
        each.tree_id
        for each in trees
        if after.parts[each.tree_id] != TRAIN
        and any(other.text == each.text and after.parts[other.tree_id] == TRAIN for other in trees)
    }
    assert {leak.tree_id for leak in after.leaks} == held_out


def test_a_tree_that_joins_two_parts_goes_to_train_and_the_held_out_ones_are_named() -> None:
    trees = [Sapling("old", "1", "en", "a"), Sapling("held", "2", "en", "a"), Sapling("new", "3", "en", "a")]
    made = split(trees, SHARES, same_letter, {"old": TRAIN, "held": "test"})
    assert made.parts == {"old": TRAIN, "held": "test", "new": TRAIN}
    assert made.leaks == (Leak("held", "test", "old"),)


def test_shares_hold_within_the_error_that_is_told() -> None:
    langs = {"en": 3000, "de": 2000, "ko": 40}
    trees = [Sapling(f"{lang}{n}", "", lang, f"{n % (size // 2)}") for lang, size in langs.items() for n in range(size)]

    def twins(texts: Sequence[str]) -> list[list[int]]:
        by_tree: dict[tuple[str, str], list[int]] = {}
        for place, each in enumerate(sorted(trees, key=lambda tree: tree.tree_id)):
            by_tree.setdefault((each.lang, texts[place]), []).append(place)
        return list(by_tree.values())

    within, outside = 0, Counter[str]()
    for seed in range(10):
        shares = replace(SHARES, seed=str(seed))
        for each in shares_of(trees, split(trees, shares, twins), shares):
            if each.lang == "de" and each.part == "validation":
                assert each.wanted == pytest.approx(0.4)
                # Half as many falls as trees: 1.96 √(p (1 − p) / 1000).
                assert each.within == pytest.approx(1.96 * (0.4 * 0.6 / 1000) ** 0.5)
            near = abs(each.share - each.wanted) <= each.within + 1e-9
            within += near
            outside[each.part] += not near
    assert within / (within + outside.total()) > 0.85
    assert split(trees, SHARES, twins).parts != split(trees, replace(SHARES, seed="1"), twins).parts


@pytest.mark.parametrize(
    ("parts", "by_lang", "says"),
    [
        ({"train": 0.1}, {}, "train gets what the others leave"),
        ({"test": 1.0}, {}, "the share of test is 1; it must be from 0"),
        ({"test": -0.1}, {}, "must be from 0"),
        ({"test": float("nan")}, {}, "must be from 0"),
        ({"a": 0.5, "b": 0.5}, {}, "the shares make 1; leave some for train"),
        ({"a": 0.5}, {"de": {"b": 0.1}}, "b has a share in de but none in general"),
        ({"a/b": 0.5}, {}, "'a/b' is no name of a part"),
    ],
)
def test_shares_that_cannot_be_are_refused(parts: dict, by_lang: dict, says: str) -> None:
    with pytest.raises(BadShares, match=says):
        Shares(parts, by_lang)


def test_an_earlier_part_without_a_share_is_refused() -> None:
    with pytest.raises(BadShares, match="has a part dev"):
        split([], SHARES, none_alike, {"tree": "dev"})


def test_authors_of_held_out_trees_write_nowhere_else() -> None:
    held = record("held", ["anna", "ben", None])
    learnt = record("learnt", ["carl", "ben", None])
    by_anna = record("by anna", ["anna", "carl"])
    shares = Shares({"validation": 0.5})
    made = Split({"held": "validation", "learnt": TRAIN, "by anna": TRAIN})
    sides = owners(map(of_tree, (held, learnt, by_anna)), made, shares)
    assert sides.cut(held, "validation") == held
    left = sides.cut(learnt, TRAIN)
    assert left is not None
    assert [each.user_id for each in messages_of(left)] == ["carl"]  # ben's reply went, with all below it
    assert sides.cut(by_anna, TRAIN) is None


def record(tree_id: str, authors: list[str | None]) -> TreeRecord:
    """A thread of messages by these authors."""
    node = None
    for depth in range(len(authors) - 1, -1, -1):
        name = tree_id if depth == 0 else f"{tree_id} {depth}"
        above = None if depth == 0 else tree_id if depth == 1 else f"{tree_id} {depth - 1}"
        role = ("prompter", "assistant")[depth % 2]
        node = message(name, above, user_id=authors[depth], role=role, replies=[node] if node else [])
    assert node is not None
    return tree_record(tree(node))


def of_tree(given: TreeRecord) -> Sapling:
    authors = frozenset(each.user_id for each in messages_of(given) if each.user_id)
    return Sapling(given.message_tree_id, "", "en", given.prompt.text, authors)


def alike_from(threshold: float):
    return partial(near_duplicates, threshold=threshold)


def test_the_parts_together_hold_each_tree_once_and_the_manifest_goes_round(tmp_path: Path) -> None:
    trees = [record(f"tree number {n} with words of its own {n * 7919}", ["anna", "ben"]) for n in range(20)]
    twin = tree_record(tree(message("twin", text=trees[3].prompt.text + "!")))
    trees = [*trees, twin, trees[0]]
    planned = plan(trees, Wanted(Shares({"validation": 0.3})), alike_from)
    files = {part: tmp_path / f"{part}.jsonl" for part in ("train", "validation")}
    written = write_parts(planned, trees, files)
    found = {part: [each.message_tree_id for each in read_trees(file)] for part, file in files.items()}
    assert {part: len(ids) for part, ids in found.items()} == written.trees
    assert sorted(found["train"] + found["validation"]) == sorted({each.message_tree_id for each in trees})
    assert planned.twice == 1
    assert ("twin" in found["train"]) == (trees[3].message_tree_id in found["train"])
    write_manifest(tmp_path / "split.json", planned.manifest)
    assert read_manifest(tmp_path) == planned.manifest


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("no", "it is not JSON"),
        ("[]", "no manifest of a split"),
        ("{}", "the field shares_by_lang is missing"),
        ('{"shares_by_lang": {}, "shares": {"train": 0.5}, "seed": 1}', "train gets what the others leave"),
        (
            '{"shares_by_lang": {}, "shares": {}, "seed": 1, "leaks": [], "near_duplicates": [], "threshold": 0.8,'
            ' "by_author": false, "goes_on": false, "parts": {"a": "test"}}',
            "it has a tree in test, which has no share",
        ),
    ],
)
def test_what_is_no_manifest_is_refused_with_the_reason(tmp_path: Path, said: str, says: str) -> None:
    file = tmp_path / "split.json"
    file.write_text(said)
    with pytest.raises(BadManifest, match=says):
        read_manifest(file)
