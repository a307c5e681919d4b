"""Whether simulated spammers are found among real workers, and whether a minority with a view of its own is spared.

    python benchmarks/reliability.py [--seeds 20]

Reads the published pairwise votes of 124 workers on 2,139 items in `../shared/data/crowd`, or where ESPALIER_DATA
points. Plants, for each seed, 12 spammers of a kind with 70 votes each on items drawn at random, and reports the mean
area under the curve of real workers' over spammers' figures (some real workers answer like spammers, so it cannot
reach 1). Minority: 15 % of the real workers vote on one fifth of the items always for the other side than the
majority of the others; reported is their mean weight over the others'. The same votes as rankings of two replies, and
orders of four replies drawn by the Plackett-Luce model, test the weights of rankings. The last line is one JSON object.
"""

import argparse
import csv
import gzip
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from espalier.dataset.answers import Answers, answers_of
from espalier.dataset.dawid_skene import one_coin
from espalier.dataset.mace import LabelEvidence, care
from espalier.dataset.plackett_luce import Groups, RankingEvidence

DATA = Path(os.environ.get("ESPALIER_DATA") or Path(__file__).parents[2] / "shared" / "data")
LEVELS = {"left": 0, "tie": 1, "right": 2}
SPAMMERS, VOTES, MINORITY, CONTESTED = 12, 70, 0.15, 0.2
Triple = tuple[str, str, int]
Habit = Callable[[np.random.Generator, list[str], dict[str, Counter[int]]], list[int]]


def real_votes() -> list[Triple]:
    """(item, worker, level), 1 for a tie."""
    with gzip.open(DATA / "crowd" / "crowd-comparisons.csv.gz", "rt", encoding="utf-8") as file:
        return [(row["id"], row["worker"], LEVELS[row["winner"]]) for row in csv.DictReader(file)]


def random_answers(rng: np.random.Generator, items: list[str], _: dict[str, Counter[int]]) -> list[int]:
    return [int(each) for each in rng.integers(0, len(LEVELS), len(items))]


def constant_answer(rng: np.random.Generator, items: list[str], _: dict[str, Counter[int]]) -> list[int]:
    return [int(rng.integers(0, len(LEVELS)))] * len(items)


def as_often_as_all(rng: np.random.Generator, items: list[str], given: dict[str, Counter[int]]) -> list[int]:
    """At random, but each answer as often as real workers give it."""
    total = sum(given.values(), Counter[int]())
    levels = sorted(total)
    return [int(each) for each in rng.choice(levels, len(items), p=[total[each] / total.total() for each in levels])]


def in_turn(rng: np.random.Generator, items: list[str], _: dict[str, Counter[int]]) -> list[int]:
    first = int(rng.integers(0, len(LEVELS)))
    return [(first + place) % len(LEVELS) for place in range(len(items))]


def contrary(rng: np.random.Generator, items: list[str], given: dict[str, Counter[int]]) -> list[int]:
    return [other_side(rng, given[item]) for item in items]


def other_side(rng: np.random.Generator, others: Counter[int]) -> int:
    """Right where most say left, left where most say right, one of them at random where neither leads."""
    lead = others[0] - others[2]
    return (2 if lead > 0 else 0) if lead else int(2 * rng.integers(0, 2))


KINDS: dict[str, Habit] = {
    "random": random_answers, "constant": constant_answer, "as_often_as_all": as_often_as_all, "in_turn": in_turn,
    "contrary": contrary,
}  # fmt: skip


def by_item(votes: list[Triple]) -> dict[str, Counter[int]]:
    given: dict[str, Counter[int]] = defaultdict(Counter)
    for item, _, level in votes:
        given[item][level] += 1
    return given


def planted(votes: list[Triple], habit: Habit, seed: int) -> list[Triple]:
    """The votes with those of spammers, whose names begin with `spammer`."""
    rng = np.random.default_rng(seed)
    given = by_item(votes)
    items = sorted(given)
    made = list(votes)
    for number in range(SPAMMERS):
        seen = [items[place] for place in rng.choice(len(items), VOTES, replace=False)]
        levels = habit(rng, seen, given)
        made += [(item, f"spammer {number}", level) for item, level in zip(seen, levels, strict=True)]
    return made


def with_minority(votes: list[Triple], seed: int) -> tuple[list[Triple], set[str]]:
    """The votes where some workers take the other side on the contested items, and who they are."""
    rng = np.random.default_rng(seed)
    workers = sorted({worker for _, worker, _ in votes})
    items = sorted({item for item, _, _ in votes})
    who = {workers[place] for place in rng.choice(len(workers), round(MINORITY * len(workers)), replace=False)}
    contested = {items[place] for place in rng.choice(len(items), round(CONTESTED * len(items)), replace=False)}
    others = by_item([vote for vote in votes if vote[1] not in who])
    return [
        (item, worker, other_side(rng, others[item]) if worker in who and item in contested else level)
        for item, worker, level in votes
    ], who


def auc(real: list[float], spam: list[float]) -> float:
    """The share of pairs in which the real worker has the higher figure; ties count half."""
    return float(roc_auc_score([True] * len(real) + [False] * len(spam), [*real, *spam]))


def names(votes: list[Triple]) -> list[str]:
    return sorted({worker for _, worker, _ in votes})


def figures(votes: list[Triple]) -> dict[str, dict[str, float]]:
    """By figure and worker: accuracy (one-coin Dawid-Skene), reliability and weight."""
    workers = names(votes)
    answers = answers_of(votes, workers, len(LEVELS))
    found = care([LabelEvidence(answers, len(workers))], len(workers))
    accuracy = np.nan_to_num(one_coin(answers, len(workers)).accuracy)
    return {
        figure: dict(zip(workers, values.tolist(), strict=True))
        for figure, values in (("accuracy", accuracy), ("reliability", found.mean), ("weight", found.weight))
    }


def as_rankings(votes: list[Triple]) -> dict[str, dict[str, float]]:
    """Reliability and weight from the same votes, each as an order of two replies."""
    workers = names(votes)
    number = {worker: place for place, worker in enumerate(workers)}
    spelled: dict[int, Groups] = {0: (("left",), ("right",)), 1: (("left", "right"),), 2: (("right",), ("left",))}
    ballots: dict[str, list[tuple[int, Groups]]] = defaultdict(list)
    for item, worker, level in votes:
        ballots[item].append((number[worker], spelled[level]))
    return ranking_figures(ballots, workers)


def ranking_figures(ballots: dict[str, list[tuple[int, Groups]]], workers: list[str]) -> dict[str, dict[str, float]]:
    found = care([RankingEvidence(ballots, len(workers))], len(workers))
    return {
        figure: dict(zip(workers, values.tolist(), strict=True))
        for figure, values in (("reliability", found.mean), ("weight", found.weight))
    }


def drawn_orders(seed: int) -> tuple[dict[str, list[tuple[int, Groups]]], list[str]]:
    """Three orders of four replies a parent by 60 reviewers, 6 of whom order at random; each orders about 70."""
    rng = np.random.default_rng(seed)
    workers = [f"{'spammer' if number < 6 else 'reviewer'} {number}" for number in range(60)]
    ballots: dict[str, list[tuple[int, Groups]]] = defaultdict(list)
    for parent in range(60 * VOTES // 3):
        merit = rng.normal(0, 1.5, 4)
        for who in rng.choice(60, 3, replace=False):
            said = merit * (who >= 6) + rng.gumbel(size=4)  # the largest of strength and Gumbel noise is such a choice
            ballots[f"parent {parent}"].append((int(who), tuple((f"reply {each}",) for each in np.argsort(-said))))
    return ballots, workers


def separated(by_figure: dict[str, dict[str, float]]) -> dict[str, float]:
    """The area under the curve of each figure."""
    return {
        figure: auc(
            [value for worker, value in values.items() if not worker.startswith("spammer")],
            [value for worker, value in values.items() if worker.startswith("spammer")],
        )
        for figure, values in by_figure.items()
    }


def share_of_others(weights: dict[str, float], who: set[str]) -> float:
    mine = [weight for worker, weight in weights.items() if worker in who]
    theirs = [weight for worker, weight in weights.items() if worker not in who]
    return float(np.mean(mine) / np.mean(theirs))


def mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {figure: round(float(np.mean([row[figure] for row in rows])), 4) for figure in rows[0]}


def large() -> tuple[Answers, int]:
    """Three answers of two to each of 160,000 messages by 10,000 reviewers, to time one label."""
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(160_000), 3)
    return Answers(item, rng.integers(0, 10_000, item.size), rng.integers(0, 2, item.size), 160_000, 2), 10_000


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--seeds", type=int, default=20)
    seeds = range(options.parse_args().seeds)
    votes = real_votes()
    result: dict[str, Any] = {"seeds": len(seeds)}
    for kind, habit in KINDS.items():
        made = [planted(votes, habit, seed) for seed in seeds]
        result[kind] = mean([separated(figures(each)) for each in made])
        result[f"{kind}_rankings"] = mean([separated(as_rankings(each)) for each in made[:5]])
        print(f"{kind:>16}: AUC of labels {result[kind]}, of rankings {result[f'{kind}_rankings']}", flush=True)
    spared = []
    for seed in seeds:
        changed, who = with_minority(votes, seed)
        spared.append(share_of_others(figures(changed)["weight"], who))
    result["minority_weight"] = round(float(np.mean(spared)), 4)
    result["minority_weight_sd"] = round(float(np.std(spared)), 4)
    print(f"minority: {result['minority_weight']} of the others' weight (sd over seeds {result['minority_weight_sd']})")
    result["drawn_orders"] = mean([separated(ranking_figures(*drawn_orders(seed))) for seed in seeds[:5]])
    print(f"drawn orders: {result['drawn_orders']}")
    answers, reviewers = large()
    began = time.monotonic()
    care([LabelEvidence(answers, reviewers)], reviewers)
    result["large_label_s"] = round(time.monotonic() - began, 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
