"""Taking back what one has just sent, as long as nobody has built on it.

Knows the log: without the contribution, everything that came after it must mean what it meant before.
"""

from collections import Counter
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Connection

from espalier.collect import gold
from espalier.collect.change import Scene
from espalier.collect.lottery import after_change
from espalier.collect.tasks import lease_time
from espalier.domain.contribution import Replied, grow
from espalier.domain.errors import BuiltOn, NotFound, WrongState
from espalier.domain.tree import Tree, stands
from espalier.domain.work import Act, open_work
from espalier.safety.duplicates import fingerprint
from espalier.store import receipts, texts, trees, work
from espalier.store.facts import FactRow, find_fact, log_of, void
from espalier.store.history import facts_of
from espalier.store.people import Person
from espalier.store.policies import PolicyBook


def withdraw(db: Connection, person: Person, client_id: str, now: datetime, rng: Random) -> None:
    """Take back the contribution that was sent under this id; its task is open again. Once more changes nothing.

    Raises NotFound, and BuiltOn when the time is over or others have built on it.
    """
    number, task_id = _sent(db, person, client_id)
    row = find_fact(db, number)
    lease = work.find_lease(db, task_id)
    if row is None or lease is None:
        return
    scene = Scene(PolicyBook(db), now, rng)
    if now > row.at + timedelta(seconds=scene.book.for_lang(lease.lang).undo_seconds):
        raise BuiltOn("The time for taking it back is over.")
    if lease.gold:
        gold.take_back(db, person, row)
    else:
        _take_back(db, person, row, scene)
    work.renew(db, lease, now + lease_time(lease.kind, scene.book.for_lang(lease.lang)))


def _take_back(db: Connection, person: Person, row: FactRow, scene: Scene) -> None:
    now, rng, number = scene.now, scene.rng, row.seq
    tree = trees.load_tree(db, row.tree_id)
    after = _without(db, tree, row, [later for later in log_of(db, tree.id) if later.seq > number], scene)
    void(db, number)
    if row.kind in ("planted", "replied"):
        texts.forget_sent(db, person.id, fingerprint(tree.messages[row.message_id or ""].text))
    if after is None:
        work.end_leases(db, tree.id, now)
        trees.forget_tree(db, tree)
    else:
        trees.save_changes(db, tree, after, scene.book.of, now, rng)
        work.end_leases(db, tree.id, now, _places_lost(tree, after, scene))
        after_change(db, tree, after, scene.book, now, rng)


def _sent(db: Connection, person: Person, client_id: str) -> tuple[int, str]:
    found = receipts.contribution_of(db, person.id, client_id)
    if found is None or found[0] is None:
        raise NotFound("You have sent nothing under this id.")
    return found[0], str(found[1]["task_id"])


def _without(db: Connection, tree: Tree, row: FactRow, later: list[FactRow], scene: Scene) -> Tree | None:
    """The tree as if this had never come; None when nothing is left. Raises BuiltOn."""
    built_on = BuiltOn("Somebody has built on it already.")
    if any(later_row.kind == "settled" for later_row in later):
        raise built_on  # a purge has made what stood then the beginning
    if row.kind == "planted":
        if later:
            raise built_on
        return None
    if row.kind == "replied" and any(
        later_row.message_id == row.message_id or _parent(tree, later_row) == row.message_id for later_row in later
    ):
        raise built_on
    try:
        after = _told_again(db, tree, row, later, scene)
    except WrongState:
        raise built_on from None
    if after is None:
        raise built_on
    if later and (after.state is not tree.state or _counted(tree, row.seq) != _counted(after, row.seq)):
        raise built_on
    if any(place[0] is not Act.LABEL for place in _held_and_lost(db, tree, after, scene)):
        raise built_on
    if _overfull(after) > _overfull(tree):
        raise built_on
    return after


def _overfull(tree: Tree) -> int:
    """How many messages stand where there is no place: others have taken the places of what was refused."""
    live = tree.live().values()
    under = Counter(message.parent_id for message in live if message.parent_id and stands(message))
    too_many = sum(max(0, n - tree.shape.places_under(tree.messages[parent].role)) for parent, n in under.items())
    return too_many + max(0, sum(map(stands, live)) - tree.shape.goal_tree_size)


def _told_again(db: Connection, tree: Tree, row: FactRow, later: list[FactRow], scene: Scene) -> Tree | None:
    """The tree that the log makes without a contribution; None when a later reply would have found no place."""
    written_later = {other.message_id for other in later if other.kind == "replied"}
    told: Tree | None = None
    for fact in facts_of(db, tree.id, tree.lang, without=[row.seq]):
        if isinstance(fact, Replied) and fact.message.id in written_later and not fact.message.late:
            assert told is not None, f"tree {tree.id} begins with a reply"
            if (Act.REPLY, fact.message.parent_id) not in open_work(told, scene.book.of(told.policy, told.lang)):
                return None
        told = grow(told, fact, scene.book.of)
    assert told is not None, f"tree {tree.id} has no facts"
    return told


def _parent(tree: Tree, row: FactRow) -> str | None:
    message = tree.messages.get(row.message_id or "")
    return message.parent_id if message is not None and row.kind == "replied" else None


def _counted(tree: Tree, without: int) -> dict[int, bool]:
    """Which votes count, by their number in the log."""
    counted = {review.id: review.counted for message in tree.messages.values() for review in message.reviews}
    counted.update((ranking.id, ranking.counted) for given in tree.rankings.values() for ranking in given)
    counted.pop(without, None)
    return counted


def _held_and_lost(db: Connection, before: Tree, after: Tree, scene: Scene) -> set[tuple[Act, str]]:
    """Places on which somebody is at work and that would no longer be there."""
    held = work.live_leases(db, before.id)
    left = open_work(after, scene.book.of(after.policy, after.lang))
    return {place for place, count in held.items() if place not in left or left[place].needs < count}


def _places_lost(before: Tree, after: Tree, scene: Scene) -> set[str]:
    was = open_work(before, scene.book.of(before.policy, before.lang))
    left = open_work(after, scene.book.of(after.policy, after.lang))
    return {subject for _, subject in was.keys() - left.keys()}
