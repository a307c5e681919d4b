"""A message and what people said of it: reviews, rankings, reactions, skips. Values only.

Knows nothing of trees, policies, databases or clocks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final


class Role(StrEnum):
    PROMPTER = "prompter"
    ASSISTANT = "assistant"

    @property
    def other(self) -> "Role":
        return Role.ASSISTANT if self is Role.PROMPTER else Role.PROMPTER


ROLES: Final[Mapping[str, Role]] = {role.value: role for role in Role}
"""By their names; to ask the enumeration takes ten times as long."""


class LabelKind(StrEnum):
    YES_NO = "yes_no"
    FLAG = "flag"
    LIKERT = "likert"


@dataclass(frozen=True, slots=True)
class Label:
    """A question asked of a message. `assistant_only`: asked of assistant replies alone."""

    name: str
    kind: LabelKind
    title: str
    help: str
    assistant_only: bool = False
    by_default: bool = True


LABELS: Final[Mapping[str, Label]] = {
    label.name: label
    for label in (
        Label("spam", LabelKind.YES_NO, "Spam", "Not a real attempt: nonsense, advertising, or nothing to do with it."),
        Label("fails_task", LabelKind.YES_NO, "Fails the task", "Does not do what was asked, or is wrong.", True),
        Label("lang_mismatch", LabelKind.FLAG, "Wrong language", "Written in another language than the task's."),
        Label("pii", LabelKind.FLAG, "Personal data", "Contains data by which a private person can be identified."),
        Label("not_appropriate", LabelKind.FLAG, "Not appropriate", "Makes no clear request, or does not belong here."),
        Label("hate_speech", LabelKind.FLAG, "Hate speech", "Attacks people for what they are."),
        Label("sexual_content", LabelKind.FLAG, "Sexual content", "Contains sexual content."),
        Label("moral_judgement", LabelKind.FLAG, "Judges morally", "Passes a moral judgement.", by_default=False),
        Label("political_content", LabelKind.FLAG, "Political", "Takes a political position.", by_default=False),
        Label("quality", LabelKind.LIKERT, "Quality", "From poor to excellent."),
        Label("helpfulness", LabelKind.LIKERT, "Helpfulness", "From useless to very helpful.", True),
        Label("creativity", LabelKind.LIKERT, "Creativity", "From ordinary to creative."),
        Label("humor", LabelKind.LIKERT, "Humor", "From serious to humorous."),
        Label("toxicity", LabelKind.LIKERT, "Toxicity", "From polite to rude."),
        Label("violence", LabelKind.LIKERT, "Violence", "From harmless to violent."),
    )
}
MANDATORY_LABELS: Final = ("spam",)
SIMPLE_LABELS: Final = ("spam", "lang_mismatch", "quality")
LIKERT_STEPS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)

EMOJIS: Final = (
    "+1", "-1", "red_flag", "100", "rofl", "clap", "diamond", "heart_eyes", "disappointed", "poop", "skull",
)  # fmt: skip


@cache
def offered_labels(role: Role, *, full: bool) -> tuple[Label, ...]:
    """The labels that a review of a message of this role asks for."""
    return tuple(
        label
        for label in LABELS.values()
        if label.by_default
        and (full or label.name in SIMPLE_LABELS)
        and (role is Role.ASSISTANT or not label.assistant_only)
    )


@dataclass(frozen=True, slots=True)
class Review:
    """One person's labels of one message. None as a value is "cannot judge"; an unanswered label is absent.

    `late`: its place was gone when it came. `counted`: it enters means and decisions. `weight`: how far its reviewer
    could be relied upon when it came, from 0 to 1; what follows from it the policy says (weight.py).
    """

    id: int
    person: str | None
    at: datetime
    labels: Mapping[str, float | None]
    full: bool = True
    late: bool = False
    counted: bool = True
    weight: float = 1.0


Ballot = tuple[tuple[str, ...], ...]
"""Groups of reply ids, best first; replies in one group are tied."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One person's order of the replies to one parent. An "all unacceptable" ballot is empty.

    `weight`: as of a review.
    """

    id: int
    person: str | None
    at: datetime
    order: Ballot
    not_rankable: bool = False
    late: bool = False
    counted: bool = True
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Reaction:
    """At most one of a kind by each person; of people who closed their account any number."""

    person: str | None
    emoji: str


class SkipOf(StrEnum):
    """What a skipped task would have done; exported as `_skip_reply` and so on."""

    REPLY = "reply"
    RANKING = "ranking"
    LABELING = "labeling"


@dataclass(frozen=True, slots=True)
class Skip:
    person: str | None
    what: SkipOf
    reason: str


EXCUSED_SKIPS: Final = ("not_my_subject", "cannot_judge")
UNSAID: Final = "other"
"""The reason of who skips and does not say why, or has none of the others."""
HARMFUL: Final = "offensive"
"""The reason of a skip that is a report, too."""
SKIP_REASONS: Final = (*EXCUSED_SKIPS, "finished", "unclear", "broken", HARMFUL, UNSAID)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an imported file says of a message; later votes are added to it."""

    review_count: int = 0
    labels: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    emojis: Mapping[str, int] = field(default_factory=dict)
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A node of a conversation tree. `accepted` is None while undecided; `deleted` is this message's own mark.

    `late`: a reply whose place was gone: shown and exported, never reviewed, ranked or extended.
    `dismissed_flags` and `dismissed_skips`: how many of them a moderator has answered; they count no more.
    """

    id: str
    parent_id: str | None
    role: Role
    author: str | None
    at: datetime
    lang: str
    text: str
    depth: int
    late: bool = False
    synthetic: bool = False
    model_name: str | None = None
    deleted: bool = False
    tombstone: bool = False
    edited: bool = False
    accepted: bool | None = None
    rank: int | None = None
    reviews: Sequence[Review] = ()
    reactions: tuple[Reaction, ...] = ()
    skips: tuple[Skip, ...] = ()
    dismissed_flags: int = 0
    dismissed_skips: int = 0
    baseline: Baseline | None = None

    @property
    def review_count(self) -> int:
        counted = sum(review.counted for review in self.reviews)
        return counted + (self.baseline.review_count if self.baseline else 0)

    def emoji_counts(self) -> dict[str, int]:
        """Reactions and skips by name, as the published files spell them."""
        counts = dict(self.baseline.emojis) if self.baseline else {}
        for reaction in self.reactions:
            counts[reaction.emoji] = counts.get(reaction.emoji, 0) + 1
        for skip in self.skips:
            name = f"_skip_{skip.what}"
            counts[name] = counts.get(name, 0) + 1
        return counts
