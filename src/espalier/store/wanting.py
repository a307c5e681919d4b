"""The prompts of growing trees that have a place for a reply of the assistant, and how many a model has given to each.

Knows rows; who writes the replies is collect/synthetic.py.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from espalier.domain.work import Kind
from espalier.store.sql import Statement
from espalier.store.tables import messages, open_work

M, W = messages.c, open_work.c


@dataclass(frozen=True, slots=True)
class Wanting:
    """A prompter message with free places. given: replies to it by the model that was asked about, whatever became of
    them.
    """

    id: str
    tree_id: str
    lang: str
    given: int


_GIVEN: Final = (
    select(func.count())
    .where(M.parent_id == W.subject, M.model_name == bindparam("model"))
    .correlate(open_work)
    .scalar_subquery()
)


def _page(*conditions: Any) -> Statement:
    return Statement(
        select(W.subject, W.tree_id, W.lang, _GIVEN)
        .where(
            W.kind == Kind.ASSISTANT_REPLY.value, W.needs > W.held, W.budget > W.tree_held,
            W.subject > bindparam("after"), *conditions,
        )
        .order_by(W.subject)
        .limit(bindparam("most"))
    )  # fmt: skip


_PAGE = _page()
_PAGE_OF_TREES = _page(W.tree_id.in_(bindparam("trees", expanding=True)))


def wanting_replies(db: Connection, model: str, trees: Collection[str] | None, after: str, most: int) -> list[Wanting]:
    """So many of them, in the order of their ids, behind one of them. trees: only those; None for all."""
    place = {"model": model, "after": after, "most": most}
    rows = _PAGE.tuples(db, **place) if trees is None else _PAGE_OF_TREES.tuples(db, trees=trees, **place)
    return [Wanting(*row) for row in rows]
