"""How a text becomes words, and a query phrases of them."""

from hypothesis import given
from hypothesis import strategies as st

from espalier.store.words import Phrase, phrases, words_of

SENTENCE = st.text("人工智能的日本語ひらがなタワー한국어공부ภาษาไทยກຂມြန်ខ្មែរ𠮷", min_size=1, max_size=30)


def holds(words: list[str], phrase: Phrase) -> bool:
    """What both databases do with a phrase."""
    *whole, last = phrase.words
    return any(
        words[at : at + len(whole)] == whole and (word.startswith(last) if phrase.open else word == last)
        for at, word in enumerate(words[len(whole) :])
    )


@given(SENTENCE, st.integers(0, 29), st.integers(1, 30))
def test_every_part_of_a_sentence_without_spaces_is_found(sentence: str, start: int, length: int) -> None:
    part = sentence[start % len(sentence) :][:length]

    assert all(holds(words_of(sentence), phrase) for phrase in phrases(part))


@given(SENTENCE, SENTENCE)
def test_nothing_else_is_found(sentence: str, other: str) -> None:
    folded = "".join(word[0] for word in words_of(sentence))
    wanted = "".join(word[0] for word in words_of(other))

    assert all(holds(words_of(sentence), phrase) for phrase in phrases(other)) == (wanted in folded)


@given(st.text(max_size=200))
def test_every_text_is_found_by_itself(text: str) -> None:
    assert all(holds(words_of(text), phrase) for phrase in phrases(text))


@given(st.text(max_size=200))
def test_words_hold_nothing_that_a_database_would_read_as_an_order(text: str) -> None:
    assert not set("".join(words_of(text))) & set(" \0\t\n'\"\\()&|!<>:*^-+{}_%,.;")


def test_pairs_of_characters_and_words_stand_in_the_order_of_the_text() -> None:
    assert words_of("GPT4と日本、the End") == ["gpt4", "と日", "日本", "本", "the", "end"]


def test_a_query_is_a_phrase_for_each_of_its_words() -> None:
    assert phrases("I don't 日本語 本 lea") == [
        Phrase(["i"], False),
        Phrase(["don", "t"], False),
        Phrase(["日本", "本語"], False),
        Phrase(["本"], True),
        Phrase(["lea"], True),
    ]
    assert phrases("!? 👍") == []
