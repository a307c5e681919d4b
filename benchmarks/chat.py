"""How fast models are served: tokens a second and the time to the first token, with 1, 8 and 32 chats at the same time.

    python benchmarks/chat.py [--rounds 3] [--chats 1 8 32] [--only models|overhead|campaign]

A model of 15 million parameters and 16,384 tokens that has learned nothing replies to prompts of 20 to 300 tokens with
64 tokens each, greedily, on one thread: `espalier model serve`; transformers' `generate` with a streamer, one reply at
a time, the others waiting; and `transformers serve` with continuous batching and a cache of the same size. Servers are
processes of their own and asked over HTTP; `generate` is asked where it is. All chats of a round begin at once. Told
are medians over the rounds, of which the sides take turns; the first of each warms up and does not count. The last line
is one JSON object: of eight chats, how many times the tokens a second of `generate` ours makes, and how many times
sooner its first token is there; what the site adds to a model's server (`chat_site.py`); and the p99 of the campaign's
`next` and `submit` at 20 requests a second while eight people chat through the site.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import httpx
import torch
from transformers import LlamaConfig, LlamaForCausalLM, TextIteratorStreamer

from chat_site import campaign_beside, overhead_ms, p99_ms
from espalier.dataset.examples import Turn
from espalier.dataset.format import prompt_of
from espalier.infer.load import load_model
from espalier.infer.remote import AsyncChatClient
from espalier.infer.tokens import encode_prompt
from espalier.train.base import learn_tokenizer
from load import machine

NEW, SHORTEST, LONGEST = 64, 20, 300  # tokens
CACHE, PAGE, PASS = 16_384, 32, 512  # tokens
ALONE, OURS, THEIRS = "generate, one at a time", "espalier model serve", "transformers serve"


@dataclass(frozen=True)
class Round:
    """tokens_s: of all chats together. first_s: of each chat, until its first token."""

    tokens_s: float
    first_s: list[float]


def make_model(into: Path) -> None:
    """Random weights; its end token and rows without a token are never the likeliest, so all replies are as long."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(2, 9))) for _ in range(20_000)]
    tokenizer = learn_tokenizer([" ".join(words[i : i + 50]) for i in range(0, len(words), 50)], 16_384)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=16_384, hidden_size=256, intermediate_size=704, num_hidden_layers=8, num_attention_heads=8,
            num_key_value_heads=8, max_position_embeddings=2048, bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip
    with torch.no_grad():
        model.lm_head.weight[tokenizer.all_special_ids] = 0
        model.lm_head.weight[len(tokenizer) :] = 0
    print(f"{sum(each.numel() for each in model.parameters()) / 1e6:.1f} million parameters")
    model.save_pretrained(into)
    tokenizer.save_pretrained(into)


def make_prompts(tokenizer: Any, many: int, seed: int) -> list[str]:
    """New ones for each round: a server may know again what it has read."""
    chance = random.Random(f"{many} {seed}")
    words = [text for text in tokenizer.get_vocab() if text.isalpha() and text.isascii()]
    prompts = []
    for _ in range(many):
        tokens = chance.randint(SHORTEST, LONGEST - 10)
        text = " ".join(chance.choices(words, k=tokens))
        prompts.append(str(tokenizer.decode(tokenizer(text)["input_ids"][:tokens])))
    return prompts


def beside(threads: int = 1) -> dict[str, str]:
    """The environment of a server."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(threads)), "HF_HUB_OFFLINE": "1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def server(*command: str, port: int) -> Iterator[str]:
    """The address of a server that was started, once it answers."""
    with subprocess.Popen(command, env=beside(), stdout=subprocess.DEVNULL) as running:
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    httpx.get(f"{url}/health", timeout=5)
                    break
                except httpx.TransportError:
                    if running.poll() is not None:
                        sys.exit(f"{command[0]} ended with {running.returncode}")
                    time.sleep(0.1)
            yield url
        finally:
            running.terminate()


async def over_http(url: str, model: str, prompts: list[str]) -> Round:
    async def chat(client: AsyncChatClient, prompt: str, began: float) -> float:
        asked = {
            "model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": NEW, "temperature": 0,
        }  # fmt: skip
        first = 0.0
        async for chunk in client.stream(asked):
            if not first and chunk.choices and chunk.choices[0].delta.content:
                first = time.perf_counter() - began
        return first

    async with AsyncChatClient(url, silence_s=600) as client:
        began = time.perf_counter()
        first = await asyncio.gather(*(chat(client, prompt, began) for prompt in prompts))
        return Round(len(prompts) * NEW / (time.perf_counter() - began), list(first))


def one_at_a_time(model: Any, tokenizer: Any, prompts: list[str]) -> Round:
    turns, first_s = Lock(), [0.0] * len(prompts)

    def chat(place: int) -> None:
        ids = torch.tensor([encode_prompt(prompt_of([Turn("user", prompts[place])]), tokenizer)])
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True)
        with turns:
            making = Thread(target=model.generate, args=(ids,), kwargs={
                "attention_mask": torch.ones_like(ids), "max_new_tokens": NEW, "do_sample": False, "streamer": streamer,
            })  # fmt: skip
            making.start()
            for text in streamer:
                if text and not first_s[place]:
                    first_s[place] = time.perf_counter() - began
            making.join()

    threads = [Thread(target=chat, args=(place,)) for place in range(len(prompts))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Round(len(prompts) * NEW / (time.perf_counter() - began), first_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chats", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--only", choices=["models", "overhead", "campaign"], help="a third of it")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "tiny"
        make_model(folder)
        site: dict[str, float] = {}
        if chosen.only in (None, "overhead"):
            site["proxy_overhead_ms_p50"] = round(overhead_ms(), 2)
        if chosen.only in (None, "campaign"):
            run = campaign_beside(folder)
            site["campaign_p99_ms_beside_8_chats"] = round(p99_ms(run), 1)
            print(f"campaign: {run.cycles} cycles, {sum(run.errors.values())} errors {dict(run.errors)}")
        if chosen.only in ("overhead", "campaign"):
            print(json.dumps(site))
            return
        model, tokenizer = load_model(folder, device="cpu")
        ours, theirs = free_port(), free_port()
        ours_url = stack.enter_context(server(
            sys.executable, "-m", "espalier.cli", "model", "serve", str(folder), "--port", str(ours), "--threads", "1",
            "--tokens", str(CACHE), "--device", "cpu", port=ours,
        ))  # fmt: skip
        theirs_url = stack.enter_context(server(
            str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--port", str(theirs), "--host",
            "127.0.0.1", "--device", "cpu", "--dtype", "float32", "--continuous-batching", "--cb-block-size", str(PAGE),
            "--cb-num-blocks", str(CACHE // PAGE), "--cb-max-batch-tokens", str(PASS), port=theirs,
        ))  # fmt: skip
        sides = {
            ALONE: lambda some: one_at_a_time(model, tokenizer, some),
            OURS: lambda some: asyncio.run(over_http(ours_url, "tiny", some)),
            THEIRS: lambda some: asyncio.run(over_http(theirs_url, str(folder), some)),
        }
        found: dict[tuple[str, int], list[Round]] = {}
        for many in chosen.chats:
            for number in range(chosen.rounds + 1):
                prompts = make_prompts(tokenizer, many, number)
                for side, ask in sides.items():
                    try:
                        told = ask(prompts)
                    except Exception as error:
                        print(f"{side}, {many} chats: {error}")
                        continue
                    if number:
                        found.setdefault((side, many), []).append(told)
        print(f"{'':26}{'chats':>6}{'tokens/s':>10}{'first token p50, s':>20}{'p99, s':>8}")
        for (side, many), rounds in found.items():
            first = sorted(each for told in rounds for each in told.first_s)
            print(
                f"{side:26}{many:6}{speed(rounds):10.0f}{statistics.median(first):20.3f}"
                f"{first[min(len(first) - 1, int(len(first) * 0.99))]:8.3f}"
            )
        summary = {
            f"tokens_ratio_{many}": round(speed(found[OURS, many]) / speed(found[ALONE, many]), 2)
            for many in chosen.chats
        } | {
            f"first_token_ratio_{many}": round(soon(found[ALONE, many]) / soon(found[OURS, many]), 1)
            for many in chosen.chats
        }
        print(json.dumps(summary | site))


def speed(rounds: list[Round]) -> float:
    return statistics.median(told.tokens_s for told in rounds)


def soon(rounds: list[Round]) -> float:
    return statistics.median(each for told in rounds for each in told.first_s)


if __name__ == "__main__":
    main()
