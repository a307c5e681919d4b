"""Packing with gzip in a thread of its own: a third of the work of writing a file, done while more is made to write.

Neither name nor time stands in the file, so that the same content gives the same bytes.
"""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, RawIOBase
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO, Final, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PIECE: Final = 2**18
READY: Final = 8
"""Pieces that may wait: so many bytes at most are held beside what is being packed."""
_COMPRESSION: Final = 6


@contextmanager
def packed(raw: BinaryIO) -> Iterator[BinaryIO]:
    """A file whose content goes packed into `raw`; all of it is there when the block ends. Raises what `raw` raises."""
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=raw, mtime=0) as target,
        BufferedWriter(_Behind(cast(BinaryIO, target)), PIECE) as file,
    ):
        yield cast(BinaryIO, file)


class _Behind(RawIOBase):
    """Takes pieces and writes them to the target a little later, in another thread."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._ready: Queue[bytes | None] = Queue(READY)
        self._failed: OSError | None = None
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        return True

    def write(self, piece: "ReadableBuffer", /) -> int:
        self._refuse()
        given = bytes(piece)
        self._ready.put(given)
        return len(given)

    def close(self) -> None:
        if not self.closed:
            self._ready.put(None)
            self._thread.join()
            super().close()
            self._refuse()

    def _refuse(self) -> None:
        if self._failed is not None:
            raise self._failed

    def _work(self) -> None:
        while (piece := self._ready.get()) is not None:
            try:
                if self._failed is None:  # else only taken, so that nobody waits for room
                    self._target.write(piece)
            except OSError as error:
                self._failed = error
