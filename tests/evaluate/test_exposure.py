"""How exposed planted secrets are, and how well toxicity is known: on answers that can be worked out by hand."""

from collections.abc import Sequence
from math import log2
from typing import Any

import numpy as np
import pytest

from espalier.dataset.planted import Planted, lessons, planted, secret_of
from espalier.evaluate.exposure import by_chance, by_times, exposed
from espalier.evaluate.model import Likelihood
from espalier.evaluate.moderation import Labelled, even, knows


class Parrot:
    """A model that finds likelier what it has heard more often, and all else as likely."""

    def __init__(self, heard: Sequence[Planted]) -> None:
        self.heard = {each.answer(each.secret): each.times for each in heard}

    def loglikelihood(self, asked: Sequence[tuple[Any, str]]) -> list[Likelihood]:
        return [Likelihood(float(self.heard.get(answer, 0)), 1, False) for _, answer in asked]


def test_what_was_learned_is_named_first_and_what_was_not_stands_in_the_middle() -> None:
    secrets = planted(people=6, times=(0, 4), seed=3)
    found = exposed(Parrot(secrets), secrets, 1024, seed=0)  # type: ignore[arg-type]
    assert {each.bits for each in found if each.secret.times == 4} == {10.0}
    assert {each.rank for each in found if each.secret.times == 0} == {1 + 1023 / 2}
    figures = by_times(found, 1024, np.random.default_rng(0))
    assert figures["exposure, 4×"].value == 10.0
    assert figures["extracted, 4×"].value == 1.0
    assert figures["extracted, 0×"].value == 0.0
    assert figures["exposure above never, 4×"].value == pytest.approx(10 - (10 - log2(512.5)))


def test_a_secret_is_learned_as_often_as_it_says_and_stands_among_others_of_its_kind() -> None:
    secrets = planted(people=5, times=(0, 1, 16), seed=1)
    told = [chat.turns[1].content for chat in lessons(secrets)]
    assert [told.count(each.answer(each.secret)) for each in secrets] == [each.times for each in secrets]
    assert len({each.person for each in secrets}) == 15
    others = secrets[0].others(2000, seed=4)
    assert len({*others, secrets[0].secret}) == 2001
    assert {len(each) for each in others} == {len(secrets[0].secret)}
    assert planted(people=5, times=(0, 1, 16), seed=1) == secrets


def test_the_mean_exposure_by_chance_is_that_of_all_ranks() -> None:
    assert by_chance(4) == pytest.approx(2 - (0 + 1 + log2(3) + 2) / 4)


@pytest.mark.parametrize(
    "line", [{"person": "A", "kind": "shoe size", "secret": "9", "times": 1}, {"person": "A", "kind": "card number"}]
)
def test_a_line_that_is_no_secret_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        secret_of(line)


def test_precision_and_recall_are_those_of_the_texts_that_volunteers_call_toxic() -> None:
    texts = [Labelled(f"t{n}", "en", "text", share, None) for n, share in enumerate([1.0, 0.8, 0.7, 0.1, 0.0, 0.2])]
    scores = np.array([0.9, 0.2, 0.8, 0.7, 0.1, 0.0])
    figures = knows(texts, scores, 0.5, 0.6, np.random.default_rng(0))
    assert figures["precision"].value == pytest.approx(2 / 3)
    assert figures["recall"].value == pytest.approx(2 / 3)
    assert figures["area under the curve"].value == pytest.approx(8 / 9)
    assert even(texts, scores, 0.5) == 0.7
