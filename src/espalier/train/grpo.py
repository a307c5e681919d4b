"""Group relative policy optimisation: of several replies to a prompt, those better than the others become likelier.

The loop is that of DeepSeekMath (arXiv 2402.03300, algorithm 1), with the normalisers of DAPO and Dr. GRPO as switches.
No critic: what to expect of a prompt is the mean reward of its replies. Left out: a reference that is renewed, rewards
of single steps of reasoning.
"""

from collections import defaultdict
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from espalier.dataset.convert import Kind
from espalier.dataset.findings import Report, ignore
from espalier.infer.engine import Reward
from espalier.infer.score import by_token, passes
from espalier.train import optimizer as optimizing
from espalier.train.card import Made, inputs_of
from espalier.train.checkpoint import Checkpoints, Stateful, Weights
from espalier.train.goal import Goal, goal_of
from espalier.train.keeping import keep
from espalier.train.objectives import (
    clipped_share,
    equal_groups,
    grpo_advantages,
    grpo_loss,
    grpo_weights,
)
from espalier.train.options import GrpoSettings
from espalier.train.rollout import (
    Policies,
    chance,
    engine_of,
    measure,
    minibatches,
    places_of,
    roll_out,
    without_dropout,
)
from espalier.train.seen import refuse_learned, without_learned
from espalier.train.sources import read_parts
from espalier.train.start import begin
from espalier.train.watch import Watch, growing


def train(
    settings: GrpoSettings, console: Console | None = None, report: Report = ignore, reward: Reward | None = None
) -> Path:
    """Run it, or go on with it; the folder of the model. reward: a function in place of the reward model of the
    settings. Raises BadSource, BadModel, BadSettings, BadCheckpoint and Stopped.
    """
    parts = read_parts(settings.data, Kind.PROMPTS, report)
    if settings.data.overlap == "learn":
        parts = without_learned(parts, settings.model.start)
    refuse_learned(parts, settings.model.start)
    inputs = inputs_of(settings, settings.rollouts.reward, settings.rollouts.judge)
    policy, tokenizer = begin(settings)
    goal = goal_of(settings, parts, tokenizer, reward)
    fit(policy, goal, settings, console, inputs)
    return keep(policy, tokenizer, parts, Made("group relative policy optimisation", settings, inputs))


def fit(
    policy: Any,
    goal: Goal,
    settings: GrpoSettings,
    console: Console | None = None,
    inputs: Mapping[str, str] | None = None,
) -> None:
    """The loop. policy: it learns, and as it is now it is the reference. goal: what it learns.

    Raises Stopped.
    """
    run, chosen, drawn = settings.run, settings.grpo, settings.rollouts
    device = policy.device
    without_dropout(policy)
    policy.train()
    policies = Policies(policy, drawn.temperature)
    engine = engine_of(policy, goal, settings)
    prompts_at_once = max(1, settings.optimizer.batch // chosen.group)
    at_once = chosen.epochs == 1 and prompts_at_once >= chosen.prompts  # one update a rollout
    steps = run.steps or max(1, ceil(run.epochs * len(goal.prompts) / chosen.prompts))
    updates = steps * chosen.epochs * ceil(chosen.prompts / prompts_at_once)
    optimizer, schedule = optimizing.optimizer_of(policy, settings.optimizer, updates)
    parts: dict[str, Stateful] = {"model": Weights(policy), "optimizer": optimizer, "schedule": schedule}
    checkpoints = Checkpoints(settings, parts, growing(run.out), inputs or {})
    done = checkpoints.resume()["step"]

    with Watch(settings, done, steps, policy, console) as watch:
        if not done:
            measure(watch, 0, engine, goal, policies, settings)
        for step in range(done + 1, steps + 1):
            asked = [goal.prompts[at] for at in places_of(step - 1, chosen.prompts, len(goal.prompts), run.seed)]
            with watch.careful(step, asked):
                # Roll out: several replies of π_old to each prompt, their worth, log π_ref, and log π_old, which the
                # only update of a rollout says by the way, since π is still π_old there
                seed = chance(run.seed, step)
                each = [prompt for prompt in asked for _ in range(chosen.group)]
                rollout = roll_out(engine, each, seed, goal.reward, policies, settings)
                replies, mask = rollout.replies, rollout.mask
                old = torch.zeros(mask.shape, device=device)
                if not at_once:
                    old = by_token(rollout.passed, mask, policies.now)

                # A = (r − mean) / std among the replies to a prompt
                rewards = rollout.rewards.view(chosen.prompts, chosen.group)
                advantages = grpo_advantages(rewards, chosen.scale).flatten()

                # Update: epochs over minibatches of prompts with all their replies, each in as many passes as it needs
                figures: dict[str, float] = defaultdict(float)
                for some in minibatches(chosen.prompts, chosen.epochs, prompts_at_once, seed):
                    of = torch.tensor(some, device=device)[:, None] * chosen.group
                    of = (of + torch.arange(chosen.group, device=device)).flatten()
                    lengths = mask[of].sum(1)
                    weights = grpo_weights(lengths, chosen.normaliser, drawn.longest)
                    for rows in passes([replies[at] for at in of.tolist()], policy, run.pass_tokens):
                        these, times = of[rows.places], lengths[rows.places]
                        at = mask[these]
                        log_probs = policies.now(rows)
                        if at_once:
                            old[these] = old[these].masked_scatter(at, log_probs.detach())
                        was, gain = old[these][at], advantages[these].repeat_interleave(times)
                        loss = grpo_loss(
                            log_probs, was, gain, weights[rows.places].repeat_interleave(times), chosen.clip,
                            rollout.reference[these][at], chosen.kl,
                        )  # fmt: skip
                        loss.backward()
                        clipped = clipped_share(log_probs.detach(), was, gain, chosen.clip)
                        figures["loss"] += loss.item()
                        figures["clipped"] += clipped.item() * len(log_probs) / int(lengths.sum())
                    figures["norm"] += optimizing.step(policy, optimizer, schedule, settings.optimizer.clip)
                    figures["updates"] += 1
            made = figures.pop("updates")
            told = rollout.figures(old) | {name: figure / made for name, figure in figures.items()}
            told["equal_groups"] = float(equal_groups(rewards))
            watch.step(step, rollout.tokens, **told, learning_rate=float(schedule.get_last_lr()[0]))
            if watch.measures(step):
                measure(watch, step, engine, goal, policies, settings)
            if watch.saves(step):
                checkpoints.save(step)
            watch.stop_if_asked(step)
