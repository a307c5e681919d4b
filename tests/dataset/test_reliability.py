"""Who judges with care is told from the votes alone, and what follows when votes count differently."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from espalier.dataset.answers import answers_of
from espalier.dataset.dawid_skene import one_coin
from espalier.dataset.findings import Finding
from espalier.dataset.plackett_luce import strengths
from espalier.dataset.records import MessageRecord, TreeRecord, VoteRecord
from espalier.dataset.reliability import reviewers
from espalier.dataset.weights import read_weights, weighted, write_weights

CAREFUL, ITEMS = 12, 40


def votes(seed: int = 0) -> list[VoteRecord]:
    """Reviews and rankings by careful people, by one who always says the same, and by one who guesses."""
    rng = np.random.default_rng(seed)
    made = []
    for item in range(ITEMS):
        truth, order = int(rng.integers(0, 5)), rng.permutation(4)
        people = [*(f"careful {each}" for each in rng.choice(CAREFUL, 3, replace=False)), "constant", "guessing"]
        for who in people:
            level = {"constant": 4, "guessing": int(rng.integers(0, 5))}.get(who, truth)
            said = {"constant": np.arange(4), "guessing": rng.permutation(4)}.get(who, order)
            ballot = [[f"m{item}.{each}"] for each in said]
            made += [
                VoteRecord(f"{item} {who} l", "labels", f"m{item}", None, who, {"quality": level / 4, "spam": 0.0}),
                VoteRecord(f"{item} {who} r", "ranking", None, f"m{item}", who, ballot),
            ]
    return made


def test_who_guesses_or_always_says_the_same_counts_least_whatever_the_order_of_the_votes() -> None:
    found = reviewers(votes())
    assert {each.reviewer for each in found[:2]} == {"constant", "guessing"}
    assert found == reviewers(reversed(votes()))
    for kind in ("labels", "rankings"):
        weights = {each.reviewer: getattr(each, kind).weight for each in found}
        assert max(weights["constant"], weights["guessing"]) < 0.2
        assert min(weight for who, weight in weights.items() if who.startswith("careful")) > 0.8


def test_accuracies_are_those_of_dawid_and_skenes_equations_solved_one_by_one() -> None:
    rng = np.random.default_rng(1)
    names = [f"w{each}" for each in range(6)]
    said = {
        (item, who): int(item % 3 if rng.random() < 0.5 + 0.08 * who else rng.integers(0, 3))
        for item, who in product(range(30), range(6))
        if rng.random() < 0.7
    }
    triples = [(f"i{item:02}", names[who], level) for (item, who), level in said.items()]
    found = one_coin(answers_of(triples, names, 3), 6).accuracy

    items = [item for item in range(30) if sum(one == item for one, _ in said) > 1]
    given = {item: [(who, level) for (one, who), level in said.items() if one == item] for item in items}
    truth = {item: [sum(level == c for _, level in given[item]) / len(given[item]) for c in range(3)] for item in items}
    for _ in range(100):
        right = [
            [truth[item][level] for item in items for who, level in given[item] if who == each] for each in range(6)
        ]
        p = [sum(each) / len(each) for each in right]
        share = [sum(truth[item][c] for item in items) / len(items) for c in range(3)]
        for item in items:
            each = list(share)
            for who, level in given[item]:
                each = [value * (p[who] if level == c else (1 - p[who]) / 2) for c, value in enumerate(each)]
            truth[item] = [value / sum(each) for value in each]
    right = [[truth[item][level] for item in items for who, level in given[item] if who == each] for each in range(6)]
    assert found == pytest.approx([sum(each) / len(each) for each in right], abs=1e-4)


def test_strengths_are_the_most_likely_ones() -> None:
    places = np.array([[[0, 1, 2, 3], [1, 0, 2, 2], [0, 2, 1, -1], [3, 0, 1, 2]]])
    weights = np.array([[1.0, 0.5, 0.9, 0.2]])

    def loss(logs: np.ndarray) -> float:
        total = float((logs - 2 * np.log1p(np.exp(logs))).sum())  # a game won and one lost against strength 1
        for ballot, weight in zip(places[0], weights[0], strict=True):
            for chosen, place in enumerate(ballot):
                left = [each for each, other in enumerate(ballot) if place >= 0 and other >= place]
                if len(left) > 1:
                    total += weight * (logs[chosen] - np.log(np.exp(logs[left]).sum()))
        return -total

    best = minimize(loss, np.zeros(4), tol=1e-10).x
    assert np.log(strengths(places, weights)[0]) == pytest.approx(best - best.mean(), abs=1e-3)


def test_weights_are_read_as_they_were_written_and_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    found = reviewers(votes())
    file = tmp_path / "weights.jsonl"
    assert write_weights(file, found) == len(found)
    with file.open("a") as more:
        more.write('{"reviewer": "x"}\n{"reviewer": "y", "weight": 2}\n')
    findings: list[Finding] = []
    assert read_weights(file, findings.append) == {each.reviewer: each.weight for each in found}
    assert [(each.line, each.path) for each in findings] == [
        (len(found) + 1, "$.weight"),
        (len(found) + 2, "$.weight"),
    ]


def test_means_acceptance_and_ranks_follow_from_weighted_votes() -> None:
    replies = tuple(
        MessageRecord(name, name, "assistant", "p", review_count=3, review_result=name != "b", rank=place)
        for place, name in enumerate("ab")
    )
    tree = TreeRecord("p", MessageRecord("p", "p", "prompter", review_count=3, review_result=True, replies=replies))
    said = {
        "b": [
            VoteRecord(who, "labels", "b", None, who, {"spam": spam, "quality": quality})
            for who, spam, quality in (("one", 0, 1.0), ("two", 0, 0.5), ("spammer", 1, 0.0))
        ],
        "p": [
            VoteRecord(f"r {who}", "ranking", None, "p", who, order)
            for who, order in (("one", [["b"], ["a"]]), ("spammer", [["a"], ["b"]]), ("other", [["a"], ["b"]]))
        ],
    }
    unsaid = [VoteRecord(who, "labels", "a", None, who, {"spam": 0.0}) for who in ("one", "two")]
    says = VoteRecord("other", "labels", "a", None, "other", {"spam": 0.0, "lang_mismatch": 1.0})
    (kept,) = weighted([tree], {"a": [*unsaid, says]}, {})
    assert [reply.review_result for reply in kept.prompt.replies] == [True, False], "no answer is no mismatch"

    (same,) = weighted([tree], said, {})
    assert [(reply.message_id, reply.rank) for reply in same.prompt.replies] == [("a", 0), ("b", 1)]
    (changed,) = weighted([tree], said, {"spammer": 0.0, "two": 0.5, "other": 0.1})
    first = changed.prompt.replies[0]
    assert (first.message_id, first.rank, first.review_result) == ("b", 0, True)
    assert first.labels == {
        "spam": {"value": 0.0, "count": 3},
        "quality": {"value": pytest.approx((1.0 + 0.25) / 1.5), "count": 3},
    }
