"""All that is looked for in the texts of a data set, message by message: language, copies, personal data, toxicity.

What is found goes beside the messages (dataset/scores.py); nothing is dropped. Knows records; knows no files.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from espalier.dataset.records import MessageRecord
from espalier.dataset.scores import Found, Scores, Span
from espalier.safety.duplicates import fingerprint, near_duplicates
from espalier.safety.language import detect
from espalier.safety.personal import personal
from espalier.safety.toxicity import ToxicityModel

Told = Callable[[int], None]


class Check(StrEnum):
    """What can be looked for."""

    LANGUAGE = "language"
    DUPLICATES = "duplicates"
    PERSONAL = "personal"
    TOXICITY = "toxicity"


def checked(
    messages: Iterable[MessageRecord],
    checks: Sequence[Check],
    model: ToxicityModel | None = None,
    threshold: float = 0.8,
    told: Told = lambda done: None,
    known: Sequence[Scores] = (),
) -> Iterator[Scores]:
    """What is found of each message, in their order. Of copies the one that comes first in the files is the original.

    model: of toxicity; needed to look for it. Copies need all texts in memory: nothing is given before all are read.
    known: of the first messages, found earlier by the same checks; they are not looked at again.
    """
    assert (Check.TOXICITY in checks) <= (model is not None), "toxicity needs a model"
    if Check.DUPLICATES in checks:
        kept = list(messages)
        copies = _copies(kept, threshold) if len(known) < len(kept) else {}
        messages = kept
    else:
        copies = {}
    for place, message in enumerate(messages):
        if place < len(known):
            yield known[place]
        else:
            yield Scores(message.message_id, _found(message, checks, model, copies.get(message.message_id)))
        told(place + 1)


def _found(message: MessageRecord, checks: Sequence[Check], model: ToxicityModel | None, copies: Found | None) -> Found:
    found = Found()
    if Check.LANGUAGE in checks:
        told = detect(message.text)
        found["lang_detected"] = told.lang if told else None
        found["lang_confidence"] = round(told.confidence, 4) if told else None
    if copies is not None:
        found.update(copies)
    if Check.PERSONAL in checks:
        found["personal"] = [
            Span(kind=each.kind.value, start=each.start, end=each.end) for each in personal(message.text)
        ]
    if Check.TOXICITY in checks and model is not None:
        found["toxicity"] = round(model.score(message.text), 4) if message.text else None
    return found


def _copies(messages: Sequence[MessageRecord], threshold: float) -> dict[str, Found]:
    """Of each message the first with the same text, and the first with nearly the same; empty texts have none."""
    first: dict[str, str] = {}
    found: dict[str, Found] = {}
    distinct: list[MessageRecord] = []
    for message in messages:
        original = first.setdefault(fingerprint(message.text), message.message_id) if message.text.strip() else None
        same = original is not None and original != message.message_id
        found[message.message_id] = Found(duplicate_of=original if same else None, near_duplicate_of=None)
        if original == message.message_id:
            distinct.append(message)
    for group in near_duplicates([message.text for message in distinct], threshold):
        oldest = distinct[group[0]].message_id
        for place in group[1:]:
            found[distinct[place].message_id]["near_duplicate_of"] = oldest
    return found
