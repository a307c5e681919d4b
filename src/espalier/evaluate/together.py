"""Asking a server about several things at the same time, and hearing each answer as it comes.

Knows threads; does not know what is asked.
"""

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final, TypeVar

AT_ONCE: Final = 8
"""A server puts them together as it can."""

Asked = TypeVar("Asked")
Told = TypeVar("Told")


def together(
    ask: Callable[[Asked], Told], about: Sequence[Asked], at_the_end: Callable[[], None] = lambda: None
) -> Iterator[tuple[int, Told]]:
    """What is told of each, with its place among them. Whatever asking raises ends it, and so does Ctrl-C, at once:
    nobody waits for what is still asked then, which may be a server that says nothing.

    at_the_end: done when nothing is asked any more, by whichever thread is the last.
    """
    if not about:
        at_the_end()
        return
    places, heard, enough = SimpleQueue[int](), SimpleQueue[tuple[int, Told | Exception]](), Event()
    for place in range(len(about)):
        places.put(place)

    def work() -> None:
        while not enough.is_set():
            try:
                place = places.get_nowait()
            except Empty:
                break
            try:
                heard.put((place, ask(about[place])))
            except Exception as error:  # raised where answers are heard
                heard.put((place, error))
        working.pop()
        if not working:
            at_the_end()

    threads = [Thread(target=work, daemon=True) for _ in range(min(AT_ONCE, len(about)))]
    working = list(threads)
    for thread in threads:
        thread.start()
    try:
        for _ in about:
            place, told = heard.get()
            if isinstance(told, Exception):
                raise told
            yield place, told
    finally:
        enough.set()
