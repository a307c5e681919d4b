"""The settings of a training run: one TOML file, checked as a whole before a model or a data set is opened.

Here are the sections that every algorithm reads; what each reads alone stands in options.py. Knows neither torch nor
terminals.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

SettingsT = TypeVar("SettingsT", bound="Settings")
SectionT = TypeVar("SectionT", bound="Section")
Weight = Literal["float32", "bfloat16", "float16"]


class BadSettings(ValueError):
    """Settings that cannot be: a line for each fault, with the file, the key and what would be right."""


def setting(says: str, wants: str, default: Any = ..., **rules: Any) -> Any:
    """A field. `says` is the sentence of the documentation; `wants` ends "run.seed is 'x', but must be ..."."""
    return Field(default, description=says, json_schema_extra={"wants": wants}, **rules)


class Section(BaseModel):
    """A table of the file; what nobody knows in it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Adapter(Section):
    """LoRA: W + (alpha / rank) · B A beside frozen weights."""

    rank: int = setting("Rank of the two small matrices.", "a whole number from 1", 16, ge=1)
    alpha: int = setting("Their product is scaled by alpha / rank.", "a whole number from 1", 32, ge=1)
    dropout: float = setting("Dropout before the adapter.", "a number from 0 to below 1", 0.0, ge=0, lt=1)
    targets: tuple[str, ...] = setting(
        "Names of the layers that get one; all linear ones where none is named.", "a list of names", ()
    )
    quantise: Literal["none", "nf4"] = setting(
        "How the frozen weights are kept: nf4 is QLoRA, and needs bitsandbytes.", "none or nf4", "none"
    )


class Model(Section):
    """What is trained."""

    start: str = setting("The model to start from.", "a directory, or a name on the hub", min_length=1)
    dtype: Weight = setting("The numbers that weights are kept in.", "float32, bfloat16 or float16", "float32")
    compute: Literal["same", "bfloat16"] = setting(
        "The numbers that are computed in: bfloat16 beside weights in float32 is mixed precision, which no step is too "
        "small for.",
        "same or bfloat16",
        "same",
    )
    attention: Literal["sdpa", "eager", "flash_attention_2"] = setting(
        "The implementation of attention.", "sdpa, eager or flash_attention_2", "sdpa"
    )
    device: str = setting(
        "Where it is trained; auto is a GPU where there is one.", "auto, cpu, or a device such as cuda:0", "auto"
    )
    chat: Literal["tokenizer", "own"] = setting(
        "The chat format: that of the tokenizer's template where it has one, or ours in any case.",
        "tokenizer or own",
        "tokenizer",
    )
    gradient_checkpointing: bool = setting(
        "Compute activations twice instead of keeping them: less memory, a third more time.", "true or false", False
    )
    compiled: bool = setting(
        "Compile the layers once, for less memory and quicker steps on a GPU; the first steps take a minute.",
        "true or false",
        False,
    )
    adapter: Adapter | None = setting("Train a LoRA adapter instead of all weights.", "a table [model.adapter]", None)

    @property
    def computed(self) -> Weight:
        """The numbers that are computed in, which suffice for weights that are only read."""
        return self.dtype if self.compute == "same" else self.compute

    @model_validator(mode="after")
    def _is_mixed_of_two(self) -> Self:
        if self.compute != "same" and self.dtype != "float32":
            raise ValueError(f'compute is "{self.compute}", which is for dtype = "float32"; leave one of them out')
        return self


class Source(Section):
    """One file or release of the data."""

    path: Path = setting("Trees, a release, or a file or directory of chats or preferences.", "a path")
    weight: float = setting("How often each of its lines counts.", "a number from 0", 1.0, ge=0)
    threads: Literal["all", "best"] = setting(
        "Of trees: threads to every leaf, or along the best-ranked replies.", "all or best", "all"
    )
    langs: tuple[str, ...] = setting("Only these languages; all where none is named.", "a list of codes", ())
    where: tuple[str, ...] = setting(
        "Of trees only messages that fulfil these conditions; what does not goes with all below it.",
        'a list of conditions, as "quality>=0.6" or "synthetic=false"',
        (),
    )
    task: str = setting("What its conversations are about, for data.tags.", "a word", "")
    domain: str = setting("The field that they come from, for data.tags.", "a word", "")


class Data(Section):
    """What is trained on."""

    sources: tuple[Source, ...] = setting("The files.", "one table [[data.sources]] or more", min_length=1)
    held_out: float = setting(
        "The share of trees that is measured on and never trained on.", "a number from 0 to 0.5", 0.05, ge=0, le=0.5
    )
    split_seed: str = setting("Another one holds out other trees.", "a text", "0")
    overlap: Literal["refuse", "learn"] = setting(
        "What is done where the model to start from has learned a held-out text: refuse to train, or learn it again.",
        "refuse or learn",
        "refuse",
    )
    alpha: float = setting(
        "Languages are drawn as p ∝ n^alpha: 1 leaves them as they come, 0 makes them equal.",
        "a number from 0 to 1",
        1.0,
        ge=0,
        le=1,
    )
    most: float = setting("The most that lines of a rare language are repeated for it.", "a number from 1", 4.0, ge=1)
    tags: tuple[Literal["task", "domain", "language"], ...] = setting(
        "What a system turn says of a conversation, so that one can ask for it later.",
        "a list of task, domain, language",
        (),
    )
    tag_dropout: float = setting(
        "The share of conversations that are learned without it.", "a number from 0 to 1", 0.5, ge=0, le=1
    )
    length: int = setting(
        "Tokens of a conversation; of a longer one the last turns stay.", "a whole number from 8", 2048, ge=8
    )


class Optimizer(Section):
    """AdamW and its schedule."""

    learning_rate: float = setting("The highest learning rate.", "a number above 0", 1e-5, gt=0)
    betas: tuple[float, float] = setting("Decay of the two averages of Adam.", "two numbers below 1", (0.9, 0.95))
    epsilon: float = setting("Adam's ε.", "a number above 0", 1e-8, gt=0)
    weight_decay: float = setting("Decay of matrices; vectors have none.", "a number from 0", 0.0, ge=0)
    clip: float = setting("The highest norm of the gradient; 0 does not clip.", "a number from 0", 1.0, ge=0)
    schedule: Literal["constant", "linear", "cosine"] = setting(
        "How the learning rate falls after the warm-up.", "constant, linear or cosine", "cosine"
    )
    warmup: int = setting("Steps in which the learning rate rises.", "a whole number from 0", 20, ge=0)
    batch: int = setting("Examples of a step, on all processes together.", "a whole number from 1", 16, ge=1)


MODEL: Final = "model"
"""The folder of a run that holds what it made."""


class Run(Section):
    """How long, from which seed, and what is kept of it."""

    out: Path = setting("The folder that gets checkpoints, metrics, the model and its card.", "a path")
    seed: int = setting("All chance comes from it.", "a whole number from 0", 0, ge=0)
    epochs: float = setting("How often the data is gone through.", "a number above 0", 1.0, gt=0)
    steps: int | None = setting(
        "Steps of the optimiser; where given, epochs do not matter.", "a whole number from 1", None, ge=1
    )
    pass_tokens: int = setting(
        "Tokens that go through the model at once; a step takes as many passes as it needs.",
        "a whole number from 8",
        8192,
        ge=8,
    )
    save_every: int = setting("Steps between checkpoints.", "a whole number from 1", 100, ge=1)
    keep: int = setting("The last checkpoints that are kept.", "a whole number from 1", 2, ge=1)
    measure_every: int = setting("Steps between measurements on the held-out part.", "a whole number from 1", 100, ge=1)
    threads: int | None = setting(
        "Threads of the CPU; by default as torch has it.", "a whole number from 1", None, ge=1
    )
    tensorboard: bool = setting("Also write curves for TensorBoard.", "true or false", True)
    wandb: str = setting("The project on Weights & Biases; none where empty.", "a name", "")
    rehearse: int = setting(
        "Steps after which it ends without a trace, as `--dry-run` does; 0 runs it.", "a whole number from 0", 0, ge=0
    )

    @field_validator("wandb")
    @classmethod
    def _is_installed(cls, project: str) -> str:
        if project and find_spec("wandb") is None:
            raise ValueError("there is no wandb here; install it with pip install wandb, or leave the key out")
        return project


class Settings(Section):
    """What every algorithm reads; each adds a section of its own name.

    usual: what it takes for keys that the file leaves open, where that is not the default above.
    """

    usual: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    data: Data
    optimizer: Optimizer = Optimizer()
    run: Run

    @model_validator(mode="before")
    @classmethod
    def _usually(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        known = {name: given.get(name, {}) for name in cls.usual}
        tables = {name: {**cls.usual[name], **each} for name, each in known.items() if isinstance(each, Mapping)}
        return {**given, **tables}

    def differences(self, earlier: Mapping[str, Any]) -> list[str]:
        """The keys in which these settings would give other weights than those of `earlier`, a checkpoint's."""
        now, then = dict(_flat(self.as_json())), dict(_flat(earlier))
        return sorted(key for key in now.keys() | then.keys() if key not in HARMLESS and now.get(key) != then.get(key))

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class Tuning(Settings):
    """Of algorithms that go on from a model that is there."""

    model: Model


HARMLESS: Final = frozenset(
    {"run.out", "run.save_every", "run.keep", "run.measure_every", "run.tensorboard", "run.wandb", "run.rehearse"}
)
"""What may be changed when a run goes on, since no weight depends on it."""


def read_settings(kind: type[SettingsT], file: Path, changes: Sequence[str] = ()) -> SettingsT:
    """The settings of a file, of which `changes` such as "run.seed=1" replace some. Raises BadSettings."""
    return checked(kind, read_tables(file, changes), file)


def read_tables(file: Path, changes: Sequence[str] = ()) -> dict[str, Any]:
    """What a file says, changed, and not yet checked. Raises BadSettings."""
    try:
        given = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise BadSettings(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadSettings(f"{file} is not a text in UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{file} is not valid TOML: {error}.") from None
    for change in changes:
        _change(given, change)
    return given


def checked(kind: type[SectionT], given: Mapping[str, Any], file: Path, place: str = "") -> SectionT:
    """Tables of a file as settings. place: before each key, where they stand in another table. Raises BadSettings with
    all that is wrong.
    """
    faults = list(_unknown(kind, given, place))
    try:
        settings = kind.model_validate(given)
    except ValidationError as invalid:
        errors = invalid.errors()
        faults += [
            place + _fault(kind, error)
            for error in errors
            if error["type"] != "extra_forbidden" and not _is_of_what_it_holds(error["loc"], errors)
        ]
    if faults:
        raise BadSettings("\n".join(f"{file}: {line}" for line in dict.fromkeys(faults)))
    return settings


def _is_of_what_it_holds(place: Sequence[Any], errors: Sequence[Any]) -> bool:
    """Whether a fault of a list is that of something in it, which pydantic leaves out and then misses."""
    return any(len(each["loc"]) > len(place) and each["loc"][: len(place)] == place for each in errors)


def _change(given: dict[str, Any], change: str) -> None:
    """Put one value of the command line in its place; what is no value of TOML is taken for a text."""
    key, equals, value = change.partition("=")
    if not equals or not all(key.split(".")):
        raise BadSettings(f"{change!r} changes nothing; write a key and a value, as run.seed=1.")
    *tables, name = key.split(".")
    for table in tables:
        given = given.setdefault(table, {})
        if not isinstance(given, dict):
            raise BadSettings(f"{key} cannot be changed: {table} is no table.")
    try:
        given[name] = tomllib.loads(f"it = {value}")["it"]
    except tomllib.TOMLDecodeError:
        given[name] = value


def _unknown(section: type[BaseModel], given: Mapping[str, Any], place: str) -> Iterator[str]:
    """A sentence for each key that nobody reads."""
    for name, value in given.items():
        if name not in section.model_fields:
            yield f"{place}{name} is no setting; {_nearest(name, section, place)}"
        elif below := section_of(section.model_fields[name].annotation):
            for number, table in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(table, dict):
                    at = f"{place}{name}[{number}]." if isinstance(value, list) else f"{place}{name}."
                    yield from _unknown(below, table, at)


def _nearest(name: str, section: type[BaseModel], place: str) -> str:
    near = get_close_matches(name, section.model_fields, n=1)
    if near:
        return f"did you mean {place}{near[0]}?"
    return f"there are {', '.join(f'{place}{each}' for each in section.model_fields)}."


def section_of(annotation: Any) -> type[Section] | None:
    """The section that a field holds, alone, optional or in a list."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, Section):
            return each
    return None


def _fault(kind: type[Section], error: Any) -> str:
    """One fault that pydantic found, as a sentence."""
    section: type[Section] | None = kind
    place, wants = "", "a table"
    for part in error["loc"]:
        if isinstance(part, int):
            place += f"[{part}]"
            continue
        if section is None or part not in section.model_fields:
            break  # pydantic also names the members of a union
        field = section.model_fields[part]
        extra = field.json_schema_extra
        wants = str(extra["wants"]) if isinstance(extra, dict) else f"a table [{part}]"
        place += f".{part}" if place else str(part)
        section = section_of(field.annotation)
    if error["type"] == "value_error":
        return f"{place}: {error['ctx']['error']}." if place else f"{error['ctx']['error']}."
    if error["type"] == "missing":
        return f"{place} is missing; it must be {wants}."
    return f"{place} is {error['input']!r}, but must be {wants}."


def _flat(tables: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tables.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{place}{name}.")
        else:
            yield f"{place}{name}", value
