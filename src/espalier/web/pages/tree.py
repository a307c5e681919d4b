"""One tree at a glance: drawn as an espalier where it is small enough, else an outline, with links to its threads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from espalier.domain.errors import NotFound
from espalier.domain.message import Role
from espalier.domain.sight import BlindMessage, Node, nested
from espalier.domain.tree import State
from espalier.store import reading
from espalier.store.people import PersonRole
from espalier.web.espalier_drawing import Branch, Drawing, drawn, fitting
from espalier.web.looking import is_open_to, look
from espalier.web.render import render
from espalier.web.tree_words import (
    Opening,
    Pill,
    fate,
    label_marks,
    link_name,
    marks,
    opening,
    pill,
    role_words,
    short_rank,
)
from espalier.web.visit import Reads, Visit
from espalier.web.words import direction

router = APIRouter(include_in_schema=False)

MOST_DRAWN: Final = 40
MOST_LISTED: Final = 100
"""Messages of an outline, the nearest to the prompt first; what is below them is read in its threads."""
DEEPEST_LISTED: Final = 50


@dataclass(frozen=True, slots=True)
class Knot:
    """A message of the drawing. text: beside it, as far as there is room; under: a second line. gone: removed."""

    id: str
    name: str
    role: str
    x: float
    y: float
    text_x: float
    text: str
    under: str
    first: bool
    gone: bool
    synthetic: bool
    parent: str


@dataclass(frozen=True, slots=True)
class Espalier:
    drawing: Drawing
    knots: list[Knot]
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of the outline with those below it. more: replies that are not listed."""

    id: str
    name: str
    role: str
    who: str
    text: Opening
    marks: list[str]
    first: bool
    gone: bool
    synthetic: bool
    replies: "list[Entry]"
    more: int


@dataclass(frozen=True, slots=True)
class Context:
    """title: first words of the prompt. blind: something here could still be judged by the reader. staff: so is the
    reader. may_order: they look after its language.

    drawing: None where the tree is too large, or an outline was asked for. as_list: it was asked for.
    size: messages that are not removed. writers: people who wrote; None where that is hidden.
    """

    id: str
    title: Opening
    lang: str
    pill: Pill
    planted_at: datetime
    size: int
    writers: int | None
    blind: bool
    staff: bool
    may_order: bool
    drawing: Espalier | None
    small: bool
    as_list: bool
    outline: Entry


@router.get("/trees/{tree_id}")
def show(visit: Reads, tree_id: str, show: Annotated[str, Query(max_length=10)] = "") -> Response:
    """`show`: `list` for the outline where there would be a drawing. Raises NotFound."""
    with look(visit) as (db, person):
        messages = reading.messages_of_tree(db, tree_id)
        root = nested(messages, reading.viewer(db, person, messages), as_one=True)
        staff = person.role.reaches(PersonRole.MODERATOR)
    if root is None or not is_open_to(visit, messages[0].tree_state):
        raise NotFound("There is no such conversation tree.")
    nodes = list(_all(root))
    names = {node.id: name for node, name in _named(visit, root)}
    blind = any(isinstance(node, BlindMessage) for node in nodes)
    small = len(nodes) <= MOST_DRAWN
    drawing = _espalier(visit, root, names) if small and show != "list" else None
    context = Context(
        id=tree_id,
        title=opening(root, visit, otherwise=visit.words.gettext("A tree without words")),
        lang=root.lang,
        pill=pill(State(messages[0].tree_state), visit.words),
        planted_at=root.created_at,
        size=sum(not message.removed for message in messages),
        writers=None if blind else len({each.author for each in messages if each.author and not each.removed}),
        blind=blind,
        staff=staff,
        may_order=person.looks_after(root.lang),
        drawing=drawing,
        small=small,
        as_list=show == "list",
        outline=_outline(visit, root, names),
    )
    return render(visit, "tree.html", context)


def _all(root: Node) -> Iterator[Node]:
    """The nearest to the prompt first."""
    level: tuple[Node, ...] = (root,)
    while level:
        yield from level
        level = tuple(reply for node in level for reply in node.replies)


def _named(visit: Visit, root: Node) -> Iterator[tuple[Node, str]]:
    yield root, link_name(root, 1, 1, visit)
    for node in _all(root):
        for place, reply in enumerate(node.replies, start=1):
            yield reply, link_name(reply, place, len(node.replies), visit)


def _gone(node: Node) -> bool:
    return node.deleted or getattr(node, "removed", False)


def _espalier(visit: Visit, root: Node, names: Mapping[str, str]) -> Espalier:
    nodes = {node.id: node for node in _all(root)}
    below = {key: [reply.id for reply in node.replies] for key, node in nodes.items()}
    drawing = drawn(below, root.id, mirrored=direction(visit.lang) == "rtl")
    knots = []
    for spot in drawing.knots:
        node = nodes[spot.key]
        text, under = _beside(visit, node)
        knots.append(Knot(
            node.id, names[node.id], node.role, spot.x, spot.y, spot.text_x, fitting(text, spot.room),
            under if fitting(under, spot.room) == under else "", getattr(node, "rank", None) == 0, _gone(node),
            getattr(node, "synthetic", False), node.parent_id or "",
        ))  # fmt: skip
    return Espalier(drawing, knots, drawing.branches)


def _beside(visit: Visit, node: Node) -> tuple[str, str]:
    """Two short lines: what became of it, or else what it says; and what reviewers said."""
    words, rank = visit.words, getattr(node, "rank", None)
    said = fate(node, words) or (None if rank is None else short_rank(rank, words))
    begins = opening(node, visit, 40).words if node.role is Role.PROMPTER else ""
    noted = label_marks({} if isinstance(node, BlindMessage) else node.labels, words)
    first, second = said or begins, noted[-1] if noted else begins
    return first or second, second if first and first != second else ""


def _outline(visit: Visit, root: Node, names: Mapping[str, str]) -> Entry:
    listed = {node.id for node in islice(_all(root), MOST_LISTED) if node.depth <= DEEPEST_LISTED}

    def entry(node: Node) -> Entry:
        shown = [reply for reply in node.replies if reply.id in listed]
        return Entry(
            node.id, names[node.id], node.role, role_words(node.role, visit.words), opening(node, visit, 100),
            marks(node, visit.words), getattr(node, "rank", None) == 0, _gone(node), getattr(node, "synthetic", False),
            [entry(reply) for reply in shown], len(node.replies) - len(shown),
        )  # fmt: skip

    return entry(root)
