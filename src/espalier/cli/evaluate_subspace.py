"""`espalier evaluate subspace`: whether later layers read what earlier ones write, beside heads of chance."""

from typing import Annotated

import typer
from rich.markup import escape

from espalier.cli.evaluating import (
    RESULTS,
    Device,
    Into,
    Models,
    Numbers,
    Seed,
    Threads,
    in_sentences,
    kept,
    opened,
)
from espalier.cli.terminal import fail, out, plural, progress

SUBSPACE = "subspace"


def subspace(
    models: Models,
    into: Into = RESULTS,
    rank: Annotated[int, typer.Option(metavar="N", min=1, help="Dimensions of each subspace.")] = 10,
    heads: Annotated[
        int, typer.Option(metavar="N", min=1, help="Heads of each kind at most, and a quarter of all at most.")
    ] = 10,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """Whether induction heads read the subspaces that previous-token heads of earlier layers write, beside heads drawn
    by chance and Gaussian subspaces; a diagnostic, no proof that a model generalises."""
    import numpy as np

    from espalier.evaluate.results import Results

    with in_sentences():
        for model in opened(models, device, dtype, threads):
            from espalier.evaluate.heads import SEQUENCES, heads_of, looks  # these need torch
            from espalier.evaluate.local import LocalModel
            from espalier.evaluate.subspace import compare, details_of

            if not isinstance(model, LocalModel):
                fail(f"{model.name} is on a server, which shows no weights; name the model's directory.")
            heads_there = heads_of(model.model)
            random = np.random.default_rng(seed)
            with progress(f"{model.name}: where heads look") as bar:
                looked = looks(model.model, model.ordinary, random, bar)
            found = compare(heads_there, looked, random, rank, heads)
            if found is None:
                fail(f"{model.name} has one layer, and no later one that could read what it writes.")
            results = Results(
                model.name, model.source, model.identity, SUBSPACE, seed, len(found.pairs),
                found.figures, {},
                {"rank": found.rank, "heads": heads, "sequences": SEQUENCES, "dtype": dtype}, details_of(found),
            )  # fmt: skip
            kept(into, results)
            for pair in found.matched[:5]:
                out.print(
                    f"Head {pair.reads} reads what {pair.writes} writes: diagonal score {pair.diagonal:.1f}, "
                    f"alignment {pair.alignment:.2f}."
                )  # fmt: skip
            if not found.matched:
                out.print(f"{escape(model.name)}: none of {plural(len(found.pairs), 'pair', 'pairs')} is a match.")
    out.print(
        "A diagnostic, no proof: read it beside bits per byte of languages and topics that were never trained on."
    )
