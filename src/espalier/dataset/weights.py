"""What each reviewer's votes count, in a file of JSON lines; and trees again as their votes say, so weighted.

    {"reviewer": "…", "weight": 0.93, "labels": {"votes": 70, "accuracy": 0.81, "reliability": 0.62, "low": 0.5,
     "high": 0.75, "weight": 0.93}, "rankings": null}

Only `reviewer` and `weight` are read. Knows votes and trees; does not know how weights come about.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from espalier.dataset.findings import Report, ignore
from espalier.dataset.read import values
from espalier.dataset.records import (
    LabelMean,
    Malformed,
    MessageRecord,
    TreeRecord,
    VoteKind,
    VoteRecord,
    Votes,
    date_of,
)
from espalier.dataset.trees import map_messages
from espalier.dataset.write import write_objects
from espalier.domain.policy import Policy
from espalier.domain.ranking import Candidate, consensus
from espalier.domain.weight import PARTS

if TYPE_CHECKING:
    from espalier.dataset.reliability import Reviewer

_UNKNOWN: Final = datetime.min.replace(tzinfo=UTC)


def write_weights(path: Path, every: "Iterable[Reviewer]") -> int:
    """A line for each reviewer; returns how many."""
    return write_objects(
        path,
        (
            {
                "reviewer": each.reviewer,
                "weight": each.weight,
                "labels": asdict(each.labels) if each.labels else None,
                "rankings": asdict(each.rankings) if each.rankings else None,
            }
            for each in every
        ),
    )


def read_weights(path: Path, report: Report = ignore) -> dict[str, float]:
    """The weight of each reviewer, from 0 to 1; a line that says none is reported and skipped."""
    return dict(values(path, report, lambda given, _: _weight(given)))


def _weight(given: Mapping[str, Any]) -> tuple[str, float]:
    reviewer, weight = given.get("reviewer"), given.get("weight")
    if reviewer is None or weight is None:
        raise Malformed("$.reviewer" if reviewer is None else "$.weight", "is missing", missing=True)
    if not isinstance(reviewer, str):
        raise Malformed("$.reviewer", "must be a text")
    if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 <= weight <= 1:
        raise Malformed("$.weight", "must be a number from 0 to 1")
    return reviewer, float(weight)


def weighted(
    trees: Iterable[TreeRecord], votes: Votes, weights: Mapping[str, float], policy: Policy | None = None
) -> Iterator[TreeRecord]:
    """Trees whose means, acceptance and ranks follow from their votes, each counted as much as its reviewer.

    A reviewer of whom `weights` says nothing counts 1. A label mean is the weighted one, its count stays that of the
    answers. Who was accepted or refused is so again by 1 - (mean spam + mean lang_mismatch) against the thresholds of
    the policy (by default the default one). Ranks are the ranked pairs of the weighted orders. What nobody with any
    weight has judged stays as it is.
    """
    rules = policy or Policy()
    for tree in trees:
        yield map_messages(tree, lambda message: _again(message, votes, weights, rules))


def _again(message: MessageRecord, votes: Votes, weights: Mapping[str, float], policy: Policy) -> MessageRecord:
    replies = _ranked(message.message_id, message.replies, votes, weights)
    return replace(_labelled(message, votes, weights, policy), replies=tuple(replies))


def _labelled(message: MessageRecord, votes: Votes, weights: Mapping[str, float], policy: Policy) -> MessageRecord:
    said: dict[str, list[tuple[float, float]]] = defaultdict(list)
    mismatches: list[tuple[float, float]] = []  # who says nothing of it says that there is none, as domain/review.py
    for vote in votes.get(message.message_id, ()):
        if vote.kind == VoteKind.LABELS and isinstance(vote.value, dict):
            weight = _of(vote, weights)
            mismatches.append((vote.value.get("lang_mismatch") or 0.0, weight))
            for label, value in vote.value.items():
                if isinstance(value, int | float):
                    said[label].append((float(value), weight))
    means = {
        label: LabelMean(value=mean, count=len(given))
        for label, given in said.items()
        if (mean := _mean(given)) is not None
    }
    if not means:
        return message
    accepted = message.review_result
    if accepted is not None and "spam" in means:
        threshold = (
            policy.acceptance_threshold_initial_prompt
            if message.parent_id is None
            else policy.acceptance_threshold_reply
        )
        accepted = round(1.0 - means["spam"]["value"] - (_mean(mismatches) or 0.0), 9) > threshold
    return replace(message, labels={**(message.labels or {}), **means}, review_result=accepted)


def _mean(given: Sequence[tuple[float, float]]) -> float | None:
    total = fsum(weight for _, weight in given)
    return fsum(value * weight for value, weight in given) / total if total > 0 else None


def _ranked(
    parent: str, replies: Sequence[MessageRecord], votes: Votes, weights: Mapping[str, float]
) -> Sequence[MessageRecord]:
    ballots = [
        (tuple(tuple(group) for group in vote.value), round(_of(vote, weights) * PARTS))
        for vote in votes.get(parent, ())
        if vote.kind == VoteKind.RANKING and isinstance(vote.value, list)
    ]
    ranked = [reply for reply in replies if reply.rank is not None]
    ranks = consensus([Candidate(reply.message_id, _when(reply)) for reply in ranked], ballots)
    if not ranks or len(ranks) < len(ranked):
        return replies
    made = [replace(reply, rank=ranks.get(reply.message_id)) for reply in replies]
    return sorted(made, key=lambda reply: (reply.rank is None, reply.rank or 0))


def _of(vote: VoteRecord, weights: Mapping[str, float]) -> float:
    return 1.0 if vote.voter is None else weights.get(vote.voter, 1.0)


def _when(message: MessageRecord) -> datetime:
    try:
        return date_of(message.created_date or "")
    except ValueError:
        return _UNKNOWN
