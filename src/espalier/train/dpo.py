"""Direct preference optimisation: of two replies to a prompt the preferred one becomes likelier than it was.

L = λ |ξ| − βη log π(a_w) − log σ(m + y ξ) with m = ω (|a_w| − |a_l|) + β (h_w − h_l) and h = log π − log π_ref, summed
over the tokens of a reply (DPO-COV, arXiv 2510.05526, eq. 19). As the settings stand, λ = 1 and η = ω = 0, this is DPO
(arXiv 2305.18290); λ < 1 alone is robust DPO, η alone RPO, ω alone R-DPO; `smoothing` is conservative DPO.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final, Self

import torch
from pydantic import model_validator
from rich.console import Console
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from espalier.dataset.convert import Kind
from espalier.dataset.examples import Preference, Ranking, Turn
from espalier.dataset.findings import Report, ignore
from espalier.infer.forward import logits_at
from espalier.infer.shared import Rows, laid_out
from espalier.train import optimizer as optimizing
from espalier.train.batch import lines_of_steps, steps_in
from espalier.train.card import Made, inputs_of
from espalier.train.checkpoint import Checkpoints, Stateful, Weights
from espalier.train.keeping import keep
from espalier.train.objectives import dpo_cov_loss, dpo_cov_noise, dpo_loss, dpo_margins, log_probs
from espalier.train.ranked import Ranked, rankings
from espalier.train.seen import refuse_learned, without_learned
from espalier.train.settings import Section, Tuning, setting
from espalier.train.sources import BadSource, Line, read_parts
from espalier.train.start import begin, load
from espalier.train.watch import Watch, growing

SIDES: Final = 2


class Dpo(Section):
    """Which loss. As it stands it is DPO."""

    beta: float = setting("β, how much it costs to leave the reference.", "a number above 0", 0.1, gt=0)
    smoothing: float = setting(
        "ε of conservative DPO: how likely it is that a pair is turned round.", "from 0 to below 0.5", 0.0, ge=0, lt=0.5
    )
    slope: float = setting(
        "λ of DPO-COV: the most that one pair can pull; 1 knows no noise.", "above 0, 1 at most", 1.0, gt=0, le=1
    )
    pessimism: float = setting("η, which draws to replies that are preferred.", "a number from 0", 0.0, ge=0)
    verbosity: float = setting(
        "ω, what each token counts by which the preferred reply is longer.", "a number from 0", 0.0, ge=0
    )
    reference: str = setting("The model to stay near; by default the one to start from.", "as model.start", "")

    @model_validator(mode="after")
    def _one_kind_of_noise(self) -> Self:
        if self.smoothing and self.slope < 1:
            raise ValueError("smoothing and slope are two answers to the same noise; leave one of them as it is")
        return self


class DpoSettings(Tuning):
    usual: ClassVar = {"optimizer": {"learning_rate": 1e-6, "batch": 32}, "data": {"length": 1024}}
    dpo: Dpo = Dpo()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Each pair is a prompt with two replies, the preferred one first. reference: (pairs, 2), log π_ref of either."""

    pairs: Sequence[Ranked]
    reference: Tensor

    @property
    def often(self) -> list[float]:
        return [pair.often for pair in self.pairs]


def train(settings: DpoSettings, console: Console | None = None, report: Report = ignore) -> Path:
    """Run it, or go on with it; the folder of the model. Raises BadSource, BadModel, BadCheckpoint and Stopped."""
    start, tokens, length = settings.model.start, settings.run.pass_tokens, settings.data.length
    parts = read_parts(settings.data, Kind.PAIRS, report)
    if settings.data.overlap == "learn":
        parts = without_learned(parts, start)
    refuse_learned(parts, start)
    inputs = inputs_of(settings, settings.dpo.reference)
    model, tokenizer = begin(settings)
    reference = load(settings.model, settings.dpo.reference)[0] if settings.dpo.reference else model
    learned = pairs_of(parts.learned, tokenizer, length, reference, tokens)
    held_out = pairs_of(parts.held_out, tokenizer, length, reference, tokens)
    del reference  # it said all that it is asked
    if not learned.pairs:
        raise BadSource(f"no pair is left that fits into {length:,} tokens; raise data.length")
    fit(model, learned, held_out, settings, console, inputs)
    return keep(model, tokenizer, parts, Made("direct preference optimisation", settings, inputs))


def fit(
    model: PreTrainedModel,
    learned: Pairs,
    held_out: Pairs,
    settings: DpoSettings,
    console: Console | None = None,
    inputs: Mapping[str, str] | None = None,
) -> None:
    """The loop: each step sees `optimizer.batch` pairs, in as many passes as they need. Raises Stopped."""
    run = settings.run
    steps = run.steps or steps_in(run.epochs, learned.often, settings)
    optimizer, schedule = optimizing.optimizer_of(model, settings.optimizer, steps)
    parts: dict[str, Stateful] = {"model": Weights(model), "optimizer": optimizer, "schedule": schedule}
    checkpoints = Checkpoints(settings, parts, growing(run.out), inputs or {})
    done = checkpoints.resume()["step"]
    with Watch(settings, done, steps, model, console) as watch:
        model.train()
        for step, places in enumerate(islice(lines_of_steps(learned.often, settings), done, steps), done + 1):
            given = [learned.pairs[place] for place in places]
            near = learned.reference[places]
            told: list[Terms] = []
            with watch.careful(step, given):
                for rows in laid_out([(pair.prompt, pair.replies) for pair in given], model, run.pass_tokens):
                    terms = terms_of(model, given, rows, near, settings.dpo)
                    (terms.losses.sum() / len(given)).backward()
                    told.append(terms.detached())
                norm = optimizing.step(model, optimizer, schedule, settings.optimizer.clip)
            rate = float(schedule.get_last_lr()[0])
            watch.step(step, sum(map(len, given)), **figures(joined(told)), norm=norm, learning_rate=rate)
            if held_out.pairs and watch.measures(step):
                found = figures(measured(model, held_out, settings))
                watch.measured(step, **{f"held_out_{name}": value for name, value in found.items()})
            if watch.saves(step):
                checkpoints.save(step)
            watch.stop_if_asked(step)


# The loss


@dataclass(frozen=True, slots=True)
class Terms:
    """Of each pair, (pairs,): its loss, m, ξ, h of either reply, and by how many tokens the preferred one is longer."""

    losses: Tensor
    margins: Tensor
    noise: Tensor
    chosen: Tensor
    rejected: Tensor
    longer: Tensor

    def detached(self) -> "Terms":
        return Terms(*(getattr(self, each.name).detach().cpu() for each in fields(self)))


def terms_of(model: PreTrainedModel, pairs: Sequence[Ranked], rows: Rows, reference: Tensor, chosen: Dpo) -> Terms:
    """One pass: of the pairs in these rows, in their order. reference: (pairs, 2), of all pairs."""
    said = reply_log_probs(model, pairs, rows)
    apart = said - reference[list(rows.prompts)].to(said.device)
    sizes = [[len(reply) for reply in pairs[place].replies] for place in rows.prompts]
    longer = torch.tensor([float(preferred - other) for preferred, other in sizes], device=said.device)
    margins = dpo_margins(apart[:, 0], apart[:, 1], chosen.beta, longer, chosen.verbosity)
    if chosen.smoothing:
        losses = dpo_loss(margins, chosen.smoothing) - chosen.beta * chosen.pessimism * said[:, 0]
    else:
        losses = dpo_cov_loss(margins, said[:, 0], chosen.beta, chosen.slope, chosen.pessimism)
    return Terms(losses, margins, dpo_cov_noise(margins, chosen.slope), apart[:, 0], apart[:, 1], longer)


def reply_log_probs(model: PreTrainedModel, pairs: Sequence[Ranked], rows: Rows) -> Tensor:
    """log π of either reply of the pairs in these rows, summed over its tokens, in float32: (pairs in rows, 2)."""
    logits = logits_at(model, rows.input_ids, rows.position_ids, rows.before, rows.mask)
    lengths = [len(reply) for place in rows.prompts for reply in pairs[place].replies]
    return torch.stack([reply.sum() for reply in log_probs(logits, rows.targets).split(lengths)]).view(-1, SIDES)


@torch.no_grad()
def reference_log_probs(model: PreTrainedModel, pairs: Sequence[Ranked], tokens: int) -> Tensor:
    """What the reference says of all pairs: once, before anything is learned, so that no second model stays."""
    model.eval()
    said = torch.zeros(len(pairs), SIDES)
    for rows in laid_out([(pair.prompt, pair.replies) for pair in pairs], model, tokens):
        said[list(rows.prompts)] = reply_log_probs(model, pairs, rows).cpu()
    return said


# What is told


@torch.no_grad()
def measured(model: PreTrainedModel, given: Pairs, settings: DpoSettings) -> Terms:
    """The terms of pairs that are not learned from, in their order."""
    model.eval()
    passes = laid_out([(pair.prompt, pair.replies) for pair in given.pairs], model, settings.run.pass_tokens)
    found: list[Terms] = []
    order: list[int] = []
    for rows in passes:
        found.append(terms_of(model, given.pairs, rows, given.reference, settings.dpo).detached())
        order += rows.prompts
    model.train()
    back = torch.tensor(order).argsort()
    whole = joined(found)
    return Terms(*(getattr(whole, each.name)[back] for each in fields(whole)))


def joined(told: Sequence[Terms]) -> Terms:
    return Terms(*(torch.cat([getattr(terms, each.name) for terms in told]) for each in fields(Terms)))


def figures(terms: Terms) -> dict[str, float]:
    """Means over pairs. accuracy: how often h is higher for the preferred reply, a tie is ½. noisy: the share ξ > 0."""
    accuracy = (terms.chosen > terms.rejected).float() + (terms.chosen == terms.rejected).float() / 2
    found = {
        "loss": terms.losses, "accuracy": accuracy, "margin": terms.margins, "chosen": terms.chosen,
        "rejected": terms.rejected, "longer": terms.longer, "noise": terms.noise, "noisy": (terms.noise > 0).float(),
    }  # fmt: skip
    return {name: float(each.mean()) for name, each in found.items()}


# Pairs in tokens


def pairs_of(
    lines: Sequence[Line], tokenizer: PreTrainedTokenizerBase, longest: int, reference: PreTrainedModel, tokens: int
) -> Pairs:
    """Preferences in tokens, with what the reference says of them, so many tokens in one pass.

    Left out are those of which a reply would have to be cut, and those that differ in more than the last reply.
    """
    told = [replace(line, example=ranking) for line in lines if (ranking := _ranking(line)) is not None]
    # What is cut is as long as it may be: one token longer than what we take.
    pairs = [each for each in rankings(told, tokenizer, longest + 1) if _longest(each) <= longest]
    return Pairs(pairs, reference_log_probs(reference, pairs, tokens))


def _ranking(line: Line) -> Ranking | None:
    match line.example:
        case Preference(prompt, (Turn("assistant", chosen),), (Turn("assistant", rejected),)):
            return Ranking(prompt, (chosen, rejected))
    return None


def _longest(pair: Ranked) -> int:
    return len(pair.prompt) + max(map(len, pair.replies))
