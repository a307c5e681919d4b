"""What somebody is called who has not said yes to their name being read by others.

The same for the same person wherever it is shown; says nothing of who it is. Knows no accounts.
"""

from hashlib import blake2b
from typing import Final

PLANTS: Final = (
    "Apple", "Birch", "Cedar", "Cherry", "Clover", "Elder", "Fern", "Fig", "Hazel", "Heather", "Ivy", "Juniper",
    "Larch", "Laurel", "Lime", "Maple", "Medlar", "Mint", "Olive", "Peach", "Pear", "Pine", "Plum", "Quince", "Reed",
    "Rowan", "Sage", "Sorrel", "Spruce", "Thyme", "Vine", "Willow",
)  # fmt: skip


def pseudonym(person_id: str) -> str:
    """A plant and a number."""
    digest = int.from_bytes(blake2b(person_id.encode(), digest_size=8).digest())
    return f"{PLANTS[digest % len(PLANTS)]} {digest // len(PLANTS) % 9000 + 1000}"
