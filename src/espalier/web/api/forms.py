"""What all forms of the API have in common: a field that nobody knows is refused, not passed over."""

from typing import Any

from pydantic import BaseModel, ConfigDict


def example(*examples: dict[str, Any]) -> ConfigDict:
    """The settings of a form that shows these examples."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")
