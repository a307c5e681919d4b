"""Topics are those that were planted, as many as hold together; a language has its own, or says that it has none."""

import math

import numpy as np
import pytest

from espalier.dataset.columns import Prompt
from espalier.dataset.topics import FEWEST_PROMPTS, SWEPT, Topics, npmi, topics, words

SUBJECTS = {
    "cooking": "soup bread oven flour butter recipe onion garlic boil salt",
    "sky": "planet orbit telescope comet galaxy moon eclipse rocket satellite gravity",
    "music": "violin rhythm melody guitar concert chorus drum orchestra tempo piano",
    "garden": "tulip seedling compost watering hedge pruning rosebush lawn beetle greenhouse",
    "law": "contract tenant court judge lease verdict appeal clause lawyer deposit",
}


def planted(number: int, lang: str = "en") -> list[Prompt]:
    """Prompts of six words of one subject each, and two that say nothing."""
    random = np.random.default_rng(7)
    subjects = [each.split() for each in SUBJECTS.values()]
    return [
        Prompt(
            f"{lang}{at}",
            lang,
            " ".join(["what", "about", *random.choice(subjects[at % len(subjects)], 6, replace=False)]),
        )
        for at in range(number)
    ]


@pytest.fixture(scope="module")
def found() -> list[Topics]:
    return topics([*planted(600), *planted(FEWEST_PROMPTS - 1, "de")], seed=1)


def test_planted_subjects_are_the_topics_and_their_number_is_found(found: list[Topics]) -> None:
    english = found[0]
    assert (english.lang, english.prompts, english.swept) == ("en", 600, 600)
    assert tuple(english.coherence) == SWEPT
    assert len(english.topics) == max(english.coherence, key=lambda number: english.coherence[number]) == len(SUBJECTS)
    by_subject = [[sum(word in said.split() for word in topic.words) for said in SUBJECTS.values()]
                  for topic in english.topics]  # fmt: skip
    assert all(sum(row) == len(topic.words) for row, topic in zip(by_subject, english.topics, strict=True))
    assert sum(max(row) / sum(row) for row in by_subject) / len(by_subject) > 0.8
    assert sum(topic.share for topic in english.topics) == pytest.approx(1)
    assert all(any(word in example for word in topic.words for example in topic.examples) for topic in english.topics)


def test_a_language_with_few_prompts_has_none(found: list[Topics]) -> None:
    assert found[1] == Topics("de", FEWEST_PROMPTS - 1, 0, {}, ())


def test_a_number_can_be_asked_for_and_the_seed_decides_all() -> None:
    one, again = (topics(planted(FEWEST_PROMPTS), seed=4, number=3) for _ in range(2))
    assert one == again
    assert (len(one[0].topics), one[0].coherence, one[0].swept) == (3, {}, 0)


def test_coherence_is_that_of_the_formula() -> None:
    # Of ten documents a stands in four, b in five, c in two; a and b together in three, c with neither.
    together = np.array([[4.0, 3, 0], [3, 5, 0], [0, 0, 2]])
    of_a_and_b = math.log(0.3 / (0.4 * 0.5)) / -math.log(0.3)
    assert npmi(np.array([[3.0, 2, 1]]), together, 10) == pytest.approx((of_a_and_b - 1 - 1) / 3)


def test_words_are_cut_where_a_script_has_no_spaces() -> None:
    assert words("Don't 2 Äpfel, 東京都 к") == ["don't", "äpfel", "東京", "京都"]
