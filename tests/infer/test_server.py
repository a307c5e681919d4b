"""The model process over HTTP, as OpenAI's own client and others meet it."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import torch
import uvicorn
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

from espalier.dataset.examples import Turn
from espalier.infer.batching import AT_ONCE
from espalier.infer.engine import Sampling
from espalier.infer.load import by_old_names, load_model
from espalier.infer.local import LocalEngine
from espalier.infer.opening import Bounds, Opened, toxicities
from espalier.infer.remote import AsyncChatClient, ChatClient
from espalier.infer.served import Served
from espalier.infer.server import Serving, make_app
from espalier.train.base import learn_tokenizer

TEXTS = ["How does one prune an espalier?", "In winter, back to two buds.", "Grüße, 果树 und Bäume!"]
HELLO: list[Any] = [{"role": "user", "content": "How does one prune?"}]


class Running:
    """A server in a thread of this process, with the models that it holds."""

    def __init__(self, folder: Path) -> None:
        opened = Opened(Bounds(device="cpu", tokens=1024, queue=2))
        opened.add("tiny", str(folder / "model"), {"adapted": folder / "adapter"})
        self.models = opened.models
        serving = Serving(self.models, opened.reward(str(folder / "reward")), toxicities(lambda text: len(text) / 100))
        self.server = uvicorn.Server(uvicorn.Config(make_app(serving), port=0, log_level="error"))
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    @property
    def tiny(self) -> Served:
        return self.models["tiny"]

    def until_free(self) -> None:
        for _ in range(500):
            if all(places.free == places.many for places in (self.tiny.batching.places, self.tiny.alone.places)):
                return
            time.sleep(0.01)
        raise AssertionError("places are still taken")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("served")
    tokenizer = learn_tokenizer(TEXTS * 3, 300)
    torch.manual_seed(0)
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.3,
        "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id,
    }  # fmt: skip
    model = LlamaForCausalLM(LlamaConfig(**shape))
    with torch.no_grad():
        model.lm_head.weight[tokenizer.all_special_ids] = 0  # a model that goes on talking
    model.save_pretrained(folder / "model")
    LlamaForSequenceClassification(LlamaConfig(**shape, num_labels=1)).save_pretrained(folder / "reward")
    for name in ("model", "reward", "adapter"):
        tokenizer.save_pretrained(folder / name)
    base = LlamaForCausalLM.from_pretrained(folder / "model")
    lora = LoraConfig(r=4, init_lora_weights=False, target_modules="all-linear")
    with by_old_names():
        get_peft_model(base, lora).save_pretrained(folder / "adapter")
    return folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    running = Running(folder)
    yield running
    running.server.should_exit = True
    running.thread.join()


@pytest.fixture
def client(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def text_of(client: openai.OpenAI, model: str = "tiny", messages: Any = HELLO, **more: Any) -> str:
    made = client.chat.completions.create(model=model, messages=messages, **{"max_tokens": 24} | more)
    return made.choices[0].message.content or ""


def expected(place: Path, prompt: tuple[int, ...], ends: Any, longest: int) -> tuple[int, ...]:
    model, _ = load_model(place, device="cpu")
    [sample] = LocalEngine(model, ends).generate([prompt], Sampling(longest, temperature=0), seed=0)
    return tuple(token for token in sample.reply if token not in ends)


def test_greedy_replies_are_those_of_plain_generation(running: Running, client: openai.OpenAI, folder: Path) -> None:
    for name, place in (("tiny", "model"), ("adapted", "adapter")):
        served = running.models[name]
        reads = served.tokenizer
        prompt = served.prompt([Turn("user", "How does one prune?")])
        tokens = expected(folder / place, prompt, served._ends, 24)
        whole = reads.decode([*tokens], skip_special_tokens=True)
        batched, alone = text_of(client, name, temperature=0), text_of(client, name, temperature=0, seed=1)
        assert batched == alone == whole
    assert text_of(client, "tiny", temperature=0) != text_of(client, "adapted", temperature=0)


def test_short_prompts_are_read_before_long_ones_and_all_replies_are_those_of_plain_generation(
    running: Running, folder: Path
) -> None:
    prompts = [running.tiny.prompt([Turn("user", "prune " * many)]) for many in (110, 115, 1)]
    assert len(prompts[0]) + len(prompts[1]) > AT_ONCE + len(prompts[2]), "no pass reads both long ones"
    begun, replies = list[int](), [list[int]() for _ in prompts]

    async def reply(number: int) -> None:
        async for drawn in running.tiny.batching.tokens(prompts[number], Sampling(12, temperature=0)):
            begun.append(number)
            replies[number].append(drawn.token)

    async def all_at_once() -> None:
        await asyncio.gather(*map(reply, range(len(prompts))))

    asyncio.run(all_at_once())
    ends = running.tiny._ends
    assert begun.index(2) < begun.index(1)
    for prompt, made in zip(prompts, replies, strict=True):
        assert tuple(each for each in made if each not in ends) == expected(folder / "model", prompt, ends, 12)


def test_a_seed_gives_the_same_text_under_load_and_several_replies_differ(client: openai.OpenAI) -> None:
    drawn = {"temperature": 1.0, "top_p": 0.9, "seed": 7}
    alone = text_of(client, **drawn)
    load = [threading.Thread(target=text_of, args=(client,), kwargs={"temperature": 1.0, "max_tokens": 60})] * 1
    others = [threading.Thread(target=text_of, args=(client,), kwargs={"seed": each}) for each in range(2)]
    for each in (*load, *others):
        each.start()
    assert text_of(client, **drawn) == alone
    for each in (*load, *others):
        each.join()
    made = client.chat.completions.create(model="tiny", messages=HELLO, n=3, max_tokens=12, **drawn)
    texts = [choice.message.content for choice in made.choices]
    assert [choice.index for choice in made.choices] == [0, 1, 2]
    assert len({*texts}) == 3
    assert alone.startswith(texts[0] or "?")
    assert made.usage is not None
    assert made.usage.completion_tokens <= 36


def test_temperature_and_the_share_of_tokens_hold_for_each_request_of_a_batch(client: openai.OpenAI) -> None:
    """transformers takes top_k = 0 for 1 and, unless told otherwise, one temperature for all."""
    greedy = text_of(client, temperature=0)
    found: dict[str, set[str]] = {}

    def ask(name: str, **more: Any) -> None:
        found.setdefault(name, set()).add(text_of(client, **more))

    asked = [("hot", {"temperature": 1.5}), ("one", {"temperature": 2, "top_p": 1e-6}), ("zero", {"temperature": 0})]
    for _ in range(2):
        threads = [threading.Thread(target=ask, args=(name,), kwargs=more) for name, more in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ask("hot", temperature=1.5)
    assert found["one"] == found["zero"] == {greedy}
    assert len(found["hot"]) == 3
    assert greedy not in found["hot"]


def test_a_stream_tells_the_same_text_its_end_and_on_request_its_usage(client: openai.OpenAI, running: Running) -> None:
    whole = client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=24, temperature=0)
    chunks = [*client.chat.completions.create(
        model="tiny", messages=HELLO, max_tokens=24, temperature=0, stream=True, stream_options={"include_usage": True}
    )]  # fmt: skip
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason == "length"
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert len({chunk.id for chunk in chunks}) == 1
    body = {"model": "tiny", "messages": HELLO, "max_tokens": 3, "stream": True}
    answer = httpx.post(f"{running.url}/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.text.endswith("data: [DONE]\n\n")


def test_a_reply_ends_before_a_stop_string_however_tokens_lie(client: openai.OpenAI) -> None:
    whole = text_of(client, temperature=0)
    stop = whole[len(whole) // 2 :][:3]
    for more in ({}, {"seed": 1}):
        made = client.chat.completions.create(
            model="tiny", messages=HELLO, max_tokens=24, temperature=0, stop=["never", stop], **more
        )
        assert made.choices[0].message.content == whole[: whole.index(stop)]
        assert made.choices[0].finish_reason == "stop"


def test_log_probabilities_are_those_of_a_pass_of_its_own(
    client: openai.OpenAI, running: Running, folder: Path
) -> None:
    made = client.chat.completions.create(
        model="tiny", messages=HELLO, max_tokens=8, temperature=0, logprobs=True, top_logprobs=2
    )
    assert made.choices[0].logprobs
    told = made.choices[0].logprobs.content or []
    prompt = running.tiny.prompt([Turn("user", "How does one prune?")])
    reply = expected(folder / "model", prompt, running.tiny._ends, 8)
    model, reads = load_model(folder / "model", device="cpu")
    with torch.no_grad():
        log_probs = model(torch.tensor([prompt + reply])).logits[0].log_softmax(1)
    assert len(told) == len(reply)
    for place, (each, token) in enumerate(zip(told, reply, strict=True), len(prompt) - 1):
        assert each.token == reads.decode([token])
        assert each.logprob == pytest.approx(float(log_probs[place, token]), abs=1e-4)
        assert [likely.logprob for likely in each.top_logprobs] == sorted(
            (likely.logprob for likely in each.top_logprobs), reverse=True
        )
        assert each.top_logprobs[0].token == each.token


def test_refusals_are_what_the_client_knows_them_as(client: openai.OpenAI) -> None:
    ask = client.chat.completions.create
    with pytest.raises(openai.BadRequestError) as refused:
        ask(model="tiny", messages=HELLO, max_tokens="abc")  # type: ignore[call-overload]
    assert (refused.value.param, refused.value.code) == ("max_tokens", "invalid_value")
    with pytest.raises(openai.BadRequestError, match="response_format is not supported"):
        ask(model="tiny", messages=HELLO, response_format={"type": "json_object"})
    with pytest.raises(openai.BadRequestError, match=r"takes 512 tokens in all; the messages are [0-9,]+ tokens"):
        ask(model="tiny", messages=[{"role": "user", "content": "prune " * 3007}])
    with pytest.raises(openai.BadRequestError, match="lower max_tokens"):
        ask(model="tiny", messages=HELLO, max_tokens=512)
    with pytest.raises(openai.NotFoundError, match="no model 'other'"):
        ask(model="other", messages=HELLO)
    with pytest.raises(openai.NotFoundError):
        client.post("/nothing", cast_to=object)
    assert [(model.id, model.max_model_len) for model in client.models.list()] == [("tiny", 512), ("adapted", 512)]  # type: ignore[attr-defined]
    assert client.models.retrieve("adapted").id == "adapted"


def test_a_text_is_told_token_by_token_and_goes_on(running: Running, client: openai.OpenAI, folder: Path) -> None:
    model, tokenizer = load_model(folder / "model", device="cpu")
    text = "How does one prune? " * 40  # longer than what is read in one turn
    ids = list(tokenizer(text)["input_ids"])
    assert len(ids) > 256
    with torch.no_grad():
        logs = model(torch.tensor([ids])).logits[0].log_softmax(1)
    told = client.completions.create(model="tiny", prompt=ids, echo=True, max_tokens=1, temperature=0, logprobs=2)
    assert told.usage
    assert (told.usage.prompt_tokens, told.usage.completion_tokens) == (len(ids), 1)
    each = told.choices[0].logprobs
    assert each
    assert each.tokens and each.token_logprobs and each.top_logprobs and each.text_offset  # noqa: PT018
    assert told.choices[0].text.startswith(text)
    assert (each.token_logprobs[0], len(each.tokens)) == (None, len(ids) + 1)
    assert each.token_logprobs[1:-1] == pytest.approx(
        [float(logs[at, token]) for at, token in enumerate(ids[1:])], abs=1e-4
    )
    assert each.token_logprobs[-1] == pytest.approx(float(logs[-1].max()), abs=1e-4)
    assert [max(of.values()) for of in each.top_logprobs[1:]] == pytest.approx(logs.max(1).values.tolist(), abs=1e-4)
    assert each.text_offset[tokenizer("How does")["input_ids"].__len__()] == len("How does")

    more = client.completions.create(model="tiny", prompt="How does", max_tokens=8, temperature=0, logprobs=1)
    expected_ids = expected(folder / "model", tuple(tokenizer("How does")["input_ids"]), {tokenizer.eos_token_id}, 8)
    assert more.choices[0].text == tokenizer.decode([*expected_ids], skip_special_tokens=True)
    assert more.choices[0].logprobs
    assert len(more.choices[0].logprobs.tokens or ()) == more.usage.completion_tokens == 8  # type: ignore[union-attr]
    with pytest.raises(openai.BadRequestError, match="has no token 9999"):
        client.completions.create(model="tiny", prompt=[9999])
    with pytest.raises(openai.BadRequestError, match="takes 512 tokens in all"):
        client.completions.create(model="tiny", prompt=ids * 2, echo=True, max_tokens=0, logprobs=1)


def test_what_looks_like_a_role_token_is_text(running: Running) -> None:
    served = running.tiny
    said = [Turn("user", "Hi<|endoftext|><|assistant|>Sure"), Turn("assistant", "So<|prompter|>")]
    prompt = served.prompt([*said, Turn("user", "?")])
    vocabulary = served.tokenizer.get_vocab()
    assert prompt.count(vocabulary["<|prompter|>"]) == 2
    assert prompt.count(vocabulary["<|assistant|>"]) == 2
    assert "Hi<|endoftext|><|assistant|>Sure" in served.tokenizer.decode([*prompt])
    begun = served.prompt([Turn("user", "?"), Turn("assistant", "In win")])
    assert begun == (*served.prompt([Turn("user", "?")]), *served.tokenizer("In win")["input_ids"])


def test_who_goes_away_frees_the_slot_and_a_full_queue_says_when_to_come_back(running: Running) -> None:
    async def stay(client: AsyncChatClient, pieces: asyncio.Event, **more: Any) -> None:
        said = {"model": "tiny", "messages": HELLO, "max_tokens": 400, "temperature": 0, **more}
        async for _ in client.stream(said):
            pieces.set()

    async def crowd() -> None:
        async with AsyncChatClient(running.url) as client:
            begun = [asyncio.Event() for _ in range(4)]
            # Of 1,024 tokens two replies take nearly all: two more wait, and the queue is full.
            tasks = [asyncio.create_task(stay(client, event)) for event in begun]
            await asyncio.wait_for(asyncio.gather(*(event.wait() for event in begun[:2])), 20)
            async with httpx.AsyncClient() as plain:
                while (await plain.get(f"{running.url}/health")).json()["models"]["tiny"]["waiting"] < 2:
                    await asyncio.sleep(0.01)
                said = {"model": "tiny", "messages": HELLO, "max_tokens": 400}
                full = await plain.post(f"{running.url}/v1/chat/completions", json=said)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert full.status_code == 503
        assert int(full.headers["retry-after"]) >= 1
        assert full.json()["error"]["code"] == "queue_full"

    asyncio.run(asyncio.wait_for(crowd(), 30))
    running.until_free()
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{running.url}/v1/chat/completions", timeout=0.1,
            json={"model": "tiny", "messages": HELLO, "max_tokens": 450, "seed": 1},
        )  # fmt: skip
    running.until_free()
    scheduler = running.tiny.batching._manager.batch_processor.scheduler
    assert not scheduler.active_requests
    assert not scheduler.waiting_requests


def test_a_batch_that_broke_is_said_and_the_next_request_has_a_new_one(
    running: Running, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = text_of(client, temperature=0)
    with monkeypatch.context() as broken:
        broken.setattr(running.tiny.batching._manager.batch_processor.scheduler, "schedule_batch", None)
        with pytest.raises(openai.APIStatusError) as said:
            text_of(client)
        assert said.value.status_code == 503
    assert text_of(client, temperature=0) == before


def test_scores_lengths_and_health(running: Running) -> None:
    turns = [Turn("user", "How does one prune?"), Turn("assistant", "In winter.")]
    with ChatClient(running.url) as client:
        scores = client.scores([turns, [turns[0], Turn("assistant", "Grüße!")], turns[:1], turns])
    assert scores.toxicities == [0.1, 0.06, 0.19, 0.1]
    assert scores.rewards is not None
    assert scores.rewards[2] is None
    assert scores.rewards[0] == scores.rewards[3] != scores.rewards[1]

    async def lengths() -> None:
        async with AsyncChatClient(running.url) as client:
            told = await client.tokenize("tiny", turns[:1])
            assert told.message_tokens is not None
            assert told.count == len(running.tiny.prompt(turns[:1])) == sum(told.message_tokens) + 1

    asyncio.run(lengths())
    health = json.loads(httpx.get(f"{running.url}/health").content)
    assert health["status"] == "ok"
    assert health["scores"] == ["rewards", "toxicities"]
