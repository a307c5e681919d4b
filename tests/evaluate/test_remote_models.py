"""Models on servers: an evaluation of one ends when somebody wants it to, and asks nothing twice."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from espalier.dataset.examples import Turn
from espalier.evaluate.answers import answers
from espalier.evaluate.kept import read_kept
from espalier.evaluate.remote import open_remote
from espalier.evaluate.together import together
from espalier.infer.engine import Sampling
from model_servers import ModelServer, model_server

PROMPTS = [(Turn("user", str(number)),) for number in range(20)]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as says:
        yield says


def heeds_ctrl_c() -> None:
    """As what is started in a terminal does; a shell that starts something in the background has it ignore the signal,
    and with it all that it starts.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_what_waits_for_a_server_that_never_answers(server: ModelServer, tmp_path: Path) -> None:
    server.held_at = 0
    file = tmp_path / "prompts.jsonl"
    file.write_text('{"prompt": "Why?"}\n{"prompt": "How?"}\n')
    command = [sys.executable, "-m", "espalier.cli", "evaluate", "safety", server.url, "--redteam", str(file)]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=heeds_ctrl_c
    ) as running:  # fmt: skip
        while len(server.asked) < 2:
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        try:
            _, said = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 130
    assert said == "Stopped; the same command goes on, with the replies that were kept.\n"


@pytest.mark.parametrize("number", [0, 1, 20])
def test_the_end_of_asking_comes_however_many_are_asked(number: int) -> None:
    ended = Event()
    assert dict(together(str, range(number), ended.set)) == {place: str(place) for place in range(number)}
    assert ended.wait(10)


def test_what_a_server_has_answered_is_not_asked_again(server: ModelServer, tmp_path: Path) -> None:
    kept, sampling = tmp_path / "samples.jsonl", Sampling(5)
    whole = answers(open_remote("any", server.url), PROMPTS, sampling, 3)
    seeds = {request["messages"][0]["content"]: request["seed"] for request in server.asked}
    assert len(set(seeds.values())) == len(PROMPTS)

    def enough(done: int, of: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answers(open_remote("any", server.url), PROMPTS, sampling, 3, kept, enough)
    had = len(read_kept(kept))
    assert had >= 5
    server.asked.clear()
    assert answers(open_remote("any", server.url), PROMPTS, sampling, 3, kept) == whole
    asked = {request["messages"][0]["content"]: request["seed"] for request in server.asked}
    assert asked.items() <= seeds.items()
    assert len(asked) == len(PROMPTS) - had  # some perhaps twice: what was asked when it ended comes to its end
    server.asked.clear()
    assert answers(open_remote("any", server.url), PROMPTS, sampling, 3, kept) == whole
    assert server.asked == []
