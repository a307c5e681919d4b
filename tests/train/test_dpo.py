"""DPO and its robust variants learn which of two replies is preferred, and go on from a checkpoint bit for bit."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from math import log
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from espalier.infer.shared import laid_out
from espalier.train.dpo import Dpo, DpoSettings, Pairs, fit, pair_log_probs, reference_log_probs
from espalier.train.ranked import Ranked
from espalier.train.robust import Robust
from espalier.train.settings import Data, Model, Optimizer, Run, Source
from planted import END, PHRASE, PROMPTS, UNSEEN, metrics, policy

torch.set_num_threads(1)
Draw = Callable[[Random], tuple[tuple[int, ...], tuple[int, ...]]]


def settings(out: Path, run: dict[str, Any] | None = None, **dpo: float) -> DpoSettings:
    return DpoSettings(
        model=Model(start="none"),
        data=Data(sources=(Source(path=Path("none")),)),
        optimizer=Optimizer(learning_rate=7e-3, batch=16, warmup=0, schedule="linear"),
        run=Run(out=out, tensorboard=False, **{"steps": 100, "measure_every": 100, "pass_tokens": 600, **(run or {})}),
        dpo=Dpo(**dpo),
    )


def words(rng: Random, least: int, most: int) -> tuple[int, ...]:
    return tuple(rng.choice((3, 4, 5, 6, 8, 9, 10)) for _ in range(rng.randint(least, most)))


def phrase(rng: Random) -> tuple[tuple[int, ...], tuple[int, ...]]:
    at = rng.randint(0, 5)
    reply = words(rng, 6, 9)
    return (*reply[:at], PHRASE, *reply[at:]), words(rng, 6, 10)


def length(rng: Random) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return words(rng, 4, 18), words(rng, 1, 3) if rng.random() < 0.5 else words(rng, 19, 24)


def planted(draw: Draw, prompts: list[tuple[int, ...]], number: int) -> Pairs:
    """Pairs with their reference, which is the model before it has learned anything."""
    rng = Random(number)
    drawn = [(rng.choice(prompts), *draw(rng)) for _ in range(number)]
    pairs = [
        Ranked(prompt, ((*chosen, END), (*rejected, END)), (0, 0), str(place), "und")
        for place, (prompt, chosen, rejected) in enumerate(drawn)
    ]
    return Pairs(pairs, reference_log_probs(policy(), pairs, 1_000))


@pytest.mark.parametrize("draw", [phrase, length])
@pytest.mark.parametrize(
    "variant",
    [{}, {"smoothing": 0.1}, {"slope": 0.7, "pessimism": 5e-4, "verbosity": 5e-4}],
    ids=["dpo", "cdpo", "dpo-cov"],
)
def test_it_tells_which_of_two_replies_nobody_showed_it_is_preferred(
    tmp_path: Path, draw: Draw, variant: dict[str, float]
) -> None:
    fit(policy(), planted(draw, PROMPTS, 300), planted(draw, UNSEEN, 100), settings(tmp_path, **variant))
    steps = [line for line in metrics(tmp_path) if "loss" in line]
    assert steps[0]["margin"] == pytest.approx(0, abs=1e-5) or variant.get("verbosity")
    assert steps[0]["chosen"] == pytest.approx(0, abs=1e-4)
    found = metrics(tmp_path)[-1]
    assert found["held_out_accuracy"] >= 0.95 - 1e-6  # a mean in float32
    assert found["held_out_chosen"] > found["held_out_rejected"]


def test_before_the_first_step_the_loss_is_log_2_and_nothing_is_noise(tmp_path: Path) -> None:
    fit(policy(), planted(phrase, PROMPTS, 16), planted(phrase, UNSEEN, 0), settings(tmp_path, {"steps": 1}))
    (first,) = metrics(tmp_path)
    assert first["loss"] == pytest.approx(log(2), abs=1e-5)
    assert (first["noise"], first["noisy"]) == (0, 0)


def test_a_reply_is_as_likely_as_when_it_stands_alone() -> None:
    model, pairs = policy().double().requires_grad_(False), planted(length, PROMPTS, 5).pairs
    (rows,) = laid_out([(pair.prompt, pair.replies) for pair in pairs], model, 1_000)
    said = pair_log_probs(model, pairs, rows).tolist()
    for row, place in enumerate(rows.prompts):
        for side, reply in enumerate(pairs[place].replies):
            ids = torch.tensor(pairs[place].prompt + reply)
            logs = model(ids[None]).logits[0].log_softmax(-1)
            alone = sum(logs[at - 1, ids[at]] for at in range(len(pairs[place].prompt), len(ids)))
            assert said[row][side] == pytest.approx(float(alone), rel=1e-9)


def test_a_step_is_the_same_in_however_many_passes(tmp_path: Path) -> None:
    losses = []
    for tokens in (40, 5_000):
        chosen = settings(tmp_path / str(tokens), {"steps": 5, "pass_tokens": tokens}, slope=0.7)
        fit(policy(), planted(phrase, PROMPTS, 64), planted(phrase, UNSEEN, 0), chosen)
        losses.append([line["loss"] for line in metrics(tmp_path / str(tokens))])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_what_goes_on_ends_as_what_was_never_disturbed(tmp_path: Path) -> None:
    pairs, none = planted(phrase, PROMPTS, 40), planted(phrase, UNSEEN, 0)
    chosen = settings(tmp_path, {"steps": 8, "save_every": 3, "keep": 9})
    undisturbed = policy()
    fit(undisturbed, pairs, none, chosen)
    for step in (6, 8):
        shutil.rmtree(tmp_path / "checkpoints" / f"step-{step:08}")
    again = policy()
    fit(again, pairs, none, chosen)
    assert all(torch.equal(one, other) for one, other in zip(undisturbed.parameters(), again.parameters(), strict=True))
    assert [line["step"] for line in metrics(tmp_path)] == list(range(1, 9))


def test_a_language_that_fares_badly_counts_more(tmp_path: Path) -> None:
    """Of the pairs in German half are turned round, so that nobody learns them."""
    pairs = planted(phrase, PROMPTS, 120)
    told = [
        replace(pair, replies=pair.replies[:: -1 if place % 4 == 1 else 1], tags={"language": ("en", "de")[place % 2]})
        for place, pair in enumerate(pairs.pairs)
    ]
    given = Pairs(told, reference_log_probs(policy(), told, 1_000))
    chosen = settings(tmp_path, {"steps": 40}).model_copy(update={"robust": Robust(rate=0.2)})
    fit(policy(), given, planted(phrase, UNSEEN, 0), chosen)
    last = metrics(tmp_path)[-1]
    assert last["loss de"] > last["loss en"]
    (file,) = (tmp_path / "checkpoints" / "step-00000040").glob("groups*")
    kept = torch.load(file)
    assert kept["weights"].tolist()[0] > 0.6, "de comes before en"


def test_one_answer_to_noise_is_enough() -> None:
    with pytest.raises(ValueError, match="two answers to the same noise"):
        Dpo(smoothing=0.1, slope=0.7)
