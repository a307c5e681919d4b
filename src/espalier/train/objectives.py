"""Every formula of training once: tensors in, tensors out, with their shapes and where they are published.

Logarithms are natural and losses in nats. Knows neither models nor batches; a sum over a batch that comes in several
parts is right because what it is divided by is an argument.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import log
from typing import Final, Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from espalier.infer.likelihood import log_probs

WHITE: Final = 1e-8  # beside a variance, so that equal values are whitened to 0
EVEN: Final = 1e-4  # beside a standard deviation, as GRPO's authors have it
MOST_STEP: Final = 0.2  # the share by which Ziegler's controller changes its coefficient at most


# Tokens


def entropy(logits: Tensor) -> Tensor:
    """Of the distribution over the vocabulary at each position, (N,). logits: (N, vocabulary)."""
    logs = torch.log_softmax(logits if logits.dtype == torch.float64 else logits.float(), dim=-1)
    return -(logs.exp() * logs).sum(-1)


def token_loss(logits: Tensor, targets: Tensor, weights: Tensor, total: float, poly: float = 0.0) -> Tensor:
    """− Σ w · log p(target) / total, a scalar; 0 where nothing is trained.

    logits: (N, vocabulary). targets, weights: (N,). total: trained tokens of the whole batch, with all its parts and
    processes. Weights of 1 on replies and 0 on prompts are supervised fine-tuning (arXiv 2304.07327); λp and λr are
    weighted instruction tuning (arXiv 2507.07817), whose total counts the tokens of a weight that is not 0.
    poly: ε of PolyLoss-1, which adds ε · (1 − p) to each token (arXiv 2204.12511).
    """
    logs = log_probs(logits, targets)
    losses = -logs if not poly else -logs + poly * (1 - logs.exp())
    return (weights * losses).sum() / max(total, 1)


def trained_tokens(weights: Tensor) -> int:
    """How many tokens have a weight that is not 0: what a batch is divided by (arXiv 2507.07817)."""
    return int((weights != 0).sum())


# Rewards


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Which replies of a batch are preferred to which.

    better, worse: (pairs,), places among the replies. preferred: (pairs,), how sure it is that the first is the better
    one, ½ for a tie. weights: (pairs,), 1 / C(K, 2) for a prompt of K replies. prompts: how many have pairs.
    """

    better: Tensor
    worse: Tensor
    preferred: Tensor
    weights: Tensor
    prompts: int

    def to(self, device: torch.device | str) -> "Comparisons":
        """The same where the rewards are."""
        better, worse = self.better.to(device), self.worse.to(device)
        return Comparisons(better, worse, self.preferred.to(device), self.weights.to(device), self.prompts)


def comparisons(
    sizes: Sequence[int],
    ties: Sequence[Collection[tuple[int, int]]] = (),
    left_out: Sequence[Collection[tuple[int, int]]] = (),
) -> Comparisons:
    """All C(K, 2) pairs of each prompt's K replies, which stand one prompt after the other, best first.

    sizes: K of each prompt; one with a single reply has no pairs and does not count. ties: of each prompt, the pairs of
    places, the smaller first, that are equally good; left_out: those that are not compared at all.
    """
    better: list[int] = []
    worse: list[int] = []
    preferred: list[float] = []
    weights: list[float] = []
    start = prompts = 0
    for prompt, size in enumerate(sizes):
        tied, without = (each[prompt] if each else () for each in (ties, left_out))
        pairs = [pair for pair in combinations(range(size), 2) if pair not in without]
        better += (start + first for first, _ in pairs)
        worse += (start + second for _, second in pairs)
        preferred += (0.5 if pair in tied else 1.0 for pair in pairs)
        weights += [1 / len(pairs)] * len(pairs) if pairs else []
        start += size
        prompts += bool(pairs)
    return Comparisons(
        torch.tensor(better, dtype=torch.long), torch.tensor(worse, dtype=torch.long),
        torch.tensor(preferred, dtype=torch.float64), torch.tensor(weights, dtype=torch.float64), prompts,
    )  # fmt: skip


def reward_loss(
    rewards: Tensor,
    pairs: Comparisons,
    total: float,
    margin: Tensor | float = 0.0,
    squares: float = 0.0,
    centring: float = 0.0,
) -> Tensor:
    """− Σ weight · [q log σ(d − m) + (1 − q) log σ(m − d)] / total with d = r_better − r_worse, a scalar.

    rewards: (replies,). total: prompts with pairs in the whole batch, so that each prompt counts as one however many
    replies it has (Ouyang et al. 2022, eq. 1). q: how sure the order is; a tie has ½, and no margin. margin: a number
    or (pairs,), Llama 2's m (arXiv 2307.09288, eq. 2). squares: the coefficient of the mean r² of a prompt's replies.
    centring: that of the mean (r_better + r_worse)² (arXiv 2312.09244).
    """
    better, worse = rewards[pairs.better], rewards[pairs.worse]
    preferred = pairs.preferred.to(rewards.dtype)
    apart = better - worse - margin * (2 * preferred - 1)
    losses = -preferred * logsigmoid(apart) - (1 - preferred) * logsigmoid(-apart)
    # Each of K replies stands in K − 1 pairs: half the squares, averaged over pairs, are the mean over replies.
    losses = losses + squares * (better**2 + worse**2) / 2 + centring * (better + worse) ** 2
    return (pairs.weights.to(rewards.dtype) * losses).sum() / max(total, 1)


def rla_pairs(scores: Tensor, delta: float) -> Tensor:
    """Pairs of places among the samples of a prompt, the closer to the demonstration first, (pairs, 2).

    scores: (K,), the cosine of each sample's embedding to the demonstration's. Pairs whose scores are less than delta
    apart are dropped (Lins and Xu, EMNLP Findings 2025, Reinforcement Learning from supervised Alignment).
    """
    places = torch.argsort(scores, descending=True, stable=True)
    pairs = torch.combinations(places, 2)
    apart = scores[pairs[:, 0]] - scores[pairs[:, 1]]
    return pairs[(apart > 0) & (apart >= delta)]


# How far from the reference


def kl_k1(logprobs: Tensor, reference: Tensor) -> Tensor:
    """log π − log π_ref of sampled tokens, in the shape given: unbiased, of either sign.

    Summed over the tokens of a reply and averaged over replies it is the KL that is reported everywhere.
    """
    return logprobs - reference


def kl_k3(logprobs: Tensor, reference: Tensor) -> Tensor:
    """exp(d) − 1 − d with d = log π_ref − log π: unbiased and never negative (J. Schulman, Approximating KL
    Divergence, 2020)."""
    apart = reference - logprobs
    return torch.expm1(apart) - apart


def best_of_n_kl(n: int) -> float:
    """log n − (n − 1)/n: an upper bound of the KL of the best of n samples (Beirami et al., arXiv 2401.01879)."""
    return log(n) - (n - 1) / n


@dataclass(frozen=True, slots=True)
class AdaptiveKL:
    """The coefficient β of the KL penalty, steered so that the KL comes near its target (Ziegler et al. 2019, §2.2).

    target: in nats a reply. horizon: replies.
    """

    coefficient: float
    target: float
    horizon: float

    def after(self, kl: float, replies: int) -> "AdaptiveKL":
        """β · (1 + clip(KL / target − 1, ±0.2) · replies / horizon), after so many replies with this mean KL each."""
        error = min(max(kl / self.target - 1, -MOST_STEP), MOST_STEP)
        return replace(self, coefficient=self.coefficient * (1 + error * replies / self.horizon))


# PPO


def last_tokens(mask: Tensor) -> Tensor:
    """The place of each row's last valid token, (rows,). mask: (rows, time), bool, with one in each row at least."""
    return mask.long().cumsum(-1).argmax(-1)


def token_rewards(logprobs: Tensor, reference: Tensor, scores: Tensor, mask: Tensor, coefficient: float) -> Tensor:
    """r_t = − β (log π − log π_ref), and the score on top at the reply's last token; 0 where the mask is (replies,
    time).

    logprobs, reference, mask: (replies, time). scores: (replies,) (Stiennon et al. 2020; arXiv 2403.17031).
    """
    rewards = -coefficient * kl_k1(logprobs, reference) * mask
    last = last_tokens(mask).unsqueeze(-1)
    return rewards.scatter_add(-1, last, scores.unsqueeze(-1).to(rewards.dtype))


def whiten(values: Tensor, mask: Tensor, keep_mean: bool = False) -> Tensor:
    """The valid values with variance 1 and mean 0, or with their own mean; 0 elsewhere. values, mask: of one shape."""
    valid = values[mask]
    mean = valid.mean()
    variance = valid.var() if valid.numel() > 1 else torch.zeros_like(mean)
    white = (values - mean) * torch.rsqrt(variance + WHITE)
    return torch.where(mask, white + mean if keep_mean else white, 0.0)


def gae(
    rewards: Tensor, values: Tensor, mask: Tensor, discount: float = 1.0, decay: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Advantages Σ_k (γλ)^k δ_{t+k} with δ_t = r_t + γ V_{t+1} − V_t, and returns A + V; both (replies, time), 0 where
    the mask is.

    rewards, values: (replies, time). mask: true at the tokens of the reply, which are one run. After the last token V
    is 0, whether it is the end token or the reply was cut (Schulman et al. 2016, eq. 16). discount: γ. decay: λ.
    """
    values = values * mask
    advantages = torch.zeros_like(rewards)
    coming = following = torch.zeros_like(rewards[:, 0])  # A and V of the token after
    for time in reversed(range(rewards.shape[1])):
        valid = mask[:, time]
        delta = rewards[:, time] + discount * following - values[:, time]
        coming = torch.where(valid, delta + discount * decay * coming, 0.0)
        following = values[:, time]
        advantages[:, time] = coming
    return advantages, (advantages + values) * mask


def clipped_gain(logprobs: Tensor, old: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """min(ρ A, clip(ρ, 1 ± ε) A) with ρ = π / π_old, in the shape given (Schulman et al. 2017, eq. 7)."""
    ratio = torch.exp(logprobs - old)
    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)


def clipped_share(logprobs: Tensor, old: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """The share of tokens at which the clipping takes the gradient away, a scalar."""
    ratio = torch.exp(logprobs - old)
    above, below = (ratio > 1 + clip) & (advantages > 0), (ratio < 1 - clip) & (advantages < 0)
    return (above | below).float().mean()


def ppo_policy_loss(logprobs: Tensor, old: Tensor, advantages: Tensor, total: float, clip: float = 0.2) -> Tensor:
    """− Σ_t min(ρ_t A_t, clip(ρ_t, 1 ± ε) A_t) / total, a scalar (Schulman et al. 2017, eq. 7).

    logprobs, old, advantages: (N,), at the tokens of replies. total: such tokens in the whole batch. clip: ε.
    """
    return -clipped_gain(logprobs, old, advantages, clip).sum() / max(total, 1)


def ppo_value_loss(values: Tensor, old: Tensor, returns: Tensor, total: float, clip: float = 0.2) -> Tensor:
    """½ Σ_t max((V − R)², (clip(V, V_old ± ε) − R)²) / total, a scalar (arXiv 2403.17031).

    values, old, returns: (N,), at the tokens of replies; returns from advantages that are not whitened.
    """
    clipped = torch.clamp(values, old - clip, old + clip)
    return torch.maximum((values - returns) ** 2, (clipped - returns) ** 2).sum() / (2 * max(total, 1))


# DPO


def dpo_margins(
    chosen: Tensor, rejected: Tensor, beta: float, longer: Tensor | float = 0.0, omega: float = 0.0
) -> Tensor:
    """m = ω (|a_w| − |a_l|) + β (h_w − h_l) of each pair, (pairs,).

    chosen, rejected: (pairs,), h = log π − log π_ref of a reply, summed over its tokens. longer: (pairs,), by how many
    tokens the chosen one is longer. ω = 0 is DPO (arXiv 2305.18290, eq. 7); ω > 0 is R-DPO's term against length, as in
    DPO-COV (arXiv 2510.05526).
    """
    return omega * longer + beta * (chosen - rejected)


def dpo_loss(margins: Tensor, smoothing: Tensor | float = 0.0) -> Tensor:
    """− (1 − ε) log σ(m) − ε log σ(− m) of each pair, (pairs,).

    ε = 0 is DPO (arXiv 2305.18290, eq. 7). smoothing: ε of conservative DPO, how likely it is that a pair is turned
    round, a number or (pairs,) (E. Mitchell, A note on DPO with noisy preferences, 2023).
    """
    return -(1 - smoothing) * logsigmoid(margins) - smoothing * logsigmoid(-margins)


def dpo_cov_noise(margins: Tensor, slope: Tensor | float) -> Tensor:
    """y ξ = max(0, log(1/λ − 1) − m) for λ < 1, else 0; (pairs,), without gradient (arXiv 2510.05526, eq. 17).

    slope: λ > 0, a number or (pairs,).
    """
    slope = torch.as_tensor(slope, dtype=margins.dtype, device=margins.device)
    least = torch.log(1 / slope - 1)  # not a number where λ > 1, and then not taken
    return torch.where(slope < 1, (least - margins.detach()).clamp(min=0), 0.0)


def dpo_cov_loss(
    margins: Tensor, favoured: Tensor, beta: float, slope: Tensor | float = 0.7, pessimism: float = 0.0
) -> Tensor:
    """λ |ξ| − β η log π(a_w) − log σ(m + y ξ) of each pair, (pairs,) (arXiv 2510.05526, eq. 19).

    margins: (pairs,), of `dpo_margins` with ω. favoured: (pairs,), log π of the chosen reply, summed over its tokens.
    slope: λ, the most that a pair can pull; 1 or more is the loss without noise. pessimism: η. λ ≥ 1 and η = ω = 0 is
    DPO, λ < 1 alone robust DPO, η alone RPO, ω alone R-DPO. The online form (eq. 25) has −η, and as favoured log π of
    a sample of the reference.
    """
    slope = torch.as_tensor(slope, dtype=margins.dtype, device=margins.device)
    noise = dpo_cov_noise(margins, slope)
    # ξ is where the inner minimum is, so that by the envelope theorem nothing flows through it. Where ξ > 0, σ(m + ξ)
    # stands still at 1 − λ, and the gradient to m is −λ: what log σ gives with ξ held fast.
    return slope * noise - beta * pessimism * favoured - logsigmoid(margins + noise)


# GRPO

Normaliser = Literal["reply", "batch", "constant"]
"""What a token's loss is divided by: replies × the reply's length (GRPO), all tokens (DAPO), replies × a constant
length (Dr. GRPO)."""


def grpo_advantages(rewards: Tensor, scale: bool = True) -> Tensor:
    """A = (r − mean) / (std + 1e-4) within each prompt's replies, (prompts, replies) (arXiv 2402.03300, §4.1.2).

    rewards: (prompts, replies), two replies or more. Equal rewards give 0. scale: divide at all; Dr. GRPO does not
    (arXiv 2503.20783).
    """
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, keepdim=True) + EVEN) if scale else centred


def equal_groups(rewards: Tensor) -> Tensor:
    """The share of prompts whose replies all have one reward, and so teach nothing; a scalar. rewards: (prompts,
    replies)."""
    return (rewards == rewards[:, :1]).all(dim=1).float().mean()


def grpo_weights(lengths: Tensor, by: Normaliser, constant: int | None = None) -> Tensor:
    """What each token of a reply weighs, (replies,), so that the weighted sum over all tokens is the loss.

    lengths: (replies,), tokens of each reply of the whole batch. by `reply`: 1 / (replies · |o_i|), arXiv 2402.03300
    eq. 3; by `batch`: 1 / Σ|o_i|, DAPO, arXiv 2503.14476 eq. 8; by `constant`: 1 / (replies · constant), Dr. GRPO,
    arXiv 2503.20783.
    """
    lengths = lengths.float()
    match by:
        case "reply":
            return 1 / (len(lengths) * lengths.clamp(min=1))
        case "batch":
            return torch.full_like(lengths, 1 / max(float(lengths.sum()), 1))
        case "constant":
            assert constant, "the length to divide by"
            return torch.full_like(lengths, 1 / (len(lengths) * constant))


def grpo_loss(
    logprobs: Tensor,
    old: Tensor,
    advantages: Tensor,
    weights: Tensor,
    clip: float = 0.2,
    reference: Tensor | None = None,
    beta: float = 0.0,
) -> Tensor:
    """− Σ_t w_t [min(ρ_t A_t, clip(ρ_t, 1 ± ε) A_t) − β k3_t], a scalar (arXiv 2402.03300, eq. 3 and 4).

    logprobs, old, advantages, weights: (N,), at the tokens of replies, each with the advantage of its reply and the
    weight of `grpo_weights`. reference: (N,), log π_ref, needed where β is not 0.
    """
    gains = clipped_gain(logprobs, old, advantages, clip)
    if beta:
        assert reference is not None, "β without a reference"
        gains = gains - beta * kl_k3(logprobs, reference)
    return -(weights * gains).sum()


# Groups


def group_weights(weights: Tensor, losses: Tensor, step: float) -> Tensor:
    """w_g ← w_g exp(step · L_g) / Z: groups that fare badly weigh more, (groups,) (Sagawa et al. 2020, algorithm 1).

    weights, losses: (groups,), of languages or domains. The loss to minimise is Σ_g w_g L_g.
    """
    return torch.softmax(weights.log() + step * losses.detach(), dim=0)
