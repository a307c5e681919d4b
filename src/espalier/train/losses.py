"""What a language model still has to learn of conversations: − log p of their tokens, in nats.

Knows models and tokens; knows no optimiser.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from espalier.infer.attention import by_parts
from espalier.infer.forward import logits_at
from espalier.infer.likelihood import log_probs
from espalier.infer.tokens import Encoded
from espalier.train.batch import Batch, Weights, batch, passes
from espalier.train.objectives import token_loss


def loss_of(model: PreTrainedModel, given: Batch, total: float) -> Tensor:
    """The part of a loss that one pass gives, a scalar. total: counted tokens of all passes together."""
    parts = by_parts(model, apart=given.apart)
    logits = logits_at(model, given.at, input_ids=given.input_ids, position_ids=given.position_ids, **parts)
    return token_loss(logits, given.targets, given.weights, total)


def mean_loss(model: PreTrainedModel, given: Sequence[Encoded], tokens: int) -> float:
    """Of a trained token, on average over all of them. tokens: so many go through the model at once."""
    total = sum(Weights().counted(each) for each in given)
    return sum(losses_of(model, given, Weights(), tokens)) / total


@torch.no_grad()
def losses_of(model: PreTrainedModel, given: Sequence[Encoded], weights: Weights, tokens: int) -> list[float]:
    """Of each conversation, summed over its tokens. Dropout is off, and the model afterwards as it was."""
    training = model.training
    model.eval()
    found = [0.0] * len(given)
    for rows in passes([len(each) for each in given], tokens):
        one = batch(given, rows, weights).to(model.device)
        logits = logits_at(model, one.at, input_ids=one.input_ids, position_ids=one.position_ids)
        told = -log_probs(logits, one.targets) * one.weights
        sums = torch.zeros(len(rows), device=told.device).index_add(0, one.at // one.input_ids.shape[1], told)
        for [place], loss in zip(rows, sums.tolist(), strict=True):
            found[place] = loss
    model.train(training)
    return found
