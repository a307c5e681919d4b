"""The members of one long JSON list, as ShareGPT files are often kept, one in memory at a time.

Finds where each begins and ends; what it says is for others to read, so that a broken one spoils no other.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

_BETWEEN: Final = re.compile(rb"[{\[\]]")
_INSIDE: Final = re.compile(rb'["{}]')
_QUOTED: Final = re.compile(rb'["\\]')
_NOTHING: Final = b" \t\r\n,"


class Endless(Exception):
    """A member is longer than it may be."""

    def __init__(self, line: int) -> None:
        super().__init__(f"the member that begins in line {line} does not end")
        self.line = line


def members(pieces: Iterable[bytes], longest: int) -> Iterator[tuple[int, bytes]]:
    """Each object of the list, and whatever else stands between two commas, with the line on which it begins.

    The last is empty where the list does not end. longest: bytes of a member, beyond which Endless is raised.
    """
    waiting = bytearray()  # from where the member begins, or from where the last one ended
    at = depth = 0  # as far as it was looked at; how many braces are open there
    line, quoted, ended = 1, False, False
    for piece in pieces:
        waiting += piece
        while mark := (_QUOTED if quoted else _INSIDE if depth else _BETWEEN).search(waiting, at):
            at, sign = mark.end(), mark.group()
            if sign == b"\\":
                at += 1  # the next one is not looked at, though it may be in the next piece
            elif sign == b'"':
                quoted = not quoted
            elif not depth:
                end = mark.start()
                yield from _between(waiting[:end], line)
                line += waiting.count(b"\n", 0, end)
                del waiting[: end if sign == b"{" else at]
                at = depth = int(sign == b"{")
                ended = sign == b"]"
            else:
                depth += 1 if sign == b"{" else -1
                if not depth:
                    yield line, bytes(waiting[:at])
                    line += waiting.count(b"\n", 0, at)
                    del waiting[:at]
                    at = 0
        if len(waiting) > longest:
            raise Endless(line)
    yield from _between(waiting, line)
    if not (ended or depth):
        yield line, b""


def _between(raw: bytearray, line: int) -> Iterator[tuple[int, bytes]]:
    """What stands where an object should, if anything does."""
    if said := raw.strip(_NOTHING):
        yield line + raw.count(b"\n", 0, raw.index(said)), bytes(said)
