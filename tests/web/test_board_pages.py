"""The leaderboard and the statistics as pages and files."""

import csv
import re
from io import StringIO

import pytest

from campaigns import World
from visits import visit


def rows(page: str) -> list[list[str]]:
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    plain = [re.sub(r"<[^>]+>", " ", cell) for cell in re.split(r"</t[dh]>", body)]
    cells = [" ".join(cell.split()) for cell in plain if cell.strip()]
    return [cells[at : at + 5] for at in range(0, len(cells), 5)]


def test_the_board_shows_places_and_marks_ones_own(campaign: World) -> None:
    campaign.ranked_tree()
    with visit(campaign, "ada") as ada:
        page = ada.get("/leaderboard?frame=day").text
    assert [(row[0], row[2]) for row in rows(page)] == [("1", "17"), ("2", "11"), ("3", "6")]
    assert ["you" in row[1] for row in rows(page)] == [False, True, False]
    assert 'aria-current="true"' in page
    assert 'id="own"' not in page


def test_who_hides_is_not_on_the_board_but_sees_their_own_rank(campaign: World) -> None:
    campaign.ranked_tree()
    campaign.ada.call("PATCH", "/me", {"on_board": False})
    campaign.later(seconds=30)
    with visit(campaign, "ada") as ada, visit(campaign, "ben") as ben:
        own = ada.get("/leaderboard").text
        assert len(rows(own)) == 2
        assert "With your 11 points you would be number 2; only you see this." in own
        assert len(rows(ben.get("/leaderboard").text)) == 2
        assert "With your 11 points you would be number 2" in ada.get("/leaderboard?lang=en").text
        assert "With your" not in ada.get("/leaderboard?lang=de").text


def test_one_point_is_said_as_one(campaign: World) -> None:
    campaign.tree(max_tree_depth=2, goal_tree_size=4)
    campaign.ben.write("assistant_reply", "It is the air that scatters the light.")
    campaign.later(seconds=1)
    campaign.cleo.review("label_assistant_reply")
    campaign.ada.call("PATCH", "/me", {"on_board": False})
    campaign.ada.write("prompter_reply", "And why is it red in the evening?")
    campaign.later(seconds=30)
    with visit(campaign, "ada") as ada:
        assert "With your 1 point you would" in ada.get("/leaderboard?frame=week&lang=en").text
        assert "point, level" in ada.get("/tasks").text


def test_a_board_of_a_language_counts_what_was_written_in_it(campaign: World) -> None:
    campaign.ranked_tree()
    with visit(campaign, "ada") as ada:
        page = ada.get("/leaderboard?frame=total&lang=en").text
        assert [(row[0], row[2]) for row in rows(page)] == [("1", "17"), ("2", "11")]
        assert "Nobody stands here yet" in ada.get("/leaderboard?frame=total&lang=de").text


def test_own_rank_is_shown_where_it_is_on_another_page(small_campaign: World) -> None:
    campaign = small_campaign
    campaign.policy(max_pending_tasks_per_user=100)
    campaign.tree(max_children_count=30, goal_tree_size=31)
    for number in range(27):
        campaign.person(f"writer-{number}").write("assistant_reply", f"It is the air, says number {number}, I think.")
    last = max((campaign.people[f"writer-{number}"] for number in range(27)), key=lambda each: each.id)
    with visit(campaign, last.name) as visitor:
        page = visitor.get("/leaderboard").text
        assert "You are number 27 with 4 points." in page
        assert "you" in rows(visitor.get("/leaderboard?rank=26").text)[1][1]


def test_a_fresh_campaign_has_no_statistics_and_no_points_yet(small_campaign: World) -> None:
    with visit(small_campaign, "ada") as ada:
        assert "No statistics yet" in ada.get("/stats").text
        assert "Nobody stands here yet" in ada.get("/leaderboard").text


def test_every_chart_has_a_table_and_a_file_with_the_same_rows(campaign: World) -> None:
    campaign.ranked_tree()
    campaign.tree("Warum?", lang="de")
    with visit(campaign, "ada") as ada:
        page = ada.get("/stats").text
        names = re.findall(r'href="/stats/([a-z]+)\.csv"', page)
        assert names == ["growth", "languages", "tasks", "states", "labels", "contribution"]
        assert page.count('role="img"') == 2 * len(names), "for screens and for phones"
        assert 'style="' not in page
        files = {name: list(csv.reader(StringIO(ada.get(f"/stats/{name}.csv").text))) for name in names}
        assert ada.get("/stats/secrets.csv").status_code == 404
        assert "4 people took part" in page, "the chief planted, two replied, one judged"
        assert re.search(r"People who took part</dt><dd[^>]*>4<", ada.get("/").text)
    tables = dict(zip(names, page.split("<tbody>")[1:], strict=True))
    for name, (_, *lines) in files.items():
        assert tables[name].split("</tbody>")[0].count("<tr>") == len(lines) > 0
    assert files["languages"] == [
        ["language", "messages", "share", "target"], ["en", "3", "0.75", ""], ["de", "1", "0.25", ""],
    ]  # fmt: skip
    assert files["growth"][-1] == ["2026-03-01", "2", "2", "2", "1"]
    assert files["states"] == [["state", "trees"], ["growing", "1"], ["ready_for_export", "1"]]
    assert ["quality", "0", "0", "0", "2", "0"] in files["labels"]


def test_the_target_mix_stands_beside_the_languages(campaign: World) -> None:
    campaign.policy(target_language_mix={"en": 0.5, "ko": 0.25})
    campaign.ranked_tree()
    with visit(campaign, "ada") as ada:
        assert 'class="target"' in ada.get("/stats").text
        lines = ada.get("/stats/languages.csv").text.split()
    assert lines[1:] == ["en,3,1.0,0.5", "ko,0,0.0,0.25"]


@pytest.mark.parametrize("address", ["/leaderboard?rank=0", "/leaderboard?rank=x"])
def test_an_address_that_makes_no_sense_is_refused(small_campaign: World, address: str) -> None:
    with visit(small_campaign, "ada") as ada:
        assert ada.get(address).status_code == 422
