"""The reward model: it learns which of several replies to a prompt people like better.

L = − 1 / C(K,2) · Σ_{w≻l} log σ(r(x, y_w) − r(x, y_l)), over all pairs of a prompt's K ranked replies and on average
over prompts (Ouyang et al. 2022, eq. 1), where r is a linear layer on the last hidden state at a reply's end token. The
K replies go through the model in one row and share their prompt.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from espalier.dataset.convert import Kind
from espalier.dataset.findings import Report, ignore
from espalier.infer.measure import Agreement, Scored, agreement
from espalier.infer.reward import begin_reward, finished
from espalier.infer.shared import Answered, Rows, laid_out, planned, rewards_of, rows_of
from espalier.train import optimizer as optimizing
from espalier.train.batch import lines_of_steps, steps_in
from espalier.train.card import Made, inputs_of
from espalier.train.checkpoint import Checkpoints
from espalier.train.checkpoint import Weights as Trained
from espalier.train.demonstrations import demonstrated
from espalier.train.keeping import keep
from espalier.train.objectives import Comparisons, comparisons, reward_loss
from espalier.train.options import Reward, RewardSettings
from espalier.train.processes import IDLE, dealt, joined, processes, rank, said_of, sharded, summed
from espalier.train.ranked import Ranked, folds, rankings
from espalier.train.seen import measurable
from espalier.train.settings import BadSettings, Tuning
from espalier.train.sources import BadSource, Parts, read_parts
from espalier.train.start import prepared, settle
from espalier.train.verdict import beside_likeness, sentences, without_best
from espalier.train.watch import Rehearsed, Watch, growing

AGREEMENT: Final = "agreement.json"
"""The file of a run that tells how the model agrees with the rankings that it has not seen."""


@dataclass(frozen=True, slots=True)
class Judge:
    """What was made: the folder of the model, and how it, or those of the folds together, agree with people."""

    model: Path
    agreement: Agreement


def train(settings: RewardSettings, console: Console | None = None, report: Report = ignore) -> Judge:
    """Run it, or go on with it. Raises BadSource, BadModel, BadSettings, BadCheckpoint and Stopped."""
    with joined():
        return _train(settings, console, report)


def _train(settings: RewardSettings, console: Console | None, report: Report) -> Judge:
    if processes() > 1 and settings.model.adapter:
        raise BadSettings("A reward model with an adapter is trained in one process; leave out [model.adapter].")
    parts = read_parts(settings.data, Kind.RANKED, report)
    models = (each.sampler, each.encoder) if (each := settings.demonstrations) else ()
    inputs = inputs_of(settings, *models)
    scored: list[Scored] = []
    divisible = [line for line in (*parts.learned, *parts.held_out) if not line.held_out]
    for number, (learned, held_out) in enumerate(folds(divisible, settings.reward.folds, settings.data.split_seed), 1):
        try:
            _, found = run(_fold(settings, number), Parts(tuple(learned), tuple(held_out)), inputs, (), console)
        except Rehearsed as tried:
            raise Rehearsed(tried.forecast.times(settings.reward.folds + 1)) from None
        scored += found
    agreed = _agreement(scored, settings) if scored else None
    model, found = run(settings, parts, inputs, () if agreed is None else sentences(agreed), console)
    agreed = agreed or _agreement(found, settings)
    if rank() == 0:
        (settings.run.out / AGREEMENT).write_text(json.dumps(asdict(agreed), indent=1) + "\n", "utf-8")
    return Judge(model, agreed)


def _fold(settings: RewardSettings, number: int) -> RewardSettings:
    """The same run on a part of the data, in a folder of its own."""
    return settings.model_copy(
        update={"run": settings.run.model_copy(update={"out": settings.run.out / f"fold-{number}"})}
    )


def run(
    settings: RewardSettings, parts: Parts, inputs: Mapping[str, str], notes: Sequence[str], console: Console | None
) -> tuple[Path, list[Scored]]:
    """One model on one division of the data: its folder, and what it says of the rankings that are held out."""
    parts = measurable(parts, settings)
    model, tokenizer = begin(settings)
    people, held_out = (rankings(side, tokenizer, settings.data.length) for side in (parts.learned, parts.held_out))
    alike = demonstrated(parts, tokenizer, settings.demonstrations, settings) if settings.demonstrations else None
    learned = alike.rankings if alike else people
    if not any(comparable(each) for each in learned):
        raise BadSource(f"no ranking is left that fits into {settings.data.length:,} tokens; raise data.length")
    fit(model, learned, held_out, settings, console, inputs)
    found = scored_by(model, held_out, settings.run.pass_tokens)
    mean = mean_of_best(model, people, settings.run.pass_tokens)
    told = notes or (sentences(_agreement(found, settings)) if found else ["No ranking was held out to measure it on."])
    if alike:
        told = [*told, *beside_likeness(alike, _agreement(without_best(found), settings))]
    made = Made("ranking replies (a reward model)", settings, inputs, told, "text-classification")
    return keep(finished(model, mean), tokenizer, parts, made), found


def begin(settings: Tuning) -> tuple[Any, PreTrainedTokenizerBase]:
    """The model to train, with its new head; chance and threads are as the settings have them. Raises BadModel."""
    settle(settings.run)
    chosen = settings.model
    model, tokenizer = begin_reward(chosen.start, getattr(torch, chosen.dtype), chosen.attention, chosen.device)
    return prepared(model, chosen, "SEQ_CLS"), tokenizer


def fit(
    model: Any,
    learned: Sequence[Ranked],
    held_out: Sequence[Ranked],
    settings: RewardSettings,
    console: Console | None = None,
    inputs: Mapping[str, str] | None = None,
) -> None:
    """The loop: each step sees `optimizer.batch` prompts with all their replies. Raises Stopped."""
    sharded(model)
    console = console if rank() == 0 else None
    if console and processes() > 1:
        console.print(said_of(model))
    often = [each.often for each in learned]
    steps = settings.run.steps or steps_in(settings.run.epochs, often, settings)
    optimizer, schedule = optimizing.optimizer_of(model, settings.optimizer, steps)
    checkpoints = Checkpoints(
        settings,
        {"model": Trained(model), "optimizer": optimizer, "schedule": schedule},
        growing(settings.run.out),
        inputs or {},
    )
    done = checkpoints.resume()["step"]
    tokens = settings.run.pass_tokens
    with Watch(settings, done, steps, model, console) as watch:
        model.train()
        for step, places in enumerate(islice(lines_of_steps(often, settings), done, steps), done + 1):
            given = [learned[place] for place in places]
            total = sum(map(comparable, given))
            loss = right = 0.0
            with watch.careful(step, given):
                for own, prompts in dealt(given, lambda part: planned(answers(part), model, tokens), IDLE):
                    rows, pairs = compared(own, prompts, model)
                    rewards = rewards_of(model, rows)
                    part = (prompts is not IDLE) * loss_of(rewards, pairs, total, settings.reward)
                    (processes() * part).backward()  # gradients are averaged over processes
                    loss += part.item()
                    right += (prompts is not IDLE) * share_right(rewards, pairs)
                norm = optimizing.step(model, optimizer, schedule, settings.optimizer.clip)
            rate = float(schedule.get_last_lr()[0])
            figures = {"loss": summed(loss), "accuracy": summed(right) / max(total, 1)}
            watch.step(step, sum(map(len, given)), **figures, norm=norm, learning_rate=rate)
            if held_out and watch.measures(step):
                watch.measured(step, **held_out_figures(model, held_out, settings))
            if watch.saves(step):
                checkpoints.save(step)
            watch.stop_if_asked(step)


def answers(given: Sequence[Ranked]) -> list[Answered]:
    return [(each.prompt, each.replies) for each in given]


def compared(given: Sequence[Ranked], prompts: Sequence[int], model: Any) -> tuple[Rows, Comparisons]:
    """The rows of a pass, and which of its replies are compared. prompts: of all that are given."""
    some = [given[place] for place in prompts]
    sizes, ties, left_out = zip(*((len(each.replies), each.ties, each.left_out) for each in some), strict=True)
    rows = rows_of(answers(given), prompts, model)
    return rows, comparisons(sizes, ties, left_out).to(rows.places.device)


def comparable(ranked: Ranked) -> bool:
    """Whether it has a pair."""
    return comparisons([len(ranked.replies)], [ranked.ties], [ranked.left_out]).prompts > 0


def loss_of(rewards: Tensor, pairs: Comparisons, total: int, chosen: Reward) -> Tensor:
    """The part of the loss that one pass gives. total: prompts with pairs in the whole step."""
    return reward_loss(rewards, pairs, total, chosen.margin, chosen.squares, chosen.centring)


def share_right(rewards: Tensor, pairs: Comparisons) -> float:
    """Pairs in the order they should have, each prompt's together as one; equal rewards count ½."""
    apart = rewards[pairs.better] - rewards[pairs.worse]
    return float((pairs.weights * ((apart > 0) + 0.5 * (apart == 0))).sum())


# Measuring


@torch.no_grad()
def rewards_by_prompt(model: Any, given: Sequence[tuple[Any, Sequence[Any]]], tokens: int) -> list[list[float]]:
    """What the model says of each reply to each prompt; with its mean not taken off."""
    training = model.training
    model.eval()
    said = torch.zeros(sum(len(replies) for _, replies in given), device=model.device)
    for rows in laid_out(given, model, tokens):
        said[rows.places] = rewards_of(model, rows)
    model.train(training)
    each = iter(said.tolist())
    return [[next(each) for _ in replies] for _, replies in given]


def scored_by(model: Any, given: Sequence[Ranked], tokens: int) -> list[Scored]:
    """The rankings with what the model says of their replies."""
    said = rewards_by_prompt(model, [(each.prompt, each.replies) for each in given], tokens)
    return [
        Scored(each.unit, each.lang, tuple(scores), each.lengths, each.ties)
        for each, scores in zip(given, said, strict=True)
    ]


def mean_of_best(model: Any, given: Sequence[Ranked], tokens: int) -> float:
    """The mean reward of the demonstrations: of each prompt the reply that people ranked first."""
    best = rewards_by_prompt(model, [(each.prompt, each.replies[:1]) for each in given], tokens)
    return sum(score for (score,) in best) / len(best)


@torch.no_grad()
def held_out_figures(model: Any, held_out: Sequence[Ranked], settings: RewardSettings) -> dict[str, float]:
    """The loss on what is held out, and how often it has people's order."""
    training = model.training
    model.eval()
    total = sum(map(comparable, held_out))
    loss = right = pairs_there = 0.0
    for prompts in planned(answers(held_out), model, settings.run.pass_tokens):
        rows, pairs = compared(held_out, prompts, model)
        rewards = rewards_of(model, rows)
        loss += float(loss_of(rewards, pairs, total, settings.reward))
        decided = pairs.preferred == 1
        apart = (rewards[pairs.better] - rewards[pairs.worse])[decided]
        right += float(((apart > 0) + 0.5 * (apart == 0)).sum())
        pairs_there += float(decided.sum())
    model.train(training)
    return {"held_out_loss": loss, "held_out_accuracy": right / max(pairs_there, 1)}


def _agreement(scored: Sequence[Scored], settings: RewardSettings) -> Agreement:
    return agreement(scored, np.random.default_rng(settings.run.seed))
