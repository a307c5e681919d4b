"""What comes to cases: reports, red flags, failed filters and harmful skips open the case of a message or join it.

Knows nothing of deciding, but that staff may say that what was to be done is done. Knows no HTTP.
"""

from datetime import datetime

from sqlalchemy import Connection

from espalier.domain.cases import About, Came, Decision, Entry, Verdict
from espalier.domain.message import Message
from espalier.store import cases, notices


def bring(
    db: Connection,
    tree_id: str,
    message: Message,
    came: Came,
    person_id: str | None,
    words: str | None,
    now: datetime,
) -> int:
    """Something came to a message, in place of what the same person brought before; the number of its case."""
    row = cases.open_on(db, About.MESSAGE, message.id)
    if row is None:
        number = cases.add_case(
            db, About.MESSAGE, message.id, came, now, lang=message.lang, tree_id=tree_id, person_id=message.author
        )  # fmt: skip
    else:
        number = row.id
        if person_id is not None:
            cases.withdraw(db, number, person_id, now)
    cases.add_entry(db, number, Entry(came, person_id, now, words))
    return number


def take_back(db: Connection, message_id: str, person_id: str, now: datetime) -> None:
    """A person takes back what they brought to a message that is not decided yet."""
    row = cases.open_on(db, About.MESSAGE, message_id)
    if row is not None:
        cases.withdraw(db, row.id, person_id, now)


def settle(db: Connection, message_id: str, actor_id: str, now: datetime, *, dismiss: bool) -> None:
    """Staff have answered all that came to a message, without a word on why."""
    row = cases.open_on(db, About.MESSAGE, message_id)
    if row is not None:
        decision = Decision(Verdict.DISMISS if dismiss else Verdict.SETTLE, "", "", actor_id, now)
        tell(db, row.case.person, row.case.entries, decision, cases.keep_decision(db, row.id, decision, {}))


def tell(
    db: Connection, author: str | None, entries: tuple[Entry, ...], decision: Decision, number: int
) -> None:  # fmt: skip
    """Author and reporters read the decision. An author is not told of what came to nothing, but of their appeal."""
    brought = {entry.person for entry in entries if entry.person is not None}
    appealed = {entry.person for entry in entries if entry.came is Came.APPEAL}
    nothing = decision.verdict in (Verdict.DISMISS, Verdict.SETTLE)
    if author is not None and (author in appealed or not nothing):
        notices.tell(db, number, [author], "author")
    notices.tell(db, number, sorted(brought - {author}), "reporter")
