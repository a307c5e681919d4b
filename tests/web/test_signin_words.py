"""The sentences of signing in that translators get are those that are really said."""

from pathlib import Path

import pytest

import espalier
from espalier.collect.accounts import LONGEST_NAME
from espalier.web.passwords import LONGEST, SHORTEST
from espalier.web.signin_words import SENTENCES

SOURCE = "".join(
    file.read_text("utf-8")
    for room in ("collect", "web")
    for file in (Path(espalier.__file__).parent / room).glob("*.py")
    if file.name != "signin_words.py"
)
WITH_NUMBERS = SOURCE.replace("{LONGEST_NAME}", str(LONGEST_NAME)).replace(
    "{SHORTEST} to {LONGEST}", f"{SHORTEST} to {LONGEST}"
)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_for_translators_is_said_somewhere(sentence: str) -> None:
    assert sentence in WITH_NUMBERS
