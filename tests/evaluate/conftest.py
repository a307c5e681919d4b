"""Tiny models, and commands as somebody types them."""

from pathlib import Path

import pytest

from commands import run
from espalier.evaluate.local import LocalModel, open_local
from tiny_models import model_directory

__all__ = ["model_directory", "run"]


@pytest.fixture(scope="session")
def local_model(model_directory: Path) -> LocalModel:
    return open_local("tiny", str(model_directory / "model"), device="cpu")
