"""The kinds of tasks in words: what each is called, what one does, and what a good answer is.

Knows the names of kinds; knows no task and no reader. Texts are translated where they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from espalier.collect.tasks import RANDOM
from espalier.domain.work import ACT_OF, Act, Kind
from espalier.web.words import N_


@dataclass(frozen=True, slots=True)
class KindWords:
    """title: of the task's page. what: one line for lists. glyph, look: of its row. good: a heading for `points`."""

    title: str
    what: str
    glyph: str
    look: str
    good: str
    points: tuple[str, ...]


_QUESTION: Final = (
    N_("is something you would really ask a search engine or an expert;"),
    N_("needs some thought, and says what one must know to answer;"),
    N_("is in your own words, and in the language of this task;"),
    N_("is no trick, and nothing that can only be refused."),
)
_REVIEW: Final = (
    N_("Read all of it, also what came before."),
    N_("Look facts up where you are not sure."),
    N_("Judge by the guideline, not by whether you agree."),
    N_("Answer what you can judge; leave the rest open."),
)
_RANKING: Final = (
    N_("Read every reply to its end."),
    N_("What is true and helps comes first."),
    N_("Missing warnings, poor form and padding count against a reply."),
    N_("“I do not know” stands below a right answer and above a wrong one."),
    N_("Length and your own opinion do not count."),
)

WORDS: Final[Mapping[Kind, KindWords]] = {
    Kind.INITIAL_PROMPT: KindWords(
        N_("Plant a prompt"), N_("The first message of a new conversation"), "❧", "", N_("A good prompt"), _QUESTION
    ),
    Kind.PROMPTER_REPLY: KindWords(
        N_("Continue as the person asking"), N_("A natural follow-up"), "?", "", N_("A good follow-up"),
        (N_("builds on what was said, and does not change the subject;"), *_QUESTION),
    ),
    Kind.ASSISTANT_REPLY: KindWords(
        N_("Answer as the assistant"), N_("Replies that people will learn from"), "✎", "assistant", N_("A good answer"),
        (
            N_("is true, and says when it is not sure;"),
            N_("answers what was asked before anything else;"),
            N_("names dangers;"),
            N_("is in your own words, in the thread’s language."),
        ),
    ),
    Kind.LABEL_INITIAL_PROMPT: KindWords(
        N_("Review a prompt"), N_("Is it a real request that somebody can answer?"), "✓", "judge",
        N_("A good review"), _REVIEW,
    ),
    Kind.LABEL_PROMPTER_REPLY: KindWords(
        N_("Review a follow-up"), N_("Does it build on what was said?"), "✓", "judge", N_("A good review"), _REVIEW
    ),
    Kind.LABEL_ASSISTANT_REPLY: KindWords(
        N_("Review a reply"), N_("Is it on topic, correct, kind?"), "✓", "judge", N_("A good review"), _REVIEW
    ),
    Kind.RANK_ASSISTANT_REPLIES: KindWords(
        N_("Rank replies"), N_("Which of these answers helps most?"), "⇅", "judge", N_("A good order"), _RANKING
    ),
    Kind.RANK_PROMPTER_REPLIES: KindWords(
        N_("Rank follow-ups"), N_("Which of these goes on best?"), "⇅", "judge", N_("A good order"), _RANKING
    ),
}  # fmt: skip

SLUGS: Final[Mapping[str, Kind]] = {
    "rank": Kind.RANK_ASSISTANT_REPLIES,
    "label": Kind.LABEL_ASSISTANT_REPLY,
    "prompt": Kind.INITIAL_PROMPT,
    "reply": Kind.ASSISTANT_REPLY,
    **{kind: kind for kind in Kind},
    **{kind.replace("_", "-"): kind for kind in Kind},
}
"""What a kind is called in addresses, with short names that people can guess."""


def choice_of(given: str | None) -> str:
    """The kind of which somebody wants one task after the other; `random` for what is none."""
    return given if given in set(Kind) else RANDOM


def is_writing(kind: Kind) -> bool:
    return ACT_OF.get(kind, Act.REPLY) is Act.REPLY
