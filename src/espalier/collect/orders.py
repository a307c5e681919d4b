"""What an order to trees would do, before it is given: the state that each would have, and those that cannot."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from espalier.collect.accounts import require, require_for
from espalier.collect.moderation import MOST_ORDERS, Refused
from espalier.domain.contribution import Ordered, grow
from espalier.domain.errors import Invalid, NotAllowed, NotFound, WrongState
from espalier.domain.lifecycle import Command
from espalier.domain.tree import State
from espalier.store import trees
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook


@dataclass(frozen=True, slots=True)
class Effect:
    """A tree that would follow: where it stands, where it would go."""

    id: str
    lang: str
    was: State
    becomes: State


def preview_orders(
    db: Connection, actor: Person, tree_ids: Sequence[str], command: Command
) -> tuple[list[Effect], list[Refused]]:
    """What the order would do to each tree, by id. One tree may be ordered by moderators, several by administrators.

    Raises NotAllowed, Invalid, and NotFound where none of the trees is known.
    """
    wanted = sorted(set(tree_ids))
    require(actor, PersonRole.ADMIN if command is Command.DRAW or len(wanted) > 1 else PersonRole.MODERATOR)
    if not 1 <= len(wanted) <= MOST_ORDERS:
        raise Invalid("Between 1 and %(most)s trees are ordered at once.", most=MOST_ORDERS, field="ids")
    book = PolicyBook(db)
    effects, refused = [], []
    known = {tree.id: tree for tree in trees.load_trees(db, wanted)}
    if not known:
        raise NotFound("There is no such conversation tree.")
    for tree_id in wanted:
        tree = known.get(tree_id)
        try:
            if tree is None:
                raise NotFound("There is no such conversation tree.")
            require_for(actor, tree.lang)
            after = grow(tree, Ordered(command, book.version), book.of)
        except (NotFound, NotAllowed, WrongState) as refusal:
            refused.append(Refused(tree_id, refusal))
        else:
            effects.append(Effect(tree.id, tree.lang, tree.state, after.state))
    return effects, refused
