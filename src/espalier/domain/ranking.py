"""One order out of many ballots: ranked pairs (Tideman 1987) with ties and ballots that hold only some replies.

Knows ids, dates and ballots; does not know trees, people or when an order is wanted. All arithmetic is in whole
numbers, so the result cannot depend on the order in which votes arrive.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from math import erfc, lcm, sqrt

from espalier.domain.message import Ballot

AGREES_ABOVE = 0.5  # Kendall's tau-b between a ballot and the final ranks
MOST_PERMUTED = 7  # replies, of which all orders are counted


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reply that may be ranked; `at` decides between replies that the ballots do not tell apart."""

    id: str
    at: datetime


def consensus(candidates: Collection[Candidate], ballots: Iterable[tuple[Ballot, int]]) -> dict[str, int]:
    """Rank, 0 best, of each candidate that some ballot compares; the others are absent.

    ballots: each with how often it counts (an imported order counts as several). What is not a candidate is dropped
    from a ballot, whose other replies close up. A ballot left with fewer than two replies compares nothing and
    counts for nothing, also not for a mean position; a tie of two does compare them.
    """
    held = _held(candidates, ballots)
    if not held:
        return {}
    order = _by_key(candidates, held)
    margins = _margins(order, held)
    return {order[place]: rank for rank, place in enumerate(_locked_order(margins))}


Held = list[tuple[list[str], list[list[str]], int]]


def _held(candidates: Collection[Candidate], ballots: Iterable[tuple[Ballot, int]]) -> Held:
    """Per ballot that compares something: its replies, the same in groups, and how often it counts."""
    known = {candidate.id for candidate in candidates}
    held = []
    for ballot, times in ballots:
        groups = [kept for group in ballot if (kept := [reply for reply in group if reply in known])]
        replies = [reply for group in groups for reply in group]
        if len(replies) >= 2 and times > 0:
            held.append((replies, groups, times))
    return held


def _by_key(candidates: Collection[Candidate], held: Held) -> list[str]:
    """The compared replies by (mean position over the ballots that hold them, date, id), best first.

    The position is 0 for the best of a ballot and 1 for its worst; a group of ties shares the mean of its places.
    Twice the place is whole, and so is everything after multiplying with the common denominators.
    """
    scale = lcm(*{len(replies) - 1 for replies, _, _ in held})
    total: dict[str, int] = {}
    count: dict[str, int] = {}
    for replies, groups, times in held:
        step = times * (scale // (len(replies) - 1))
        place = 0
        for group in groups:
            twice = 2 * place + len(group) - 1
            place += len(group)
            for reply in group:
                total[reply] = total.get(reply, 0) + twice * step
                count[reply] = count.get(reply, 0) + times
    common = lcm(*set(count.values()))
    keys = [(total[c.id] * (common // count[c.id]), c.at, c.id) for c in candidates if c.id in count]
    return [reply for _, _, reply in sorted(keys)]


def _margins(order: list[str], held: Held) -> list[list[int]]:
    """margins[i][j]: how many more voters prefer order[i] to order[j] than the other way round."""
    place = {reply: i for i, reply in enumerate(order)}
    margins = [[0] * len(order) for _ in order]
    for _, groups, times in held:
        worse = [place[reply] for reply in groups[-1]]
        for group in groups[-2::-1]:
            better = [place[reply] for reply in group]
            for i in better:
                for j in worse:
                    margins[i][j] += times
                    margins[j][i] -= times
            worse += better
    return margins


def _locked_order(margins: list[list[int]]) -> list[int]:
    """Lock the majorities, strongest first, unless one closes a cycle; then emit again and again who is unbeaten.

    Candidates are numbered by their key, so a smaller number wins where the ballots leave a choice.
    """
    size = len(margins)
    majorities = sorted((-margins[i][j], i, j) for i in range(size) for j in range(size) if margins[i][j] > 0)
    above = [1 << i for i in range(size)]  # bit i of above[j]: i is j, or a path of locked pairs leads from i to j
    for _, winner, loser in majorities:
        if above[winner] >> loser & 1:
            continue
        paths = above[winner]
        for j in range(size):
            if above[j] >> loser & 1:
                above[j] |= paths
    result: list[int] = []
    remaining = (1 << size) - 1
    while remaining:
        best = next(i for i in range(size) if above[i] & remaining == 1 << i)
        remaining ^= 1 << best
        result.append(best)
    return result


def kendall_tau_b(ballot: Ballot, ranks: Mapping[str, int]) -> float | None:
    """Agreement of a ballot with ranks over the replies that both hold, from -1 to 1 (Kendall 1945).

    (concordant - discordant) / sqrt(pairs that the ballot tells apart x pairs that the ranks tell apart).
    None where either tells no pair apart.
    """
    held = [(place, ranks[reply]) for place, group in enumerate(ballot) for reply in group if reply in ranks]
    balance = told_by_ballot = told_by_ranks = 0
    for i, (place, rank) in enumerate(held):
        for other_place, other_rank in held[:i]:
            by_ballot = (place > other_place) - (place < other_place)
            by_ranks = (rank > other_rank) - (rank < other_rank)
            balance += by_ballot * by_ranks
            told_by_ballot += by_ballot != 0
            told_by_ranks += by_ranks != 0
    if not told_by_ballot or not told_by_ranks:
        return None
    return balance / sqrt(told_by_ballot * told_by_ranks)


def tau_p_value(ballot: Ballot, ranks: Mapping[str, int]) -> float | None:
    """How likely a tau-b at least as far from 0 is where the ranks fall by chance: all their permutations for up to
    seven replies, beyond that the normal approximation (Kendall 1970). None where there is no tau-b.
    """
    tau = kendall_tau_b(ballot, ranks)
    if tau is None:
        return None
    held = [reply for group in ballot for reply in group if reply in ranks]
    number = len(held)
    if number > MOST_PERMUTED:
        return erfc(abs(tau) * 3 * sqrt(number * (number - 1)) / sqrt(2 * (2 * number + 5)) / sqrt(2))
    as_far = total = 0
    for drawn in permutations(ranks[reply] for reply in held):
        by_chance = kendall_tau_b(ballot, dict(zip(held, drawn, strict=True)))
        as_far += by_chance is not None and abs(by_chance) >= abs(tau) - 1e-9
        total += 1
    return as_far / total


def agrees(ballot: Ballot, ranks: Mapping[str, int]) -> bool:
    """Whether a ballot agrees with the final ranks: tau-b above one half; a ballot that orders nothing does not."""
    tau = kendall_tau_b(ballot, ranks)
    return tau is not None and tau > AGREES_ABOVE
