"""What the server does by itself beside answering: long jobs, rounds, files, letters. Threads that look now and then.

Knows threads and time; what is done is said by collect/jobs.py, collect/files.py and weekly.py.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Final

from espalier.collect.files import EXPORT_JOB, IMPORT_JOB, Work, Workshop, make_export, run_file_job, sweep, take_in
from espalier.collect.jobs import make_rounds, run_jobs
from espalier.collect.releases import RELEASE_JOB, make_release
from espalier.collect.weighing import weigh_reviewers
from espalier.collect.weights import WEIGH_JOB

PAUSE_S: Final = 0.5  # before looking again when there was nothing to do
AFTER_FAULT_S: Final = 5.0  # a database that is away is not asked without end
SWEEP_EVERY: Final = timedelta(hours=1)
LETTERS_EVERY: Final = timedelta(minutes=1)
WITH_FILES: Final[Mapping[str, Work]] = {
    EXPORT_JOB: make_export, IMPORT_JOB: take_in, RELEASE_JOB: make_release, WEIGH_JOB: weigh_reviewers,
}  # fmt: skip

log = logging.getLogger(__name__)


class Background:
    """`start` and `stop` belong to the server; `step` does what is due now, once, for tests and by the threads.

    send: sends some of the letters that are due, and says whether there were any.
    """

    def __init__(self, shop: Workshop, send: Callable[[], bool] = lambda: False) -> None:
        self._shop, self._send = shop, send
        self._ended = Event()
        self._rounds: dict[str, datetime] = {}
        self._swept: datetime | None = None
        self._sent: datetime | None = None
        self._threads = [
            Thread(target=self._keep_doing, args=(doing,), name=f"espalier-{name}", daemon=True)
            for name, doing in (("jobs", self._jobs), ("files", self._files), ("letters", self._letters))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the batch at hand. A file that is being written is taken up again at the next start."""
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)

    def step(self) -> bool:
        """Do what is due; whether there was a job."""
        return self._jobs() | self._files() | self._letters()

    def _jobs(self) -> bool:
        shop = self._shop
        self._rounds = make_rounds(shop.call, self._rounds, shop.clock(), shop.rng)
        return run_jobs(shop.call, shop.clock(), shop.rng)

    def _files(self) -> bool:
        now = self._shop.clock()
        if self._swept is None or self._swept + SWEEP_EVERY <= now:
            sweep(self._shop.folder, now)
            self._swept = now
        return run_file_job(self._shop, WITH_FILES)

    def _letters(self) -> bool:
        """Some letters a minute, so that a mail server takes them for what they are."""
        now = self._shop.clock()
        if self._sent is not None and now < self._sent + LETTERS_EVERY:
            return False
        self._sent = now
        return self._send()

    def _keep_doing(self, doing: Callable[[], bool]) -> None:
        while not self._ended.is_set():
            try:
                pause_s = 0.0 if doing() else PAUSE_S
            except Exception:
                log.exception("what goes on by itself met a fault and is tried again")
                pause_s = AFTER_FAULT_S
            self._ended.wait(pause_s)
