"""How a reply is drawn, as people choose it: what can be set, between which bounds, and presets under a name.

Pure: knows no model, no page. Which of it a model's server takes is handed in.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from espalier.domain.characters import are_characters
from espalier.domain.errors import Invalid, TooLong

Number = int | float
Sampling = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """usual: the value that stands there when somebody begins to set it. whole: a whole number."""

    name: str
    least: Number
    most: Number
    step: Number
    usual: Number
    whole: bool = False


PARAMETERS: Final[Mapping[str, Parameter]] = {
    each.name: each
    for each in (
        Parameter("temperature", 0, 2, 0.05, 0.7),
        Parameter("top_p", 0.05, 1, 0.05, 0.95),
        Parameter("top_k", 1, 1000, 1, 50, whole=True),
        Parameter("max_tokens", 1, 4096, 1, 512, whole=True),
        Parameter("seed", 0, 2**31 - 1, 1, 1, whole=True),
    )
}
CUSTOM: Final = "custom"
PRESETS: Final[Mapping[str, Mapping[str, Number]]] = {
    "balanced": {"temperature": 0.7, "top_p": 0.95},
    "precise": {"temperature": 0.2, "top_p": 0.9},
    "inventive": {"temperature": 1.0, "top_p": 1},
    "likeliest": {"temperature": 0},
}
"""By name; the first is what holds until somebody chooses."""
SYSTEM_CHARACTERS: Final = 4000


def checked(given: Mapping[str, str]) -> dict[str, Number]:
    """What was typed as numbers; an empty field is not set. Raises Invalid, which names the field and its bounds."""
    found: dict[str, Number] = {}
    for name, parameter in PARAMETERS.items():
        typed = given.get(name, "").strip()
        if not typed:
            continue
        try:
            value: Number = int(typed) if parameter.whole else float(typed)
        except ValueError:
            value = float("nan")
        if not parameter.least <= value <= parameter.most:
            raise Invalid(
                "A number from %(least)s to %(most)s belongs here.", least=parameter.least, most=parameter.most,
                field=name,
            )  # fmt: skip
        found[name] = value
    return found


def checked_system(words: str) -> str:
    """Raises TooLong, Invalid."""
    said = words.strip()
    if len(said) > SYSTEM_CHARACTERS:
        raise TooLong(
            "What holds for all replies has at most %(most)s characters.", most=SYSTEM_CHARACTERS, field="system"
        )
    if not are_characters(said):
        raise Invalid("The text has characters that no database keeps.", field="system")
    return said


def taken(chosen: Mapping[str, Number], supported: Collection[str]) -> dict[str, Number]:
    """What of it a server takes; the rest is left out, not sent to be refused."""
    return {name: value for name, value in chosen.items() if name in supported}
