"""Letters: short mails in plain text, sent by a server that the settings name, or written to the log at home.

Knows SMTP; knows neither accounts nor pages.
"""

import logging
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from typing import Final, Protocol

log = logging.getLogger(__name__)
PATIENCE_S: Final = 20
PLAIN, STARTTLS, TLS = "none", "starttls", "tls"


@dataclass(frozen=True, slots=True)
class Letter:
    """`lang`: of its words. `unsubscribe`: an address that ends such letters with one POST; only for those that
    somebody chose to get.
    """

    to: str
    subject: str
    text: str
    lang: str
    unsubscribe: str | None = None


class Post(Protocol):
    """Whatever takes letters."""

    def send(self, letter: Letter) -> None:
        """Blocks until it is on its way. Raises OSError or smtplib.SMTPException."""
        ...


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server. `tls`: none, starttls or tls. `sender`: the address that the letters come from."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""
    tls: str = STARTTLS

    def send(self, letter: Letter) -> None:
        with self._connected() as server:
            if self.tls == STARTTLS:
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
            server.send_message(self._spelled(letter))

    def _connected(self) -> smtplib.SMTP:
        if self.tls == TLS:
            return smtplib.SMTP_SSL(
                self.host, self.port, timeout=PATIENCE_S, context=ssl.create_default_context()
            )  # fmt: skip
        return smtplib.SMTP(self.host, self.port, timeout=PATIENCE_S)

    def _spelled(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, letter.to, letter.subject
        message["Date"] = localtime()
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2].rstrip(">") or None)
        message["Auto-Submitted"] = "auto-generated"
        if letter.unsubscribe:
            message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(letter.text)
        message["Content-Language"] = letter.lang
        return message


@dataclass(frozen=True, slots=True)
class Log:
    """Letters as lines of the log: only where nobody but the organiser reaches the server."""

    write: Callable[[str], None] = log.info

    def send(self, letter: Letter) -> None:
        self.write(f"a letter to {letter.to}: {letter.subject}\n{letter.text}")


def send_or_note(post: Post, letter: Letter) -> None:
    """Send, for a thread that nobody waits for: a letter that cannot be sent is noted in the log, without its words."""
    try:
        post.send(letter)
    except (OSError, smtplib.SMTPException) as error:
        log.error("a letter could not be sent: %s", error)
