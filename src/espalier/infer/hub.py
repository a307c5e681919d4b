"""Models by name: a directory here, or one on the hub, where the hub can be reached; nobody waits for tries in vain.

Knows names and the hub's address; does not know what a model holds.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

import httpx
from huggingface_hub import constants, try_to_load_from_cache

from espalier.infer.unusable import BadModel

WAIT_S: Final = 5.0
HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def from_where(name: str | Path) -> dict[str, bool]:
    """What transformers is told, to read a model from its directory, from the hub or, where the hub cannot be reached,
    from what was fetched before: left to itself it would try the hub for most of a minute. Raises BadModel.
    """
    if Path(name).is_dir():
        return {}
    if not HUB_NAME.fullmatch(str(name)):
        raise BadModel(f"there is no directory {name}; name one that holds a model, or a model on the hub")
    if not is_reached(constants.ENDPOINT):
        if not any(isinstance(try_to_load_from_cache(str(name), file), str) for file in FIRST):
            raise BadModel(
                f"there is no directory {name}, and no hub to look for it: {constants.ENDPOINT} is not reached from "
                "here; name a directory that holds a model"
            )
        return {"local_files_only": True}
    return {}


FIRST: Final = ("config.json", "adapter_config.json")
"""One of them every model has."""


@cache
def is_reached(endpoint: str) -> bool:
    """Whether anything answers there, asked once."""
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        httpx.head(endpoint, timeout=WAIT_S)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return True
