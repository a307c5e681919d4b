"""Which texts a model has learned from, kept beside its weights, so that nobody measures it on one of them.

Fingerprints of the texts, not the texts.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from espalier.train.settings import Tuning
from espalier.train.sources import BadSource, Line, Parts, excerpt, telling

FILE: Final = "learned_texts.npy"
Seen = NDArray[np.uint64]


def seen_by(model: str | Path) -> Seen:
    """What a model of ours has learned, it and all that it comes from; nothing is known of others."""
    file = Path(model) / FILE
    return np.load(file) if file.is_file() else np.array([], np.uint64)


def seen_in(lines: Iterable[Line]) -> Seen:
    """The fingerprints of all telling texts."""
    return np.unique(np.array([_number(key) for line in lines for key in telling(line.texts)], np.uint64))


def _number(key: str) -> int:
    return int(key[:16], 16)


def keep_seen(into: Path, *seen: Seen) -> None:
    """Write beside a model what it and those before it have learned."""
    np.save(into / FILE, np.unique(np.concatenate(seen)))


def measurable(parts: Parts, settings: Tuning) -> Parts:
    """The parts of a run that goes on from a model, held against what that has learned: as `data.overlap` says.

    Raises BadSource, which names the text.
    """
    if settings.data.overlap == "learn":
        return without_learned(parts, settings.model.start)
    refuse_learned(parts, settings.model.start)
    return parts


def refuse_learned(parts: Parts, model: str | Path) -> None:
    """Raises BadSource, which names the text, where the model has learned a text that is held out."""
    known = set(seen_by(model).tolist())
    for line in parts.held_out:
        if known and (text := _first_known(line.texts, known)):
            raise BadSource(
                f"{model} has learned {excerpt(text)!r}, which is held out of {line.source}; set data.overlap to "
                f'"learn", so that such lines are not measured on, or start from another model'
            )


def learned_among(texts: Iterable[str], model: str | Path) -> int:
    """How many of the texts the model has learned; short ones, which prove nothing, are not counted."""
    known = set(seen_by(model).tolist())
    return sum(_first_known([text], known) is not None for text in texts) if known else 0


def without_learned(parts: Parts, model: str | Path) -> Parts:
    """The same parts, where what is held out and known to the model is learned rather than measured on."""
    known = set(seen_by(model).tolist())
    units = {line.unit for line in parts.held_out if known and _first_known(line.texts, known)}
    moved = tuple(line for line in parts.held_out if line.unit in units and line.weight > 0 and not line.held_out)
    return Parts((*parts.learned, *moved), tuple(line for line in parts.held_out if line.unit not in units))


def _first_known(texts: Sequence[str], known: set[int]) -> str | None:
    return next((text for text in texts for key in telling([text]) if _number(key) in known), None)
