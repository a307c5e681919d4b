"""Checks of texts on published labelled texts: what is found and missed stays as good as it was measured."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from espalier.dataset.read import read_messages
from espalier.safety.personal import personal

pytestmark = pytest.mark.real
KINDS = {"EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IBAN_CODE": "iban", "CREDIT_CARD": "card",
         "STREET_ADDRESS": "address", "IP_ADDRESS": "network"}  # fmt: skip
LEAST = {"email": (0.99, 0.99), "phone": (0.9, 0.8), "iban": (0.99, 0.99), "card": (0.95, 0.95),
         "address": (0.98, 0.65), "network": (0.99, 0.99)}  # fmt: skip


def test_marked_personal_data_is_found(real_data: Path) -> None:
    with gzip.open(real_data / "presidio" / "synth_dataset_v2.json.gz", "rt", encoding="utf-8") as file:
        texts = json.load(file)
    caught: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    found_of: Counter[str] = Counter()
    for each in texts:
        spans = [(KINDS[span["entity_type"]], span["start_position"], span["end_position"]) for span in each["spans"]
                 if span["entity_type"] in KINDS]  # fmt: skip
        found = [(one.kind.value, one.start, one.end) for one in personal(each["full_text"])]
        for counts, hits, these, those in ((marked, caught, spans, found), (found_of, right, found, spans)):
            for kind, start, end in these:
                counts[kind] += 1
                hits[kind] += any(kind == other and start < to and since < end for other, since, to in those)
    for kind, (precision, recall) in LEAST.items():
        assert right[kind] >= precision * found_of[kind], f"{kind}: {right[kind]} of {found_of[kind]} are right"
        assert caught[kind] >= recall * marked[kind], f"{kind}: {caught[kind]} of {marked[kind]} are found"


def test_real_messages_hold_hardly_any(real_data: Path) -> None:
    messages = list(read_messages(real_data / "oasst1" / "oasst1-en-validation.messages.jsonl.gz"))
    assert sum(bool(personal(message.text)) for message in messages) <= 3
