"""Long work in a process of its own, so that nobody on the site waits for a turn."""

import multiprocessing
from collections.abc import Callable
from typing import Final

LOOK_EVERY_S: Final = 20.0  # the lease of a job lasts longer


def beside(work: Callable[[], None], waiting: Callable[[], None]) -> None:
    """Do it in another process; `waiting` is called now and then. Raises RuntimeError when it broke down."""
    process = multiprocessing.get_context("spawn").Process(target=work, daemon=True)
    process.start()
    while process.is_alive():
        process.join(LOOK_EVERY_S)
        waiting()
    if process.exitcode:
        raise RuntimeError(f"what was done beside the site broke down (exit status {process.exitcode})")
