"""The page at /api/docs, on which people read the API and try it; all it loads comes from this server.

Knows where the package that carries Swagger UI keeps its files; knows no route of the API.
"""

from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

ADDRESS: Final = "/api/docs"
LOADED: Final = f"{ADDRESS}/files"
# The page has a script and styles of its own, and its pictures are written into the styles.
_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)


def install(app: FastAPI, openapi_url: str) -> None:
    page = get_swagger_ui_html(
        openapi_url=openapi_url,
        title=app.title,
        swagger_js_url=f"{LOADED}/swagger-ui-bundle.js",
        swagger_css_url=f"{LOADED}/swagger-ui.css",
        swagger_favicon_url="data:,",
        swagger_ui_parameters={"displayRequestDuration": True},
    ).body

    async def shown() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    app.add_api_route(ADDRESS, shown, include_in_schema=False)
    app.mount(LOADED, StaticFiles(packages=[("fastapi_offline", "static")]))
