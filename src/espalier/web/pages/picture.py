"""The campaign's picture as a file; its address is another whenever the picture is."""

from fastapi import APIRouter
from starlette.responses import Response

from espalier.domain.errors import NotFound
from espalier.store import pictures
from espalier.web.deps import CampaignDep

router = APIRouter(include_in_schema=False)


@router.get("/picture/{digest}")
def show(campaign: CampaignDep, digest: str) -> Response:
    """Raises NotFound."""
    with campaign.database.read() as db:
        found = pictures.find(db, digest)
    if found is None:
        raise NotFound("There is no such picture.")
    kind, data = found
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    }
    return Response(data, media_type=kind, headers=headers)
