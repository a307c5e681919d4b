"""What servers of others say in their own way is read as what it means."""

import asyncio
from collections.abc import Iterator

import pytest

from espalier.dataset.examples import Turn
from espalier.infer.completions import ApiRefusal, ChatChunk, Usage
from espalier.infer.engine import Sampling
from espalier.infer.remote import AsyncChatClient, ChatClient, chat_request
from model_servers import ModelServer, model_server

QUESTION, BEGUN = Turn("user", "Why is the sky blue?"), Turn("assistant", "Blue ")


@pytest.fixture
def llama_cpp() -> Iterator[ModelServer]:
    with model_server() as says:
        says.owner, says.context, says.words = "llamacpp", 20, ("Blue ", "light.")
        yield says


def test_llama_cpp_tells_its_context_and_refuses_with_the_numbers(llama_cpp: ModelServer) -> None:
    with ChatClient(llama_cpp.url) as client:
        assert [each.max_model_len for each in client.models()] == [20]
        assert not client.tokens("stub", (QUESTION,))
        with pytest.raises(ApiRefusal) as refused:
            client.complete(chat_request("stub", [Turn("user", "word " * 30)], Sampling(longest=8)))
    assert (refused.value.status, refused.value.code) == (400, "context_length_exceeded")
    assert refused.value.numbers == {"prompt_tokens": 30, "context_length": 20}


@pytest.mark.parametrize(("owner", "says"), [("llamacpp", "Blue light."), ("stub", "Blue light.")])
def test_of_a_reply_that_goes_on_only_what_is_new_is_told(llama_cpp: ModelServer, owner: str, says: str) -> None:
    llama_cpp.owner = owner  # which says the beginning once more, and which happens to say the same word twice
    with ChatClient(llama_cpp.url) as client:
        made = client.complete(chat_request("stub", [QUESTION, BEGUN], Sampling(longest=8)))
    assert made.choices[0].message.content == says
    assert "system_fingerprint" not in made.model_dump()


def test_several_replies_in_a_stream_have_one_usage_together_at_the_end(llama_cpp: ModelServer) -> None:
    async def chunks() -> list[ChatChunk]:
        async with AsyncChatClient(llama_cpp.url) as client:
            asked = {**chat_request("stub", [QUESTION], Sampling(longest=8)), "n": 3}
            return [chunk async for chunk in client.stream(asked)]

    *said, end = asyncio.run(chunks())
    assert {choice.index for chunk in said for choice in chunk.choices} == {0, 1, 2}
    assert not any(chunk.usage for chunk in said)
    assert (end.choices, end.usage) == ([], Usage.of(5, 3 * 2))
