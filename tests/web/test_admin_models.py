"""The page of the chat's models, for organisers only: how each does with people, day by day."""

from dataclasses import replace

from campaigns import World
from espalier.collect.imports import import_trees
from espalier.collect.intake import Source
from espalier.dataset.objects import tree_record
from espalier.store import filter_hits, model_figures, reward_scores
from espalier.store.filter_hits import FilterHit, Side
from espalier.store.model_figures import Figure
from oasst import message, tree
from rooms import Room
from visits import visit, words_of


def test_organisers_see_whether_models_are_there_and_how_they_do(small_campaign: World) -> None:
    state, now = small_campaign.http.app.state, small_campaign.now
    state.campaign = replace(state.campaign, chatroom=Room())
    for seconds in (0.5, 1.5):
        values = {Figure.COMPLETE: 1.0, Figure.FIRST_S: seconds}
        small_campaign.door.call(model_figures.note, now.date(), "small", values)
    hit = FilterHit(None, "small", Side.WRITTEN, 0.93, now)
    small_campaign.door.call(filter_hits.add, hit)
    with visit(small_campaign, small_campaign.chief.name) as chief:
        page = chief.get("/admin/models").text
        assert "Small" in page
        assert "<bdi>small</bdi>" not in page, "titles, where there are any"
        assert "<svg" in page
        assert "not kept: nobody agreed to it" in page
        lines = chief.get("/admin/models.csv").text.splitlines()
    head, last = lines[0].split(","), lines[-1].split(",")
    assert dict(zip(head, last, strict=True))["replies"] == "2"
    assert dict(zip(head, last, strict=True))["first_s"] == "1.0"


def test_without_chat_the_page_says_so(small_campaign: World) -> None:
    with visit(small_campaign, small_campaign.chief.name) as chief:
        page = chief.get("/admin/models").text
    assert "Chat is switched off" in page
    assert "Nobody has chatted yet" in page


def test_sets_are_listed_in_which_a_reward_model_and_people_disagree_most(small_campaign: World) -> None:
    verdicts = {"review_count": 3, "review_result": True}
    replies = [message(f"r{place}", "p", text=f"Reply {place}", rank=place, **verdicts) for place in range(3)]
    record = tree_record(tree(message("p", replies=replies, **verdicts), tree_state="ready_for_export"), 1)
    now = small_campaign.now
    small_campaign.door.call(import_trees, [record], {}, Source("some"), None, now, small_campaign.rng)
    for model, sign in (("contrary", 1), ("alike", -1)):
        scores = {f"r{place}": float(sign * place) for place in range(3)}
        small_campaign.door.call(reward_scores.put, model, scores, now)
    with visit(small_campaign, small_campaign.chief.name) as chief:
        page = chief.get("/admin/models").text
    part = page[page.index("disagreements") :]
    assert "contrary" in words_of(part)
    assert "alike" not in words_of(part)
    assert 'href="/messages/p"' in part
    assert "Reply 0" in part, "people's best"
    assert "Reply 2" in part, "the model's best"
    assert ">-1.00<" in part
    assert ">0.333<" in part, "of six orders two are as far"
