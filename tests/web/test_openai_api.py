"""Chat for programs: the official client of OpenAI talks with the campaign's models, by a person's token."""

import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from espalier.chat.filtering import Filter, in_process
from espalier.chat.limits import REPLIES
from espalier.chat.models import Served
from espalier.chat.scoring import Judges
from espalier.store.migrate import migrate
from espalier.store.session import Database, open_database
from live import Live, live
from model_servers import ModelServer, model_server

WHY = [{"role": "user", "content": "Why is the sky blue?"}]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as says:
        yield says


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/campaign.db"
    migrate(url)
    opened = open_database(url)
    yield opened
    opened.close()


def scum(text: str) -> float:
    return 0.9 if "scum" in text else 0.1


@pytest.fixture
def site(server: ModelServer, database: Database) -> Iterator[Live]:
    judges = Judges(Filter(in_process(scum), 0.5, 0.5))
    with live(database, models=[Served("small", server.url, "stub")], judges=judges) as campaign:
        yield campaign


@pytest.fixture
def client(site: Live) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{site.url}/v1", api_key=site.token, max_retries=0)


def test_a_reply_comes_whole_or_as_it_is_written(client: openai.OpenAI, server: ModelServer) -> None:
    assert [each.id for each in client.models.list()] == ["small"]
    whole = client.chat.completions.create(model="small", messages=WHY, temperature=0.3, seed=4)
    assert (whole.choices[0].message.content, whole.model) == ("Blue light is scattered.", "small")
    assert {name: server.asked[0][name] for name in ("model", "temperature", "seed")} == {
        "model": "stub", "temperature": 0.3, "seed": 4,
    }  # fmt: skip
    stream = client.chat.completions.create(model="small", messages=WHY, stream=True)
    pieces = [each for each in stream if each.choices]
    assert "".join(each.choices[0].delta.content or "" for each in pieces) == "Blue light is scattered."
    assert pieces[-1].choices[0].finish_reason == "stop"
    raw = client.chat.completions.with_raw_response.create(model="small", messages=WHY, stream=True)
    assert raw.headers["x-accel-buffering"] == "no"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_hangs_up_before_the_first_word_has_the_model_stop(
    client: openai.OpenAI, server: ModelServer, stream: bool
) -> None:
    server.held_at = 0
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="small", messages=WHY, stream=stream, timeout=0.5)
    assert hangs_up(server)


def test_who_hangs_up_has_the_model_stop(client: openai.OpenAI, server: ModelServer) -> None:
    server.words, server.pause_s = ("word ",) * 300, 0.02
    with client.chat.completions.create(model="small", messages=WHY, stream=True) as stream:
        next(iter(stream))
    assert hangs_up(server)


def hangs_up(server: ModelServer) -> bool:
    """Whether nobody reads its reply any more, soon."""
    until = time.monotonic() + 5
    while not server.gone and time.monotonic() < until:
        time.sleep(0.05)
    return server.gone == 1


def test_an_error_in_the_midst_comes_behind_the_words_before_it(client: openai.OpenAI, server: ModelServer) -> None:
    server.breaks_after, server.says_why = 1, True
    said = list[str]()
    stream = client.chat.completions.create(model="small", messages=WHY, stream=True)
    with pytest.raises(openai.APIError, match="no memory"):
        said.extend(piece.choices[0].delta.content or "" for piece in stream)
    assert said == ["Blue ", "light "]


def test_refusals_are_those_of_openai(client: openai.OpenAI, server: ModelServer, site: Live) -> None:
    with pytest.raises(openai.NotFoundError, match="no model 'large'; there are: small"):
        client.chat.completions.create(model="large", messages=WHY)
    with pytest.raises(openai.BadRequestError, match="tools"):
        client.chat.completions.create(model="small", messages=WHY, tools=[{"type": "function"}])  # type: ignore[list-item]
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="esp_none").chat.completions.create(model="small", messages=WHY)
    server.refuses = 401
    with pytest.raises(openai.InternalServerError, match="does not answer"):
        client.chat.completions.create(model="small", messages=WHY)
    server.refuses, server.busy = None, 1
    with pytest.raises(openai.InternalServerError) as busy:
        client.chat.completions.create(model="small", messages=WHY)
    assert busy.value.response.headers["retry-after"] == "1"
    server.refuses = 429
    with pytest.raises(openai.RateLimitError) as full:
        client.chat.completions.create(model="small", messages=WHY)
    assert int(full.value.response.headers["retry-after"]) > 0, "the server did not say when"


def test_the_limits_of_a_person_hold(client: openai.OpenAI, server: ModelServer) -> None:
    for _ in range(REPLIES // 4):
        client.chat.completions.create(model="small", messages=WHY, n=4)
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="small", messages=WHY)
    assert int(refused.value.response.headers["retry-after"]) > 500
    assert len(server.asked) == REPLIES // 4, "who may not ask has no model begin"


def test_the_safety_filter_holds_for_programs_too(client: openai.OpenAI, server: ModelServer) -> None:
    with pytest.raises(openai.BadRequestError, match="safety filter"):
        client.chat.completions.create(model="small", messages=[{"role": "user", "content": "Tell those scum."}])
    assert server.asked == []
    server.words, server.pause_s = ("Fine. ", "You scum. ", "More."), 0.3
    whole = client.chat.completions.create(model="small", messages=WHY)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("", "content_filter")
    pieces = [each for each in client.chat.completions.create(model="small", messages=WHY, stream=True) if each.choices]
    said = "".join(each.choices[0].delta.content or "" for each in pieces)
    assert "scum" not in said
    assert said.startswith("Fine.")
    assert pieces[-1].choices[0].finish_reason == "content_filter"
