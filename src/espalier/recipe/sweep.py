"""A recipe with several seeds and switches, and all that came of it in one table.

Arms are compared seed by seed. With few seeds the range over them says more than an interval would, so it is told.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from json import dumps
from pathlib import Path
from statistics import fmean
from typing import Final

from espalier.dataset.page import Page, Section, Table, write_page
from espalier.recipe.figures import Table as Found
from espalier.recipe.once import figures_of
from espalier.recipe.plan import Plan
from espalier.recipe.run import Around, write_json
from espalier.train.settings import BadSettings

Arms = Mapping[str, tuple[str, ...]]
"""By name, what each arm sets otherwise than the file does, as "steps.sft.sft.prompt_weight=0.2"."""
AS_IT_IS: Final = "as it is"
Row = tuple[str, str]
"""A model or a step, and a figure of it."""


@dataclass(frozen=True, slots=True)
class Swept:
    """Of each row, by arm, the value with each seed, in the order of the seeds; None where there is no such figure."""

    arms: Sequence[str]
    seeds: Sequence[int]
    values: Mapping[Row, Mapping[str, Sequence[float | None]]]


def switched(arms: Arms, switches: Sequence[str]) -> Arms:
    """The arms of a recipe, combined with all values of each "key=a,b". Values are as in TOML; others are taken for
    texts.

    Raises BadSettings.
    """
    each = [list(arms.items())] if arms else []
    for switch in switches:
        key, equals, values = switch.partition("=")
        if not key or not equals or not values:
            raise BadSettings(f"{switch!r} switches nothing; write a key and its values, as seed=1,2.")
        try:
            given = tomllib.loads(f"it = [{values}]")["it"]
        except tomllib.TOMLDecodeError:
            given = values.split(",")
        each.append([(change, (change,)) for change in (f"{key}={_toml(value)}" for value in given)])
    return {
        ", ".join(name for name, _ in chosen) or AS_IT_IS: tuple(chain(*(changes for _, changes in chosen)))
        for chosen in product(*each)
    }


def _toml(value: object) -> str:
    """A value as `--set` takes it; JSON is TOML but for tables."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    return dumps(value)


def run_sweep(plans: Mapping[tuple[str, int], Plan], around: Around) -> Path:
    """Do all runs, and write the table of them; its file. Raises what the steps raise, and NeedsVlConvert."""
    found: dict[tuple[str, int], Found] = {}
    for number, ((arm, seed), plan) in enumerate(plans.items(), 1):
        around.tell(f"Run {number} of {len(plans)}: {arm}, seed {seed}")
        found[arm, seed] = figures_of(plan, around, plan.recipe.out / f"report-{number}.html")
    swept = gathered(found)
    first = next(iter(plans.values()))
    path = first.recipe.out / "sweep.html"
    name = first.file.stem
    page = Page(
        f"{name}: a sweep", f"Recipe {name} with seeds and switches",
        [("runs", f"{len(plans)}"), ("arms", f"{len(swept.arms)}"), ("seeds", f"{len(swept.seeds)}")],
        [Section("arms", "Arms", list(_arms(swept))), Section("runs", "Runs", [_runs(plans)])],
        "Made", first.recipe.about,
    )  # fmt: skip
    write_page(path, page)
    told = [
        {"of": row[0], "figure": row[1], "arm": arm, "seeds": list(swept.seeds), "values": list(values)}
        for row, by_arm in swept.values.items() for arm, values in by_arm.items()
    ]  # fmt: skip
    write_json(path.with_suffix(".json"), {"figures": told})
    return path


def gathered(found: Mapping[tuple[str, int], Found]) -> Swept:
    """All figures by what they are of."""
    arms = list(dict.fromkeys(arm for arm, _ in found))
    seeds = list(dict.fromkeys(seed for _, seed in found))
    rows = {key: dict(_rows(each)) for key, each in found.items()}
    every = dict.fromkeys(row for each in rows.values() for row in each)
    return Swept(
        arms, seeds, {row: {arm: [rows[arm, seed].get(row) for seed in seeds] for arm in arms} for row in every}
    )


def _rows(found: Found) -> Iterator[tuple[Row, float]]:
    for name, figures in (*found.models.items(), *found.judges.items()):
        for what, estimate in figures.items():
            yield (name, what), estimate.value
    for name, figures in found.changes.items():
        for what, estimate in figures.items():
            yield (name, f"{what}, changed"), estimate.value
    for best in found.best:
        for what, estimate in best.gains.items():
            yield (f"best of {best.n}", f"{what}, gained"), estimate.value


def _arms(swept: Swept) -> Iterator[Table | str]:
    first, *others = swept.arms
    rows = [
        (name, what, *(_over_seeds(by_arm[arm]) for arm in swept.arms)) for (name, what), by_arm in swept.values.items()
    ]
    says = "The mean over seeds, and from the lowest to the highest."
    yield Table("Figures", says, ("of", "figure", *swept.arms), rows, open=True)
    for arm in others:
        changes = []
        for (name, what), by_arm in swept.values.items():
            differences = [
                None if one is None or other is None else one - other
                for one, other in zip(by_arm[arm], by_arm[first], strict=True)
            ]
            changes.append((name, what, _over_seeds(differences, signed=True), _sign(differences)))
        says = f"Above {first}, seed by seed."
        yield Table(arm, says, ("of", "figure", "difference", "in all seeds"), changes, open=True)


def _over_seeds(values: Sequence[float | None], *, signed: bool = False) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "·"
    sign = "+" if signed else ""
    said = f"{fmean(known):{sign}.3f}"
    return said if len(known) < 2 else f"{said} ({min(known):{sign}.3f} to {max(known):{sign}.3f})"


def _sign(differences: Sequence[float | None]) -> str:
    """Whether all seeds agree on which way it goes."""
    known = [difference for difference in differences if difference is not None]
    if known and all(difference > 0 for difference in known):
        return "higher"
    return "lower" if known and all(difference < 0 for difference in known) else "·"


def _runs(plans: Mapping[tuple[str, int], Plan]) -> Table:
    rows = [(f"report-{number}.html", arm, f"{seed}") for number, (arm, seed) in enumerate(plans, 1)]
    return Table("", "Each has a report of its own beside this page.", ("report", "arm", "seed"), rows)
