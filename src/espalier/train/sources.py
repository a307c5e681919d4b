"""What is learned and what is held out: the conversations and texts of all sources, split once over all of them.

Lines that share a text stand on one side, whatever files they come from, and so does a tree. Knows neither tokens nor
models.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Final, TypeVar

from espalier.dataset.convert import Kind, Wanted, all_kept, examples, remade
from espalier.dataset.examples import Chat, Example, Preference, Prompt, Ranking, turns_of
from espalier.dataset.filter import BadCondition, of_records
from espalier.dataset.findings import Report, ignore
from espalier.dataset.holds import Holds, held_in
from espalier.dataset.lines import objects
from espalier.dataset.mix import Recipe, language_weights
from espalier.dataset.mixture import lang_in
from espalier.dataset.read import read_examples, read_trees, values
from espalier.dataset.spellings import example as example_of
from espalier.dataset.split import NO_LANGUAGE, TRAIN, Sapling, Shares, split
from espalier.dataset.stamp import files_in
from espalier.dataset.threads import Thread, threads
from espalier.dataset.trees import messages_of
from espalier.domain.language import usual_tag
from espalier.safety.duplicates import fingerprint, normal
from espalier.train.settings import Data, Source

T = TypeVar("T")
HELD_OUT: Final = "held_out"
HELD_OUT_FILES: Final = frozenset({"validation", "valid", "val", "dev", "test", "eval", HELD_OUT})
"""Files of a directory with such a name are never learned from."""
TELLING: Final = 40
"""Characters from which on a text that stands in two places is no accident."""
MEASURABLE: Final = 30
"""Lines of a language from which on it may be drawn more often."""
SHOWN: Final = 70
LEARNED: Final[Mapping[Kind, str]] = {
    Kind.THREADS: "conversation", Kind.RANKED: "ranked replies", Kind.PAIRS: "pair of replies", Kind.PROMPTS: "prompt",
}  # fmt: skip
"""What is learned from, in the words of who hears that there is none."""


class BadSource(ValueError):
    """A file that gives nothing to learn, or data that may not be learned; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Line:
    """One example of a source, or a text alone. unit: what must not be divided, a tree or the example itself. texts: of
    all its turns. weight: how often it comes in an epoch. tags: of what kind it is. quality: the mean label of its
    replies, from 0 to 1, where volunteers gave any.
    """

    example: Example | str
    unit: str
    source: Path
    lang: str
    weight: float
    texts: tuple[str, ...]
    held_out: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    quality: float | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """All lines of all sources, in the order of the files, by the side on which they stand."""

    learned: tuple[Line, ...]
    held_out: tuple[Line, ...]


def read_parts(data: Data, kind: Kind, report: Report = ignore) -> Parts:
    """Chats, preferences, rankings or prompts of all sources, as `kind` says, split over all of them at once.

    Raises BadSource, OSError.
    """
    return drawn_by_language(
        divided([line for source in data.sources for line in lines_of(source, kind, report)], data), data
    )


def read_texts(data: Data, report: Report = ignore) -> Parts:
    """Texts alone, as a base model learns them: of lines with a `text`, of all messages of trees, of all turns.

    Raises BadSource, OSError.
    """
    return divided([line for source in data.sources for line in _texts(source, report)], data)


def files_of(source: Source) -> list[Path]:
    """The files that a source means: itself, or those of a directory that hold something to learn.

    Of a release its trees alone, for its other files say the same again. Raises BadSource.
    """
    if not source.path.exists():
        raise BadSource(f"there is no file {source.path}; name trees, a release, chats or preferences")
    if not source.path.is_dir():
        return [source.path]
    files = [path for path in files_in(source.path).values() if path.suffix in (".gz", ".jsonl", ".parquet", ".json")]
    trees = [path for path in files if ".trees." in path.name]
    found = trees or [path for path in files if held_in(path) is not Holds.VOTES and _has_lines(path)]
    if not found:
        raise BadSource(
            f"the directory {source.path} holds nothing to learn; name one with trees, chats or preferences"
        )
    return found


def _has_lines(path: Path) -> bool:
    return next(objects(path, ignore), None) is not None


def lines_of(source: Source, kind: Kind, report: Report = ignore) -> Iterator[Line]:
    """The lines of one source, not divided yet. Raises BadSource, OSError."""
    try:
        conditions = tuple(of_records(words) for words in source.where)
    except BadCondition as wrong:
        raise BadSource(f"data.sources, where: {wrong}") from None
    wanted = Wanted(kind, conditions, top=1 if source.threads == "best" else None)
    count = 0
    for file in files_of(source):
        given = _of_trees(file, wanted, report) if held_in(file) is Holds.RECORDS else _of_others(file, wanted, report)
        for example, unit, lang, quality in given:
            if source.langs and lang not in source.langs:
                continue
            count += 1
            said = {"task": source.task, "domain": source.domain, "language": "" if lang == NO_LANGUAGE else lang}
            yield Line(
                example, unit, file, lang, source.weight, texts_of(example), _is_held_out(file), said, quality
            )  # fmt: skip
    if not count:
        among = f" in {', '.join(source.langs)}" if source.langs else ""
        raise BadSource(
            f"{source.path} gives no {LEARNED[kind]}{among}; `espalier dataset convert` tells what it holds"
        )


_Given = tuple[Example, str, str, float | None]
"""An example, what it is a part of, its language, and its quality."""


def _of_trees(file: Path, wanted: Wanted, report: Report) -> Iterator[_Given]:
    for tree in read_trees(file, report):
        lang = usual_tag(tree.prompt.lang) if tree.prompt.lang else NO_LANGUAGE
        if wanted.kind is Kind.THREADS:
            for left in all_kept([tree], wanted):
                for path in threads(left, wanted.top):
                    yield Chat(turns_of(path)), tree.message_tree_id, lang, _quality(path)
        else:
            for example in examples([tree], wanted):
                yield example, tree.message_tree_id, lang, None


def _quality(path: Thread) -> float | None:
    labels = [
        message.labels["quality"]["value"] for message in path[1:] if message.labels and "quality" in message.labels
    ]
    return fmean(labels) if labels else None


def _of_others(file: Path, wanted: Wanted, report: Report) -> Iterator[_Given]:
    for given, lang in values(file, report, lambda line, _: (example_of(line), lang_in(line))):
        for example in remade([given], wanted):
            yield example, _unit(texts_of(example)), lang, None


def _texts(source: Source, report: Report) -> Iterator[Line]:
    for file in files_of(source):
        match held_in(file):
            case Holds.RECORDS if _holds_bare(file):
                given = list(_bare(file, report))
            case Holds.RECORDS:
                given = [
                    (message.text, tree.message_tree_id, message.lang or NO_LANGUAGE)
                    for tree in read_trees(file, report) for message in messages_of(tree) if not message.deleted
                ]  # fmt: skip
            case Holds.EXAMPLES:
                given = [
                    (text, _unit(texts_of(example)), NO_LANGUAGE)
                    for example in read_examples(file, report) for text in texts_of(example)
                ]  # fmt: skip
            case Holds.VOTES:
                raise BadSource(f"{file} holds votes; name the file of their trees")
        for text, unit, lang in given:
            if text.strip() and (not source.langs or lang in source.langs):
                yield Line(text, unit, file, lang, source.weight, (text,), _is_held_out(file))


def _holds_bare(file: Path) -> bool:
    """Whether its lines are texts and not messages."""
    first = next((line for _, line in objects(file, ignore)), {})
    return "text" in first and not {"message_id", "message_tree_id"} & first.keys()


def _bare(file: Path, report: Report) -> Iterator[tuple[str, str, str]]:
    for _, line in objects(file, report):
        if isinstance(text := line.get("text"), str):
            yield text, _unit((text,)), lang_in(line)


def _is_held_out(file: Path) -> bool:
    return file.name.partition(".")[0] in HELD_OUT_FILES


def _unit(texts: Sequence[str]) -> str:
    return fingerprint("\n".join(texts[:1]))


def texts_of(example: Example) -> tuple[str, ...]:
    """What stands in an example, from its first turn to its last reply."""
    match example:
        case Chat(turns) | Prompt(turns):
            return tuple(turn.content for turn in turns)
        case Preference(prompt, chosen, rejected):
            return tuple(turn.content for turn in (*prompt, *chosen, *rejected))
        case Ranking(prompt, replies, _):
            return (*(turn.content for turn in prompt), *replies)
    return ()


def divided(lines: Sequence[Line], data: Data) -> Parts:
    """Each line's side. Units that share a telling text are one; the hash of its oldest name decides."""
    group_of = grouped(lines)
    saplings = [Sapling(unit, "", NO_LANGUAGE, unit) for unit in group_of]

    def alike(texts: Sequence[str]) -> list[list[int]]:
        """The texts are names of units; those of one group, as places among them."""
        by_group: dict[str, list[int]] = {}
        for place, unit in enumerate(texts):
            by_group.setdefault(group_of[unit], []).append(place)
        return [group for group in by_group.values() if len(group) > 1]

    parts = dict(split(saplings, Shares({HELD_OUT: data.held_out}, seed=data.split_seed), alike).parts)
    if fixed := {group_of[line.unit] for line in lines if line.held_out}:
        parts = {unit: HELD_OUT if group in fixed else TRAIN for unit, group in group_of.items()}
    learned = tuple(line for line in lines if parts[line.unit] == TRAIN and line.weight > 0)
    held_out = tuple(line for line in lines if parts[line.unit] == HELD_OUT)
    if not learned and fixed:
        names = ", ".join(sorted({line.source.name for line in lines if line.held_out}))
        raise BadSource(f"nothing is left to learn: {names} is for measuring, as it is called; name another file, too")
    if not learned:
        raise BadSource(f"nothing is left to learn when {data.held_out:g} of the data is held out; hold out less")
    return Parts(learned, held_out)


def drawn_by_language(parts: Parts, data: Data) -> Parts:
    """The same, where lines of rare languages come more often: p ∝ n^alpha, so often at most as `data.most` says.

    Of a language with a handful of lines nobody could tell whether it helped: it comes as it comes, like lines of which
    nobody knows the language.
    """
    if data.alpha == 1:
        return parts
    masses: Counter[str] = Counter()
    for line in parts.learned:
        masses[line.lang] += line.weight  # type: ignore[assignment]  # a Counter of floats
    few = {lang for lang, number in Counter(line.lang for line in parts.learned).items() if number < MEASURABLE}
    often = language_weights(masses, Recipe(alpha=data.alpha, highest=data.most), {*few, NO_LANGUAGE})
    learned = tuple(replace(line, weight=line.weight * often[line.lang]) for line in parts.learned)
    return Parts(learned, parts.held_out)


def grouped(lines: Iterable[Line]) -> dict[str, str]:
    """Of each unit the name of the first that is of its group: units that share a telling text are one group."""
    places: dict[str, int] = {}
    groups = _Groups()
    first: dict[str, int] = {}
    for line in lines:
        place = places.setdefault(line.unit, len(places))
        for key in telling(line.texts):
            groups.join(place, first.setdefault(key, place))
    units = list(places)
    return {unit: units[groups.head(place)] for unit, place in places.items()}


class _Groups:
    """Which of some numbered things belong together."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def head(self, thing: int) -> int:
        """The first of those that it belongs to."""
        while (above := self._above.get(thing, thing)) != thing:
            self._above[thing] = self._above.get(above, above)
            thing = above
        return thing

    def join(self, one: int, other: int) -> None:
        one, other = self.head(one), self.head(other)
        self._above[max(one, other)] = min(one, other)


def telling(texts: Iterable[str]) -> Iterator[str]:
    """The fingerprints of texts that are long enough to tell something when they stand in two places."""
    return (fingerprint(text) for text in texts if len(normal(text)) >= TELLING)


def excerpt(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= SHOWN else f"{said[: SHOWN - 1]}…"
