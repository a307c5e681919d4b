"""What a vote counts: all alike, or as far as its reviewer can be relied upon, as the policy says.

Knows one vote and the policy; how reliable somebody is was estimated elsewhere, and stands in the vote.
"""

from typing import Final

from espalier.domain.message import Ranking, Review
from espalier.domain.policy import Policy

PARTS: Final = 1000
"""Orders are counted in whole numbers, so that no order of the votes changes a rank: a full vote has so many parts."""


def weight_of(vote: Review | Ranking, policy: Policy) -> float:
    """From the policy's `least_reviewer_weight` to 1."""
    return max(vote.weight, policy.least_reviewer_weight)


def parts_of(vote: Review | Ranking, policy: Policy) -> int:
    """The same in whole parts of PARTS."""
    return round(weight_of(vote, policy) * PARTS)
