"""How often the warning about another language is false, how often a wrong language is missed, and what it costs.

    python benchmarks/language.py

Reads the published data in `../shared/data`, or where ESPALIER_DATA points. Real volunteers' texts (OASST2 trees,
OASST1 validation threads and English training texts), and single sentences of translated sets (XCOPA, two items a
text; TruthfulQA, the question and its best answer). An alarm is *false* when no reviewer saw a wrong language; texts
that nobody reviewed are counted apart, for some are in another language indeed. Detection: each text is taken for one
of another language, drawn with a seed. The last line is one JSON object.
"""

import gzip
import json
import os
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.domain.language import primary
from espalier.safety.language import looks_foreign

DATA = Path(os.environ.get("ESPALIER_DATA") or Path(__file__).parents[2] / "shared" / "data")
SEED = 20_230_415
TASKS = ("en", "es", "de", "fr", "ru", "zh", "ja", "ar", "pt", "it", "ko", "tr", "pl", "vi")
LENGTHS = (0, 40, 80, 160, 320)
CLOSE = ({"es", "ca", "gl", "pt", "eu", "it"}, {"ru", "uk"}, {"fr", "ca", "ht"}, {"de", "bar", "nl"})


@dataclass(frozen=True, slots=True)
class Text:
    """`reviewed`: people were asked about its language, and all said it was right."""

    source: str
    lang: str
    text: str
    reviewed: bool


def texts() -> Iterator[Text]:
    yield from oasst2()
    for thread in lines("oasst1/oasst1-validation-top-threads.jsonl.gz"):
        for message in thread["messages"]:
            yield Text("oasst1-threads", thread["lang"], message["text"], False)
    for row in lines("oasst1/oasst1-en-train.texts.jsonl.gz"):
        yield Text("oasst1-train", "en", row if isinstance(row, str) else row["text"], False)
    for path in sorted((DATA / "xcopa").glob("test.*.jsonl.gz")):
        rows = list(lines(f"xcopa/{path.name}"))
        for one, other in zip(rows[::2], rows[1::2], strict=True):
            said = " ".join(row[part] for row in (one, other) for part in ("premise", "choice1"))
            yield Text("xcopa", path.name.split(".")[1], said, True)
    for path in sorted((DATA / "truthfulqa").glob("*.validation.json.gz")):
        for row in truths(path):
            yield Text("truthfulqa", path.name.split(".")[0], f"{row['question']} {row['best_answer']}", True)


def oasst2() -> Iterator[Text]:
    """Without the messages in which a reviewer saw a wrong language."""
    for tree in lines("oasst2/oasst2-selection.trees.jsonl.gz"):
        waiting = [tree["prompt"]]
        while waiting:
            node = waiting.pop()
            waiting += node["replies"] or []
            asked = (node["labels"] or {}).get("lang_mismatch")
            if asked is None or asked["value"] == 0:
                yield Text("oasst2", node["lang"], node["text"], asked is not None)


def lines(name: str) -> Iterator[Any]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def truths(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        whole = file.read()
    try:
        return list(json.loads(whole))
    except json.JSONDecodeError:
        return [json.loads(line) for line in whole.splitlines()]


def other_task(lang: str, rng: random.Random) -> str:
    near = {lang}.union(*(group for group in CLOSE if lang in group))
    return rng.choice([task for task in TASKS if task not in near])


def rate(part: int, whole: int) -> float:
    return round(part / whole, 5) if whole else 0.0


def main() -> None:
    rng = random.Random(SEED)
    seen: Counter[tuple[str, str, bool]] = Counter()
    alarms: Counter[tuple[str, str, bool]] = Counter()
    asked: dict[str, Counter[str | int]] = defaultdict(Counter)
    found: dict[str, Counter[str | int]] = defaultdict(Counter)
    took_us = []
    for text in texts():
        key = (text.source, primary(text.lang), text.reviewed)
        seen[key] += 1
        start = time.perf_counter()
        alarm = looks_foreign(text.text, text.lang)
        took_us.append((time.perf_counter() - start) * 1e6)
        alarms[key] += alarm is not None
        if alarm is not None and text.reviewed:
            print(f"false alarm: {text.source} {text.lang} taken for {alarm}: {text.text[:80]!r}")
        if text.source == "oasst1-train" or not (text.reviewed or alarm is None):
            continue
        right = looks_foreign(text.text, other_task(primary(text.lang), rng)) is not None
        length = max(limit for limit in LENGTHS if limit <= len(text.text))
        for table, by in (("language", primary(text.lang)), ("length", length), ("source", text.source)):
            asked[table][by] += 1
            found[table][by] += right

    false_rates = {}
    for reviewed in (True, False):
        print(f"\nalarms, {'reviewed or translated' if reviewed else 'not reviewed'} texts")
        for source, lang, was_reviewed in sorted(seen):
            if was_reviewed == reviewed:
                key = (source, lang, reviewed)
                print(f"  {source:15} {lang:4} {alarms[key]:4} of {seen[key]:6}")
        count = sum(seen[key] for key in seen if key[2] == reviewed)
        raised = sum(alarms[key] for key in alarms if key[2] == reviewed)
        false_rates["reviewed" if reviewed else "not_reviewed"] = {
            "n": count,
            "alarms": raised,
            "rate": rate(raised, count),
        }
    detection = {}
    for table, counts in asked.items():
        print(f"\ndetected as foreign in a task of another language, by {table}")
        for by in sorted(counts, key=str if table != "length" else int):
            print(f"  {by!s:15} {found[table][by]:5} of {counts[by]:5}  {rate(found[table][by], counts[by]):.3f}")
        detection[table] = {str(by): rate(found[table][by], counts[by]) for by in sorted(counts)}
    whole = sum(asked["source"].values())
    print()
    print(
        json.dumps(
            {
                "false_alarms": false_rates,
                "detected": {"n": whole, "rate": rate(sum(found["source"].values()), whole)},
                "detected_by_characters": detection["length"],
                "detected_by_language": detection["language"],
                "texts": len(took_us),
                "mean_us": round(statistics.mean(took_us)),
                "p99_us": round(statistics.quantiles(took_us, n=100)[98]),
                "max_us": round(max(took_us)),
            }
        )
    )


if __name__ == "__main__":
    main()
