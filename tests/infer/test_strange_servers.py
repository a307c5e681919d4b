"""Addresses behind which there is no model, and servers that answer anything: what is said of them, and how soon."""

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from espalier.dataset.examples import Turn
from espalier.infer import remote
from espalier.infer.completions import ApiRefusal
from espalier.infer.engine import Sampling
from espalier.infer.remote import AsyncChatClient, ChatClient, Unreachable, chat_request

ASKED = chat_request("any", [Turn("user", "Why?")], Sampling(8))
REPLY = {"id": "1", "created": 0, "model": "any", "choices": [{"index": 0, "message": {"content": "So."}}]}


def http(body: object, status: str = "200 OK", *more: str) -> bytes:
    said = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(said)}", "Connection: close", *more])
    return f"{head}\r\n\r\n".encode() + said


@contextmanager
def server(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and what it is asked. It gives these answers in turn, the last one again and again."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(65_536))
                    connection.sendall(answers[min(len(asked), len(answers)) - 1])

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (http(b"<html>A shop</html>"), "does not answer as OpenAI's chat interface does, but: '<html>A shop</html>'"),
        (http(b"<html>Not here</html>", "404 Not Found"), "404 Not Found"),
        (http(b"", "301 Moved", "Location: https://elsewhere.example/"), "sends one on to https://elsewhere.example/"),
        (http(b"Oh no", "500 Internal Server Error"), "500 Internal Server Error: Oh no"),
        (http({"error": {"message": "No key."}}, "401 Unauthorized"), "No key."),
        (http({"error": {"message": "Overloaded."}}), "Overloaded."),
        (b"", "Server disconnected without sending a response"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "does not answer"),
    ],
)
def test_what_is_no_server_of_models_is_said_at_the_first_question(answer: bytes, says: str) -> None:
    with server(answer) as (url, asked), ChatClient(url, sleep=pytest.fail) as client:
        with pytest.raises((Unreachable, ApiRefusal)) as said:
            client.models()
        assert says in str(said.value)
        assert len(asked) == 1


def test_where_nobody_listens_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with ChatClient(url, sleep=pytest.fail) as client, pytest.raises(Unreachable, match="Connection refused"):
        client.models()


def test_a_server_that_says_when_to_come_back_is_asked_again_then() -> None:
    naps: list[float] = []
    busy = http({"error": {"message": "Starting."}}, "503 Service Unavailable", "Retry-After: 7")
    with server(busy, http({"data": [{"id": "any"}]})) as (url, _), ChatClient(url, sleep=naps.append) as client:
        assert [each.id for each in client.models()] == ["any"]
    assert naps == [7.0]


def test_once_it_has_answered_a_server_is_waited_for() -> None:
    naps: list[float] = []
    with (
        server(b"", http(b"", "502 Bad Gateway"), http(REPLY)) as (url, _),
        ChatClient(url, sleep=naps.append) as client,
    ):
        assert client.complete(ASKED).choices[0].message.content == "So."
    assert naps == [1.0, 2.0]


def test_an_answer_that_nobody_understands_is_not_asked_for_again() -> None:
    with server(http({"id": "1"})) as (url, asked), ChatClient(url, sleep=pytest.fail) as client:
        with pytest.raises(Unreachable, match=re.escape('but: \'{"id": "1"}\'')):
            client.complete(ASKED)
        assert len(asked) == 1


def test_a_pause_without_end_is_no_pause() -> None:
    naps: list[float] = []
    busy = http({"error": {"message": "Later."}}, "429 Too Many Requests", "Retry-After: inf")
    with server(busy, http(REPLY)) as (url, _), ChatClient(url, sleep=naps.append) as client:
        client.complete(ASKED)
    assert naps == [1.0]


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LARGEST", 1_000)
    monkeypatch.setattr(remote, "LARGEST_EVENT", 1_000)

    async def asked(url: str) -> None:
        async with AsyncChatClient(url) as client:
            with pytest.raises(Unreachable, match="says more than any model would"):
                await client.complete(ASKED)
            with pytest.raises(Unreachable, match="says more than any model would"):
                async for _ in client.stream(ASKED):
                    pass

    with server(http(b"data: " + b"x" * 2_000)) as (url, _):
        with ChatClient(url) as client, pytest.raises(Unreachable, match="says more than any model would"):
            client.complete(ASKED)
        asyncio.run(asked(url))


def test_a_key_is_sent_in_whatever_script() -> None:
    with server(http({"data": []})) as (url, asked), ChatClient(url, "clé\n") as client:
        client.models()
    assert "Authorization: Bearer clé\r\n".encode() in asked[0]
