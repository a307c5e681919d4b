"""Several files mixed into one: what each holds of which language, and the lines that go into the mixture.

A look at all lines to count them, a second one to write them; one line in memory at a time. How much of each is mix.py.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.dataset.findings import Report, ignore
from espalier.dataset.holds import Holds, held_by
from espalier.dataset.lines import objects
from espalier.dataset.mix import BadMix, Cell, Mixture, Times
from espalier.dataset.objects import record
from espalier.dataset.parquet import is_parquet
from espalier.dataset.records import Malformed, TreeRecord
from espalier.dataset.spellings import example, spelling
from espalier.dataset.split import NO_LANGUAGE
from espalier.dataset.tables import AnyOf
from espalier.dataset.write import write_any, write_objects
from espalier.domain.language import usual_tag

LangOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Source:
    """A file and the name under which weights and caps speak of it."""

    name: str
    path: Path


def lang_in(line: Mapping[str, Any], lang_of: LangOf = lambda text: NO_LANGUAGE) -> str:
    """The language that a line says it is in, itself or its prompt; else what `lang_of` says of its first text, and of
    all of them where that one does not tell.
    """
    for said in (line, line.get("prompt")):
        if isinstance(said, dict) and isinstance(said.get("lang"), str) and said["lang"]:
            return usual_tag(said["lang"])
    texts = list(_texts(line))
    guess = lang_of(texts[0]) if texts else NO_LANGUAGE
    return lang_of("\n".join(texts)) if guess == NO_LANGUAGE and len(texts) > 1 else guess


def _texts(line: Mapping[str, Any]) -> Iterator[str]:
    """What people and models say in it, without what a system is told."""
    for key in ("prompt", "messages", "conversations", "chosen", "instruction", "turns", "text"):
        turns = line.get(key)
        for turn in turns if isinstance(turns, list) else [turns]:
            if isinstance(turn, dict) and turn.get("role", turn.get("from")) != "system":
                turn = next((turn[each] for each in ("content", "value", "text") if each in turn), None)
            if isinstance(turn, str):
                yield turn


def count(
    sources: Sequence[Source], lang_of: LangOf = lambda text: NO_LANGUAGE, report: Report = ignore
) -> Counter[Cell]:
    """How many lines each source has of each language. Raises BadMix where two files hold lines of different kinds."""
    counts: Counter[Cell] = Counter()
    kinds: dict[str, str] = {}
    for source in sources:
        for number, line in objects(source.path, report):
            kinds.setdefault(_kind(line), f"{source.path}:{number}")
            if len(kinds) > 1:
                places = " and ".join(f"{kind} ({place})" for kind, place in kinds.items())
                raise BadMix(f"there are {places}; make all of one kind with `espalier dataset convert` first")
            counts[source.name, lang_in(line, lang_of)] += 1
    return counts


def _kind(line: Mapping[str, Any]) -> str:
    """Of which kind a line is, as whoever reads it takes it."""
    match held_by(line):
        case Holds.RECORDS:
            return "messages" if "message_id" in line else "trees"
        case Holds.VOTES:
            return "votes"
        case _:
            return spelling(line) or "lines of another kind"


def mixed(
    sources: Sequence[Source], mixture: Mixture, seed: str, lang_of: LangOf = lambda text: NO_LANGUAGE
) -> Iterator[dict[str, Any]]:
    """The lines of the mixture in the order of the sources, each as often in a row as it is in there."""
    times = Times(mixture, seed)
    for source in sources:
        for _, line in objects(source.path, ignore):
            for _ in range(times.next((source.name, lang_in(line, lang_of)))):
                yield line


def write_mixture(path: Path, lines: Iterator[Mapping[str, Any]]) -> int:
    """Write the lines, as they are or as a table; how many there were. Raises BadMix where one has no place in it."""
    if is_parquet(path):
        return write_any(path, map(_value, lines), TreeRecord)
    return write_objects(path, lines)


def _value(line: Mapping[str, Any]) -> AnyOf:
    try:
        return record(line) if held_by(line) is Holds.RECORDS else example(line)
    except Malformed as wrong:
        raise BadMix(f"a line has no place in a table ({wrong.path}: {wrong.reason}); write JSON lines") from None
