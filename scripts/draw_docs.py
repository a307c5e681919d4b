"""Writes the pages of the documentation that list what the code knows, so that they cannot say anything else.

`make docs` writes them; a test compares. The rest of docs/ is written by hand.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from textwrap import fill
from typing import Any

import typer

from api_page import api_page
from espalier.cli import app
from espalier.config import FIELDS, PREFIX, Settings, wants
from espalier.domain.errors import Refusal
from espalier.domain.lifecycle import COMMANDS, LEADS_TO, Command
from espalier.domain.message import EMOJIS, EXCUSED_SKIPS, LABELS, MANDATORY_LABELS, SIMPLE_LABELS, SKIP_REASONS
from espalier.domain.policy import PARAMETERS, PROFILES
from espalier.domain.tree import State
from espalier.domain.work import Kind
from lifecycle_picture import GONE, WHEN, picture
from settings_page import settings_page

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "espalier"
MADE = "Made by `make docs` from {}."

STATES = {
    State.INITIAL_PROMPT_REVIEW: "A prompt alone; volunteers review it.",
    State.PROMPT_LOTTERY_WAITING: "The prompt is accepted and waits for the lottery of its language to draw it.",
    State.GROWING: "Replies are written and reviewed.",
    State.RANKING: "Replies that stand beside each other are put in order.",
    State.READY_FOR_SCORING: "All ballots are in. Counting them takes no time, so only imported trees are seen here.",
    State.READY_FOR_EXPORT: "Finished.",
    State.ABORTED_LOW_GRADE: "The prompt was refused, or flagged away.",
    State.HALTED_BY_MODERATOR: "Stopped by a moderator or by automatic moderation, or its prompt is deleted.",
    State.BACKLOG_RANKING: "Imported or put aside, to be ranked later.",
    State.SCORING_FAILED: "Known from imported trees; their replies are ranked again if they must be, and counted.",
}
REASONS = {
    "accepted": "the reviews are in, and they accept the prompt",
    "refused": "the reviews are in, and they refuse the prompt",
    "grown": "it has as many accepted messages as its goal, or no place for another one; and none awaits review",
    "ranked": "every set of replies that is to be ranked has enough rankings",
    "scored": "at once",
    "retried": "at once",
    GONE: "the prompt is deleted",
}
ORDERS = {
    Command.DRAW: ("the lottery, or an administrator", "Start to grow."),
    Command.HALT: ("a moderator, or automatic moderation", "Stop."),
    Command.ABORT: ("a moderator, or automatic moderation", "Stop, as not good enough."),
    Command.RESUME: ("a moderator", "Go on: where it was parked, else growing if ever drawn, else its review."),
    Command.ACTIVATE: ("the campaign, when rankings run out or a tree ends; an administrator", "Be ranked now."),
    Command.PARK: ("an administrator", "Be ranked later."),
}
KINDS = {
    Kind.INITIAL_PROMPT: "Begin a conversation.",
    Kind.PROMPTER_REPLY: "Answer an assistant's message as the person who asks.",
    Kind.ASSISTANT_REPLY: "Answer as a helpful assistant.",
    Kind.LABEL_INITIAL_PROMPT: "Review a prompt.",
    Kind.LABEL_PROMPTER_REPLY: "Review a prompter's reply.",
    Kind.LABEL_ASSISTANT_REPLY: "Review an assistant's reply.",
    Kind.RANK_ASSISTANT_REPLIES: "Put the assistant's replies to one message in order.",
    Kind.RANK_PROMPTER_REPLIES: "Put the prompter's replies to one message in order, where the policy asks for it.",
}
REFUSED = {
    "refused": "Any refusal that has no word of its own.",
    "invalid": "A value is missing or cannot be; `field` says which.",
    "invalid-policy": "A parameter of the policy, or the shape of a tree, that cannot be.",
    "invalid-settings": "The file or a variable says something that cannot be; only seen on the command line.",
    "too-long": "Longer than `message_max_characters`. The text is handed back.",
    "wrong-answer": "Labels that the task does not ask for, or a ranking of other replies.",
    "wrong-language": "A warning: send the text again with `confirm_language` if it is meant. It is handed back.",
    "unauthenticated": "No token, or one that is unknown, expired or revoked.",
    "not-allowed": "The role, or the scope of the token, does not allow it.",
    "banned": "A moderator has disabled the account.",
    "suspended": "A moderator has suspended the account; the sentence says until when.",
    "warning-unread": "A warning is read at `GET /notices` and acknowledged before there is a next task.",
    "not-found": "It is not there, or not for you: somebody else's task does not exist.",
    "conflict": "Any conflict that has no word of its own.",
    "already-answered": "Answered or skipped before, and not by a retry of the same contribution.",
    "taken-back": "The author took back what the task is about, within their time to undo.",
    "newer-draft": "Another window or device has saved the draft since.",
    "stale": "The tree was stopped, or the message is gone. The text is handed back.",
    "duplicate-text": "The same person sent the same text within `duplicate_window_minutes`.",
    "id-reused": "The client's id belongs to a contribution that says something else.",
    "built-on": "`undo_seconds` are over, or somebody has built on it.",
    "wrong-state": "The command does not apply where the tree stands; see [lifecycle.md](lifecycle.md).",
    "try-later": "`Retry-After` says when.",
    "rate-limited": "More tasks than the policy's rates allow; `Retry-After` says when there is room.",
    "too-many-open-tasks": "`max_pending_tasks_per_user` are in hand; finish or skip one.",
    "terms-not-accepted": "The organiser has published terms that this person has not accepted yet, on the site.",
    "practice-first": "`practice_required`, and the practice of this kind of task has not been passed on the site.",
    "not-begun": "The campaign is still being prepared; only staff get tasks.",
    "paused": "Nothing is handed out while the campaign is paused; what is in hand may be sent.",
    "closed": "The campaign has ended; nothing more is taken.",
    "invalid-campaign": "What an administrator said of the campaign cannot be; `field` says which part.",
    "closing": "The server is going down; the same request may be sent again.",
    "not-saved": "The database could not make the change durable; the same request may be sent again.",
    "maintenance": "`espalier maintenance begin` was called; `Retry-After` says when to try again.",
    "busy": "More waits to be written than can be; nothing was changed, and the same request may be sent again.",
}


def pages() -> dict[Path, str]:
    """Each page that is made, with its text."""
    architecture = ROOT / "docs" / "architecture.md"
    return {
        ROOT / "docs" / "policy.md": policy(),
        ROOT / "docs" / "lifecycle.svg": picture(),
        ROOT / "docs" / "lifecycle.md": lifecycle(),
        ROOT / "docs" / "reference.md": reference(),
        ROOT / "docs" / "api.md": api_page(),
        ROOT / "docs" / "training-settings.md": settings_page(),
        architecture: between_marks(architecture.read_text("utf-8"), "files", files()),
    }


def policy() -> str:
    differs = [
        f"`{name}`: " + ", ".join(f"`{each}` {getattr(profile, each)}" for each in PARAMETERS
                                  if getattr(profile, each) != PARAMETERS[each].default)
        for name, profile in PROFILES.items() if name != "code"
    ]  # fmt: skip
    return _page(
        "The policy of a campaign",
        MADE.format("`domain/policy.py`"),
        "A new campaign starts with the values of the file `espalier.toml`; an administrator changes them later "
        "through the API, where every change is kept with who made it and when. A tree keeps the shape it was "
        "planted with (`max_tree_depth`, `max_children_count`, `num_prompter_replies`, `goal_tree_size`); "
        "all else holds at once.",
        "```toml\n[policy]\ngoal_tree_size = 9\nrate_tasks = \"30/4\"      # at most 30 in 4 minutes\n"
        "max_share_of_tree = \"none\"\n\n"
        "[policy.langs.de]        # what differs in one language\ngoal_tree_size = 6\n```",
        f"`profile` replaces the defaults together. {'. '.join(differs)}, as in the paper on OASST1.",
        _table(
            ("parameter", "default", "may be", "by language", "what it does"),
            (
                (f"`{each.name}`", _shown(each.default), each.wants, "yes" if each.per_language else "no", each.says)
                for each in PARAMETERS.values()
            ),
        ),
    )  # fmt: skip


def lifecycle() -> str:
    rules = (
        (f"`{start}`", f"`{end}`", REASONS[GONE if end is State.HALTED_BY_MODERATOR else WHEN[start, end]])
        for start, ends in LEADS_TO.items()
        for end in ends
    )
    commands = (
        (f"`{command}`", ORDERS[command][0], ", ".join(f"`{state}`" for state in State if state in moves),
         ", ".join(dict.fromkeys(f"`{end}`" for end in moves.values() if end)) or "as it was", ORDERS[command][1])
        for command, moves in COMMANDS.items()
    )  # fmt: skip
    return _page(
        "The life of a conversation tree",
        MADE.format("`domain/lifecycle.py`"),
        "![A tree from its prompt to its export](lifecycle.svg)",
        "After every contribution the rules are asked until none applies, so a tree never stands where it has nothing "
        "to do. Chance and orders come from outside, as commands that are recorded like contributions.",
        "## States",
        _table(("state", "what it means"), ((f"`{state}`", STATES[state]) for state in State)),
        "## Rules",
        _table(("from", "to", "when"), rules),
        "## Commands",
        _table(("command", "given by", "from", "to", "what it asks"), commands),
    )


def reference() -> str:
    return _page(
        "Reference",
        MADE.format("the code"),
        "Settings, commands, and the words of the API. The parameters of the policy are in [policy.md](policy.md), "
        "the states of a tree in [lifecycle.md](lifecycle.md), the routes in [api.md](api.md).",
        "## Settings",
        f"From the environment (`{PREFIX}PORT`), else from the file `espalier.toml` (`port = 8000`), else the "
        "default. `espalier config` shows what is in force and where it comes from.",
        _table(
            ("setting", "default", "may be", "what it is"),
            (
                (f"`{name}`", _default_of(name), wants(name), field.description or "")
                for name, field in FIELDS.items()
            ),
        ),
        "## Commands",
        *_commands(),
        "## Task kinds",
        "What `POST /api/v1/tasks/next` may be asked for, or `random`.",
        _table(("kind", "what a volunteer does"), ((f"`{kind}`", KINDS[kind]) for kind in Kind)),
        "## Labels",
        f"A review asks for all of them or for {_listed(SIMPLE_LABELS)} alone; {_listed(MANDATORY_LABELS)} has to be "
        "answered. What is not answered is absent, never 0.",
        _table(
            ("label", "values", "title", "what it asks", "asked of"),
            (
                (f"`{each.name}`", each.kind.replace("_", "/"), each.title, each.help,
                 ("assistant replies" if each.assistant_only else "all")
                 + ("" if each.by_default else ", if switched on"))
                for each in LABELS.values()
            ),
        ),
        "## Reasons to skip",
        f"{_listed(SKIP_REASONS)}. Nothing is held against the message after {_listed(EXCUSED_SKIPS)}.",
        "## Reactions",
        f"{_listed(EMOJIS)}.",
        "## Problems",
        "Refusals are problem documents (RFC 9457). `type` is `urn:espalier:problem:` and one of these words; "
        "`detail` is a sentence for the person who asked. A refusal changes nothing.",
        _table(
            ("problem", "status", "title", "when"),
            ((f"`{each.slug}`", str(each.status), each.title, _when(each)) for each in problems()),
        ),
        "Besides these there are `malformed` (422: a value of the wrong kind, or a field or parameter that nobody "
        "knows; `faults` lists them all), `internal` (500: the fault is the server's) and the words of HTTP itself, "
        "such as `method-not-allowed`.",
    )  # fmt: skip


def files() -> str:
    """A line for each file of the house: the first sentence of its docstring."""
    rooms: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(HOUSE.rglob("*.py")):
        here = path.relative_to(HOUSE)
        if here.parts[:2] != ("store", "migrations") or path.name == "__init__.py":
            room = here.parts[0] if len(here.parts) > 1 else ""
            rooms.setdefault(room, []).append((f"`{here}`", _first_sentence(path)))
    return "\n\n".join(
        f"### {f'`{room}`' if room else 'At the door'}\n\n{_table(('file', 'what it is for'), rows)}"
        for room, rows in sorted(rooms.items())
    )


def problems() -> list[type[Refusal]]:
    """Every refusal that somebody outside may meet, each slug once, the most general class first."""
    for path in HOUSE.rglob("[!_]*.py"):
        if "migrations" not in path.parts:
            import_module(".".join(path.relative_to(HOUSE.parent).with_suffix("").parts))
    found = {each.slug: each for each in reversed([Refusal, *_heirs(Refusal)])}
    return sorted(found.values(), key=lambda each: (each.status, each.slug))


def _heirs(refusal: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in refusal.__subclasses__():
        yield each
        yield from _heirs(each)


def _when(refusal: type[Refusal]) -> str:
    """In the words of this page, else the first paragraph of its docstring."""
    own = refusal.__dict__.get("__doc__") or ""
    return REFUSED.get(refusal.slug) or " ".join(own.split("\n\n")[0].split())


def _commands() -> Iterator[str]:
    def walk(name: str, command: Any) -> Iterator[str]:
        for each, below in getattr(command, "commands", {}).items():
            yield from walk(f"{name} {each}", below)
        if not hasattr(command, "commands"):
            yield f"### `{name}`"
            yield " ".join((command.help or "").split())
            if rows := [_argument(each) for each in command.params if each.name != "help"]:
                yield _table(("argument", "default", "what it is"), rows)

    yield from walk("espalier", typer.main.get_command(app))


def _argument(each: Any) -> tuple[str, str, str]:
    shown = ", ".join(each.opts) if each.param_type_name == "option" else (each.metavar or each.name.upper())
    silent = callable(each.default) or isinstance(each.default, bool) or each.default in (None, (), "")
    defaults = each.default if isinstance(each.default, list | tuple) else [each.default]
    default = "" if silent else _listed(defaults)
    says = getattr(each, "help", "") or ""
    if each.envvar:
        says += f" Or in `{each.envvar}`."
    return f"`{shown}`", "needed" if each.required else default, says


def _default_of(name: str) -> str:
    if name == "policy":
        return "[policy.md](policy.md)"
    return _shown(getattr(Settings.model_construct(), name))


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case frozenset():
            return ", ".join(sorted(value)) or "none"
        case _:
            return f"`{value}`"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _first_sentence(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    first = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<=[a-z)`])\. (?=[A-Z`])", first)[0].rstrip(".")


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", *map(_wrapped, parts))) + "\n"


def _wrapped(part: str) -> str:
    return part if part.startswith(("|", "```", "#", "![")) else fill(part, 118, break_long_words=False)


def between_marks(text: str, name: str, made: str) -> str:
    """The text with what stands between two marks replaced."""
    begin, end = f"<!-- {name}: made by make docs -->", f"<!-- end of {name} -->"
    before, rest = text.split(begin)
    return f"{before}{begin}\n\n{made}\n\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
