"""Records for tests of files, built in a line."""

import json
from pathlib import Path
from typing import Any


def message(message_id: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    """A message as an object of JSON: a prompter's where it has no parent, else an assistant's."""
    role = "prompter" if parent is None else "assistant"
    labels = {"spam": {"value": 0.0, "count": 3}, "lang_mismatch": {"value": 0.0, "count": 3}}
    said = {"message_id": message_id, "parent_id": parent, "text": f"This is {message_id}.", "role": role, "lang": "en"}
    return {**said, "labels": labels, **more}


def tree(prompt: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"message_tree_id": prompt["message_id"], "tree_state": "ready_for_export", "prompt": prompt, **more}


def lines(path: Path, *given: object) -> Path:
    """A file of these lines: bytes as they are, all else as JSON."""
    path.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in given))
    return path
