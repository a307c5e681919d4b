"""Messages over HTTP: lists and their pages, search, threads, reactions, reports, and what staff do."""

from campaigns import REPLIES, World, well


def test_a_list_is_read_to_its_end_page_by_page(campaign: World) -> None:
    planted = [campaign.tree(f"Question number {number}?") for number in range(5)]
    seen: list[str] = []
    cursor = None
    for size in (2, 2, 1):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        part = campaign.ada.shown("/messages", **query)
        assert len(part["items"]) == size
        seen += [message["id"] for message in part["items"]]
        cursor = part["next"]
    assert cursor is None
    assert seen == planted[::-1]


def test_messages_are_filtered_by_language_role_tree_and_author(campaign: World) -> None:
    english = campaign.tree()
    german = campaign.tree("Warum ist der Himmel blau?", lang="de")
    reply = campaign.ada.write("assistant_reply", REPLIES[0])

    def found(**query: str) -> set[str]:
        return {message["id"] for message in campaign.ada.shown("/messages", **query)["items"]}

    assert found(lang="de") == {german}
    assert found(role="assistant") == {reply}
    assert found(role="prompter", lang="en") == {english}
    assert found(tree_id=english) == {english, reply}
    assert found(author="me") == {reply}
    assert found(author="me", lang="de") == set()


def test_staff_list_by_state_and_by_person_page_by_page(campaign: World) -> None:
    growing = campaign.tree()
    reply = campaign.ada.write("assistant_reply", REPLIES[0])
    halted = campaign.tree("Who was Ada Lovelace?")
    well(campaign.warden.post(f"/trees/{halted}/orders", {"command": "halt"}))
    first = campaign.warden.shown("/messages", state="growing", limit=1)
    rest = campaign.warden.shown("/messages", state="growing", limit=1, cursor=first["next"])
    assert [first["items"][0]["id"], rest["items"][0]["id"], rest["next"]] == [growing, reply, None]
    (theirs,) = campaign.warden.shown("/messages", person=campaign.ada.id)["items"]
    assert theirs["id"] == reply


def test_messages_are_found_by_their_words(campaign: World) -> None:
    tree_id = campaign.tree("Why is the sky over Córdoba blue?")
    campaign.tree("為什麼天空是藍色的？", lang="zh")
    (found,) = campaign.ada.shown("/messages", q="cordoba sky")["items"]
    assert found["id"] == tree_id
    assert len(campaign.ada.shown("/messages", q="天空")["items"]) == 1
    assert campaign.ada.shown("/messages", q="天空", lang="en")["items"] == []
    refused = campaign.ada.get("/messages", params={"q": "?!"})
    assert (refused.status_code, refused.json()["field"]) == (422, "q")


def test_found_messages_come_in_pages_and_deleted_ones_are_not_found(campaign: World) -> None:
    trees = [campaign.tree(f"Tell me about whales, part {number}.") for number in range(3)]
    first = campaign.ada.shown("/messages", q="whales", limit=2)
    rest = campaign.ada.shown("/messages", q="whales", limit=2, cursor=first["next"])
    assert [each["id"] for each in first["items"] + rest["items"]] == trees[::-1]
    well(campaign.warden.post(f"/messages/{trees[0]}/delete"))
    assert len(campaign.ada.shown("/messages", q="whales")["items"]) == 2


def test_a_search_goes_with_nothing_but_a_language(small_campaign: World) -> None:
    refused = small_campaign.ada.get("/messages", params={"q": "sky", "role": "prompter"})
    assert (refused.status_code, refused.json()["field"]) == (422, "q")


def test_a_thread_goes_from_the_prompt_to_the_message_and_children_are_its_replies(campaign: World) -> None:
    tree_id = campaign.tree(max_tree_depth=2, max_children_count=1)
    reply = campaign.ada.write("assistant_reply", REPLIES[0])
    campaign.cleo.review("label_assistant_reply")
    below = campaign.ben.write("prompter_reply", "And at sunset?")
    thread = campaign.cleo.shown(f"/messages/{below}/thread")["items"]
    assert [message["id"] for message in thread] == [tree_id, reply, below]
    assert [message["id"] for message in campaign.cleo.shown(f"/messages/{tree_id}/children")["items"]] == [reply]


def test_replies_come_a_page_at_a_time(campaign: World) -> None:
    tree_id, *replies = campaign.ranked_tree()
    address = f"/messages/{tree_id}/children"
    first = campaign.chief.shown(address, limit=1)
    rest = campaign.chief.shown(address, limit=1, cursor=first["next"])
    assert [[message["id"] for message in part["items"]] for part in (first, rest)] == [[reply] for reply in replies]
    assert rest["next"] is None


def test_opposite_votes_exclude_each_other_and_ones_own_are_ignored(campaign: World) -> None:
    tree_id = campaign.tree()
    reply = campaign.ada.write("assistant_reply", REPLIES[0])

    def emojis() -> dict[str, int]:
        found: dict[str, int] = campaign.chief.shown(f"/messages/{reply}")["emojis"]
        return found

    well(campaign.ada.call("PUT", f"/messages/{reply}/reactions/+1"))
    assert emojis() == {}
    for _ in range(2):
        well(campaign.ben.call("PUT", f"/messages/{reply}/reactions/+1"))
    assert emojis() == {"+1": 1}
    well(campaign.ben.call("PUT", f"/messages/{reply}/reactions/-1"))
    assert emojis() == {"-1": 1}
    for _ in range(2):
        well(campaign.ben.call("DELETE", f"/messages/{reply}/reactions/-1"))
    assert emojis() == {}
    unknown = campaign.ben.call("PUT", f"/messages/{reply}/reactions/unicorn")
    assert (unknown.status_code, unknown.json()["field"]) == (422, "emoji")
    assert campaign.ben.call("PUT", f"/messages/{tree_id}x/reactions/+1").status_code == 404


def test_a_volunteer_reacts_inside_a_task_by_a_handle(campaign: World) -> None:
    campaign.tree()
    reply = campaign.ada.write("assistant_reply", REPLIES[0])
    task = campaign.ben.task("label_assistant_reply")
    well(campaign.ben.post(f"/tasks/{task['id']}/reactions", {"handle": "m1", "emoji": "clap"}))
    assert campaign.chief.shown(f"/messages/{reply}")["emojis"] == {"clap": 1}
    well(campaign.ben.post(f"/tasks/{task['id']}/reactions", {"handle": "m1", "emoji": "clap", "on": False}))
    assert campaign.chief.shown(f"/messages/{reply}")["emojis"] == {}
    for handle, person in (("m7", campaign.ben), ("m1", campaign.cleo)):
        refused = person.post(f"/tasks/{task['id']}/reactions", {"handle": handle, "emoji": "clap"})
        assert refused.status_code == 404


def test_reports_wait_for_staff_with_their_reasons_until_they_are_answered(campaign: World) -> None:
    tree_id = campaign.tree()
    for person, why in ((campaign.ada, "It names somebody."), (campaign.ben, "Spam.")):
        well(person.post(f"/messages/{tree_id}/report", {"reason": why}))
    (reported,) = campaign.warden.shown("/reports")["items"]
    assert reported["message"]["id"] == tree_id
    assert [report["reason"] for report in reported["reports"]] == ["Spam.", "It names somebody."]
    assert campaign.ada.get("/reports").status_code == 403
    answered = well(campaign.warden.post(f"/reports/{tree_id}/resolve", {"dismiss": True})).json()
    assert answered == {"reports": 2}
    assert campaign.warden.shown("/reports")["items"] == []
    empty = campaign.ada.post(f"/messages/{tree_id}/report", {"reason": "   "})
    assert (empty.status_code, empty.json()["field"]) == (422, "reason")


def test_four_red_flags_delete_a_reply(campaign: World) -> None:
    campaign.tree()
    reply = campaign.ada.write("assistant_reply", REPLIES[0])
    for name in ("ben", "cleo", "dora"):
        well(campaign.person(name).call("PUT", f"/messages/{reply}/reactions/red_flag"))
    assert campaign.chief.shown(f"/messages/{reply}")["deleted"] is False
    well(campaign.person("eve").call("PUT", f"/messages/{reply}/reactions/red_flag"))
    assert campaign.chief.shown(f"/messages/{reply}")["deleted"] is True


def test_an_edit_keeps_every_wording_and_who_made_it(campaign: World) -> None:
    tree_id = campaign.tree("Why is the sky blue?")
    well(campaign.warden.call("PATCH", f"/messages/{tree_id}", {"text": "Why is the sea blue?"}))
    well(campaign.warden.call("PATCH", f"/messages/{tree_id}", {"text": "Why is the sea green?"}))
    wordings = campaign.warden.shown(f"/messages/{tree_id}/history")["items"]
    assert [each["text"] for each in wordings] == [
        "Why is the sky blue?", "Why is the sea blue?", "Why is the sea green?",
    ]  # fmt: skip
    assert [each["person_id"] for each in wordings[1:]] == [campaign.warden.id] * 2
    now = campaign.ada.shown(f"/messages/{tree_id}")
    assert (now["text"], now["edited"]) == ("Why is the sea green?", True)
    assert campaign.ada.get(f"/messages/{tree_id}/history").status_code == 403
    assert campaign.ada.call("PATCH", f"/messages/{tree_id}", {"text": "Mine."}).status_code == 403


def test_a_deletion_takes_all_below_with_it_and_is_taken_back_as_a_whole(campaign: World) -> None:
    tree_id = campaign.tree()
    first, second = campaign.answered_twice()
    halted = well(campaign.warden.post(f"/messages/{tree_id}/delete")).json()
    assert halted == {"id": tree_id, "state": "halted_by_moderator"}
    assert all(campaign.chief.shown(f"/messages/{each}")["removed"] for each in (tree_id, first, second))
    again = campaign.warden.post(f"/messages/{tree_id}/delete")
    assert (again.status_code, again.json()["type"]) == (409, "urn:espalier:problem:wrong-state")
    back = well(campaign.warden.post(f"/messages/{tree_id}/undelete")).json()
    assert back == {"id": tree_id, "state": "ranking"}
    assert not campaign.chief.shown(f"/messages/{second}")["removed"]
    assert campaign.ada.post(f"/messages/{tree_id}/delete").status_code == 403


def test_a_message_that_does_not_exist_is_not_found_wherever_it_is_named(small_campaign: World) -> None:
    for path in ("", "/thread", "/children", "/tree"):
        answer = small_campaign.ada.get(f"/messages/nothing{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:espalier:problem:not-found")
    for action in ("delete", "undelete", "reveal"):
        assert small_campaign.warden.post(f"/messages/nothing/{action}").status_code == 404
