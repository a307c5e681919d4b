"""The papers of a release: its report and its card, made from the files that lie in it.

Knows which files a release holds; does not know where they came from.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from espalier.dataset.about import About, CardFile
from espalier.dataset.card import write_card
from espalier.dataset.describe import describe
from espalier.dataset.read import read_trees, read_votes
from espalier.dataset.records import TreeRecord
from espalier.dataset.release import VOTES
from espalier.dataset.report import write_report

REPORT, CARD = "report.html", "README.md"


def write_papers(folder: Path, about: About, files: Sequence[CardFile]) -> None:
    """Describe the trees of all parts and the votes on them. Raises NeedsVlConvert."""

    def trees() -> Iterator[TreeRecord]:
        for file in files:
            if file.path.endswith(".trees.jsonl.gz"):
                yield from read_trees(folder / file.path)

    described = describe(trees(), read_votes(folder / VOTES))
    write_report(folder / REPORT, described, about)
    write_card(folder / CARD, described, about, files)
