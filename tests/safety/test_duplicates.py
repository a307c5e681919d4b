"""What counts as the same text, and which texts count as nearly the same."""

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.safety.duplicates import fingerprint, near_duplicates, similarity

POEM = (
    "The gardener ties the youngest shoots to the lowest wire, waits for a summer, and ties them again a little "
    "higher, until the wall is green from one end to the other and nobody remembers the wire."
)


@pytest.mark.parametrize(
    "again",
    [
        "How do bees find their way home?\n",
        "  How do bees   find\ttheir way home? ",
        "how do BEES find their way home?",
        "How do bees\u200b find their way home?",
    ],
)
def test_blanks_capitals_and_unseen_characters_do_not_make_another_text(again: str) -> None:
    assert fingerprint(again) == fingerprint("How do bees find their way home?")


@pytest.mark.parametrize("other", ["How do bees find their way home", "How do bees find their way home!", "bees", ""])
def test_another_sign_or_word_makes_another_text(other: str) -> None:
    assert fingerprint(other) != fingerprint("How do bees find their way home?")


def test_the_joiner_that_changes_a_persian_word_counts() -> None:
    assert fingerprint("می‌خواهم") != fingerprint("میخواهم")


def test_a_fingerprint_does_not_hold_the_text() -> None:
    assert len(fingerprint(POEM)) == 32 == len(fingerprint("x"))
    assert set(fingerprint(POEM)) <= set("0123456789abcdef")


@given(st.text())
def test_the_spelling_of_a_character_does_not_matter(text: str) -> None:
    assert fingerprint(unicodedata.normalize("NFD", text)) == fingerprint(unicodedata.normalize("NFC", text))


@given(st.text(), st.text())
def test_similarity_is_whole_for_a_text_and_itself_and_has_no_direction(one: str, other: str) -> None:
    assert similarity(one, one) == 1
    assert similarity(one, other) == similarity(other, one)
    assert 0 <= similarity(one, other) <= 1


def test_a_changed_word_makes_a_near_duplicate_and_another_text_none() -> None:
    changed = POEM.replace("summer", "season")
    assert near_duplicates(["A quite different thing to say.", POEM, changed, "And one more of these."]) == [[1, 2]]


def test_equal_texts_are_found_among_many_however_short() -> None:
    texts = [f"text number {number}, which says {number * number}" for number in range(200)]
    texts[3] = texts[90] = "ok"
    texts[50] = texts[150] = texts[199] = POEM
    groups = near_duplicates(texts, threshold=1)
    assert groups == [[3, 90], [50, 150, 199]]


def test_nothing_is_a_near_duplicate_of_nothing() -> None:
    assert near_duplicates([]) == []
    assert near_duplicates([POEM]) == []


def test_pairs_above_the_threshold_are_found_and_no_others() -> None:
    rng = random.Random(5)
    words = [
        f"{a}{b}" for a in ("ba", "ko", "mi", "re", "tu", "za") for b in ("dle", "ness", "rum", "sha", "top", "ven")
    ]
    texts = []
    for _ in range(40):
        first = rng.choices(words, k=60)
        second = [rng.choice(words) if rng.random() < 0.04 else word for word in first]
        texts += [" ".join(first), " ".join(second)]
    alike = {(i, j) for i in range(80) for j in range(i) if similarity(texts[i], texts[j]) >= 0.7}
    assert len(alike) > 20
    expected = sorted([j, i] for i, j in alike)
    assert near_duplicates(texts, threshold=0.7) == expected


def test_groups_do_not_depend_on_the_order_of_the_texts() -> None:
    texts = [POEM, "short", POEM.replace("wire", "rope"), "something else altogether", POEM + " So it is."]
    there = {frozenset(texts[place] for place in group) for group in near_duplicates(texts, 0.6)}
    turned = texts[::-1]
    back = {frozenset(turned[place] for place in group) for group in near_duplicates(turned, 0.6)}
    assert there == back == {frozenset((texts[0], texts[2], texts[4]))}
