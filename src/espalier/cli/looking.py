"""`espalier stats` and `espalier tree show`: a campaign and its trees, in the terminal."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from espalier.cli.campaign import campaign
from espalier.cli.terminal import fail, harmless, out, plural, show, table

if TYPE_CHECKING:
    from rich.console import Group
    from rich.tree import Tree
    from sqlalchemy import Connection

    from espalier.collect.figures import Figures
    from espalier.domain.inclusion import Inclusion
    from espalier.domain.sight import LabelMean, StaffMessage
    from espalier.store.reading import TreeState

trees = typer.Typer(no_args_is_help=True, help="Conversation trees.", rich_markup_mode=None)
MEANS: Final = ("quality", "helpfulness", "creativity", "humor", "toxicity", "spam")
STYLES: Final = {"prompter": "cyan", "assistant": "magenta"}
DAYS: Final = 14


def stats() -> None:
    """Show the campaign in figures: trees, messages, people, work by day, and how evenly it is spread."""
    from espalier.collect.figures import figures_of

    with campaign() as database, database.read() as db:
        figures = figures_of(db, datetime.now(UTC))
    _print_trees(figures)
    _print_langs(figures)
    _print_people(figures)
    _print_days(figures)
    _print_spread(figures)


def _print_trees(figures: "Figures") -> None:
    from espalier.domain.tree import State

    totals = {state: sum(counts.get(state, 0) for counts in figures.trees.values()) for state in State}
    made = table("Trees", "state", "trees")
    for state, number in totals.items():
        made.add_row(state, _number(number))
    made.add_section()
    made.add_row("in all", _number(sum(totals.values())))
    show(made)


def _print_langs(figures: "Figures") -> None:
    from espalier.domain.tree import State

    trees_in = {lang: sum(stand.values()) for lang, stand in figures.trees.items()}
    langs = sorted(trees_in.keys() | figures.messages.keys(), key=lambda lang: (-trees_in.get(lang, 0), lang))
    if not langs:
        return
    made = table("Languages", "lang", "trees", "growing", "ready", "by prompters", "by assistants")
    for lang in langs:
        stand, written = figures.trees.get(lang, {}), figures.messages.get(lang, {})
        numbers = (
            trees_in.get(lang, 0), stand.get(State.GROWING, 0), stand.get(State.READY_FOR_EXPORT, 0),
            written.get("prompter", 0), written.get("assistant", 0),
        )  # fmt: skip
        made.add_row(escape(lang), *map(_number, numbers))
    show(made)


def _print_people(figures: "Figures") -> None:
    people = figures.people
    made = table("People", "who", "people")
    for role, number in people.accounts.items():
        made.add_row(role, _number(number))
    for name in ("disabled", "imported"):
        made.add_row(name, _number(getattr(people, name)))
    for days in (1, 7, 30):
        made.add_row(f"active in {plural(days, 'day')}", _number(getattr(people, f"active_{days}")))
    show(made)


def _print_days(figures: "Figures") -> None:
    from espalier.store.figures import Work

    kinds = ("prompts", "replies", "reviews", "rankings")
    made = table(f"Work in the last {DAYS} days", "day", *kinds)
    worked = [(day, work) for day, work in list(figures.days.items())[-DAYS:] if work != Work()]
    if not worked:
        return
    for day, work in worked:
        made.add_row(f"{day:%Y-%m-%d}", *(_number(getattr(work, kind)) for kind in kinds))
    show(made)


def _print_spread(figures: "Figures") -> None:
    spread = figures.spread
    rows: dict[str, Inclusion] = {name: getattr(spread, name) for name in ("prompts", "replies", "reviews", "rankings")}
    rows |= {f"messages in {lang}": each for lang, each in spread.messages.items()}
    rows = {name: each for name, each in rows.items() if each.people}
    if not rows:
        return
    made = table("How evenly it is spread", "work", "people", "as many as", "Gini", "busiest", "ten", "a tenth")
    for name, each in rows.items():
        shares = (f"{share:.0%}" for share in (each.top_1, each.top_10, each.top_tenth) if share is not None)
        made.add_row(escape(name), _number(each.people), f"{each.effective:,.1f}", f"{each.gini:.2f}", *shares)
    show(made)
    out.print(
        "As many as: so many people with equal shares would be as concentrated.\n"
        "Busiest, ten, a tenth: the share of all that these of the busiest did.", style="dim",
    )  # fmt: skip


def _number(number: int) -> str:
    return f"{number:,}" if number else "·"


@trees.command("show")
def show_tree(
    tree_id: Annotated[
        str, typer.Argument(metavar="ID", help="The id of a tree or of a message in it, or how it begins.")
    ],
    full: Annotated[bool, typer.Option("--full", help="Whole texts instead of their first lines.")] = False,
) -> None:
    """Draw a tree: who wrote what, what became of it, and how it was judged."""
    from espalier.store.reading import messages_of_tree, tree_state
    from espalier.store.trees import tree_of

    with campaign() as database, database.read() as db:
        asked = _one(db, tree_id)
        found = tree_of(db, asked)
        state, messages = tree_state(db, found), messages_of_tree(db, found)
    out.print(_drawn(state, messages, asked, full=full), soft_wrap=False)
    out.print(
        "✓ accepted  ✗ refused  … in review; rank 0 is the best; label means, 0 to 1", style="dim"
    )  # fmt: skip


def _one(db: "Connection", start: str) -> str:
    """The only id that begins so."""
    from espalier.store.reading import ids_beginning

    found = ids_beginning(db, start, 4)
    if not found:
        fail(f"There is no tree or message {start}.")
    if start not in found and len(found) > 1:
        fail(f"Several ids begin with {start}: {', '.join(found[:3])}{' …' if len(found) > 3 else ''}.")
    return start if start in found else found[0]


def _drawn(tree: "TreeState", messages: Iterable["StaffMessage"], asked: str, *, full: bool) -> "Tree":
    from rich.text import Text
    from rich.tree import Tree

    shape = tree.shape
    head = Text.assemble(
        (tree.id, "bold"), f"  {tree.lang}  ", (str(tree.state), "bold"), "\n",
        f"{tree.accepted} of {shape.goal_tree_size} messages accepted; depth {shape.max_tree_depth}, "
        f"replies {shape.max_children_count} / {shape.num_prompter_replies}; {tree.created_at:%Y-%m-%d}",
        f"; {harmless(tree.origin)}" if tree.origin else "",
    )  # fmt: skip
    root = Tree(head, guide_style="dim")
    below: dict[str | None, list[StaffMessage]] = {}
    for message in messages:
        below.setdefault(message.parent_id, []).append(message)
    waiting = [(root, message) for message in reversed(below.get(None, []))]
    while waiting:
        parent, message = waiting.pop()
        branch = parent.add(_label(message, asked, full=full))
        replies = sorted(below.get(message.id, []), key=lambda reply: (reply.rank is None, reply.rank or 0))
        waiting += [(branch, reply) for reply in reversed(replies)]
    return root


def _label(message: "StaffMessage", asked: str, *, full: bool) -> "Group":
    from rich.console import Group
    from rich.text import Text

    about = Text(str(message.role), STYLES[message.role])
    about.append(f" {_author(message)}", "bold" if message.id == asked else "none")
    for mark, style in _marks(message):
        about.append(f" {mark}", style)
    about.append(f"  {_means(message.labels)}", "dim")
    about.rstrip()
    said = harmless(message.text).strip("\n")
    first, _, more = said.partition("\n")
    style = "strike" if message.removed else ""
    if full:
        return Group(about, Text(said, style))
    return Group(about, Text(first + (" …" if more.strip() else ""), style, no_wrap=True, overflow="ellipsis"))


def _author(message: "StaffMessage") -> str:
    if message.synthetic:
        return harmless(message.model_name or "a model")
    return harmless(message.author_name or (message.author or "nobody")[:8])


def _marks(message: "StaffMessage") -> Iterable[tuple[str, str]]:
    yield {True: ("✓", "green"), False: ("✗", "red"), None: ("…", "yellow")}[message.review_result]
    if message.rank is not None:
        yield f"rank {message.rank}", "bold"
    for is_so, mark in (
        (message.deleted, "deleted"), (message.removed and not message.deleted, "below a deleted one"),
        (message.late, "late"), (message.edited, "edited"), (message.synthetic, "synthetic"),
    ):  # fmt: skip
        if is_so:
            yield mark, "red" if mark == "deleted" else "yellow"
    for emoji, count in message.emojis.items():
        yield f"{emoji}×{count}", "dim"


def _means(labels: Mapping[str, "LabelMean"]) -> str:
    """The means that say something: most texts are neither rude nor spam."""
    given = ((name, labels[name].value) for name in MEANS if name in labels)
    return "  ".join(f"{name} {mean:.2f}" for name, mean in given if mean >= 0.005 or name == "quality")
