"""The consensus of rankings: known elections, the predecessor's cases, and the laws that hold for any ballots."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import combinations, permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain.message import Ballot
from espalier.domain.ranking import Candidate, agrees, consensus, kendall_tau_b, tau_p_value

NOON = datetime(2023, 4, 12, 12, tzinfo=UTC)


def candidates(ids: Iterable[str]) -> list[Candidate]:
    return [Candidate(reply, NOON) for reply in ids]


def ballot(spelled: str) -> Ballot:
    """`a=bc`: a and b tied, c behind them."""
    groups: list[tuple[str, ...]] = []
    tied = False
    for letter in spelled:
        if letter == "=":
            tied = True
        elif tied:
            groups[-1] += (letter,)
            tied = False
        else:
            groups.append((letter,))
    return tuple(groups)


def order(votes: str, among: str | None = None) -> str:
    """`3 abc, 2 bca` -> the consensus, best first."""
    ballots = []
    for vote in votes.split(","):
        *times, letters = vote.split()
        ballots.append((ballot(letters), int(times[0]) if times else 1))
    ids = among if among is not None else "".join(sorted({reply for b, _ in ballots for group in b for reply in group}))
    ranks = consensus(candidates(ids), ballots)
    assert sorted(ranks.values()) == list(range(len(ranks)))
    return "".join(sorted(ranks, key=ranks.__getitem__))


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        pytest.param("42 MNCK, 26 NCKM, 15 CKNM, 17 KCNM", "NCKM", id="the capital of Tennessee"),
        pytest.param("7 wxzy, 2 wyxz, 4 xyzw, 5 xzwy, 1 ywxz, 8 yzwx", "wxyz", id="a majority that closes a cycle"),
        pytest.param("4 abc, 3 bca, 2 cab", "abc", id="the weakest of a cycle yields"),
        pytest.param("3 wxzy, 2 wyxz, 4 xyzw, 5 xzwy, 1 ywxz", "xzwy", id="R1"),
        pytest.param("1 wxzy, 2 wyxz, 5 xzwy, 1 ywxz", "xzwy", id="R2"),
        pytest.param("cde, ecd, dce, ecd", "ced", id="R3"),
        pytest.param("ab, ba", "ab", id="R4"),
        pytest.param("ba, ab", "ab", id="R4, arriving the other way round"),
        pytest.param("ba", "ba", id="R5"),
        pytest.param("cab", "cab", id="R6"),
        pytest.param("abc, bca, cab", "abc", id="R7"),
        pytest.param("abc, abc, cba", "abc", id="R8"),
        pytest.param("201, 210, 021", "201", id="R9"),
        pytest.param("abcd, dcba", "abcd", id="R10"),
        pytest.param("abc, bac", "abc", id="R11"),
        pytest.param("abc, acb", "abc", id="R12"),
        pytest.param("3 abc, 2 bca, 2 cab", "abc", id="R13"),
        pytest.param("abc, abc, ac", "abc", id="R14"),
        pytest.param("5 dacb", "dacb", id="all alike"),
    ],
)
def test_known_elections_end_as_they_should(votes: str, expected: str) -> None:
    assert order(votes) == expected


def test_the_ids_of_the_third_case_decide_as_in_the_original() -> None:
    c, d, e = "c5181083", "dcf3d179", "d11705af"
    votes = [(((x,), (y,), (z,)), 1) for x, y, z in [(c, d, e), (e, c, d), (d, c, e), (e, c, d)]]
    assert consensus(candidates([c, d, e]), votes) == {c: 0, e: 1, d: 2}


def test_ballots_without_two_replies_of_the_campaign_rank_nothing() -> None:
    assert order("ax, bx, x", among="ab") == ""
    assert order("a", among="ab") == ""
    assert consensus([], [(ballot("ab"), 3)]) == {}
    assert consensus(candidates("ab"), []) == {}
    assert consensus(candidates("ab"), [((), 1)]) == {}


def test_a_deleted_reply_closes_up_and_has_no_rank() -> None:
    """R17: two voters ordered three replies, one was deleted, the third ordered what was left."""
    assert order("2 xyz, xz", among="xz") == "xz"


def test_a_reply_that_nobody_compared_has_no_rank_and_a_tie_compares() -> None:
    assert order("ab, c", among="abc") == "ab"
    assert order("a=b", among="ab") == "ab"
    assert order("b=a, a=b", among="ab") == "ab"


def test_a_ballot_of_one_reply_does_not_move_its_mean_position() -> None:
    assert order("ab, ba, 5 b, 2 a", among="ab") == "ab"


def test_pairs_that_only_some_voters_saw_count() -> None:
    assert order("ab, bc, cd") == "abcd"
    assert order("2 ba, cb") == "cba"


def test_a_tie_counts_for_neither_side() -> None:
    assert order("a=bc, ba=c") == "bac"
    assert order("a=b=c, cab") == "cab"


def test_where_the_ballots_leave_a_choice_the_better_mean_position_then_the_older_then_the_smaller_id_wins() -> None:
    assert order("bcda, abcd, 1 cdab, 1 dabc") == "abcd"
    votes = [(ballot("ab"), 1), (ballot("ba"), 1)]
    older = [Candidate("a", NOON), Candidate("b", NOON - timedelta(seconds=1))]
    assert consensus(older, votes) == {"b": 0, "a": 1}
    # Of a and b, and of b and c, as many prefer the one as the other; the means of a, b, c are 2/3, 1/2, 1/3.
    assert order("ab, ba, bc, cb, da, cd") == "cbda"


def test_an_imported_order_counts_as_so_many_ballots() -> None:
    assert order("3 ab, 2 ba") == "ab"
    assert order("3 ab, 4 ba") == "ba"
    assert order("3 ab, ba, ba, ba, ba") == "ba"


# --- laws ---


def tied(ids: list[str], cuts: list[bool]) -> Ballot:
    groups: list[tuple[str, ...]] = [(ids[0],)]
    for reply, cut in zip(ids[1:], cuts, strict=False):
        if cut:
            groups.append((reply,))
        else:
            groups[-1] += (reply,)
    return tuple(groups)


def complete(ids: str, ties: bool) -> st.SearchStrategy[Ballot]:
    cuts = st.lists(st.booleans() if ties else st.just(True), min_size=len(ids), max_size=len(ids))
    return st.builds(tied, st.permutations(list(ids)), cuts)


def partial(ids: str) -> st.SearchStrategy[Ballot]:
    held = st.lists(st.sampled_from(ids), unique=True, min_size=1)
    return held.flatmap(lambda some: complete("".join(some), ties=True))


IDS = st.integers(1, 5).map(lambda size: "abcde"[:size])
ANY = IDS.flatmap(lambda ids: st.lists(st.tuples(partial(ids), st.integers(1, 4)), max_size=6))
DATES = st.lists(st.integers(0, 3), min_size=5, max_size=5)


def dated(days: list[int]) -> list[Candidate]:
    return [Candidate(reply, NOON + timedelta(days=day)) for reply, day in zip("abcde", days, strict=True)]


def by_the_book(options: list[Candidate], votes: list[tuple[Ballot, int]]) -> dict[str, int]:
    """The rule as the specification words it, step by step, with fractions and paths searched anew each time."""
    single = [b for b, times in votes for _ in range(times)]
    ids = {c.id for c in options}
    ballots = [[[r for r in group if r in ids] for group in b] for b in single]
    ballots = [[group for group in b if group] for b in ballots]
    ballots = [b for b in ballots if sum(map(len, b)) >= 2]
    positions: dict[str, list[Fraction]] = {}
    for b in ballots:
        flat = [reply for group in b for reply in group]
        for group in b:
            places = [flat.index(reply) for reply in group]
            for reply in group:
                mean = Fraction(sum(places), len(places))
                positions.setdefault(reply, []).append(mean / (len(flat) - 1))
    key = {c.id: (sum(positions[c.id]) / len(positions[c.id]), c.at, c.id) for c in options if c.id in positions}

    def prefers(b: list[list[str]], x: str, y: str) -> bool:
        at = {reply: i for i, group in enumerate(b) for reply in group}
        return x in at and y in at and at[x] < at[y]

    majorities = []
    for x, y in permutations(key, 2):
        margin = sum(prefers(b, x, y) for b in ballots) - sum(prefers(b, y, x) for b in ballots)
        if margin > 0:
            majorities.append((-margin, key[x], key[y], x, y))
    locked: set[tuple[str, str]] = set()

    def leads(x: str, y: str) -> bool:
        return (x, y) in locked or any(leads(b, y) for a, b in locked if a == x)

    for *_, x, y in sorted(majorities):
        if not leads(y, x):
            locked.add((x, y))
    left, result = set(key), []
    while left:
        unbeaten = [x for x in left if not any((y, x) in locked for y in left)]
        result.append(min(unbeaten, key=key.__getitem__))
        left.remove(result[-1])
    return {reply: rank for rank, reply in enumerate(result)}


@given(ANY, DATES, st.sets(st.sampled_from("abcde")))
def test_the_result_is_the_rule_of_the_book(
    votes: list[tuple[Ballot, int]], days: list[int], deleted: set[str]
) -> None:
    options = [c for c in dated(days) if c.id not in deleted]
    assert consensus(options, votes) == by_the_book(options, votes)


@given(ANY, DATES, st.randoms(use_true_random=False))
def test_neither_the_order_of_ballots_nor_of_replies_matters(votes, days, chance) -> None:  # type: ignore[no-untyped-def]
    options = dated(days)
    ranks = consensus(options, votes)
    assert sorted(ranks.values()) == list(range(len(ranks)))
    shuffled = [(tuple(tuple(chance.sample(g, len(g))) for g in b), 1) for b, times in votes for _ in range(times)]
    chance.shuffle(shuffled)
    chance.shuffle(options)
    assert consensus(options, shuffled) == ranks


@given(IDS.flatmap(lambda ids: st.lists(complete(ids, ties=True), min_size=1, max_size=6)))
def test_what_all_voters_prefer_is_ranked_before(votes: list[Ballot]) -> None:
    ranks = consensus(candidates("abcde"), [(b, 1) for b in votes])
    at = [{reply: i for i, group in enumerate(b) for reply in group} for b in votes]
    for x, y in permutations(ranks, 2):
        if all(places[x] < places[y] for places in at):
            assert ranks[x] < ranks[y]


@given(st.lists(complete("abcd", ties=True), min_size=1, max_size=7), DATES)
def test_who_beats_everybody_is_first_and_who_loses_to_everybody_last(votes: list[Ballot], days: list[int]) -> None:
    ranks = consensus(dated(days), [(b, 1) for b in votes])
    margins = margins_of(votes, "abcd")
    for x in "abcd":
        if all(margins[x, y] > 0 for y in "abcd" if y != x):
            assert ranks[x] == 0
        if all(margins[x, y] < 0 for y in "abcd" if y != x):
            assert ranks[x] == 3


def margins_of(votes: list[Ballot], ids: str) -> dict[tuple[str, str], int]:
    at = [{reply: i for i, group in enumerate(b) for reply in group} for b in votes]
    return {(x, y): sum((a[x] < a[y]) - (a[y] < a[x]) for a in at) for x, y in permutations(ids, 2)}


def decided(pairs: list[tuple[str, str]], flips: list[bool]) -> list[Ballot]:
    """An electorate in which no two margins are equal and none is 0: of pairs[k], the winner has a margin of 2(k+1).

    Two ballots that agree on one pair only make its margin (McGarvey 1953), so any tournament can come out.
    """
    votes: list[Ballot] = []
    for k, (pair, flip) in enumerate(zip(pairs, flips, strict=True)):
        winner, loser = pair[::-1] if flip else pair
        rest = [reply for reply in "abcd" if reply not in pair]
        one, two = [winner, loser, *rest], [*rest[::-1], winner, loser]
        votes += [tuple((reply,) for reply in vote) for vote in (one, two)] * (k + 1)
    return votes


PAIRS = list(combinations("abcd", 2))
ELECTORATE = st.builds(decided, st.permutations(PAIRS), st.lists(st.booleans(), min_size=6, max_size=6))


@given(ELECTORATE, DATES)
def test_reversed_votes_reverse_a_decided_result(votes: list[Ballot], days: list[int]) -> None:
    margins = margins_of(votes, "abcd")
    assert sorted(abs(margins[pair]) for pair in PAIRS) == [2, 4, 6, 8, 10, 12]
    ranks = consensus(dated(days), [(b, 1) for b in votes])
    reversed_ranks = consensus(dated(days), [(b[::-1], 1) for b in votes])
    assert reversed_ranks == {reply: 3 - rank for reply, rank in ranks.items()}


@given(ELECTORATE, DATES)
def test_a_voter_who_agrees_changes_nothing(votes: list[Ballot], days: list[int]) -> None:
    ranks = consensus(dated(days), [(b, 1) for b in votes])
    agreeing = tuple((reply,) for reply in sorted(ranks, key=ranks.__getitem__))
    assert consensus(dated(days), [*((b, 1) for b in votes), (agreeing, 1)]) == ranks


@given(ELECTORATE, st.sampled_from("abcd"), st.lists(st.booleans(), min_size=42, max_size=42), DATES)
def test_a_clone_does_not_change_who_wins(votes: list[Ballot], cloned: str, above: list[bool], days: list[int]) -> None:
    ranks = consensus(dated(days), [(b, 1) for b in votes])
    winner = min(ranks, key=ranks.__getitem__)
    with_clone: list[tuple[Ballot, int]] = []
    for vote, first in zip(votes, above, strict=True):
        pair = (("e",), (cloned,)) if first else ((cloned,), ("e",))
        with_clone.append((tuple(g for group in vote for g in (pair if group == (cloned,) else (group,))), 1))
    ranks = consensus(dated(days), with_clone)
    now = min(ranks, key=ranks.__getitem__)
    assert (cloned if now == "e" else now) == winner


# --- agreement of one ballot with the ranks ---


@pytest.mark.parametrize(
    ("vote", "ranked", "tau", "good"),
    [
        ("abc", "abc", 1.0, True),
        ("cba", "abc", -1.0, False),
        ("acb", "abc", 1 / 3, False),
        ("abdc", "abcd", 4 / 6, True),
        ("badc", "abcd", 2 / 6, False),
        ("a=bc", "abc", 2 / 6**0.5, True),
        ("a=b=c", "abc", None, False),
        ("a", "abc", None, False),
        ("", "abc", None, False),
        ("axb", "abc", 1.0, True),
        ("ca", "abc", -1.0, False),
    ],
)
def test_agreement_is_kendalls_tau_b_over_the_replies_held(
    vote: str, ranked: str, tau: float | None, good: bool
) -> None:
    ranks = {reply: rank for rank, reply in enumerate(ranked)}
    assert kendall_tau_b(ballot(vote), ranks) == (tau if tau is None else pytest.approx(tau))
    assert agrees(ballot(vote), ranks) is good


def test_a_tau_of_exactly_one_half_does_not_agree() -> None:
    ranks = {reply: rank for rank, reply in enumerate("abcdefgh")}
    assert kendall_tau_b(ballot("habcdefg"), ranks) == 0.5  # 7 of 28 pairs turned round
    assert not agrees(ballot("habcdefg"), ranks)
    assert agrees(ballot("ahbcdefg"), ranks)


@pytest.mark.parametrize("size", [2, 3, 5, 7, 9])
def test_the_p_value_of_tau_is_that_of_scipy(size: int) -> None:
    from scipy.stats import kendalltau

    rng = Random(size)
    for _ in range(4):
        order = rng.sample(range(size), size)
        by_model = tuple((str(reply),) for reply in order)
        ranks = {str(reply): place for place, reply in enumerate(rng.sample(range(size), size))}
        places = [ranks[str(reply)] for reply in order]
        found = kendalltau(range(size), places, method="exact" if size <= 7 else "asymptotic")
        assert kendall_tau_b(by_model, ranks) == pytest.approx(found.statistic)
        assert tau_p_value(by_model, ranks) == pytest.approx(found.pvalue)
    assert tau_p_value((("0", "1"),), {"0": 0, "1": 1}) is None, "a ballot that tells none apart"
