"""Many replies at once: continuous batching by transformers, kept within what it can hold.

What it cannot do for one request alone (a seed, log-probabilities) is done in alone.py. Knows tokens; knows no text.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection
from itertools import count
from math import ceil
from typing import Any, Final

import torch
from torch import Tensor
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.generation.continuous_batching import cb_logits_processors as theirs
from transformers.generation.continuous_batching.requests import RequestState, RequestStatus
from transformers.generation.continuous_batching.scheduler import SCHEDULER_MAPPING, FIFOScheduler

from espalier.infer import attention  # noqa: F401  # what transformers calls sdpa from then on
from espalier.infer.engine import Sampling, Tokens
from espalier.infer.places import Places
from espalier.infer.speech import Drawn

PAGE: Final = 32  # tokens of a block of the cache
AT_ONCE: Final = 384  # tokens in one pass; a longer prompt is read in several, and nobody waits long for it
FIRST: Final = 64  # tokens of a prompt that comes alone: those who come just after it are then read in their order
PATIENCE: Final = 1000  # tokens; a prompt lets those pass that are so much shorter and come within a second
SHORT_FIRST: Final = "short first"


class Broken(Exception):
    """The batch failed; its error stands in the log. The next request starts a new one."""


class Batching:
    """Replies by a model, as many at once as its cache holds.

    ends: tokens that end a reply. tokens: of the cache, for prompts and replies together. turns: held while the model
    computes, so that of several models one computes at a time. queue: how many requests may wait.
    """

    def __init__(self, model: Any, ends: Collection[int], tokens: int, turns: Any, queue: int) -> None:
        self.blocks = max(2, tokens // PAGE)
        self.places = Places(self.blocks, queue)
        self._model, self._ends, self._turns = model, sorted(ends), turns
        self._numbers = count(1)
        self._manager: Any = None
        model.register_forward_pre_hook(lambda *_: turns.acquire() and None)
        model.register_forward_hook(lambda *_: turns.release(), always_call=True)

    @property
    def longest(self) -> int:
        """Tokens of a prompt and its reply together at most: a longer one would end the batch for everybody."""
        return (self.blocks - 1) * PAGE

    async def tokens(self, prompt: Tokens, sampling: Sampling) -> AsyncGenerator[Drawn, None]:
        """The tokens of a reply as they are drawn, its end token among them. Who closes the generator before its end
        frees the places. Raises Broken.
        """
        assert len(prompt) + sampling.longest <= self.longest, f"{len(prompt)=} {sampling.longest=} {self.longest=}"
        # A block more than needed: a request that was cancelled has its blocks until the pass that runs is over.
        async with self.places.taken(min(self.blocks, 1 + ceil((len(prompt) + sampling.longest) / PAGE))):
            manager, name = self._running(), f"reply-{next(self._numbers)}"
            outputs: asyncio.Queue[Any] = asyncio.Queue()
            manager.register_result_handler(name, outputs.put_nowait)
            manager.add_request(
                list(prompt), name, sampling.longest, streaming=True, eos_token_id=self._ends, **_drawing(sampling)
            )
            told, finished = 0, False
            try:
                while not finished:
                    output = await outputs.get()
                    finished = output.is_finished()
                    if output.error is not None:
                        raise Broken(output.error)
                    for token in output.generated_tokens[told:]:
                        yield Drawn(token)
                    told = len(output.generated_tokens)
            finally:
                if not finished:
                    # A request that is cancelled never says that it has finished, so nobody else takes its handler out.
                    manager.cancel_request(name)
                    with manager.output_router._lock:
                        manager.output_router.result_handlers.pop(name, None)

    def stop(self) -> None:
        """End what runs."""
        if self._manager is not None and self._manager.is_running():
            self._manager.stop(block=True, timeout=5.0, hard_stop=True)

    def _running(self) -> Any:
        """The batch; a new one where the last one broke."""
        if self._manager is None or not self._manager.is_running():
            # Processors are made only for what differs from a default here, and only then can a request have its own.
            drawing = GenerationConfig(
                do_sample=True, temperature=0.9, top_k=1000, top_p=0.9, eos_token_id=self._ends,
                pad_token_id=self._ends[0],
            )  # fmt: skip
            config = ContinuousBatchingConfig(
                page_size=PAGE, num_blocks=self.blocks, max_batch_tokens=AT_ONCE, per_request_processors=True,
                safety_margin=0.0, scheduler_type=SHORT_FIRST,
            )  # fmt: skip
            with torch.no_grad():
                self._manager = self._model.init_continuous_batching(drawing, config)
            processors = self._manager.logit_processor.logits_processor
            processors[:] = [OURS.get(type(each), _as_it_is)(each) for each in processors]
            self._manager.start()
        return self._manager


def _drawing(sampling: Sampling) -> dict[str, Any]:
    """The likeliest token each time is the draw from the one likeliest token."""
    if not sampling.temperature:
        return {"temperature": 1.0, "top_k": 1, "top_p": 1.0}
    return {"temperature": float(sampling.temperature), "top_k": sampling.top_k, "top_p": float(sampling.top_p)}


def _as_it_is(processor: Any) -> Any:
    return processor


class _ShortFirst(FIFOScheduler):
    """Of several prompts the shortest is read first, as long as the others have not waited long, so that half of those
    who come at once need not wait for the reading of the others. Replies that have begun go on before any of them.
    """

    def schedule_batch(
        self, token_budget: int, cache_budget: int
    ) -> tuple[list[Any] | None, bool, int, int]:  # fmt: skip
        """Of what waits, some is in part read already."""
        writing = [each for each in self.active_requests.values() if each.status == RequestStatus.DECODING]
        reading = [each for each in self.active_requests.values() if each.status == RequestStatus.PREFILLING]
        waiting = [] if self.block_new_requests else self._get_waiting_candidates()
        begun = set[str]()
        if len(waiting) == 1 and not writing and not reading:
            token_budget = min(token_budget, FIRST)
        read = _read_next(sorted(reading + waiting, key=_turn), token_budget - len(writing))
        planned, failed, one_each, new, seen = self._process_candidates(
            writing + read, token_budget, cache_budget, begun
        )
        self._cleanup_waiting_queue(begun)
        return (None, one_each, 0, 0) if failed and not planned else (planned, one_each, new, seen)


def _read_next(prompts: list[RequestState], tokens: int) -> list[RequestState]:
    """Those of the next pass: as many as fit into it whole; of the first one a piece where it is longer. A piece of a
    longer one beside others would make them wait, and gain it little.
    """
    fitting = 0
    for request in prompts:
        tokens -= len(request.remaining_prefill_tokens)
        if tokens < 0:
            break
        fitting += 1
    return prompts[: max(1, fitting)]


def _turn(request: RequestState) -> float:
    """When a prompt is to be read, in seconds."""
    return float(request.created_time + len(request.remaining_prefill_tokens) / PATIENCE)


SCHEDULER_MAPPING[SHORT_FIRST] = _ShortFirst


class _TopK(theirs.ContinuousBatchingTopKLogitsWarper):
    """Theirs sorts the whole vocabulary for each token, and takes 0 for 1, where it is to mean all tokens."""

    def __init__(self, processor: Any) -> None:
        super().__init__(processor)
        self.min_tokens_to_keep = 0

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """scores: (replies, vocabulary). tensor_arg: of each reply, with padding behind."""
        top_k = tensor_arg[: len(scores)].long().clamp(max=scores.shape[1])
        largest = scores.topk(max(1, int(top_k.max())), dim=1).values
        least = largest.gather(1, (top_k - 1).clamp(min=0)[:, None])
        return scores.masked_fill((scores < least) & (top_k > 0)[:, None], self.filter_value)


class _TopP(theirs.ContinuousBatchingTopPLogitsWarper):
    """Theirs sorts the whole vocabulary also for those who want all of it."""

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """scores: (replies, vocabulary). tensor_arg: of each reply, with padding behind; floats as ints."""
        rows = (tensor_arg[: len(scores)].view(dtype=torch.float32) < 1).nonzero()[:, 0]
        if len(rows):
            scores[rows] = super().__call__(scores[rows], tensor_arg[rows])
        return scores


OURS: Final[dict[type, Any]] = {
    theirs.ContinuousBatchingTopKLogitsWarper: _TopK,
    theirs.ContinuousBatchingTopPLogitsWarper: _TopP,
}
