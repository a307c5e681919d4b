"""Staff decide cases in the browser; authors and reporters read it; who is shut out appeals."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from campaigns import World, well
from espalier.collect import accounts, cases
from espalier.collect.accounts import known
from espalier.domain.cases import REASONS
from espalier.store import cases as rows
from espalier.store.people import PersonRole, by_id, save_person
from espalier.web.case_words import OWN_REASONS
from visits import Visitor, visit

WHY = REASONS[1]


@pytest.fixture
def enter(small_campaign: World) -> Iterator[ExitStack]:
    with ExitStack() as doors:
        yield doors


def browser(doors: ExitStack, world: World, name: str) -> Visitor:
    return doors.enter_context(visit(world, name))


def reported(world: World, text: str = "It is, I think, the air.") -> tuple[str, int]:
    """A reply by Ada that Ben reported: the message and its case."""
    world.tree(f"Why is the sky blue? {text}")
    message_id = world.ada.write("assistant_reply", text)
    well(world.ben.post(f"/messages/{message_id}/report", {"reason": "This is rude."}))
    with world.database.read() as db:
        return message_id, rows.on(db, message_id, 1)[0].id


def decided(warden: Visitor, number: int, **more: str) -> str:
    warden.get(f"/moderation/cases/{number}")
    page = warden.send("/decide", **{"reason": WHY, **more})
    assert page.status_code == 200, page.text
    return page.text


@pytest.mark.parametrize(
    "address", ["/moderation", "/moderation/cases/1", "/moderation/bulk?case=1", "/moderation/bulk/1"]
)
def test_only_staff_see_cases(enter: ExitStack, small_campaign: World, address: str) -> None:
    reported(small_campaign)
    page = browser(enter, small_campaign, "cleo").get(address)
    assert page.status_code == 403
    assert "This is rude." not in page.text
    assert "the air" not in page.text


def test_a_case_shows_the_message_and_why_it_is_there_without_names(enter: ExitStack, small_campaign: World) -> None:
    _, number = reported(small_campaign)
    warden = browser(enter, small_campaign, small_campaign.warden.name)
    queue = warden.get("/moderation")
    assert f'href="/moderation/cases/{number}"' in queue.text
    page = warden.get(f"/moderation/cases/{number}").text
    assert "This is rude." in page
    assert "the air" in page
    assert not any(f"<bdi>{name}</bdi>" in page for name in ("ada", "ben"))
    assert "<bdi>ada</bdi>" in warden.send("/reveal").text
    assert "case.revealed" in warden.get("/admin/audit").text


def test_no_page_tells_moderators_whom_a_case_is_about_that_they_could_still_judge(
    enter: ExitStack, small_campaign: World
) -> None:
    _, number = reported(small_campaign)
    ada = small_campaign.ada
    warden = browser(enter, small_campaign, small_campaign.warden.name)
    chief = browser(enter, small_campaign, small_campaign.chief.name)
    decided(warden, number, verdict="suspend", days="3", note="As told before.")
    theirs = f"/admin/people/{ada.id}"
    assert "As told before." not in warden.get(theirs).text
    assert "that you could still judge, or on appeal, is not shown here" in warden.page.text
    assert "person.suspended" not in warden.get("/admin/audit").text
    assert "case.suspend" in warden.page.text
    assert ada.id not in warden.page.text
    assert "As told before." in chief.get(theirs).text
    assert f"/moderation/cases/{number}" in chief.page.text
    assert "person.suspended" in chief.get(f"/admin/audit?subject={ada.id}").text


def test_a_case_says_what_a_filter_found_and_why_people_skipped(enter: ExitStack, small_campaign: World) -> None:
    small_campaign.tree()
    german = "Das ist ein langer deutscher Satz, der in einer englischen Unterhaltung wirklich nichts verloren hat."
    message_id = small_campaign.ada.write("assistant_reply", german)
    task = small_campaign.ben.task("label_assistant_reply")
    well(small_campaign.ben.post(f"/tasks/{task['id']}/skip", {"reason": "broken"}))
    with small_campaign.database.read() as db:
        number = rows.on(db, message_id, 1)[0].id
    page = browser(enter, small_campaign, small_campaign.warden.name).get(f"/moderation/cases/{number}").text
    assert "The text seems to be in another language: German." in page
    assert "Why people skipped it" in page
    assert 'broken · <span class="num">1</span>' in page
    assert "Why people skipped it" in browser(enter, small_campaign, "chief").get(f"/messages/{message_id}").text


def test_removing_is_read_by_author_and_reporter_and_undone(enter: ExitStack, small_campaign: World) -> None:
    message_id, number = reported(small_campaign)
    warden = browser(enter, small_campaign, small_campaign.warden.name)
    assert "The message is removed." in decided(warden, number, verdict="remove", note="Keep to the *subject*.")
    ada, ben = (browser(enter, small_campaign, name) for name in ("ada", "ben"))
    page = ada.get("/tasks").text
    assert "A message of yours was removed." in page
    assert WHY in page
    assert "<em>subject</em>" in page
    assert "the message was removed" in ben.get("/tasks").text
    assert "the message was removed" not in ben.send("/read").text

    warden.get(f"/moderation/cases/{number}")
    assert "is undone" in warden.send("/undo").text
    assert "was removed" not in ada.get("/tasks").text
    assert not well(small_campaign.chief.get(f"/messages/{message_id}")).json()["deleted"]


def test_a_decision_needs_a_reason_and_keeps_what_was_typed(enter: ExitStack, small_campaign: World) -> None:
    _, number = reported(small_campaign)
    warden = browser(enter, small_campaign, small_campaign.warden.name)
    warden.get(f"/moderation/cases/{number}")
    page = warden.send("/decide", verdict="warn", note="Half a note")
    assert page.status_code == 422
    assert "Half a note" in page.text
    assert re.search('value="warn"[^>]* checked', page.text)
    assert "Choose a reason from the list." in page.text


def test_a_case_in_other_hands_is_not_decided(enter: ExitStack, small_campaign: World) -> None:
    _, number = reported(small_campaign)
    guard = small_campaign.person("guard", PersonRole.MODERATOR)
    warden, other = (browser(enter, small_campaign, name) for name in (small_campaign.warden.name, guard.name))
    other.get(f"/moderation/cases/{number}")
    warden.get(f"/moderation/cases/{number}")
    warden.send("/take")
    late = other.send("/decide", verdict="remove", reason=WHY, note="A note with much thought.")
    assert late.status_code == 409
    assert f"{small_campaign.warden.name} has taken this case in hand in the meantime." in late.text
    assert "A note with much thought." in late.text
    assert "In the hands of somebody else" in other.get(f"/moderation/cases/{number}").text
    small_campaign.later(minutes=31)
    assert "/decide" in other.get(f"/moderation/cases/{number}").text


def test_who_is_too_late_reads_who_decided_what_and_keeps_the_note(enter: ExitStack, small_campaign: World) -> None:
    _, number = reported(small_campaign)
    guard = small_campaign.person("guard", PersonRole.MODERATOR)
    warden, other = (browser(enter, small_campaign, name) for name in (small_campaign.warden.name, guard.name))
    other.get(f"/moderation/cases/{number}")
    decided(warden, number, verdict="halt")
    late = other.send("/decide", verdict="remove", reason=WHY, note="A note with much thought.")
    assert late.status_code == 409
    assert f"{small_campaign.warden.name} has decided this in the meantime: The tree was halted." in late.text
    assert "A note with much thought." in late.text


def test_the_banned_read_why_appeal_once_and_are_let_in_by_somebody_else(
    enter: ExitStack, small_campaign: World
) -> None:
    _, number = reported(small_campaign)
    guard = small_campaign.person("guard", PersonRole.MODERATOR)
    ada, warden, other = (
        browser(enter, small_campaign, name) for name in ("ada", small_campaign.warden.name, guard.name)
    )  # fmt: skip
    decided(warden, number, verdict="ban")
    for address in ("/tasks", "/trees", "/banned", "/leaderboard"):
        page = ada.get(address)
        assert page.status_code == 403
        assert WHY in page.text
        assert "It is, I think, the air." in page.text
    assert "Your appeal is waiting" in ada.send("/banned", words="It was a quotation.").text
    assert 'action="/banned"' not in ada.get("/tasks").text

    again = browser(enter, small_campaign, "ada")
    assert "Your appeal is waiting" in again.page.text

    with small_campaign.database.read() as db:
        appeal = rows.of_person(db, small_campaign.ada.id, 1)[0].id
    assert "somebody else decides" in warden.get(f"/moderation/cases/{appeal}").text
    page = other.get(f"/moderation/cases/{appeal}").text
    assert "It was a quotation." in page
    assert "<b>Banned</b>" in page.split("What it is against")[1]
    assert f'href="/moderation/cases/{number}"' in page
    other.send("/decide", verdict="dismiss", reason=WHY, note="It was none.")
    page = ada.get("/tasks").text
    assert "Your appeal was not granted." in page
    assert "It was none." in page
    assert 'action="/banned"' in page, "there may be another one"
    other.get(f"/moderation/cases/{appeal}")
    other.send("/undo")
    other.send("/decide", verdict="lift", reason=WHY)
    assert "Your appeal was granted." in ada.get("/tasks").text


def test_who_is_shut_out_takes_their_data_along_and_leaves(enter: ExitStack, small_campaign: World) -> None:
    _, number = reported(small_campaign)
    ada, warden = (browser(enter, small_campaign, name) for name in ("ada", small_campaign.warden.name))
    decided(warden, number, verdict="ban")
    page = ada.get("/tasks")
    assert 'href="/me/data/espalier.json"' in page.text
    assert ada.get("/me/data/espalier.json").json()["contributions"][0]["text"] == "It is, I think, the air."
    small_campaign.later(minutes=11)
    assert ada.get("/me/delete").url.path == "/signin/again"
    ada.send("/signin/token", token=small_campaign.ada.token)
    assert ada.page.url.path == "/me/delete"
    page = ada.send("/me/delete", how="anonymise")
    assert page.url.path == "/banned"
    assert "what you contributed stays under no name" in page.text
    ada.send("/me/delete/stop")
    assert 'href="/me/delete"' in ada.send("/banned", words="Let me in.").text


def test_a_suspension_says_until_when_and_ends(enter: ExitStack, small_campaign: World) -> None:
    _, number = reported(small_campaign)
    ada, warden = (browser(enter, small_campaign, name) for name in ("ada", small_campaign.warden.name))
    decided(warden, number, verdict="suspend", days="3")
    page = ada.get("/tasks")
    assert page.status_code == 403
    assert "Mar 4, 2026" in page.text
    refused = small_campaign.ada.get("/me")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:espalier:problem:suspended")
    small_campaign.later(days=3)
    assert ada.get("/tasks").status_code == 200


def test_a_warning_stands_before_the_next_task_until_it_is_read(enter: ExitStack, small_campaign: World) -> None:
    _, number = reported(small_campaign)
    small_campaign.tree("Another prompt.")
    ada, warden = (browser(enter, small_campaign, name) for name in ("ada", small_campaign.warden.name))
    decided(warden, number, verdict="warn")
    refused = small_campaign.ada.post("/tasks/next", {"kind": "random", "langs": ["en"]})
    assert refused.json()["type"] == "urn:espalier:problem:warning-unread"
    assert "You are warned" in ada.get("/tasks").text
    ada.send("/read")
    small_campaign.ada.task("assistant_reply")


def test_many_are_decided_at_once_after_a_look_and_undone_as_one(enter: ExitStack, small_campaign: World) -> None:
    (first, one), (second, two) = (reported(small_campaign, text) for text in ("First.", "Second."))
    warden = browser(enter, small_campaign, small_campaign.warden.name)
    look = warden.get(f"/moderation/bulk?case={one}&case={two}&case=999")
    assert "2 cases will be decided." in look.text
    assert "First." in look.text
    done = warden.send("/moderation/bulk", verdict="remove", reason=WHY)
    assert "2 cases are decided." in done.text
    assert "The message was removed" in done.text
    assert WHY in done.text

    def deleted() -> list[bool]:
        return [well(small_campaign.chief.get(f"/messages/{each}")).json()["deleted"] for each in (first, second)]

    assert deleted() == [True, True]
    assert "2 cases are open again." in warden.send("/undo").text
    assert deleted() == [False, False]
    assert "cases.decided" in warden.get("/admin/audit").text


def test_who_has_decided_is_led_to_the_next_case_that_is_theirs_to_decide(
    enter: ExitStack, small_campaign: World
) -> None:
    (_, one), (_, two) = (reported(small_campaign, text) for text in ("First.", "Second."))
    message_id, mine = reported(small_campaign, "Third.")
    warden = browser(enter, small_campaign, small_campaign.warden.name)
    well(small_campaign.warden.post(f"/messages/{message_id}/report", {"reason": "I find it rude, too."}))
    assert f'href="/moderation/cases/{two}" data-key="next"' in decided(warden, one, verdict="dismiss")
    assert 'data-key="next"' not in decided(warden, two, verdict="dismiss"), f"{mine} is for somebody else to decide"


def test_only_what_can_be_decided_at_once_can_be_chosen_for_it(enter: ExitStack, small_campaign: World) -> None:
    _, number = reported(small_campaign)
    ada, warden = (browser(enter, small_campaign, name) for name in ("ada", small_campaign.warden.name))
    assert f'name="case" value="{number}"' in warden.get("/moderation").text
    decided(warden, number, verdict="ban")
    ada.get("/banned")
    ada.send("/banned", words="Let me in.")
    page = warden.get("/moderation").text
    assert "asks to be let in" in page
    assert 'name="case"' not in page, "an appeal is decided by itself"


def test_the_way_between_the_pages_of_staff_says_on_which_one_is(enter: ExitStack, small_campaign: World) -> None:
    chief = browser(enter, small_campaign, small_campaign.chief.name)
    for address, here in {
        "/moderation": "Cases", "/moderation/chats": "Chats", "/admin": "Overview", "/admin/survey": "Who takes part",
        "/admin/invitations/links": "People", "/admin/trees/orders": "Orders to trees",
        "/admin/policy/history": "Policy",
    }.items():  # fmt: skip
        way = chief.get(address).text.split('<nav class="rooms')[1].split("</nav>")[0]
        assert re.findall('aria-current="page">([^<]+)<', way) == [here], address


def test_on_authors_out_of_reach_nothing_is_offered(enter: ExitStack, small_campaign: World) -> None:
    (_, one), (_, two) = (reported(small_campaign, text) for text in ("First.", "Second."))
    warden = browser(enter, small_campaign, small_campaign.warden.name)
    both = f"/moderation/bulk?case={one}&case={two}"
    assert "out of reach" not in warden.get(both).text

    def lose_author(db: Connection, number: int) -> None:
        person = by_id(db, str(cases.known(db, known(db, small_campaign.warden.id), number).case.person))
        assert person is not None
        save_person(db, replace(person, anonymous=True))

    small_campaign.door.call(lose_author, one)
    alone = warden.get(f"/moderation/cases/{one}").text
    assert 'value="ban"' not in alone
    assert "Author and reporters" not in alone
    assert 'value="ban"' not in warden.get(both).text, "both are by the same author"


def test_many_that_are_refused_keep_what_was_ticked_and_typed(enter: ExitStack, small_campaign: World) -> None:
    (_, one), (_, two) = (reported(small_campaign, text) for text in ("First.", "Second."))
    guard = small_campaign.person("guard", PersonRole.MODERATOR)
    warden, other = (browser(enter, small_campaign, name) for name in (small_campaign.warden.name, guard.name))
    warden.get(f"/moderation/bulk?case={one}&case={two}")
    page = warden.send("/moderation/bulk", verdict="suspend", days="0", reason=WHY, remove="yes", note="Half a note")
    assert page.status_code == 422
    assert re.search('value="suspend"[^>]* checked', page.text)
    assert 'name="remove" value="yes" checked' in page.text
    assert f" selected>{WHY}<" in page.text
    assert "Half a note" in page.text
    assert all(f'name="case" value="{each}"' in page.text for each in (one, two))

    other.get(f"/moderation/cases/{one}")
    other.send("/take")
    left = warden.send("/moderation/bulk", verdict="remove", reason=WHY)
    assert "1 case is decided." in left.text
    assert f'href="/moderation/cases/{one}"' in left.text.split("Not decided with them")[1]
    assert "<bdi>guard</bdi>" in left.text.split("Not decided with them")[1]
    look = warden.get(f"/moderation/bulk?case={one}&case={two}")
    assert "None of the chosen cases" in look.text, "one is in other hands, one is decided"


def test_the_reasons_of_the_program_are_said_in_the_readers_language(enter: ExitStack, small_campaign: World) -> None:
    assert set(OWN_REASONS) == set(REASONS)
    _, number = reported(small_campaign)
    ada, warden = (browser(enter, small_campaign, name) for name in ("ada", small_campaign.warden.name))
    decided(warden, number, verdict="remove")
    ada.client.headers.update({"accept-language": "de"})
    assert "Beleidigung oder Hass" in ada.get("/tasks").text


def test_organisers_give_the_reasons(enter: ExitStack, small_campaign: World) -> None:
    chief, warden = (
        browser(enter, small_campaign, name) for name in (small_campaign.chief.name, small_campaign.warden.name)
    )
    chief.get("/moderation/reasons")
    assert "The list holds from now on." in chief.send("/moderation/reasons", reasons="Rude\nOff the subject").text
    _, number = reported(small_campaign)
    page = warden.get(f"/moderation/cases/{number}").text
    assert "Off the subject" in page
    assert WHY not in page
    assert warden.get("/moderation/reasons").status_code == 403


def test_moderators_see_the_cases_of_their_languages(enter: ExitStack, small_campaign: World) -> None:
    tree_id, message_id, _ = small_campaign.ranked_tree("What is mist?")
    _, number = reported(small_campaign)
    sol = small_campaign.person("sol", PersonRole.MODERATOR)

    def spanish_only(db: Connection) -> None:
        accounts.change_role(db, None, sol.id, PersonRole.MODERATOR, small_campaign.now, moderates=["es"])
        assert by_id(db, sol.id)

    small_campaign.door.call(spanish_only)
    visitor = browser(enter, small_campaign, "sol")
    assert f"/moderation/cases/{number}" not in visitor.get("/moderation").text
    assert visitor.get(f"/moderation/cases/{number}").status_code == 403
    page = visitor.get(f"/messages/{message_id}")
    assert page.status_code == 200
    assert f"/messages/{message_id}/edit" not in page.text, "it is in another language"
    assert "/admin/trees/orders" not in visitor.get(f"/trees/{tree_id}").text


def test_nothing_is_offered_against_an_author_whose_account_is_closed_or_came_with_a_file(
    enter: ExitStack, small_campaign: World
) -> None:
    _, number = reported(small_campaign)
    warden = browser(enter, small_campaign, small_campaign.warden.name)
    offered = 'name="verdict" value="ban"'
    assert offered in warden.get(f"/moderation/cases/{number}").text
    with small_campaign.database.writer.begin() as db:
        ada = by_id(db, small_campaign.ada.id)
        assert ada is not None
        save_person(db, replace(ada, anonymous=True))
    page = warden.get(f"/moderation/cases/{number}").text
    assert 'name="verdict" value="remove"' in page
    assert offered not in page
    assert 'name="remove"' not in page
    assert 'name="days"' not in page, "nobody could be suspended"
    assert warden.send("/decide", verdict="ban", reason=WHY).status_code == 422
