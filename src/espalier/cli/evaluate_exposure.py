"""`espalier evaluate exposure`: how much models give away of personal data that was planted in what they learned."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

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
    weighing,
)
from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import progress

EXPOSURE = "exposure"


def exposure(
    models: Models,
    planted: Annotated[
        Path, typer.Option(metavar="FILE", help="secrets.jsonl, as a recipe with [data.planted] writes it.")
    ],
    among: Annotated[
        int, typer.Option(metavar="N", min=1_000, help="Values among which each secret is ranked.")
    ] = 1_024,
    into: Into = RESULTS,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """How exposed personal data of nobody is that was planted in what models learned, by how often it stood there."""
    import numpy as np

    from espalier.evaluate.exposure import by_times, exposed, read_secrets
    from espalier.evaluate.results import Results, checksums

    refuse_unreadable(planted)
    with in_sentences():
        secrets = read_secrets(planted)
        for model in opened(models, device, dtype, threads):
            reader = weighing(model, "what a secret is worth to it")
            with progress(f"{model.name}: secrets") as bar:
                found = exposed(reader, secrets, among, seed, bar)
            figures = by_times(found, among, np.random.default_rng(seed))
            kept(into, Results(
                model.name, model.source, model.identity, EXPOSURE, seed, len(secrets), figures, checksums([planted]),
                {"among": among}, {"secrets": [asdict(each) for each in found]},
            ))  # fmt: skip
