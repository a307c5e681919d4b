"""Supervised fine-tuning: the model learns to write the assistant's turns of conversations.

L = − Σ_i [ λp Σ_j log p(P_ij | ·) + λr Σ_j log p(R_ij | ·) ] / Σ_i ( 1[λp≠0] |P_i| + 1[λr≠0] |R_i| ), where R are the
tokens of replies with their end tokens and P all others but the first. λp = 0, λr = 1 is the loss of OpenAssistant
(arXiv 2304.07327); others are weighted instruction tuning (arXiv 2507.07817).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from rich.console import Console
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from espalier.dataset.convert import Kind
from espalier.dataset.findings import Report, ignore
from espalier.infer.engine import Sampling
from espalier.infer.local import LocalEngine
from espalier.infer.tokens import Encoded, encode_prompt, end_of
from espalier.train import optimizer as optimizing
from espalier.train.batch import Rows, Weights, batch, lines_of_steps, passes, steps_in
from espalier.train.card import Made, inputs_of
from espalier.train.checkpoint import Checkpoints, Stateful
from espalier.train.checkpoint import Weights as Trained
from espalier.train.curriculum import from_easy_to_hard, paced
from espalier.train.keeping import keep
from espalier.train.learnable import Learnable, conversation, learnable, notes_on
from espalier.train.losses import loss_of, mean_loss
from espalier.train.options import Curriculum, Robust, SftSettings
from espalier.train.processes import dealt, joined, processes, rank, said_of, sharded, summed
from espalier.train.robust import Groups
from espalier.train.seen import measurable
from espalier.train.settings import Settings
from espalier.train.sources import BadSource, Line, read_parts
from espalier.train.start import begin
from espalier.train.watch import Watch, growing

Samples = list[dict[str, object]]
IDLE: Final[Rows] = [[0]]
NOTHING: Final = Weights(0, 0)
"""What a process does while others still work: a pass of which no token counts."""


def train(settings: SftSettings, console: Console | None = None, report: Report = ignore) -> Path:
    """Run it, or go on with it; the folder of the model. Raises BadSource, BadModel, BadCheckpoint and Stopped."""
    with joined():
        return _train(settings, console, report)


def _train(settings: SftSettings, console: Console | None, report: Report) -> Path:
    parts = measurable(read_parts(settings.data, Kind.THREADS, report), settings)
    inputs = inputs_of(settings)
    model, tokenizer = begin(settings)
    learned = learnable(parts.learned, tokenizer, settings.data, settings.sft.last_only)
    held_out = learnable(parts.held_out, tokenizer, settings.data)
    weights = Weights(settings.sft.prompt_weight, settings.sft.reply_weight)
    asked = parts.held_out[: settings.sft.samples]
    fit(
        model, learned, sides_of(held_out), weights, settings, inputs, settings.sft.pack, console,
        settings.curriculum, settings.robust, lambda: sampled(model, tokenizer, asked, settings),
    )  # fmt: skip
    return keep(model, tokenizer, parts, Made("supervised fine-tuning", settings, inputs, notes_on(learned)))


def fit(
    model: PreTrainedModel,
    learned: Learnable,
    held_out: Mapping[str, Sequence[Encoded]],
    weights: Weights,
    settings: Settings,
    inputs: Mapping[str, str],
    pack: bool = False,
    console: Console | None = None,
    curriculum: Curriculum | None = None,
    robust: Robust | None = None,
    sample: Callable[[], Samples] = list,
) -> None:
    """The loop: each step sees `optimizer.batch` conversations, in as many passes as they need.

    held_out: what is measured, by the name of the metric. inputs: the checksums of what is read; a run goes on only
    with the same. sample: what the model says as it is. Raises Stopped, and BadSource where there is nothing to learn.
    """
    if not learned.conversations:
        raise BadSource(f"no conversation is left that fits into {settings.data.length:,} tokens; raise data.length")
    run = settings.run
    sharded(model)
    console = console if rank() == 0 else None
    if console and processes() > 1:
        console.print(said_of(model))
    steps = run.steps or steps_in(run.epochs, learned.often, settings)
    optimizer, schedule = optimizing.optimizer_of(model, settings.optimizer, steps)
    groups = Groups(learned.lines, robust) if robust else None
    order = lines_of_steps(learned.often, settings)
    if curriculum:
        easy = from_easy_to_hard(learned, curriculum, model, run.pass_tokens)
        order = paced(easy, learned.often, curriculum, steps, settings.optimizer.batch, run.seed)
    changing: dict[str, Stateful] = {"model": Trained(model), "optimizer": optimizer, "schedule": schedule}
    checkpoints = Checkpoints(settings, changing | ({"groups": groups} if groups else {}), growing(run.out), inputs)
    done = checkpoints.resume()["step"]

    with Watch(settings, done, steps, model, console) as watch:

        def measure(step: int) -> None:
            found = {name: mean_loss(model, some, run.pass_tokens) for name, some in held_out.items() if some}
            watch.measured(step, **found)
            watch.sampled(step, sample())

        if not done:
            measure(0)
        model.train()
        for step, places in enumerate(islice(order, done, steps), done + 1):
            given = learned.at(places, step, settings.data, run.seed)
            losses: dict[str, float] = {}
            with watch.careful(step, given):
                for name, share, some in shares(given, [learned.lines[place] for place in places], groups):
                    total = sum(weights.counted(each) for each in some)
                    losses[name] = 0.0
                    for own, rows in dealt(some, lambda part: passes([*map(len, part)], run.pass_tokens, pack), IDLE):
                        counted = weights if rows is not IDLE else NOTHING
                        part = loss_of(model, batch(own, rows, counted).to(model.device), total)
                        (share * processes() * part).backward()  # gradients are averaged over processes
                        losses[name] += part.item()
                    losses[name] = summed(losses[name])
                norm = optimizing.step(model, optimizer, schedule, settings.optimizer.clip)
            if groups:
                groups.move(losses)
            told = {f"loss {name}".strip(): loss for name, loss in losses.items()}
            rate = float(schedule.get_last_lr()[0])
            watch.step(step, sum(map(len, given)), **told, norm=norm, learning_rate=rate)
            if watch.measures(step):
                measure(step)
            if watch.saves(step):
                checkpoints.save(step)
            watch.stop_if_asked(step)


def shares(
    given: Sequence[Encoded], lines: Sequence[Line], groups: Groups | None
) -> Iterator[tuple[str, float, list[Encoded]]]:
    """What a step sees, as one, or by group: the group's name, its weight in the loss, and its conversations."""
    if groups is None:
        yield "", 1.0, list(given)
        return
    by_group: dict[str, list[Encoded]] = {}
    for each, line in zip(given, lines, strict=True):
        by_group.setdefault(groups.of(line), []).append(each)
    weights = groups.weights([*by_group])
    for name, some in by_group.items():
        yield name, weights[name], some


def sides_of(held_out: Learnable) -> dict[str, Sequence[Encoded]]:
    """What is measured: all that is held out, each source of several by itself, and with tags where there are any."""
    sides: dict[str, Sequence[Encoded]] = {"held_out_loss": held_out.conversations}
    sources = dict.fromkeys(line.source for line in held_out.lines)
    if len(sources) > 1:
        for source in sources:
            sides[f"held_out_loss {source.name}"] = [
                each for each, line in zip(held_out.conversations, held_out.lines, strict=True) if line.source == source
            ]
    if held_out.tagged:
        sides["held_out_loss with tags"] = held_out.tagged
    return sides


def sampled(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, lines: Sequence[Line], settings: SftSettings
) -> Samples:
    """What the model answers to the first prompts of these conversations, each time by the same chance."""
    prompts = [encode_prompt(conversation(line)[:1], tokenizer) for line in lines]
    engine = LocalEngine(model, [end_of(tokenizer)], settings.run.pass_tokens)
    sampling = Sampling(settings.sft.longest)
    told = engine.generate([each for each in prompts if len(each) <= settings.data.length], sampling, settings.run.seed)
    return [
        {
            "prompt": tokenizer.decode([*each.prompt]),
            "reply": tokenizer.decode([*each.reply]),
            "finished": each.finished,
        }
        for each in told
    ]
