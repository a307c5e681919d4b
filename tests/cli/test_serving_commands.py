"""`espalier serve` as a process, and what all commands have in common."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import typer

from commands import Run
from espalier import __version__
from espalier.cli import app
from espalier.demo import TREES
from espalier.domain.tree import State
from espalier.store.session import Database


def every_command() -> list[list[str]]:
    def walk(words: list[str], command: object) -> list[list[str]]:
        below = getattr(command, "commands", {})
        return [words, *(each for word, one in below.items() for each in walk([*words, word], one))]

    return walk([], typer.main.get_command(app))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def served(port: int, *options: str) -> Iterator[str]:
    """A server as somebody would start it; gives what it says before it listens, and checks that it ends in order."""
    command = [sys.executable, "-m", "espalier.cli", "serve", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "ESPALIER_PORT": str(port), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Application startup complete" in line:
            break
    try:
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=30)[0]
        assert process.returncode == 0, said + rest
        assert "Traceback" not in said + rest


def test_the_first_start_shows_a_link_and_a_token_that_open_the_campaign_and_the_second_none(run: Run) -> None:
    port = free_port()
    with served(port) as said:
        found = re.search(r"esp_\S+", said)
        assert found is not None
        people = httpx.get(f"http://127.0.0.1:{port}/api/v1/people", headers={"Authorization": f"Bearer {found[0]}"})
        assert people.json()["items"][0]["name"] == "Administrator"
        assert run("user", "add", "Ana").code == 0  # a command beside the server
        link = re.search(rf"http://127.0.0.1:{port}/signin/link/\S+", said)
        assert link is not None
        with httpx.Client(follow_redirects=True) as browser:
            token = re.search(r'name="form_token" value="(\w+)"', browser.get(link[0]).text)
            assert token is not None
            assert browser.post(link[0], data={"form_token": token[1]}).url.path == "/admin"
            assert browser.get(link[0]).status_code == 404  # it works once
    with served(port) as said:
        assert "esp_" not in said
        assert f"Espalier listens on http://127.0.0.1:{port}" in said


def test_the_demo_has_trees_in_all_states_and_work_of_every_kind(any_campaign: Database, run: Run) -> None:
    port = free_port()
    with served(port, "--demo") as said:
        assert "Planted 63 demo trees with 341 messages." in said
        counts = {
            row[0]: int(row[1].replace(",", "")) for row in re.findall(r"^(\w+_\w+) +([\d,]+)\b", said, re.MULTILINE)
        }
        assert counts.pop("rank_prompter_replies") == 0  # the policy does not ask for it
        assert len(counts) == 7
        assert all(counts.values())
    stands = run("stats").out
    passing = {State.READY_FOR_SCORING, State.SCORING_FAILED}  # the rules lead on from there at once
    assert all(re.search(rf"^{state} +[1-9]", stands, re.MULTILINE) for state in set(State) - passing)
    assert run("doctor").code == 0
    with served(port, "--demo") as said:
        assert "There are trees already" in said


def test_a_port_that_is_taken_is_named_before_anything_is_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        Path("espalier.toml").write_text(f"port = {port}", "utf-8")
        by_file = run("serve")
        monkeypatch.setenv("ESPALIER_PORT", str(port))
        refused = run("serve")
    assert refused.code == by_file.code == 1
    said = f"espalier: Somebody listens on 127.0.0.1, port {port} already; stop that program, or set another "
    assert " ".join(refused.err.split()) == f"{said}ESPALIER_PORT."
    assert " ".join(by_file.err.split()) == f"{said}port in espalier.toml."
    assert not Path("var").exists()


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_says_what_it_does(run: Run, words: list[str]) -> None:
    helped = run(*words, "--help")
    assert helped.code == 0
    assert re.search(r"^  [A-Z].*[.:;,\w]$", helped.out, re.MULTILINE)
    assert max(map(len, helped.out.splitlines())) <= 80


NEED_A_CAMPAIGN = [
    ("stats",), ("tree", "show", "x"), ("user", "list"), ("user", "add", "Ana"), ("doctor",), ("doctor", "--repair"),
    ("export", "a.jsonl"), ("backup", "copy.db"), ("import", "some.jsonl"),
]  # fmt: skip


@pytest.mark.parametrize("words", NEED_A_CAMPAIGN, ids=" ".join)
def test_without_a_campaign_commands_say_how_to_begin_one(run: Run, words: tuple[str, ...]) -> None:
    Path("some.jsonl").write_text("")
    refused = run(*words)
    assert refused.code == 1
    assert refused.err.startswith("espalier: There is no campaign at var/espalier.db; `espalier serve` begins one")
    assert not Path("var").exists()


@pytest.mark.parametrize("words", [each for each in NEED_A_CAMPAIGN if each[0] != "backup"], ids=" ".join)
def test_a_campaign_of_a_newer_program_is_refused(campaign: Database, run: Run, words: tuple[str, ...]) -> None:
    Path("some.jsonl").write_text("")
    with campaign.writer.begin() as db:
        db.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    refused = run(*words)
    assert refused.code == 1
    assert refused.err.startswith("espalier: The database is at revision 9999, and this program knows revisions up to")


def test_what_is_no_database_is_named(run: Run) -> None:
    Path("var").mkdir()
    Path("var/espalier.db").write_bytes(b"a letter to my aunt" * 1000)
    refused = run("stats")
    assert refused.code == 1
    assert refused.err == "espalier: The database cannot be used: file is not a database.\n"


def test_a_server_that_is_not_there_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPALIER_DATABASE_URL", f"postgresql://ana:secret@127.0.0.1:{free_port()}/trees")
    refused = run("stats")
    assert refused.code == 1
    assert refused.err.startswith("espalier: The database does not answer: ")
    assert "secret" not in refused.err
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize("token", ["esp_é", "esp_x\n"])
def test_what_can_be_no_token_is_refused_in_a_sentence(run: Run, token: str) -> None:
    refused = run("replay", "trees.jsonl", "--token", token)
    assert refused.code == 2
    assert refused.err == "espalier: This is no token; `espalier user token` makes one.\n"


def test_settings_that_cannot_be_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPALIER_PORT", "many")
    assert run("config").err == "espalier: ESPALIER_PORT is 'many', but must be a whole number from 1 to 65,535.\n"


def test_the_version_is_said(run: Run) -> None:
    assert run("--version").out == f"espalier {__version__}\n"


def test_the_api_is_described_for_programs(run: Run) -> None:
    described = json.loads(run("openapi").out)
    assert described["openapi"].startswith("3.")
    assert "/api/v1/tasks/next" in described["paths"]


def test_a_replay_goes_to_where_the_settings_say_that_the_server_listens(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("ESPALIER_PORT", str(port))
    monkeypatch.setenv("ESPALIER_PUBLIC_URL", "https://trees.example.org")
    ran = run("replay", TREES, "--token", "esp_none")
    assert (ran.code, f"http://127.0.0.1:{port} does not answer" in ran.err) == (1, True), ran.err
