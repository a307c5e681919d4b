"""Figures of recipes in words and cells: estimates with their intervals, and what a change shows."""

from espalier.dataset.contributors import Estimate


def cell(of: Estimate | None, digits: int = 3, *, signed: bool = False) -> str:
    """A figure with its interval, as a cell of a table; nothing where there is none."""
    if of is None:
        return "·"
    sign = "+" if signed else ""
    said = f"{of.value:{sign}.{digits}f}"
    return (
        said
        if of.low is None or of.high is None
        else f"{said} ({of.low:{sign}.{digits}f} to {of.high:{sign}.{digits}f})"
    )


def share(of: Estimate | None) -> str:
    """The same in per cent."""
    if of is None:
        return "·"
    said = f"{of.value:.1%}"
    return said if of.low is None or of.high is None else f"{said} ({of.low:.1%} to {of.high:.1%})"


def verdict(change: Estimate, more: str = "higher", less: str = "lower") -> str:
    """What an interval shows of a change."""
    if change.low is None or change.high is None:
        return "too few trees to tell"
    if change.low > 0:
        return more
    return less if change.high < 0 else "not shown to differ"
