"""Where the routes of the API are collected: below one address, each with its refusals described; none passes over a
parameter that it does not know."""

from typing import Final

from fastapi import APIRouter, Depends

from espalier.web.deps import only_known
from espalier.web.errors import DOCUMENTED

API: Final = "/api/v1"


def api_router(tag: str) -> APIRouter:
    """tag: the heading below which the API's description lists them."""
    return APIRouter(prefix=API, tags=[tag], responses=DOCUMENTED, dependencies=[Depends(only_known)])
