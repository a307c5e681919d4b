"""What was published of OASST1, beside which a report puts its own figures.

Köpf et al., OpenAssistant Conversations (2023), its figures 2 and 3 and section 4, and the data card of 2023-04-12.
Where paper and card differ, both are said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from espalier.dataset.describe import Description
from espalier.dataset.stats import Counts


@dataclass(frozen=True, slots=True)
class Beside:
    """A figure of this data set, the published one, and where that stands."""

    what: str
    here: str
    published: str
    source: str


PAPER, CARD = "paper", "data card"
SHARES: Final = {
    "en": 42.8, "es": 31.4, "ru": 5.7, "de": 3.6, "fr": 2.9, "zh": 2.5, "th": 1.9, "pt-BR": 1.7, "ca": 1.6,
}  # fmt: skip
"""Of all messages, in percent, by language."""


def beside(described: Description) -> Sequence[Beside]:
    """What can be compared, whatever part of the data this is: shares rather than sums, and the sums beside them."""
    counts = described.counts
    messages = counts.messages
    if not messages:
        return ()
    found = [
        Beside("messages", f"{messages:,}", "161,443", PAPER),
        Beside("trees", f"{counts.trees:,}", "66,497", CARD),
        Beside("of which complete", _ready(counts), "10,968 (paper), 10,364 (card)", "both"),
        Beside("messages in them", _ready_messages(counts), "92,365 (paper), 88,838 (card)", "both"),
        Beside("people", f"{counts.people:,}", "13,500 volunteers", PAPER),
        Beside("languages", f"{len(counts.langs):,}", "35", PAPER),
        Beside("by prompters", _share(counts.roles["prompter"].total if "prompter" in counts.roles else 0, messages),
               "56.9 % (91,829)", PAPER),
        Beside("written by models", _share(sum(each.synthetic for each in counts.roles.values()), messages),
               "5.3 % (8,576)", PAPER),
        Beside("ratings", f"{sum(described.votes.values()) or counts.reviews:,}", "461,292", PAPER),
    ]  # fmt: skip
    for lang, share in SHARES.items():
        here = counts.langs[lang].messages if lang in counts.langs else 0
        found.append(Beside(f"messages in {lang}", _share(here, messages), f"{share} %", f"{PAPER}, figure 2"))
    for each in described.toxicity:
        if each.score == "toxicity (Detoxify)" and each.kept.messages and each.deleted.messages:
            found += [
                Beside("Detoxify's toxicity, kept", f"{100 * each.kept.mean:.2f} %", "0.99 %", f"{PAPER}, table 2"),
                Beside("the same, deleted", f"{100 * each.deleted.mean:.2f} %", "4.63 %", f"{PAPER}, table 2"),
            ]
    return found


def _ready(counts: Counts) -> str:
    ready = counts.states.get("ready_for_export")
    return f"{ready.trees:,}" if ready else "0"


def _ready_messages(counts: Counts) -> str:
    ready = counts.states.get("ready_for_export")
    return f"{ready.messages:,}" if ready else "0"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} % ({part:,})"
