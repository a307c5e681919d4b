"""Proximal policy optimisation: the policy writes replies, and what was worth more than expected becomes likelier.

The loop is that of Stiennon et al. 2020 and of arXiv 2403.17031, in the order of the papers: roll out, score, penalise
the distance from the reference, estimate advantages, update policy and critic for some epochs. Left out: a critic that
shares its body with the policy, and freezing of layers.
"""

from collections import defaultdict
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from espalier.dataset.convert import Kind
from espalier.dataset.findings import Report, ignore
from espalier.infer.engine import Reward
from espalier.infer.reward import begin_reward
from espalier.infer.score import by_token, passes, scores_at
from espalier.train import optimizer as optimizing
from espalier.train.card import Made, inputs_of
from espalier.train.checkpoint import Checkpoints, Weights
from espalier.train.goal import Goal, goal_of
from espalier.train.keeping import keep
from espalier.train.objectives import (
    AdaptiveKL,
    clipped_share,
    gae,
    ppo_policy_loss,
    ppo_value_loss,
    token_rewards,
    whiten,
)
from espalier.train.options import PpoSettings
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
from espalier.train.start import begin, prepared
from espalier.train.watch import Watch, growing


def train(
    settings: PpoSettings, console: Console | None = None, report: Report = ignore, reward: Reward | None = None
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
    fit(policy, critic_of(settings), goal, settings, console, inputs)
    return keep(policy, tokenizer, parts, Made("proximal policy optimisation", settings, inputs))


def critic_of(settings: PpoSettings) -> Any:
    """A model that foretells the reward of a reply from its beginning: the reward model, which can do so of the whole;
    where there is none, the policy with an output that begins at 0. Raises BadModel.
    """
    chosen, reward = settings.model, settings.rollouts.reward
    critic, _ = begin_reward(reward or chosen.start, getattr(torch, chosen.dtype), chosen.attention, chosen.device)
    if not reward:
        head = critic.score
        assert isinstance(head, nn.Linear), f"{head=}"
        nn.init.zeros_(head.weight)
    return prepared(critic, chosen, "SEQ_CLS")


def fit(
    policy: Any,
    critic: Any,
    goal: Goal,
    settings: PpoSettings,
    console: Console | None = None,
    inputs: Mapping[str, str] | None = None,
) -> None:
    """The loop. policy: it learns, and as it is now it is the reference. critic: with one output, it learns to foretell
    the reward. goal: what it learns. Raises Stopped.
    """
    run, chosen = settings.run, settings.ppo
    device = policy.device
    for model in (policy, critic):
        without_dropout(model)
        model.train()
    policies = Policies(policy, settings.rollouts.temperature)
    engine = engine_of(policy, goal, settings)
    steps = run.steps or max(1, ceil(run.epochs * len(goal.prompts) / chosen.replies))
    both = nn.ModuleDict({"policy": policy, "critic": critic})
    updates = steps * chosen.epochs * ceil(chosen.replies / settings.optimizer.batch)
    optimizer, schedule = optimizing.optimizer_of(both, settings.optimizer, updates)
    checkpoints = Checkpoints(
        settings,
        {"models": Weights(both), "optimizer": optimizer, "schedule": schedule},
        growing(run.out),
        inputs or {},
    )
    place = checkpoints.resume()
    control = AdaptiveKL(place.get("kl", chosen.kl), chosen.kl_target or 1.0, chosen.kl_horizon)

    with Watch(settings, place["step"], steps, both, console) as watch:
        if not place["step"]:
            measure(watch, 0, engine, goal, policies, settings)
        for step in range(place["step"] + 1, steps + 1):
            asked = [goal.prompts[at] for at in places_of(step - 1, chosen.replies, len(goal.prompts), run.seed)]
            with watch.careful(step, asked):
                # Roll out: replies of π_old, their worth, log π_old, log π_ref and V_old
                seed = chance(run.seed, step)
                rollout = roll_out(engine, asked, seed, goal.reward, policies, settings)
                replies, mask = rollout.replies, rollout.mask
                old = by_token(rollout.passed, mask, policies.now)
                passed = passes(replies, critic, run.pass_tokens)
                old_values = by_token(passed, mask, lambda rows: scores_at(critic, rows, rows.before))

                # r_t = − β (log π_old − log π_ref), and the reward at the last token; advantages and returns
                rewards = token_rewards(old, rollout.reference, rollout.rewards, mask, control.coefficient)
                if chosen.whiten_rewards:
                    rewards = whiten(rewards, mask, keep_mean=True)
                advantages, returns = gae(rewards, old_values, mask, chosen.discount, chosen.decay)
                advantages = whiten(advantages, mask)

                # Update: epochs over minibatches of replies, each in as many passes as it needs
                figures: dict[str, float] = defaultdict(float)
                for some in minibatches(len(replies), chosen.epochs, settings.optimizer.batch, seed):
                    total = int(mask[some].sum())
                    for rows in passes([replies[at] for at in some], policy, run.pass_tokens):
                        of = torch.tensor(some, device=device)[rows.places]
                        at = mask[of]
                        was, gain = old[of][at], advantages[of][at]
                        log_probs = policies.now(rows)
                        policy_loss = ppo_policy_loss(log_probs, was, gain, total, chosen.clip)
                        values = scores_at(critic, rows, rows.before)
                        value_loss = ppo_value_loss(
                            values, old_values[of][at], returns[of][at], total, chosen.value_clip
                        )
                        (policy_loss + chosen.value_weight * value_loss).backward()
                        clipped = clipped_share(log_probs.detach(), was, gain, chosen.clip)
                        figures["policy_loss"] += policy_loss.item()
                        figures["value_loss"] += value_loss.item()
                        figures["clipped"] += clipped.item() * len(log_probs) / total
                    figures["norm"] += optimizing.step(both, optimizer, schedule, settings.optimizer.clip)
                    figures["updates"] += 1
            made = figures.pop("updates")
            told = rollout.figures(old) | {name: figure / made for name, figure in figures.items()}
            rate = float(schedule.get_last_lr()[0])
            watch.step(step, rollout.tokens, **told, beta=control.coefficient, learning_rate=rate)
            if chosen.kl_target:
                control = control.after(told["kl"], len(replies))
            if watch.measures(step):
                measure(watch, step, engine, goal, policies, settings)
            if watch.saves(step):
                checkpoints.save(step, kl=control.coefficient)
            watch.stop_if_asked(step)
