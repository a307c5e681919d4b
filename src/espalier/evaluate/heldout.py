"""Held-out trees: what their replies cost a model, how well a reward model knows people's rankings, and whose replies
it prefers, the model's or people's.

Knows trees and figures; does not know which trees a model has learned from.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, log, nan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from espalier.dataset.contributors import Estimate
from espalier.dataset.examples import Turns, turns_of
from espalier.dataset.records import MessageRecord, TreeRecord
from espalier.dataset.split import NO_LANGUAGE
from espalier.dataset.threads import PROMPTER, is_there, prompts, pruned, ranked_lists
from espalier.evaluate.model import Judge, Tell, Weighted, nobody
from espalier.evaluate.results import Figure
from espalier.infer.measure import Agreement, Numbers, Scored, agreement, mean, ratio

AT_ONCE: Final = 64
QUALITY: Final = "quality"
"""The label whose mean is a baseline for reward models."""


@dataclass(frozen=True, slots=True)
class Said:
    """What people wrote as the assistant after a conversation. best: whether no other reply to it is ranked above."""

    tree: str
    lang: str
    before: Turns
    text: str
    best: bool


def said_in(trees: Iterable[TreeRecord]) -> list[Said]:
    """Every reply of the assistant that reviewers accepted, each once, after the thread above it."""
    found = []
    for tree in trees:
        if (left := pruned(tree)) is None:
            continue
        for thread in prompts(left):
            replies = [reply for reply in thread[-1].replies if reply.role != PROMPTER and reply.text.strip()]
            first = min(replies, key=lambda reply: (reply.rank is None, reply.rank or 0), default=None)
            found += [
                Said(tree.message_tree_id, reply.lang or NO_LANGUAGE, turns_of(thread), reply.text, reply is first)
                for reply in replies
            ]
    return found


# What replies cost


def costs(model: Weighted, said: Sequence[Said], random: np.random.Generator, tell: Tell = nobody) -> dict[str, Figure]:
    """Bits per byte of the replies' text in UTF-8, of all and by language, and the perplexity of a token; each with the
    replies that it is over.

    The end token is not counted: what it is and when it comes differs between models. Bits per byte can be compared
    between all models, perplexity only between those that cut texts alike.
    """
    bits, tokens = bits_of(model, said, tell)
    size, trees, langs = sizes(said), trees_of(said), langs_of(said)
    found = {"bits per byte": (ratio(bits, size, trees, random), len(said))}
    for lang in sorted(set(langs.tolist()), key=lambda lang: (-int((langs == lang).sum()), lang)):
        of = langs == lang
        found[f"bits per byte, {lang}"] = ratio(bits[of], size[of], trees[of], random), int(of.sum())
    if (each := ratio(bits * log(2), tokens, trees, random)) is not None:
        ends = (None if end is None else exp(end) for end in (each.low, each.high))
        found["perplexity"] = Estimate(exp(each.value), *ends), len(said)
    return _counted(found)


def bits_of(model: Weighted, said: Sequence[Said], tell: Tell = nobody) -> tuple[Numbers, Numbers]:
    """−log₂ p of each reply after its thread, and its tokens, (replies,) each."""
    told = []
    for begin in range(0, len(said), AT_ONCE):
        told += model.loglikelihood([(each.before, each.text) for each in said[begin : begin + AT_ONCE]])
        tell(len(told), len(said))
    return (
        np.array([-each.log_p / log(2) for each in told], np.float64),
        np.array([each.tokens for each in told], np.float64),
    )


def sizes(said: Sequence[Said]) -> Numbers:
    """Bytes of the replies in UTF-8, (replies,)."""
    return np.array([len(each.text.encode()) for each in said], np.float64)


def trees_of(said: Sequence[Said]) -> NDArray[np.str_]:
    return np.array([each.tree for each in said], np.str_)


def langs_of(said: Sequence[Said]) -> NDArray[np.str_]:
    return np.array([each.lang for each in said], np.str_)


# What a reward model knows


def agrees(judge: Judge, trees: Iterable[TreeRecord], random: np.random.Generator, tell: Tell = nobody) -> Agreement:
    """How a reward model's order of replies agrees with people's, beside the rule that the longer one is better."""
    return agreement(scored(judge, trees, tell), random)


def scored(judge: Judge, trees: Iterable[TreeRecord], tell: Tell = nobody) -> list[Scored]:
    """What a reward model says of all replies that people ranked."""
    lists = [
        (tree, each) for tree in trees if (left := pruned(tree, is_there)) is not None for each in ranked_lists(left)
    ]
    found = []
    for number, (tree, each) in enumerate(lists, 1):
        before = turns_of(each.thread)
        scores = judge.rewards([(before, reply.text) for reply in each.replies])
        lengths = tuple(len(reply.text) for reply in each.replies)
        labels = tuple(_quality(reply) for reply in each.replies)
        lang = each.replies[0].lang or NO_LANGUAGE
        found.append(Scored(tree.message_tree_id, lang, tuple(scores), lengths, each.ties, labels))
        tell(number, len(lists))
    return found


def _quality(reply: MessageRecord) -> float:
    label = (reply.labels or {}).get(QUALITY)
    return nan if label is None else label["value"]


def figures_of(known: Agreement) -> dict[str, Figure]:
    """What a table shows of it, each with the pairs that it is over; of τ, the prompts."""
    pairs = known.all.pairs
    found: dict[str, tuple[Estimate | None, int]] = {
        "accuracy": (known.all.accuracy, pairs), "accuracy of the longer reply": (known.all.longer, pairs),
        "above the longer reply": (known.gain, pairs),
        "accuracy, like length": (known.matched.accuracy, known.matched.pairs),
    }  # fmt: skip
    if known.by_label is not None:
        found |= {
            "accuracy of the quality label": (known.by_label.accuracy, known.by_label.pairs),
            "accuracy where the label decides": (known.by_label.model, known.by_label.pairs),
        }
    found["tau"] = known.tau, known.prompts
    if known.calibration is not None:
        found |= {
            "calibration error": (Estimate(known.calibration.error), pairs),
            "Brier score": (known.calibration.brier, pairs),
        }
    if len(known.by_lang) > 1 and known.macro is not None and known.worst is not None:
        worst = known.by_lang[known.worst]
        found["accuracy, mean of languages"] = Estimate(known.macro), pairs
        found["accuracy, worst language"] = worst.accuracy, worst.pairs
    found |= {f"accuracy, {lang}": (group.accuracy, group.pairs) for lang, group in known.by_lang.items()}
    return _counted(found)


def _counted(found: Mapping[str, tuple[Estimate | None, int]]) -> dict[str, Figure]:
    """Without what nobody could tell."""
    return {name: Figure.of(each, n) for name, (each, n) in found.items() if each is not None}


def details_of(known: Agreement) -> dict[str, Any]:
    return asdict(known)


# Whose replies it prefers


def asked(said: Sequence[Said], most: int, random: np.random.Generator) -> list[Said]:
    """Of each prompt with a reply of people the best one; so many of them, by chance."""
    best = [each for each in said if each.best]
    return [best[place] for place in sorted(random.permutation(len(best))[:most].tolist())]


def wins(
    judge: Judge, said: Sequence[Said], replies: Sequence[str], random: np.random.Generator
) -> dict[str, Estimate]:
    """How often the judge likes a model's reply more than people's best one, ties ½, and by how much in the mean.

    A reward model knows nothing of truth and likes length: the share of longer replies stands beside it.
    """
    ours, theirs = both_rewards(judge, said, replies)
    trees = trees_of(said)
    lengths = np.array([[len(text), len(each.text)] for each, text in zip(said, replies, strict=True)], np.float64)
    found = {
        "win rate": mean(won(ours, theirs), trees, random),
        "reward above people's": mean(ours - theirs, trees, random),
        "share longer": mean(won(*lengths.reshape(-1, 2).T), trees, random),
    }
    return {name: each for name, each in found.items() if each is not None}


def both_rewards(judge: Judge, said: Sequence[Said], replies: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Of a model's replies and of people's, (replies,) each."""
    ours = judge.rewards([(each.before, text) for each, text in zip(said, replies, strict=True)])
    theirs = judge.rewards([(each.before, each.text) for each in said])
    return np.array(ours, np.float64), np.array(theirs, np.float64)


def won(one: Numbers, other: Numbers) -> Numbers:
    """1 where the one is more, ½ where both are the same, else 0."""
    return np.asarray((one > other) + 0.5 * (one == other))
