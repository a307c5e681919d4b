"""Originals from a file's records, and the replayed tree from what the API shows an administrator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espalier.dataset.findings import Finding
from espalier.dataset.read import read_trees
from espalier.dataset.records import MessageRecord, TreeRecord
from espalier.domain.language import language_tag
from espalier.domain.message import Role
from espalier.domain.tree import State
from espalier.replay.original import Original, OriginalTree
from espalier.replay.script import opening


@dataclass(slots=True)
class Originals:
    """The trees of a file that can be planted, and by id or place why the others cannot."""

    trees: list[OriginalTree] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def read_originals(path: Path) -> Originals:
    found = Originals()

    def lost(finding: Finding) -> None:
        if finding.lost:
            found.left_out[f"line {finding.line}"] = finding.reason

    beginnings: dict[tuple[str, str], str] = {}
    for record in read_trees(path, lost):
        try:
            tree = original_tree(record)
        except ValueError as error:
            found.left_out[record.message_tree_id] = str(error)
            continue
        # Tasks show texts only: nobody could tell which of the two a volunteer was handed.
        first = beginnings.setdefault(opening(tree), tree.id)
        if first != tree.id:
            found.left_out[tree.id] = f"begins with the same prompt as {first}"
        else:
            found.trees.append(tree)
    return found


def original_tree(record: TreeRecord) -> OriginalTree:
    """Raises ValueError with the reason why this is no tree of a campaign."""
    if record.tree_state not in set(State):
        raise ValueError(f"has no state of a tree, but {record.tree_state!r}")
    lang = language_tag(record.prompt.lang)
    if lang is None:
        raise ValueError(f"has no language, but {record.prompt.lang!r}")
    return OriginalTree(record.message_tree_id, lang, State(record.tree_state), _original(record.prompt, None))


def _original(record: MessageRecord, above: Role | None) -> Original:
    role = Role.PROMPTER if above is None else above.other
    if record.role != role:
        raise ValueError(f"{record.message_id} has the role {record.role!r} where the {role} speaks")
    return Original(
        text=record.text,
        role=role,
        accepted=record.review_result,
        deleted=bool(record.deleted),
        rank=record.rank,
        review_count=record.review_count or 0,
        labels={name: said["value"] for name, said in (record.labels or {}).items() if said["count"]},
        replies=tuple(_original(reply, role) for reply in record.replies),
    )


def replayed_tree(shown: Mapping[str, Any]) -> OriginalTree:
    """A tree as the API shows it to an administrator."""
    return OriginalTree(shown["id"], shown["lang"], State(shown["state"]), _shown(shown["prompt"]))


def _shown(message: Mapping[str, Any]) -> Original:
    return Original(
        text=message["text"],
        role=Role(message["role"]),
        accepted=message["review_result"],
        deleted=message["deleted"],
        rank=message["rank"],
        replies=tuple(_shown(reply) for reply in message["replies"]),
    )
