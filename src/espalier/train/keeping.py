"""What a run leaves: the model with its card, and what it has learned."""

from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from espalier.infer.load import save_model
from espalier.train.card import Made, write_card
from espalier.train.checkpoint import appearing
from espalier.train.processes import rank, whole_weights
from espalier.train.seen import keep_seen, seen_by, seen_in
from espalier.train.settings import MODEL, Tuning
from espalier.train.sources import Parts


def keep(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, parts: Parts, made: Made) -> Path:
    """Write the model where the run keeps it, with its card and the fingerprints of all that it and those before it
    have learned.
    """
    target = made.settings.run.out / MODEL
    weights = whole_weights(model)
    before = [seen_by(made.settings.model.start)] if isinstance(made.settings, Tuning) else []
    with appearing(target) as folder:
        if rank() == 0:
            save_model(model, tokenizer, folder, weights)
            keep_seen(folder, seen_in(parts.learned), *before)
            write_card(folder, made)
    return target
