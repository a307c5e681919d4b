"""Direct preference optimisation: of two replies to a prompt the preferred one becomes likelier than it was.

L = λ |ξ| − βη log π(a_w) − log σ(m + y ξ) with m = ω (|a_w| − |a_l|) + β (h_w − h_l) and h = log π − log π_ref, summed
over the tokens of a reply (DPO-COV, arXiv 2510.05526, eq. 19), on average over pairs or, with [robust], over groups
of them, Σ_g w_g L_g. As the settings stand, λ = 1 and η = ω = 0, this is DPO
(arXiv 2305.18290); λ < 1 alone is robust DPO, η alone RPO, ω alone R-DPO; `smoothing` is conservative DPO.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Final, Self

import torch
from rich.console import Console
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from espalier.dataset.convert import Kind
from espalier.dataset.examples import Preference, Ranking, Turn
from espalier.dataset.findings import Report, ignore
from espalier.infer.score import reply_log_probs
from espalier.infer.shared import Answered, Rows, laid_out, planned, rows_of
from espalier.train import optimizer as optimizing
from espalier.train.batch import lines_of_steps, steps_in
from espalier.train.card import Made, inputs_of
from espalier.train.checkpoint import Checkpoints, Stateful, Weights
from espalier.train.keeping import keep
from espalier.train.objectives import dpo_cov_loss, dpo_cov_noise, dpo_loss, dpo_margins
from espalier.train.options import Dpo, DpoSettings
from espalier.train.processes import IDLE, dealt, joined, processes, rank, said_of, sharded, totals
from espalier.train.ranked import Ranked, rankings
from espalier.train.robust import Groups
from espalier.train.seen import measurable
from espalier.train.settings import BadSettings
from espalier.train.sources import BadSource, Line, read_parts
from espalier.train.start import begin, load
from espalier.train.watch import Watch, growing

SIDES: Final = 2


@dataclass(frozen=True, slots=True)
class Pairs:
    """Each pair is a prompt with two replies, the preferred one first. reference: (pairs, 2), log π_ref of either."""

    pairs: Sequence[Ranked]
    reference: Tensor

    @property
    def often(self) -> list[float]:
        return [pair.often for pair in self.pairs]

    @property
    def answered(self) -> list[Answered]:
        return [(pair.prompt, pair.replies) for pair in self.pairs]

    def at(self, places: Sequence[int]) -> "Pairs":
        return Pairs([self.pairs[place] for place in places], self.reference[list(places)])


def train(settings: DpoSettings, console: Console | None = None, report: Report = ignore) -> Path:
    """Run it, or go on with it; the folder of the model. Raises BadSource, BadModel, BadSettings, BadCheckpoint and
    Stopped.
    """
    with joined():
        return _train(settings, console, report)


def _train(settings: DpoSettings, console: Console | None, report: Report) -> Path:
    if processes() > 1 and settings.model.adapter:
        raise BadSettings("DPO with an adapter is trained in one process; leave out [model.adapter].")
    tokens, length = settings.run.pass_tokens, settings.data.length
    parts = measurable(read_parts(settings.data, Kind.PAIRS, report), settings)
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
    sharded(model)
    console = console if rank() == 0 else None
    if console and processes() > 1:
        console.print(said_of(model))
    steps = run.steps or steps_in(run.epochs, learned.often, settings)
    optimizer, schedule = optimizing.optimizer_of(model, settings.optimizer, steps)
    groups = Groups(learned.pairs, settings.robust) if settings.robust else None
    parts: dict[str, Stateful] = {"model": Weights(model), "optimizer": optimizer, "schedule": schedule}
    parts |= {"groups": groups} if groups else {}
    checkpoints = Checkpoints(settings, parts, growing(run.out), inputs or {})
    done = checkpoints.resume()["step"]
    with Watch(settings, done, steps, model, console) as watch:
        model.train()
        for step, places in enumerate(islice(lines_of_steps(learned.often, settings), done, steps), done + 1):
            given = learned.at(places)
            weights = groups.shares(given.pairs) if groups else torch.full((len(places),), 1 / len(places))
            told = Terms.of(len(places))

            def plan(part: Sequence[int], given: Pairs = given) -> list[list[int]]:
                return planned(given.at(part).answered, model, run.pass_tokens)

            with watch.careful(step, given.pairs):
                for own, prompts in dealt(range(len(places)), plan, IDLE):
                    pairs, counted = given.at(own), (prompts is not IDLE) * weights[own][prompts]
                    terms = terms_of(model, pairs, rows_of(pairs.answered, prompts, model), settings.dpo)
                    loss = (counted.to(terms.losses) * terms.losses).sum()
                    (processes() * loss).backward()  # gradients are averaged over processes
                    if prompts is not IDLE:
                        told.put([own[prompt] for prompt in prompts], terms)
                norm = optimizing.step(model, optimizer, schedule, settings.optimizer.clip)
            told = told.over_processes()
            found = figures(told)
            if groups:
                by_group = groups.means(given.pairs, told.losses)
                groups.move(by_group)
                found |= {f"loss {name}": loss for name, loss in by_group.items()}
            rate = float(schedule.get_last_lr()[0])
            watch.step(step, sum(map(len, given.pairs)), **found, norm=norm, learning_rate=rate)
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

    @classmethod
    def of(cls, number: int) -> Self:
        """Of so many pairs, for `put`."""
        return cls(*torch.zeros(len(fields(cls)), number))

    def put(self, places: Sequence[int], terms: "Terms") -> None:
        """What a pass said of the pairs at these places."""
        for each in fields(self):
            getattr(self, each.name)[list(places)] = getattr(terms, each.name).detach().float().cpu()

    def over_processes(self) -> "Terms":
        """With what the other processes put."""
        return Terms(*totals(torch.stack([getattr(self, each.name) for each in fields(self)])))


def terms_of(model: PreTrainedModel, given: Pairs, rows: Rows, chosen: Dpo) -> Terms:
    """One pass: of the pairs in these rows, in their order."""
    said = pair_log_probs(model, given.pairs, rows)
    apart = said - given.reference[list(rows.prompts)].to(said.device)
    sizes = [[len(reply) for reply in given.pairs[place].replies] for place in rows.prompts]
    longer = torch.tensor([float(preferred - other) for preferred, other in sizes], device=said.device)
    margins = dpo_margins(apart[:, 0], apart[:, 1], chosen.beta, longer, chosen.verbosity)
    if chosen.smoothing:
        losses = dpo_loss(margins, chosen.smoothing) - chosen.beta * chosen.pessimism * said[:, 0]
    else:
        losses = dpo_cov_loss(margins, said[:, 0], chosen.beta, chosen.slope, chosen.pessimism)
    return Terms(losses, margins, dpo_cov_noise(margins, chosen.slope), apart[:, 0], apart[:, 1], longer)


def pair_log_probs(model: PreTrainedModel, pairs: Sequence[Ranked], rows: Rows) -> Tensor:
    """log π of either reply of the pairs in these rows, summed over its tokens, in float32: (pairs in rows, 2)."""
    lengths = [len(reply) for place in rows.prompts for reply in pairs[place].replies]
    said = reply_log_probs(model, rows).split(lengths)
    return torch.stack([reply.sum() for reply in said]).view(-1, SIDES)


@torch.no_grad()
def reference_log_probs(model: PreTrainedModel, pairs: Sequence[Ranked], tokens: int) -> Tensor:
    """What the reference says of all pairs: once, before anything is learned, so that no second model stays."""
    model.eval()
    said = torch.zeros(len(pairs), SIDES)
    answered = [(pair.prompt, pair.replies) for pair in pairs]
    for prompts in planned(answered, model, tokens)[rank() :: processes()]:
        said[prompts] = pair_log_probs(model, pairs, rows_of(answered, prompts, model)).float().cpu()
    return totals(said)


# What is told


@torch.no_grad()
def measured(model: PreTrainedModel, given: Pairs, settings: DpoSettings) -> Terms:
    """The terms of pairs that are not learned from, in their order."""
    model.eval()
    found = Terms.of(len(given.pairs))
    for rows in laid_out(given.answered, model, settings.run.pass_tokens):
        found.put(rows.prompts, terms_of(model, given, rows, settings.dpo))
    model.train()
    return found


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
