"""Letters that a campaign sends, kept for tests to read as their receiver does."""

import re
from dataclasses import dataclass, field
from queue import Queue

from espalier.web.mail import Letter


@dataclass
class Mailbox:
    """Takes letters as a mail server does; `next` waits for one."""

    letters: "Queue[Letter]" = field(default_factory=Queue)

    def send(self, letter: Letter) -> None:
        self.letters.put(letter)

    def next(self) -> Letter:
        return self.letters.get(timeout=10)


def code_in(letter: Letter) -> str:
    found = re.search(r"\d{3} \d{3}", letter.text)
    assert found is not None
    return found[0]


def link_in(letter: Letter) -> str:
    """The path of the link in a letter."""
    found = re.search(r"https?://[^/\s]+(/\S+)", letter.text)
    assert found is not None
    return found[1]
