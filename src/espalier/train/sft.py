"""Supervised fine-tuning: the model learns to write the assistant's turns of conversations.

L = − Σ_i [ λp Σ_j log p(P_ij | ·) + λr Σ_j log p(R_ij | ·) ] / Σ_i ( 1[λp≠0] |P_i| + 1[λr≠0] |R_i| ), where R are the
tokens of replies with their end tokens and P all others but the first. λp = 0, λr = 1 is the loss of OpenAssistant
(arXiv 2304.07327); others are weighted instruction tuning (arXiv 2507.07817).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from math import ceil
from pathlib import Path
from typing import ClassVar, Final

import torch
from rich.console import Console
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from espalier.dataset.convert import Kind
from espalier.dataset.examples import Chat
from espalier.dataset.findings import Report, ignore
from espalier.dataset.format import Segments, segments
from espalier.infer.forward import logits_at
from espalier.infer.load import save_model
from espalier.infer.tokens import Encoded, encode
from espalier.train import optimizer as optimizing
from espalier.train.batch import Batch, Weights, batch, order, passes
from espalier.train.card import Made, inputs_of, write_card
from espalier.train.checkpoint import Checkpoints, appearing
from espalier.train.checkpoint import Weights as Trained
from espalier.train.objectives import token_loss
from espalier.train.seen import keep_seen, refuse_learned, seen_by, seen_in, without_learned
from espalier.train.settings import Section, Settings, Tuning, setting
from espalier.train.sources import BadSource, Line, Parts, read_parts
from espalier.train.start import begin
from espalier.train.watch import Watch, growing

MODEL: Final = "model"
"""The folder of a run that holds what it made."""


class Sft(Section):
    """What of a conversation is learned."""

    prompt_weight: float = setting("λp, of all tokens that are no reply.", "a number from 0", 0.0, ge=0)
    reply_weight: float = setting("λr, of replies and their end tokens.", "a number above 0", 1.0, gt=0)
    last_only: bool = setting("Of several replies learn the last alone.", "true or false", False)
    pack: bool = setting("Several conversations in a row, none of which sees another.", "true or false", False)


class SftSettings(Tuning):
    usual: ClassVar = {}
    sft: Sft = Sft()


@dataclass(frozen=True, slots=True)
class Learnable:
    """Conversations in tokens. often: how often each comes in an epoch. left_out: that gave nothing to learn."""

    conversations: tuple[Encoded, ...]
    often: tuple[float, ...]
    left_out: int

    @property
    def tokens(self) -> int:
        return sum(map(len, self.conversations))

    @property
    def trained(self) -> int:
        return sum(int(each.trained.sum()) for each in self.conversations)


def train(settings: SftSettings, console: Console | None = None, report: Report = ignore) -> Path:
    """Run it, or go on with it; the folder of the model. Raises BadSource, BadModel, BadCheckpoint and Stopped."""
    parts = read_parts(settings.data, Kind.THREADS, report)
    if settings.data.overlap == "learn":
        parts = without_learned(parts, settings.model.start)
    refuse_learned(parts, settings.model.start)
    inputs = inputs_of(settings)
    model, tokenizer = begin(settings)
    learned = learnable(parts.learned, tokenizer, settings)
    held_out = learnable(parts.held_out, tokenizer, settings)
    weights = Weights(settings.sft.prompt_weight, settings.sft.reply_weight)
    fit(model, learned, held_out.conversations, weights, settings, inputs, settings.sft.pack, console)
    return keep(model, tokenizer, parts, Made("supervised fine-tuning", settings, inputs, notes_on(learned)))


def learnable(lines: Sequence[Line], tokenizer: PreTrainedTokenizerBase, settings: SftSettings) -> Learnable:
    """Chats in tokens, as the settings have it."""
    chats = [conversation(line, settings.sft.last_only) for line in lines]
    encoded = encode(chats, tokenizer, settings.data.length)
    there = [(each, line.weight) for each, line in zip(encoded, lines, strict=True) if each is not None]
    return Learnable(tuple(each for each, _ in there), tuple(often for _, often in there), len(lines) - len(there))


def notes_on(learned: Learnable) -> list[str]:
    """What a reader of the card should know of the data."""
    said = f"It learned {learned.trained:,} tokens of {learned.tokens:,} in {len(learned.conversations):,} sequences."
    if learned.left_out:
        said += f" {learned.left_out:,} more were left out, since no reply of theirs fitted."
    return [said]


def conversation(line: Line, last_only: bool = False) -> Segments:
    assert isinstance(line.example, Chat), f"{line.example=}"
    return segments(line.example.turns, last_only)


def fit(
    model: PreTrainedModel,
    learned: Learnable,
    held_out: Sequence[Encoded],
    weights: Weights,
    settings: Settings,
    inputs: Mapping[str, str],
    pack: bool = False,
    console: Console | None = None,
) -> None:
    """The loop: each step sees `optimizer.batch` conversations, in as many passes as they need.

    inputs: the checksums of what is read; a run goes on only with the same.
    Raises Stopped, and BadSource where there is nothing to learn.
    """
    if not learned.conversations:
        raise BadSource(f"no conversation is left that fits into {settings.data.length:,} tokens; raise data.length")
    steps = settings.run.steps or steps_in(settings.run.epochs, learned.often, settings)
    optimizer, schedule = optimizing.optimizer_of(model, settings.optimizer, steps)
    checkpoints = Checkpoints(
        settings,
        {"model": Trained(model), "optimizer": optimizer, "schedule": schedule},
        growing(settings.run.out),
        inputs,
    )
    done = checkpoints.resume()["step"]
    with Watch(settings, done, steps, model, console) as watch:
        if not done and held_out:
            watch.measured(0, held_out_loss=held_out_loss(model, held_out, settings.run.pass_tokens))
        model.train()
        for step, places in enumerate(islice(lines_of_steps(learned.often, settings), done, steps), done + 1):
            given = [learned.conversations[place] for place in places]
            total = sum(weights.counted(each) for each in given)
            loss = torch.zeros((), device=model.device)
            with watch.careful(step, given):
                for rows in passes([len(each) for each in given], settings.run.pass_tokens, pack):
                    part = loss_of(model, batch(given, rows, weights).to(model.device), total)
                    part.backward()
                    loss += part.detach()
                norm = optimizing.step(model, optimizer, schedule, settings.optimizer.clip)
            rate = float(schedule.get_last_lr()[0])
            watch.step(step, sum(map(len, given)), loss=loss.item(), norm=norm, learning_rate=rate)
            if held_out and watch.measures(step):
                watch.measured(step, held_out_loss=held_out_loss(model, held_out, settings.run.pass_tokens))
            if watch.saves(step):
                checkpoints.save(step)
            watch.stop_if_asked(step)


def loss_of(model: PreTrainedModel, given: Batch, total: float) -> torch.Tensor:
    """The part of the loss that one pass gives. total: counted tokens of the whole step."""
    logits = logits_at(model, given.input_ids, given.position_ids, given.at)
    return token_loss(logits, given.targets, given.weights, total)


def lines_of_steps(often: Sequence[float], settings: Settings) -> Iterator[list[int]]:
    """The places of the conversations that each step sees, without end; the last step of an epoch may see fewer."""
    size = settings.optimizer.batch
    for epoch in count():
        places = order(often, settings.run.seed, epoch)
        for first in range(0, len(places), size):
            yield places[first : first + size].tolist()


def steps_in(epochs: float, often: Sequence[float], settings: Settings) -> int:
    """How many steps so many epochs have."""
    whole = [
        ceil(len(order(often, settings.run.seed, epoch)) / settings.optimizer.batch) for epoch in range(ceil(epochs))
    ]
    return max(1, sum(whole[:-1]) + ceil(whole[-1] * (epochs - ceil(epochs) + 1)))


@torch.no_grad()
def held_out_loss(model: PreTrainedModel, given: Sequence[Encoded], tokens: int) -> float:
    """− log p of a trained token of these conversations, in nats, on average over all of them."""
    training = model.training
    model.eval()
    weights = Weights()
    total = sum(weights.counted(each) for each in given)
    rows = passes([len(each) for each in given], tokens)
    loss = sum(float(loss_of(model, batch(given, each, weights).to(model.device), total)) for each in rows)
    model.train(training)
    return loss


def keep(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, parts: Parts, made: Made) -> Path:
    """Write the model where the run keeps it, with its card and the fingerprints of all that it and those before it
    have learned.
    """
    target = made.settings.run.out / MODEL
    before = [seen_by(made.settings.model.start)] if isinstance(made.settings, Tuning) else []
    with appearing(target) as folder:
        save_model(model, tokenizer, folder)
        keep_seen(folder, seen_in(parts.learned), *before)
        write_card(folder, made)
    return target
