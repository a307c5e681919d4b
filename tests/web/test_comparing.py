"""Volunteers compare answers of models: brought by an administrator's script, blind on the page, votes fetched."""

import re
from typing import Any

from campaigns import Someone, World, well
from visits import visit

SET = "two-checkpoints"


def side(model: str, answer: str) -> dict[str, Any]:
    return {"model": model, "turns": [{"role": "assistant", "content": answer}]}


def asked(number: int, lang: str = "en") -> dict[str, Any]:
    return {
        "question": f"q{number}", "turn": 1, "lang": lang,
        "thread": [{"role": "user", "content": f"Question {number}?"}],
        "first": side("oak", f"Oakish {number}."), "second": side("elm", f"Elmish {number}."),
    }  # fmt: skip


def brought(world: World, *comparisons: dict[str, Any], people: int = 2) -> Someone:
    chief = world.chief
    form = {"name": "Two checkpoints", "people": people, "seed": 5}
    well(chief.call("PUT", f"/comparisons/{SET}", form))
    well(chief.post(f"/comparisons/{SET}/battles", {"comparisons": list(comparisons)}))
    return chief


def test_what_is_brought_twice_is_there_once(campaign: World) -> None:
    chief = brought(campaign, asked(1), asked(2))
    assert well(chief.post(f"/comparisons/{SET}/battles", {"comparisons": [asked(2), asked(3)]})).json() == {"added": 1}
    known = chief.shown(f"/comparisons/{SET}")
    assert (known["battles"], known["full"], known["votes"], known["people"]) == (3, 0, 0, 2)
    assert chief.call("PUT", f"/comparisons/{SET}", {"name": "Others", "people": 2}).status_code == 409
    assert campaign.ada.get(f"/comparisons/{SET}").status_code == 403
    assert campaign.ada.get(f"/comparisons/{SET}/votes").status_code == 403


def test_what_nobody_can_compare_is_refused(campaign: World) -> None:
    chief = brought(campaign)
    same = asked(1) | {"second": side("oak", "Also oak.")}
    silent = asked(1) | {"first": {"model": "oak", "turns": []}}
    for wrong in (same, silent, asked(1, "no language")):
        assert chief.post(f"/comparisons/{SET}/battles", {"comparisons": [wrong]}).status_code == 422
    assert chief.call("PUT", "/comparisons/another-set", {"name": "All", "people": 26}).status_code == 422


def test_names_are_told_after_the_vote_which_stays_and_comes_back_with_its_sides(small_campaign: World) -> None:
    chief = brought(small_campaign, asked(1))
    lefts = []
    for name, vote in (("ada", "left"), ("ben", "tie")):
        with visit(small_campaign, name) as visitor:
            assert "Show me two answers" in visitor.get("/tasks").text
            visitor.get("/compare")
            page = visitor.send("/compare/next")
            assert not re.search(r"\boak\b|\belm\b", page.text)
            lefts.append("oak" if page.text.index("Oakish") < page.text.index("Elmish") else "elm")
            address = page.url.path
            page = visitor.send(address, vote=vote, declined="right")
            assert re.search(r"\boak\b", page.text)
            assert re.search(r"\belm\b", page.text)
            assert f'action="{address}"' not in page.text  # there is no form to vote with any more
    assert lefts[0] != lefts[1]  # the second person sees them the other way round
    votes = chief.shown(f"/comparisons/{SET}/votes")["items"]
    other = {"oak": "elm", "elm": "oak"}
    assert [(each["left"], each["right"], each["vote"], each["declined"], each["rater"]) for each in votes] == [
        (lefts[0], other[lefts[0]], "left", "right", 1), (lefts[1], other[lefts[1]], "tie", "right", 2),
    ]  # fmt: skip
    assert chief.shown(f"/comparisons/{SET}")["full"] == 1
    with visit(small_campaign, "cleo") as visitor:
        assert "nothing to compare" in visitor.get("/compare").text


def test_a_vote_cannot_be_changed_and_nobody_votes_on_what_others_were_shown(small_campaign: World) -> None:
    brought(small_campaign, asked(1))
    with visit(small_campaign, "ada") as ada, visit(small_campaign, "ben") as ben:
        ada.get("/compare")
        page = ada.send("/compare/next")
        address, form = page.url.path, {"vote": ["left"]}
        ben.get("/compare")
        token = re.search(r'name="form_token" value="([^"]+)"', ben.page.text)
        assert token
        assert ben.post(address, form | {"form_token": [token[1]]}).status_code == 404
        mine = re.search(r'name="form_token" value="([^"]+)"', page.text)
        assert mine
        sent = {"form_token": [mine[1]]}
        assert ada.post(address, sent).status_code == 422  # no button
        for vote, status in (("left", 200), ("left", 200), ("right", 409)):
            assert ada.post(address, sent | {"vote": [vote]}).status_code == status


def test_people_compare_in_their_languages_and_are_not_asked_again_what_they_skipped(small_campaign: World) -> None:
    brought(small_campaign, asked(1), asked(2, "de"))
    with visit(small_campaign, "ada") as ada:
        ada.get("/compare")
        page = ada.send("/compare/next")
        assert "Question 1?" in page.text
        page = ada.send(page.url.path, vote="skipped")
        assert page.url.path == "/compare"
        assert "nothing to compare" in page.text
    well(small_campaign.chief.post(f"/comparisons/{SET}/end"))
    assert small_campaign.chief.shown(f"/comparisons/{SET}")["ended_at"]
    with visit(small_campaign, "ben") as ben:
        assert "nothing to compare" in ben.get("/compare").text
