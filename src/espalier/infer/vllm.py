"""Replies by a vLLM server, which is handed the policy's adapter as it is at the moment.

The server is started with the model that the policy began as:
`VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve MODEL --enable-lora --max-lora-rank RANK`, and sees the same files.
Knows HTTP; does not know why somebody wants replies.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

from espalier.infer.engine import Sample, Sampling, Tokens
from espalier.infer.unusable import BadModel

AT_ONCE: Final = 64  # requests; the server puts them together
TIMEOUT_S: Final = 600.0


class VllmEngine:
    """An engine over a server. address: as http://localhost:8000. policy: a model with an adapter, as peft has it.
    folder: where its adapter is put for the server. ends: as a local engine has them.
    """

    def __init__(self, address: str, policy: Any, ends: Collection[int], folder: Path) -> None:
        self.policy, self.ends = policy, frozenset(ends)
        self._folder, self._address = folder.resolve(), address
        self._name, self._given = "", 0
        self._client = httpx.Client(base_url=address, timeout=TIMEOUT_S)

    def generate(self, prompts: Sequence[Tokens], sampling: Sampling, seed: int) -> list[Sample]:
        """One sample a prompt. The server's log-probabilities are not asked for: its arithmetic is another, and they
        are at temperature 1. Raises BadModel.
        """
        self._hand_over()
        # A seed for each request: one for all would give one reply to each of several equal prompts.
        seeds = np.random.SeedSequence(seed).generate_state(len(prompts), np.uint32) >> 1
        with ThreadPoolExecutor(AT_ONCE) as pool:
            replies = list(pool.map(self._ask, prompts, seeds, repeat(sampling)))
        return [Sample(*each, each[1][-1] in self.ends) for each in zip(prompts, replies, strict=True)]

    def _hand_over(self) -> None:
        """Let the server load the adapter, under a new name each time, so that nothing older is taken from a cache."""
        before, self._given = self._name, self._given + 1
        self._name = f"{self._folder.name}-{self._given}"
        self.policy.save_pretrained(self._folder)
        self._post("/v1/load_lora_adapter", {"lora_name": self._name, "lora_path": str(self._folder)})
        if before:
            self._post("/v1/unload_lora_adapter", {"lora_name": before})

    def _ask(self, prompt: Tokens, seed: np.uint32, sampling: Sampling) -> Tokens:
        told = self._post("/v1/completions", {
            "model": self._name, "prompt": list(prompt), "max_tokens": sampling.longest, "seed": int(seed),
            "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k or -1,
            "stop_token_ids": sorted(self.ends), "return_token_ids": True,
        }).json()["choices"][0]  # fmt: skip
        reply: Tokens = tuple(told.get("token_ids") or ())
        if not reply:
            raise BadModel(f"the server at {self._address} tells no token ids; take a vLLM that knows return_token_ids")
        return reply

    def _post(self, route: str, said: dict[str, Any]) -> httpx.Response:
        try:
            answer = self._client.post(route, json=said)
        except httpx.HTTPError as error:
            raise BadModel(f"the server at {self._address} does not answer: {error}") from None
        if answer.is_error:
            told = answer.text[:200]
            raise BadModel(f"the server at {self._address} refuses {route} with {answer.status_code}: {told}")
        return answer
