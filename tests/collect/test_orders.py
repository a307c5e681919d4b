"""What an order to trees would do is what it then does."""

import pytest

from espalier.collect import accounts, moderation
from espalier.collect.orders import preview_orders
from espalier.domain.errors import Invalid, NotAllowed, NotFound
from espalier.domain.lifecycle import Command
from espalier.domain.tree import State
from espalier.store.people import PersonRole
from gardens import Garden


def test_a_preview_says_what_then_happens_and_changes_nothing(garden: Garden) -> None:
    chief = garden.admin()
    growing = [garden.tree(chief), garden.tree(chief, "Why is the sea salty?")]
    halted = garden.tree(chief, "What is a garden?")
    moderation.order_tree(garden.db, chief, halted, Command.HALT, garden.now, garden.rng)

    wanted = [*growing, halted, "nowhere"]
    effects, refused = preview_orders(garden.db, chief, wanted, Command.HALT)
    assert {each.id: (each.was, each.becomes) for each in effects} == dict.fromkeys(
        growing, (State.GROWING, State.HALTED_BY_MODERATOR)
    )
    assert garden.load(growing[0]).state is State.GROWING

    done, not_done = moderation.order_trees(garden.db, chief, wanted, Command.HALT, garden.now, garden.rng)
    assert {tree.id: tree.state for tree in done} == {each.id: each.becomes for each in effects}
    assert [(each.id, str(each.why)) for each in not_done] == [(each.id, str(each.why)) for each in refused]
    back, _ = preview_orders(garden.db, chief, [each.id for each in effects], Command.RESUME)
    assert {each.becomes for each in back} == {State.GROWING}


def test_moderators_order_one_tree_of_their_languages(garden: Garden) -> None:
    chief, warden = garden.admin(), garden.moderator()
    first, second = garden.tree(chief), garden.tree(chief, "Why is the sea salty?")
    limited = accounts.change_role(
        garden.db, chief, warden.id, PersonRole.MODERATOR, garden.now, moderates=["de"]
    )  # fmt: skip
    assert len(preview_orders(garden.db, warden, [first], Command.HALT)[0]) == 1
    effects, refused = preview_orders(garden.db, limited, [first], Command.HALT)
    assert (effects, [each.id for each in refused]) == ([], [first])
    for ids, command in (([first, second], Command.HALT), ([first], Command.DRAW)):
        with pytest.raises(NotAllowed):
            preview_orders(garden.db, warden, ids, command)


def test_none_too_many_and_unknown_ones_are_refused(garden: Garden) -> None:
    chief = garden.admin()
    for ids in ([], [str(number) for number in range(201)]):
        with pytest.raises(Invalid):
            preview_orders(garden.db, chief, ids, Command.HALT)
    with pytest.raises(NotFound):
        preview_orders(garden.db, chief, ["nowhere"], Command.HALT)
