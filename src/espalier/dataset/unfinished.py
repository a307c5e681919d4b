"""Long work whose results are lines of JSON: kept as they come, so that who was stopped goes on from there.

The first line says what the others are results of; where that has changed, they are nobody's. Does not know the work.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

KEPT_EVERY: Final = 200  # lines; so many are lost at most

Line = Mapping[str, Any]


class Unfinished:
    """A file beside `target`, named after it; it goes when the work is done.

    of: what the work is done on and with; as JSON it must be the same for the same results. `found`: the results that
    an earlier run has left, in their order.
    """

    def __init__(self, target: Path, of: Line) -> None:
        self.path: Final = target.with_name(f"{target.name}.unfinished")
        self._head: Final = json.dumps(of, sort_keys=True)
        self.found: Final = list(self._read())

    def keep(self, results: Iterable[Line]) -> Iterator[Line]:
        """The results, the first of which are those that were found; each further one is kept."""
        with self.path.open("wb") as file:
            _put(file, [self._head, *map(json.dumps, self.found)])
            waiting: list[str] = []
            try:
                for place, result in enumerate(results):
                    yield result
                    if place >= len(self.found):
                        waiting.append(json.dumps(result))
                    if len(waiting) >= KEPT_EVERY:
                        _put(file, waiting)
                        waiting.clear()
            finally:
                _put(file, waiting)

    def done(self) -> None:
        self.path.unlink(missing_ok=True)

    def _read(self) -> Iterator[Line]:
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            for place, line in enumerate(file):
                if not line.endswith(b"\n") or (not place and line != f"{self._head}\n".encode()):
                    return  # whoever wrote it was killed, or it is of something else
                if place:
                    yield json.loads(line)


def _put(file: BinaryIO, lines: Iterable[str]) -> None:
    file.write("".join(f"{line}\n" for line in lines).encode())
    file.flush()
