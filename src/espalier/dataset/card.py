"""The data card: a README.md that hubs read, with the counts of the files that it stands beside.

Knows figures and what is said of a data set; knows no hub.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from espalier.dataset.about import About, CardFile
from espalier.dataset.describe import ALL, Description
from espalier.dataset.write import replacing

TASKS: Final = ("text-generation",)
TAGS: Final = ("conversation-trees", "human-feedback", "preferences")
SIZES: Final = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"),
)  # fmt: skip
UNNAMED: Final = "unknown"
OF_ITS_OWN: Final = "other"
OWN: Final = "own"
KNOWN_LICENCES: Final = frozenset({
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear",
    "bsl-1.0", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0",
    "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
    "cdla-sharing-1.0", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2", "gfdl", "gpl",
    "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "lppl-1.3c", "mit", "mpl-2.0", "ms-pl", "ncsa",
    "odbl", "odc-by", "ofl-1.1", "openrail", "osl-3.0", "pddl", "postgresql", "unknown", "unlicense", "wtfpl", "zlib",
})  # fmt: skip
"""As hubs name the licences of data sets; any other is one of the data set's own, which has a name and an address."""


def write_card(path: Path, described: Description, about: About, files: Sequence[CardFile] = ()) -> None:
    """Write the card. The same figures give the same bytes. `files`: what stands beside it."""
    with replacing(path) as file:
        file.write(card(described, about, files).encode())


def card(described: Description, about: About, files: Sequence[CardFile] = ()) -> str:
    """YAML front matter as hubs read it, then Markdown for people."""
    lines = ["---", *_yaml(_front(described, about, files)), "---", "", f"# {about.name}", ""]
    if about.summary:
        lines += [about.summary, ""]
    lines += _counts(described)
    if files:
        lines += ["", "## Files", "", *_table(("file", "holds", "lines"), [_file(each) for each in files])]
    lines += _agreement(described)
    for heading, words in about.sections:
        lines += ["", f"## {heading}", "", words]
    if about.sources or about.filters or about.made:
        lines += ["", "## How it was made", ""]
        lines += [f"- read: {_plain(source)}" for source in about.sources]
        lines += [f"- kept where: `{condition}`" for condition in about.filters]
        lines += [f"- made on {about.made.isoformat()}"] if about.made else []
    return "\n".join(lines).rstrip("\n") + "\n"


def _front(described: Description, about: About, files: Sequence[CardFile]) -> Mapping[str, Any]:
    configs: dict[str, list[Mapping[str, str]]] = {}
    for file in files:
        if file.config is not None:
            configs.setdefault(file.config, []).append({"split": file.split, "path": file.path})
    messages = described.counts.messages
    langs = [lang for lang, amount in described.counts.langs.items() if amount.messages and lang.isascii()]
    return {
        "pretty_name": about.name,
        **_licence(about),
        "language": sorted({lang.partition("-")[0].lower() for lang in langs if lang.replace("-", "").isalnum()}),
        "size_categories": [next((name for below, name in SIZES if messages < below), "n>10M")],
        "task_categories": list(TASKS),
        "tags": list(TAGS),
        **(
            {
                "configs": [  # the first is what `load_dataset` opens when none is named
                    {"config_name": name, "data_files": given, **({} if number else {"default": True})}
                    for number, (name, given) in enumerate(configs.items())
                ]
            }
            if configs
            else {}
        ),
    }


def licence_id(name: str) -> str:
    """A licence as hubs spell one, in small letters, digits, dots and hyphens: CC BY 4.0 is cc-by-4.0."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower().replace("+", " plus ")).strip("-") or OWN


def _licence(about: About) -> dict[str, str]:
    name = licence_id(about.licence or UNNAMED)
    if name in KNOWN_LICENCES:
        return {"license": name}
    link = {"license_link": about.licence_url} if about.licence_url else {}
    return {"license": OF_ITS_OWN, "license_name": name, **link}


def _yaml(front: Mapping[str, Any]) -> Iterator[str]:
    """Every value as JSON, which is YAML, but lists of plain values a line each, as hubs' own tools write them."""
    for key, value in front.items():
        if isinstance(value, list):
            yield f"{key}:" if value else f"{key}: []"
            yield from (f"- {json.dumps(each, ensure_ascii=False)}" for each in value)
        else:
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"


def _counts(described: Description) -> list[str]:
    counts = described.counts
    roles = [
        (role, f"{fates.total:,}", f"{fates.accepted:,}", f"{fates.refused:,}", f"{fates.deleted:,}")
        for role, fates in counts.roles.items()
    ]
    langs = [(lang, f"{amount.trees:,}", f"{amount.messages:,}") for lang, amount in counts.langs.items()]
    states = [(state, f"{amount.trees:,}", f"{amount.messages:,}") for state, amount in counts.states.items()]
    return [
        "## What it holds", "",
        f"{counts.messages:,} messages in {counts.trees:,} trees by {counts.people:,} people, in "
        f"{len(counts.langs):,} language{'s' * (len(counts.langs) != 1)}; "
        f"{described.votes.get('labels', counts.reviews):,} reviews"
        + (f" and {described.votes['ranking']:,} rankings." if "ranking" in described.votes else "."),
        *_by_models(counts.models),
        "", *_table(("role", "messages", "accepted", "refused", "deleted"), roles),
        "", *_table(("language", "trees", "messages"), langs),
        "", *_table(("state", "trees", "messages"), states),
    ]  # fmt: skip


def _by_models(models: Mapping[str, int]) -> list[str]:
    """How many messages people did not write."""
    if not models:
        return []
    named = ", ".join(f"{_plain(name)} ({number:,})" for name, number in models.items())
    return ["", f"{sum(models.values()):,} of the messages are `synthetic`, written by models that `model_name` tells: "
            f"{named}."]  # fmt: skip


def _agreement(described: Description) -> list[str]:
    rows = [
        (each.label, f"{each.alpha.estimate.value:.2f}", f"{each.alpha.units:,}")
        for each in described.agreement
        if each.lang == ALL and each.alpha is not None and each.alpha.estimate is not None
    ]
    said = ["", "## Agreement", "", "Krippendorff's α of what reviewers said of the same message:", ""]
    return [*said, *_table(("label", "α", "messages"), rows)] if rows else []


def _file(each: CardFile) -> tuple[str, str, str]:
    return f"`{each.path}`", each.says, "" if each.lines is None else f"{each.lines:,}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(heads)} |",
        f"| {' | '.join('---' for _ in heads)} |",
        *(f"| {' | '.join(map(_plain, row))} |" for row in rows),
    ]


def _plain(words: str) -> str:
    """Nothing that ends a cell or a line."""
    return " ".join(words.split()).replace("|", "\\|")
