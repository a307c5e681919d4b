"""Data sets in Python: what one does with them in a notebook, by the names that docs/dataset.md tells.

    from espalier import dataset

    good = dataset.where(dataset.load_trees("trees.jsonl.gz"), "lang=en", "quality>=0.6")
    dataset.save("chats.parquet", dataset.chats(good))

Nothing is loaded before it is asked for. What is not named here stands in the modules of this room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from espalier.dataset.examples import Battle, Chat, Preference, Prompt, Ranking, Turn
    from espalier.dataset.filter import condition
    from espalier.dataset.findings import Finding, Findings
    from espalier.dataset.notebook import (
        chats,
        load,
        load_examples,
        load_messages,
        load_scores,
        load_trees,
        load_votes,
        messages,
        pairs,
        prompts,
        rankings,
        save,
        table,
        where,
    )
    from espalier.dataset.records import MessageRecord, TreeRecord, VoteRecord

_STANDS_IN: Final = {
    "notebook": (
        "load", "load_trees", "load_messages", "load_votes", "load_examples", "load_scores", "where", "messages",
        "chats", "pairs", "rankings", "prompts", "save", "table",
    ),
    "records": ("TreeRecord", "MessageRecord", "VoteRecord"),
    "examples": ("Chat", "Prompt", "Preference", "Ranking", "Battle", "Turn"),
    "filter": ("condition",),
    "findings": ("Finding", "Findings"),
}  # fmt: skip
_MODULE_OF: Final = {name: module for module, names in _STANDS_IN.items() for name in names}

__all__ = [
    "Battle", "Chat", "Finding", "Findings", "MessageRecord", "Preference", "Prompt", "Ranking", "TreeRecord", "Turn",
    "VoteRecord", "chats", "condition", "load", "load_examples", "load_messages", "load_scores", "load_trees",
    "load_votes", "messages", "pairs", "prompts", "rankings", "save", "table", "where",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
