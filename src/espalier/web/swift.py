"""Reading and answering the two requests that volunteers make all day, past all that FastAPI does for a route.

Its looking for the route, its stacks and its resolving of parameters cost half as much as handing out a task. What a
client sees and what the API's description says are the same as elsewhere. Knows forms and answers; knows no route.
"""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from espalier.store.people import PersonRole, token_hash
from espalier.web import errors
from espalier.web.campaign import Caller, Campaign
from espalier.web.deps import refuse_unknown

Read = TypeVar("Read", bound=BaseModel)


class Lane:
    """ASGI middleware: what is posted to one of these routes is handed to its function at once.

    The functions take the request and, by name, what their path holds, and answer with a response.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[APIRoute]) -> None:
        self._app = app
        self._routes = tuple(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            for route in self._routes:
                if found := route.path_regex.match(scope["path"]):
                    scope["route"] = route
                    request = Request(scope, receive)
                    try:
                        refuse_unknown(request)
                        response = await route.endpoint(request=request, **found.groupdict())
                    except errors.REFUSALS as refusal:
                        response = errors.answer(request, refusal)
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)


async def read(request: Request, form: type[Read]) -> Read:
    """The form that a body spells. Raises RequestValidationError."""
    body = await request.body()
    try:
        return form.model_validate_json(body)
    except ValidationError as invalid:
        faults, given = invalid.errors(include_context=False), None
    try:
        # Python reads half of a surrogate pair, which pydantic does not, so that the text can be handed back.
        given = json.loads(body)
        return form.model_validate(given)
    except ValidationError as invalid:
        faults = invalid.errors(include_context=False)
    except (ValueError, RecursionError):
        pass
    raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults], body=given)


def written(adapter: TypeAdapter[Any], value: object) -> Response:
    return Response(adapter.dump_json(value), media_type="application/json")


def asked(request: Request, needs: PersonRole) -> tuple[Campaign, Caller]:
    """The campaign, and who asks for a change of it."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    known = token_hash(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
    return request.app.state.campaign, Caller(known, needs, changes=True)


def takes(form: type[BaseModel]) -> dict[str, Any]:
    """What the API's description says of a route that reads its form itself."""
    schema = form.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)  # the answers describe the same kinds
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "security": [{"HTTPBearer": []}],
    }
