"""Reading in a process of its own gives what reading here gives, and leaves nothing behind."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from espalier.dataset import ahead
from espalier.dataset.ahead import ReaderLost, read_trees_ahead
from espalier.dataset.findings import Finding
from espalier.dataset.read import read_trees
from oasst import message, tree


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """More trees than go through at once, and some bad lines among them."""
    lines = [json.dumps(tree(message(f"m{number}", text="Ein Spalier. " * number))) for number in range(500)]
    lines[100], lines[300] = "{", json.dumps({"message_tree_id": "x"})
    path = tmp_path / "some.trees.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_trees_and_findings_are_those_of_the_file_in_its_order(file: Path) -> None:
    here: list[Finding] = []
    there: list[Finding] = []
    assert list(read_trees_ahead(file, there.append)) == list(read_trees(file, here.append))
    assert there == here
    assert [finding.line for finding in there if finding.lost] == [101, 301]


def test_a_file_without_trees_has_none(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    assert list(read_trees_ahead(tmp_path / "empty")) == []


def test_who_stops_reading_leaves_no_process_behind(file: Path, started: list[subprocess.Popen[bytes]]) -> None:
    reading = read_trees_ahead(file)
    next(reading)
    reading.close()
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_a_reader_that_is_killed_is_an_error_and_no_end_of_the_file(
    file: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    file.write_text(file.read_text() * 200)  # more than may wait
    reading = read_trees_ahead(file)
    next(reading)
    os.kill(started[0].pid, signal.SIGKILL)
    with pytest.raises(ReaderLost):
        list(reading)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    processes: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[call-overload]
            processes.append(self)

    monkeypatch.setattr(ahead.subprocess, "Popen", Noted)
    return processes
