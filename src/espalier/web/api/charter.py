"""What the organiser says of the campaign over HTTP, the terms in force, and accepting them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Request, Response
from pydantic import Field

from espalier.collect.charter import accept_terms
from espalier.domain.charter import Charter, Running, Visibility
from espalier.store.charters import charter_in_force
from espalier.web.api.forms import Form, example
from espalier.web.api.router import api_router
from espalier.web.deps import CampaignDep, Contributor, Lang
from espalier.web.paging import UNCHANGED, answered
from espalier.web.texts import TERMS, text_of
from espalier.web.words import SOURCE

router = api_router("campaign")


@dataclass(frozen=True, slots=True)
class CampaignNow:
    """`running`: preparing, open, paused or closed; `paused_until` and `reason`: when it goes on, and why it does not.

    `languages`: that it asks for; none for all. `target`: messages it wants. `release`: where the finished data set is.
    `picture`: its path on this server, or empty; `picture_says`: what it shows.
    """

    name: str
    about: str
    contact: str
    licence: str
    licence_url: str
    languages: Sequence[str]
    target: int | None
    visibility: Visibility
    running: Running
    reason: str
    paused_until: date | None
    release: str
    picture: str
    picture_says: str
    terms: int


def _shown(charter: Charter) -> CampaignNow:
    return CampaignNow(
        charter.name, charter.about, charter.contact, charter.licence, charter.licence_url, charter.languages,
        charter.target, charter.visibility, charter.running, charter.reason, charter.paused_until, charter.release,
        f"/picture/{charter.picture}" if charter.picture else "", charter.picture_says, charter.terms,
    )  # fmt: skip


@router.get("/campaign", response_model=CampaignNow, responses=UNCHANGED,
            summary="What the campaign is, and whether it runs")  # fmt: skip
def campaign_now(request: Request, campaign: CampaignDep) -> Response:
    """For everybody, without a token."""
    with campaign.database.read() as db:
        charter = charter_in_force(db)
    return answered(request, CampaignNow, _shown(charter))


@dataclass(frozen=True, slots=True)
class Terms:
    """`text`: in Markdown. `version`: the one to accept."""

    version: int
    lang: str
    text: str
    licence: str
    licence_url: str


@router.get("/terms", response_model=Terms, responses=UNCHANGED, summary="The terms in force")
def terms(request: Request, campaign: CampaignDep, lang: Lang = None) -> Response:
    """For everybody, without a token; where they are not translated into the language, in the one that counts."""
    with campaign.database.read() as db:
        charter = charter_in_force(db)
        text = text_of(db, TERMS, lang or SOURCE, charter.terms)
    shown = Terms(charter.terms, text.lang, text.text, charter.licence, charter.licence_url)
    return answered(request, Terms, shown)


class Acceptance(Form):
    """`version`: of the terms that were read."""

    version: Annotated[int, Field(ge=1, le=10**9)]

    model_config = example({"version": 2})


@router.post("/me/terms", status_code=204, summary="Accept the terms in force")
async def accept(form: Acceptance, campaign: CampaignDep, caller: Contributor) -> None:
    """Once an organiser has published terms, tokens of who has not accepted them open nothing but the own account."""
    await campaign.change(caller, accept_terms, form.version, campaign.clock())
