"""What staff do to messages and trees, and what people say of messages: reactions, reports.

Each is a contribution to one tree, so that open work, ranks, points, leases and the lottery follow. Knows no HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect import incoming
from espalier.collect.accounts import require, require_for
from espalier.collect.answers import clean_text
from espalier.collect.change import Scene, change_tree, order
from espalier.collect.ids import new_id
from espalier.collect.tasks import own_lease
from espalier.domain.cases import Came
from espalier.domain.charter import refuse_closed
from espalier.domain.contribution import Deleted, Dismissed, Edited, Ordered, Planted, PolicyChanged, Reacted, Undeleted
from espalier.domain.errors import Invalid, NotFound, Refusal, Stale, WrongState
from espalier.domain.language import checked_tag
from espalier.domain.lifecycle import Command
from espalier.domain.lottery import random_goal_size
from espalier.domain.message import EMOJIS, Message, Reaction, Role
from espalier.domain.moderation import red_flags
from espalier.domain.policy import check_shape
from espalier.domain.sight import StaffMessage, seen
from espalier.domain.tree import TERMINAL, Shape, State, Tree
from espalier.store import journal, locks, reading, reports, trees
from espalier.store.charters import charter_in_force
from espalier.store.facts import log_of, record, skip_reasons
from espalier.store.people import Person, PersonRole
from espalier.store.policies import PolicyBook

PLANTED_INTO: Final = (State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING, State.GROWING)
RED_FLAG: Final = "red_flag"
"""The reaction that is a report as well."""
REPORTED: Final = "Skipped as harmful."
OPPOSITES: Final = {"+1": "-1", "-1": "+1"}
MOST_ORDERS: Final = 200
LONGEST_REASON: Final = 2000  # characters


@dataclass(frozen=True, slots=True)
class Wording:
    """A text that a message had: who wrote it, and when. The first is the author's own.

    `person_id`: None also for who could still judge the message, and so is not told its author.
    """

    text: str
    person_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """An order of several that was not carried out, and why."""

    id: str
    why: Refusal


def delete_message(db: Connection, actor: Person, message_id: str, now: datetime, rng: Random) -> Tree:
    """Take a message, and with it all below, out of every task, count and rank.

    Raises NotAllowed, NotFound, WrongState.
    """
    require(actor, PersonRole.MODERATOR)
    return _judge(db, actor, Deleted(message_id), "message.deleted", now, rng)


def undelete_message(db: Connection, actor: Person, message_id: str, now: datetime, rng: Random) -> Tree:
    """Take one deletion back as a whole. Raises NotAllowed, NotFound, WrongState (also for what was purged)."""
    require(actor, PersonRole.MODERATOR)
    tree = _judge(db, actor, Undeleted(message_id), "message.undeleted", now, rng)
    scene = Scene(PolicyBook(db), now, rng)
    if tree.state in TERMINAL or tree.policy == scene.book.version:
        return tree
    # A change of policy passes over trees at their end; this one is back.
    return order(db, tree, PolicyChanged(scene.book.version), scene, person=None)


def _judge(
    db: Connection, actor: Person, fact: Deleted | Undeleted | Dismissed, action: str, now: datetime, rng: Random
) -> Tree:
    tree = trees.load_tree_of(db, fact.message_id)
    require_for(actor, tree.lang)
    after = order(db, tree, fact, Scene(PolicyBook(db), now, rng), person=actor.id)
    journal.note(db, actor.id, action, fact.message_id, now, tree=tree.id)
    return after


def edit_message(db: Connection, actor: Person, message_id: str, text: str, now: datetime, rng: Random) -> Tree:
    """Put other words into a message; the old ones stay in its history. Nobody has to review it again.

    Raises NotAllowed, NotFound, WrongState, Invalid, TooLong.
    """
    require(actor, PersonRole.MODERATOR)
    tree = trees.load_tree_of(db, message_id)
    require_for(actor, tree.lang)
    message = tree.messages[message_id]
    if message.tombstone:
        raise WrongState("This message was purged; there is nothing left to edit.")
    scene = Scene(PolicyBook(db), now, rng)
    text = clean_text(text, scene.book.for_lang(message.lang).message_max_characters)
    if text == message.text:
        return tree
    after = order(db, tree, Edited(message_id, text), scene, person=actor.id, note={"was": message.text})
    journal.note(db, actor.id, "message.edited", message_id, now, tree=tree.id)
    return after


def history(db: Connection, actor: Person, message_id: str) -> list[Wording]:
    """Every text that a message had, oldest first; one for a message that was never edited.

    Raises NotAllowed, NotFound.
    """
    told = for_staff(db, actor, message_id)
    known = isinstance(seen(told, reading.viewer(db, actor, [told])), StaffMessage)
    tree_id = told.tree_id
    (tree,) = trees.load_trees(db, [tree_id])
    message = tree.messages[message_id]
    edits = [row for row in log_of(db, tree_id) if row.kind == "edited" and row.message_id == message_id]
    first = edits[0].data["was"] if edits else message.text
    return [
        Wording(first, message.author if known else None, message.at),
        *(Wording(row.data["text"], row.person_id, row.at) for row in edits),
    ]


def skips(db: Connection, actor: Person, message_id: str) -> dict[str, int]:
    """Why tasks about a message were skipped, and how often, the most frequent first. Raises NotAllowed, NotFound."""
    told = for_staff(db, actor, message_id)
    return skip_reasons(db, told.tree_id, message_id)


def for_staff(db: Connection, actor: Person, message_id: str) -> StaffMessage:
    """A message that this member of staff looks after. Raises NotAllowed, NotFound."""
    require(actor, PersonRole.MODERATOR)
    message = reading.message(db, message_id)
    require_for(actor, message.lang)
    return message


def reveal(db: Connection, actor: Person, message_id: str, now: datetime) -> StaffMessage:
    """All there is of a message, for staff that could still judge it and so see little of it. The journal keeps that
    somebody looked. Raises NotAllowed, NotFound.
    """
    message = for_staff(db, actor, message_id)
    journal.note(db, actor.id, "message.revealed", message_id, now, tree=message.tree_id)
    return message


def what_staff_did(
    db: Connection, actor: Person, limit: int, *, before: int = journal.NEWEST, **wanted: str | None
) -> list[journal.Entry]:
    """The journal, `wanted` as of its entries. What was done to accounts is for administrators: its moment would tell
    moderators whom a case is about that they could still judge. Raises NotAllowed.
    """
    require(actor, PersonRole.MODERATOR)
    return journal.entries(db, limit, before=before, blind=actor.role is not PersonRole.ADMIN, **wanted)


def plant(
    db: Connection,
    actor: Person,
    text: str,
    lang: str,
    now: datetime,
    rng: Random,
    *,
    shape: Shape | None = None,
    state: State = State.INITIAL_PROMPT_REVIEW,
) -> Tree:
    """A new tree by an administrator: with a shape of its own if so wished, straight into a later state if so wished.

    Limits of the lottery do not bind it. Raises NotAllowed, Invalid, InvalidPolicy, TooLong.
    """
    require(actor, PersonRole.ADMIN)
    lang = checked_tag(lang)
    if state not in PLANTED_INTO:
        raise Invalid(
            "A tree is planted into one of the states %(states)s.", states=", ".join(PLANTED_INTO), field="state"
        )
    scene = Scene(PolicyBook(db), now, rng)
    policy = scene.book.for_lang(lang)
    if shape is None:
        shape = policy.shape(random_goal_size(policy, rng))
    check_shape(shape)
    text = clean_text(text, policy.message_max_characters)
    message = Message(new_id(rng), None, Role.PROMPTER, actor.id, now, lang, text, depth=0)
    fact = Planted(message, shape, scene.book.version, state)
    record(db, message.id, fact, now, person=actor.id, terms=actor.terms)
    journal.note(db, actor.id, "tree.planted", message.id, now, state=state)
    return change_tree(db, None, fact, scene)


def order_tree(
    db: Connection,
    actor: Person,
    tree_id: str,
    command: Command,
    now: datetime,
    rng: Random,
    *,
    reason: str | None = None,
) -> Tree:
    """Halt, abort, resume, park or activate a tree, or (as an administrator) draw it, whatever the lottery's limits.

    Raises NotAllowed, NotFound, WrongState.
    """
    require(actor, PersonRole.ADMIN if command is Command.DRAW else PersonRole.MODERATOR)
    reason = _clean_reason(reason)
    tree = trees.load_tree(db, tree_id)
    require_for(actor, tree.lang)
    scene = Scene(PolicyBook(db), now, rng)
    note: dict[str, object] | None = {"reason": reason} if reason else None
    after = order(db, tree, Ordered(command, scene.book.version), scene, person=actor.id, note=note)
    journal.note(db, actor.id, f"tree.{command}", tree.id, now, was=tree.state, state=after.state)
    return after


def order_trees(
    db: Connection,
    actor: Person,
    tree_ids: Sequence[str],
    command: Command,
    now: datetime,
    rng: Random,
    *,
    reason: str | None = None,
) -> tuple[list[Tree], list[Refused]]:
    """The same order for many trees; those that cannot follow it are named and stay as they are.

    Raises NotAllowed and Invalid.
    """
    require(actor, PersonRole.ADMIN)
    if not 1 <= len(tree_ids) <= MOST_ORDERS:
        raise Invalid("Between 1 and %(most)s trees are ordered at once.", most=MOST_ORDERS, field="ids")
    locks.hold_trees(db, set(tree_ids), languages=True)
    done, refused = [], []
    for tree_id in sorted(set(tree_ids)):
        try:
            done.append(order_tree(db, actor, tree_id, command, now, rng, reason=reason))
        except (NotFound, WrongState) as refusal:
            refused.append(Refused(tree_id, refusal))
    return done, refused


def react(db: Connection, actor: Person, message_id: str, emoji: str, on: bool, now: datetime, rng: Random) -> None:
    """Put a reaction on a message or take it off; a red flag is a report as well.

    `+1` and `-1` exclude each other, and on one's own message they are ignored. Raises NotFound, Invalid, Stale, and
    CampaignClosed for one that is put on.
    """
    if emoji not in EMOJIS:
        raise Invalid(
            "There is no reaction '%(given)s'; there are %(known)s.",
            given=emoji,
            known=", ".join(EMOJIS),
            field="emoji",
        )
    if on and emoji != RED_FLAG:
        refuse_closed(charter_in_force(db))
    tree = trees.load_tree_of(db, message_id)
    _react(db, actor, tree, message_id, emoji, on, None, now, rng)


def react_in_task(
    db: Connection, actor: Person, task_id: str, handle: str, emoji: str, on: bool, now: datetime, rng: Random
) -> None:
    """The same for a message of a task, which its holder knows by a handle only.

    Raises NotFound (also for a handle that the task does not have), AlreadyAnswered, Invalid, Stale.
    """
    react(db, actor, _behind(db, actor, task_id, handle), emoji, on, now, rng)


def report_in_task(
    db: Connection, actor: Person, task_id: str, handle: str, reason: str, now: datetime, rng: Random
) -> None:
    """Report a message of a task, which its holder knows by a handle only. Raises what `react_in_task` raises."""
    report(db, actor, _behind(db, actor, task_id, handle), reason, now, rng)


def _behind(db: Connection, actor: Person, task_id: str, handle: str) -> str:
    """The id of a message of somebody's task. Raises NotFound, AlreadyAnswered."""
    lease = own_lease(db, actor, task_id)
    number = int(handle[1:]) if handle[1:].isascii() and handle[1:].isdecimal() else -1
    shown: Sequence[str] = ()
    if handle.startswith("r"):
        shown = lease.replies
    elif handle.startswith("m") and lease.tree_id is not None and lease.subject is not None:
        tree = trees.load_tree(db, lease.tree_id)
        shown = [message.id for message in tree.thread(lease.subject)] if lease.subject in tree.messages else ()
    if not 0 <= number < len(shown):
        raise NotFound("There is no message with this handle in the task.")
    return shown[number]


def report(
    db: Connection,
    actor: Person,
    message_id: str,
    reason: str,
    now: datetime,
    rng: Random,
    *,
    came: Came = Came.REPORT,
) -> None:
    """Raise a red flag over a message, and say why. Raises NotFound, Invalid, Stale."""
    why = _clean_reason(reason)
    if why is None:
        raise Invalid("Say in a few words what is wrong with the message.", field="reason")
    tree = trees.load_tree_of(db, message_id)
    _react(db, actor, tree, message_id, RED_FLAG, True, why, now, rng, came=came)


def report_skipped(db: Connection, actor: Person, message_id: str, now: datetime, rng: Random) -> None:
    """Somebody skipped a task because this message is harmful. Raises NotFound, Stale."""
    report(db, actor, message_id, REPORTED, now, rng, came=Came.HARMFUL)


def take_report_back(db: Connection, actor: Person, message_id: str, now: datetime, rng: Random) -> None:
    """What somebody said of a message when they skipped it holds no more. Raises NotFound."""
    reports.withdraw(db, message_id, actor.id, now)
    incoming.take_back(db, message_id, actor.id, now)
    tree = trees.load_tree_of(db, message_id)
    flag = Reaction(actor.id, RED_FLAG)
    if flag in tree.messages[message_id].reactions:
        _set(db, actor, tree, message_id, RED_FLAG, False, Scene(PolicyBook(db), now, rng))


def _react(
    db: Connection,
    actor: Person,
    tree: Tree,
    message_id: str,
    emoji: str,
    on: bool,
    reason: str | None,
    now: datetime,
    rng: Random,
    *,
    came: Came = Came.FLAG,
) -> None:
    message = tree.messages[message_id]
    if not tree.is_live(message_id):
        raise Stale("The message was removed in the meantime.")
    if message.author == actor.id and emoji in OPPOSITES:
        return
    scene = Scene(PolicyBook(db), now, rng)
    mine = {reaction.emoji for reaction in message.reactions if reaction.person == actor.id}
    if on and OPPOSITES.get(emoji) in mine:
        tree = _set(db, actor, tree, message_id, OPPOSITES[emoji], False, scene)
    if emoji == RED_FLAG and (on or emoji in mine):
        if on:
            reports.add(db, tree.id, message_id, actor.id, reason, now)
            incoming.bring(db, tree.id, message, came, actor.id, reason, now)
        else:
            reports.withdraw(db, message_id, actor.id, now)
            incoming.take_back(db, message_id, actor.id, now)
    if on is not (emoji in mine):
        _set(db, actor, tree, message_id, emoji, on, scene)


def _set(db: Connection, actor: Person, tree: Tree, message_id: str, emoji: str, on: bool, scene: Scene) -> Tree:
    fact = Reacted(message_id, Reaction(actor.id, emoji), on)
    return order(db, tree, fact, scene, person=actor.id, terms=actor.terms)


def close_reports(
    db: Connection,
    actor: Person,
    message_id: str,
    now: datetime,
    rng: Random,
    *,
    dismiss: bool = False,
    with_case: bool = True,
) -> int:
    """Answer all open reports on a message: what was to be done is done, or (dismiss) they were wrong.

    Its open case is decided with them, unless (with_case) a decision on it is just being carried out. Its flags
    so far count no more for automatic moderation. Returns how many reports there were. Raises NotAllowed, NotFound.
    """
    require(actor, PersonRole.MODERATOR)
    tree = trees.load_tree_of(db, message_id)
    require_for(actor, tree.lang)
    outcome = "dismissed" if dismiss else "resolved"
    closed = reports.close(db, message_id, outcome, actor.id, now)
    if with_case:
        incoming.settle(db, message_id, actor.id, now, dismiss=dismiss)
    message = tree.messages[message_id]
    if red_flags(message) > message.dismissed_flags:
        _judge(db, actor, Dismissed(message_id), f"reports.{outcome}", now, rng)
    elif closed:
        journal.note(db, actor.id, f"reports.{outcome}", message_id, now, tree=tree.id)
    return closed


def _clean_reason(reason: str | None) -> str | None:
    if reason is None or not reason.strip():
        return None
    return clean_text(reason, LONGEST_REASON)
