"""`espalier evaluate moderation`: how well moderation models know what volunteers call toxic."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from espalier.cli.evaluating import RESULTS, Into, Seed, in_sentences, kept
from espalier.cli.files import refuse_unreadable
from espalier.cli.sources import SOURCE, at_hand, notices_of
from espalier.cli.terminal import MISUSED, err, fail, progress, sentence

MODERATION = "moderation"


def moderation(
    trees: Annotated[list[Path], typer.Option("--trees", metavar="FILE", help=f"With labels. {SOURCE}")],
    models: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="What `espalier safety train` made of other trees.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(metavar="N", min=2, help="Learn anew N times, each time from the trees of the others.")
    ] = None,
    level: Annotated[
        float, typer.Option(metavar="X", min=0, max=1, help="From this mean label on volunteers call a text toxic.")
    ] = 0.5,
    alarm: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0,
            max=1,
            help="From this score on a model calls a text toxic; by default so that it calls as many so as people do.",
        ),
    ] = None,
    into: Into = RESULTS,
    seed: Seed = 0,
) -> None:
    """Precision and recall of models that tell toxicity, against volunteers' labels, beside Detoxify's scores where the
    files have them. --folds tells what the labels of these very trees are good for."""
    import numpy as np

    from espalier.dataset.read import read_trees
    from espalier.evaluate.moderation import LABEL, at_levels, even, knows, labelled, learned_anew
    from espalier.evaluate.results import Results, checksums
    from espalier.safety.toxicity import TooLittle, read_model

    if not models and folds is None:
        fail("Name a model, or --folds to learn one from a part of the trees.", MISUSED)
    for file in models or ():
        refuse_unreadable(file)
    notices = notices_of(*trees)
    files = [at_hand(source) for source in trees]
    with in_sentences():
        texts = labelled(
            tree for file in files for tree in read_trees(file, lambda each: notices(each) if each.lost else None)
        )
        if not any(each.share >= level for each in texts):
            fail(f"No message in {', '.join(map(str, trees))} has the label {LABEL} at {level:g} or above.")
        scores, read = {}, checksums(files)
        for file in models or ():
            model = read_model(file)
            if set(model.said.get("files", ())) & set(read.values()):
                err.print(f"{escape(file.stem)} has learned from these trees: its figures say little.", style="yellow")
            with progress(f"{file.name}: reading") as bar:
                scores[file.stem] = np.zeros(len(texts))
                for place, each in enumerate(texts):
                    scores[file.stem][place] = model.score(each.text)
                    bar(place + 1, len(texts))
        if folds is not None:
            try:
                with progress("learning anew") as bar:
                    scores[f"toxicity, {folds} folds"] = learned_anew(texts, folds, seed, bar)
            except TooLittle as wrong:
                fail(sentence(wrong))
        if any(each.detoxify is not None for each in texts):
            scores["Detoxify"] = np.array([np.nan if each.detoxify is None else each.detoxify for each in texts])
        for name, of in scores.items():
            there = [each for each, score in zip(texts, of, strict=True) if not np.isnan(score)]
            told = of[~np.isnan(of)]
            rings = even(there, told, level) if alarm is None else alarm
            figures = knows(there, told, level, rings, np.random.default_rng(seed))
            kept(into, Results(
                name, "", "", MODERATION, seed, len(there), figures, {**read, **checksums(models or ())},
                {"level": level, "alarm": round(rings, 4), "folds": folds},
                {"at_levels": at_levels(there, told, level)},
            ))  # fmt: skip
