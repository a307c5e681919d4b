"""The process of models beside a campaign's server: begun with it, begun again whenever it ends, and ended with it.

It needs torch, which the site never loads; it may fail or take all memory and leave the campaign as it is. It ends when
its standard input does, so no way in which the server ends leaves it behind.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from threading import Event, Thread
from time import monotonic
from typing import Final

LOOK_EVERY_S: Final = 0.2
GRACE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 60.0
STEADY_S: Final = 60.0
"""Whatever ran as long did not fail by its start."""
GIVES_WAY: Final = 5
"""To the campaign, by so many steps of `nice`."""

log = logging.getLogger(__name__)


@contextmanager
def models_beside(directories: Mapping[str, Path]) -> Iterator[str]:
    """Serve models under their names, at the address that is given, until the block ends."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = [f"{name}={directory}" for name, directory in directories.items()]
    command = [sys.executable, "-m", "espalier.cli", "model", "serve", *served, "--port", str(port), "--beside"]
    ending = Event()
    keeper = Thread(target=_keep, args=(command, ending))
    keeper.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        ending.set()
        keeper.join()


def end_with_input() -> None:
    """Of the process itself: give way to whoever began it, and end when they do."""
    os.nice(GIVES_WAY)
    Thread(target=_wait_for_end, daemon=True).start()


def _wait_for_end() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _keep(command: list[str], ending: Event) -> None:
    failures = 0
    while not ending.is_set():
        begun = monotonic()
        # A group of its own: Ctrl-C is for the server, which ends this process when all is said.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0)
        while process.poll() is None and not ending.wait(LOOK_EVERY_S):
            pass
        _end(process)
        if ending.is_set():
            return
        failures = 0 if monotonic() - begun > STEADY_S else failures + 1
        pause = min(2.0**failures, LONGEST_PAUSE_S)
        log.warning("the process of models ended with %s; it begins again in %.0f s", process.returncode, pause)
        ending.wait(pause)


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
