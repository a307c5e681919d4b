"""DPO and its robust variants where some pairs are turned round: which learns best, and are such pairs found?

    python benchmarks/noise.py                  # some forty minutes
    python benchmarks/noise.py --seeds 1 --shares 0 0.2
    python benchmarks/noise.py --keep var/noise.jsonl --figure docs/noise.svg

A language of twelve words and a known reward r*: each word of a reply has a worth, which depends on the prompt. Pairs
are two samples of the reference; the one of higher r* is preferred, and a share of them is then turned round. Each
method has the same tuning: five values of what it has, chosen by accuracy on clean pairs, and told on other clean
pairs. How well turned pairs are found is told by the area under the curve of ξ (ties count half) and of −m, both by a
model that has not learned the pair (two folds). Then the error against the number of pairs N: labels drawn by Bradley
and Terry from r*, and turned round in ⌈5 ln N⌉ pairs or in fixed shares; the error of pairs against the order of r*,
and how far the mean r* of samples is below that of the best policy, π_ref · exp(r*). The last line is one JSON object.
With --keep each run is written down when it is done, and not done again.
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from sklearn.metrics import roc_auc_score
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from espalier.dataset.charts import SERIES, Chart
from espalier.infer.engine import Sampling, Tokens
from espalier.infer.local import LocalEngine
from espalier.train.curves import drawn_alone
from espalier.train.dpo import Dpo, DpoSettings, Pairs, fit, measured, reference_log_probs
from espalier.train.ranked import Ranked
from espalier.train.settings import Data, Model, Optimizer, Run, Source

WORDS, END, BEGIN = 12, 12, 13
KINDS = 3  # of prompts
LONGEST = 16
BETA = 0.1
SHARES = (0.0, 0.1, 0.2, 0.3)
NUMBERS = (250, 500, 1_000, 2_000, 4_000, 8_000)
METHODS: dict[str, list[dict[str, float]]] = {
    "DPO": [{"beta": beta} for beta in (0.02, 0.05, 0.1, 0.2, 0.5)],
    "cDPO": [{"beta": BETA, "smoothing": each} for each in (0.02, 0.05, 0.1, 0.2, 0.3)],
    "R-DPO": [{"beta": BETA, "verbosity": each} for each in (0.001, 0.003, 0.01, 0.03, 0.1)],
    "DPO-COV": [{"beta": BETA, "slope": each} for each in (0.1, 0.3, 0.5, 0.7, 1.0)],
}
LEARNERS: dict[str, dict[str, float]] = {"DPO": {"beta": BETA}, "DPO-COV": {"beta": BETA, "slope": 0.3}}
"""What the error against the number of pairs is told of."""
LOGARITHM = "5 ln N"
CLEAN = 500  # pairs that methods are chosen by, and half of those they are told on


@dataclass(frozen=True)
class World:
    """reference: what samples come from. worths: of each word after each kind of prompt."""

    reference: PreTrainedModel
    worths: list[list[float]]

    def worth(self, prompt: Tokens, reply: Tokens) -> float:
        """r*."""
        return sum(self.worths[prompt[-1] % KINDS][token] for token in reply if token < WORDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=600, help="that are learned where a share is turned round")
    parser.add_argument("--shares", type=float, nargs="*", default=list(SHARES))
    parser.add_argument("--numbers", type=int, nargs="*", default=list(NUMBERS))
    parser.add_argument("--keep", type=Path, help="a file with a line for each run that is done")
    parser.add_argument("--figure", type=Path, help="where the error against N is drawn, as SVG")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    began = time.process_time()
    seeds, runs = range(arguments.seeds), Runs(arguments.keep)
    turned = {}
    for share in arguments.shares:
        said = f"{share:.0%}"
        turned[said] = [
            runs.once(
                f"{said} of {arguments.pairs}, seed {seed}",
                lambda share=share, seed=seed: turned_round(share, arguments.pairs, seed),
            )
            for seed in seeds
        ]
        print_turned(said, turned[said])
    errors: dict[str, Any] = {}
    for number in arguments.numbers:
        for arm in (LOGARITHM, *(f"{share:.0%}" for share in arguments.shares if share)):
            found = [
                runs.once(
                    f"{arm} of N = {number}, seed {seed}",
                    lambda arm=arm, number=number, seed=seed: learned_from(number, arm, seed),
                )
                for seed in seeds
            ]
            for name in LEARNERS:
                each = {key: [round(run[name][key], 4) for run in found] for key in ("error", "below")}
                errors.setdefault(f"{name}, {arm}", {})[number] = each
                error, below = (spread(each[key]) for key in ("error", "below"))
                print(f"{name}, {arm}, N = {number:,}: error {error}, below the best {below}", flush=True)
    if arguments.figure and errors:
        arguments.figure.write_text(drawn_alone(chart_of(errors)), "utf-8")
    minutes = (time.process_time() - began) / 60
    print(json.dumps({"turned": turned, "errors": errors, "minutes of processor time": round(minutes, 1)}))


class Runs:
    """What was found before is read again."""

    def __init__(self, kept: Path | None) -> None:
        self._kept = kept
        lines = kept.read_text("utf-8").splitlines() if kept and kept.exists() else []
        self._found: dict[str, Any] = dict(json.loads(line) for line in lines)

    def once(self, name: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if name not in self._found:
            self._found[name] = run()
            if self._kept:
                with self._kept.open("a", encoding="utf-8") as file:
                    print(json.dumps([name, self._found[name]]), file=file)
        found: dict[str, Any] = self._found[name]
        return found


# Pairs that are turned round


def turned_round(share: float, number: int, seed: int) -> dict[str, Any]:
    """Each method as tuned, on pairs of which a share is turned round: its accuracy, and how pairs were found."""
    world, rng = world_of(seed), Random(seed)
    pairs, turned = drawn(world, number, rng, share)
    validation, _ = drawn(world, CLEAN, rng, 0)
    test, _ = drawn(world, 2 * CLEAN, rng, 0)
    found: dict[str, Any] = {}
    for method, values in METHODS.items():
        tried = [(accuracy(trained(world, pairs, each, seed), validation, each), each) for each in values]
        best = max(tried, key=lambda each: each[0])[1]
        found[method] = {"chosen": best, "accuracy": accuracy(trained(world, pairs, best, seed), test, best)}
    if share:
        found["found"] = {f"λ = {slope}": finding(world, pairs, turned, slope, seed) for slope in (0.1, 0.3, 0.5, 0.7)}
    return found


def finding(world: World, pairs: Pairs, turned: Sequence[bool], slope: float, seed: int) -> dict[str, float]:
    """Areas under the curves of ξ and of −m, of pairs that the model has not learned."""
    chosen = {"beta": BETA, "slope": slope}
    margins, noise = [0.0] * len(turned), [0.0] * len(turned)
    for fold in (0, 1):
        learned, left = (part(pairs, range(side, len(turned), 2)) for side in (1 - fold, fold))
        terms = measured(trained(world, learned, chosen, seed), left, settings(chosen, seed))
        margins[fold::2], noise[fold::2] = terms.margins.tolist(), terms.noise.tolist()
    return {
        "noise": float(roc_auc_score(turned, noise)),
        "margin": float(roc_auc_score(turned, [-each for each in margins])),
        "noisy": sum(each > 0 for each in noise) / len(noise),
    }


def print_turned(share: str, found: Sequence[dict[str, Any]]) -> None:
    print(f"{share} turned round:")
    for method in METHODS:
        accuracies = [each[method]["accuracy"] for each in found]
        chosen = ", ".join(str(each[method]["chosen"]) for each in found)
        print(f"  {method:8} {spread(accuracies)}   chosen: {chosen}")
    for slope in found[0].get("found", ()):
        each = {name: spread([run["found"][slope][name] for run in found]) for name in ("noise", "margin", "noisy")}
        print(f"  {slope}: AUC of ξ {each['noise']}, of −m {each['margin']}, share ξ > 0 {each['noisy']}", flush=True)


# The error against the number of pairs


def learned_from(number: int, arm: str, seed: int) -> dict[str, dict[str, float]]:
    """Of each learner the share of pairs that it has wrong, at least one in all of them, and r* below the best."""
    share = math.ceil(5 * math.log(number)) / number if arm == LOGARITHM else float(arm.rstrip("%")) / 100
    world, rng = world_of(seed), Random(1_000 + seed)
    pairs, _ = drawn(world, number, rng, share, by_chance=True)
    test, _ = drawn(world, 2 * CLEAN, rng, 0)
    found = {}
    for name, chosen in LEARNERS.items():
        model = trained(world, pairs, chosen, seed)
        error = max(1 - accuracy(model, test, chosen), 1 / (2 * CLEAN))
        found[name] = {"error": error, "below": below_best(world, model, seed)}
    return found


def below_best(world: World, model: PreTrainedModel, seed: int) -> float:
    """Mean r* of the best policy, by weighing samples of the reference, less that of the model's own samples."""
    rng = Random(7)
    prompts = [prompt(rng) for _ in range(500)]
    own = [world.worth(given, reply) for given, reply in sampled(model, prompts, seed)]
    worths = [world.worth(given, reply) for given, reply in sampled(world.reference, prompts * 4, seed)]
    weights = [math.exp(each) for each in worths]
    best = sum(weight * each for weight, each in zip(weights, worths, strict=True)) / sum(weights)
    return best - statistics.fmean(own)


# The world


def world_of(seed: int) -> World:
    """Eager attention: with sequences as short as these it is twice as fast."""
    torch.manual_seed(seed)
    shape = LlamaConfig(
        vocab_size=WORDS + 2, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, pad_token_id=0, attn_implementation="eager",
    )  # fmt: skip
    rng = Random(seed)
    worths = [[rng.gauss(0, 0.5) for _ in range(WORDS)] for _ in range(KINDS)]
    return World(LlamaForCausalLM(shape).eval(), worths)


def prompt(rng: Random) -> Tokens:
    return (BEGIN, rng.randrange(WORDS), rng.randrange(WORDS))


def sampled(model: PreTrainedModel, prompts: Sequence[Tokens], seed: int) -> list[tuple[Tokens, Tokens]]:
    drawn = LocalEngine(model, [END]).generate(prompts, Sampling(LONGEST), seed)
    return [(each.prompt, each.reply) for each in drawn]


def drawn(world: World, number: int, rng: Random, share: float, by_chance: bool = False) -> tuple[Pairs, list[bool]]:
    """Pairs with what the reference says of them, and which were turned round. by_chance: labels are drawn."""
    prompts = [prompt(rng) for _ in range(number)]
    twice = sampled(world.reference, [each for each in prompts for _ in (0, 1)], rng.randrange(2**31))
    turned = set(rng.sample(range(number), round(share * number)))
    pairs = []
    for place in range(number):
        (given, one), (_, other) = twice[2 * place], twice[2 * place + 1]
        apart = world.worth(given, one) - world.worth(given, other)
        first = rng.random() < 1 / (1 + math.exp(-apart)) if by_chance else apart > 0
        replies = (one, other) if first != (place in turned) else (other, one)
        pairs.append(Ranked(given, replies, (0, 0), str(place), "und"))
    reference = reference_log_probs(world.reference, pairs, 8_192)
    return Pairs(pairs, reference), [place in turned for place in range(number)]


def part(pairs: Pairs, places: Sequence[int]) -> Pairs:
    return Pairs([pairs.pairs[place] for place in places], pairs.reference[list(places)])


# Learning


def settings(chosen: dict[str, float], seed: int, out: Path = Path("none")) -> DpoSettings:
    return DpoSettings(
        model=Model(start="none"),
        data=Data(sources=(Source(path=Path("none")),)),
        optimizer=Optimizer(learning_rate=3e-3, batch=32, warmup=10, schedule="linear"),
        run=Run(out=out, seed=seed, epochs=3, save_every=10**6, measure_every=10**6, tensorboard=False),
        dpo=Dpo(**chosen),
    )


def trained(world: World, pairs: Pairs, chosen: dict[str, float], seed: int) -> PreTrainedModel:
    """A model that began as the reference."""
    model = LlamaForCausalLM(world.reference.config)
    model.load_state_dict(world.reference.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        fit(model, pairs, replace(pairs, pairs=[]), settings(chosen, seed, Path(folder)))
    return model.eval()


def accuracy(model: PreTrainedModel, pairs: Pairs, chosen: dict[str, float]) -> float:
    terms = measured(model, pairs, settings(chosen, 0))
    return float((terms.chosen > terms.rejected).float().mean() + (terms.chosen == terms.rejected).float().mean() / 2)


# The figure


def chart_of(errors: dict[str, dict[int, dict[str, list[float]]]]) -> Chart:
    """Both errors against N, arms side by side; the range over seeds behind the mean. Where what is turned round grows
    as the bound wants it, log N / √N stands beside, from where DPO begins.
    """
    names = {"error": "pairs wrong", "below": "r* below the best"}
    rows, values = [], []
    for name, by_number in errors.items():
        method, arm = name.split(", ")
        said = f"⌈{LOGARITHM}⌉ turned" if arm == LOGARITHM else f"{arm} turned"
        for number, found in by_number.items():
            rows.append((name, number, *(spread(found[key]) for key in names)))
            for key, of in names.items():
                each = {"arm": said, "of": of, "by": method, "N": number}
                values.append(
                    each | {"mean": statistics.fmean(found[key]), "low": min(found[key]), "high": max(found[key])}
                )
            if method == "DPO" and arm == LOGARITHM:
                first = next(iter(by_number))
                falls = math.log(number) / math.sqrt(number) / (math.log(first) / math.sqrt(first))
                begins = statistics.fmean(by_number[first]["below"])
                values.append(
                    {"arm": said, "of": names["below"], "by": "log N / √N", "N": number, "mean": begins * falls}
                )
    x = {"field": "N", "type": "quantitative", "scale": {"type": "log"}, "axis": {"values": list(NUMBERS)}}
    y = {"type": "quantitative", "scale": {"zero": True}, "title": None}
    colours = {"domain": [*LEARNERS, "log N / √N"], "range": list(SERIES[:3])}
    spec = {
        "data": {"values": values},
        "facet": {
            "column": {"field": "arm", "type": "nominal", "sort": None, "title": None},
            "row": {"field": "of", "type": "nominal", "sort": None, "title": None},
        },
        "resolve": {"scale": {"y": "independent"}},
        "spec": {
            "width": 170, "height": 150,
            "encoding": {
                "x": x,
                "color": {
                    "field": "by", "type": "nominal", "sort": None, "scale": colours, "title": None,
                    "legend": {"symbolOpacity": 1},
                },
            },
            "layer": [
                {"mark": {"type": "area", "opacity": 0.15},
                 "encoding": {"y": {"field": "low", **y}, "y2": {"field": "high"}}},
                {"mark": {"type": "line", "point": True}, "encoding": {"y": {"field": "mean", **y}}},
            ],
        },
    }  # fmt: skip
    return Chart(
        "Errors against the number of pairs", "Means over seeds, and the range from the lowest to the highest.", spec,
        ("learned by", "N", *names.values()), rows,
    )  # fmt: skip


def spread(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.3f} ({min(values):.3f}–{max(values):.3f})"


if __name__ == "__main__":
    main()
