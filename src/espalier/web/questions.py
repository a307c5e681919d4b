"""What a review asks, in the words of the interface: the question of each label, its meaning, and what its ends are.

Knows the labels of the domain; knows no page. A scale is named for its end: toxicity is asked as rudeness.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from gettext import NullTranslations
from typing import Final

from espalier.collect.answers import ASKED_ALONE
from espalier.domain.message import LABELS, MANDATORY_LABELS, Label, LabelKind, Role
from espalier.web.words import SOURCE, catalogue, language_name

_LINE: Final = re.compile(r"\s*[-*]\s+`?(?P<name>\w+)`?\s*[::]\s*(?P<meaning>\S.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Question:
    """`title`: the question or the name of the scale. `lang`: of the meaning, which an organiser may have written.
    `start`, `end`: of a scale, what 0 and 1 mean.
    """

    name: str
    title: str
    meaning: str
    start: str = ""
    end: str = ""
    mandatory: bool = False
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Meanings:
    """What labels mean in the organiser's words, by label; of the others the program's meaning holds."""

    lang: str
    said: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of one review by their form, each in the order in which it is asked."""

    yes_no: tuple[Question, ...]
    scales: tuple[Question, ...]
    flags: tuple[Question, ...]


def questions(
    labels: Sequence[Label], role: Role, lang: str, words: NullTranslations, interface: str, own: Meanings
) -> Questions:
    """What a review with these labels asks of a message of this role, filed under this language."""
    _ = words.gettext
    said = _scales(_) | _flags(_) | _yes_no(_, role, language_name(lang, interface))
    said = {
        name: replace(question, meaning=own.said[name], lang=own.lang)
        if name in own.said
        else replace(question, lang=interface)
        for name, question in said.items()
    }
    asked = [said.get(label.name) or Question(label.name, label.title, label.help, lang=SOURCE) for label in labels]
    kinds = {label.name: label.kind for label in labels}
    return Questions(
        tuple(each for each in asked if kinds[each.name] is LabelKind.YES_NO or each.name == ASKED_ALONE),
        tuple(each for each in asked if kinds[each.name] is LabelKind.LIKERT),
        tuple(each for each in asked if kinds[each.name] is LabelKind.FLAG and each.name != ASKED_ALONE),
    )


def meanings_in(text: str) -> dict[str, str]:
    """The meanings that a text gives, by label: lines such as "- `spam`: Unrelated to the thread."; others say none."""
    found = (_LINE.match(line) for line in text.splitlines())
    return {line["name"]: line["meaning"] for line in found if line and line["name"] in LABELS}


def meanings_text(interface: str) -> str:
    """Our own meanings as such a text, for an organiser to start from."""
    every = explained(interface, interface, Meanings(interface, {}))
    return "\n".join(f"- `{question.name}`: {question.meaning}" for question in every)


def explained(lang: str, interface: str, own: Meanings) -> list[Question]:
    """All that a review of an answer in this language may ask, with what it means: for help and practice."""
    asked = questions(tuple(LABELS.values()), Role.ASSISTANT, lang, catalogue(interface), interface, own)
    return [*asked.yes_no, *asked.scales, *asked.flags]


def _by_name(*each: Question) -> dict[str, Question]:
    return {question.name: question for question in each}


def _yes_no(_: Callable[[str], str], role: Role, language: str) -> dict[str, Question]:
    spam = (
        _("Unrelated to the thread, or no answer at all. This one is needed.")
        if role is Role.ASSISTANT
        else _("Nonsense or advertising, or nothing that a conversation could go on from. This one is needed.")
    )
    return _by_name(
        Question("spam", _("Is it spam?"), spam, mandatory="spam" in MANDATORY_LABELS),
        Question("fails_task", _("Does it fail to do what was asked?"), _("Another task done, or only a part.")),
        Question(
            "lang_mismatch",
            _("Is it in another language than %(language)s?") % {"language": language},
            _("A quoted word or a line of code does not count."),
        ),
    )


def _scales(_: Callable[[str], str]) -> dict[str, Question]:
    return _by_name(
        Question("quality", _("Quality"), _("1: wrong or useless. 5: what an expert who writes well would say."),
                 _("low"), _("high")),
        Question("helpfulness", _("Helpfulness"), _("How far it brings the person who asked."),
                 _("useless"), _("very helpful")),
        Question("creativity", _("Creativity"), _("New ideas, images, turns of phrase."),
                 _("ordinary"), _("creative")),
        Question("humor", _("Humour"), _("Meant to amuse."), _("serious"), _("humorous")),
        Question("toxicity", _("Rudeness"), _("Towards the person or anybody else."), _("polite"), _("rude")),
        Question("violence", _("Violence"), _("Describes or encourages harm to people or animals."),
                 _("harmless"), _("violent")),
    )  # fmt: skip


def _flags(_: Callable[[str], str]) -> dict[str, Question]:
    return _by_name(
        Question("pii", _("Names a private person"), _("Names or data by which a private person can be found.")),
        Question("not_appropriate", _("Not appropriate"), _("Does not belong before a general assistant.")),
        Question("hate_speech", _("Hate"), _("Attacks people for what they are: origin, religion, sex and the like.")),
        Question("sexual_content", _("Sexual"), _("Sexual acts or descriptions, wanted or not.")),
        Question("moral_judgement", _("Judges morally"), _("Calls people or deeds good or bad.")),
        Question("political_content", _("Political"), _("Takes a side in politics.")),
    )
