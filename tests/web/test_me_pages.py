"""Me, over HTTP and without scripts: settings, contributions, statistics, tokens, one's data, and leaving."""

import re
from collections.abc import Iterator

import pytest

from campaigns import REPLIES, World
from espalier.collect.accounts import known
from espalier.store.preferences import preferences_of
from visits import Visitor, form_of, forms_of, stranger, visit


@pytest.fixture
def dora(small_campaign: World) -> Iterator[Visitor]:
    with visit(small_campaign, "dora") as visitor:
        yield visitor


def answered(visitor: Visitor, text: str = REPLIES[0]) -> str:
    visitor.world.tree()
    task = visitor.take("assistant_reply")
    visitor.send(f"{task}/text", text=text)
    return task


def is_closed(world: World) -> bool:
    with world.database.read() as db:
        return known(db, world.person("dora").id).anonymous


# Settings


def test_settings_hold_and_are_shown_again(dora: Visitor) -> None:
    dora.get("/me")
    page = dora.send("/me", name="Dora", langs=["de", "en"], theme="dark", named="true", on_board=[], mail="true")
    assert "Your settings are saved" in page.text
    assert 'data-theme="dark"' in page.text
    sent = form_of(page, "/me").filled()
    assert (sent["name"], sorted(sent["langs"]), sent["theme"]) == (["Dora"], ["de", "en"], ["dark"])
    with dora.world.database.read() as db:
        kept = preferences_of(db, dora.world.person("dora").id)
    assert (kept.langs, kept.named, kept.mail, kept.single_keys) == (("de", "en"), True, True, True)


def test_without_a_language_nothing_is_saved_and_all_that_was_typed_stays(dora: Visitor) -> None:
    dora.get("/me")
    page = dora.send("/me", name="Dora the second", langs=[])
    assert page.status_code == 422
    assert "Choose at least one language" in page.text
    assert form_of(page, "/me").filled()["name"] == ["Dora the second"]
    with dora.world.database.read() as db:
        assert known(db, dora.world.person("dora").id).name == "dora"


def test_the_look_is_chosen_at_the_foot_also_without_an_account(small_campaign: World) -> None:
    with stranger(small_campaign) as somebody:
        somebody.get("/")
        page = somebody.send("/manner", theme="dark")
        assert page.url.path == "/"
        assert 'data-theme="dark"' in page.text
        assert 'data-theme="dark"' in somebody.get("/signin").text


def test_the_look_chosen_at_the_foot_goes_with_the_account(dora: Visitor) -> None:
    dora.get("/tasks")
    assert 'data-theme="light"' in dora.send("/manner", theme="light").text
    with dora.world.database.read() as db:
        assert preferences_of(db, dora.world.person("dora").id).theme == "light"


# Contributions and what they earned


def test_what_was_answered_is_listed_and_can_be_undone_there(dora: Visitor) -> None:
    task = answered(dora)
    page = dora.get("/me/contributions")
    assert REPLIES[0][:40] in page.text
    assert "in review" in page.text
    page = dora.send(f"{task}/undo")
    assert page.url.path == f"/tasks/{task}"
    assert "Nothing yet" in dora.get("/me/contributions").text


def test_a_text_is_withdrawn_from_the_list_until_somebody_reviewed_it(dora: Visitor) -> None:
    world = dora.world
    answered(dora)
    world.later(seconds=61)
    dora.get("/me/contributions")
    withdraw = next(form.action for form in forms_of(dora.page) if form.action.endswith("/withdraw"))
    world.ada.submit(world.ada.task("label_assistant_reply"), labels={"spam": 0, "lang_mismatch": 0}, flags=[])
    page = dora.send(withdraw)
    assert "reviewed already" in page.text
    answered(dora, REPLIES[1])
    world.later(seconds=61)
    dora.get("/me/contributions")
    page = dora.send(next(form.action for form in forms_of(dora.page) if form.action.endswith("/withdraw")))
    assert "is withdrawn" in page.text
    assert REPLIES[1][:40] not in dora.get("/me/contributions").text


def test_the_list_is_narrowed_by_kind_and_by_what_became(dora: Visitor) -> None:
    answered(dora)
    for address, there in (
        ("?kind=texts", True), ("?kind=reviews", False), ("?state=open", True), ("?state=accepted", False),
        ("?kind=nonsense", True),
    ):  # fmt: skip
        assert (REPLIES[0][:40] in dora.get(f"/me/contributions{address}").text) is there, address
    assert dora.get("/me/contributions?cursor=nonsense").status_code == 404


def test_points_are_explained_by_what_they_are_made_of(dora: Visitor) -> None:
    answered(dora)
    page = dora.get("/me/statistics")
    assert "Replies written as the assistant" in page.text
    assert "1 text of yours is in review" in page.text


# Tokens


def test_a_token_is_shown_once_and_opens_until_it_is_revoked(dora: Visitor) -> None:
    dora.get("/me/tokens")
    page = dora.send("/me/tokens", name="laptop", scope="read")
    assert "shown this once" in page.text
    token = page.text.split('id="made" readonly value="')[1].split('"')[0]
    assert token.startswith("esp_")
    asked = dora.world.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert asked.status_code == 200
    page = dora.get("/me/tokens")
    assert token not in page.text
    assert "laptop" in page.text
    revoke = next(form for form in forms_of(page) if form.action.endswith("/revoke"))
    dora.send(revoke.action)
    assert "laptop" not in dora.page.text
    asked = dora.world.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert asked.status_code == 401


def test_a_token_without_a_name_is_refused_at_its_field(dora: Visitor) -> None:
    dora.get("/me/tokens")
    page = dora.send("/me/tokens", name=" ")
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text


# One's data, and leaving


def test_all_of_ones_data_comes_in_one_file_without_texts_of_others(dora: Visitor) -> None:
    world = dora.world
    answered(dora)
    dora.world.tree("A question of somebody else?")
    task = dora.take("assistant_reply")
    fields = form_of(dora.page, f"{task}/text").filled(text="Half a draft")
    dora.post(f"/tasks/{task}/draft", fields)
    page = dora.get("/me/data/espalier.json")
    assert "attachment" in page.headers["content-disposition"]
    data = page.json()
    assert data["account"]["id"] == world.person("dora").id
    assert [each["text"] for each in data["contributions"]] == [REPLIES[0]]
    assert ["Half a draft"] in [each["fields"]["text"] for each in data["drafts"]]
    assert len(data["sessions"]) == 1
    assert "A question of somebody else?" not in page.text


def test_who_leaves_can_think_again_for_a_day(dora: Visitor) -> None:
    world = dora.world
    answered(dora)
    page = dora.get("/me/delete")
    assert "No file with what people contributed has been made" in page.text
    page = dora.send("/me/delete", how="anonymise")
    assert "Keep my account" in page.text
    world.later(hours=23)
    world.work()
    dora.get("/me/data")
    assert "Your account stays" in dora.send("/me/delete/stop").text
    world.later(hours=2)
    world.work()
    assert not is_closed(world)


@pytest.mark.parametrize("how", ["anonymise", "remove"])
def test_after_a_day_the_account_is_gone(dora: Visitor, how: str) -> None:
    world = dora.world
    answered(dora)
    dora.get("/me/delete")
    dora.send("/me/delete", how=how)
    world.later(hours=24, minutes=1)
    world.work()
    assert is_closed(world)
    assert dora.get("/me").url.path == "/signin"


def test_before_leaving_one_reads_what_stands_and_that_conversations_go_either_way(dora: Visitor) -> None:
    dora.get(f"/messages/{dora.world.tree()}")
    for pressed in ({"put": "+1"}, {"take": "+1"}, {"put": "clap"}):
        dora.send("/reactions", **pressed)
    page = dora.get("/me/delete").text
    assert re.search(r"<dt>Reactions</dt><dd[^>]*>1</dd>", page), "what was taken back does not count"
    assert "conversations with models are deleted either way" in page


def test_without_a_choice_nothing_happens(dora: Visitor) -> None:
    dora.get("/me/delete")
    page = dora.send("/me/delete")
    assert page.status_code == 422
    assert "Choose what shall become" in page.text
