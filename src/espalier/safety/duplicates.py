"""Texts that are the same, or nearly: what one person may not send twice, and what a release should hold once.

Knows texts alone; does not know who sent them, nor when. No chance: the same texts always give the same answer.
"""

import unicodedata
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Final
from zlib import crc32

SHINGLE: Final = 5  # characters
BINS: Final = 128
ROWS: Final = (
    4  # bins of a band: texts that share 0.7 of their shingles meet in one of 32 bands in 9,998 of 10,000 cases
)

_UNSEEN: Final = str.maketrans("", "", "\u00ad\u200b\u2060\ufeff")


def normal(text: str) -> str:
    """The text as far as a reader would call it the same: blanks, capitals and spellings of one character aside.

    Punctuation, accents and the joiners of Persian and Indic words count, for they change what is said.
    """
    if text.isascii():
        return " ".join(text.lower().split())  # the same, and much sooner
    seen = unicodedata.normalize("NFC", text).translate(_UNSEEN).casefold()
    return unicodedata.normalize("NFC", " ".join(seen.split()))


def fingerprint(text: str) -> str:
    """The same for two texts exactly when they are the same to a reader; tells nothing of the text itself."""
    return blake2b(normal(text).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def similarity(one: str, other: str) -> float:
    """The share of their shingles that two texts have in common, from 0 to 1 (Jaccard)."""
    ours, theirs = _shingles(one), _shingles(other)
    return len(ours & theirs) / len(ours | theirs)


def near_duplicates(texts: Sequence[str], threshold: float = 0.8) -> list[list[int]]:
    """Groups of places of texts that are alike, each text to another of its group by `threshold` (0.5 to 1) or more.

    MinHash with one permutation (Li, Owen and Zhang 2012; empty bins filled as Shrivastava and Li 2014 do) proposes
    pairs, `similarity` decides them. Groups and their members stand in the order of the texts.
    """
    assert 0.5 <= threshold <= 1, f"{threshold=}"
    group_of = list(range(len(texts)))

    def head(place: int) -> int:
        while group_of[place] != place:
            group_of[place] = group_of[group_of[place]]
            place = group_of[place]
        return place

    for bucket in _buckets(texts):
        for index, place in enumerate(bucket):
            for earlier in bucket[:index]:
                one, other = sorted((head(earlier), head(place)))
                if one != other and similarity(texts[earlier], texts[place]) >= threshold:
                    group_of[other] = one
    groups: dict[int, list[int]] = {}
    for place in range(len(texts)):
        groups.setdefault(head(place), []).append(place)
    return [group for group in groups.values() if len(group) > 1]


def alike_from(threshold: float) -> Callable[[Sequence[str]], list[list[int]]]:
    """`near_duplicates` at this threshold, for whoever is handed what finds them."""
    return partial(near_duplicates, threshold=threshold)


@lru_cache(maxsize=1024)
def _shingles(text: str) -> frozenset[int]:
    said = normal(text)
    pieces = {said[start : start + SHINGLE] for start in range(max(1, len(said) - SHINGLE + 1))}
    return frozenset(crc32(piece.encode("utf-8", "surrogatepass")) for piece in pieces)


def _buckets(texts: Sequence[str]) -> Iterator[list[int]]:
    """Places of texts that have a band of their sketches in common."""
    sketches = [_sketch(_shingles(text)) for text in texts]
    for start in range(0, BINS, ROWS):
        alike: dict[bytes, list[int]] = {}
        for place, sketch in enumerate(sketches):
            alike.setdefault(sketch[start : start + ROWS].tobytes(), []).append(place)
        yield from (bucket for bucket in alike.values() if len(bucket) > 1)


def _sketch(shingles: frozenset[int]) -> "array[int]":
    """The least shingle of each bin; an empty bin takes that of the next one that has any, marked with the distance."""
    least: list[int | None] = [None] * BINS
    for shingle in shingles:
        # A checksum is linear, so like shingles would fill neighbouring bins; a multiplication (Knuth) spreads them.
        spread = shingle * 2654435761 % 2**32
        place = spread * BINS >> 32
        if (held := least[place]) is None or spread < held:
            least[place] = spread
    filled = array("Q")
    for place in range(BINS):
        distance = next(step for step in range(BINS) if least[(place + step) % BINS] is not None)
        filled.append((least[(place + distance) % BINS] or 0) + (distance << 32))
    return filled
