"""A prompt that was begun before signing in is there afterwards."""

from datetime import timedelta

from campaigns import World
from espalier.collect.begun import KEPT_FOR
from espalier.collect.charter import change_charter
from espalier.store.preferences import Preferences, keep_preferences
from visits import Visitor, form_of, stranger

PROMPT = "How do I prune an old pear tree?\n\nIt has not been cut for years."


def sign_in(visitor: Visitor, world: World, name: str) -> None:
    """On from the page that asks for it, for the first time."""
    assert visitor.page.url.path == "/signin"
    someone = world.person(name)
    world.door.call(keep_preferences, someone.id, Preferences())
    visitor.send("/signin/token", token=someone.token)


def shown(visitor: Visitor, action: str = "/begin") -> str:
    return form_of(visitor.page, action).filled()["text"][0].strip().replace("\r\n", "\n")


def test_what_was_begun_becomes_the_draft_of_a_task_after_the_first_visit(small_campaign: World) -> None:
    with stranger(small_campaign) as somebody:
        assert "/begin" in somebody.get("/").text
        somebody.get("/begin")
        somebody.send("/begin", text=PROMPT, lang="en")
        sign_in(somebody, small_campaign, "newcomer")
        assert somebody.page.url.path == "/welcome"
        somebody.send("/welcome", langs=["en"], on_board="no")
        assert somebody.page.url.path == "/begin"
        assert shown(somebody) == PROMPT
        somebody.send("/begin")
        task = somebody.page.url.path
        assert shown(somebody, f"{task}/text") == PROMPT
        assert "you began to write" not in somebody.get("/tasks").text


def test_it_goes_nowhere_when_somebody_signs_in_another_way(small_campaign: World) -> None:
    with stranger(small_campaign) as somebody:
        somebody.get("/begin")
        values = form_of(somebody.page, "/begin").filled(text=PROMPT, lang="en")
        kept = somebody._sent("POST", "/begin", data=values, headers={"Accept": "application/json"})
        assert kept.status_code == 204
        somebody.get("/signin")
        sign_in(somebody, small_campaign, "newcomer")
        somebody.send("/welcome", langs=["en"], on_board="no")
        assert "What you began to write before you signed in is kept." in somebody.page.text
        somebody.get("/begin")
        assert shown(somebody) == PROMPT
    with stranger(small_campaign) as another:
        another.get("/begin")
        assert shown(another) == ""


def test_it_comes_behind_what_is_already_in_hand_and_is_forgotten_after_a_day(small_campaign: World) -> None:
    with stranger(small_campaign) as somebody:
        somebody.get("/signin")
        sign_in(somebody, small_campaign, "newcomer")
        somebody.send("/welcome", langs=["en"], on_board="no")
        task = somebody.take("initial_prompt")
        typed = form_of(somebody.page, f"{task}/text").filled(text="An older thought")
        somebody.post(f"/tasks/{task}/draft", typed)
        somebody.get("/begin")
        somebody.send("/begin", text=PROMPT, lang="en")
        assert shown(somebody, f"{task}/text") == f"An older thought\n\n{PROMPT}"
    with stranger(small_campaign) as another:
        another.get("/begin")
        another.send("/begin", text=PROMPT, lang="en")
        small_campaign.later(seconds=(KEPT_FOR + timedelta(seconds=1)).total_seconds())
        another.get("/begin")
        assert shown(another) == ""


def test_where_no_prompt_is_asked_for_the_text_stays_and_the_page_says_so(small_campaign: World) -> None:
    small_campaign.policy(init_prompt_disabled_langs=["en"])
    with stranger(small_campaign) as somebody:
        somebody.get("/signin")
        sign_in(somebody, small_campaign, "newcomer")
        somebody.send("/welcome", langs=["en"], on_board="no")
        somebody.get("/begin")
        page = somebody.send("/begin", text=PROMPT, lang="en")
        assert "No new prompt is needed" in page.text
        assert shown(somebody) == PROMPT
        assert somebody.send("/begin", text="x" * 20_001, lang="en").status_code == 422
        assert shown(somebody) == "x" * 20_001


def test_where_people_come_by_invitation_or_not_yet_nobody_is_asked_to_begin(small_campaign: World) -> None:
    with stranger(small_campaign) as somebody:
        small_campaign.door.call(change_charter, None, {"admission": "invitation"}, small_campaign.now)
        assert "/begin" not in somebody.get("/").text
        small_campaign.door.call(change_charter, None, {"admission": "open", "running": "paused"}, small_campaign.now)
        assert "/begin" not in somebody.get("/").text
        assert somebody.get("/begin").status_code == 404
