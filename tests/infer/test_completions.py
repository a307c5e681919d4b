"""Requests of OpenAI's chat interface: what is taken, and that nothing is ignored."""

import json
import subprocess
import sys
from typing import Any

import pytest

from espalier.infer.completions import (
    ApiRefusal,
    ChatChunk,
    ChunkChoice,
    Delta,
    event,
    read_chat,
    read_completion,
    read_score,
    read_tokenize,
    too_long,
)

HELLO = [{"role": "user", "content": "Hello"}]


def body(**changed: Any) -> bytes:
    return json.dumps({"model": "m", "messages": HELLO} | changed).encode()


def test_what_clients_send_is_read() -> None:
    asked = read_chat(body(
        messages=[
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]},
        ],
        max_completion_tokens=5, temperature=1, stop="\n", stream=True, stream_options={"include_usage": True},
        seed=None, user=None, response_format={"type": "text"}, frequency_penalty=0.0, tools=[],
    ))  # fmt: skip
    assert [(turn.role, turn.content) for turn in asked.turns] == [("system", "Be kind."), ("user", "Hello")]
    assert (asked.longest, asked.stop, asked.usage_in_stream) == (5, ["\n"], True)
    assert read_tokenize(body()).turns == read_chat(body()).turns
    text = read_completion(json.dumps({"model": "m", "prompt": [5, 0], "stream": False, "n": 1, "best_of": 1}).encode())
    assert (text.prompt, text.longest, text.likeliest, text.seed) == ([5, 0], 16, None, None)
    assert len(read_score(json.dumps({"conversations": [HELLO, HELLO]}).encode()).conversations) == 2


@pytest.mark.parametrize(
    ("changed", "param", "code"),
    [
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter"),
        ({"user": "ada"}, "user", "unsupported_parameter"),
        ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "unsupported_parameter"),
        ({"frequency_penalty": False}, "frequency_penalty", "unsupported_parameter"),
        ({"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation",
         "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": "a", "name": "ada"}]}, "messages[0].name", "unsupported_parameter"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [*HELLO, {"role": "tool", "content": "a"}]}, "messages[1].role", "invalid_value"),
        ({"messages": [*HELLO, {"role": "system", "content": "a"}]}, None, "invalid_value"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "messages[0].content[0].text", "invalid_value"),
        ({"max_tokens": "abc"}, "max_tokens", "invalid_value"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, None, "invalid_value"),
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"temperature": float("nan")}, "temperature", "invalid_value"),
        ({"top_p": 0}, "top_p", "invalid_value"),
        ({"n": True}, "n", "invalid_value"),
        ({"stop": ["a", ""]}, "stop[1]", "invalid_value"),
        ({"seed": 2**63}, "seed", "invalid_value"),
        ({"top_logprobs": 3}, None, "invalid_value"),
        ({"stream_options": {"include_usage": True}}, None, "invalid_value"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_its_name(changed: dict[str, Any], param: str | None, code: str) -> None:
    with pytest.raises(ApiRefusal) as refused:
        read_chat(body(**changed))
    error = refused.value.body()["error"]
    assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error")
    assert error["message"].startswith(param or "")


@pytest.mark.parametrize("said", [b"", b"{", b"[1]", b"[" * 100_000, b"\xff", b'{"a": ' + b"9" * 5000 + b"}"])
def test_a_body_that_is_no_request_is_refused(said: bytes) -> None:
    with pytest.raises(ApiRefusal) as refused:
        read_chat(said)
    assert refused.value.status == 400


def test_a_prompt_that_is_too_long_is_refused_with_the_numbers() -> None:
    refused = too_long(3007, 2048, 64)
    assert "2,048 tokens in all; the messages are 3,007 tokens" in refused.message
    error = refused.body()["error"]
    assert error["code"] == "context_length_exceeded"
    assert (error["prompt_tokens"], error["context_length"], error["max_tokens"]) == (3007, 2048, 64)


def test_an_event_is_one_line_of_json_without_what_is_not_new() -> None:
    chunk = ChatChunk(id="c", created=1, model="m", choices=[ChunkChoice(delta=Delta(content="a\nb"))])
    line = event(chunk)
    assert line.startswith(b"data: ")
    assert (line[-2:], line.count(b"\n")) == (b"\n\n", 2)
    said = json.loads(line[6:])
    assert said["choices"] == [{"index": 0, "delta": {"content": "a\nb"}, "logprobs": None, "finish_reason": None}]
    refused = event(ApiRefusal(503, "Busy.", retry_after_s=0.2))
    assert json.loads(refused[6:])["error"]["type"] == "server_error"
    assert ApiRefusal(503, "Busy.", retry_after_s=0.2).headers() == {"Retry-After": "1"}


def test_reading_requests_needs_no_torch() -> None:
    script = "import sys, espalier.infer.remote; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"prompt": ""}, "prompt: write one text, or the numbers of its tokens."),
        ({"prompt": ["a", "b"]}, "prompt: write one text"),
        ({"prompt": None}, "prompt: Field required."),
        ({"stream": True}, "stream is not supported"),
        ({"n": 2}, "n is not supported"),
        ({"echo": True}, "it needs logprobs"),
        ({"echo": True, "logprobs": 1, "max_tokens": 2}, "max_tokens 0, or 1 at temperature 0"),
        ({"echo": True, "logprobs": 1, "max_tokens": 1}, "max_tokens 0, or 1 at temperature 0"),
        ({"max_tokens": 0}, "asks for nothing without echo"),
    ],
)
def test_of_texts_too_nothing_is_ignored(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ApiRefusal) as refused:
        read_completion(json.dumps({"model": "m", "prompt": "Hello"} | changed).encode())
    assert says in refused.value.message
