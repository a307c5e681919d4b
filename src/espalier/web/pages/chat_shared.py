"""A conversation as it was when somebody made a link to it: for whoever has the link, without a name."""

from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.responses import Response

from espalier.domain.errors import NotFound
from espalier.store.shares import Share, share_of
from espalier.web.pages.chat_choice import title_of
from espalier.web.render import render
from espalier.web.visit import Anybody

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    share: Share


@router.get("/shared/{share_id}")
def show(visit: Anybody, share_id: str) -> Response:
    """Search engines are told to leave it alone, whatever the campaign allows them."""
    with visit.campaign.database.read() as db:
        share = share_of(db, share_id)
    if share is None:
        raise NotFound("This link leads nowhere. Whoever made it may have taken it back.")
    turns = tuple(replace(each, model=title_of(visit, each.model)) if each.model else each for each in share.turns)
    answer = render(visit, "chat_shared.html", Context(replace(share, turns=turns)))
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
