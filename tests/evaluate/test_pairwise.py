"""Models against each other before a judge: a small server of ours answers and judges over real HTTP."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from secrets import token_hex
from threading import Thread
from typing import Any

import pytest

from commands import Run
from espalier.collect import arena
from espalier.collect.accounts import create_person
from espalier.evaluate.judges import prompt_of, verdict_in
from espalier.evaluate.pairwise import Contest
from espalier.evaluate.prompts import read_prompts
from espalier.evaluate.questions import BadSet
from espalier.store.battles import Declined, Vote
from espalier.store.door import open_door
from espalier.store.people import PersonRole
from espalier.store.session import Database
from live import live
from oasst import lines

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MODELS = ("good", "bad", "judge")


def reply_of(model: str, messages: list[dict[str, str]]) -> dict[str, Any]:
    """Answerers say what they are, and one declines where it is asked to. The judge likes `good`, but in a question
    about `order` what stands first; of others it says nothing, or refuses."""
    last = messages[-1]["content"]
    if model == "bad" and "decline" in last:
        return {"content": "A bad answer: I can't help with that."}
    if model != "judge":
        return {"content": f"A {model} answer to: {last}"}
    if "refuse" in last:
        return {"content": "", "refusal": "I would rather not."}
    if "mumble" in last:
        return {"content": "Both have merits."}
    first = last.index("A good answer") < last.index("A bad answer")
    return {"content": f"Not [[C]]. [[{'A' if 'order' in last or first else 'B'}]]"}


@dataclass
class Stub:
    url: str
    asked: Counter[str] = field(default_factory=Counter)
    longest: dict[str, int] = field(default_factory=dict)


@pytest.fixture
def stub() -> Iterator[Stub]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say({"object": "list", "data": [{"id": model} for model in MODELS]})

        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked[given["model"]] += 1
            served.longest[given["model"]] = given["max_tokens"]
            message = {"role": "assistant", **reply_of(given["model"], given["messages"])}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._say({"id": "x", "created": 0, "model": given["model"], "choices": [choice]})

        def _say(self, said: dict[str, Any]) -> None:
            written = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *_: object) -> None:
            """It says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        served = Stub(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever).start()
        yield served
        server.shutdown()


def asked_of(stub: Stub, *more: object) -> list[object]:
    models = [f"{stub.url}#{model}" for model in MODELS[:2]]
    return ["evaluate", "pairwise", *models, "--prompts", "prompts.jsonl", "--judge", f"openai:{stub.url}#judge",
            "--resamples", 200, *more]  # fmt: skip


def test_a_language_model_judges_in_both_orders_and_goes_on_where_it_was_stopped(run: Run, stub: Stub) -> None:
    plain = [{"question_id": n, "turns": [f"Plain question {n}", "And then?"]} for n in range(5)]
    odd = [{"id": what, "prompt": f"A question about {what}"} for what in ("order", "refuse", "mumble")]
    lines(Path("prompts.jsonl"), *plain, *odd)
    ran = run(*asked_of(stub))
    assert ran.code == 0, ran.err
    assert stub.asked == {"good": 13, "bad": 13, "judge": 26}
    assert "2 could not be read and 2 were refused" in ran.out
    figures = json.loads(Path("results/pairwise.json").read_text("utf-8"))
    assert [each["model"] for each in figures["models"]] == ["good", "bad"]
    assert (figures["battles"], figures["unparsed"], figures["refused"], figures["pairs"]) == (22, 2, 2, 11)
    assert figures["survived"]["value"] == pytest.approx(10 / 11)
    assert figures["models"][0]["won"]["value"] == pytest.approx(21 / 22)
    battles = [json.loads(line) for line in Path("results/pairwise.battles.jsonl").read_text("utf-8").splitlines()]
    assert Counter(each["winner"] for each in battles if each["winner"] in ("error", "refused")) == {
        "error": 2,
        "refused": 2,
    }
    assert len(battles) == 26
    assert {each["judge"] for each in battles} == {"judge pair-1"}
    assert [turn["role"] for turn in battles[2]["conversation_a"]] == ["user", "assistant"] * 2

    judgements = Path("results/pairwise.judgements.jsonl")
    whole = judgements.read_bytes()
    judgements.write_bytes(whole[: len(whole) // 2])
    stub.asked.clear()
    again = run(*asked_of(stub))
    assert again.out == ran.out
    assert stub.asked.keys() == {"judge"}
    assert 10 < stub.asked["judge"] < 16
    stub.asked.clear()
    rated = run("evaluate", "battles", "results/pairwise.battles.jsonl", "--into", "rated", "--resamples", 200)
    assert rated.code == 0
    same = json.loads(Path("rated/battles.json").read_text("utf-8"))
    assert {**same, "inputs": 0, "settings": 0} == {**figures, "inputs": 0, "settings": 0}


def test_what_is_said_of_refusals_is_told_apart_from_the_ratings(run: Run, stub: Stub) -> None:
    lines(Path("prompts.jsonl"), *({"prompt": f"Please {what} this."} for what in ("do", "order", "decline")))
    ran = run(*asked_of(stub, "--judge-longest", 64))
    assert ran.code == 0, ran.err
    assert stub.longest == {"good": 512, "bad": 512, "judge": 64}
    assert "2 verdicts are left out of the ratings, because an answer refuses" in ran.out
    assert "bad 2 of 6, good 0 of 6" in ran.out
    assert json.loads(Path("results/pairwise.json").read_text("utf-8"))["battles"] == 4
    battles = [json.loads(line) for line in Path("results/pairwise.battles.jsonl").read_text("utf-8").splitlines()]
    assert [each.get("declined") for each in battles] == [None] * 4 + [["bad"]] * 2


def test_a_reward_model_judges_models_of_this_machine(run: Run, stub: Stub, model_directory: Path) -> None:
    lines(Path("prompts.jsonl"), *({"prompt": f"Why is {what}?"} for what in ("blue", "red", "the sky")))
    ran = run(
        "evaluate", "pairwise", f"tiny={model_directory / 'model'}", f"served={stub.url}#good", "--prompts",
        "prompts.jsonl", "--judge", f"reward:{model_directory / 'reward'}", "--longest", 8, "--device", "cpu",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "No pair of answers was judged in both orders" in ran.out
    figures = json.loads(Path("results/pairwise.json").read_text("utf-8"))
    assert figures["battles"] == 3
    results = json.loads(Path("results/tiny/pairwise.json").read_text("utf-8"))
    assert len(results["identity"]) == 64
    assert results["settings"]["judge"].startswith("the reward model")


def test_volunteers_of_a_site_judge_and_the_command_goes_on_with_what_they_said(
    run: Run, stub: Stub, sqlite_db: Database
) -> None:
    lines(Path("prompts.jsonl"), *({"prompt": f"Why is {what} as it is?"} for what in ("the sky", "the grass", "snow")))
    models = [f"{stub.url}#{model}" for model in MODELS[:2]]
    with live(sqlite_db) as site:
        asked = ["evaluate", "pairwise", *models, "--prompts", "prompts.jsonl", "--judge", "people", "--url", site.url,
                 "--token", site.token, "--people", 1, "--resamples", 200]  # fmt: skip
        early = run(*asked, "--no-wait")
        assert (early.code, early.err) == (1, "espalier: Nobody has voted yet; the same command goes on from here.\n")
        with closing(open_door(sqlite_db)) as door:
            ada = door.call(create_person, None, "Ada", PersonRole.CONTRIBUTOR, token_hex, NOW, Random(1)).person
            while battle_id := door.call(arena.next_battle, ada, ["en"], NOW):
                seen = door.call(arena.seen, ada, battle_id)
                said = Vote.LEFT if seen.left[-1].text.startswith("A good") else Vote.RIGHT
                refuses = Declined.RIGHT if "snow" in seen.thread[-1].text else None
                door.call(arena.vote, ada, battle_id, said, refuses, NOW)
        ran = run(*asked)
    assert ran.code == 0, ran.err
    assert stub.asked == {"good": 3, "bad": 3}
    assert "One person gave 3 votes" in ran.out
    assert "1 vote is left out of the ratings" in ran.out
    figures = json.loads(Path("results/pairwise.json").read_text("utf-8"))
    assert (figures["battles"], figures["models"][0]["model"]) == (2, "good")
    battles = [json.loads(line) for line in Path("results/pairwise.battles.jsonl").read_text("utf-8").splitlines()]
    assert [len(each.get("declined", ())) for each in battles].count(1) == 1
    assert {each["judge"] for each in battles} == {"person 1"}
    again = run("evaluate", "battles", "results/pairwise.battles.jsonl", "--into", "again", "--resamples", 200)
    assert "Left out, for an answer was seen refusing: 1 battle." in again.out
    assert json.loads(Path("again/battles.json").read_text("utf-8"))["battles"] == 2


@pytest.mark.parametrize(
    ("said", "winner"),
    [("… so [[A]]", "model_a"), ("[[A]]? No:\n[[B]]", "model_b"), ("[[C]]", "tie"), ("A is better", None), ("", None)],
)
def test_the_last_verdict_counts(said: str, winner: str | None) -> None:
    assert verdict_in(said) == winner


def test_the_judge_is_told_neither_names_nor_where_an_answer_came_from() -> None:
    from espalier.dataset.examples import Turn

    question = Turn("user", "Why?")
    contest = Contest(
        "1", 1, "famous-model", "other", (question, Turn("assistant", "x")), (question, Turn("assistant", "y"))
    )
    one, other = (prompt_of(each)[-1].content for each in (contest, contest.turned))
    assert "famous" not in one
    assert one.index("x\n[End of answer A]") < one.index("y\n[End of answer B]")
    assert other.index("y\n[End of answer A]") < other.index("x\n[End of answer B]")


def test_prompts_of_many_kinds_are_read_and_others_refused(tmp_path: Path) -> None:
    chat = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    path = lines(tmp_path / "p.jsonl", {"uid": "x", "prompt": "p"}, {"turns": [{"content": "q"}, "r"]}, chat)
    one, two, three = read_prompts(path)
    assert (one.id, two.later, [turn.content for turn in three.turns]) == ("x", ("r",), ["a"])
    for wrong in ({"turns": []}, {"turns": [1]}, {"prompt": 3}, {"model_a": "a", "model_b": "b", "winner": "tie"}, {}):
        with pytest.raises(BadSet):
            read_prompts(lines(tmp_path / "wrong.jsonl", wrong))
    with pytest.raises(BadSet, match="asks question x twice"):
        read_prompts(lines(tmp_path / "twice.jsonl", *[{"id": "x", "prompt": "p"}] * 2))


def test_of_a_file_that_cannot_be_read_the_line_is_told(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"prompt\n" + b"".join(b"%d\n" % n for n in range(3_000))))
    packed[40:60] = bytes(20)
    for name, written, says in (
        ("broken.jsonl", b'{"prompt": "a"}\n\n{"prompt": "b', "broken.jsonl:3: is no JSON: Unterminated string"),
        ("broken.json", b'[{"prompt": "a"},\n{"prompt"}]', "broken.json:2: is no list of JSON objects"),
        ("long.csv", b"prompt\na\n" + b"x" * 200_000, "long.csv:3: cannot be read as CSV"),
        ("packed.csv.gz", bytes(packed), "packed.csv.gz cannot be read"),
    ):
        path = tmp_path / name
        path.write_bytes(written)
        with pytest.raises(BadSet, match=says):
            read_prompts(path)


def test_what_cannot_be_compared_is_refused_in_a_sentence(run: Run, stub: Stub) -> None:
    lines(Path("prompts.jsonl"), {"prompt": "p"})
    same = run(*asked_of(stub), f"{stub.url}#good")
    assert same.code == 2
    assert "Two models are called good" in same.err
    nobody = run("evaluate", "pairwise", "a", "b", "--prompts", "prompts.jsonl", "--judge", "me")
    assert nobody.code == 2
    assert "'me' is no judge" in nobody.err
