"""`espalier sample`: a model replies in growing trees, as often as was asked for, whether or not it was stopped."""

import json
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from commands import Run
from espalier.collect.moderation import plant
from espalier.domain.tree import State
from espalier.infer import remote
from espalier.store import people
from espalier.store.session import Database
from espalier.store.tables import messages
from gardens import NOON
from model_servers import model_server


def replies_in(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as db:
        columns = (messages.c.parent_id, messages.c.model_name, messages.c.text)
        rows = db.execute(select(*columns).where(messages.c.synthetic == 1).order_by(messages.c.parent_id))
        return [tuple(row) for row in rows]


def grow(database: Database, *prompts: str) -> None:
    with database.writer.begin() as db:
        chief = people.by_id(db, people.admins(db)[0])
        assert chief is not None
        for prompt in prompts:
            plant(db, chief, prompt, "en", NOON, Random(prompt), state=State.GROWING)


def test_a_directory_replies_once_to_each_prompt_and_the_same_with_the_same_seed(
    run: Run, campaign: Database, model_directory: Path
) -> None:
    grow(campaign, "Why is the sky blue?", "Add two numbers.")
    model = f"tiny={model_directory / 'model'}"
    asked = ("sample", model, "--longest", 12, "--device", "cpu", "--threads", 1)
    one = run(*asked, "--most", 1)
    assert one.code == 0, one.err
    assert "tiny added 1 reply to 1 prompt." in one.out
    assert "tiny added 1 reply to 1 prompt." in run(*asked).out
    assert "tiny added 0 replies to 0 prompts." in run(*asked).out
    assert [name for _, name, _ in replies_in(campaign)] == ["tiny"] * 2


def test_a_server_replies_to_the_prompts_of_a_file_and_to_nothing_else(run: Run, campaign: Database) -> None:
    grow(campaign, "Not this one.")
    lines = [{"prompt": "Why?"}, {"prompt": "How?"}, {"messages": [{"role": "user", "content": "Why?"}]}]
    Path("prompts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines[:2]))
    with model_server() as server:
        assert "in which language" in run("sample", server.url, "--prompts", "prompts.jsonl").err
        asked = ("sample", server.url, "--prompts", "prompts.jsonl", "--lang", "en", "--replies", 2)
        first = run(*asked)
        assert first.code == 0, first.err
        assert "prompts.jsonl: 2 new trees of 2 prompts." in first.out
        assert "stub added 2 replies to 2 prompts." in first.out
        assert "2 replies were empty, too long, or said what another reply says." in first.out
        again = run(*asked)
        assert "prompts.jsonl: 0 new trees of 2 prompts." in again.out
    assert {text for _, _, text in replies_in(campaign)} == {"Blue light is scattered."}
    assert run("doctor").code == 0


def test_what_cannot_be_asked_is_said(run: Run, campaign: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAUSE_S", 0.0)
    absent = run("sample", "nowhere/model")
    assert (absent.code, absent.err.count("\n")) == (1, 1)
    away = run("sample", "http://127.0.0.1:9")
    assert (away.code, away.err.count("\n")) == (1, 1)
    assert "127.0.0.1:9" in away.err
