"""How likely a model takes tokens to be, in little memory: for gradients only the distributions are kept."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def log_probs(logits: Tensor, targets: Tensor, temperature: float = 1.0) -> Tensor:
    """log p(target) of each position, (N,), in float32 or better.

    logits: (N, vocabulary). targets: (N,). temperature: what the logits are divided by; the same in a rollout and in
    the update that learns from it.
    """
    precise = logits if logits.dtype == torch.float64 else logits.float()
    if temperature != 1.0:
        precise = precise / temperature
    found: Tensor = _LogProbs.apply(precise, targets)  # type: ignore[no-untyped-call]
    return found


class _LogProbs(Function):
    """∂ log p(target) / ∂ logits = 1[target] − p."""

    @staticmethod
    def forward(context: Any, logits: Tensor, targets: Tensor) -> Tensor:
        logs = logits.log_softmax(1)
        found = logs.gather(1, targets[:, None])[:, 0]
        if context.needs_input_grad[0]:
            context.save_for_backward(logs.exp_(), targets)
        return found

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        likely, targets = context.saved_tensors
        gradients = likely * -gradient[:, None]
        return gradients.scatter_add_(1, targets[:, None], gradient[:, None]), None
