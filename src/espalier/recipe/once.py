"""One run of a recipe from its first step to its report."""

from dataclasses import asdict
from pathlib import Path

from espalier.recipe.figures import Table, table_of
from espalier.recipe.measures import measure
from espalier.recipe.plan import Plan
from espalier.recipe.report import write_report
from espalier.recipe.run import Around, run_steps, write_json


def run_once(plan: Plan, around: Around, name: str = "report") -> Path:
    """Do what is not done yet; the file of the report. Raises what the steps raise, and NeedsVlConvert."""
    path = plan.recipe.out / f"{name}.html"
    figures_of(plan, around, path)
    return path


def figures_of(plan: Plan, around: Around, path: Path) -> Table:
    """The figures of a recipe, whose report is then at this path, and they beside it as JSON."""
    run_steps(plan, around)
    measured = measure(plan, around.tell)
    found = table_of(plan, measured)
    write_report(path, plan, measured, found)
    write_json(path.with_suffix(".json"), {"seed": plan.recipe.seed, **asdict(found)})
    return found
