"""Nobody goes on without having accepted the terms in force, on the site as with a token; and what standstill says."""

from typing import Any

import pytest

from campaigns import API, Someone, World, well
from espalier.collect.charter import change_charter, publish
from visits import visit


def publish_terms(world: World, text: str = "Be *kind*.", ask_again: bool = True) -> int:
    return world.door.call(publish, None, "terms", "en", text, ask_again, world.now)


def said(world: World, **change: Any) -> None:
    world.door.call(change_charter, None, change, world.now)


def refused_with(person: Someone, method: str, path: str, body: object = None) -> str:
    answer = person.call(method, path, body)
    assert answer.status_code == 403, answer.text
    problem: str = answer.json()["type"]
    return problem.rpartition(":")[2]


def test_tokens_open_nothing_but_the_own_account_until_published_terms_are_accepted(campaign: World) -> None:
    ada = campaign.ada
    task = ada.task("initial_prompt")
    version = publish_terms(campaign)
    for method, path, body in (
        ("POST", "/tasks/next", {"kind": "random", "langs": ["en"]}),
        ("POST", f"/tasks/{task['id']}/submit", {"id": "1", "text": "Why is the sky blue?"}),
        ("POST", f"/tasks/{task['id']}/skip", {}),
        ("GET", "/messages", None),
        ("GET", "/stats", None),
    ):
        assert refused_with(ada, method, path, body) == "terms-not-accepted", path
    for path in ("/me", "/me/contributions", "/me/tokens", "/me/stats"):
        assert ada.get(path).status_code == 200, path
    terms = campaign.http.get(f"{API}/terms").json()
    assert (terms["version"], terms["text"], terms["licence"]) == (version, "Be *kind*.", "CC BY 4.0")
    assert ada.post("/me/terms", {"version": version - 1}).status_code == 409
    well(ada.post("/me/terms", {"version": version}))
    ada.submit(task, text="Why is the sky blue?", confirm_language=True)


def test_the_programs_own_terms_are_asked_for_on_the_site_alone(small_campaign: World) -> None:
    made = well(small_campaign.chief.post("/people", {"name": "Grace"})).json()
    grace = Someone(small_campaign, made["person"]["id"], made["token"], "Grace")
    assert grace.task("initial_prompt")
    publish_terms(small_campaign, "A comma more.", ask_again=False)
    assert grace.task("initial_prompt")


def test_a_new_version_is_asked_for_on_every_page_but_those_of_the_account(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        version = publish_terms(small_campaign)
        for address in ("/tasks", "/tasks/none", "/trees", "/stats", "/leaderboard"):
            page = ada.get(address)
            assert page.url.path == "/terms/accept", address
            assert "The terms have changed" in page.text
            assert "<em>kind</em>" in page.text
            assert "CC BY 4.0" in page.text
        for address in ("/terms", "/privacy", "/guidelines", "/help"):
            assert ada.get(address).url.path == address
        ada.get("/stats?x=1")
        assert ada.send("/terms/accept").url.path == "/stats"
        assert small_campaign.ada.get("/me").status_code == 200
        assert ada.get("/tasks").url.path == "/tasks"
    kept = small_campaign.door.call(lambda db: db.exec_driver_sql("SELECT max(version) FROM consents").scalar())
    assert kept == version


def test_terms_that_are_not_translated_count_in_the_language_in_which_they_were_published(campaign: World) -> None:
    german = {"headers": {"accept-language": "de"}}
    publish_terms(campaign, "Be kind.")
    campaign.door.call(publish, None, "terms", "de", "Sei nett.", False, campaign.now)
    assert "Sei nett." in campaign.http.get("/terms", **german).text
    version = publish_terms(campaign, "Be very kind.")
    page = campaign.http.get("/terms", **german).text
    assert '<div class="words" lang="en" dir="ltr"><p>Be very kind.</p>' in page
    assert "nicht übersetzt (Deutsch)" in page
    assert f"Fassung {version}, Englisch" in page
    assert "Fassung 3, Deutsch" in page.replace("Eine frühere Fassung, 3", "Fassung 3"), "the former one is there too"
    assert campaign.http.get(f"{API}/terms?lang=de").json()["text"] == "Be very kind."
    campaign.door.call(publish, None, "terms", "de", "Sei sehr nett.", False, campaign.now)
    page = campaign.http.get("/terms", **german).text
    assert "Sei sehr nett." in page
    assert "nicht übersetzt" not in page


def test_what_the_organiser_says_of_privacy_counts_whatever_its_language(small_campaign: World) -> None:
    small_campaign.door.call(publish, None, "privacy", "es", "Guardamos poco.", False, small_campaign.now)
    page = small_campaign.http.get("/privacy", headers={"accept-language": "de"}).text
    assert "Guardamos poco." in page
    assert "nicht übersetzt (Deutsch)" in page


def test_whoever_declines_is_signed_out_and_nothing_is_stored(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        version = publish_terms(small_campaign)
        ada.get("/tasks")
        page = ada.send("/terms/decline")
        assert page.url.path == "/"
        assert "Nothing was stored" in page.text
        assert ada.get("/tasks").url.path == "/signin"
    count = f"SELECT count(*) FROM consents WHERE version = {version}"
    assert small_campaign.door.call(lambda db: db.exec_driver_sql(count).scalar()) == 0


def test_who_is_to_accept_terms_in_another_language_reads_that_they_are(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        publish_terms(small_campaign)
        ada.client.headers["accept-language"] = "de"
        page = ada.get("/tasks")
        assert page.url.path == "/terms/accept"
        assert "nicht übersetzt (Deutsch)" in page.text


def test_terms_that_changed_while_they_were_read_are_read_again(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        publish_terms(small_campaign)
        ada.get("/tasks")
        publish_terms(small_campaign, "Be very kind.")
        page = ada.send("/terms/accept")
        assert page.url.path == "/terms/accept"
        assert "Be very kind." in page.text


@pytest.mark.parametrize(
    ("change", "status", "slug"),
    [
        ({"running": "paused", "paused_until": "2026-04-01"}, 503, "paused"),
        ({"running": "closed"}, 409, "closed"),
        ({"running": "preparing"}, 403, "not-begun"),
    ],
)
def test_a_standstill_is_said_to_scripts_and_people(
    small_campaign: World, change: dict[str, str], status: int, slug: str
) -> None:
    said(small_campaign, name="Orchard", reason="We count.", **change)
    answer = small_campaign.ada.post("/tasks/next", {"kind": "random", "langs": ["en"]})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (status, slug)
    now = small_campaign.http.get(f"{API}/campaign").json()
    assert (now["name"], now["running"], now["reason"]) == ("Orchard", change["running"], "We count.")
    assert now["paused_until"] == change.get("paused_until")
    with visit(small_campaign, "ada") as ada:
        assert "We count." in ada.get("/tasks").text
        assert "We count." in ada.get("/tasks/none").text
        front = ada.get("/")
        assert "Orchard" in front.text
        assert "We count." in front.text


def test_a_text_that_comes_after_the_end_is_handed_back(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        task = ada.take("initial_prompt")
        said(small_campaign, running="closed")
        page = ada.send(f"/tasks/{task}/text", text="Why is the sky blue?")
        assert page.status_code == 409
        assert "Why is the sky blue?" in page.text
        assert "It takes nothing more." in page.text
