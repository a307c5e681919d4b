"""The picture of a tree's life, as SVG. Which edges there are comes from the tables of the domain, never from here.

Here is only where each state stands and which way each edge runs: a state or an edge without a place is a KeyError.
"""

from collections.abc import Iterator

from espalier.domain.lifecycle import COMMANDS, LEADS_TO, Command
from espalier.domain.tree import ACTIVE, STOPPED, State

Point = tuple[float, float]

WIDTH, HEIGHT = 1152, 548
BOX_WIDTH, BOX_HEIGHT = 128, 54
TOP, ROW, BELOW, STOP = 74, 214, 312, 468  # the middle of each row of boxes
RAIL, FRAME_LEFT, FRAME_TOP, FRAME_RIGHT, FRAME_BOTTOM = 362, 18, 24, 943, 386
COLUMNS = (103, 291, 479, 667, 855, 1067)

PLACES: dict[State, Point] = {
    State.INITIAL_PROMPT_REVIEW: (COLUMNS[0], ROW),
    State.PROMPT_LOTTERY_WAITING: (COLUMNS[1], ROW),
    State.GROWING: (COLUMNS[2], ROW),
    State.RANKING: (COLUMNS[3], ROW),
    State.READY_FOR_SCORING: (COLUMNS[4], ROW),
    State.READY_FOR_EXPORT: (COLUMNS[5], ROW),
    State.BACKLOG_RANKING: (COLUMNS[4], TOP),
    State.SCORING_FAILED: (COLUMNS[4], BELOW),
    State.ABORTED_LOW_GRADE: (COLUMNS[0], STOP),
    State.HALTED_BY_MODERATOR: (COLUMNS[3], STOP),
}
FRAMED = [state for state, (x, _) in PLACES.items() if x < FRAME_RIGHT and state not in STOPPED]
NAMES = {
    State.INITIAL_PROMPT_REVIEW: ("initial prompt", "review"),
    State.PROMPT_LOTTERY_WAITING: ("prompt lottery", "waiting"),
    State.HALTED_BY_MODERATOR: ("halted by", "moderator"),
    State.ABORTED_LOW_GRADE: ("aborted", "low grade"),
    State.READY_FOR_SCORING: ("ready for", "scoring"),
    State.READY_FOR_EXPORT: ("ready for", "export"),
    State.BACKLOG_RANKING: ("backlog", "ranking"),
    State.SCORING_FAILED: ("scoring", "failed"),
    State.GROWING: ("growing",),
    State.RANKING: ("ranking",),
}
WHEN: dict[tuple[State, State], str] = {
    (State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING): "accepted",
    (State.INITIAL_PROMPT_REVIEW, State.ABORTED_LOW_GRADE): "refused",
    (State.GROWING, State.RANKING): "grown",
    (State.RANKING, State.READY_FOR_SCORING): "ranked",
    (State.SCORING_FAILED, State.RANKING): "retried",
    (State.READY_FOR_SCORING, State.READY_FOR_EXPORT): "scored",
}
GONE = "prompt deleted"  # every rule that halts

STYLE = """
  svg { color: #24292f; --work: #2da44e; --wait: #bf8700; --done: #0969da; --stop: #cf222e; }
  @media (prefers-color-scheme: dark) {
    svg { color: #d6dde4; --work: #3fb950; --wait: #d29922; --done: #58a6ff; --stop: #f85149; }
  }
  text { fill: currentColor; font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; text-anchor: middle; }
  .name { font-size: 14px; font-weight: 600; }
  .from { text-anchor: start; }
  .quiet { fill-opacity: .65; font-style: italic; }
  .to { text-anchor: end; }
  .edge { fill: none; stroke: currentColor; stroke-width: 1.5; }
  .command { stroke-dasharray: 5 4; }
  .frame { fill: none; stroke: currentColor; stroke-opacity: .28; }
  .box { stroke-width: 1.5; fill-opacity: .12; }
  .work { fill: var(--work); stroke: var(--work); }
  .wait { fill: var(--wait); stroke: var(--wait); }
  .done { fill: var(--done); stroke: var(--done); }
  .stop { fill: var(--stop); stroke: var(--stop); }
  .dot { fill: currentColor; }
"""


def picture() -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            'aria-labelledby="title description">',
            '<title id="title">The life of a conversation tree</title>',
            '<desc id="description">Written out as a table in lifecycle.md.</desc>',
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="dot" d="M0 .8 9.6 5 0 9.2 2 5z"/></marker></defs>',
            *_frame(),
            *_rules(),
            *_commands(),
            *_boxes(),
            *_legend(),
            "</svg>\n",
        ]
    )


def _boxes() -> Iterator[str]:
    for state in State:
        x, y = PLACES[state]
        yield (
            f'<rect class="box {_kind(state)}" x="{x - BOX_WIDTH / 2:g}" y="{y - BOX_HEIGHT / 2:g}" '
            f'width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="10"/>'
        )
        lines = NAMES[state]
        for number, line in enumerate(lines):
            yield _text((x, y + 5 + 17 * (number - (len(lines) - 1) / 2)), line, "name")


def _kind(state: State) -> str:
    if state in STOPPED:
        return "stop"
    if state is State.READY_FOR_EXPORT:
        return "done"
    return "work" if state in ACTIVE else "wait"


def _frame() -> Iterator[str]:
    """Around all that can be halted and aborted, so that one arrow stands for all of them."""
    yield (
        f'<rect class="frame" x="{FRAME_LEFT}" y="{FRAME_TOP}" width="{FRAME_RIGHT - FRAME_LEFT}" '
        f'height="{FRAME_BOTTOM - FRAME_TOP}" rx="18"/>'
    )
    yield _text((FRAME_LEFT + 18, FRAME_TOP + 26), "each of these can be halted and aborted", "from quiet")
    x = COLUMNS[0]
    yield f'<circle class="dot" cx="{x}" cy="{TOP + 26}" r="6"/>'
    yield _edge((x, TOP + 32), (x, ROW - 27))
    yield _text((x + 10, TOP + 70), "a prompt is written", "from")


def _rules() -> Iterator[str]:
    halting = [state for state, targets in LEADS_TO.items() if State.HALTED_BY_MODERATOR in targets]
    for state in halting:  # all of them run into one rail
        x, y = PLACES[state]
        start = x + (28 if state is State.INITIAL_PROMPT_REVIEW else 0)
        yield _edge((start, y + 27), (start, RAIL), head=False)
    ends = [PLACES[state][0] for state in halting]
    yield _edge((min(ends) + 28, RAIL), (max(ends), RAIL), head=False)
    drop = COLUMNS[3] - 28
    yield _edge((drop, RAIL), (drop, STOP - 27))
    yield _text(((COLUMNS[1] + COLUMNS[2]) / 2, RAIL - 7), GONE)

    for start_state, targets in LEADS_TO.items():
        for end_state in targets:
            if end_state is State.HALTED_BY_MODERATOR:
                continue
            label = WHEN[start_state, end_state]
            (x, y), (to_x, to_y) = PLACES[start_state], PLACES[end_state]
            if y == to_y:
                yield from _across(start_state, end_state, label)
            elif end_state is State.ABORTED_LOW_GRADE:
                yield _edge((x - 36, y + 27), (x - 36, to_y - 27))
                yield _text((x - 28, y + 48), label, "from")
            else:
                assert end_state is State.RANKING, (start_state, end_state)
                left, bend = x - BOX_WIDTH / 2, to_x + 28
                yield _edge((left, y), (bend, y), (bend, to_y + 27))
                yield _text(((left + bend) / 2, y - 8), label)


def _across(start: State, end: State, label: str, style: str = "") -> Iterator[str]:
    (x, y), (to_x, _) = PLACES[start], PLACES[end]
    left, right = x + BOX_WIDTH / 2, to_x - BOX_WIDTH / 2
    yield _edge((left, y), (right, y), style=style)
    middle = (left + right) / 2 if right < FRAME_RIGHT else (FRAME_RIGHT + right) / 2
    yield _text((middle, y - 8), label)


def _commands() -> Iterator[str]:
    for command, moves in COMMANDS.items():
        yield from COMMAND_EDGES[command](moves)


def _draw(moves: dict[State, State | None]) -> Iterator[str]:
    for start, end in moves.items():
        assert end is not None
        yield from _across(start, end, Command.DRAW, "command")


def _halt(moves: dict[State, State | None]) -> Iterator[str]:
    _assert_framed(set(moves) - {State.READY_FOR_EXPORT})
    x = COLUMNS[3] + 28
    yield _edge((x, FRAME_BOTTOM), (x, STOP - 27), style="command")
    yield _text((x + 8, (FRAME_BOTTOM + STOP - 27) / 2 + 4), Command.HALT, "from")
    if State.READY_FOR_EXPORT in moves:
        x, y = PLACES[State.READY_FOR_EXPORT]
        yield _edge((x, y + 27), (x, STOP), (COLUMNS[3] + BOX_WIDTH / 2, STOP), style="command")
        yield _text((x - 10, STOP - 8), Command.HALT, "to")


def _abort(moves: dict[State, State | None]) -> Iterator[str]:
    _assert_framed(set(moves))
    x = COLUMNS[0] + 28
    yield _edge((x, FRAME_BOTTOM), (x, STOP - 27), style="command")
    yield _text((x + 8, (FRAME_BOTTOM + STOP - 27) / 2 + 4), Command.ABORT, "from")


def _assert_framed(states: set[State]) -> None:
    assert states == set(FRAMED), states ^ set(FRAMED)


def _resume(moves: dict[State, State | None]) -> Iterator[str]:
    for state in sorted(moves):
        side = {State.ABORTED_LOW_GRADE: 1, State.HALTED_BY_MODERATOR: -1}[state]
        x = PLACES[state][0] + side * BOX_WIDTH / 2
        bend = x + side * 46
        yield _edge((x, STOP), (bend, STOP), (bend, FRAME_BOTTOM), style="command")
        yield _text((bend + side * 8, STOP - 20), Command.RESUME, "from" if side > 0 else "to")


def _activate(moves: dict[State, State | None]) -> Iterator[str]:
    for start, end in moves.items():
        assert (start, end) == (State.BACKLOG_RANKING, State.RANKING)
        left, x = COLUMNS[4] - BOX_WIDTH / 2, COLUMNS[3] - 24
        yield _edge((left, TOP - 12), (x, TOP - 12), (x, ROW - 27), style="command")
        yield _text(((left + x) / 2, TOP - 20), Command.ACTIVATE)


def _park(moves: dict[State, State | None]) -> Iterator[str]:
    for start, end in moves.items():
        assert end is State.BACKLOG_RANKING
        x = {State.RANKING: COLUMNS[3] + 20, State.READY_FOR_EXPORT: COLUMNS[5]}[start]
        y = TOP + 12 if x < COLUMNS[4] else TOP
        enters = COLUMNS[4] + (-BOX_WIDTH / 2 if x < COLUMNS[4] else BOX_WIDTH / 2)
        yield _edge((x, ROW - 27), (x, y), (enters, y), style="command")
        yield _text((x + 8, y + 24) if x < COLUMNS[4] else (x - 8, y + 24), Command.PARK,
                    "from" if x < COLUMNS[4] else "to")  # fmt: skip


COMMAND_EDGES = {
    Command.DRAW: _draw,
    Command.HALT: _halt,
    Command.ABORT: _abort,
    Command.RESUME: _resume,
    Command.ACTIVATE: _activate,
    Command.PARK: _park,
}


def _legend() -> Iterator[str]:
    y = HEIGHT - 22
    yield _edge((FRAME_LEFT + 4, y), (FRAME_LEFT + 44, y))
    yield _text((FRAME_LEFT + 54, y + 4), "a rule, at once", "from")
    yield _edge((180, y), (220, y), style="command")
    yield _text((230, y + 4), "a command of the lottery, a moderator or automatic moderation", "from")
    x = 700
    for kind, says in (("work", "at work"), ("wait", "waiting"), ("done", "finished"), ("stop", "stopped")):
        yield f'<rect class="box {kind}" x="{x}" y="{y - 8}" width="22" height="16" rx="4"/>'
        yield _text((x + 30, y + 4), says, "from")
        x += 112


def _edge(*points: Point, style: str = "", head: bool = True) -> str:
    """A line through the points, its corners rounded."""
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        leaves, joins = _towards(corner, before), _towards(corner, after)
        path += f"L{leaves[0]:g} {leaves[1]:g}Q{corner[0]:g} {corner[1]:g} {joins[0]:g} {joins[1]:g}"
    path += f"L{points[-1][0]:g} {points[-1][1]:g}"
    marker = ' marker-end="url(#head)"' if head else ""
    return f'<path class="{" ".join(filter(None, ("edge", style)))}" d="{path}"{marker}/>'


def _towards(start: Point, end: Point, radius: float = 10) -> Point:
    """The point `radius` from the start, on a level or upright line to the end."""
    return tuple(a + max(-radius, min(radius, b - a)) for a, b in zip(start, end, strict=True))  # type: ignore[return-value]


def _text(at: Point, says: str, style: str = "") -> str:
    return f'<text{f" class={chr(34)}{style}{chr(34)}" if style else ""} x="{at[0]:g}" y="{at[1]:g}">{says}</text>'
