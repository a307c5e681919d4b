"""Conversations with a model that their people let become trees; and taking these out again when they do not any more.

A conversation is taken in like a published file, with everything said of its replies, and goes the way of every tree:
its prompt is reviewed first. Runs as a round, some at a time. Knows nothing of how people chat.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.collect.change import Scene, order
from espalier.collect.imports import import_trees
from espalier.collect.intake import UNSPOKEN, Source
from espalier.dataset.records import MessageRecord, TreeRecord, VoteKind, VoteRecord
from espalier.dataset.trees import messages_of
from espalier.domain.contribution import Settled
from espalier.domain.erasure import withdrawn
from espalier.domain.message import Role
from espalier.domain.tree import State
from espalier.safety.language import detect
from espalier.store import battles, chat_trees, chats, drawn, erasure, languages, locks, preferences, thumbs, trees
from espalier.store.battles import Vote
from espalier.store.chats import Chat, ChatMessage, MessageState
from espalier.store.policies import PolicyBook
from espalier.store.thumbs import Thumb

ORIGIN: Final = "conversation"
REST: Final = timedelta(hours=1)
"""So long nothing is said in a conversation before it becomes a tree: what is said later is not added to it."""
AT_ONCE: Final = 3
LOOKED_AT: Final = 100
"""In search of some whose language has room for another prompt in review."""
STANDING: Final = (MessageState.COMPLETE, MessageState.STOPPED, MessageState.CUT_OFF)


def plant_conversations(db: Connection, now: datetime, rng: Random) -> None:
    """Some of those that have rested become trees, one for each way in which they begin.

    Where as many prompts as the policy allows are in review, they wait until there is room in their language.
    """
    book, planted = PolicyBook(db), 0
    for chat_id, person_id in chat_trees.to_plant(db, now - REST, LOOKED_AT):
        chat = chats.chat_of(db, person_id, chat_id)
        if chat is None or chat.consent is None:
            continue
        lang = _lang(db, chat)
        most = book.for_lang(lang).max_initial_prompt_review
        if languages.trees_in(db, lang, State.INITIAL_PROMPT_REVIEW, most) >= most:
            continue
        records = trees_of(chat, chats.messages_of(db, chat_id), lang)
        votes: dict[str, list[VoteRecord]] = {}
        for record in records:
            for vote in _votes(db, chat, record.prompt):
                votes.setdefault(vote.parent_id or vote.message_id or "", []).append(vote)
        import_trees(db, records, votes, Source(ORIGIN, origin=ORIGIN), None, now, rng)
        for record in records:
            chat_trees.add(
                db, record.message_tree_id, chat.id, person_id, chat.consent.at, chat.consent.licence
            )  # fmt: skip
        chat_trees.is_planted(db, chat_id, now)
        planted += 1
        if planted == AT_ONCE:
            return


def withdraw_conversations(db: Connection, now: datetime, rng: Random) -> None:
    """Empty some trees whose conversation is gone, or may be in the data no more; no export has held them since."""
    lapsed = chat_trees.lapsed(db, AT_ONCE)
    if not lapsed:
        return
    scene = Scene(PolicyBook(db), now, rng)
    locks.hold_trees(db, [each.tree_id for each in lapsed], languages=True)
    for each in lapsed:
        tree = trees.find_tree(db, each.tree_id)
        if tree is not None:
            brought = [message.id for message in tree.messages.values() if message.baseline is not None]
            erasure.purge_rows(db, tree.id, each.person_id, brought)
            order(db, tree, Settled(withdrawn(tree, each.person_id)), scene, person=None)
        chat_trees.is_withdrawn(db, each.tree_id, now)


def trees_of(chat: Chat, messages: list[ChatMessage], lang: str) -> list[TreeRecord]:
    """The conversation as published trees, whose prompts await review. Replies that failed, were refused or never
    begun are left out with what stands below them, and so is what was said to get only refusals.
    """
    assert chat.consent is not None, "a conversation without a consent"
    states: dict[str | None, set[MessageState]] = {}
    for message in messages:
        states.setdefault(message.parent_id, set()).add(message.state)
    below: dict[str | None, list[ChatMessage]] = {}
    for message in messages:
        if _stands(message) and states.get(message.id) != {MessageState.REFUSED}:
            below.setdefault(message.parent_id, []).append(message)
    made: dict[str, MessageRecord] = {}
    for message in reversed(messages):  # replies before what they reply to
        replies = tuple(made[reply.id] for reply in below.get(message.id, ()))
        made[message.id] = _record(chat, message, lang, replies)
    return [
        TreeRecord(made[root.id].message_id, made[root.id], State.INITIAL_PROMPT_REVIEW, ORIGIN)
        for root in below.get(None, ())
    ]


def _stands(message: ChatMessage) -> bool:
    return message.state in STANDING and bool(message.text.strip())


def _record(chat: Chat, message: ChatMessage, lang: str, replies: tuple[MessageRecord, ...]) -> MessageRecord:
    by_model = message.role is Role.ASSISTANT
    return MessageRecord(
        message_id=tree_message_id(chat, message.id),
        text=message.text,
        role=message.role.value,
        parent_id=None if message.parent_id is None else tree_message_id(chat, message.parent_id),
        user_id=None if by_model else chat.person_id,
        created_date=message.created_at.isoformat(),
        lang=lang,
        synthetic=by_model,
        model_name=message.model if by_model else None,
        replies=replies,
    )


def tree_message_id(chat: Chat, message_id: str) -> str:
    """Under which id a message of a conversation stands in its tree: another one by each consent, which nobody can
    trace back to the conversation.
    """
    assert chat.consent is not None, "a conversation without a consent"
    digest = sha256(f"{message_id} {chat.person_id} {chat.consent.at.isoformat()}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _lang(db: Connection, chat: Chat) -> str:
    """In which a conversation is held, by what its person said; else one in which they work."""
    said = "\n".join(each.text for each in chats.messages_of(db, chat.id) if each.role is Role.PROMPTER)
    guess = detect(said)
    if guess is not None:
        return guess.lang
    return next(iter(preferences.preferences_of(db, chat.person_id).langs), UNSPOKEN)


def _votes(db: Connection, chat: Chat, prompt: MessageRecord) -> Iterator[VoteRecord]:
    """What the person said of replies: an order of those to one message, as a vote side by side or a choice among
    several says or else thumbs, and each thumb by itself.
    """
    thumb_of = {
        tree_message_id(chat, reply_id): said for reply_id, said in thumbs.thumbs_of_chat(db, chat.id).items()
    }  # fmt: skip
    orders = dict(_side_by_side(db, chat)) | dict(_chosen(db, chat))
    for parent, replies in _siblings(prompt):
        judged = [reply for reply in replies if reply in thumb_of]
        by_thumb = {thumb: [each for each in judged if thumb_of[each].thumb is thumb] for thumb in Thumb}
        if parent in orders:
            value, at = orders[parent]
            yield _vote(chat, VoteKind.RANKING, parent, value, at)
        elif all(by_thumb.values()):
            at = max(thumb_of[each].at for each in judged)
            yield _vote(chat, VoteKind.RANKING, parent, [by_thumb[Thumb.UP], by_thumb[Thumb.DOWN]], at)
        for each in judged:
            emoji = "+1" if thumb_of[each].thumb is Thumb.UP else "-1"
            yield _vote(chat, VoteKind.REACTION, each, emoji, thumb_of[each].at)


Order = tuple[list[list[str]], datetime]


def _side_by_side(db: Connection, chat: Chat) -> Iterator[tuple[str, Order]]:
    """The order that each vote gives, by the message that both replied to; none at all where both are bad."""
    for battle in battles.battles_of_chat(db, chat.id):
        shown = battles.showing_to(db, battle.id, chat.person_id)
        first, second = battle.first.message_id, battle.second.message_id
        if shown is None or shown.voted_at is None or first is None or second is None:
            continue
        one, other = tree_message_id(chat, first), tree_message_id(chat, second)
        left, right = (other, one) if shown.turned else (one, other)
        given: Mapping[Vote | None, list[list[str]]] = {
            Vote.LEFT: [[left], [right]], Vote.RIGHT: [[right], [left]], Vote.TIE: [[left, right]], Vote.BOTH_BAD: [],
        }  # fmt: skip
        if shown.vote in given:
            yield tree_message_id(chat, battle.question), (given[shown.vote], shown.voted_at)


def _chosen(db: Connection, chat: Chat) -> Iterator[tuple[str, Order]]:
    """The order that each choice gives, by the message that was replied to: the one that was taken, then the others."""
    standing = {each.id for each in chats.messages_of(db, chat.id) if _stands(each)}
    for each in drawn.drawn_in(db, chat.id):
        others = [reply for reply in each.replies if reply != each.taken_id and reply in standing]
        if each.taken_id in standing and each.decided_at and others:
            groups = [[each.taken_id], others]
            places = [[tree_message_id(chat, reply) for reply in group] for group in groups]
            yield tree_message_id(chat, each.question), (places, each.decided_at)


def _siblings(prompt: MessageRecord) -> Iterator[tuple[str, list[str]]]:
    """Each message with the replies to it."""
    for message in messages_of(TreeRecord(prompt.message_id, prompt)):
        yield message.message_id, [reply.message_id for reply in message.replies]


def _vote(chat: Chat, kind: VoteKind, subject: str, value: object, at: datetime) -> VoteRecord:
    ranking = kind is VoteKind.RANKING
    return VoteRecord(
        vote_id=tree_message_id(chat, f"{kind} {subject}"),
        kind=kind,
        message_id=None if ranking else subject,
        parent_id=subject if ranking else None,
        voter=chat.person_id,
        value=value,
        created_date=at.isoformat(),
    )
