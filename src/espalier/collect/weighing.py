"""Weighing reviewers as a job: from all votes of the campaign to how far each of them can be relied upon.

The votes are written to a file and weighed by a process of its own, so that nobody on the site waits for it.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from espalier.collect import exports
from espalier.collect.beside import beside
from espalier.collect.files import Telling, Workshop
from espalier.collect.weights import refuse_without_packages
from espalier.dataset.read import read_votes
from espalier.dataset.weights import read_weights, write_weights
from espalier.dataset.write import write_votes
from espalier.store.jobs import Job
from espalier.store.weights import keep_weights


def weigh_reviewers(shop: Workshop, job: Job) -> dict[str, Any]:
    """How many were weighed. Raises Conflict where a package is missing."""
    refuse_without_packages()
    with tempfile.TemporaryDirectory(prefix="espalier-") as folder:
        votes, weights = Path(folder) / "votes.jsonl", Path(folder) / "weights.jsonl"
        told = Telling(shop, job, None)
        with shop.read() as db:
            write_votes(votes, told.each(exports.export_votes(db)))
        beside(partial(estimate, votes, weights), lambda: told.tell(0))
        found = {reviewer: round(weight, 4) for reviewer, weight in read_weights(weights).items()}
    return {"reviewers": shop.call(keep_weights, found, shop.clock())}


def estimate(votes: Path, weights: Path) -> None:
    """From a file of votes to one of weights."""
    from espalier.dataset.reliability import reviewers

    write_weights(weights, reviewers(read_votes(votes)))
