"""Whether keys without a modifier act for the reader; which ones there are is key_words.py."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from espalier.store.people import Person
from espalier.store.preferences import keep_preferences, preferences_of
from espalier.web.visit import Sender, local, redirect

router = APIRouter(include_in_schema=False)


@router.post("/keys")
async def switch(visit: Sender, single: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "") -> Response:
    """`single`: `on` or `off`."""
    acts = single == "on"
    await visit.campaign.change(visit.changing(), _keep, acts)
    said = visit.words.gettext("Single keys act again.") if acts else visit.words.gettext("Single keys are off.")
    return redirect(visit, local(next), said)


def _keep(db: Connection, person: Person, acts: bool) -> None:
    keep_preferences(db, person.id, replace(preferences_of(db, person.id), single_keys=acts))
