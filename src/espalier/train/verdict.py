"""What the measurements of a reward model say, in words: what it beats, what it does not, and what nobody can tell.

Knows figures with their intervals; does not know how they came about.
"""

from collections.abc import Sequence
from dataclasses import replace

from espalier.dataset.contributors import Estimate
from espalier.infer.measure import Agreement, Scored
from espalier.train.demonstrations import Demonstrated


def sentences(found: Agreement) -> list[str]:
    """What an agreement says, in words: beside chance, beside the rule of the longer reply, and on pairs where that
    rule has nothing to say.
    """
    if found.all.accuracy is None or found.all.longer is None or found.gain is None:
        return ["There was no pair to measure it on."]
    accuracy, longer, gain = found.all.accuracy, found.all.longer, found.gain
    said = [
        f"Of {_counted(found.all.pairs, 'pair')} in {_counted(found.prompts, 'prompt')} that it had not seen, it "
        f"orders {_share(accuracy)} as people did; by chance it would be 50 %. {_against(accuracy, 0.5, 'chance')}",
        f"The rule that the longer reply is the better one orders {_share(longer)} of them; the difference is "
        f"{_points(gain)}. {_against(gain, 0.0, 'the longer reply')}",
    ]
    if found.matched.accuracy is not None:
        said.append(
            f"Of the {found.matched.pairs:,} pairs of like length it orders {_share(found.matched.accuracy)} as people "
            f"did. {_against(found.matched.accuracy, 0.5, 'chance where length says nothing')}"
        )
    if found.tau is not None:
        said.append(f"Kendall's τ-b with people's order of a prompt's replies is {_number(found.tau)} on average.")
    if (told := found.calibration) is not None and told.brier is not None:
        said.append(
            f"Taken as probabilities its differences are {told.error:.2f} off on average (ECE); their Brier score is "
            f"{_number(told.brier)}, where a coin has 0.25."
        )
    return said


def without_best(scored: Sequence[Scored]) -> list[Scored]:
    """The same replies but for the best of each prompt, to which likeness is measured."""
    return [
        replace(
            each,
            scores=each.scores[1:],
            lengths=each.lengths[1:],
            ties=frozenset((first - 1, second - 1) for first, second in each.ties if first),
        )
        for each in scored
    ]


def beside_likeness(alike: Demonstrated, model: Agreement) -> list[str]:
    """What a model says that learned from likeness, and likeness itself, where both can be told from each other."""
    said = [
        f"It learned from no ranking of people, but from {len(alike.rankings):,} sets of samples in the order of their "
        f"likeness to the best reply, told by {alike.encoder}."
    ]
    if model.all.accuracy and alike.likeness.all.accuracy:
        said.append(
            f"Of the {model.all.pairs:,} pairs without the best reply it orders {_share(model.all.accuracy)} as people "
            f"did; likeness itself, as the reward, {_share(alike.likeness.all.accuracy)}."
        )
    return said


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _share(of: Estimate) -> str:
    return f"{of.value:.1%}" + ("" if of.low is None else f" ({of.low:.1%} to {of.high:.1%})")


def _number(of: Estimate) -> str:
    return f"{of.value:.2f}" + ("" if of.low is None else f" ({of.low:.2f} to {of.high:.2f})")


def _points(of: Estimate) -> str:
    within = "" if of.low is None or of.high is None else f" ({100 * of.low:+.1f} to {100 * of.high:+.1f})"
    return f"{100 * of.value:+.1f} points{within}"


def _against(of: Estimate, bar: float, what: str) -> str:
    """Whether an interval lies on one side of what it is compared with."""
    if of.low is None or of.high is None:
        return f"These are too few trees to tell whether it beats {what}."
    if of.low > bar:
        return f"It beats {what}."
    return f"It is worse than {what}." if of.high < bar else f"It is not shown to beat {what}."
