"""All that a campaign keeps of one person, for them to take along: as values that JSON can spell.

Their own texts are in it, the texts of others are not; what became of a text is told as the site tells it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from espalier.collect import drafts
from espalier.domain.sight import StaffMessage
from espalier.store import (
    battles,
    boards,
    cases,
    chat_reports,
    chats,
    contributed,
    documents,
    drawn,
    identities,
    notices,
    people,
    reading,
    reports,
    shares,
    surveys,
    thumbs,
)
from espalier.store.battles import Showing
from espalier.store.chat_reports import ChatReport
from espalier.store.chats import Chat
from espalier.store.contributed import Contributed
from espalier.store.notices import Notice
from espalier.store.people import Person
from espalier.store.practice import practised_by
from espalier.store.preferences import preferences_of
from espalier.store.sessions import sessions_of
from espalier.store.shares import Share

AT_ONCE: Final = 500  # contributions


def own_data(db: Connection, person: Person, now: datetime) -> dict[str, Any]:
    """Dates are spelled as ISO 8601 in UTC."""
    kept = {
        "made_at": now,
        "account": {
            "id": person.id, "name": person.name, "role": person.role, "email": person.email,
            "created_at": person.created_at, "on_board": person.on_board, "moderates": person.moderates,
            "banned": person.disabled, "suspended_until": person.suspended_until,
        },
        "preferences": asdict(preferences_of(db, person.id)),
        "ways_to_sign_in": [
            {name: value for name, value in asdict(way).items() if name != "person_id"}
            for way in identities.ways_of(db, person.id)
        ],
        "sessions": [
            {name: value for name, value in asdict(each).items() if name != "person_id"}
            for each in sessions_of(db, person.id, now)
        ],
        "tokens": [
            {"name": each.name, "scope": each.scope, "created_at": each.created_at, "revoked_at": each.revoked_at}
            for each in people.tokens_of(db, person.id)
        ],
        "consents": [{"terms": version, "at": at} for version, at in documents.consents_of(db, person.id)],
        "survey": surveys.answers_of(db, person.id),
        "practised": practised_by(db, person.id),
        "days_with_a_contribution": boards.active_days(db, person.id),
        "reports": [
            {"message_id": each.message_id, "at": each.at, "reason": each.reason, "status": each.status}
            for each in reports.reports_by(db, person.id)
        ],
        "appeals": [{"at": each.at, "words": each.words} for each in cases.appeals_of(db, person.id)],
        "decisions": [_told(notice, read_at) for notice, read_at in notices.told(db, person.id)],
        "drafts": [
            {"task_id": each.task_id, "saved_at": each.saved_at, "fields": each.fields}
            for each in drafts.mine(db, person, now)
        ],
        "chats": [_chat(db, chat) for chat in chats.every_chat(db, person.id)],
        "links_to_chats": [_without_person(each) for each in shares.shares_by(db, person.id)],
        "reported_replies": [_without_person(each) for each in chat_reports.reports_by(db, person.id)],
        "comparisons": [_comparison(db, each) for each in battles.showings_to(db, person.id)],
        "contributions": list(_contributions(db, person)),
    }  # fmt: skip
    spelled: dict[str, Any] = _spelled(kept)
    return spelled


def _told(notice: Notice, read_at: datetime | None) -> dict[str, Any]:
    """What was decided on the person, their text or their report, as they were told."""
    said = {name: value for name, value in asdict(notice).items() if name != "number"}
    return {**said, "read_at": read_at}


def _chat(db: Connection, chat: Chat) -> dict[str, Any]:
    """A conversation with all of its branches; of replies that wait side by side for a vote it is not said whose."""
    kept = {name: value for name, value in asdict(chat).items() if name not in ("person_id", "viewed_id")}
    unknown = battles.unvoted_replies(db, chat.id, chat.person_id)
    messages = [
        {name: value for name, value in asdict(message).items() if name != "chat_id"}
        | ({"model": None, "sampling": {}} if message.id in unknown else {})
        for message in chats.messages_of(db, chat.id)
    ]
    judged = [
        {name: value for name, value in asdict(each).items() if name != "chat_id"}
        for each in thumbs.thumbs_of_chat(db, chat.id).values()
    ]
    chosen = [
        {"replies": each.replies, "taken": each.taken_id, "at": each.decided_at} for each in drawn.drawn_in(db, chat.id)
    ]
    return {**kept, "messages": messages, "thumbs": judged, "chosen": chosen}


def _without_person(kept: Share | ChatReport) -> dict[str, Any]:
    return {name: value for name, value in asdict(kept).items() if name != "person_id"}


def _comparison(db: Connection, shown: Showing) -> dict[str, Any]:
    """Two answers that the person was shown; whose they are only where they voted, as on the page."""
    battle = battles.battle_of(db, shown.battle_id)
    sides = (battle.first.model, battle.second.model) if battle and shown.vote else (None, None)
    left, right = reversed(sides) if shown.turned else sides
    said = {name: value for name, value in asdict(shown).items() if name not in ("person_id", "turned")}
    return {**said, "left": left, "right": right, "question": battle.question if battle else None}


def _contributions(db: Connection, person: Person) -> Iterator[dict[str, Any]]:
    """The newest first."""
    before = contributed.NEWEST
    while facts := contributed.contributed(db, person.id, AT_ONCE, before=before):
        texts = _own_texts(db, person, facts)
        for fact in facts:
            yield _contribution(fact, texts.get(fact.message_id))
        before = facts[-1].seq


def _own_texts(db: Connection, person: Person, facts: Sequence[Contributed]) -> dict[str, StaffMessage]:
    written = {fact.message_id for fact in facts if fact.kind in ("planted", "replied")}
    found = reading.several(db, written)
    return {message_id: message for message_id, message in found.items() if message.author == person.id}


def _contribution(fact: Contributed, message: StaffMessage | None) -> dict[str, Any]:
    sent = {
        "kind": fact.kind, "at": fact.at, "late": fact.late, "tree_id": fact.tree_id, "message_id": fact.message_id,
        **fact.said,
    }  # fmt: skip
    if message is not None:
        sent |= {
            "text": message.text, "lang": message.lang, "role": message.role, "parent_id": message.parent_id,
            "deleted": message.deleted, "accepted": message.review_result, "reviews": message.review_count,
            "rank": message.rank, "labels": {name: asdict(mean) for name, mean in message.labels.items()},
            "reactions": dict(message.emojis),
        }  # fmt: skip
    return sent


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _spelled(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_spelled(each) for each in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    if hasattr(value, "items"):
        return _spelled(dict(value))
    return value
