"""The organisers' and staff's front page: the ways to their tools, each with a line on what it is for."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from espalier.web.render import render
from espalier.web.visit import ModeratorVisit

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """all_tools: whether the reader may open the organisers' tools too."""

    all_tools: bool


@router.get("/admin")
def show(visit: ModeratorVisit) -> Response:
    return render(visit, "admin_index.html", Context(visit.may("admin")))
