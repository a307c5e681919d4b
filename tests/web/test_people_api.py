"""People over HTTP: oneself, tokens, accounts for others, bans, and what somebody contributed."""

from typing import Any

from campaigns import REPLIES, Someone, World, well
from espalier.domain.cases import REASONS

BAN = {"reason": REASONS[0]}


def test_people_see_and_change_their_own_account(campaign: World) -> None:
    assert campaign.ada.shown("/me")["name"] == "ada"
    changed = well(campaign.ada.call("PATCH", "/me", {"name": "Ada L.", "on_board": False})).json()
    assert (changed["name"], changed["on_board"], changed["role"]) == ("Ada L.", False, "contributor")
    assert campaign.ada.shown("/me") == changed
    refused = campaign.ada.call("PATCH", "/me", {"name": "two\nlines"})
    assert (refused.status_code, refused.json()["field"]) == (422, "name")
    assert campaign.ada.call("PATCH", "/me", {"role": "admin"}).status_code == 422


def test_a_token_is_shown_once_and_opens_nothing_when_revoked(campaign: World) -> None:
    made = well(campaign.ada.post("/me/tokens", {"name": "laptop"})).json()
    second = Someone(campaign, campaign.ada.id, made["token"], "ada")
    assert second.shown("/me")["id"] == campaign.ada.id
    listed = campaign.ada.shown("/me/tokens")["items"]
    assert made["token"] not in str(listed)
    well(campaign.ada.call("DELETE", f"/me/tokens/{made['info']['id']}"))
    assert second.get("/me").status_code == 401
    assert campaign.ada.call("DELETE", f"/me/tokens/{made['info']['id']}").status_code == 404
    assert campaign.ben.call("DELETE", f"/me/tokens/{listed[0]['id']}").status_code == 404


def test_a_token_that_only_reads_changes_nothing(campaign: World) -> None:
    made = well(campaign.ada.post("/me/tokens", {"name": "reader", "scope": "read"})).json()
    reader = Someone(campaign, campaign.ada.id, made["token"], "ada")
    well(reader.get("/me"))
    refused = reader.call("PATCH", "/me", {"name": "Eve"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:espalier:problem:not-allowed")
    assert campaign.ada.shown("/me")["name"] == "ada"


def test_who_sends_no_valid_token_is_asked_for_one(small_campaign: World) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic d3Jvbmc="}):
        refused = small_campaign.http.get("/api/v1/me", headers=headers)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


def test_administrators_make_accounts_one_or_many(campaign: World) -> None:
    form = {"name": "Grace", "role": "moderator", "email": "grace@example.org"}
    made = well(campaign.chief.post("/people", form)).json()
    grace = Someone(campaign, made["person"]["id"], made["token"], "Grace")
    assert grace.shown("/me")["role"] == "moderator"
    assert campaign.chief.post("/people", form).status_code == 409
    many = well(campaign.chief.post("/people/invitations", {"count": 12, "prefix": "course"})).json()["items"]
    assert [each["person"]["name"] for each in many][:2] == ["course-01", "course-02"]
    assert len({each["token"] for each in many}) == 12
    assert campaign.chief.post("/people/invitations", {"count": 0}).status_code == 422
    for person in (campaign.warden, campaign.ada):
        assert person.post("/people", {"name": "Eve"}).status_code == 403
        assert person.post("/people/invitations", {"count": 1}).status_code == 403


def test_staff_find_people_by_name_page_by_page(campaign: World) -> None:
    well(campaign.chief.post("/people/invitations", {"count": 5, "prefix": "course"}))
    first = campaign.warden.shown("/people", q="course", limit=3)
    rest = campaign.warden.shown("/people", q="course", limit=3, cursor=first["next"])
    assert [each["name"] for each in first["items"] + rest["items"]] == [f"course-{n}" for n in range(1, 6)]
    assert campaign.warden.shown(f"/people/{campaign.ada.id}")["name"] == "ada"
    assert campaign.warden.get("/people/nobody").status_code == 404
    well(campaign.chief.post("/people", {"name": "Grace", "email": "grace@example.org"}))
    for reader, known in ((campaign.chief, ["grace@example.org"]), (campaign.warden, [])):
        found = reader.shown("/people", q="example.org")["items"]
        assert [each["email"] for each in found] == known
        assert [each["email"] for each in reader.shown("/people", q="grace")["items"]] == (known or [None])
    assert campaign.ada.get("/people").status_code == 403
    assert campaign.ada.get(f"/people/{campaign.ben.id}").status_code == 403


def test_a_ban_holds_at_once_and_frees_what_the_person_held(campaign: World) -> None:
    campaign.tree(max_children_count=1, goal_tree_size=2)
    campaign.ada.task("assistant_reply")
    assert campaign.ben.next("assistant_reply") is None
    well(campaign.warden.post(f"/people/{campaign.ada.id}/ban", BAN))
    refused = campaign.ada.get("/me")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:espalier:problem:banned")
    assert campaign.ben.next("assistant_reply") is not None
    well(campaign.warden.post(f"/people/{campaign.ada.id}/unban"))
    well(campaign.ada.get("/me"))


def test_a_ban_has_a_reason_of_the_list_and_may_be_for_some_days(campaign: World) -> None:
    at = f"/people/{campaign.ada.id}/ban"
    assert campaign.warden.post(at, {}).status_code == 422
    refused = campaign.warden.post(at, {"reason": "I do not like them"}).json()
    assert (refused["field"], refused["detail"]) == ("reason", f"Choose a reason from the list. {' · '.join(REASONS)}")
    shown = well(campaign.warden.post(at, {**BAN, "days": 2})).json()
    assert (shown["disabled"], shown["suspended_until"]) == (False, "2026-03-04T00:00:00Z")
    assert campaign.chief.shown(f"/people/{campaign.ada.id}")["suspended_until"] == "2026-03-03T12:00:00Z"
    refused = campaign.ada.get("/me")
    assert refused.json()["type"] == "urn:espalier:problem:suspended"
    well(campaign.ada.post("/appeals", {"words": "I was asleep."}))
    (appeal,) = campaign.warden.shown("/cases", came="appeal")["items"]
    assert campaign.warden.post(at, BAN).status_code == 409, "the appeal is decided first"
    well(campaign.warden.post(f"/people/{campaign.ada.id}/unban"))
    assert campaign.ada.shown("/notices")["items"][0]["verdict"] == "lift"
    assert campaign.warden.shown(f"/cases/{appeal['id']}")["state"] == "decided"


def test_a_moderator_cannot_act_on_an_administrator(campaign: World) -> None:
    for action, form in (("ban", BAN), ("unban", None), ("purge", {"preview": True})):
        assert campaign.warden.post(f"/people/{campaign.chief.id}/{action}", form).status_code == 403
    assert campaign.warden.call("PATCH", f"/people/{campaign.chief.id}", {"role": "contributor"}).status_code == 403
    assert campaign.warden.post(f"/people/{campaign.chief.id}/tokens", {"name": "mine"}).status_code == 403


def test_there_is_always_an_administrator(campaign: World) -> None:
    (first,) = campaign.chief.shown("/people", q="Administrator")["items"]
    well(campaign.chief.call("PATCH", f"/people/{first['id']}", {"role": "contributor"}))
    refused = campaign.chief.call("PATCH", f"/people/{campaign.chief.id}", {"role": "contributor"})
    assert refused.status_code == 409
    assert campaign.chief.shown("/me")["role"] == "admin"


def contributions(person: Someone) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = person.shown("/me/contributions")["items"]
    return items


def test_people_see_what_they_contributed_and_what_became_of_it(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    (mine,) = contributions(campaign.ada)
    assert (mine["kind"], mine["message"]["id"], mine["message"]["seen_as"]) == ("replied", first, "own")
    assert (mine["message"]["review_result"], mine["message"]["rank"]) == (True, 1)
    assert mine["message"]["tree_state"] == "ready_for_export"
    ranking, *reviews = contributions(campaign.cleo)
    assert (ranking["kind"], ranking["agreed"]) == ("ranked", True)
    assert [review["kind"] for review in reviews] == ["reviewed", "reviewed"]
    assert reviews[0]["said"]["labels"]["quality"] == 0.75
    theirs = campaign.warden.shown(f"/people/{campaign.ada.id}/contributions")["items"]
    assert theirs[0]["message"]["author"] == campaign.ada.id


def test_staff_are_not_told_who_wrote_or_judged_what_they_could_still_judge(campaign: World) -> None:
    campaign.tree()
    mine = campaign.ada.write("assistant_reply", REPLIES[0])

    def seen_by(reader: Someone) -> dict[str, Any]:
        found: dict[str, Any] = reader.shown(f"/people/{campaign.ada.id}/contributions")["items"][0]
        return found

    theirs = seen_by(campaign.warden)
    assert (theirs["kind"], theirs["tree_id"], theirs["message"], theirs["said"]) == ("replied", None, None, {})
    assert theirs["at"].endswith("T00:00:00Z")
    assert seen_by(campaign.chief)["message"]["id"] == mine


def test_contributions_come_in_pages_without_what_was_taken_back(campaign: World) -> None:
    campaign.tree()
    campaign.tree("Who was Ada Lovelace?")
    campaign.ada.write("assistant_reply", REPLIES[0])
    well(campaign.ada.call("PUT", f"/messages/{campaign.tree('Why?')}/reactions/clap"))
    receipt = campaign.ada.submit(campaign.ada.task("assistant_reply"), text=REPLIES[1])
    well(campaign.ada.post(f"/contributions/{receipt['id']}/withdraw"))
    first = campaign.ada.shown("/me/contributions", limit=1)
    rest = campaign.ada.shown("/me/contributions", limit=1, cursor=first["next"])
    assert [each["kind"] for each in first["items"] + rest["items"]] == ["reacted", "replied"]
    assert rest["next"] is None


def test_a_purge_is_previewed_and_then_removes_all(campaign: World) -> None:
    tree_id, first, _ = campaign.ranked_tree()
    preview = well(campaign.warden.post(f"/people/{campaign.ada.id}/purge", {"preview": True})).json()
    assert (preview["traces"]["messages"], preview["job"]) == (1, None)
    assert campaign.chief.shown(f"/messages/{first}")["text"] == REPLIES[0]
    purged = well(campaign.warden.post(f"/people/{campaign.ada.id}/purge", {"preview": False})).json()
    campaign.work()
    assert campaign.warden.shown(f"/jobs/{purged['job']['id']}")["status"] == "done"
    tombstone = campaign.chief.shown(f"/messages/{first}")
    assert (tombstone["text"], tombstone["author"], tombstone["tombstone"]) == ("", None, True)
    assert campaign.ada.get("/me").status_code == 401
    (left,) = campaign.ben.shown(f"/trees/{tree_id}")["prompt"]["replies"]
    assert left["rank"] is None, "it is compared with nothing any more"


def test_who_closes_their_account_leaves_texts_without_a_name(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    well(campaign.ada.call("DELETE", "/me"))
    campaign.work()
    left = campaign.chief.shown(f"/messages/{first}")
    assert (left["text"], left["author"], left["author_name"]) == (REPLIES[0], None, None)
    assert campaign.ada.get("/me").status_code == 401


def test_the_journal_tells_what_staff_did_page_by_page(campaign: World) -> None:
    campaign.tree()
    well(campaign.warden.post(f"/people/{campaign.ada.id}/ban", BAN))
    newest = campaign.chief.shown("/audit", limit=2)
    assert [entry["action"] for entry in newest["items"]] == ["case.ban", "person.banned"]
    assert newest["items"][1]["subject"] == campaign.ada.id
    older = campaign.chief.shown("/audit", limit=200, cursor=newest["next"])
    assert "tree.planted" in {entry["action"] for entry in older["items"]}
    about = campaign.chief.shown("/audit", subject=campaign.ada.id)["items"]
    assert [entry["action"] for entry in about] == ["person.banned", "person.created"]
    assert "case.ban" in {entry["action"] for entry in campaign.warden.shown("/audit")["items"]}
    assert campaign.warden.shown("/audit", subject=campaign.ada.id)["items"] == []
    assert campaign.ada.get("/audit").status_code == 403


def test_all_of_ones_data_is_given_to_oneself_alone(campaign: World) -> None:
    campaign.tree()
    campaign.ada.write("assistant_reply", REPLIES[0])
    assert [each["text"] for each in campaign.ada.shown("/me/data")["contributions"]] == [REPLIES[0]]
    assert campaign.ben.shown("/me/data")["contributions"] == []
