"""A whole replay against a running server: trees in all states, the policy restored, a campaign of others untouched."""

import asyncio
import json
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from espalier.domain.policy import CampaignPolicy
from espalier.replay.client import Refused, Server
from espalier.replay.command import replay_command
from espalier.replay.reading import read_originals
from espalier.replay.stage import Report, replay
from espalier.store.session import Database
from live import Live, live

Json = dict[str, Any]


class Grove:
    """Nodes with ids of their own."""

    def __init__(self) -> None:
        self.count = 0

    def node(self, role: str, text: str, *replies: Json, lang: str = "en", **said: Any) -> Json:
        self.count += 1
        node: Json = {
            "message_id": f"m{self.count}", "parent_id": None, "text": text, "role": role, "lang": lang,
            "review_count": 3, "review_result": True, "deleted": False, "rank": None, "replies": list(replies),
            "labels": {
                "spam": {"value": 0.0, "count": 3}, "quality": {"value": 0.7, "count": 3},
                "pii": {"value": 0.2, "count": 3},
            },
        }  # fmt: skip
        for reply in replies:
            reply["parent_id"] = node["message_id"]
        return node | said

    def prompt(self, text: str, *replies: Json, **said: Any) -> Json:
        return self.node("prompter", text, *replies, **said)

    def reply(self, text: str, *replies: Json, **said: Any) -> Json:
        return self.node("assistant", text, *replies, **said)


def tree(state: str, prompt: Json) -> Json:
    return {"message_tree_id": prompt["message_id"], "tree_state": state, "prompt": prompt}


def trees_in_all_states() -> list[Json]:
    grove = Grove()
    prompt, reply = grove.prompt, grove.reply
    no: Json = {"review_result": False}
    undecided: Json = {"review_result": None, "review_count": 1}
    return [
        tree(
            "ready_for_export",
            prompt(
                "Why is the sky blue?",
                reply("Air scatters blue light.", prompt("And sunsets?", reply("The way is longer.")), rank=1),
                reply(" It is not, at night. ", rank=0),
                reply("Buy shoes!", **no),
                reply("Gone.", prompt("Below what is gone."), deleted=True, rank=2),
                reply("Came late.", review_result=None, review_count=0),
            ),
        ),
        tree(
            "ready_for_export",
            prompt(
                "Wie heißt die Hauptstadt?",
                reply("Berlin.", lang="de", rank=0),
                reply("Bonn.", lang="de", rank=1),
                reply("Berlin.", lang="de", rank=2),
                lang="de",
            ),
        ),
        tree("ready_for_export", prompt("Say nothing.", reply("cafe\u0301"), reply("na\u00efve"))),
        tree("growing", prompt("Tell me a story.", reply("Once.", **undecided), reply("Upon.", prompt("A time?")))),
        tree("prompt_lottery_waiting", prompt("Name a river.")),
        tree("initial_prompt_review", prompt("Name a lake.", review_result=None, review_count=2)),
        tree("aborted_low_grade", prompt("asdf", **no)),
        tree("halted_by_moderator", prompt("Name a town.")),
        tree("halted_by_moderator", prompt("Name a sea.", reply("The North Sea."))),
    ]


def write(path: Path, trees: list[Json]) -> Path:
    path.write_text("".join(json.dumps(tree) + "\n" for tree in trees), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "trees.jsonl", trees_in_all_states())


async def replayed(site: Live, file: Path, volunteers: int = 12) -> Report:
    async with Server(site.url) as server:
        return await replay(read_originals(file).trees, server, site.token, volunteers, seed=1)


async def policy_of(site: Live) -> dict[str, Any]:
    async with Server(site.url) as server:
        policy = await (await server.of(site.token)).policy()
        return {name: policy[name] for name in ("base", "langs")}


STRICT = CampaignPolicy.from_mapping(
    {"base": {"rate_tasks": "2/5", "max_active_trees": 0}, "langs": {"de": {"p_full_labeling_review_prompt": 0.5}}}
)


def test_every_tree_becomes_what_its_original_is_and_the_policy_is_restored(any_database: Database, file: Path) -> None:
    with live(any_database, STRICT) as site:
        before = asyncio.run(policy_of(site))
        report = asyncio.run(replayed(site, file))
        after = asyncio.run(policy_of(site))
    assert report.differing == {}
    assert report.same == report.trees == 9
    assert report.counts["texts"] == 23
    assert report.counts["rankings"] == 3 * 3
    assert before == after == STRICT.to_mapping()


def test_the_policy_is_restored_when_the_replay_is_stopped(sqlite_db: Database, file: Path) -> None:
    async def stopped(site: Live) -> None:
        begun = asyncio.Event()

        async def run() -> None:
            async with Server(site.url) as server:
                await replay(
                    read_originals(file).trees, server, site.token, 12, 1, lambda done, total: begun.set()
                )  # fmt: skip

        task = asyncio.create_task(run())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with live(sqlite_db, STRICT) as site:
        asyncio.run(stopped(site))
        assert asyncio.run(policy_of(site)) == STRICT.to_mapping()


def test_trees_of_others_are_left_alone(sqlite_db: Database, file: Path) -> None:
    async def story(site: Live) -> tuple[Report, list[Json]]:
        async with Server(site.url) as server:
            admin = await server.of(site.token)
            others = [
                await admin.plant({"text": f"Somebody else asks {state}.", "lang": "en", "state": state})
                for state in ("growing", "prompt_lottery_waiting", "initial_prompt_review")
            ]
            report = await replay(read_originals(file).trees, server, site.token, 12, 1)
            return report, [dict(await admin.tree(tree_id)) for tree_id in others]

    with live(sqlite_db, STRICT) as site:
        report, others = asyncio.run(story(site))
    assert report.differing == {}
    assert [tree["state"] for tree in others] == ["growing", "prompt_lottery_waiting", "initial_prompt_review"]
    assert all(tree["prompt"]["replies"] == [] and tree["prompt"]["review_count"] == 0 for tree in others)


def test_only_an_administrator_may_replay(sqlite_db: Database, file: Path) -> None:
    async def story(site: Live) -> None:
        async with Server(site.url) as server:
            (token,) = await (await server.of(site.token)).invite(1, "somebody")
        await replayed(Live(site.url, token), file)

    with live(sqlite_db) as site, pytest.raises(Refused, match="admin"):
        asyncio.run(story(site))


def printed(file: Path, url: str, token: str) -> tuple[int, str, str]:
    out, err = (Console(file=StringIO(), soft_wrap=True) for _ in range(2))
    code = replay_command(file, url, token, 12, 0, out, err)
    return code, *(console.file.getvalue() for console in (out, err))  # type: ignore[attr-defined]


def test_the_command_says_what_became_of_the_trees(sqlite_db: Database, tmp_path: Path) -> None:
    grove = Grove()
    crowded = grove.prompt("Count.", *(grove.reply(str(number)) for number in range(20)))
    twin = grove.prompt("Count.", grove.reply("Again."))
    alone = grove.prompt("Say something.", grove.reply("Something."))
    file = write(tmp_path / "trees.jsonl", [tree("ready_for_export", each) for each in (crowded, twin, alone)])
    with live(sqlite_db) as site:
        code, out, err = printed(file, site.url, site.token)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("1 of 2 trees became what their originals are")
    assert f"Not planted: {twin['message_id']}: begins with the same prompt as {crowded['message_id']}." in lines
    assert f"Not the same: {crowded['message_id']}" in lines
    assert "    It ended in growing, not in ready_for_export." in lines
    figures = json.loads(lines[-1])
    assert {name: figures[name] for name in ("trees", "same", "left_out")} == {"trees": 2, "same": 1, "left_out": 1}


def test_the_command_fails_with_a_sentence(sqlite_db: Database, tmp_path: Path, file: Path) -> None:
    code, _, err = printed(tmp_path / "missing.jsonl", "http://127.0.0.1:1", "token")
    assert (code, "cannot be read" in err) == (1, True)
    code, _, err = printed(write(tmp_path / "empty.jsonl", []), "http://127.0.0.1:1", "token")
    assert (code, "holds no tree that can be planted" in err) == (1, True)
    with live(sqlite_db) as site:
        code, _, err = printed(file, site.url, "wrong")
    assert (code, "(401)" in err) == (1, True)


def test_a_server_that_is_gone_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espalier.replay.client.PAUSES_S", ())
    code, _, err = printed(file, "http://127.0.0.1:1", "token")
    assert (code, "http://127.0.0.1:1 does not answer" in err) == (1, True)
    with pytest.raises(httpx.ConnectError):
        asyncio.run(replayed(Live("http://127.0.0.1:1", "token"), file))
