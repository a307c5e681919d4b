"""How many trees and messages the files of a release hold: what its manifest says and a check counts again.

Knows records; knows no files.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from espalier.dataset.records import MessageRecord, TreeRecord
from espalier.dataset.split import NO_LANGUAGE
from espalier.dataset.tombstones import is_tombstone
from espalier.dataset.trees import messages_of
from espalier.domain.language import usual_tag


@dataclass(slots=True)
class Tally:
    """Counts of one part of a release, as they go by."""

    trees: int = 0
    messages: int = 0
    tombstones: int = 0
    roles: Counter[str] = field(default_factory=Counter)
    langs: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    consents: Counter[str] = field(default_factory=Counter)

    def each(self, trees: Iterable[TreeRecord]) -> Iterator[TreeRecord]:
        """The trees, counted."""
        for tree in trees:
            self.trees += 1
            self.states[tree.tree_state or ""] += 1
            for message in messages_of(tree):
                self._add(message)
            yield tree

    def _add(self, message: MessageRecord) -> None:
        self.messages += 1
        self.tombstones += is_tombstone(message)
        self.roles[message.role] += 1
        self.langs[usual_tag(message.lang or NO_LANGUAGE)] += 1
        if (consent := message.extra.get("consent_version")) is not None:
            self.consents[str(consent)] += 1

    def said(self) -> dict[str, int | dict[str, int]]:
        """As values that JSON can spell, the most first."""
        numbers = {"trees": self.trees, "messages": self.messages, "tombstones": self.tombstones}
        return numbers | {
            name: ordered(getattr(self, name)) for name in ("roles", "langs", "states", "consents")
        }  # fmt: skip


def ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """The most first."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
