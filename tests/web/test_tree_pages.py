"""Looking through trees, reading messages, reacting and reporting, and what staff do there: without scripts."""

import re

import pytest

from campaigns import REPLIES, World
from espalier.collect.charter import change_charter
from espalier.collect.imports import import_trees
from espalier.collect.intake import Source
from espalier.dataset.objects import tree_record
from espalier.domain.pseudonym import pseudonym
from espalier.store.preferences import Preferences, keep_preferences
from oasst import message, tree
from visits import Visitor, form_of, visit


def links(visitor: Visitor, start: str) -> list[str]:
    assert visitor.page is not None
    return re.findall(rf'href="({re.escape(start)}[^"]*)"', visitor.page.text)


def test_trees_are_listed_newest_first_with_the_first_words_of_their_prompt(campaign: World) -> None:
    campaign.tree("Why is the sky blue?")
    campaign.tree("Warum ist der Himmel blau?", lang="de")
    with visit(campaign, "ada") as ada:
        page = ada.get("/trees").text
        assert page.index("Warum ist der Himmel blau?") < page.index("Why is the sky blue?")
        only = ada.get("/trees?lang=de").text
        assert "Warum" in only
        assert "Why is" not in only
        assert "No tree is like that" in ada.get("/trees?state=ranking").text
        assert "growing" in ada.get("/trees?state=growing").text


def test_a_fresh_campaign_says_that_there_is_no_tree_yet(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        assert "No trees yet" in ada.get("/trees").text


def test_words_are_found_in_messages_and_lead_to_them(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    campaign.tree("What is rain?")
    with visit(campaign, "dora") as dora:
        dora.get("/trees?q=because+of+the+air")
        assert links(dora, "/messages/") == [f"/messages/{first}"]
        assert links(dora, "/messages/") == [f"/messages/{first}"]
        dora.get("/trees?q=because+of+the+air&state=growing")
        assert links(dora, "/messages/") == []
        assert "No message with these words" in dora.get("/trees?q=submarine").text
        refused = dora.get("/trees?q=%21%21")
        assert refused.status_code == 422
        assert 'value="!!"' in refused.text


def test_pages_of_the_list_follow_each_other_without_gap(small_campaign: World) -> None:
    for number in range(27):
        small_campaign.tree(f"What is the number {number}?")
    with visit(small_campaign, "ada") as ada:
        ada.get("/trees?state=growing")
        first = links(ada, "/trees/")
        (older,) = re.findall(r'rel="next" href="([^"]+)"', ada.page.text if ada.page else "")
        ada.get(older.replace("&amp;", "&"))
        second = links(ada, "/trees/")
    assert len(first) == 25
    assert len(second) == 2
    assert not set(first) & set(second)


def test_a_made_up_cursor_is_no_page(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        assert ada.get("/trees?cursor=nonsense").status_code == 404


def test_a_finished_tree_is_drawn_with_a_named_link_for_each_message(campaign: World) -> None:
    tree_id, first, second = campaign.ranked_tree()
    with visit(campaign, "dora") as dora:
        page = dora.get(f"/trees/{tree_id}").text
    names = dict(re.findall(r'<a href="/messages/([^"]+)" aria-label="([^"]+)"', page))
    assert set(names) == {tree_id, first, second}
    assert names[first].startswith("assistant, 2 of 2, ranked second")
    assert names[second].startswith("assistant, 1 of 2, ranked first")
    assert names[second].endswith(REPLIES[1][:30] + names[second].split(REPLIES[1][:30])[1])
    assert "You could still review or rank here" not in page
    assert 'style="' not in page


def test_a_tree_that_one_could_still_judge_shows_neither_ranks_nor_counts_and_says_so(campaign: World) -> None:
    tree_id = campaign.tree()
    campaign.answered_twice()
    with visit(campaign, "dora") as dora:
        page = dora.get(f"/trees/{tree_id}").text
        assert "You could still review or rank here" in page
        for hidden in ("ranked first", "1st", "in review", "quality", "written by a model", "people wrote"):
            assert hidden not in page.replace("You could still review or rank here: labels, counts, ranks", "")
        beside = re.findall(r"<text[^>]*>([^<]+)</text>", page)
        assert len(beside) == len(set(beside)), "what a message says stands beside it once"
        message = dora.get(links(dora, "/messages/")[1]).text
        assert "You could still review or rank it" in message
        assert "quality" not in message


def test_a_large_tree_is_an_outline(small_campaign: World) -> None:
    small_campaign.policy(max_pending_tasks_per_user=100)
    tree_id = small_campaign.tree(max_children_count=20, goal_tree_size=21)
    for number in range(20):
        small_campaign.person(f"writer-{number}").write("assistant_reply", f"{REPLIES[0]} So says number {number}.")
    with visit(small_campaign, "dora") as dora:
        drawn = dora.get(f"/trees/{tree_id}").text
        assert "<svg viewBox" in drawn
        assert 'data-tree="up"' in drawn
        outline = dora.get(f"/trees/{tree_id}?show=list").text
        assert 'data-tree="up"' not in outline
        assert "20 replies" in outline


def test_the_page_of_a_tree_of_hundreds_stays_light_and_leads_to_the_rest(small_campaign: World) -> None:
    fine = {"review_count": 3, "review_result": True, "lang": "ko"}
    words = "나무를 심기에 가장 좋은 때는 언제인지, 그리고 어떤 흙이 뿌리에 좋은지 알려 주세요. " * 4
    replies = [message(f"r{number}", "p", text=f"{number} {words}", **fine) for number in range(300)]
    record = tree_record(tree(message("p", replies=replies, **fine)), 1)
    now = small_campaign.now
    small_campaign.door.call(import_trees, [record], {}, Source("some"), None, now, small_campaign.rng)
    with visit(small_campaign, "dora") as dora:
        page = dora.get("/trees/p")
    assert len(page.content) < 70_000, "with its style and scripts a page has less than 100 kB"
    assert "300 replies" in page.text
    assert "201 more" in page.text


def test_a_message_shows_its_thread_what_is_beside_it_and_what_is_below(campaign: World) -> None:
    tree_id, first, second = campaign.ranked_tree()
    with visit(campaign, "dora") as dora:
        page = dora.get(f"/messages/{first}").text
        assert page.index("Why is the sky blue?") < page.rindex(REPLIES[0])
        assert f"/messages/{second}" in links(dora, "/messages/")
        assert f"/trees/{tree_id}" in links(dora, "/trees/")
        dora.get(f"/messages/{tree_id}")
        listed = [link for link in links(dora, "/messages/") if link in (f"/messages/{first}", f"/messages/{second}")]
        assert listed == [f"/messages/{second}", f"/messages/{first}"], "the one ranked first stands first"
        assert dora.get("/messages/nothing").status_code == 404


def test_counts_of_reactions_appear_after_reacting_and_a_reaction_can_be_taken_back(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    address = f"/messages/{first}"
    with visit(campaign, "dora") as dora, visit(campaign, "emil") as emil:
        dora.get(address)
        dora.send("/reactions", put="+1")
        seen = emil.get(address).text
        assert "thumbs up, 1" not in seen
        assert 'aria-label="thumbs up"' in seen
        reacted = emil.send("/reactions", put="clap").text
        assert "thumbs up, 1" in reacted
        assert "applause, 1" in reacted
        assert ("take", "clap") in form_of(emil.page, "/reactions").offered if emil.page else False
        again = emil.send("/reactions", take="clap").text
        assert "thumbs up, 1" not in again


def test_the_opposite_takes_the_place_of_a_thumb(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    with visit(campaign, "dora") as dora:
        dora.get(f"/messages/{first}")
        dora.send("/reactions", put="+1")
        page = dora.send("/reactions", put="-1").text
        assert "thumbs down, 1" in page
        assert "thumbs up, 1" not in page


def test_ones_own_message_cannot_be_reacted_to_but_its_counts_are_there(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    with visit(campaign, "dora") as dora:
        dora.get(f"/messages/{first}")
        dora.send("/reactions", put="diamond")
    with visit(campaign, "ada") as ada:
        page = ada.get(f"/messages/{first}").text
        assert "a gem, 1" in page
        buttons = re.findall(r'<button class="emoji"[^>]*>', page)
        assert buttons
        assert all(" disabled" in button for button in buttons)


def test_a_report_needs_words_and_is_confirmed(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    with visit(campaign, "dora") as dora:
        dora.get(f"/messages/{first}")
        refused = dora.send("/report", reason="  ")
        assert refused.status_code == 422
        assert 'aria-invalid="true"' in refused.text
        assert "Say in a few words" in refused.text
        done = dora.send("/report", reason="It names a private person.")
        assert "Thank you. Your report goes to the moderators." in done.text
        assert "You reported this message" in done.text
        taken = dora.send("/reactions", take="red_flag")
        assert "Your report is taken back." in taken.text
        assert "Report this message" in taken.text


def test_a_report_that_is_too_long_keeps_its_words(small_campaign: World) -> None:
    _, first, _ = small_campaign.ranked_tree()
    with visit(small_campaign, "dora") as dora:
        dora.get(f"/messages/{first}")
        refused = dora.send("/report", reason="word " * 500)
        assert refused.status_code == 422
        assert "word word word" in refused.text


def test_staff_delete_after_a_look_at_what_goes_and_restore(campaign: World) -> None:
    tree_id, first, _ = campaign.ranked_tree()
    assert campaign.warden
    with visit(campaign, "warden") as warden, visit(campaign, "dora") as dora:
        asked = warden.get(f"/messages/{tree_id}/delete").text
        assert "With it go 2 messages below it." in asked
        warden.get(f"/messages/{first}/delete")
        assert "The message is deleted" in warden.send("/delete").text
        assert dora.get(f"/messages/{first}").status_code == 404
        assert REPLIES[0] in warden.get(f"/messages/{first}").text
        assert "deleted" in warden.get(f"/trees/{tree_id}").text
        warden.get(f"/messages/{first}")
        assert "The message is back" in warden.send("/restore").text
        assert dora.get(f"/messages/{first}").status_code == 200


def test_staff_read_which_messages_went_with_a_deleted_one(campaign: World) -> None:
    tree_id = campaign.tree()
    campaign.ada.write("assistant_reply", REPLIES[0])
    assert campaign.warden
    with visit(campaign, "warden") as warden:
        assert "You could still review or rank here" in warden.get(f"/trees/{tree_id}").text
        warden.get(f"/messages/{tree_id}/delete")
        warden.send("/delete")
        assert "assistant, below a deleted one" in warden.get(f"/trees/{tree_id}").text


def test_staff_edit_and_read_the_history(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    assert campaign.warden
    with visit(campaign, "warden") as warden:
        warden.get(f"/messages/{first}/edit")
        refused = warden.send("/edit", text=" ")
        assert refused.status_code == 422
        assert 'aria-invalid="true"' in refused.text
        warden.get(f"/messages/{first}/edit")
        assert "Because of the air, they say." in warden.send("/edit", text="Because of the air, they say.").text
        history = warden.get(f"/messages/{first}/history").text
        assert history.index(REPLIES[0]) < history.rindex("Because of the air, they say.")


def test_staff_look_behind_what_they_could_still_judge_and_it_is_written_down(campaign: World) -> None:
    campaign.tree()
    message = campaign.ada.write("assistant_reply", REPLIES[0])
    assert campaign.warden
    with visit(campaign, "warden") as warden:
        blind = warden.get(f"/messages/{message}").text
        assert "Looking behind it is written down." in blind
        assert "<bdi>ada</bdi>" not in blind
        assert "<bdi>ada</bdi>" in warden.send("/reveal").text
        assert "<bdi>ada</bdi>" not in warden.get(f"/messages/{message}").text, "for this once only"
    actions = [entry["action"] for entry in campaign.chief.shown("/audit")["items"]]
    assert "message.revealed" in actions


@pytest.mark.parametrize("page", ["history", "edit", "delete"])
def test_contributors_have_no_pages_of_staff(campaign: World, page: str) -> None:
    _, first, _ = campaign.ranked_tree()
    with visit(campaign, "dora") as dora:
        assert dora.get(f"/messages/{first}/{page}").status_code == 403
        assert "Staff" not in dora.get(f"/messages/{first}").text


def test_an_author_who_has_not_agreed_to_their_name_is_called_by_a_pseudonym(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    address, ada = f"/messages/{first}", campaign.ada.id
    with visit(campaign, "dora") as dora:
        for agreed, name in ((True, "ada"), (False, pseudonym(ada))):
            campaign.door.call(keep_preferences, ada, Preferences(welcomed=True, named=agreed))
            assert f"<bdi>{name}</bdi>" in dora.get(address).text
        assert "<bdi>ada</bdi>" not in dora.get(address).text
        campaign.later(seconds=30)
        assert pseudonym(ada) in dora.get("/leaderboard").text


def sees(campaign: World, visibility: str) -> None:
    campaign.door.call(change_charter, None, {"visibility": visibility}, campaign.now)


def test_of_an_open_campaign_everybody_reads_finished_trees_and_nothing_of_growing_ones(campaign: World) -> None:
    finished, first, _ = campaign.ranked_tree()
    growing = campaign.tree("What is rain?")
    sees(campaign, "open")
    page = campaign.http.get("/trees").text
    assert f"/trees/{finished}" in page
    assert f"/trees/{growing}" not in page
    assert f"/trees/{growing}" not in campaign.http.get("/trees?state=growing").text
    assert growing not in campaign.http.get("/trees?q=rain").text
    found = {
        address: campaign.http.get(address).status_code
        for address in (
            f"/trees/{finished}", f"/messages/{first}", "/stats", "/leaderboard", "/stats/states.csv",
            f"/trees/{growing}", f"/messages/{growing}",
        )
    }  # fmt: skip
    assert list(found.values()) == [200, 200, 200, 200, 200, 404, 404]
    assert "Reactions" not in campaign.http.get(f"/messages/{first}").text


def test_by_default_who_is_not_signed_in_is_asked_to(campaign: World) -> None:
    finished, first, _ = campaign.ranked_tree()
    for address in ("/trees", f"/trees/{finished}", f"/messages/{first}", "/stats", "/leaderboard"):
        answer = campaign.http.get(address)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/signin")


def test_where_only_staff_read_contributors_still_see_their_own_messages(campaign: World) -> None:
    tree_id, first, second = campaign.ranked_tree()
    sees(campaign, "staff")
    assert campaign.warden
    with visit(campaign, "ada") as ada, visit(campaign, "warden") as warden:
        own = ada.get(f"/messages/{first}")
        assert own.status_code == 200
        assert second not in own.text, "nothing of what others replied"
        for address, status in ((f"/messages/{second}", 404), (f"/trees/{tree_id}", 403), ("/stats", 403)):
            assert ada.get(address).status_code == status
            assert warden.get(address).status_code == 200


def test_every_text_of_a_person_says_its_language_and_direction_on_a_page_in_another(small_campaign: World) -> None:
    prompt = small_campaign.tree("لماذا السماء زرقاء؟", lang="ar")
    reply = small_campaign.ada.write("assistant_reply", "لأن الهواء يبعثر الضوء الأزرق أكثر من غيره.", lang="ar")
    with visit(small_campaign, "dora") as dora:
        page = dora.get(f"/messages/{prompt}").text
        assert '<html lang="en"' in page
        assert re.search(r'<title lang="ar" dir="rtl">لماذا', page)
        assert re.search(r'<h1 lang="ar" dir="rtl">لماذا', page)
        assert re.search(rf'<a href="/messages/{reply}">assistant: <bdi lang="ar" dir="rtl">لأن', page)
        drawn = dora.get(f"/trees/{prompt}").text
        assert re.search(r'aria-label="assistant: \u2068لأن[^"]*\u2069"', drawn)
