"""Each formula against the same one written with plain numbers, its gradient against differences, and pinned figures.

Figures that say so are TRL's: 1.16.0's DPOTrainer, RewardTrainer and GRPOTrainer and 1.12.0's PPO on these inputs.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from espalier.infer.likelihood import log_probs
from espalier.train.objectives import (
    AdaptiveKL,
    Normaliser,
    best_of_n_kl,
    clipped_share,
    comparisons,
    dpo_cov_loss,
    dpo_cov_noise,
    dpo_loss,
    dpo_margins,
    entropy,
    equal_groups,
    gae,
    group_weights,
    grpo_advantages,
    grpo_loss,
    grpo_weights,
    kl_k1,
    kl_k3,
    last_tokens,
    ppo_policy_loss,
    ppo_value_loss,
    reward_loss,
    rla_pairs,
    token_loss,
    token_rewards,
    trained_tokens,
    whiten,
)

SHARE = 1e-5  # relative: float32 against float64


def log_sigma(x: float) -> float:
    return -math.log1p(math.exp(-x))


def clipped(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def drawn(seed: int, *shape: int) -> Tensor:
    """Of no round number, in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def agrees(formula: Callable[..., Tensor], expected: float, *of: Tensor) -> None:
    """In float32 to 1e-5, in float64 to the last digits, and with the right gradient to each of its inputs."""
    assert formula(*(each.float() for each in of)).item() == pytest.approx(expected, rel=SHARE)
    assert formula(*of).item() == pytest.approx(expected, rel=1e-12)
    assert gradcheck(formula, [each.clone().requires_grad_() for each in of])


# Tokens

LOGITS, TARGETS = torch.tensor([[2.0, 0], [0, 1], [1, 1]]), torch.tensor([0, 0, 1])


@pytest.mark.parametrize(
    ("weights", "total", "poly", "expected"),
    [
        ([1, 1, 1], 3, 0, 0.71111),
        ([1, 1, 0], 2, 0, 0.72009),
        ([0, 0, 0], 0, 0, 0.0),
        ([1, 1, 0], 2, 1, 1.14523),
        ([1, 1, 0], 1, 1, 2.29045),
        ([1, 1, 0], 2, 0.5, 0.93266),
    ],
)
def test_token_losses_of_the_predecessor(weights: list[float], total: int, poly: float, expected: float) -> None:
    given = torch.tensor(weights, dtype=torch.float32)
    assert token_loss(LOGITS, TARGETS, given, total, poly).item() == pytest.approx(expected, abs=1e-5)
    assert trained_tokens(given) == sum(weight != 0 for weight in weights)
    assert (-log_probs(LOGITS, TARGETS)).tolist()[:2] == pytest.approx([0.12693, 1.31326], abs=1e-5)


@pytest.mark.parametrize(("prompt", "reply"), [(0.0, 1.0), (0.2, 0.8), (0.4, 0.6), (1.0, 1.0), (0.0, 0.5)])
def test_weighted_instruction_tuning_counts_what_it_trains_and_does_not_sum_the_weights(
    prompt: float, reply: float
) -> None:
    logits, targets, of_reply = drawn(1, 12, 7), torch.arange(12) % 7, torch.arange(12) % 3 == 0
    weights = torch.where(of_reply, reply, prompt).double()
    expected, count = 0.0, 0
    for row, target, weight in zip(logits.tolist(), targets.tolist(), weights.tolist(), strict=True):
        expected -= weight * (row[target] - math.log(sum(math.exp(each) for each in row)))
        count += weight != 0
    total = trained_tokens(weights)
    assert total == count
    agrees(lambda logits: token_loss(logits, targets, weights, total), expected / count, logits)
    halves = [token_loss(logits[part], targets[part], weights[part], total) for part in (slice(5), slice(5, None))]
    assert sum(halves).item() == pytest.approx(expected / count, rel=1e-12)


def test_log_probs_and_entropy_are_those_of_the_softmax() -> None:
    row = drawn(2, 1, 5)
    p = [math.exp(each / 0.7) for each in row[0].tolist()]
    assert log_probs(row, torch.tensor([3]), 0.7).item() == pytest.approx(math.log(p[3] / sum(p)), rel=1e-12)
    p = [math.exp(each) for each in row[0].tolist()]
    expected = -sum(each / sum(p) * math.log(each / sum(p)) for each in p)
    agrees(lambda row: entropy(row)[0], expected, row)
    half = log_probs(row.bfloat16(), torch.tensor([3]))
    assert half.dtype == torch.float32, "half precision is for models, not for sums of logarithms"


# Rewards


@pytest.mark.parametrize(
    ("rewards", "sizes", "squares", "expected"),
    [
        ([2, 1, -1], [3], 0.001, 0.164926),
        ([2, 1, -1], [3], 0, 0.162926),
        ([2, 1, -1, 0.5, 1.5], [3, 2], 0.001, 0.739719),
        ([0, 0], [2], 0, math.log(2)),
    ],
)
def test_reward_losses_of_the_predecessor(
    rewards: list[float], sizes: list[int], squares: float, expected: float
) -> None:
    pairs = comparisons(sizes)
    loss = reward_loss(torch.tensor(rewards, dtype=torch.float64), pairs, pairs.prompts, squares=squares)
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_with_equal_weights_each_pair_counts_as_another_in_the_batch() -> None:
    pairs = comparisons([3, 2])
    evenly = replace(pairs, weights=torch.ones(4))
    rewards = torch.tensor([2, 1, -1, 0.5, 1.5])
    assert reward_loss(rewards, evenly, 4).item() == pytest.approx(0.450510, abs=1e-6)


def test_a_prompt_with_one_reply_is_passed_over() -> None:
    rewards = drawn(3, 4)
    alone, without = comparisons([1, 3]), comparisons([3])
    assert alone.prompts == without.prompts == 1
    assert reward_loss(rewards, alone, 1) == reward_loss(rewards[1:], without, 1)
    assert reward_loss(rewards[:1], comparisons([1]), 0).item() == 0.0


def test_reward_loss_with_ties_margin_squares_and_centring() -> None:
    rewards, sizes, ties = drawn(4, 7), [4, 3], [{(1, 2)}, {(0, 1)}]
    pairs = comparisons(sizes, ties)
    said = rewards.tolist()
    expected = 0.0
    for of_prompt, tied in ((said[:4], ties[0]), (said[4:], ties[1])):
        terms = []
        for first, second in combinations(range(len(of_prompt)), 2):
            apart = of_prompt[first] - of_prompt[second]
            sure = 0.5 if (first, second) in tied else 1.0
            term = -sure * log_sigma(apart - 0.3 * (sure > 0.5)) - (1 - sure) * log_sigma(-apart)
            terms.append(term + 0.01 * (of_prompt[first] + of_prompt[second]) ** 2)
        expected += sum(terms) / len(terms) + 0.1 * sum(each**2 for each in of_prompt) / len(of_prompt)
    agrees(lambda rewards: reward_loss(rewards, pairs, 2, 0.3, 0.1, 0.01), expected / 2, rewards)


def test_samples_are_paired_by_their_cosine_unless_too_close() -> None:
    assert rla_pairs(torch.tensor([0.1, 0.9, 0.85, 0.5]), 0.1).tolist() == [[1, 3], [1, 0], [2, 3], [2, 0], [3, 0]]
    assert rla_pairs(torch.tensor([0.5, 0.5]), 0.0).tolist() == [], "equal ones are no pair"


def test_pairs_that_are_left_out_give_their_weight_to_the_others() -> None:
    rewards = drawn(4, 3)
    pairs = comparisons([3], left_out=[{(0, 1)}])
    first, second, third = rewards.tolist()
    expected = -(log_sigma(first - third) + log_sigma(second - third)) / 2
    assert reward_loss(rewards, pairs, pairs.prompts).item() == pytest.approx(expected, rel=1e-12)
    assert comparisons([2], left_out=[{(0, 1)}]).prompts == 0


# Distances


def test_estimators_of_the_kl() -> None:
    logprobs, reference = drawn(5, 1), drawn(6, 1)
    p, q = logprobs.item(), reference.item()
    agrees(lambda p, q: kl_k1(p, q)[0], p - q, logprobs, reference)
    agrees(lambda p, q: kl_k3(p, q)[0], math.exp(q - p) - 1 - (q - p), logprobs, reference)


def test_both_estimators_have_the_kl_as_their_mean() -> None:
    policy, reference = torch.log_softmax(drawn(7, 6), 0), torch.log_softmax(drawn(8, 6), 0)
    kl = (policy.exp() * (policy - reference)).sum()
    for estimate in (kl_k1, kl_k3):
        assert torch.allclose((policy.exp() * estimate(policy, reference)).sum(), kl)


def test_the_best_of_one_is_no_farther_than_the_reference() -> None:
    assert best_of_n_kl(1) == 0
    assert best_of_n_kl(4) == pytest.approx(math.log(4) - 3 / 4)


@pytest.mark.parametrize(("replies", "expected"), [(1, 0.0819), (18, 0.0027)])
def test_the_controller_falls_as_the_predecessors_did_when_the_kl_stays_far_below(
    replies: int, expected: float
) -> None:
    steered = AdaptiveKL(0.1, target=6, horizon=10_000)
    for _ in range(10_000):
        steered = steered.after(0.01, replies)
    assert steered.coefficient == pytest.approx(expected, abs=5e-5)


def test_the_controller_stands_still_at_its_target_and_rises_above() -> None:
    steered = AdaptiveKL(0.1, target=6, horizon=100)
    assert steered.after(6, 10) == steered
    assert steered.after(6.6, 10).coefficient == pytest.approx(0.1 * (1 + 0.1 * 10 / 100))
    assert steered.after(60, 10).coefficient == pytest.approx(0.1 * (1 + 0.2 * 10 / 100))


# PPO

MASK = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]]).bool()


def test_the_last_token_is_found_wherever_the_padding_is() -> None:
    assert last_tokens(torch.tensor([[1, 1, 0], [0, 1, 1], [1, 1, 1]]).bool()).tolist() == [1, 2, 2]


def test_the_score_stands_on_the_last_token_of_a_reply_and_the_penalty_on_each() -> None:
    logprobs, reference, scores = drawn(9, 4, 4), drawn(10, 4, 4), drawn(11, 4)
    found = token_rewards(logprobs, reference, scores, MASK, 0.05)
    for row in range(4):
        valid = [time for time in range(4) if MASK[row, time]]
        for time in range(4):
            expected = -0.05 * (logprobs[row, time] - reference[row, time]).item() if time in valid else 0.0
            expected += scores[row].item() if time == valid[-1] else 0.0
            assert found[row, time].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("discount", "decay"), [(1.0, 0.95), (0.9, 0.5), (1.0, 1.0), (1.0, 0.0)])
def test_advantages_are_the_decayed_sums_of_surprises(discount: float, decay: float) -> None:
    rewards, values = drawn(12, 4, 4), drawn(13, 4, 4)
    advantages, returns = gae(rewards, values, MASK, discount, decay)
    for row in range(4):
        valid = [time for time in range(4) if MASK[row, time]]
        r, v = [rewards[row, time].item() for time in valid], [values[row, time].item() for time in valid] + [0.0]
        deltas = [r[at] + discount * v[at + 1] - v[at] for at in range(len(r))]
        for at, time in enumerate(valid):
            expected = sum((discount * decay) ** k * delta for k, delta in enumerate(deltas[at:]))
            assert advantages[row, time].item() == pytest.approx(expected, rel=1e-12)
            assert returns[row, time].item() == pytest.approx(expected + v[at], rel=1e-12)
    assert not advantages[~MASK].any()
    assert not returns[~MASK].any()
    assert torch.allclose(gae(rewards.float(), values.float(), MASK, discount, decay)[0].double(), advantages, SHARE)


def test_whitening_leaves_the_padding_out() -> None:
    values = drawn(14, 4, 4)
    white, with_mean = whiten(values, MASK), whiten(values, MASK, keep_mean=True)
    assert white[MASK].mean().item() == pytest.approx(0, abs=1e-12)
    assert white[MASK].var().item() == pytest.approx(1, rel=1e-6)
    assert with_mean[MASK].mean().item() == pytest.approx(values[MASK].mean().item(), rel=1e-12)
    assert not white[~MASK].any()
    assert not whiten(torch.ones(1, 1), torch.ones(1, 1).bool()).any(), "one value has no variance"


def test_the_clipped_objective_and_the_clipped_value_loss() -> None:
    old, advantages = drawn(15, 9), drawn(16, 9)
    logprobs = old + drawn(17, 9) / 3  # ratios on both sides of the clip
    terms, stopped = [], 0
    for new, before, advantage in zip(logprobs.tolist(), old.tolist(), advantages.tolist(), strict=True):
        ratio = math.exp(new - before)
        terms.append(min(ratio * advantage, clipped(ratio, 0.8, 1.2) * advantage))
        stopped += terms[-1] != ratio * advantage
    assert 0 < stopped < 9
    agrees(lambda new: ppo_policy_loss(new, old, advantages, 9), -sum(terms) / 9, logprobs)
    assert clipped_share(logprobs, old, advantages, 0.2).item() == pytest.approx(stopped / 9)
    returns = drawn(18, 9)
    losses = [
        max((new - wanted) ** 2, (clipped(new, before - 0.2, before + 0.2) - wanted) ** 2)
        for new, before, wanted in zip(logprobs.tolist(), old.tolist(), returns.tolist(), strict=True)
    ]
    agrees(lambda new: ppo_value_loss(new, old, returns, 9), sum(losses) / 18, logprobs)


def test_the_first_update_has_a_ratio_of_one() -> None:
    logprobs, advantages = drawn(19, 5).requires_grad_(), drawn(20, 5)
    loss = ppo_policy_loss(logprobs, logprobs.detach(), advantages, 5)
    loss.backward()
    assert loss.item() == pytest.approx(-advantages.mean().item())
    assert logprobs.grad is not None
    assert torch.allclose(logprobs.grad, -advantages / 5), "the gradient is that of the policy gradient"


# DPO


def test_margins_and_conservative_dpo() -> None:
    chosen, rejected, longer = drawn(21, 6), drawn(22, 6), torch.tensor([3, -2, 0, 8, -5, 1]).double()
    expected = 0.0
    for better, worse, more in zip(chosen.tolist(), rejected.tolist(), longer.tolist(), strict=True):
        margin = 0.01 * more + 0.1 * (better - worse)
        expected += -0.9 * log_sigma(margin) - 0.1 * log_sigma(-margin)
    agrees(
        lambda chosen, rejected: dpo_loss(dpo_margins(chosen, rejected, 0.1, longer, 0.01), 0.1).sum(),
        expected, chosen, rejected,
    )  # fmt: skip


@pytest.mark.parametrize("slope", [0.1, 0.5, 0.7, 1.0, 1.5])
def test_dpo_cov_as_it_is_published(slope: float) -> None:
    margins, favoured = drawn(23, 8) * 2, drawn(24, 8) * 10
    expected = 0.0
    for margin, log_pi in zip(margins.tolist(), favoured.tolist(), strict=True):
        noise = max(0.0, math.log(1 / slope - 1) - margin) if slope < 1 else 0.0
        expected += slope * noise - 0.05 * 0.02 * log_pi - log_sigma(margin + noise)
    agrees(lambda m, favoured: dpo_cov_loss(m, favoured, 0.05, slope, 0.02).sum(), expected, margins, favoured)


def test_dpo_cov_is_dpo_without_noise_and_pessimism_and_takes_a_slope_for_each_pair() -> None:
    margins, favoured = drawn(25, 4), drawn(26, 4)
    assert torch.equal(dpo_cov_loss(margins, favoured, 0.1, 1.0), dpo_loss(margins))
    slopes = torch.tensor([0.1, 0.5, 1.0, 2.0])
    each = [dpo_cov_loss(margins[at : at + 1], favoured[at : at + 1], 0.1, slopes[at].item()) for at in range(4)]
    assert torch.allclose(dpo_cov_loss(margins, favoured, 0.1, slopes), torch.cat(each))


@given(st.floats(-30, 30), st.floats(0.02, 0.98))
@settings(max_examples=50, deadline=None)
def test_the_noise_is_the_logistic_loss_with_its_slope_capped_at_lambda(margin: float, slope: float) -> None:
    m = torch.tensor([margin], dtype=torch.float64, requires_grad=True)
    loss = dpo_cov_loss(m, torch.zeros(1), 1.0, slope).sum()
    loss.backward()
    least = math.log(1 / slope - 1)
    expected = -log_sigma(margin) if margin >= least else -log_sigma(least) + slope * (least - margin)
    assert loss.item() == pytest.approx(expected, rel=1e-9)
    assert m.grad is not None
    assert m.grad.item() == pytest.approx(-min(1 / (1 + math.exp(margin)), slope), rel=1e-6)


def test_whether_the_gradient_flows_through_the_noise_makes_no_difference() -> None:
    margins = (drawn(27, 8) * 2).requires_grad_()
    dpo_cov_loss(margins, torch.zeros(8), 1.0, 0.7).sum().backward()
    stopped = margins.grad
    margins.grad = None
    noise = (math.log(1 / 0.7 - 1) - margins).clamp(min=0)
    assert torch.equal(noise.detach(), dpo_cov_noise(margins, 0.7))
    (0.7 * noise - torch.nn.functional.logsigmoid(margins + noise)).sum().backward()
    assert stopped is not None
    assert margins.grad is not None
    assert torch.allclose(stopped, margins.grad)


# GRPO


@pytest.mark.parametrize(("by", "constant"), [("reply", None), ("batch", None), ("constant", 10)])
def test_grpo_with_each_of_its_normalisers(by: Normaliser, constant: int | None) -> None:
    lengths, rewards = [2, 5, 3, 1], drawn(28, 2, 2)
    advantages = grpo_advantages(rewards).flatten()
    old, reference = drawn(29, 11), drawn(30, 11)
    logprobs = old + drawn(31, 11) / 3
    replies = torch.repeat_interleave(torch.arange(4), torch.tensor(lengths))
    weights = grpo_weights(torch.tensor(lengths), by, constant).double()[replies]
    divided = {"reply": [4 * length for length in lengths], "batch": [11] * 4, "constant": [40] * 4}[by]
    expected = 0.0
    for token, reply in enumerate(replies.tolist()):
        group = rewards[reply // 2].tolist()
        mean = sum(group) / 2
        spread = math.sqrt(sum((each - mean) ** 2 for each in group))  # of two, n − 1 is 1
        advantage = (group[reply % 2] - mean) / (spread + 1e-4)
        ratio = math.exp(logprobs[token].item() - old[token].item())
        apart = reference[token].item() - logprobs[token].item()
        gain = min(ratio * advantage, clipped(ratio, 0.8, 1.2) * advantage)
        expected -= (gain - 0.04 * (math.exp(apart) - 1 - apart)) / divided[reply]
    found = grpo_loss(logprobs, old, advantages[replies], weights, 0.2, reference, 0.04)
    assert found.item() == pytest.approx(expected, rel=SHARE)  # the weights are float32
    assert gradcheck(
        lambda new: grpo_loss(new, old, advantages[replies], weights, 0.2, reference, 0.04), [logprobs.requires_grad_()]
    )


def test_groups_of_equal_rewards_teach_nothing_and_are_counted() -> None:
    rewards = torch.tensor([[1.0, 1, 1], [0, 1, 2]])
    assert grpo_advantages(rewards)[0].tolist() == [0, 0, 0]
    assert grpo_advantages(rewards, scale=False)[1].tolist() == [-1, 0, 1]
    assert equal_groups(rewards).item() == 0.5


# Groups


def test_groups_that_fare_badly_weigh_more() -> None:
    weights, losses = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([1.0, 2.0, 0.5]).double()
    raised = [w * math.exp(0.1 * loss) for w, loss in zip(weights.tolist(), losses.tolist(), strict=True)]
    found = group_weights(weights, losses, 0.1)
    assert found.tolist() == pytest.approx([each / sum(raised) for each in raised], rel=1e-12)


# The same as TRL, where it has the same


def numbers(given: Any) -> Tensor:
    return torch.tensor(given, dtype=torch.float64)


def test_reward_loss_is_that_of_trl() -> None:
    """RewardTrainer.compute_loss of TRL 1.16.0 on three pairs, with margins and with center_rewards_coefficient."""
    rewards, pairs = numbers([1.5, 0.25, -0.5, 0.75, 2.0, -1.0]), comparisons([2, 2, 2])
    margin = numbers([0.5, 0.0, 1.0])
    assert reward_loss(rewards, pairs, 3).item() == pytest.approx(0.600815171421496, rel=1e-12)
    assert reward_loss(rewards, pairs, 3, margin).item() == pytest.approx(0.6719093661677484, rel=1e-12)
    assert reward_loss(rewards, pairs, 3, margin, centring=0.01).item() == pytest.approx(0.6856593661677485, rel=1e-12)


def test_dpo_is_that_of_trl() -> None:
    """DPOTrainer of TRL 1.16.0 with loss_type `sigmoid`, and `robust` with label_smoothing 0.1."""
    chosen = numbers([-12.5, -30.25, -7.75, -21.0]) - torch.tensor([-13.0, -29.0, -8.0, -20.0])
    rejected = numbers([-14.0, -28.5, -9.5, -40.25]) - numbers([-13.5, -29.25, -8.5, -38.0])
    margins = dpo_margins(chosen, rejected, 0.1)
    assert dpo_loss(margins).mean().item() == pytest.approx(0.6769334000223752, rel=1e-12)
    unbiased = -0.1 / (1 - 2 * 0.1)  # as if the smoothing that noise brings were taken away again
    assert dpo_loss(margins, unbiased).mean().item() == pytest.approx(0.6722459000223753, rel=1e-12)


def test_log_probs_and_entropy_are_those_of_trl() -> None:
    """selective_log_softmax and entropy_from_logits of TRL 1.16.0."""
    logits = numbers([[2.0, 0, -1], [0.5, 1, 0.25]])
    found = log_probs(logits, torch.tensor([1, 2]))
    assert found.tolist() == pytest.approx([-2.1698460195562856, -1.4818375667944002], rel=1e-12)
    assert entropy(logits).tolist() == pytest.approx([0.5242666167276728, 1.0481303784221605], rel=1e-12)


REPLIES = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]).bool()
OLD = numbers([[-1, -0.5, -2, 0], [-0.7, 0, 0, 0], [-1.2, -0.3, 0, 0], [-0.9, -1.1, -0.4, -2.5]])
NEW = numbers([[-0.7, -0.55, -2.4, 0], [-0.45, 0, 0, 0], [-1.25, -0.6, 0, 0], [-1.3, -1, -0.1, -2.45]])
REFERENCE = numbers([[-1.1, -0.6, -1.9, 0], [-0.8, 0, 0, 0], [-1, -0.35, 0, 0], [-1, -1.2, -0.5, -2.2]])
SCORES = numbers([1, 0.25, -0.5, 2])


@pytest.mark.parametrize(
    ("by", "constant", "beta", "expected"),
    [
        ("reply", None, 0.0, 0.0375430881131934),
        ("reply", None, 0.04, 0.039596796539822954),
        ("batch", None, 0.0, -0.2695942261715726),
        ("batch", None, 0.04, -0.26753044742074045),
        ("constant", 10, 0.0, -0.06739855654289315),
        ("constant", 10, 0.04, -0.06688261185518511),
    ],
)
def test_grpo_is_that_of_trl(by: Normaliser, constant: int | None, beta: float, expected: float) -> None:
    """GRPOTrainer of TRL 1.16.0 on two prompts with two replies, its loss_type `grpo`, `dapo` and `dr_grpo`."""
    advantages = grpo_advantages(SCORES.view(2, 2)).flatten()
    assert advantages.tolist() == pytest.approx([0.7069734729900489, -0.7069734729900489, -0.7070667834491612,
                                                 0.7070667834491612], rel=1e-12)  # fmt: skip
    of_token = torch.nonzero(REPLIES)[:, 0]
    weights = grpo_weights(REPLIES.sum(1), by, constant)
    found = grpo_loss(
        NEW[REPLIES], OLD[REPLIES], advantages[of_token], weights[of_token], 0.2, REFERENCE[REPLIES], beta
    )  # fmt: skip
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_ppo_is_that_of_trl() -> None:
    """experimental.ppo of TRL 1.12.0, its statements from the KL to the losses, the score on the last token instead of
    the one behind, γ = 1, λ = 0.95, β = 0.05."""
    rewards = token_rewards(OLD, REFERENCE, SCORES, REPLIES, 0.05)
    assert rewards[REPLIES].tolist() == pytest.approx(
        [-0.005, -0.005, 1.005, 0.245, 0.01, -0.5025, -0.005, -0.005, -0.005, 2.015], rel=1e-12
    )
    assert whiten(rewards, REPLIES, keep_mean=True)[0].tolist() == pytest.approx(
        [-0.11536131021241841, -0.11536131021241841, 1.2930834558806739, 0], rel=1e-12
    )
    values = numbers([[0.1, 0.3, -0.2, 0], [0.4, 0, 0, 0], [-0.1, 0.2, 0, 0], [0, 0.5, 0.25, -0.3]])
    advantages, returns = gae(rewards, values, REPLIES)
    advantages = whiten(advantages, REPLIES)
    assert advantages[REPLIES].tolist() == pytest.approx(
        [-0.04120755030108727, -0.20585417954092736, 0.36506220526281286, -1.0085712017837796, -1.2129749229242603,
         -1.5615596505764335, 0.9020777468410827, 0.4681225867124575, 0.8087154950019421, 1.4861894713081938],
        rel=1e-12,
    )  # fmt: skip
    assert returns[3].tolist() == pytest.approx([1.736685625, 1.8070375, 1.89425, 2.015], rel=1e-12)
    seen = numbers([[0.5, 0.25, 0.3, 0], [0.1, 0, 0, 0], [-0.4, 0.1, 0, 0], [0.35, 0.45, 0.6, 0.1]])
    policy = ppo_policy_loss(NEW[REPLIES], OLD[REPLIES], advantages[REPLIES], 10)
    value = ppo_value_loss(seen[REPLIES], values[REPLIES], returns[REPLIES], 10)
    assert policy.item() == pytest.approx(0.004994373452236656, rel=1e-9)
    assert value.item() == pytest.approx(0.6509968691759569, rel=1e-12)
