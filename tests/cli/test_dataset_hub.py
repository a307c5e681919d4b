"""`espalier dataset publish`, with a hub on this machine that keeps what it is handed."""

import base64
import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from huggingface_hub import constants

from commands import Run
from espalier.dataset.stamp import files_in

DATA_SET: Final = "orchard/trees"
AT: Final = f"/api/datasets/{DATA_SET}"
COMMIT: Final = "a" * 40


class Hub(ThreadingHTTPServer):
    """A hub with one data set, in which a file of an earlier release lies."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.files = {".gitattributes": b"", "data/test.trees.jsonl.gz": b"of an earlier release"}
        self.tags: dict[str, str] = {}
        self.tokens: set[str | None] = set()
        self.made: list[dict[str, Any]] = []
        self.commits = 0

    def answer(self, method: str, path: str, body: bytes) -> object:
        match method, path:
            case "POST", "/api/repos/create":
                self.made.append(json.loads(body))
                return {"url": f"http://127.0.0.1:{self.server_port}/datasets/{DATA_SET}"}
            case "GET", known if known == f"{AT}/refs":
                tags = [{"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": at} for tag, at in self.tags.items()]
                return {"branches": [], "converts": [], "tags": tags}
            case "GET", known if known.startswith(f"{AT}/tree/main"):
                return [{"type": "file", "path": name, "size": 0, "oid": "0"} for name in self.files]
            case "POST", "/api/validate-yaml":
                return {"errors": [], "warnings": []}
            case "POST", known if known == f"{AT}/preupload/main":
                names = [file["path"] for file in json.loads(body)["files"]]
                return {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]}
            case "POST", known if known == f"{AT}/commit/main":
                self.commits += 1
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                    elif line["key"] == "deletedFile":
                        del self.files[line["value"]["path"]]
                return {
                    "commitUrl": f"http://127.0.0.1:{self.server_port}/datasets/{DATA_SET}/commit/{COMMIT}",
                    "commitOid": COMMIT,
                }
            case "POST", known if known.startswith(f"{AT}/tag/"):
                self.tags[json.loads(body)["tag"]] = known.rpartition("/")[2]
                return {}
        return None


class Door(BaseHTTPRequestHandler):
    """Hands what is asked to the hub."""

    server: Hub

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.tokens.add(self.headers.get("Authorization"))
        answer = self.server.answer(method, self.path.partition("?")[0], body)
        said = json.dumps({"error": "Repository not found"} if answer is None else answer).encode()
        self.send_response(404 if answer is None else 200)
        if answer is None:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with Hub() as made:
        Thread(target=made.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{made.server_port}")
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        yield made
        made.shutdown()


def test_a_release_is_checked_and_handed_to_the_hub_as_it_is(
    run: Run, hub: Hub, demo_files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees, votes = demo_files
    made = run("dataset", "release", "one", "--from", trees, "--votes", votes, "--into", tmp_path, "--no-report")
    assert made.code == 0, made.err
    folder = tmp_path / "one"

    published = run("dataset", "publish", folder, DATA_SET)
    assert published.code == 0, published.err
    assert f"/datasets/{DATA_SET}" in published.out.replace("\n", "")
    assert hub.files == {".gitattributes": b""} | {name: path.read_bytes() for name, path in files_in(folder).items()}
    assert (hub.commits, hub.tags) == (1, {"one": COMMIT})
    assert hub.made[0]["visibility"] == "private"
    assert hub.tokens - {None} == {"Bearer hf_secret"}

    again = run("dataset", "publish", folder, DATA_SET)
    assert again.code == 1
    assert "never changed" in again.err
    assert "no data set's name" in run("dataset", "publish", folder, "a/b/c").err
    (folder / "split.json").write_text("{}")
    assert "split.json" in run("dataset", "publish", folder, DATA_SET).err
    assert hub.commits == 1


def test_without_token_or_hub_a_sentence_says_what_is_needed(
    run: Run, hub: Hub, demo_files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("dataset", "release", "one", "--from", demo_files[0], "--into", tmp_path, "--no-report")
    refused = run("dataset", "publish", tmp_path / "one", "orchard/others")
    assert refused.code == 1
    assert "does not let this token write" in refused.err
    monkeypatch.setattr(hub, "answer", lambda method, path, body: "no hub")
    assert "does not answer as a hub does" in run("dataset", "publish", tmp_path / "one", DATA_SET).err
    monkeypatch.delenv("HF_TOKEN")
    assert "HF_TOKEN" in run("dataset", "publish", tmp_path / "one", DATA_SET).err
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "espalier[hub]" in run("dataset", "publish", tmp_path / "one", DATA_SET).err
    assert hub.commits == 0
