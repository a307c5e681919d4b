"""Messages whose right labels are known, and what they show of reviewers, over HTTP. For staff alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from espalier.collect import gold
from espalier.collect.gold import Reviewer
from espalier.domain.work import Kind
from espalier.store import reading
from espalier.store.gold import NEWEST, Known, marked
from espalier.web.api.forms import Form, example
from espalier.web.api.messages import Seen, as_seen
from espalier.web.api.router import api_router
from espalier.web.deps import CampaignDep, Moderator, ModeratorReader
from espalier.web.paging import UNCHANGED, Cursor, Limit, Page, answered, page, part, place_in

router = api_router("gold")


@dataclass(frozen=True, slots=True)
class Marked:
    """A message whose right labels are known. `marked_by`: whose word that is."""

    message_id: str
    kind: Kind
    lang: str
    answers: Mapping[str, float]
    marked_by: str
    marked_at: datetime


@dataclass(frozen=True, slots=True)
class MarkedMessage:
    """The same with the message. `people` judged `labels` of its labels in all, and agreed on so many of them."""

    mark: Marked
    message: Seen | None
    people: int
    labels: int
    agreed: int


def _mark(known: Known) -> Marked:
    return Marked(known.message_id, known.kind, known.lang, known.answers, known.person_id, known.at)


@router.get("/gold", response_model=Page[MarkedMessage], responses=UNCHANGED,
            summary="Messages whose right labels are known")  # fmt: skip
def listed(
    request: Request, campaign: CampaignDep, caller: ModeratorReader, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """For moderators; the last marked first."""
    before, after = place_in(cursor, int, str) if cursor else (NEWEST, "")
    with campaign.read(caller) as (db, person):
        found, following = page(
            marked(db, limit + 1, before=before, after=after), limit, lambda each: each.place
        )  # fmt: skip
        about = reading.several(db, (each.known.message_id for each in found))
        shown = {each.id: each for each in as_seen(db, person, about.values())}
    items = [
        MarkedMessage(
            _mark(each.known), shown.get(each.known.message_id), each.people, each.agreement.asked,
            each.agreement.agreed,
        )
        for each in found
    ]  # fmt: skip
    return answered(request, Page[MarkedMessage], Page[MarkedMessage](items=items, next=following))


class RightLabels(Form):
    """`answers`: by label the value that is right, `spam` among them; flags are 0 or 1 like the others."""

    answers: dict[str, float]

    model_config = example({"answers": {"spam": 0, "lang_mismatch": 0, "quality": 0.75}})


@router.put("/gold/{message_id}", summary="Say which labels of a message are right")
async def mark(message_id: str, form: RightLabels, campaign: CampaignDep, caller: Moderator) -> Marked:
    """For moderators. Reviewers are asked about it now and then (`gold_task_share`), and cannot tell. Said again, the
    new answers hold. Only a message that is decided already can be marked."""
    return _mark(await campaign.change(caller, gold.mark, message_id, form.answers, campaign.clock()))


@router.delete("/gold/{message_id}", status_code=204, summary="Ask nobody else about a message")
async def unmark(message_id: str, campaign: CampaignDep, caller: Moderator) -> None:
    """For moderators. What was answered so far stays."""
    await campaign.change(caller, gold.unmark, message_id, campaign.clock())


@router.get("/reviewers", response_model=Page[Reviewer], responses=UNCHANGED,
            summary="How far reviewers agree with what is right")  # fmt: skip
def reviewers(
    request: Request, campaign: CampaignDep, caller: ModeratorReader, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """For moderators; those first of whom it is surest that they agree rarely. `low` and `high` are a 95 % interval."""
    with campaign.read(caller) as (db, _):
        items, following = part(gold.reviewers(db), limit, cursor)
    return answered(request, Page[Reviewer], Page[Reviewer](items=items, next=following))
