"""A server replies as the policy does, which it gets anew each time."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from espalier.infer.engine import Sampling
from espalier.infer.local import LocalEngine
from espalier.infer.unusable import BadModel
from espalier.infer.vllm import VllmEngine

END = 1
PROMPTS = [(2, 3, 4), (5,), (5,), (6, 7, 8, 9, 10, 11)]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def base() -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=24, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, initializer_range=0.3,
    ))  # fmt: skip


class Server(BaseHTTPRequestHandler):
    """Answers as vLLM does, with transformers."""

    adapters: dict[str, Any] = {}  # noqa: RUF012  # of the server, one a test
    one_at_a_time = Lock()

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.one_at_a_time:
            match self.path:
                case "/v1/load_lora_adapter":
                    self.adapters[said["lora_name"]] = PeftModel.from_pretrained(base(), said["lora_path"])
                    self._answer({})
                case "/v1/unload_lora_adapter":
                    del self.adapters[said["lora_name"]]
                    self._answer({})
                case "/v1/completions":
                    engine = LocalEngine(self.adapters[said["model"]], said["stop_token_ids"])
                    sampling = Sampling(said["max_tokens"], said["temperature"], said["top_p"])
                    sample = engine.generate([tuple(said["prompt"])], sampling, said["seed"])[0]
                    self._answer({"choices": [{"token_ids": sample.reply, "text": "?"}]})

    def _answer(self, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Server.adapters.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_server_replies_as_the_policy_is_at_the_moment(address: str, tmp_path: Path) -> None:
    policy = get_peft_model(base(), LoraConfig(r=2, init_lora_weights=False, target_modules="all-linear"))
    engine = VllmEngine(address, policy, [END], tmp_path / "adapter")
    greedy = Sampling(6, temperature=0)
    before = engine.generate(PROMPTS, greedy, seed=0)
    assert before == LocalEngine(policy, [END]).generate(PROMPTS, greedy, seed=0)
    with torch.no_grad():
        for name, each in policy.named_parameters():
            if "lora_A" in name:
                each.neg_()
    after = engine.generate(PROMPTS, greedy, seed=0)
    assert after == LocalEngine(policy, [END]).generate(PROMPTS, greedy, seed=0) != before
    assert list(Server.adapters) == ["adapter-2"]


def test_equal_prompts_get_replies_of_their_own_and_a_seed_the_same_again(address: str, tmp_path: Path) -> None:
    policy = get_peft_model(base(), LoraConfig(r=2, target_modules="all-linear"))
    engine = VllmEngine(address, policy, [END], tmp_path / "adapter")
    drawn, again, other = (engine.generate([(5,)] * 6, Sampling(8), seed) for seed in (1, 1, 2))
    assert drawn == again != other
    assert len({sample.reply for sample in drawn}) > 1


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    policy = get_peft_model(base(), LoraConfig(r=2, target_modules="all-linear"))
    engine = VllmEngine("http://127.0.0.1:9", policy, [END], tmp_path / "adapter")
    with pytest.raises(BadModel, match=r"the server at http://127\.0\.0\.1:9 does not answer"):
        engine.generate(PROMPTS, Sampling(8), seed=0)
