"""The front page: what this campaign is, how far it has come, one button."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from espalier.web.render import render
from espalier.web.visit import Anybody

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Context:
    """name: of the campaign."""

    name: str


@router.get("/")
def show(visit: Anybody) -> Response:
    return render(visit, "landing.html", Context("Espalier"), public=True)
