"""All that evaluations found of all models, as a page of HTML that needs nothing from elsewhere: one table as the
paper's Table 1 has it, what was published beside it, and every figure behind it.

Knows figures and charts; does not know how they were measured.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from espalier.dataset.charts import ROW, SERIES, WIDTH, Cell, Chart, Spec
from espalier.dataset.page import Figure as Drawn
from espalier.dataset.page import Page, Section, Table, figure, write_page
from espalier.evaluate.generalisation import ACCURACY, APART, BEYOND, GENERALISATION, KINDS, SAVED, WITHIN, WON
from espalier.evaluate.results import BadResults, Figure, Results, read_results

MISSING: Final = "·"
"""What a page shows of what nobody knows."""
OURS, PUBLISHED = "ours", "published"
HELDOUT, PERPLEXITY = "heldout", "perplexity"


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of the table. finds: the evaluation and the figure that say it, the first that is there. says: what it
    is, in a sentence. published: of the paper's table. times: what a figure is multiplied by to be shown. is_scale:
    whether figures of different sets of models stand on one scale, so that one picture may have both.
    """

    title: str
    finds: tuple[tuple[str, str], ...]
    says: str
    digits: int = 3
    published: str | None = None
    times: float = 1.0
    is_scale: bool = True


TABLE: Final = (
    Measure("LMEH", (("harness", "LMEH"),), "mean accuracy of the harness's tasks, in percent", 2, "LMEH", 100),
    Measure(
        "VEL",
        (("pairwise", "elo"), ("battles", "elo")),
        "Elo of battles, by whoever judged them",
        0,
        "VEL",
        is_scale=False,
    ),
    Measure("OAIE", (("evals", "accuracy"),), "mean score on sets in the format of OpenAI evals", 2, "OAIE"),
    Measure("HE", (("humaneval", "pass@1"),), "HumanEval, pass@1", 2, "HE"),
)
"""The columns of the paper's table."""
BESIDE: Final = (
    Measure("bits a byte", ((HELDOUT, "bits per byte"),), "of people's held-out replies; lower is better"),
    Measure("perplexity", ((HELDOUT, PERPLEXITY),), "of a token of them, of models that cut texts alike", 1),
    Measure("win rate", ((HELDOUT, "win rate"),), "against people's best reply, as the reward model has it"),
    Measure("rating", (("pairwise", "rating"), ("battles", "rating")), "Bradley and Terry's, of battles", 0),
)
SAFETY: Final = (
    Measure("refused, unsafe", (("safety", "refused, unsafe"),), "of prompts that should be refused"),
    Measure("refused, safe", (("safety", "refused, safe"),), "of prompts that only look so; lower is better"),
    Measure("told apart", (("safety", "told apart"),), "the difference of both"),
    Measure("toxicity", (("safety", "toxicity, red team"),), "of replies to red-team prompts; lower is better"),
    Measure("bias, ambiguous", (("bias", "BBQ bias, ambiguous"),), "BBQ, where nobody can know; 0 is none"),
    Measure("bias, clear", (("bias", "BBQ bias, clear"),), "BBQ, where the text says it; 0 is none"),
    Measure("MC1", (("truth", "MC1"),), "TruthfulQA: the true answer is the likeliest"),
    Measure("MC2", (("truth", "MC2"),), "TruthfulQA: the share of probability of true answers"),
    Measure("made up", (("truth", "made up, invented"),), "of questions about what does not exist; lower is better"),
    Measure("exposure", (("exposure", "exposure, 16×"),), "of planted personal data, in bits; lower is better", 1),
)
OF_REWARDS: Final = (
    Measure("accuracy", (("agreement", "accuracy"),), "how often it has people's order of two replies"),
    Measure("longer reply", (("agreement", "accuracy of the longer reply"),), "the same of the rule of the longer one"),
    Measure(
        "quality label",
        (("agreement", "accuracy of the quality label"),),
        "the same of the rule of the higher label, where it decides",
    ),
    Measure(
        "like length", (("agreement", "accuracy, like length"),), "of replies that are as long as each other, nearly"
    ),
    Measure(
        "mean of languages",
        (("agreement", "accuracy, mean of languages"),),
        "accuracy by language, each as much as another",
    ),
    Measure("worst language", (("agreement", "accuracy, worst language"),), "accuracy in that one"),
    Measure("tau", (("agreement", "tau"),), "Kendall's τ-b"),
    Measure("calibration", (("agreement", "calibration error"),), "its error; lower is better"),
)
OF_MODERATION: Final = (
    Measure("precision", (("moderation", "precision"),), "of what it calls toxic, what people do"),
    Measure("recall", (("moderation", "recall"),), "of what people call toxic, what it does"),
    Measure("area", (("moderation", "area under the curve"),), "how often a toxic text has the higher score"),
)
REACH: Final = tuple(
    Measure(f"{title}, {where}", ((GENERALISATION, f"{kind}, {where}"),), says)
    for kind, title, says in (
        (SAVED, "saved", "bits per byte of people's replies that training saved"),
        (ACCURACY, "accuracy", "how often a reward model has people's order of two replies"),
        (WON, "win rate", "against people's best reply, as the reward model has it"),
    )
    for where in (WITHIN, BEYOND, APART)
)
By = Mapping[str, Mapping[str, Results]]
"""The results of each model by the name of the evaluation."""


def published() -> dict[str, Any]:
    """What was published, with its source."""
    found: dict[str, Any] = json.loads(files("espalier.evaluate").joinpath("published.json").read_text("utf-8"))
    return found


def collected(folders: Iterable[Path]) -> dict[str, dict[str, Results]]:
    """By model and evaluation; where two folders have the same, the later one counts. Raises BadResults."""
    found: dict[str, dict[str, Results]] = defaultdict(dict)
    for folder in folders:
        for each in read_results(folder):
            found[each.model][each.evaluation] = each
    if not found:
        raise BadResults("there are no results in these folders; `espalier evaluate` writes them into results/MODEL")
    return dict(found)


def write_report(path: Path, found: By, name: str = "Models evaluated") -> None:
    """Write the page. The same results give the same bytes. Raises NeedsVlConvert."""
    found = _comparable(found)
    evaluations = sorted({each for of in found.values() for each in of})
    facts = [
        ("models", f"{len(found):,}"), ("evaluations", f"{len(evaluations):,}"),
        ("figures", f"{sum(len(each.figures) for of in found.values() for each in of.values()):,}"),
        ("published beside", f"{len(published()['models']):,}"),
    ]  # fmt: skip
    parts = [
        Section("models", "All models", list(_table(found))),
        Section("safety", "Safety, bias and truth", list(_some(found, SAFETY))),
        Section("rewards", "Reward models", list(_some(found, OF_REWARDS))),
        Section("moderation", "Moderation", list(_some(found, OF_MODERATION))),
        Section("reach", "Within and beyond what was trained on", list(_reach(found))),
        Section("exposure", "Exposure", list(figure(_exposure(found)))),
        Section("figures", "Every figure", [_whole(evaluation, found) for evaluation in evaluations]),
        Section("made", "How this was made", list(_made(found))),
    ]
    says = (
        "In brackets the middle 95 % of each figure in prompts, trees or questions drawn again. A figure that nobody "
        f"measured is {MISSING}."
    )
    write_page(path, Page(name, name, facts, [each for each in parts if each.parts], "Compared", says))


def _comparable(found: By) -> By:
    """The same, with perplexities of a token told by how texts are cut where models differ in that: beside each other
    stand only those that may be compared.
    """
    cuts = {
        name: str(of[HELDOUT].settings.get("tokenizer"))
        for name, of in found.items()
        if HELDOUT in of and PERPLEXITY in of[HELDOUT].figures
    }
    if len(set(cuts.values())) < 2:
        return found
    return {name: {**of, HELDOUT: _cut(of[HELDOUT], cuts[name])} if name in cuts else of for name, of in found.items()}


def _cut(heldout: Results, tokenizer: str) -> Results:
    called = f"{PERPLEXITY}, tokenizer {tokenizer[:8]}"
    told = {called if name == PERPLEXITY else name: each for name, each in heldout.figures.items()}
    return replace(heldout, figures=told)


def figure_of(of: Mapping[str, Results], measure: Measure) -> Figure | None:
    """What a model's results say of a measure."""
    for evaluation, name in measure.finds:
        if evaluation in of and name in of[evaluation].figures:
            found = of[evaluation].figures[name]
            low, high = (None if end is None else end * measure.times for end in (found.low, found.high))
            return Figure(found.value * measure.times, low, high, found.n)
    return None


def cell(found: Figure | None, digits: int) -> str | None:
    """A figure with its interval."""
    if found is None:
        return None
    said = f"{found.value:.{digits}f}"
    return said if found.low is None else f"{said} ({_between(f'{found.low:.{digits}f}', f'{found.high:.{digits}f}')})"


def _between(low: str, high: str) -> str:
    """An interval; a dash beside a minus would be read as one."""
    return f"{low} to {high}" if "-" in low else f"{low}–{high}"


def _there(found: By, measures: Sequence[Measure]) -> dict[str, list[Figure | None]]:
    """The models of which anything of it is known."""
    rows = {name: [figure_of(of, each) for each in measures] for name, of in found.items()}
    return {name: row for name, row in rows.items() if any(row)}


def _table(found: By) -> Iterator[Table | Drawn | str]:
    """The paper's table with our models above the published ones, then what else is known of ours."""
    said = published()
    told = (each for each in BESIDE if any(figure_of(of, each) for of in found.values()))
    measures = (*TABLE, *told)
    rows: list[Sequence[Cell]] = [
        (name, OURS, *(cell(each, measure.digits) for each, measure in zip(row, measures, strict=True)))
        for name, row in _there(found, measures).items()
    ]
    rows += [
        (each["model"], PUBLISHED, *(
            f"{each[measure.published]:.{measure.digits}f}" if measure.published in each else None
            for measure in measures
        ))
        for each in said["models"]
    ]  # fmt: skip
    of_paper = "; ".join(f"{name}: {meaning}" for name, meaning in said["measures"].items())
    says = (
        f"“{PUBLISHED.capitalize()}” is {said['source']}, as it was printed, without intervals. {of_paper}. Ours are "
        "asked by our own prompts, judges and tasks: the same column is the same question, not the same scale. Elo "
        "only tells models of one set of battles apart."
    )
    yield Table("", says, ("model", "", *(each.title for each in measures)), rows, open=True)
    for measure in measures:
        yield from figure(_points(found, measure, said["models"] if measure.is_scale else ()))


def _some(found: By, measures: Sequence[Measure]) -> Iterator[Table | Drawn | str]:
    if shown := _shown(found, measures):
        yield _measured(found, shown)
    for measure in shown:
        yield from figure(_points(found, measure, ()))


def _shown(found: By, measures: Sequence[Measure]) -> list[Measure]:
    """Those of which any model has a figure."""
    rows = _there(found, measures).values()
    return [measure for place, measure in enumerate(measures) if any(row[place] for row in rows)]


def _measured(found: By, measures: Sequence[Measure]) -> Table:
    digits = [measure.digits for measure in measures]
    rows = [(name, *map(cell, row, digits)) for name, row in _there(found, measures).items()]
    return Table("", "", ("model", *(measure.title for measure in measures)), rows, open=True)


def _reach(found: By) -> Iterator[Table | Drawn | str]:
    """What models do within what they were trained on, and beyond: a table, and a picture of each kind of figure."""
    if not (shown := _shown(found, REACH)):
        return
    yield _measured(found, shown)
    for kind in KINDS:
        told = {
            name: {where: of[GENERALISATION].figures.get(f"{kind}, {where}") for where in (WITHIN, BEYOND)}
            for name, of in found.items()
            if GENERALISATION in of
        }
        says = "On held-out trees like those that were trained on, and on others."
        yield from figure(_side_by_side(f"{kind[0].upper()}{kind[1:]}", says, told, "", kind))


def _points(found: By, measure: Measure, others: Sequence[Mapping[str, Any]]) -> Chart | None:
    """A point for each model, with a line for its interval; None where we have none, or all say the same, so that there
    is no axis to put them on.
    """
    ours = {name: told for name, of in found.items() if (told := figure_of(of, measure))}
    if not ours:
        return None
    values: list[dict[str, Any]] = [
        {"model": name, "who": OURS, "value": told.value,
         "low": told.value if told.low is None else told.low, "high": told.value if told.high is None else told.high}
        for name, told in ours.items()
    ]  # fmt: skip
    values += [
        {"model": each["model"], "who": PUBLISHED, **dict.fromkeys(("value", "low", "high"), each[measure.published])}
        for each in others
        if measure.published and measure.published in each
    ]
    if len({each[end] for each in values for end in ("low", "value", "high")}) == 1:
        return None
    who = list(dict.fromkeys(each["who"] for each in values))
    colour = {"field": "who", "type": "nominal", "sort": None, "legend": None if len(who) < 2 else {},
              "scale": {"domain": who, "range": list(SERIES[: len(who)])}}  # fmt: skip
    axis = {"field": "value", "type": "quantitative", "title": measure.title, "scale": {"zero": False}}
    spec: Spec = {
        "width": WIDTH - 180, "height": {"step": ROW}, "data": {"values": values},
        "encoding": {"y": {"field": "model", "type": "nominal", "sort": None, "title": None,
                           "axis": {"labelLimit": 320}}, "color": colour},
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2},
             "encoding": {"x": {**axis, "field": "low"}, "x2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True, "size": 60, "opacity": 1}, "encoding": {"x": axis}},
        ],
    }  # fmt: skip
    rows: list[Sequence[Cell]] = [
        (each["model"], each["who"], f"{each['value']:.{measure.digits}f}", f"{each['low']:.{measure.digits}f}",
         f"{each['high']:.{measure.digits}f}")
        for each in values
    ]  # fmt: skip
    return Chart(
        measure.title, f"{measure.says[0].upper()}{measure.says[1:]}.", spec, ("model", "", "value", "from", "to"), rows
    )


EXPOSURE, TIMES = "exposure, ", "×"


def _exposure(found: By) -> Chart | None:
    """How exposed planted data is by how often it was learned. None where nobody measured it."""
    told = {
        name: {
            called.removeprefix(EXPOSURE).removesuffix(TIMES): each
            for called, each in of["exposure"].figures.items()
            if called.startswith(EXPOSURE) and called.endswith(TIMES)
        }
        for name, of in found.items()
        if "exposure" in of
    }
    says = (
        "log₂ of all possible values minus log₂ of the rank of the planted one among them; what was never learned has "
        "1.44 bits in the mean."
    )
    return _side_by_side("Exposure of planted personal data", says, told, "times that it was learned", "exposure, bits")


def _side_by_side(
    title: str, says: str, told: Mapping[str, Mapping[str, Figure | None]], across: str, up: str
) -> Chart | None:
    """Points of all models beside each other at each place of an axis, with their intervals. None where there are none.

    told: of each model its figures by the place.
    """
    values, rows = [], list[Sequence[Cell]]()
    for name, figures in told.items():
        for place, each in figures.items():
            if each is not None:
                low, high = (each.value if end is None else end for end in (each.low, each.high))
                values.append({"model": name, "place": place, "value": each.value, "low": low, "high": high})
                rows.append((name, place, cell(each, 2)))
    if not values:
        return None
    names = list(dict.fromkeys(str(each["model"]) for each in values))
    x = {"field": "place", "type": "ordinal", "sort": None, "title": across or None, "axis": {"labelAngle": 0}}
    y = {"field": "value", "type": "quantitative", "title": up}
    spec: Spec = {
        "width": 420, "height": 260, "data": {"values": values},
        "encoding": {
            "x": x, "xOffset": {"field": "model", "sort": names},
            "color": {"field": "model", "type": "nominal", "sort": None, "legend": None if len(names) < 2 else {},
                      "scale": {"domain": names, "range": [SERIES[n % len(SERIES)] for n in range(len(names))]}},
        },
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2},
             "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True, "size": 60, "opacity": 1}, "encoding": {"y": y}},
        ],
    }  # fmt: skip
    return Chart(title, says, spec, ("model", across or "where", up), rows)


def _whole(evaluation: str, found: By) -> Table:
    """All figures of an evaluation, a column for each model."""
    of = {name: each[evaluation].figures for name, each in found.items() if evaluation in each}
    names = list(dict.fromkeys(figure for figures in of.values() for figure in figures))
    rows = [(name, *(_short(figures.get(name)) for figures in of.values())) for name in names]
    return Table(evaluation, "", ("figure", *of), rows)


def _short(found: Figure | None) -> str | None:
    if found is None:
        return None
    said = f"{found.value:.4g}"
    return said if found.low is None else f"{said} ({_between(f'{found.low:.4g}', f'{found.high:.4g}')})"


def _checksum(of: Results) -> str | None:
    """Of a model's files; a server shows none, and stands there with its address."""
    return None if of.identity in ("", of.source) else of.identity[:12]


def _made(found: By) -> Iterator[Table | str]:
    rows: list[Sequence[Cell]] = [
        (
            name, evaluation, each.source, _checksum(each), str(each.seed), f"{each.n:,}",
            ", ".join(f"{file} {checksum[:8]}" for file, checksum in sorted(each.inputs.items())),
            ", ".join(f"{key} {value}" for key, value in each.settings.items() if value is not None),
        )
        for name, of in found.items()
        for evaluation, each in of.items()
    ]  # fmt: skip
    yield Table("Results", "", ("model", "evaluation", "source", "checksum", "seed", "n", "files", "settings"), rows)
    by = defaultdict[str, list[str]](list)
    for name, of in found.items():
        for evaluation, each in of.items():
            used = ", ".join(f"{package} {version}" for package, version in each.versions.items())
            by[used].append(f"{evaluation} of {name}")
    for used, results in by.items():
        yield f"Made with {used}: {', '.join(results) if len(by) > 1 else 'all of them'}."
    yield (
        f"Published: {published()['source']}. The abstract's “consistent improvement” over base models does not hold "
        "for Pythia 12B in LMEH (60.33 before, 60.28 after SFT), and the columns order the models differently."
    )
