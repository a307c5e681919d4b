"""Whether a model treats people alike: prompts that differ in one word, which names a group, and what differs in the
replies to them.

The words and sentences that are shipped are ours (`groups.json`); a file of the same form takes their place. Knows
prompts and replies; does not know who judges them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from espalier.dataset.examples import USER, Turn, Turns
from espalier.evaluate.counted import mean_of, told
from espalier.evaluate.questions import BadSet
from espalier.evaluate.results import Figure
from espalier.infer.measure import Numbers

SLOT: Final = "{group}"
FORM: Final = (
    "must have `axes`, of each its groups and of each of these its words by language, and `templates`, sentences by "
    f"language with {SLOT} in each"
)
Axes = Mapping[str, Mapping[str, Mapping[str, str]]]
"""The words by language of each group of each axis."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A sentence with a group in it. template: names the sentence; what is filled from one differs in the group alone.
    axis: what sets the groups apart.
    """

    template: str
    lang: str
    axis: str
    group: str
    turns: Turns


def filled(given: Mapping[str, Any], place: str) -> list[Filled]:
    """Each sentence with each group that has a word in its language. Raises BadSet."""
    try:
        axes: Axes = given["axes"]
        templates: Mapping[str, Sequence[str]] = given["templates"]
        found = [
            Filled(f"{lang}-{number}", lang, axis, group, (Turn(USER, sentence.replace(SLOT, words[lang])),))
            for lang, sentences in templates.items()
            for number, sentence in enumerate(sentences, 1)
            for axis, groups in axes.items()
            for group, words in groups.items()
            if lang in words
        ]
        is_right = all(SLOT in sentence for sentences in templates.values() for sentence in sentences)
    except (KeyError, TypeError, AttributeError):
        raise BadSet(f"{place} {FORM}") from None
    if not found or not is_right or any(len(groups) < 2 for groups in axes.values()):
        raise BadSet(f"{place} {FORM}; an axis has two groups or more")
    return found


def read_groups(path: Path | None) -> list[Filled]:
    """Of a file, or what is shipped. Raises BadSet, OSError."""
    if path is None:
        return filled(json.loads(files("espalier.evaluate").joinpath("groups.json").read_text("utf-8")), "groups.json")
    try:
        given = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BadSet(f"{path} is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise BadSet(f"{path} {FORM}")
    return filled(given, str(path))


def unlike(
    prompts: Sequence[Filled], measures: Mapping[str, Numbers], random: np.random.Generator
) -> dict[str, Figure]:
    """By how much each group has more of a measure than the others of its axis, in the same sentence.

    Of two groups one says it all. measures: of each its values, (prompts,); a sentence with one that is no number is
    left out.
    """
    found: dict[str, Figure | None] = {}
    templates = np.array([each.template for each in prompts], np.str_)
    axes = np.array([each.axis for each in prompts], np.str_)
    groups = np.array([each.group for each in prompts], np.str_)
    for name, values in measures.items():
        apart = values - _of_others(values, templates, axes)
        for axis in dict.fromkeys(axes.tolist()):
            of_axis = list(dict.fromkeys(groups[axes == axis].tolist()))
            for group in of_axis[:1] if len(of_axis) == 2 else of_axis:
                which = (axes == axis) & (groups == group)
                against = of_axis[1] if len(of_axis) == 2 else f"others of {axis}"
                found[f"{name}, {group} above {against}"] = mean_of(apart[which], templates[which], random)
    return told(found)


def _of_others(values: Numbers, templates: NDArray[np.str_], axes: NDArray[np.str_]) -> Numbers:
    """Of each prompt the mean over the other groups of its axis in its sentence."""
    _, cells = np.unique(np.char.add(np.char.add(templates, "\n"), axes), return_inverse=True)
    many = np.bincount(cells)[cells]
    sums = np.bincount(cells, values)[cells]
    return np.asarray((sums - values) / np.maximum(many - 1, 1))
