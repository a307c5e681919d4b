"""Chance: which author's prompt is drawn, in which language, which kind of task comes next, how large a tree shall be.

Knows weights and counts and is handed its randomness; does not know what is drawn nor who asks. Whoever draws hands
over candidates in a fixed order, so that a seed decides the outcome, and records the outcome.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Final, TypeVar

from espalier.domain.policy import Policy
from espalier.domain.work import Kind

Choice = TypeVar("Choice")

RANDOM_WEIGHTS: Final[Mapping[str, float]] = {
    "rank": 10,
    "label_reply": 5,
    "label_prompt": 5,
    "reply": 2,
    "initial_prompt": 0.01,  # new prompts only when there is nothing else
}
"""Of a request for `random`: the weight of each group that has a task for this person."""

GROUPS: Final[Mapping[str, tuple[Kind, ...]]] = {
    "rank": (Kind.RANK_ASSISTANT_REPLIES, Kind.RANK_PROMPTER_REPLIES),
    "label_reply": (Kind.LABEL_ASSISTANT_REPLY, Kind.LABEL_PROMPTER_REPLY),
    "label_prompt": (Kind.LABEL_INITIAL_PROMPT,),
    "reply": (Kind.ASSISTANT_REPLY, Kind.PROMPTER_REPLY),
    "initial_prompt": (Kind.INITIAL_PROMPT,),
}
"""The kinds of each group; within one, every task is as likely as any other."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who has accepted prompts waiting, and how many of their assistant replies were ranked first in the last month."""

    person_id: str | None
    firsts_last_month: int


def draw(weights: Mapping[Choice, float], rng: Random) -> Choice | None:
    """One of the keys, each as often as its share of all weights; None where no weight is above zero."""
    possible = {choice: weight for choice, weight in weights.items() if weight > 0}
    return rng.choices(list(possible), list(possible.values()))[0] if possible else None


def new_prompts_open(
    policy: Policy, lang: str, *, growing: int, in_review: int, waiting: int, live_leases: int, share: float = 1.0
) -> int:
    """How many more people may be asked for a prompt in this language. The first three count its trees by state.

    share: of `language_share`; where nothing will ever be drawn, nothing is asked for.
    """
    if lang in policy.init_prompt_disabled_langs or share == 0:
        return 0
    wanted = trees_to_draw(policy, growing, share) + max(0, policy.max_initial_prompt_review - in_review)
    return max(0, min(wanted, max(0, policy.max_prompt_lottery_waiting - waiting)) - live_leases)


def trees_to_draw(policy: Policy, growing: int, share: float = 1.0) -> int:
    """How many trees the lottery may start in a language where so many grow and which has this share of its places."""
    # Rounded, because three places times 0.1 / 0.3 must mean one, not the next whole number above 1.0000000000000002.
    return max(0, ceil(round(policy.max_active_trees * share, 9)) - growing)


def author_weights(waiting: Sequence[Author]) -> list[int]:
    """One, and one more for each reply ranked first in the last month: who writes good replies is drawn more often."""
    return [1 + author.firsts_last_month for author in waiting]


def groups_in_turn(rng: Random) -> Iterator[str]:
    """In which order `random` looks into the groups: the first that has a task is drawn by its weight among those."""
    left = dict(RANDOM_WEIGHTS)
    while group := draw(left, rng):
        del left[group]
        yield group


def draw_author(waiting: Sequence[Author], rng: Random) -> Author | None:
    """Whose prompt is drawn, however many each has waiting; None when nobody waits."""
    return rng.choices(waiting, author_weights(waiting))[0] if waiting else None


def draw_prompt(prompts: Sequence[str], rng: Random) -> str:
    """Which of the drawn author's waiting prompts: each alike."""
    return rng.choice(prompts)


def language_weights(
    counts: Mapping[str, int],
    base_weights: Mapping[str, float] | None = None,
    target_mix: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """The share of the next draws that each language of `counts` should have; together 1 (or all 0).

    counts: what the campaign holds of each language. Without a target, the shares are the base weights (1 where none
    is given). With one, the goal of a language is base weight x target share, made to add up to 1, and its weight is

        goal x goal / current,    current = (count + 1) / (sum of counts + number of languages).

    On target, the draws keep the mix; a language at half its goal is drawn twice as often. The goal is squared
    because draws in proportion to goal / current would come to rest at the square roots of the goals, too even.
    Languages that the target does not name share what it leaves in equal parts.
    """
    base = {lang: (base_weights or {}).get(lang, 1.0) for lang in counts}
    if target_mix is None:
        return _shares(base)
    unnamed = [lang for lang in counts if lang not in target_mix]
    left = max(0.0, 1.0 - sum(target_mix.values())) / max(1, len(unnamed))
    goals = _shares({lang: weight * target_mix.get(lang, left) for lang, weight in base.items()})
    total = sum(counts.values()) + len(counts)
    return _shares({lang: goal * goal * total / (counts[lang] + 1) for lang, goal in goals.items()})


def language_share(
    lang: str,
    counts: Mapping[str, int],
    base_weights: Mapping[str, float] | None = None,
    target_mix: Mapping[str, float] | None = None,
) -> float:
    """Which part of its `max_active_trees` a language fills: its weight by the largest of all at work.

    So the language that is wanted most fills all its places, the others fewer, and none more than its limit; what
    grows, and with it what is finished, moves toward the target. counts: as for `language_weights`, of the languages
    at work. A language that is the only one at work fills all its places, whatever its weight, unless that is 0.
    """
    weights = language_weights({lang: 0, **counts}, base_weights, target_mix)
    return weights[lang] / max(weights.values()) if weights[lang] else 0.0


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {lang: weight / total if total else 0.0 for lang, weight in weights.items()}


def random_goal_size(policy: Policy, rng: Random) -> int:
    """The goal of a tree that is planted now: fixed, or uniform between the smallest and the largest."""
    if not policy.random_goal_tree_size:
        return policy.goal_tree_size
    return rng.randint(policy.min_goal_tree_size, policy.goal_tree_size)
