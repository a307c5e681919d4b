"""All that figures are made of, in columns: one pass over the records, some hundred bytes a message.

Keeps the texts of prompts, from which topics come; of all other texts only the length. Knows no statistics.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from espalier.dataset.records import MessageRecord, Record, TreeRecord, date_of
from espalier.dataset.trees import messages_of
from espalier.domain.language import usual_tag

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_PARENT: Final = -1
PARENT_MISSING: Final = -2
NO_DAY: Final = -(2**31)
DAY_S: Final = 86_400
UNKNOWN: Final = -1
UNNAMED: Final = "a model without a name"
DETOXIFY: Final = (
    "toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual_explicit",
)  # fmt: skip


class Codes:
    """Names as small numbers, in the order in which they came; None is -1."""

    def __init__(self) -> None:
        self._code: dict[str, int] = {}

    def __call__(self, name: str | None) -> int:
        return UNKNOWN if name is None else self._code.setdefault(name, len(self._code))

    @property
    def names(self) -> list[str]:
        return list(self._code)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt whose text may be shown: neither deleted nor refused."""

    message_id: str
    lang: str
    text: str


@dataclass(frozen=True, slots=True)
class Columns:
    """One entry a message in each array, in the order of the files.

    parent: its place, NO_PARENT for a prompt, PARENT_MISSING where that message is not there. tree, role, lang, author:
    places in the lists of names beside them, UNKNOWN where nothing is said. tree_state: of each tree the place in
    `states`. day: days since 1970-01-01 in UTC, or NO_DAY. chars: length of the text in characters. accepted: 1, 0, or
    UNKNOWN. rank: UNKNOWN where it has none. reviews: 0 where nothing is said. labels and counts: the mean of each
    label and how many gave it, NaN and 0 where nobody did. detoxify: the scores that the records bring, NaN without.
    repeated: how many messages came a second time and were left out. models: how many messages each model wrote.
    """

    place: Mapping[str, int]
    parent: "NDArray[np.int32]"
    tree: "NDArray[np.int32]"
    role: "NDArray[np.int32]"
    lang: "NDArray[np.int32]"
    author: "NDArray[np.int32]"
    day: "NDArray[np.int32]"
    chars: "NDArray[np.int32]"
    reviews: "NDArray[np.int32]"
    accepted: "NDArray[np.int32]"
    rank: "NDArray[np.int32]"
    deleted: "NDArray[np.bool_]"
    synthetic: "NDArray[np.bool_]"
    tree_state: "NDArray[np.int32]"
    roles: Sequence[str]
    langs: Sequence[str]
    states: Sequence[str]
    labels: Mapping[str, "NDArray[np.float64]"]
    counts: Mapping[str, "NDArray[np.int32]"]
    detoxify: Mapping[str, "NDArray[np.float64]"]
    prompts: Sequence[Prompt]
    repeated: int = 0
    models: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.parent)


@dataclass(slots=True)
class _Sparse:
    """Values that only some messages have."""

    at: "array[int]" = field(default_factory=lambda: array("i"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    counts: "array[int]" = field(default_factory=lambda: array("i"))


_NUMBERS: Final = ("tree", "role", "lang", "author", "day", "chars", "reviews", "accepted", "rank")


def columns(records: Iterable[Record]) -> Columns:
    """Trees and flat messages as columns. A message whose id came before is left out."""
    gathering = _Gathering()
    for record in records:
        if isinstance(record, TreeRecord):
            tree = gathering.tree(record.message_tree_id, record.tree_state)
            for message in messages_of(record):
                gathering.add(message, tree)
        else:
            gathering.add(record, gathering.tree(record.message_tree_id or record.message_id, record.tree_state))
    return gathering.finish()


class _Gathering:
    def __init__(self) -> None:
        self.place: dict[str, int] = {}
        self.parents: list[str | None] = []
        self.numbers = {name: array("i") for name in _NUMBERS}
        self.deleted, self.synthetic = bytearray(), bytearray()
        self.trees, self.roles, self.langs, self.authors, self.states = (Codes() for _ in range(5))
        self.state_of: list[int] = []
        self.labels: dict[str, _Sparse] = {}
        self.detoxify: dict[str, _Sparse] = {}
        self.prompts: list[Prompt] = []
        self.days: dict[str, int] = {}
        self.repeated = 0
        self.models: Counter[str] = Counter()

    def tree(self, tree_id: str, state: str | None) -> int:
        code = self.trees(tree_id)
        if code == len(self.state_of):
            self.state_of.append(self.states(state))
        return code

    def add(self, message: MessageRecord, tree: int) -> None:
        at = len(self.parents)
        if self.place.setdefault(message.message_id, at) != at:
            self.repeated += 1
            return
        self.parents.append(message.parent_id)
        numbers = self.numbers
        numbers["tree"].append(tree)
        numbers["role"].append(self.roles(message.role))
        numbers["lang"].append(self.langs(message.lang and usual_tag(message.lang)))
        numbers["author"].append(self.authors(message.user_id))
        numbers["day"].append(self._day(message.created_date))
        numbers["chars"].append(len(message.text))
        numbers["reviews"].append(message.review_count or 0)
        numbers["accepted"].append(UNKNOWN if message.review_result is None else int(message.review_result))
        numbers["rank"].append(UNKNOWN if message.rank is None else message.rank)
        self.deleted.append(bool(message.deleted))
        self.synthetic.append(bool(message.synthetic))
        if message.synthetic:
            self.models[message.model_name or UNNAMED] += 1
        for name, said in (message.labels or {}).items():
            if said["count"] and 0 <= said["value"] <= 1:
                sparse = self.labels.setdefault(name, _Sparse())
                sparse.at.append(at)
                sparse.values.append(said["value"])
                sparse.counts.append(said["count"])
        for name, score in _detoxify(message.extra).items():
            sparse = self.detoxify.setdefault(name, _Sparse())
            sparse.at.append(at)
            sparse.values.append(score)
        if message.parent_id is None and not message.deleted and message.review_result is not False and message.text:
            self.prompts.append(Prompt(message.message_id, usual_tag(message.lang or ""), message.text))

    def _day(self, spelled: str | None) -> int:
        if spelled is None:
            return NO_DAY
        # In UTC the day is spelled out, and read once.
        key = spelled[:10] if spelled.endswith(("+00:00", "Z")) else spelled
        if key not in self.days:
            try:
                self.days[key] = int(date_of(spelled).timestamp() // DAY_S)
            except (ValueError, OverflowError):  # reported when it was read
                return NO_DAY
        return self.days[key]

    def finish(self) -> Columns:
        import numpy as np

        place = self.place
        parent = np.fromiter(
            (NO_PARENT if each is None else place.get(each, PARENT_MISSING) for each in self.parents),
            np.int32, len(self.parents),
        )  # fmt: skip
        numbers: dict[str, Any] = {
            name: np.frombuffer(values, np.int32) if values else np.zeros(0, np.int32)
            for name, values in self.numbers.items()
        }
        size = len(self.parents)
        return Columns(
            place=place, parent=parent, **numbers,
            deleted=np.frombuffer(bytes(self.deleted), np.bool_), synthetic=np.frombuffer(
                bytes(self.synthetic), np.bool_
            ),
            tree_state=np.array(self.state_of, np.int32), roles=self.roles.names, langs=self.langs.names,
            states=self.states.names,
            labels={name: _dense(sparse.at, sparse.values, size) for name, sparse in self.labels.items()},
            counts={
                name: _dense(sparse.at, sparse.counts, size, 0).astype(np.int32) for name, sparse in self.labels.items()
            },
            detoxify={
                name: _dense(self.detoxify[name].at, self.detoxify[name].values, size)
                for name in DETOXIFY if name in self.detoxify
            },
            prompts=self.prompts, repeated=self.repeated, models=dict(self.models.most_common()),
        )  # fmt: skip


def _detoxify(extra: Mapping[str, Any]) -> dict[str, float]:
    given = extra.get("detoxify")
    if not isinstance(given, dict):
        return {}
    return {
        name: float(given[name])
        for name in DETOXIFY
        if isinstance(given.get(name), int | float) and 0 <= given[name] <= 1
    }


def _dense(
    at: Sequence[int], values: Sequence[float], size: int, nothing: float = float("nan")
) -> "NDArray[np.float64]":
    import numpy as np

    dense = np.full(size, nothing)
    dense[np.array(at, np.int64)] = np.array(values, np.float64)
    return dense
