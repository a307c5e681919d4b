"""What people type, as it is kept: every refusal names the field, and lengths are in characters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.collect.answers import clean_text
from espalier.domain.errors import Invalid, TooLong


@pytest.mark.parametrize(
    "text", ["", " \n\t ", "\u3000", "\u200b", "\u2060 \ufeff\u200e", "a\x00b", "half \ud83d a pair", "\udc00"]
)
def test_what_is_no_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_text(text, 100)
    assert refused.value.field == "text"


def test_a_length_is_in_characters_not_in_bytes_and_without_blanks_around() -> None:
    assert clean_text("  " + "\N{SNOWMAN}" * 10 + "\n", 10) == "\N{SNOWMAN}" * 10
    assert clean_text("\U0001f600" * 10, 10) == "\U0001f600" * 10
    assert clean_text("e\u0301" * 10, 10) == "\u00e9" * 10
    with pytest.raises(TooLong):
        clean_text("\N{SNOWMAN}" * 11, 10)


@given(st.text())
def test_a_kept_text_is_in_nfc_and_stays_as_it_is(text: str) -> None:
    try:
        kept = clean_text(text, 10_000)
    except Invalid:
        return
    assert unicodedata.is_normalized("NFC", kept)
    assert clean_text(kept, 10_000) == kept
    assert kept == kept.strip() != ""
