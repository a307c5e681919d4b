"""That the rows remember, of every deleted message, the state that its deletion found."""

from sqlalchemy import Connection

from espalier.domain.contribution import Deleted, Ordered, Replied
from espalier.domain.lifecycle import Command
from espalier.domain.message import Message, Role
from espalier.domain.tree import State
from gardens import Garden


def test_an_order_overwrites_what_earlier_deletions_found_in_the_rows_as_well(db: Connection) -> None:
    garden = Garden(db)
    version = garden.policy()
    admin = garden.admin()
    tree_id = garden.tree(admin)
    reply = Message("a", tree_id, Role.ASSISTANT, admin.id, garden.later(minutes=1), "en", "So it is.", 1)
    garden.add(tree_id, admin, Replied(reply))
    garden.add(tree_id, admin, Deleted("a"))
    assert garden.load(tree_id).deletions == {"a": State.GROWING}
    halted = garden.add(tree_id, admin, Ordered(Command.HALT, version))
    assert garden.load(tree_id).deletions == halted.deletions == {"a": State.HALTED_BY_MODERATOR}
