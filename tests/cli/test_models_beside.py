"""`espalier serve --model DIR`: models in a process beside the server, which lasts as long as it."""

import os
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from commands import Run
from espalier.cli.models_beside import models_beside


def answers(url: str) -> bool:
    try:
        return [each["id"] for each in httpx.get(f"{url}/v1/models").json()["data"]] == ["small"]
    except httpx.TransportError:
        return False


def comes(url: str) -> None:
    for _ in range(600):
        if answers(url):
            return
        time.sleep(0.1)
    raise AssertionError("the models do not come")


@pytest.mark.slow
def test_models_beside_a_server_come_again_when_their_process_dies_and_go_with_it(
    model_directory: Path,
) -> None:
    with models_beside({"small": model_directory / "model"}) as url:
        comes(url)
        asked = {"model": "small", "messages": [{"role": "user", "content": "Why?"}], "max_tokens": 4}
        assert httpx.post(f"{url}/v1/chat/completions", json=asked).json()["usage"]["completion_tokens"] <= 4
        (process,) = subprocess.check_output(["pgrep", "-f", "--", f"--port {url.rsplit(':')[-1]} --beside"]).split()
        os.kill(int(process), signal.SIGKILL)
        comes(url)
    assert not answers(url)


def test_a_model_that_cannot_be_served_beside_is_said_before_anything_begins(run: Run, model_directory: Path) -> None:
    model = model_directory / "model"
    assert "no directory none" in run("serve", "--model", "none").err
    assert "a server's address" in run("serve", "--model", "http://127.0.0.1:1").err
    assert "Two models are called 'a'" in run("serve", "--model", f"a={model}", "--model", f"a={model}").err
