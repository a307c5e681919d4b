"""Reading a file in a process of its own, so that whoever takes in what it says has a processor for that alone.

Trees and findings come through a pipe, some hundred at a time, in the order of the file. Knows no databases.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Final, cast

from espalier.dataset.findings import Finding, Report, ignore
from espalier.dataset.read import read_trees
from espalier.dataset.records import TreeRecord

AT_ONCE: Final = 200
"""Trees and findings in one piece."""
HEAD: Final = 8
"""Bytes that say how long a piece is."""
READY: Final = 20
"""Pieces that may wait: more than whoever asks takes in at once."""


class ReaderLost(Exception):
    """The process that reads the file has ended before the file did."""


def read_trees_ahead(path: Path, report: Report = ignore) -> Iterator[TreeRecord]:
    """As `read_trees`, a little ahead of whoever asks. Raises ReaderLost."""
    command = [sys.executable, "-m", "espalier.dataset.ahead", str(path)]
    # In a session of its own: Ctrl-C is for the one who asks, who ends this process too.
    # Without a buffer of Python's: unpickling from one goes wrong when a read is interrupted.
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, start_new_session=True) as reader:
        pipe = cast(RawIOBase, reader.stdout)
        try:
            while length := int.from_bytes(_exactly(pipe, HEAD)):
                for each in pickle.loads(_exactly(pipe, length)):
                    if isinstance(each, Finding):
                        report(each)
                    else:
                        yield each
        finally:
            reader.kill()


def _exactly(pipe: RawIOBase, length: int) -> bytearray:
    """So many bytes, however few come at a time."""
    whole = bytearray(length)
    at, rest = 0, memoryview(whole)
    while at < length:
        got = pipe.readinto(rest[at:])
        if not got:
            raise ReaderLost("the process that reads the file ended before the file did")
        at += got
    return whole


def _send(path: Path) -> None:
    """Read the file and write it to the standard output in pieces, each after its length; an empty one is the last."""
    ready: Queue[bytes] = Queue(READY)
    writer = Thread(target=_write, args=(ready,), daemon=True)
    writer.start()
    piece: list[TreeRecord | Finding] = []
    for tree in read_trees(path, piece.append):
        piece.append(tree)
        if len(piece) >= AT_ONCE:
            ready.put(pickle.dumps(piece, pickle.HIGHEST_PROTOCOL))
            piece.clear()
    ready.put(pickle.dumps(piece, pickle.HIGHEST_PROTOCOL))
    ready.put(b"")
    writer.join()


def _write(ready: "Queue[bytes]") -> None:
    """Write what is ready while more is read; the pipe itself holds little."""
    out = sys.stdout.buffer
    piece = b"begin"
    try:
        while piece:
            piece = ready.get()
            out.write(len(piece).to_bytes(HEAD))
            out.write(piece)
            out.flush()
    except BrokenPipeError:  # whoever asked is gone
        os._exit(1)


if __name__ == "__main__":
    _send(Path(sys.argv[1]))
