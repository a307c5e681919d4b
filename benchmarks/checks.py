"""How often the checks of texts are right: personal data, toxicity, language, copies.

    python benchmarks/checks.py

Reads labelled data in `../shared/data`, or where ESPALIER_DATA points. *personal*: marked spans of 1,500 synthetic
texts, all of them English (a find is right when it overlaps one of its kind); for other languages the same marked
values, planted by a seeded script into real messages, and how many real messages set off an alarm. *toxicity*: five
folds by tree over OASST1 and OASST2, against labels of 0.5 and more, and which of two replies people called less
harmful. *language*: the language of real messages that no reviewer called wrong. *copies and keys*: planted by a seeded
script, since no labelled data is there: texts with some words left out, and keys in the middle of texts. Intervals are
Wilson's for shares, and for areas under the curve the middle 95 % of 1,000 data sets drawn again. The last line is one
JSON object.
"""

import gzip
import json
import os
import random
import string
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from espalier.dataset.read import read_messages
from espalier.domain.language import primary
from espalier.safety.duplicates import near_duplicates
from espalier.safety.language import detect
from espalier.safety.personal import personal
from espalier.safety.toxicity import learn
from load import machine

DATA = Path(os.environ.get("ESPALIER_DATA") or Path(__file__).parents[2] / "shared" / "data")
OASST = ("oasst1/oasst1-en-validation.messages.jsonl.gz", "oasst2/oasst2-selection.trees.jsonl.gz")
THREADS = "oasst1/oasst1-validation-top-threads.jsonl.gz"
KINDS = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IBAN_CODE": "iban", "CREDIT_CARD": "card",
    "STREET_ADDRESS": "address", "IP_ADDRESS": "network",
}  # fmt: skip
NO_BLANKS = {"zh", "ja", "th"}
FOLDS, TOXIC, RESAMPLES, FEWEST = 5, 0.5, 1000, 100
LEAST_MESSAGES, PLANTED = 15, 300  # of a language
Row = tuple[str, str, str, float | None]


def wilson(hits: int, of: int) -> list[float]:
    """A share with its 95 % interval."""
    if not of:
        return []
    z, share = 1.96, hits / of
    middle, half = share + z * z / (2 * of), z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return [round(each / (1 + z * z / of), 4) for each in (middle - half, middle + half)]


def share(hits: int, of: int) -> dict[str, Any]:
    return {"value": round(hits / of, 4) if of else None, "n": of, "interval": wilson(hits, of)}


def area(scores: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """The area under the curve of scores, with its interval."""
    values, truth = np.array(scores), np.array(right)

    rng, drawn = np.random.default_rng(0), []
    while len(drawn) < RESAMPLES:
        which = rng.integers(0, len(values), len(values))
        if 0 < truth[which].sum() < len(values):
            drawn.append(roc_auc_score(truth[which], values[which]))
    low, high = np.percentile(drawn, (2.5, 97.5))
    interval = [round(float(low), 3), round(float(high), 3)]
    return {
        "auc": round(float(roc_auc_score(truth, values)), 3),
        "n": len(values),
        "toxic": int(truth.sum()),
        "interval": interval,
    }


def messages() -> Iterator[Row]:
    """Tree, language, text and mean toxicity of real messages."""
    for name in OASST:
        tree = ""
        for message in read_messages(DATA / name):
            tree = message.message_tree_id or (message.message_id if message.parent_id is None else tree)
            labels = message.labels or {}
            wrong = labels.get("lang_mismatch")
            lang = "" if wrong and wrong["value"] else message.lang or ""
            if message.text:
                yield tree, lang, message.text, labels["toxicity"]["value"] if "toxicity" in labels else None


def marked_texts() -> list[dict[str, Any]]:
    with gzip.open(DATA / "presidio" / "synth_dataset_v2.json.gz", "rt", encoding="utf-8") as file:
        texts: list[dict[str, Any]] = json.load(file)
    return texts


def of_personal(rows: Sequence[Row]) -> dict[str, Any]:
    texts = marked_texts()
    right: Counter[str] = Counter()
    found_of: Counter[str] = Counter()
    marked_of: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    for each in texts:
        marked = [
            (KINDS[span["entity_type"]], span["start_position"], span["end_position"])
            for span in each["spans"]
            if span["entity_type"] in KINDS
        ]
        found = personal(each["full_text"])
        for one in found:
            found_of[one.kind] += 1
            right[one.kind] += any(
                kind == one.kind and one.start < end and start < one.end for kind, start, end in marked
            )
        for kind, start, end in marked:
            marked_of[kind] += 1
            caught[kind] += any(kind == one.kind and one.start < end and start < one.end for one in found)
    return {
        "kinds": {
            kind: {"precision": share(right[kind], found_of[kind]), "recall": share(caught[kind], marked_of[kind])}
            for kind in KINDS.values()
        },
        "by_language": of_personal_by_language(texts, rows),
    }


def of_personal_by_language(texts: Sequence[dict[str, Any]], rows: Sequence[Row]) -> dict[str, Any]:
    """Of real messages, how many set off an alarm; and which part of planted values is found: of telephone numbers, and
    of what has a fixed form (addresses of mail and networks, IBANs, cards). Streets are spelled as their country does.
    """
    values = [
        (kind, span["entity_value"])
        for each in texts
        for span in each["spans"]
        if (kind := KINDS.get(span["entity_type"])) and kind != "address"
    ]
    by_lang: dict[str, dict[str, None]] = defaultdict(dict)
    for _, lang, text, _ in rows:
        by_lang[primary(lang)][text] = None
    with gzip.open(DATA / THREADS, "rt", encoding="utf-8") as file:
        for thread in map(json.loads, file):
            for turn in thread["messages"]:
                by_lang[primary(thread["lang"])][turn.get("content") or turn.get("text") or ""] = None
    found: dict[str, Any] = {}
    for lang, held in sorted(by_lang.items(), key=lambda pair: -len(pair[1])):
        alarms = sum(bool(personal(text)) for text in held)
        clean = [text for text in held if text and not personal(text)]
        found[lang] = {"messages": len(held), "with_an_alarm": alarms}
        if lang and len(clean) >= LEAST_MESSAGES:
            found[lang] |= of_planted(lang, clean, values)
    return found


def of_planted(lang: str, texts: Sequence[str], values: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Values in the middle of texts: between words, and where a language has no blanks without any around them."""
    rng = random.Random(f"planted {lang}")
    caught: Counter[bool] = Counter()
    planted: Counter[bool] = Counter()
    for _ in range(PLANTED):
        kind, value = rng.choice(values)
        text = rng.choice(texts)
        places = [0, len(text), *(place for place, sign in enumerate(text) if sign == " " or lang in NO_BLANKS)]
        at, blank = rng.choice(places), "" if lang in NO_BLANKS else " "
        there = f"{text[:at]}{blank}{value}{blank}{text[at:]}"
        start = at + len(blank)
        is_phone = kind == "phone"
        planted[is_phone] += 1
        caught[is_phone] += any(
            each.kind == kind and each.start < start + len(value) and start < each.end for each in personal(there)
        )
    return {"phones": share(caught[True], planted[True]), "others": share(caught[False], planted[False])}


def of_toxicity(rows: Sequence[Row]) -> dict[str, Any]:
    labelled = [row for row in rows if row[3] is not None]
    trees = sorted({tree for tree, *_ in labelled})
    random.Random(0).shuffle(trees)
    scores = [0.0] * len(labelled)
    for fold in range(FOLDS):
        out = set(trees[fold::FOLDS])
        kept = [row for row in labelled if row[0] not in out]
        model = learn([text for _, _, text, _ in kept], [float(value or 0) for *_, value in kept])
        for place, (tree, _, text, _) in enumerate(labelled):
            if tree in out:
                scores[place] = model.score(text)
    toxic = [float(value or 0) >= TOXIC for *_, value in labelled]
    by_lang = defaultdict(list)
    for place, (_, lang, _, _) in enumerate(labelled):
        by_lang[lang].append(place)
    result = {"all": area(scores, toxic)}
    for lang, places in by_lang.items():
        if lang and len(places) >= FEWEST and 0 < sum(toxic[place] for place in places) < len(places):
            result[lang] = area([scores[place] for place in places], [toxic[place] for place in places])
    whole = learn([text for _, _, text, _ in labelled], [float(value or 0) for *_, value in labelled])
    worse = pairs = 0
    with gzip.open(DATA / "hh-rlhf" / "harmless-base.test.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            chosen, rejected = (json.loads(line)[side].rpartition("Assistant:")[2] for side in ("chosen", "rejected"))
            if chosen != rejected:
                pairs += 1
                worse += whole.score(rejected) > whole.score(chosen)
    return {**result, "harmless_pairs": share(worse, pairs)}


def of_language(rows: Sequence[Row]) -> dict[str, Any]:
    asked: Counter[str] = Counter()
    told: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for _, lang, text, _ in rows:
        if lang and (guess := detect(text)) is not None:
            told[primary(lang)] += 1
            right[primary(lang)] += guess.lang == primary(lang)
        asked[primary(lang)] += bool(lang)
    return {
        "all": {**share(right.total(), told.total()), "untold": asked.total() - told.total()},
        **{lang: share(right[lang], told[lang]) for lang, _ in told.most_common(8)},
    }


def of_copies(rows: Sequence[Row], changed: float) -> dict[str, Any]:
    """Each of 500 long texts again, with so many of its words left out."""
    rng = random.Random(0)
    texts = list(dict.fromkeys(text for _, _, text, _ in rows if len(text) >= 200))[:500]
    copies = [" ".join(word for word in text.split() if rng.random() >= changed) for text in texts]
    groups = near_duplicates([*texts, *copies])
    pairs = {(one, other) for group in groups for one in group for other in group if one < other}
    planted = {(place, place + len(texts)) for place in range(len(texts))}
    across = {(one, other) for one, other in pairs if one < len(texts) <= other}
    return {"recall": share(len(pairs & planted), len(planted)), "precision": share(len(across & planted), len(across))}


def of_keys(rows: Sequence[Row]) -> dict[str, Any]:
    rng = random.Random(0)

    def of(letters: str, length: int) -> str:
        return "".join(rng.choice(letters) for _ in range(length))

    every = string.ascii_letters + string.digits
    made = [
        lambda: "AKIA" + of(string.ascii_uppercase + string.digits, 16), lambda: "ghp_" + of(every, 36),
        lambda: "sk-proj-" + of(every, 48), lambda: "hf_" + of(every, 34), lambda: "AIza" + of(every + "-_", 35),
        lambda: "xoxb-" + of(string.digits, 12) + "-" + of(every, 24), lambda: "glpat-" + of(every, 20),
        lambda: f"eyJ{of(every, 20)}.eyJ{of(every, 40)}.{of(every, 43)}",
        lambda: f"-----BEGIN PRIVATE KEY-----\n{of(every, 64)}\n-----END PRIVATE KEY-----",
    ]  # fmt: skip
    texts = [text for _, _, text, _ in rows][:900]
    caught = 0
    for number, text in enumerate(texts):
        at = rng.randrange(len(text) + 1)
        key = made[number % len(made)]()
        planted = f"{text[:at]} {key} {text[at:]}"
        start = planted.index(key)
        caught += any(
            each.kind == "key" and each.start <= start + 1 and each.end >= start + len(key)
            for each in personal(planted)
        )
    without = sum(each.kind == "key" for text in texts for each in personal(text))
    return {"recall": share(caught, len(texts)), "false_alarms": without}


def main() -> None:
    print(machine(), flush=True)
    rows = list(messages())
    result: dict[str, Any] = {}
    for name, measure in (
        ("personal", lambda: of_personal(rows)), ("toxicity", lambda: of_toxicity(rows)),
        ("language", lambda: of_language(rows)), ("keys", lambda: of_keys(rows)),
        ("copies_without_2_percent", lambda: of_copies(rows, 0.02)),
        ("copies_without_10_percent", lambda: of_copies(rows, 0.10)),
    ):  # fmt: skip
        result[name] = measure()
        print(f"{name}: {json.dumps(result[name], ensure_ascii=False)}", flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
