"""Reading and answering the two requests that volunteers make all day, past most of what FastAPI does for a route.

Its resolving of dependencies and parameters costs as much as a third of handing out a task. What a client sees and what
the API's description says are the same as elsewhere. Knows forms and answers; knows no route.
"""

import json
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from espalier.store.people import PersonRole, token_hash
from espalier.web.campaign import Caller, Campaign

Read = TypeVar("Read", bound=BaseModel)


async def read(request: Request, form: type[Read]) -> Read:
    """The form that a body spells. Raises RequestValidationError."""
    body = await request.body()
    try:
        return form.model_validate_json(body)
    except ValidationError as invalid:
        faults = invalid.errors(include_context=False)
    try:
        # Python reads half of a surrogate pair, which pydantic does not, so that the text can be handed back.
        return form.model_validate(json.loads(body))
    except ValidationError as invalid:
        faults = invalid.errors(include_context=False)
    except (ValueError, RecursionError):
        pass
    raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults])


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
