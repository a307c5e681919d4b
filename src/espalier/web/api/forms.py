"""What all forms of the API have in common: a field that nobody knows is refused, not passed over, and so is what no
database keeps.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from espalier.domain.characters import are_characters
from espalier.domain.errors import Invalid


def example(*examples: dict[str, Any]) -> ConfigDict:
    """The settings of a form that shows these examples."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _can_be_kept(cls, given: Any) -> Any:
        # Texts are looked at where they are accepted, so that they can be handed back.
        for name, value in given.items() if isinstance(given, dict) else ():
            if not _sound(name) or (name != "text" and not _sound(value)):
                field = name if name in cls.model_fields else None
                text = given["text"] if isinstance(given.get("text"), str) else None
                raise Invalid("A NUL or half of a surrogate pair is no character.", field=field, text=text)
        return given


def _sound(value: Any) -> bool:
    if isinstance(value, str):
        return are_characters(value)
    if isinstance(value, dict):
        return all(_sound(name) and _sound(inner) for name, inner in value.items())
    return not isinstance(value, list) or all(map(_sound, value))
