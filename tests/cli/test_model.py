"""`espalier model serve` says in a sentence what is wrong before it listens."""

from pathlib import Path

from commands import Run


def test_what_cannot_be_served_is_said(run: Run, tmp_path: Path) -> None:
    missing = run("model", "serve", "./models/none")
    assert (missing.code, missing.err.count("\n")) == (1, 1)
    assert "there is no directory ./models/none" in missing.err
    assert run("model", "serve", "a", "--adapter", "brief").code == 2
    assert "not one of 'float32', 'bfloat16', 'float16'" in run("model", "serve", "a", "--dtype", "int8").err
    (tmp_path / "toxicity").write_text("?")
    assert "is no model" in run("model", "serve", "a", "--moderation", "toxicity").err
