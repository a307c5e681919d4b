"""What commands print with: two consoles, bars of progress, tables of one manner, and the end of one that failed.

Knows terminals; does not know what is printed.
"""

import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from rich.table import Table

out: Final = Console(highlight=False, soft_wrap=True)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)
FAILED: Final = 1
MISUSED: Final = 2
WIDEST: Final = 10_000  # columns of a table for a program
STOPPED: Final = 130  # as shells say of Ctrl-C
BIDI_CONTROLS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LEFT_TO_RIGHT: Final = "\u200e"


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """Say what went wrong, and end."""
    err.print(f"espalier: {escape(harmless(sentence))}", style="red")  # it may hold what others wrote
    sys.exit(code)


def refuse_without_torch(who_needs: str) -> None:
    """Where the extra for models is not installed. who_needs: as `Training needs`."""
    if any(find_spec(name) is None for name in ("torch", "transformers", "peft")):
        fail(f"{who_needs} torch and transformers; install them with: pip install 'espalier[train]'.")


def sentence(error: Exception) -> str:
    """What an error says, which begins small and has no stop, as a sentence; the name of a file stays as it is."""
    said = str(error)
    is_name = any(sign in said.partition(" ")[0] for sign in "./")
    return f"{said if is_name else said[:1].upper() + said[1:]}."


def one_of(given: str, allowed: Iterable[str], what: str) -> str:
    """A word that must be one of these; otherwise the command ends with what it could have been."""
    words = [str(word) for word in allowed]
    if given in words:
        return given
    near = _near(given.lower().replace("-", "_"), words)
    fail(
        f"{given!r} is no {what}; "
        + (f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(words)}."),
        2,
    )


def refuse_no_token(given: str) -> None:
    """Where it cannot stand in a request."""
    if not (given.isascii() and given.isprintable()):
        fail("This is no token; `espalier user token` makes one.", MISUSED)


def tags_of(given: Iterable[str]) -> list[str]:
    """The languages that an option names, each once; otherwise the command ends."""
    from espalier.domain.errors import Invalid
    from espalier.domain.language import checked_tag

    try:
        return list(dict.fromkeys(map(checked_tag, given)))
    except Invalid as wrong:
        fail(wrong.detail, MISUSED)


def _near(given: str, words: Sequence[str]) -> list[str]:
    """Words that are alike, or have a part that is."""
    alike = get_close_matches(given, words, n=1)
    parts = {part for word in words for part in word.split("_")}
    part = get_close_matches(given, parts, n=1)
    return alike or [word for word in words if part and part[0] in word.split("_")]


PUBLISHED: Final = "Trees or messages in the published format, plain, gzip or Parquet."


class Bar(Protocol):
    """How far something has come; `of` once it is known."""

    def __call__(self, done: int, of: int | None = None, /) -> None: ...


@contextmanager
def progress(doing: str) -> Iterator[Bar]:
    """A bar on the terminal, as long as the block lasts; where nobody looks there is none."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task(doing, total=None)
        yield lambda done, of=None: shown.update(task, completed=done, total=of)


def table(title: str | None, first: str, *numbers: str) -> "Table":
    """A table whose first column is words and whose others are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False
    )
    made.add_column(first, overflow="fold")
    for name in numbers:
        made.add_column(name, justify="right")
    return made


def show(what: "Table") -> None:
    """Print a table; lines are cut to the width of the terminal, not broken by it, and whole where there is none."""
    where = out if out.is_terminal else Console(highlight=False, width=WIDEST)
    where.print(what, "", soft_wrap=False)


def plural(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def harmless(said: str) -> str:
    """What people wrote, as one may print it: nothing that steers a terminal or turns the line around."""
    shown = "".join(
        sign if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs") else "\ufffd"
        for sign in said.replace("\r\n", "\n")
        if sign not in BIDI_CONTROLS
    )
    if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in shown):
        # The marks before the text belong to the left, whatever the text's own direction.
        return "\n".join(LEFT_TO_RIGHT + line for line in shown.split("\n"))
    return shown
