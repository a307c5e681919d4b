"""Letters, sent to a mail server that really listens."""

import socketserver
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from threading import Thread
from typing import cast

import pytest

from espalier.web.devices import device
from espalier.web.mail import PLAIN, STARTTLS, Letter, MailServer, send_or_note


class Server(socketserver.ThreadingTCPServer):
    """Takes any letter, as much of SMTP as that needs; it offers no encryption."""

    daemon_threads = True
    taken: "Queue[tuple[list[str], bytes]]"


class Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        orders: list[str] = []
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            order = line.decode().strip()
            orders.append(order)
            match order.split(" ")[0].upper():
                case "EHLO":
                    self.wfile.write(b"250-here\r\n250 8BITMIME\r\n")
                case "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    body = b""
                    while (line := self.rfile.readline()) != b".\r\n":
                        body += line
                    cast(Server, self.server).taken.put((orders, body))
                    self.wfile.write(b"250 taken\r\n")
                case "QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                case _:
                    self.wfile.write(b"250 fine\r\n")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Talk) as made:
        made.taken = Queue()
        thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def post(server: Server, tls: str = PLAIN) -> MailServer:
    return MailServer("127.0.0.1", server.server_address[1], "Garden <trees@example.org>", tls=tls)


def received(server: Server) -> tuple[list[str], EmailMessage]:
    orders, body = server.taken.get(timeout=10)
    return orders, cast(EmailMessage, message_from_bytes(body, policy=policy.default))


def test_a_letter_arrives_with_its_words_in_any_script(server: Server) -> None:
    post(server).send(Letter("iris@example.org", "Ihr Code für heute", "مرحبا\nhttps://trees.example.org/signin", "ar"))
    orders, letter = received(server)
    assert any(order.upper().startswith("RCPT TO:<IRIS@EXAMPLE.ORG>") for order in orders)
    assert letter["Subject"] == "Ihr Code für heute"
    assert letter["From"] == "Garden <trees@example.org>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"], "letters without a date are taken for junk"
    assert letter["Content-Language"] == "ar"
    assert letter["List-Unsubscribe"] is None
    assert letter.get_content().splitlines() == ["مرحبا", "https://trees.example.org/signin"]
    assert letter.get_content_type() == "text/plain"


def test_a_letter_by_choice_says_how_to_end_them_with_one_press(server: Server) -> None:
    post(server).send(Letter("iris@example.org", "News", "Some.", "en", "https://trees.example.org/unsubscribe/x"))
    letter = received(server)[1]
    assert letter["List-Unsubscribe"] == "<https://trees.example.org/unsubscribe/x>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_no_letter_goes_unencrypted_where_encryption_is_set(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    send_or_note(post(server, STARTTLS), Letter("iris@example.org", "A subject", "A secret.", "en"))
    assert server.taken.empty()
    assert "could not be sent" in caplog.text
    assert "secret" not in caplog.text


def test_a_subject_cannot_bring_in_further_receivers(server: Server) -> None:
    with pytest.raises(ValueError, match=r"newline|linefeed"):
        post(server).send(Letter("iris@example.org", "News\nBcc: eve@example.org", "Some.", "en"))


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36", "Chrome, Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge, Windows"),
        ("curl/8.1", "curl/8.1"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_session_is_named_by_browser_and_system(agent: str, said: str) -> None:
    assert device(agent) == said
