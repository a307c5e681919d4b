"""Acceptance: from the reviews of a message to accepted, refused or undecided.

Knows one message and the policy; does not know its tree.
"""

from math import fsum

from espalier.domain.message import Message
from espalier.domain.policy import Policy
from espalier.domain.weight import weight_of


def label_means(message: Message) -> dict[str, tuple[float, int]]:
    """Mean and number of answers per label over counted reviews and the imported baseline; unanswered labels absent."""
    values: dict[str, list[float]] = {}
    for review in message.reviews:
        if review.counted:
            for name, value in review.labels.items():
                if value is not None:
                    values.setdefault(name, []).append(value)
    baseline = message.baseline.labels if message.baseline else {}
    means = {name: mean for name, mean in baseline.items() if name not in values}
    for name, given in values.items():
        mean, count = baseline.get(name, (0.0, 0))
        total = count + len(given)
        means[name] = (fsum([mean * count, *given]) / total, total)
    return means


def score(message: Message, policy: Policy) -> float:
    """1 − (mean `spam` + mean `lang_mismatch`), in [−1, 1]; each answer counts as much as the policy says.

    The mean of `spam` is over those who answered it; a review without `lang_mismatch` counts as 0 for it. What a file
    brought counts in full.
    """
    spam: list[float] = []
    mismatch: list[float] = []
    spam_counts: list[float] = []
    mismatch_counts: list[float] = []
    for review in message.reviews:
        if review.counted:
            weight = weight_of(review, policy)
            if (answer := review.labels.get("spam")) is not None:
                spam.append(weight * answer)
                spam_counts.append(weight)
            mismatch.append(weight * (review.labels.get("lang_mismatch") or 0.0))
            mismatch_counts.append(weight)
    if message.baseline:
        mean, count = message.baseline.labels.get("spam", (0.0, 0))
        spam.append(mean * count)
        spam_counts.append(count)
        mean, count = message.baseline.labels.get("lang_mismatch", (0.0, 0))
        mismatch.append(mean * count)
        # A file may name more answers than reviews: the original took labels without a review as well.
        mismatch_counts.append(max(count, message.baseline.review_count))
    return 1.0 - (_mean(spam, spam_counts) + _mean(mismatch, mismatch_counts))


def _mean(values: list[float], counts: list[float]) -> float:
    """Of sums over their counts; 0 where there is nothing. In whichever order they come, it is the same."""
    total = fsum(counts)
    return fsum(values) / total if total else 0.0


def required_reviews(message: Message, policy: Policy) -> int:
    return policy.num_reviews_initial_prompt if message.parent_id is None else policy.num_reviews_reply


def verdict(message: Message, policy: Policy) -> bool | None:
    """Whether its reviews accept the message; None while there are too few of them."""
    if message.review_count < required_reviews(message, policy):
        return None
    root = message.parent_id is None
    threshold = policy.acceptance_threshold_initial_prompt if root else policy.acceptance_threshold_reply
    # Rounded, because three answers of 0.4 must mean exactly 0.6, not 0.6000000000000001.
    return round(score(message, policy), 9) > threshold
