"""AdamW with the schedule of the settings, and a step of it with the gradient clipped."""

from math import isfinite

from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler

from espalier.train.processes import whole
from espalier.train.settings import Optimizer

NAMES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


def optimizer_of(model: nn.Module, chosen: Optimizer, steps: int) -> tuple[AdamW, LambdaLR]:
    """AdamW over what is trained of a model, and its learning rate over so many steps.

    Only matrices decay: biases and the scales of norms are vectors.
    """
    trained = [each for each in model.parameters() if each.requires_grad]
    groups = [
        {"params": [each for each in trained if each.ndim > 1], "weight_decay": chosen.weight_decay},
        {"params": [each for each in trained if each.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = AdamW(
        [group for group in groups if group["params"]],
        lr=chosen.learning_rate,
        betas=chosen.betas,
        eps=chosen.epsilon,
        fused=True,
    )
    schedule = get_scheduler(NAMES[chosen.schedule], optimizer, chosen.warmup, steps)
    return optimizer, schedule


def step(model: nn.Module, optimizer: AdamW, schedule: LambdaLR, clip: float) -> float:
    """One step with the gradients as they are, which are then gone; their norm before it was clipped to `clip`.

    A `clip` of 0 does not clip. Raises FloatingPointError, and makes no step, where the gradient is no number.
    """
    trained = [each for each in model.parameters() if each.grad is not None]
    norm = float(whole(clip_grad_norm_(trained, clip or float("inf"))))
    if not isfinite(norm):
        raise FloatingPointError(f"the norm of the gradient is {norm}")
    optimizer.step()
    schedule.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
