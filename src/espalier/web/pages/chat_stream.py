"""Replies as they grow, for the script of a conversation's page: each time what differs from what it has.

Follows what is saved, whoever writes it: a second window, or a browser that connects anew, has all of it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from espalier.chat import conversations
from espalier.chat.comparing import Pair
from espalier.chat.models import Place
from espalier.domain.errors import NotFound
from espalier.infer.completions import STREAMED
from espalier.store import chats
from espalier.store.chats import Chat, MessageState
from espalier.store.drawn import Drawn
from espalier.web.pages.chat_thread import LETTERS, Found, Turn, is_slow, is_starting, place_of
from espalier.web.render import render
from espalier.web.visit import Chatter, Visit

router = APIRouter(include_in_schema=False)

LOOK_EVERY_S: Final = 0.25
LASTS_S: Final = 8.0
"""Then the browser connects anew, so that a server which is to stop waits no longer, and a proxy that keeps answers
back until they end keeps back no more than that.
"""
AGAIN: Final = "retry: 300\n\n"
END: Final = "event: end\ndata: -\n\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """One reply of a page. letter: of one that stands side by side, as one of `sides`; they wait for a vote (pair) or a
    choice (drawn). is_open: something is still being written.
    """

    chat: Chat
    turn: Turn
    voted: Mapping[str, Pair]
    is_open: bool
    letter: str | None
    pair: Pair | None
    drawn: Drawn | None
    sides: Mapping[str, Turn]


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a reply is, as far as it shows."""

    state: MessageState
    characters: int
    place: Place | None
    starting: bool
    slow: bool


@router.get("/chat/{chat_id}/stream")
def follow(
    visit: Chatter, chat_id: str, reply: Annotated[list[str], Query(min_length=1, max_length=len(LETTERS))]
) -> Response:
    """Until all of these replies have ended."""
    with visit.campaign.read(visit.caller) as (db, person):
        conversations.own_chat(db, person, chat_id)
    return StreamingResponse(_growing(visit, chat_id, reply), media_type="text/event-stream", headers=STREAMED)


async def _growing(visit: Visit, chat_id: str, replies: Sequence[str]) -> AsyncIterator[str]:
    yield AGAIN
    stages: dict[str, Stage] = {}
    sent: dict[str, str] = {}
    for _ in range(round(LASTS_S / LOOK_EVERY_S)):
        for reply_id, html in (await run_in_threadpool(_changed, visit, chat_id, replies, stages)).items():
            yield event(reply_id, sent.get(reply_id, ""), html)
            sent[reply_id] = html
        if not any(stage.state.is_open for stage in stages.values()):
            yield END
            return
        await asyncio.sleep(LOOK_EVERY_S)


def _changed(visit: Visit, chat_id: str, replies: Sequence[str], stages: dict[str, Stage]) -> dict[str, str]:
    """The replies that are further than these stages, which are brought up to date. One that is gone has none."""
    visit = replace(visit, now=visit.campaign.clock())
    with visit.campaign.database.read() as db:
        there = {each: chats.message_of(db, chat_id, each) for each in replies}
    now = {
        each: Stage(message.state, len(message.text), place_of(visit, message),
                    is_starting(visit, message), is_slow(message, visit.now))
        for each, message in there.items() if message
    }  # fmt: skip
    changed = [each for each in replies if each in now and now[each] != stages.get(each)]
    stages.clear()
    stages.update(now)
    if not changed:
        return {}
    try:
        with visit.campaign.read(visit.caller) as (db, person):
            chat = conversations.own_chat(db, person, chat_id)
            found = Found(visit, db, person, chat)
            turns = [found.turn(each) for each in changed]
    except NotFound:
        stages.clear()
        return {}
    letters = {turn.message.id: letter for letter, turn in found.sides.items()}
    return {turn.message.id: _shown(visit, chat, found, turn, letters.get(turn.message.id)) for turn in turns}


def _shown(visit: Visit, chat: Chat, found: Found, turn: Turn, letter: str | None) -> str:
    piece = Piece(chat, turn, found.voted, found.is_open, letter, found.unvoted, found.undecided, found.sides)
    return bytes(render(visit, "parts/chat_piece.html", piece).body).decode()


def event(reply_id: str, before: str, html: str) -> str:
    """keep: so many characters, as browsers count them, stay of what was sent before; `more` comes behind them."""
    same = next((place for place, pair in enumerate(zip(before, html, strict=False)) if pair[0] != pair[1]), None)
    kept = before[: min(len(before), len(html)) if same is None else same]
    told = {"id": reply_id, "keep": len(kept.encode("utf-16-le")) // 2, "more": html[len(kept) :]}
    return f"event: reply\ndata: {json.dumps(told, ensure_ascii=False)}\n\n"
