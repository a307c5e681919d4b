"""A split on disk: a file of trees for each part, and the manifest that says which tree went where.

Knows files; how a split is made is split.py.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from espalier.dataset.records import TreeRecord
from espalier.dataset.split import Alike, BadShares, Leak, Sapling, Shares, Split, owners, sapling, split
from espalier.dataset.trees import messages_of
from espalier.dataset.write import line_of, replacing

MANIFEST: Final = "split.json"
Cut = Callable[[TreeRecord, str], TreeRecord | None]
"""Of a tree and its part, what is left of it there."""


class BadManifest(ValueError):
    """A file that is no manifest of a split, and why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """How a split was made and what came of it. threshold: from which likeness on prompts are near-duplicates.

    goes_on: whether an earlier split was kept, so that shares and seed alone do not say where each tree is.
    """

    shares: Shares
    threshold: float
    by_author: bool
    goes_on: bool
    made: Split


@dataclass(frozen=True, slots=True)
class Wanted:
    """How trees shall be split. by_author: nobody stands on two sides. previous: parts of trees that stay."""

    shares: Shares
    threshold: float = 0.8
    by_author: bool = False
    previous: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A split before anything is written. twice: trees that came a second time, which are left out then."""

    manifest: Manifest
    saplings: tuple[Sapling, ...]
    cut: Cut
    twice: int


def plan(trees: Iterable[TreeRecord], wanted: Wanted, alike: Callable[[float], Alike]) -> Planned:
    """A first look at all trees. alike: makes of a threshold what finds near-duplicates. Raises BadShares."""
    known: dict[str, Sapling] = {}
    twice = 0
    for tree in trees:
        twice += tree.message_tree_id in known
        known.setdefault(tree.message_tree_id, sapling(tree))
    saplings = tuple(known.values())
    made = split(saplings, wanted.shares, alike(wanted.threshold), wanted.previous)
    cut: Cut = owners(saplings, made, wanted.shares).cut if wanted.by_author else lambda tree, part: tree
    manifest = Manifest(wanted.shares, wanted.threshold, wanted.by_author, wanted.previous is not None, made)
    return Planned(manifest, saplings, cut, twice)


@dataclass(frozen=True, slots=True)
class Written:
    """trees: in each part. cut: messages left out so that nobody stands on two sides."""

    trees: Mapping[str, int]
    cut: int


def write_parts(planned: Planned, trees: Iterable[TreeRecord], files: Mapping[str, Path]) -> Written:
    """Write each tree into the file of its part, in their order. All files appear together.

    files: one for each part of the shares.
    """
    counts: Counter[str] = Counter(dict.fromkeys(files, 0))
    cut = 0
    written: set[str] = set()
    with ExitStack() as stack:
        open_files = {part: stack.enter_context(replacing(path)) for part, path in files.items()}
        for tree in trees:
            if tree.message_tree_id in written:
                continue
            written.add(tree.message_tree_id)
            part = planned.manifest.made.parts[tree.message_tree_id]
            left = planned.cut(tree, part)
            if left is not tree:
                cut += sum(1 for _ in messages_of(tree))
                cut -= 0 if left is None else sum(1 for _ in messages_of(left))
            if left is not None:
                open_files[part].write(line_of(left) + b"\n")
                counts[part] += 1
    return Written(counts, cut)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write how the split was made, with a line for each tree."""
    said = {
        "seed": manifest.shares.seed,
        "shares": dict(manifest.shares.parts),
        "shares_by_lang": {lang: dict(parts) for lang, parts in manifest.shares.by_lang.items()},
        "threshold": manifest.threshold,
        "by_author": manifest.by_author,
        "goes_on": manifest.goes_on,
        "leaks": [asdict(leak) for leak in manifest.made.leaks],
        "near_duplicates": [list(group) for group in manifest.made.groups],
        "parts": dict(manifest.made.parts),
    }
    with replacing(path) as file:
        file.write(json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n")


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file, or in a folder that holds one. Raises BadManifest, OSError."""
    path = path / MANIFEST if path.is_dir() else path
    try:
        said = json.loads(path.read_bytes())
    except ValueError as wrong:
        raise BadManifest(f"{path} is no manifest of a split: it is not JSON ({wrong})") from None
    try:
        by_lang = {str(lang): _shares(parts) for lang, parts in said["shares_by_lang"].items()}
        shares = Shares(_shares(said["shares"]), by_lang, str(said["seed"]))
        leaks = tuple(Leak(leak["tree_id"], leak["part"], leak["like"]) for leak in said["leaks"])
        groups = tuple(tuple(str(tree_id) for tree_id in group) for group in said["near_duplicates"])
        parts = {str(tree_id): str(part) for tree_id, part in said["parts"].items()}
        threshold = float(said["threshold"])
        by_author, goes_on = bool(said["by_author"]), bool(said["goes_on"])
    except KeyError as missing:
        raise BadManifest(f"{path} is no manifest of a split: the field {missing.args[0]} is missing") from None
    except (TypeError, AttributeError, ValueError, BadShares) as wrong:
        raise BadManifest(f"{path} is no manifest of a split: {wrong}") from None
    if stranger := next((part for part in parts.values() if part not in shares.names), None):
        raise BadManifest(f"{path} is no manifest of a split: it has a tree in {stranger}, which has no share")
    return Manifest(shares, threshold, by_author, goes_on, Split(parts, groups, leaks))


def _shares(given: Mapping[str, Any]) -> dict[str, float]:
    return {str(part): float(share) for part, share in given.items()}
