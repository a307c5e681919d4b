"""The page of the documentation that lists the settings of training, made from the sections that read them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from espalier.train.options import KINDS
from espalier.train.settings import Section, Source, Tuning, section_of

BEGINNING: Final = """\
# Settings of training

Made by `make docs` from the code. A run reads one TOML file ([commands](commands.md#training)). It is checked as a
whole before anything is loaded, and what nobody reads is refused with the nearest name that there is. On the command
line `--set run.seed=1` replaces a value.

The sections `data`, `optimizer` and `run` are read by every algorithm, `model` by all but `base`, which makes one.
"""


def settings_page() -> str:
    parts = [BEGINNING]
    for name in Tuning.model_fields:
        parts += _section(name, _held(Tuning, name))
    for algorithm, kind in KINDS.items():
        parts.append(f"## Of `{algorithm}` alone\n")
        if usual := ", ".join(
            f"`{name}.{key} = {_toml(value)}`" for name, values in kind.usual.items() for key, value in values.items()
        ):
            parts.append(f"Where the file leaves them open: {usual}.\n")
        for name in (each for each in kind.model_fields if each not in Tuning.model_fields):
            parts += _section(name, _held(kind, name), "###")
    return "\n".join(parts)


def _held(section: type[Section], name: str) -> type[Section]:
    found = section_of(section.model_fields[name].annotation)
    assert found is not None, f"{section.__name__}.{name} is no section"
    return found


def _section(name: str, section: type[Section], level: str = "##") -> Iterator[str]:
    """The table of a section, then those of the sections in it."""
    yield f"{level} `[[{name}]]`\n" if section is Source else f"{level} `[{name}]`\n"
    yield f"{(section.__doc__ or '').strip()}\n"
    below = {key: found for key, each in section.model_fields.items() if (found := section_of(each.annotation))}
    rows = [_row(key, each) for key, each in section.model_fields.items() if key not in below]
    yield "\n".join(("| setting | default | may be | what it is |", "| --- | --- | --- | --- |", *rows)) + "\n"
    for key, found in below.items():
        yield from _section(f"{name}.{key}", found, "###")


def _row(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    wants = extra["wants"] if isinstance(extra, dict) else ""
    default = "needed" if field.default is PydanticUndefined else _shown(field.default)
    return f"| `{name}` | {default} | {wants} | {field.description} |"


def _shown(value: Any) -> str:
    return "" if value in (None, "", ()) else f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | Path():
            return f'"{value}"'
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
    return str(value)
