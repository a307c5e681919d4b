"""Halting, resuming, drawing and parking trees: one, or many of a state and language, after a look at what changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from espalier.collect import moderation, orders
from espalier.collect.moderation import MOST_ORDERS, Refused
from espalier.domain.errors import Invalid, NotFound
from espalier.domain.language import language_tag
from espalier.domain.lifecycle import Command
from espalier.domain.sight import alone
from espalier.domain.tree import State
from espalier.store import reading
from espalier.store.people import PersonRole
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.tree_words import STATES, Opening, Pill, opening, pill
from espalier.web.visit import ModeratorSender, ModeratorVisit, Visit
from espalier.web.words import N_

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/trees/orders"
EXAMPLES: Final = 10
COMMANDS: Final[Mapping[Command, str]] = {
    Command.HALT: N_("Halt: nobody works on it until it is resumed"),
    Command.RESUME: N_("Resume: it goes on where it was, flags and skips answered"),
    Command.ABORT: N_("Abort: it is given up"),
    Command.PARK: N_("Park: it waits in the backlog to be ranked"),
    Command.ACTIVATE: N_("Activate: it comes out of the backlog"),
    Command.DRAW: N_("Draw: it grows now, whatever the lottery says"),
}
OPPOSITES: Final[Mapping[Command, Command]] = {
    Command.HALT: Command.RESUME,
    Command.ABORT: Command.RESUME,
    Command.PARK: Command.ACTIVATE,
}
"""What takes an order back."""


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Context:
    """ids: trees that were chosen already; none: they are chosen by lang and state."""

    ids: Sequence[str]
    commands: Sequence[Choice]
    states: Sequence[Choice]
    lang: str
    state: str
    fault: str | None
    faulty: str | None


@dataclass(frozen=True, slots=True)
class Example:
    id: str
    lang: str
    title: Opening
    was: Pill
    becomes: Pill


@dataclass(frozen=True, slots=True)
class ResultContext:
    """done: whether it is what happened, not what would. ids: of the trees that follow. examples: the first of them.

    refused: those that cannot, each with why. undo: the order that takes it back.
    """

    done: bool
    command: Choice
    count: int
    ids: Sequence[str]
    examples: Sequence[Example]
    refused: Sequence[Refused]
    reason: str
    undo: str | None


@router.get(ADDRESS)
def show(
    visit: ModeratorVisit,
    tree: Annotated[list[str] | None, Query(max_length=MOST_ORDERS)] = None,
    lang: str = "",
    state: str = "",
) -> Response:
    return _choose(visit, tree or [], lang, state)


@router.post(f"{ADDRESS}/preview")
async def preview(
    visit: ModeratorSender,
    ids: Annotated[list[str] | None, Form()] = None,
    command: Annotated[str, Form(max_length=40)] = "",
    lang: Annotated[str, Form(max_length=100)] = "",
    state: Annotated[str, Form(max_length=100)] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """`ids`, or the newest trees in a language and state."""
    try:
        wanted = _command(visit, command)
        chosen = ids or _matching(visit, lang.strip(), state)
        with visit.campaign.read(visit.caller) as (db, person):
            effects, refused = orders.preview_orders(db, person, chosen, wanted)
            prompts = reading.several(db, (each.id for each in effects[:EXAMPLES]))
            eyes = reading.viewer(db, person, prompts.values())
    except (Invalid, NotFound) as fault:
        return _choose(visit, ids or [], lang, state, fault)
    context = ResultContext(
        False, _choice(visit, wanted), len(effects), [each.id for each in effects],
        [
            Example(
                each.id, each.lang, opening(alone(prompts[each.id], eyes), visit, otherwise=each.id),
                pill(each.was, visit.words), pill(each.becomes, visit.words),
            )
            for each in effects[:EXAMPLES]
        ],
        refused, reason, None,
    )  # fmt: skip
    return render(visit, "tree_orders.html", context)


@router.post(ADDRESS)
async def order(
    visit: ModeratorSender,
    ids: Annotated[list[str] | None, Form()] = None,
    command: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Give the order that was looked at."""
    campaign, wanted, chosen = visit.campaign, _command(visit, command), ids or []
    refused: Sequence[Refused] = ()
    if len(chosen) == 1:
        await campaign.change(
            visit.changing(), moderation.order_tree, chosen[0], wanted, campaign.clock(), campaign.rng, reason=reason
        )
        done = list(chosen)
    else:
        trees, refused = await campaign.change(
            visit.changing(), moderation.order_trees, chosen, wanted, campaign.clock(), campaign.rng, reason=reason
        )
        done = [tree.id for tree in trees]
    undo = OPPOSITES.get(wanted)
    context = ResultContext(True, _choice(visit, wanted), len(done), done, (), refused, reason, undo)
    return render(visit, "tree_orders.html", context)


def _command(visit: Visit, command: str) -> Command:
    if command not in set(Command):
        raise Invalid("Choose what shall happen.", field="command")
    return Command(command)


def _choice(visit: Visit, command: Command) -> Choice:
    return Choice(command, visit.words.gettext(COMMANDS[command]))


def _matching(visit: Visit, lang: str, state: str) -> list[str]:
    if (tag := language_tag(lang)) is None:
        raise Invalid("Name a language with a tag such as en or pt-BR.", field="lang")
    if state not in set(State):
        raise Invalid("Choose a state.", field="state")
    with visit.campaign.read(visit.caller) as (db, _):
        found = reading.newest_trees(db, MOST_ORDERS, state=State(state), lang=tag)
    if not found:
        raise NotFound("No tree in this language is in this state.", field="state")
    return [tree.id for tree in found]


def _choose(
    visit: Visit, ids: Sequence[str], lang: str, state: str, refused: Invalid | NotFound | None = None
) -> Response:
    commands = [
        _choice(visit, each) for each in COMMANDS if each is not Command.DRAW or visit.may(PersonRole.ADMIN)
    ]  # fmt: skip
    states = [Choice(each, visit.words.gettext(STATES[each][0])) for each in State]
    fault, faulty = (said(refused, visit.words), refused.field) if refused else (None, None)
    context = Context(ids, commands, states, lang, state, fault, faulty)
    return render(visit, "tree_orders_choose.html", context, refused=refused)
