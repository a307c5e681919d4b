"""Files that pages hand out to be kept: under a name, never in a cache."""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Final

from starlette.responses import Response

CSV: Final = "text/csv; charset=utf-8"


def attached(name: str, content: str, kind: str) -> Response:
    """kind: as `application/json`."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)


def as_csv(rows: Iterable[Iterable[object]]) -> str:
    written = StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
