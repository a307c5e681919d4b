"""Statistics and boards over HTTP."""

import pytest

from campaigns import REPLIES, World, well


def test_statistics_count_trees_messages_people_and_work(campaign: World) -> None:
    campaign.ranked_tree()
    campaign.tree("Warum?", lang="de")
    stats = campaign.ada.shown("/stats")
    assert stats["trees"] == {"de": {"growing": 1}, "en": {"ready_for_export": 1}}
    assert stats["messages"] == {"de": {"prompter": 1, "assistant": 0}, "en": {"prompter": 1, "assistant": 2}}
    assert stats["people"]["active_1"] == 4, "the chief planted, two replied, one judged"
    today = stats["days"]["2026-03-01"]
    assert today == {"prompts": 2, "replies": 2, "reviews": 2, "rankings": 1}
    assert len(stats["days"]) == 30
    assert stats["spread"]["replies"] == {
        "people": 2, "gini": 0.0, "effective": 2.0, "top_1": 0.5, "top_10": 1.0, "top_100": 1.0, "top_tenth": 0.5,
    }  # fmt: skip
    assert stats["spread"]["reviews"]["people"] == 1


def test_statistics_are_remembered_for_a_minute(small_campaign: World) -> None:
    campaign = small_campaign
    assert campaign.ada.shown("/stats")["trees"] == {}
    campaign.tree()
    assert campaign.ada.shown("/stats")["trees"] == {}
    campaign.later(minutes=1)
    assert campaign.ada.shown("/stats")["trees"] == {"en": {"growing": 1}}


def test_boards_rank_by_points_and_show_level_and_streak(campaign: World) -> None:
    campaign.ranked_tree()
    board = campaign.ada.shown("/leaderboards/total")
    ranked = [(place["rank"], place["name"], place["points"], place["level"]) for place in board["items"]]
    assert ranked == [
        (1, "ben", 4 + 4 + 9, 4),  # a reply, accepted, ranked first
        (2, "ada", 4 + 4 + 3, 3),
        (3, "cleo", 2 * 2 + 1 + 1, 2),  # two full reviews, a ranking that agrees
    ]
    assert [place["me"] for place in board["items"]] == [False, True, False]
    assert board["items"][0]["streak"] == 1


def test_equal_points_are_ordered_by_id_and_pages_go_on_where_they_ended(campaign: World) -> None:
    campaign.policy(max_pending_tasks_per_user=100)
    campaign.tree(max_children_count=6, goal_tree_size=7)
    people = [campaign.person(f"writer-{number}") for number in range(5)]
    for number, person in enumerate(people):
        person.write("assistant_reply", f"{REPLIES[0]} Or so number {number} says.")
    first = campaign.ada.shown("/leaderboards/day", limit=2)
    rest = campaign.ada.shown("/leaderboards/day", limit=9, cursor=first["next"])
    assert [place["person"] for place in first["items"] + rest["items"]] == sorted(person.id for person in people)
    assert [place["rank"] for place in rest["items"]] == [3, 4, 5]
    assert first["people"] == 5
    middle = sorted(people, key=lambda person: person.id)[2]
    around = middle.shown("/leaderboards/day", around="me", limit=3)
    assert [place["rank"] for place in around["items"]] == [2, 3, 4]
    assert campaign.ada.shown("/leaderboards/day", around="me")["items"] == []


def test_who_does_not_wish_to_be_shown_or_is_banned_is_on_no_board(campaign: World) -> None:
    campaign.ranked_tree()
    well(campaign.ada.call("PATCH", "/me", {"on_board": False}))
    well(campaign.warden.post(f"/people/{campaign.ben.id}/ban", {"reason": "Spam or advertising"}))
    assert [place["name"] for place in campaign.ada.shown("/leaderboards/total")["items"]] == ["cleo"]
    mine = campaign.ada.shown("/me/stats")["frames"]["total"]
    assert (mine["points"], mine["rank"]) == (11, None)


def test_a_board_counts_the_days_of_its_frame(campaign: World) -> None:
    campaign.tree()
    campaign.ada.write("assistant_reply", REPLIES[0])
    for days, shown in ((1, "week"), (6, "month"), (24, "total")):
        campaign.later(days=days)
        frames = [
            frame
            for frame in ("day", "week", "month", "total")
            if campaign.ada.shown(f"/leaderboards/{frame}")["items"]
        ]
        assert frames[0] == shown
    assert campaign.ada.get("/leaderboards/year").status_code == 422


def test_people_see_where_they_stand(campaign: World) -> None:
    campaign.ranked_tree()
    campaign.later(days=1)
    campaign.tree("Who was Ada Lovelace?")
    campaign.ada.write("assistant_reply", "She wrote the first program.")
    stats = campaign.ada.shown("/me/stats")
    assert (stats["level"], stats["next_level_at"], stats["streak"]) == (3, 16, 2)
    assert (stats["frames"]["total"]["points"], stats["frames"]["total"]["rank"]) == (15, 2)
    assert stats["frames"]["day"]["counts"]["replies_assistant"] == 1


def test_the_trollboard_shows_staff_whose_messages_made_trouble(campaign: World) -> None:
    campaign.tree()
    bad = campaign.ada.write("assistant_reply", REPLIES[0])
    fair = campaign.ben.write("assistant_reply", REPLIES[1])
    well(campaign.cleo.call("PUT", f"/messages/{bad}/reactions/red_flag"))
    well(campaign.cleo.call("PUT", f"/messages/{fair}/reactions/-1"))
    board = campaign.warden.shown("/trollboard/week")["items"]
    assert [(each["name"], each["score"], each["red_flags"]) for each in board] == [("ada", 3, 1), ("ben", 1, 0)]
    first = campaign.warden.shown("/trollboard/week", limit=1)
    rest = campaign.warden.shown("/trollboard/week", limit=1, cursor=first["next"])
    assert [rest["items"][0]["rank"], rest["next"]] == [2, None]
    assert campaign.ada.get("/trollboard/week").status_code == 403


@pytest.mark.parametrize("frame", ["day", "total"])
def test_a_campaign_without_people_has_empty_boards(small_campaign: World, frame: str) -> None:
    assert small_campaign.chief.shown(f"/leaderboards/{frame}")["items"] == []
    assert small_campaign.chief.shown("/stats")["spread"]["prompts"]["gini"] is None
