"""The report of a recipe: one HTML page with what each step brought, curves, and replies side by side.

Knows figures and curves; computes none.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from espalier.dataset.charts import SERIES, WIDTH, Cell, Chart, Spec
from espalier.dataset.contributors import Estimate
from espalier.dataset.page import Figure, Page, Section, Table, figure, write_page
from espalier.recipe import figures as of
from espalier.recipe.figures import Table as Figures
from espalier.recipe.figures import beside
from espalier.recipe.measures import Measured
from espalier.recipe.plan import Plan, Step
from espalier.recipe.run import done
from espalier.recipe.words import cell, share, verdict
from espalier.train.curves import chart_of, read_curves
from espalier.train.watch import METRICS

DRAWN: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "base": {"Loss": ("loss", "held_out_loss")},
    "sft": {"Loss": ("loss", "held_out_loss")},
    "reward": {"Loss": ("loss", "held_out_loss"), "Accuracy": ("accuracy", "held_out_accuracy")},
    "dpo": {"Loss": ("loss", "held_out_loss"), "Accuracy": ("accuracy", "held_out_accuracy")},
    "ppo": {"Reward": ("reward", "held_out_reward", "held_out_judge"), "KL": ("kl", "held_out_kl")},
    "grpo": {"Reward": ("reward", "held_out_reward", "held_out_judge"), "KL": ("kl", "held_out_kl")},
}
"""Which metrics of an algorithm are drawn together, and what the drawing is called."""


def write_report(path: Path, plan: Plan, measured: Mapping[str, Measured], found: Figures) -> None:
    """Write the page. Raises NeedsVlConvert."""
    name = plan.file.stem
    sections = [
        Section("models", "What the models are worth", list(_models(plan, found))),
        Section("judges", "Whether the reward models agree with people", list(_judges(found))),
        Section("distance", "Reward and distance", list(_distance(plan, found))),
        Section("curves", "Curves", list(_curves(plan))),
        Section("replies", "Replies side by side", list(_replies(plan, measured))),
        Section("made", "How this was made", list(_made(plan))),
    ]
    seconds = sum(done(step)["seconds"] for step in plan.steps.values())
    facts = [
        ("steps", f"{len(plan.steps)}"),
        ("minutes of training", f"{seconds / 60:.1f}"),
        ("seed", f"{plan.recipe.seed}"),
        ("held-out prompts", f"{max((len(each.prompts) for each in measured.values()), default=0):,}"),
    ]
    note = "Made of the demo's trees, which are too few to show anything." if plan.given.is_demo else ""
    shown = [section for section in sections if section.parts]
    write_page(path, Page(f"{name}: a recipe run", f"Recipe {name}", facts, shown, "Made", plan.recipe.about, note))


# What came of it


def _models(plan: Plan, found: Figures) -> Iterator[Table | Figure | str]:
    names = (of.LOSS, of.BITS, of.REWARD, of.JUDGE, of.UNPRICED)
    rows = [(name, *(cell(each.get(one), 2) for one in names)) for name, each in found.models.items()]
    says = (
        "Measured on trees that no step learned from; in brackets the middle 95 % of trees drawn again. Loss: nats a "
        "token of people's replies. Reward and judge: what the reward model that is learned from, and one of other "
        f"trees, say of the model's own replies, where a cut-off one is worth {plan.recipe.measure.unfinished:g}. "
        "Unpriced: what the judge says of them as they stand."
    )
    yield Table("Models", says, ("model", "loss", "bits a byte", "reward", "judge", "unpriced"), rows, open=True)
    rows = [
        (
            name, cell(each.get(of.KL), 2), cell(each.get(of.TOKENS), 0),
            *(share(each.get(one)) for one in (of.FINISHED, of.DISTINCT)),
        )
        for name, each in found.models.items()
    ]  # fmt: skip
    says = "KL: from the model that the step began with, in nats a reply. Finished: with their end token."
    heads = ("model", "KL", "tokens a reply", "finished", "distinct")
    yield Table("Their own replies", says, heads, rows, open=True)
    if others := list(dict.fromkeys(one for each in found.models.values() for one in each if _is_other(one))):
        rows = [(name, *(cell(each.get(one)) for one in others)) for name, each in found.models.items()]
        says = "Nats a token of people's replies in conversations of another kind, or told of what kind they are."
        yield Table("Beside these", says, ("model", *others), rows, open=True)
    changes = [
        (f"{name} from {plan.steps[name].start}", what, cell(change, signed=True), verdict(change))
        for name, each in found.changes.items()
        for what, change in each.items()
        if what in (of.LOSS, of.REWARD, of.JUDGE, of.UNPRICED, of.FINISHED) or _is_other(what)
    ]
    says = "On the same prompts and conversations before and after. Of a loss, lower is better."
    yield Table("What each step changed", says, ("step", "figure", "change", "which is"), changes, open=True)


def _is_other(figure: str) -> bool:
    return figure.startswith(f"{of.LOSS} ")


def _judges(found: Figures) -> Iterator[Table | Figure | str]:
    if not found.judges:
        return
    each = found.judges.values()
    measures: list[tuple[Cell, ...]] = [
        ("pairs", *(found.pairs[name] for name in found.judges)),
        ("people's order", *(share(one.get(of.ACCURACY)) for one in each)),
        ("chance", *("50.0%" for _ in each)),
        ("the longer reply", *(share(one.get(of.LONGER)) for one in each)),
        ("above the longer reply", *(cell(one.get(of.GAIN), signed=True) for one in each)),
        ("pairs of like length", *(share(one.get(of.MATCHED)) for one in each)),
        ("Kendall's τ-b", *(cell(one.get(of.TAU)) for one in each)),
    ]
    says = "How often each has people's order in pairs of trees that it did not learn from."
    yield Table("Reward models", says, ("of the reward model", *found.judges), measures, open=True)
    for name, one in found.judges.items():
        if one:
            yield f"{name}: {_beats(one)}"


def _beats(each: of.Figures) -> str:
    """Which of chance, length, and chance among replies of like length a reward model beats."""
    bars = [
        ("chance", each.get(of.ACCURACY), 0.5), ("the rule of the longer reply", each.get(of.GAIN), 0.0),
        ("chance among replies of like length", each.get(of.MATCHED), 0.5),
    ]  # fmt: skip
    words = {"higher": "beats", "lower": "is worse than", "not shown to differ": "is not shown to differ from"}
    said = [
        f"{words.get(verdict(_above(estimate, bar)), 'has too few trees to be compared with')} {what}"
        for what, estimate, bar in bars
        if estimate is not None
    ]
    return f"it {', it '.join(said)}."


def _above(estimate: Estimate, bar: float) -> Estimate:
    low, high = (None if end is None else end - bar for end in (estimate.low, estimate.high))
    return Estimate(estimate.value - bar, low, high)


def _distance(plan: Plan, found: Figures) -> Iterator[Table | Figure | str]:
    name = plan.recipe.measure.best_from
    if not found.best:
        return
    for what, title in ((of.REWARD, "Under the reward that is learned from"), (of.JUDGE, "Under the judge")):
        yield from figure(_against_distance(title, what, name, found, plan))
    rows = [
        (f"{each.n}", f"{each.bound:.2f}", *(cell(each.figures.get(what)) for what in (of.REWARD, of.JUDGE)), *(
            cell(each.gains.get(what), signed=True) for what in (of.REWARD, of.JUDGE)
        ))
        for each in found.best
    ]  # fmt: skip
    says = f"Of n replies of {name} the one that the reward likes best; its KL is at most log n − (n − 1) / n."
    heads = ("n", "KL at most", "reward", "judge", "reward gained", "judge gained")
    yield Table("Best of n", says, heads, rows, open=True)
    for step in _rivals(plan):
        kl = found.models[step.name].get(of.KL)
        rival = None if kl is None else beside(found.best, kl.value)
        if kl is None or rival is None:
            continue
        for what in (of.REWARD, of.JUDGE):
            change, gained = found.changes[step.name].get(what), rival.gains.get(what)
            if change is not None and gained is not None:
                yield (
                    f"{step.name} went {kl.value:.2f} nats and changed the {what} by {cell(change, signed=True)}; the "
                    f"best of {rival.n}, at most {rival.bound:.2f} nats away, by {cell(gained, signed=True)}."
                )


def _rivals(plan: Plan) -> list[Step]:
    """The steps that begin where the best of n is taken from."""
    return [step for step in plan.policies if step.start == plan.recipe.measure.best_from]


def _against_distance(title: str, what: str, name: str, found: Figures, plan: Plan) -> Chart | None:
    line = [
        {"model": f"best of n from {name}", "kl": each.bound, "value": each.figures[what].value}
        for each in found.best if what in each.figures
    ]  # fmt: skip
    if not line:
        return None
    points = []
    for step in _rivals(plan):
        told = found.models[step.name]
        if what in told and of.KL in told:
            low, high = told[what].low, told[what].high
            points.append({
                "model": step.name, "kl": told[of.KL].value, "value": told[what].value,
                "low": told[what].value if low is None else low, "high": told[what].value if high is None else high,
            })  # fmt: skip
    names = [line[0]["model"], *(point["model"] for point in points)]
    colours = [SERIES[place % len(SERIES)] for place in range(len(names))]
    colour = {"field": "model", "type": "nominal", "sort": None, "scale": {"domain": names, "range": colours}}
    x = {"field": "kl", "type": "quantitative", "title": f"KL from {name}, nats a reply"}
    y = {"field": "value", "type": "quantitative", "title": what, "scale": {"zero": False}}
    spec: Spec = {
        "width": WIDTH, "height": 280, "encoding": {"color": colour},
        "layer": [
            {"data": {"values": line}, "mark": {"type": "line", "strokeDash": [5, 4], "point": True},
             "encoding": {"x": x, "y": y}},
            {"data": {"values": points}, "mark": {"type": "rule", "strokeWidth": 2},
             "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
            {"data": {"values": points}, "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
             "encoding": {"x": x, "y": y}},
        ],
    }  # fmt: skip
    says = "The dashed line is the best of n at the bound of its KL; a model above it got more for its distance."
    rows = [
        (str(each["model"]), round(float(str(each["kl"])), 2), round(float(str(each["value"])), 3))
        for each in (*line, *points)
    ]
    return Chart(title, says, spec, ("model", "KL", what), rows)


# How it went


def _curves(plan: Plan) -> Iterator[Table | Figure | str]:
    for step in plan.steps.values():
        curves = read_curves(step.folder / METRICS)
        for title, names in DRAWN[step.algorithm.name].items():
            there = {name: curves[name] for name in names if name in curves}
            if there:
                yield from figure(chart_of(f"{step.name}: {title}", "By steps of the run.", there))


def _replies(plan: Plan, measured: Mapping[str, Measured]) -> Iterator[Table | Figure | str]:
    """Of some prompts the first reply of each model."""
    if not measured:
        return
    prompts = next(iter(measured.values())).prompts
    for place in range(min(plan.recipe.measure.shown, len(prompts))):
        rows = []
        for name, each in measured.items():
            if (reply := next((one for one in each.replies if one.prompt == place), None)) is not None:
                told = [f"{value:.2f}" for value in (reply.reward, reply.judge) if value is not None]
                rows.append((name, reply.text + ("" if reply.finished else " …"), *told))
        heads = ("model", "reply", "reward", "judge")[: len(rows[0])] if rows else ()
        yield Table(f"Prompt {place + 1}", prompts[place], heads, rows, open=True)


def _made(plan: Plan) -> Iterator[Table | Figure | str]:
    rows = [
        (
            step.name, step.algorithm.name, step.start or "", f"{step.settings.run.seed}",
            f"{done(step)['seconds']:.0f} s", str(step.folder),
        )
        for step in plan.steps.values()
    ]  # fmt: skip
    heads = ("step", "algorithm", "begins with", "seed", "took", "folder")
    says = "Each folder holds the model with its card: settings, checksums of what was read, figures."
    yield Table("Steps", says, heads, rows, open=True)
    data = plan.recipe.data
    files = [(path.name, "trees") for path in plan.given.trees] + [(path.name, "texts") for path in plan.given.texts]
    says = (
        f"{data.held_out:.0%} of the trees are held out of every step, the others are two halves; trees that share a "
        f"text stay together (seed {data.split_seed})."
    )
    yield Table("Data", says, ("file", "holds"), files)
