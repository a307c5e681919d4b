"""A model of toxicity learns from labels, judges without the library that fitted it, and lives in a plain file."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from espalier.safety.toxicity import (
    BUCKETS,
    NotAModel,
    TooLittle,
    ToxicityModel,
    features,
    learn,
    read_model,
    write_model,
)

KIND, RUDE = ("thank you for the lovely answer", "how do plants grow"), ("you stupid idiot", "shut up, moron")


@pytest.fixture(scope="module")
def model() -> ToxicityModel:
    rng = random.Random(0)
    texts, shares = [], []
    for number in range(240):
        rude = number % 4 == 0
        texts.append(f"{rng.choice(RUDE if rude else KIND)} {rng.randrange(10**6)}")
        shares.append(0.75 if rude else 0.0)
    return learn(texts, shares, {"texts": 240})


def test_it_tells_what_it_was_taught_and_words_like_it(model: ToxicityModel) -> None:
    assert (
        model.score("What a stupid, stupid IDIOT!") > 0.4 > 0.1 > model.score("A lovely answer on plants, thank you.")
    )
    assert model == learn(*[list(each) for each in _taught()], {"texts": 240})


def test_it_says_which_scores_how_many_texts_reach_so_that_a_level_can_be_chosen(model: ToxicityModel) -> None:
    scores = sorted(map(model.score, _taught()[0]), reverse=True)
    assert model.reached == {10: pytest.approx(scores[23], abs=1e-3), 100: pytest.approx(scores[1], abs=1e-3)}


def _taught() -> tuple[list[str], list[float]]:
    rng = random.Random(0)
    rows = [
        (number % 4 == 0, f"{rng.choice(RUDE if number % 4 == 0 else KIND)} {rng.randrange(10**6)}")
        for number in range(240)
    ]
    return [text for _, text in rows], [0.75 if rude else 0.0 for rude, _ in rows]


def test_the_fit_is_where_the_loss_has_no_slope(model: ToxicityModel) -> None:
    """Independently, in float64: the derivative of the weighted log loss with its L2 term."""
    texts, shares = _taught()
    weights, toxic = np.array(model.weights, np.float64), np.array(shares)
    slope, scale = weights.copy(), len(texts) / 2
    balanced = model.intercept - np.log(toxic.mean() / (1 - toxic.mean()))
    for text, share in zip(texts, shares, strict=True):
        found = features(text)
        score = 1 / (1 + np.exp(-(balanced + sum(weights[at] * value for at, value in found.items()))))
        pull = scale * (share / toxic.sum() * (score - 1) + (1 - share) / (1 - toxic).sum() * score)
        for at, value in found.items():
            slope[at] += pull * value
    assert np.abs(slope).max() < 0.05 * np.abs(weights).max()


def test_a_file_gives_back_the_model_and_scores_need_no_library(model: ToxicityModel, tmp_path: Path) -> None:
    path = tmp_path / "toxicity.model"
    write_model(path, model)
    assert path.stat().st_size < 3_000_000
    assert read_model(path) == model
    program = (
        "import sys; from pathlib import Path; from espalier.safety.toxicity import read_model;"
        f"print(read_model(Path({str(path)!r})).score('you stupid idiot'));"
        "print([name for name in ('numpy', 'sklearn', 'scipy') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert said == [str(model.score("you stupid idiot")), "[]"]


@pytest.mark.parametrize("damage", ["cut", "more", "format", "other"])
def test_a_file_that_is_none_is_named(model: ToxicityModel, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "toxicity.model"
    write_model(path, model)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[:-3],
            "more": whole + b"    ",
            "format": whole.replace(b"toxicity-1", b"toxicity-9"),
            "other": b"\x80\x04K*.",
        }[damage]
    )
    with pytest.raises(NotAModel, match=r"toxicity\.model"):
        read_model(path)


def test_features_are_a_unit_and_an_empty_text_scores_like_any_other_of_which_nothing_is_known(
    model: ToxicityModel,
) -> None:
    assert sum(value * value for value in features("Ärger 🍅").values()) == pytest.approx(1)
    assert all(0 <= bucket < BUCKETS for bucket in features("x" * 10_000))
    assert 0 < model.score("") < 1


def test_too_little_is_said() -> None:
    with pytest.raises(TooLittle, match="needs at least 200"):
        learn(["a"] * 3, [0.0, 1.0, 0.0])
    with pytest.raises(TooLittle, match="alike"):
        learn(["a"] * 300, [0.0] * 300)
