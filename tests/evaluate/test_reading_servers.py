"""A server that tells what its model makes of texts is evaluated as the model's directory is; another is refused."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from commands import Run
from espalier.dataset.examples import Turn
from espalier.evaluate.local import LocalModel
from espalier.evaluate.model import BadModelName
from espalier.evaluate.remote import ReadingModel, open_remote
from espalier.infer.engine import Sampling
from espalier.infer.opening import Bounds, Opened
from espalier.infer.server import Serving, make_app
from model_servers import ModelServer, model_server
from oasst import lines, message, tree

QUESTION = {
    "question": "Why is the sky blue?",
    "mc1_targets": {"choices": ["Because of the air.", "Nobody knows."], "labels": [1, 0]},
    "mc2_targets": {"choices": ["The air.", "Paint.", "Grüße!"], "labels": [1, 0, 0]},
}
LONG = tuple(Turn(("user", "assistant")[place % 2], "Why is the sky blue? " * 9) for place in range(5))


@pytest.fixture(scope="module")
def url(model_directory: Path) -> Iterator[str]:
    opened = Opened(Bounds(device="cpu", tokens=1024))
    opened.add("tiny", str(model_directory / "model"), {})
    server = uvicorn.Server(uvicorn.Config(make_app(Serving(opened.models)), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def stub() -> Iterator[ModelServer]:
    with model_server() as says:
        yield says


def test_texts_are_as_likely_to_a_server_as_to_its_model(url: str, local_model: LocalModel) -> None:
    served = open_remote("tiny", url).reading()
    assert isinstance(served, ReadingModel)
    asked = [
        ((Turn("user", "Why?"),), "Because of the air."),
        ((Turn("system", "Be brief."), Turn("user", "Why?")), "Grüße!"),
        (LONG, "No."), ("the sky is ", "blue"), ("Why", " is <|assistant|> it?"),
    ]  # fmt: skip
    ours, theirs = local_model.loglikelihood(asked), served.loglikelihood(asked)
    assert [each.log_p for each in theirs] == pytest.approx([each.log_p for each in ours], abs=1e-3)
    assert [(each.tokens, each.greedy) for each in theirs] == [(each.tokens, each.greedy) for each in ours]
    greedy = Sampling(8, temperature=0.0)
    prompts = ["Why is the sky", (Turn("user", "Why?"),), "Write"]
    assert served.generate(prompts, greedy, 0) == local_model.generate(prompts, greedy, 0)
    with pytest.raises(BadModelName, match="puts nothing before a text"):
        served.loglikelihood_rolling(["Why?"])


def test_what_needs_probabilities_takes_such_a_server_and_refuses_another(
    run: Run, url: str, model_directory: Path, stub: ModelServer
) -> None:
    lines(Path("truth.jsonl"), QUESTION)
    options = ["--questions", "truth.jsonl", "--invented", 0, "--threads", 1]
    for name, model in (("served", f"{url}#tiny"), ("here", model_directory / "model")):
        ran = run("evaluate", "truth", f"{name}={model}", *options)
        assert ran.code == 0, ran.err
    one, other = (
        json.loads(Path(f"results/{name}/truth.json").read_text("utf-8"))["figures"] for name in ("served", "here")
    )
    assert one["MC2"]["value"] == pytest.approx(other["MC2"]["value"], abs=1e-4)
    assert one["MC1"] == other["MC1"]
    refused = run("evaluate", "truth", f"{stub.url}#stub", *options)
    assert refused.code
    assert "stub is on a server that tells no probabilities of texts" in refused.err
    assert "needs one that does, or a model's directory" in refused.err
    reply = message("reply", "tree", text="The air.", review_result=True)
    lines(Path("trees.jsonl"), tree(message("tree", text="Why?", review_result=True, replies=[reply])))
    alone = run("evaluate", "heldout", f"{stub.url}#stub", "--trees", "trees.jsonl")
    assert alone.code
    assert "bits per byte needs one that does" in alone.err
    nowhere = run("evaluate", "subspace", f"{url}#tiny")
    assert "shows no weights; name the model's directory" in nowhere.err
