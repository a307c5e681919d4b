"""How much of each source and language goes into a mixture: weights, caps, a temperature over languages, and floors.

Counts in, quotas out; then which lines are taken, how often. No chance but the seed's. Knows no files.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import floor, fsum
from random import Random
from typing import Final

from espalier.dataset.split import NO_LANGUAGE

HIGHEST_WEIGHT: Final = 10.0
STEPS: Final = 200  # of a bisection; a double has no more
Cell = tuple[str, str]
"""A source and a language."""
Counts = Mapping[Cell, int]


class BadMix(ValueError):
    """A mixture that cannot be; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to mix. weights: of sources, 1 where none is given: how often each of its lines counts.

    caps: the most lines of a source that are looked at, chosen by chance. alpha: languages are drawn with
    p ∝ n^alpha; 1 leaves them as they are, 0 makes them equal. floors: the least share of a language in the mixture.
    highest: the most that a language's lines are repeated on average, relative to the whole. size: lines of the
    mixture; None for as many as there are under the caps. Raises BadMix.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)
    alpha: float = 1.0
    floors: Mapping[str, float] = field(default_factory=dict)
    highest: float = HIGHEST_WEIGHT
    size: int | None = None
    seed: str = "0"

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise BadMix(f"alpha is {self.alpha:g}; it must be from 0 (all languages alike) to 1 (as they come)")
        if not self.highest >= 1:
            raise BadMix(f"the highest weight is {self.highest:g}; it must be 1 or more")
        for source, weight in self.weights.items():
            if not 0 <= weight < float("inf"):
                raise BadMix(f"the weight of {source} is {weight:g}; it must be 0 or more")
        for source, cap in self.caps.items():
            if cap < 0:
                raise BadMix(f"the cap of {source} is {cap}; it must be 0 or more")
        for lang, share in self.floors.items():
            if not 0 <= share <= 1:
                raise BadMix(f"the floor of {lang} is {share:g}; it must be from 0 to 1")
        if fsum(self.floors.values()) > 1:
            raise BadMix(f"the floors make {fsum(self.floors.values()):g}; together they must be 1 at most")


@dataclass(frozen=True, slots=True)
class Mixture:
    """quotas: lines of each source and language in the mixture. taken: those looked at under the caps.

    held_down: languages that would have been drawn more often, were their held-out part large enough to measure; and
    text in no known language that would have been.
    below_floor: languages that get less than their floor, since a weight may not be higher or since they have no lines.
    """

    counts: Counts
    taken: Counts
    quotas: Counts
    held_down: tuple[str, ...] = ()
    below_floor: tuple[str, ...] = ()

    def weight(self, cell: Cell) -> float:
        """How often a line that is there stands in the mixture, on average."""
        return self.quotas[cell] / self.counts[cell] if self.counts[cell] else 0.0


def mix(counts: Counts, recipe: Recipe, unmeasured: Collection[str] = ()) -> Mixture:
    """How many lines of each source and language the mixture gets.

    unmeasured: languages whose held-out part is too small to tell whether more of them helps; none of them is drawn
    more often than it comes, nor is text of which nobody knows the language. Raises BadMix.
    """
    unmeasured = {*unmeasured, NO_LANGUAGE}
    for source in (*recipe.weights, *recipe.caps):
        if source not in {name for name, _ in counts}:
            raise BadMix(f"there is no source {source}; there are {', '.join(sorted({name for name, _ in counts}))}")
    taken = _capped(counts, recipe)
    masses: dict[str, float] = {}
    for (source, lang), number in taken.items():
        masses[lang] = masses.get(lang, 0) + recipe.weights.get(source, 1) * number
    masses = {lang: mass for lang, mass in masses.items() if mass > 0}
    if not masses:
        raise BadMix("there is not a line to mix; look at the files, their caps and weights")
    weights = language_weights(masses, recipe, unmeasured)
    free = language_weights(masses, recipe)
    wanted = {
        (source, lang): recipe.weights.get(source, 1) * number * weights.get(lang, 0)
        for (source, lang), number in taken.items()
    }
    total = fsum(masses.values())
    size = sum(taken.values()) if recipe.size is None else recipe.size
    return Mixture(
        counts,
        taken,
        _whole(wanted, size),
        tuple(sorted(lang for lang in masses if lang in unmeasured and free[lang] > 1)),
        tuple(
            sorted(
                lang
                for lang, share in recipe.floors.items()
                if masses.get(lang, 0) * weights.get(lang, 0) / total < share - 1e-9
            )
        ),
    )


def language_weights(masses: Mapping[str, float], recipe: Recipe, unmeasured: Collection[str] = ()) -> dict[str, float]:
    """Of each language, how much more often its lines are drawn than they come; 1 on average over all lines.

    w_l = min(max(s · n_l^(α − 1), floor · N / n_l), highest), with s such that Σ n_l w_l = N; w_l ≤ 1 where unmeasured.
    """
    total = fsum(masses.values())
    highest = {lang: 1.0 if lang in unmeasured else recipe.highest for lang in masses}
    lowest = {
        lang: min(recipe.floors.get(lang, 0) * total / mass, highest[lang]) for lang, mass in masses.items()
    }  # fmt: skip
    raw = {lang: mass ** (recipe.alpha - 1) for lang, mass in masses.items()}

    def at(scale: float) -> dict[str, float]:
        return {lang: min(max(scale * raw[lang], lowest[lang]), highest[lang]) for lang in masses}

    def drawn(scale: float) -> float:
        return fsum(masses[lang] * weight for lang, weight in at(scale).items())

    below, above = 0.0, max(highest[lang] / raw[lang] for lang in masses)
    for _ in range(STEPS):
        middle = (below + above) / 2
        if drawn(middle) < total:
            below = middle
        else:
            above = middle
    return at(above)


def _capped(counts: Counts, recipe: Recipe) -> dict[Cell, int]:
    """Lines of each source and language under the source's cap, the languages in proportion."""
    taken = dict(counts)
    for source, cap in recipe.caps.items():
        cells = {cell: float(number) for cell, number in counts.items() if cell[0] == source}
        if sum(cells.values()) > cap:
            taken.update(_whole(cells, cap))
    return taken


def _whole(wanted: Mapping[Cell, float], size: int) -> dict[Cell, int]:
    """Whole numbers in these proportions that make `size`: largest remainders first."""
    total = fsum(wanted.values())
    exact = {cell: size * number / total for cell, number in wanted.items()}
    made = {cell: floor(number) for cell, number in exact.items()}
    by_remainder = sorted(exact, key=lambda cell: (made[cell] - exact[cell], cell))
    for cell in by_remainder[: size - sum(made.values())]:
        made[cell] += 1
    return made


class Times:
    """How often each line of a cell stands in the mixture, asked in the order of the file.

    First the cap chooses among the lines, then each chosen one comes equally often, some by chance once more.
    """

    def __init__(self, mixture: Mixture, seed: str) -> None:
        self._cells = {cell: _times(mixture, cell, seed) for cell in mixture.counts}

    def next(self, cell: Cell) -> int:
        return next(self._cells[cell])


def _times(mixture: Mixture, cell: Cell, seed: str) -> Iterator[int]:
    rng = Random(f"{seed}\n{cell[0]}\n{cell[1]}")
    chosen = sorted(rng.sample(range(mixture.counts[cell]), mixture.taken[cell]))
    every, once_more = divmod(mixture.quotas[cell], len(chosen)) if chosen else (0, 0)
    more = set(rng.sample(chosen, once_more))
    kept = set(chosen)
    for place in range(mixture.counts[cell]):
        yield every + (place in more) if place in kept else 0
