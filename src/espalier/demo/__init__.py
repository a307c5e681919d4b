"""The demo trees: some forty conversations in nine languages, in every state, and the votes that explain them.

Written for this project; `scripts/demo/build.py` makes both files from the texts beside it.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

TREES: Final[Traversable] = files(__name__) / "demo.trees.jsonl.gz"
VOTES: Final[Traversable] = files(__name__) / "demo.votes.jsonl.gz"
