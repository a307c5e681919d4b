"""A model that is named and not there is refused at once, not after most of a minute of tries."""

from pathlib import Path
from time import monotonic

import pytest
from huggingface_hub import constants

from espalier.infer.hub import from_where
from espalier.infer.load import load_model
from espalier.infer.unusable import BadModel

NOBODY = "http://127.0.0.1:9"


def test_without_a_hub_a_model_on_it_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", NOBODY)
    began = monotonic()
    for name in ("somebody/some-model", "some-model"):
        with pytest.raises(BadModel, match=f"there is no directory {name}, and no hub to look for it: {NOBODY}"):
            load_model(name)
    assert monotonic() - began < 5


def test_without_a_hub_what_was_fetched_before_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", NOBODY)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--somebody--some-model"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("abc")
    (kept / "snapshots" / "abc").mkdir(parents=True)
    (kept / "snapshots" / "abc" / "config.json").write_text("{}")
    assert from_where("somebody/some-model") == {"local_files_only": True}


@pytest.mark.parametrize("path", ["./runs/sft", "runs/sft/model", "/runs/sft", "runs/sft/", "~/sft"])
def test_what_can_be_a_directory_only_is_looked_for_nowhere_else(path: str) -> None:
    with pytest.raises(BadModel, match=f"there is no directory {path};"):
        from_where(path)
