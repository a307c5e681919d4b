"""Every refusal, in the domain's words. A refusal changes nothing.

Knows no HTTP; `status` is only a hint, so that the web layer can translate the whole family in one place.

    Refusal
    ├── Unauthenticated
    ├── NotAllowed
    │   ├── Banned
    │   ├── Suspended
    │   ├── WarningUnread
    │   ├── TermsNotAccepted
    │   ├── PracticeFirst
    │   └── NotBegun
    ├── NotFound
    ├── Invalid
    │   ├── TooLong
    │   ├── WrongLanguage          a warning: the volunteer may override it
    │   └── WrongAnswer            labels or ranking that do not fit the task
    ├── Conflict
    │   ├── AlreadyAnswered
    │   ├── Stale                  the task's tree or message is gone; the text is handed back
    │   │   └── TakenBack          by the author of what the task was about
    │   ├── DuplicateText
    │   ├── NewerDraft             somebody's other window has saved since
    │   ├── IdReused
    │   ├── BuiltOn                a withdrawal that came too late
    │   ├── WrongState
    │   └── CampaignClosed
    └── TryLater
        ├── RateLimited
        ├── TooManyOpenTasks
        ├── Paused
        ├── Maintenance
        └── Busy
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar


class Refusal(Exception):
    """Something that was asked for and is not done, said in a sentence for the person who asked.

    sentence: a whole one, with holes such as `%(most)s`, so that it can be said in other languages. values: for its
    holes. quoted: what somebody else wrote, which follows it as it is. detail: all of it in English.
    """

    slug: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"
    status: ClassVar[int] = 400

    def __init__(
        self,
        sentence: str,
        *,
        field: str | None = None,
        text: str | None = None,
        retry_after_s: int | None = None,
        quoted: str = "",
        **values: Any,
    ) -> None:
        self.sentence = sentence
        self.values: Mapping[str, Any] = values
        self.quoted = quoted
        self.detail = f"{filled(sentence, values)} {quoted}".rstrip()
        super().__init__(self.detail)
        self.field = field
        self.text = text
        self.retry_after_s = retry_after_s


def filled(sentence: str, values: Mapping[str, Any]) -> str:
    """The sentence with its holes filled as English has it."""
    return sentence % {name: _spelled(value) for name, value in values.items()} if values else sentence


def _spelled(value: object) -> str:
    match value:
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case date():
            return value.isoformat()
        case int():
            return f"{value:,}"
        case tuple():
            return ", ".join(map(str, value))
    return str(value)


class Unauthenticated(Refusal):
    slug, title, status = "unauthenticated", "A valid token is needed", 401


class NotAllowed(Refusal):
    slug, title, status = "not-allowed", "Not allowed", 403


class Banned(NotAllowed):
    slug, title = "banned", "This account is disabled"


class Suspended(NotAllowed):
    slug, title = "suspended", "This account is suspended"


class WarningUnread(NotAllowed):
    slug, title = "warning-unread", "A warning has to be read first"


class TermsNotAccepted(NotAllowed):
    slug, title = "terms-not-accepted", "The terms have to be accepted first"


class PracticeFirst(NotAllowed):
    slug, title = "practice-first", "The practice has to be passed first"


class NotBegun(NotAllowed):
    slug, title = "not-begun", "The campaign has not begun"


class NotFound(Refusal):
    slug, title, status = "not-found", "Not found", 404


class Invalid(Refusal):
    slug, title, status = "invalid", "The input is not valid", 422


class TooLong(Invalid):
    slug, title = "too-long", "The text is too long"


class WrongLanguage(Invalid):
    slug, title = "wrong-language", "The text seems to be in another language"


class WrongAnswer(Invalid):
    slug, title = "wrong-answer", "The answer does not fit the task"


class Conflict(Refusal):
    slug, title, status = "conflict", "Not possible as things stand", 409


class AlreadyAnswered(Conflict):
    slug, title = "already-answered", "This task is done or skipped already"


class Stale(Conflict):
    slug, title = "stale", "The conversation is no longer open"


class TakenBack(Stale):
    slug, title = "taken-back", "The author took this back"

    def __init__(self, text: str | None = None) -> None:
        super().__init__("The author took this back in the meantime.", field="task_id", text=text)


class DuplicateText(Conflict):
    slug, title = "duplicate-text", "The same text was sent before"


class NewerDraft(Conflict):
    slug, title = "newer-draft", "There is a newer draft"


class IdReused(Conflict):
    slug, title = "id-reused", "This id belongs to another contribution"


class BuiltOn(Conflict):
    slug, title = "built-on", "Too late to withdraw"


class WrongState(Conflict):
    slug, title = "wrong-state", "The tree's state does not allow this"


class CampaignClosed(Conflict):
    slug, title = "closed", "The campaign is closed"


class TryLater(Refusal):
    slug, title, status = "try-later", "Try again later", 429


class RateLimited(TryLater):
    slug, title = "rate-limited", "Too many tasks in a short time"


class TooManyOpenTasks(TryLater):
    slug, title = "too-many-open-tasks", "Too many open tasks"


class Paused(TryLater):
    slug, title, status = "paused", "The campaign is paused", 503


class Maintenance(TryLater):
    slug, title, status = "maintenance", "The server is being worked on", 503


class Busy(TryLater):
    slug, title, status = "busy", "The server is busy", 503
