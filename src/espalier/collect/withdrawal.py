"""Taking a contribution out of its tree again, as long as nobody has built on it.

Knows the log: without the contribution, everything that came after it must mean what it meant before. Somebody who is
at work where its place is lost does not prevent it; their time is over. What is for whom to take back is undo.py.
"""

from collections import Counter
from collections.abc import Collection

from sqlalchemy import Connection

from espalier.collect.change import Scene, answered
from espalier.collect.lottery import after_change
from espalier.domain.contribution import Replied, grow
from espalier.domain.errors import BuiltOn, WrongState
from espalier.domain.lifecycle import Command
from espalier.domain.message import HARMFUL
from espalier.domain.tree import Tree, stands
from espalier.domain.work import Act, Work, open_work
from espalier.safety.duplicates import fingerprint
from espalier.store import cases, texts, trees, work
from espalier.store.facts import FactRow, log_of, void
from espalier.store.history import facts_of
from espalier.store.people import Person
from espalier.store.policies import PolicyBook
from espalier.store.work import Place

TEXTS = ("planted", "replied")
IN_PASSING = ("reacted", "skipped")
"""What is said of a message without building on it."""


def take_back(db: Connection, person: Person, row: FactRow, scene: Scene) -> None:
    """Make a tree what it is without a contribution. Raises BuiltOn, with nothing written."""
    now, rng = scene.now, scene.rng
    tree = trees.load_tree(db, row.tree_id)
    later = [other for other in log_of(db, tree.id) if other.seq > row.seq]
    after, gone = _without(db, tree, row, later, scene)
    for number in sorted(gone):
        void(db, number)
    if row.kind in TEXTS:
        texts.forget_sent(db, person.id, fingerprint(tree.messages[row.message_id or ""].text), row.at)
        cases.forget_on(db, [row.message_id or ""])
    if after is None:
        work.end_leases(db, tree.id, now)
        trees.forget_tree(db, tree)
        return
    after = answered(db, after, scene)
    trees.save_changes(db, tree, after, scene.book.of, now, rng)
    work.end_surplus(db, tree.id, now, _surplus(db, tree, after, scene.book))
    after_change(db, tree, after, scene.book, now, rng)


def _built_on() -> BuiltOn:
    return BuiltOn("Others have built on it already.")


def _without(
    db: Connection, tree: Tree, row: FactRow, later: list[FactRow], scene: Scene
) -> tuple[Tree | None, set[int]]:
    """The tree as if this had never come, None when nothing is left, and what of the log goes. Raises BuiltOn."""
    if any(each.kind == "settled" for each in later):
        raise _built_on()  # a purge has made what stood then the beginning
    gone = {row.seq}
    if row.kind in TEXTS:
        about = [each for each in later if row.message_id in (each.message_id, _parent(tree, each))]
        if any(not _in_passing(each) for each in about):
            raise _built_on()
        gone |= {each.seq for each in about}
    if row.data.get("reason") == HARMFUL:
        gone |= {each.seq for each in later if _is_report(each, row)}
    rest = [each for each in later if each.seq not in gone]
    if row.kind == "planted":
        if not all(each.automatic for each in rest):
            raise _built_on()
        return None, gone | {each.seq for each in rest}
    if any(not each.automatic and not _in_passing(each) for each in rest):
        after = _told_again(db, tree, gone, rest, scene)
        if after is None or not _means_the_same(tree, after, gone, rest):
            raise _built_on()
        return after, gone
    # What followed by itself goes with it, and comes again where it still follows; but chance is not asked twice.
    gone |= {each.seq for each in rest if each.automatic and not _by_chance(each)}
    drawn = {each.seq for each in rest if _by_chance(each)}
    after = _told_again(db, tree, gone, [], scene)
    if after is None and drawn:
        gone |= drawn
        after = _told_again(db, tree, gone, [], scene)
    if after is None or _overfull(after) > _overfull(tree):
        raise _built_on()
    return after, gone


def _by_chance(row: FactRow) -> bool:
    return row.automatic and row.data.get("command") in (Command.DRAW, Command.ACTIVATE)


def _in_passing(row: FactRow) -> bool:
    return row.kind in IN_PASSING and row.data.get("emoji") != "red_flag"


def _is_report(other: FactRow, skip: FactRow) -> bool:
    """Whether this is what a skip said as well: that the message is harmful."""
    same = (other.person_id, other.message_id) == (skip.person_id, skip.message_id)
    return same and other.kind == "reacted" and other.data["emoji"] == "red_flag"


def _means_the_same(tree: Tree, after: Tree, gone: Collection[int], rest: list[FactRow]) -> bool:
    """Whether what came later stands on the same ground, and no place is filled by more than it holds."""
    if after.state is not tree.state or _counted(tree, gone) != _counted(after, gone):
        return False
    return _overfull(after) <= _overfull(tree)


def _overfull(tree: Tree) -> int:
    """How many messages stand where there is no place: others have taken the places of what was refused."""
    live = tree.live().values()
    under = Counter(message.parent_id for message in live if message.parent_id and stands(message))
    too_many = sum(max(0, n - tree.shape.places_under(tree.messages[parent].role)) for parent, n in under.items())
    return too_many + max(0, sum(map(stands, live)) - tree.shape.goal_tree_size)


def _told_again(
    db: Connection, tree: Tree, without: Collection[int], later: list[FactRow], scene: Scene
) -> Tree | None:
    """The tree that the log makes without some contributions; None when a later one would not have found its place."""
    written_later = {other.message_id for other in later if other.kind == "replied"}
    told: Tree | None = None
    try:
        for fact in facts_of(db, tree.id, tree.lang, without=without):
            if isinstance(fact, Replied) and fact.message.id in written_later and not fact.message.late:
                assert told is not None, f"tree {tree.id} begins with a reply"
                if (Act.REPLY, fact.message.parent_id) not in open_work(told, scene.book.of(told.policy, told.lang)):
                    return None
            told = grow(told, fact, scene.book.of)
    except WrongState:
        return None
    assert told is not None, f"tree {tree.id} has no facts"
    return told


def _parent(tree: Tree, row: FactRow) -> str | None:
    message = tree.messages.get(row.message_id or "")
    return message.parent_id if message is not None and row.kind == "replied" else None


def _counted(tree: Tree, without: Collection[int]) -> dict[int, bool]:
    """Which votes count, by their number in the log."""
    counted = {review.id: review.counted for message in tree.messages.values() for review in message.reviews}
    counted.update((ranking.id, ranking.counted) for given in tree.rankings.values() for ranking in given)
    return {number: counts for number, counts in counted.items() if number not in without}


def _surplus(db: Connection, before: Tree, after: Tree, book: PolicyBook) -> dict[Place, int]:
    """How many leases on each place are too many, since the place is lost or wants less than before."""
    held = work.live_leases(db, before.id)
    was = open_work(before, book.of(before.policy, before.lang))
    left = open_work(after, book.of(after.policy, after.lang))
    surplus: dict[Place, int] = {}
    for place, count in held.items():
        fewer = _needs(was, place) - _needs(left, place)
        surplus[place] = count if place not in left else max(0, min(fewer, count - left[place].needs))
    return surplus | _over_budget(held, was, left, surplus)


def _needs(places: dict[Place, Work], place: Place) -> int:
    return places[place].needs if place in places else 0


def _over_budget(
    held: dict[Place, int], was: dict[Place, Work], left: dict[Place, Work], surplus: dict[Place, int]
) -> dict[Place, int]:
    """The same for replies, of which the whole tree can take so many."""
    kept = {place: count - surplus[place] for place, count in held.items() if place[0] is Act.REPLY}
    fewer = _budget(was) - _budget(left)
    too_many = min(fewer, sum(kept.values()) - _budget(left))
    more: dict[Place, int] = {}
    for place in sorted(kept):
        taken = max(0, min(kept[place], too_many - sum(more.values())))
        more[place] = taken
    return {place: surplus[place] + count for place, count in more.items() if count}


def _budget(places: dict[Place, Work]) -> int:
    return max((each.budget for place, each in places.items() if place[0] is Act.REPLY), default=0)
