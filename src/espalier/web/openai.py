"""Chat for programs, in OpenAI's shape: whatever speaks it talks with the campaign's models, by a person's token.

The limits of the person hold, and the safety filter. Refusals of every kind are in their shape too.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from espalier.chat import conversations
from espalier.chat.relaying import Relay
from espalier.domain.errors import Refusal
from espalier.infer.completions import DONE, STREAMED, ApiRefusal, ChatChunk, Model, ModelList, event, read_chat
from espalier.infer.waiting import while_there
from espalier.web.campaign import Caller, Campaign
from espalier.web.deps import CampaignDep, Contributor, Reader

router = APIRouter(prefix="/v1", include_in_schema=False)  # described by OpenAI
OWNER: Final = "espalier"


def install(app: FastAPI) -> None:
    app.add_exception_handler(ApiRefusal, _answer)


@router.get("/models")
async def models(campaign: CampaignDep, caller: Reader) -> ModelList:
    """The models that there are to talk with."""
    relay = await run_in_threadpool(_relay_for, campaign, caller)
    return ModelList(data=[Model(id=name, owned_by=OWNER) for name in relay.models])


@router.post("/chat/completions", response_model=None)
async def chat(request: Request, campaign: CampaignDep, caller: Contributor) -> Response:
    """A reply to a conversation, whole or streamed."""
    with _in_their_shape():
        relay, body = _relay(campaign), await request.body()
        asked = read_chat(body)
        relay.known(asked.model)
        await campaign.change(caller, conversations.let_ask, asked.model, campaign.clock(), campaign.rng, count=asked.n)
    if not asked.stream:
        made = await while_there(request, relay.complete(asked, body))
        return Response(made.model_dump_json(), media_type="application/json")
    pieces = relay.stream(asked, body)
    first: list[ChatChunk] = await while_there(request, anext(pieces, []))
    return StreamingResponse(_events(first, pieces), media_type="text/event-stream", headers=STREAMED)


async def _events(first: list[ChatChunk], pieces: AsyncGenerator[list[ChatChunk], None]) -> AsyncIterator[bytes]:
    """What is refused before the first piece is an answer of its own; behind that, the stream says it."""
    try:
        async with aclosing(pieces):
            if first:
                yield b"".join(map(event, first))
            async for chunks in pieces:
                if chunks:
                    yield b"".join(map(event, chunks))
    except ApiRefusal as refused:
        yield event(refused)
    yield DONE


def _relay_for(campaign: Campaign, caller: Caller) -> Relay:
    with _in_their_shape(), campaign.read(caller):
        return _relay(campaign)


def _relay(campaign: Campaign) -> Relay:
    if campaign.relay is None:
        raise ApiRefusal(404, "This campaign has no models to talk with.", "model_not_found", "model")
    return campaign.relay


@contextmanager
def _in_their_shape() -> Iterator[None]:
    """Raises ApiRefusal."""
    try:
        yield
    except Refusal as refused:
        raise ApiRefusal(refused.status, refused.detail, refused.slug, retry_after_s=refused.retry_after_s) from None


async def _answer(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiRefusal)
    return JSONResponse(error.body(), error.status, error.headers())
