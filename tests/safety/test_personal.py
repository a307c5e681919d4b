"""Personal data is found where it stands, and what only looks like it is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.safety.personal import is_card, is_iban, personal

PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("email", "ada.lovelace+trees@example.org"), ("email", "müller@bücher.example"),
        ("phone", "+49 30 901820"), ("phone", "(415) 555-2671"), ("phone", "020 7946 0958"),
        ("iban", "DE89 3704 0044 0532 0130 00"), ("iban", "GB82WEST12345698765432"),
        ("card", "4111 1111 1111 1111"), ("card", "371449635398431"),
        ("network", "203.0.113.7"), ("network", "2001:db8:0:0:0:ff00:42:8329"),
        ("key", "AKIA" + "IOSFODNN7EXAMPLE"), ("key", "ghp_" + "a1B2" * 9), ("key", PRIVATE_KEY),
        ("address", "221B Baker Street"), ("address", "Hauptstraße 12"), ("address", "36 rue de Pologne"),
        ("address", "Via Roma 131"), ("address", "P.O. Box 4711"),
    ],
)  # fmt: skip
def test_it_is_found_in_a_sentence_from_its_first_character_to_its_last(kind: str, said: str) -> None:
    text = f"Please write this down: {said} , and nothing else."
    (found,) = personal(text)
    assert (found.kind.value, text[found.start : found.end]) == (kind, said)


@pytest.mark.parametrize("said", ["DE89370400440532013000", "203.0.113.7", "ghp_" + "a1B2" * 9, "4111111111111111"])
def test_it_is_found_where_a_language_has_no_blanks(said: str) -> None:
    (found,) = personal(f"请记下{said}谢谢")
    assert (found.start, found.end) == (3, 3 + len(said))


@pytest.mark.parametrize(
    "text",
    [
        "Version 1.2.3.4.5 of 2023-04-09 has 8 million square kilometres.", "Write to me @home, or a@b.",
        "DE89 3704 0044 0532 0130 01 has wrong check digits.", "4111 1111 1111 1112 as well, and 0000000000000000.",
        "The loopback address is 127.0.0.1, and 999.1.1.1 is none.", "My number is 460-89-9847.",
        "During 1971 the 3 wise men took 12 steps on the way.", "sk-short is a word, and AKIA too.", "",
        "1847 1861 1867 1871 1873 1877 1879 1889 1901 1907 are primes.",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert personal(text) == []


@given(st.text(max_size=300))
def test_spans_stand_in_order_within_the_text_and_do_not_overlap(text: str) -> None:
    found = personal(text + " a@b.example 10.20.30.40 " + text)
    assert [each for each in found if each.kind == "network" or each.kind == "email"]
    ends = [0]
    for each in found:
        assert ends[-1] <= each.start < each.end
        ends.append(each.end)


@given(st.integers(10**11, 10**15 - 1))
def test_one_wrong_digit_fails_the_check(number: int) -> None:
    digits = f"4{number}"
    right = [digit for digit in "0123456789" if is_card(digits + digit)]
    assert len(right) == 1


def test_the_check_of_an_iban_is_that_of_the_standard() -> None:
    assert is_iban("GB82WEST12345698765432")
    assert not is_iban("GB28WEST12345698765432")
