"""What servers of others say in their own way is read as what it means."""

from collections.abc import Iterator

import pytest

from espalier.dataset.examples import Turn
from espalier.infer.completions import ApiRefusal
from espalier.infer.engine import Sampling
from espalier.infer.remote import ChatClient, chat_request
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
