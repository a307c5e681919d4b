"""What a model that writes is measured by: what held-out replies cost it, and what its own are worth to two judges.

Each of its replies is kept with what was said of it; figures are computed from that elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from json import loads
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from espalier.dataset.convert import Kind
from espalier.dataset.examples import Prompt
from espalier.dataset.format import tagged
from espalier.infer.engine import Sample, Sampling, Tokens
from espalier.infer.load import load_model
from espalier.infer.local import LocalEngine
from espalier.infer.reward import load_reward
from espalier.infer.score import Replied, by_token, mask_of, model_reward, passes, reply_log_probs
from espalier.infer.tokens import Encoded, encode, end_of, tokens_of
from espalier.recipe.parts import held_out_lines
from espalier.recipe.plan import HELD_OUT, PARTS, Plan, Step, key_of
from espalier.recipe.run import Tell, write_json
from espalier.train.batch import Weights
from espalier.train.learnable import conversation
from espalier.train.losses import losses_of
from espalier.train.objectives import kl_k1
from espalier.train.seen import refuse_learned
from espalier.train.settings import Source, Tuning
from espalier.train.sources import BadSource, Line, Parts, texts_of


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the replies in a held-out conversation: −log p in nats, tokens with their end tokens, and bytes in UTF-8."""

    tree: str
    nats: float
    tokens: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Reply:
    """prompt: its place among those that were asked. reward, judge: what the reward model that is learned from and the
    other one say; where it was cut off, what that is worth. unpriced: what the judge says of it as it stands, cut off
    or not. kl: Σ log π − log π_start over its tokens, in nats.
    """

    prompt: int
    tree: str
    text: str
    tokens: int
    finished: bool
    reward: float | None
    judge: float | None
    unpriced: float | None
    kl: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A model that writes, on what is held out. prompts: the last turn of each that was asked. others: what it costs
    beside that, by what it is: conversations of another kind, or the same ones told of what kind they are.
    """

    prompts: tuple[str, ...]
    costs: tuple[Cost, ...]
    replies: tuple[Reply, ...]
    others: Mapping[str, tuple[Cost, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        said = loads(path.read_text("utf-8"))
        costs, replies = (Cost(**each) for each in said["costs"]), (Reply(**each) for each in said["replies"])
        others = {name: tuple(Cost(**each) for each in some) for name, some in said["others"].items()}
        return cls(tuple(said["prompts"]), tuple(costs), tuple(replies), others)


def measure(plan: Plan, tell: Tell) -> dict[str, Measured]:
    """What is measured of each model that writes, by its step; of one that was measured before it is read again."""
    found = {}
    for step in plan.policies:
        path = step.folder / f"measured-{_key(plan, step)}.json"
        if not path.exists():
            tell(f"{step.name}: measured on what is held out")
            write_json(path, asdict(_measured(plan, step)))
        found[step.name] = Measured.read(path)
    return found


def _key(plan: Plan, step: Step) -> str:
    chosen = plan.recipe.measure
    others = [plan.steps[name].key for name in (chosen.reward, chosen.judge) if name]
    weighing = chosen.model_dump(mode="json", exclude={"reward", "judge", "shown"})
    return key_of([plan.recipe.seed, plan.given.key, step.key, others, weighing])


@torch.no_grad()
def _measured(plan: Plan, step: Step) -> Measured:
    chosen = plan.recipe.measure
    if (threads := step.settings.run.threads) is not None:
        torch.set_num_threads(threads)
    model, tokenizer = _model(step)
    model.eval()
    asked = _asked(plan, tokenizer)
    each = chosen.best_of if step.name == chosen.best_from else chosen.replies
    every = [place for place in range(len(asked)) for _ in range(each)]
    engine = LocalEngine(model, [end_of(tokenizer)], chosen.pass_tokens)
    samples = engine.generate(
        [asked[place][1] for place in every], Sampling(chosen.longest), plan.recipe.seed
    )  # the same chance for all models, so that what differs is the model
    reward, judge = (_judged(plan, name, samples) for name in (chosen.reward, chosen.judge))
    far = _far(plan, step, model, samples)
    replies = [
        Reply(
            place, asked[place][0].unit, str(tokenizer.decode(list(sample.reply), skip_special_tokens=True)),
            len(sample.reply), sample.finished, _priced(plan, sample, reward[number]),
            _priced(plan, sample, judge[number]), judge[number], far[number],
        )
        for number, (place, sample) in enumerate(zip(every, samples, strict=True))
    ]  # fmt: skip
    prompts = tuple(texts_of(line.example)[-1] for line, _ in asked if not isinstance(line.example, str))
    lines = held_out_lines(plan, Kind.THREADS, said=_source(plan, step, PARTS[HELD_OUT]))
    costs = _costs(model, plan, tokenizer, lines)
    return Measured(prompts, costs, tuple(replies), dict(_others(model, plan, step, tokenizer, lines, costs)))


def _model(step: Step) -> tuple[Any, PreTrainedTokenizerBase]:
    """What a step made, in the numbers that it was made in."""
    made = step.settings
    return (
        load_model(step.model, getattr(torch, made.model.dtype)) if isinstance(made, Tuning) else load_model(step.model)
    )


def _others(
    model: Any,
    plan: Plan,
    step: Step,
    tokenizer: PreTrainedTokenizerBase,
    lines: Sequence[Line],
    costs: tuple[Cost, ...],
) -> Iterator[tuple[str, tuple[Cost, ...]]]:
    """lines, costs: of the held-out trees. Raises BadSource where the model has learned a text beside them, and where
    a language has none of them.
    """
    tags = step.settings.data.tags
    for each in plan.recipe.data.beside:
        if each.measured is None:
            continue
        others = held_out_lines(plan, Kind.THREADS, each.measured, _source(plan, step, each.part))
        refuse_learned(Parts((), tuple(others)), step.model)
        yield f"of {each.name}", _costs(model, plan, tokenizer, others)
        if tags:
            yield f"of {each.name} with tags", _costs(model, plan, tokenizer, others, tags)
    told = {"": costs}
    if tags:
        told[" with tags"] = _costs(model, plan, tokenizer, lines, tags)
        yield "with tags", told[" with tags"]
    for lang in plan.recipe.measure.langs:
        trees = {line.unit for line in lines if line.lang == lang}
        if not trees:
            raise BadSource(f"no held-out conversation is in {lang!r}; measure.langs must be of what is held out")
        for how, found in told.items():
            yield f"in {lang}{how}", tuple(cost for cost in found if cost.tree in trees)


def _source(plan: Plan, step: Step, part: str) -> Source | None:
    """As what the step reads a part, where it does."""
    return next((each for each in step.settings.data.sources if each.path == plan.parts / part), None)


def _costs(
    model: Any, plan: Plan, tokenizer: PreTrainedTokenizerBase, lines: Sequence[Line], tags: Sequence[str] = ()
) -> tuple[Cost, ...]:
    chosen = plan.recipe.measure
    chats = [tagged(conversation(line), {tag: line.tags.get(tag, "") for tag in tags}) for line in lines]
    encoded = encode(chats, tokenizer, chosen.length)
    there = [(line, each) for line, each in zip(lines, encoded, strict=True) if each is not None]
    losses = losses_of(model, [each for _, each in there], Weights(), chosen.pass_tokens)
    return tuple(
        Cost(line.unit, nats, Weights().counted(each), _bytes(each, tokenizer))
        for (line, each), nats in zip(there, losses, strict=True)
    )


def _bytes(given: Encoded, tokenizer: PreTrainedTokenizerBase) -> int:
    """Of the text that is learned, in UTF-8."""
    text = tokenizer.decode(given.ids[given.trained].tolist(), skip_special_tokens=True)
    return len(str(text).encode())


def _asked(plan: Plan, tokenizer: PreTrainedTokenizerBase) -> list[tuple[Line, Tokens]]:
    """The prompts, drawn by chance, each once, that leave room for a reply; the same for all seeds."""
    chosen = plan.recipe.measure
    lines = held_out_lines(plan, Kind.PROMPTS)
    order = np.random.default_rng(0).permutation(len(lines))
    found: dict[Tokens, Line] = {}
    for line in (lines[place] for place in order):
        assert isinstance(line.example, Prompt), f"{line.example=}"
        tokens = tokens_of(line.example.turns, tokenizer, chosen.length - chosen.longest)
        if tokens and len(found) < chosen.prompts:
            found.setdefault(tokens, line)
    return [(line, tokens) for tokens, line in found.items()]


def _judged(plan: Plan, name: str, samples: Sequence[Sample]) -> Sequence[float | None]:
    if not name:
        return [None] * len(samples)
    step = plan.steps[name]
    assert isinstance(step.settings, Tuning), f"{step.settings=}"
    model, _, _ = load_reward(step.model, getattr(torch, step.settings.model.dtype))
    return model_reward(model, plan.recipe.measure.pass_tokens)(samples)


def _priced(plan: Plan, sample: Sample, said: float | None) -> float | None:
    """What a reply is worth, of which a reward model said this."""
    return said if said is None or sample.finished else plan.recipe.measure.unfinished


def _far(plan: Plan, step: Step, model: Any, samples: Sequence[Sample]) -> Sequence[float | None]:
    """How far each reply of the model is from the one that the step began with."""
    if step.start is None:
        return [None] * len(samples)
    start, _ = _model(plan.steps[step.start])
    replies = [(sample.prompt, sample.reply) for sample in samples]
    own, before = (_said(each, replies, plan.recipe.measure.pass_tokens) for each in (model, start.eval()))
    told: list[float] = kl_k1(own, before).sum(1).tolist()
    return told


def _said(model: Any, replies: Sequence[Replied], tokens: int) -> torch.Tensor:
    passed, mask = passes(replies, model, tokens), mask_of(replies, model.device)
    return by_token(passed, mask, lambda rows: reply_log_probs(model, rows))
