"""The campaign as a whole over HTTP: policy, exports, imports, jobs."""

import gzip
import json
from typing import Any

import pytest

from campaigns import REPLIES, World, well
from espalier.domain.policy import PARAMETERS
from visits import visit


def test_everybody_sees_the_policy_and_administrators_change_it(campaign: World) -> None:
    before = campaign.ada.shown("/policy")
    assert before["base"].keys() == PARAMETERS.keys()
    change = {"base": {"max_active_trees": 7, "rate_tasks": "30/4"}, "langs": {"de": {"goal_tree_size": 9}}}
    changed = well(campaign.chief.call("PUT", "/policy", change)).json()
    assert changed["version"] == before["version"] + 1
    now = campaign.ada.shown("/policy")
    assert (now["version"], now["base"]["max_active_trees"], now["base"]["rate_tasks"]) == (
        changed["version"], 7, "30/4",
    )  # fmt: skip
    assert now["langs"] == {"de": {"goal_tree_size": 9}}
    for person in (campaign.ada, campaign.warden):
        assert person.call("PUT", "/policy", {"base": {"max_active_trees": 1}}).status_code == 403


def test_a_policy_that_was_read_can_be_put_back_as_it_was(campaign: World) -> None:
    before = campaign.chief.shown("/policy")
    campaign.policy(goal_tree_size=9, rate_tasks="none")
    well(campaign.chief.call("PUT", "/policy", {"base": before["base"], "langs": before["langs"]}))
    after = campaign.chief.shown("/policy")
    assert (after["base"], after["langs"]) == (before["base"], before["langs"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"base": {"goal_tree_size": 501}}, "goal_tree_size"),
        ({"base": {"goal_tree_sise": 5}}, "goal_tree_sise"),
        ({"langs": {"de": {"rate_tasks": "1/1"}}}, "langs.de.rate_tasks"),
        ({"base": {"max_tree_depth": 1, "max_children_count": 1, "goal_tree_size": 9}}, "goal_tree_size"),
        ({"bass": {}}, "bass"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_its_field(
    small_campaign: World, change: dict[str, Any], field: str
) -> None:
    refused = small_campaign.chief.call("PUT", "/policy", change)
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert small_campaign.chief.shown("/policy")["version"] == 1


def test_every_policy_is_kept_with_who_and_when(campaign: World) -> None:
    campaign.policy(max_active_trees=7)
    newest, first = campaign.warden.shown("/policy/history")["items"]
    assert (newest["person"], newest["base"]["max_active_trees"]) == (campaign.chief.id, 7)
    assert (first["version"], first["person"]) == (1, None)
    page = campaign.warden.shown("/policy/history", limit=1)
    assert campaign.warden.shown("/policy/history", limit=1, cursor=page["next"])["items"] == [first]
    assert campaign.ada.get("/policy/history").status_code == 403


def test_a_policy_change_reaches_the_trees_as_a_job(campaign: World) -> None:
    tree_id = campaign.tree()
    changed = well(campaign.chief.call("PUT", "/policy", {"base": {"num_reviews_reply": 2}})).json()
    assert campaign.warden.shown(f"/trees/{tree_id}/state")["policy"] == 1
    campaign.work()
    job = campaign.chief.shown(f"/jobs/{changed['job']['id']}")
    assert (job["status"], job["progress"], job["total"]) == ("done", 1, 1)
    assert campaign.warden.shown(f"/trees/{tree_id}/state")["policy"] == changed["version"]


def lines(packed: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


def test_an_export_is_a_job_with_a_file_at_its_end(campaign: World) -> None:
    tree_id, first, second = campaign.ranked_tree()
    campaign.tree("Not finished?")
    asked = campaign.chief.post("/exports", {})
    assert asked.status_code == 202
    job_id = asked.json()["id"]
    waiting = campaign.chief.get(f"/exports/{job_id}/file")
    assert (waiting.status_code, waiting.json()["type"]) == (409, "urn:espalier:problem:conflict")
    campaign.work()
    job = campaign.chief.shown(f"/jobs/{job_id}")
    assert (job["status"], job["progress"], job["total"], job["result"]) == ("done", 1, 1, {"trees": 1})
    answer = well(campaign.chief.get(f"/exports/{job_id}/file"))
    assert answer.headers["content-disposition"] == f'attachment; filename="{job_id}.trees.jsonl.gz"'
    (tree,) = lines(answer.content)
    assert (tree["message_tree_id"], tree["tree_state"]) == (tree_id, "ready_for_export")
    assert [reply["message_id"] for reply in tree["prompt"]["replies"]] == [second, first]
    assert campaign.chief.get(f"/exports/{job_id}/votes").status_code == 404


def test_an_anonymised_export_names_nobody_and_the_same_person_alike_everywhere(campaign: World) -> None:
    campaign.ranked_tree()
    made = []
    for _ in range(2):
        asked = well(campaign.chief.post("/exports", {"anonymise": True, "votes": True})).json()
        campaign.work()
        trees = well(campaign.chief.get(f"/exports/{asked['id']}/file")).content
        votes = well(campaign.chief.get(f"/exports/{asked['id']}/votes")).content
        made.append((lines(trees), lines(votes)))
    assert made[0] == made[1]
    (tree,), votes = made[0]
    people = {each.id for each in campaign.people.values()}
    assert not any(person in json.dumps(made[0]) for person in people)
    assert len({vote["voter"] for vote in votes}) == 1, "cleo judged everything"
    assert {vote["kind"] for vote in votes} == {"labels", "ranking"}
    assert tree["prompt"]["user_id"]


def test_exports_and_imports_are_for_administrators(campaign: World) -> None:
    asked = well(campaign.chief.post("/exports", {"states": ["growing"], "langs": ["de"]})).json()
    campaign.work()
    for person in (campaign.ada, campaign.warden):
        assert person.post("/exports", {}).status_code == 403
        assert person.get(f"/exports/{asked['id']}/file").status_code == 403
        assert person.call("POST", "/imports", content=b"{}").status_code == 403
    assert campaign.chief.post("/exports", {"states": []}).status_code == 422
    assert campaign.chief.post("/exports", {"langs": ["klingon!"]}).status_code == 422
    assert campaign.chief.get("/exports/none/file").status_code == 404


def a_file(*texts: str) -> bytes:
    def node(number: int, text: str) -> dict[str, Any]:
        reply = {
            "message_id": f"r{number}", "parent_id": f"t{number}", "user_id": "u2", "text": "An answer.",
            "role": "assistant", "lang": "en", "review_result": True, "review_count": 3, "replies": [],
        }  # fmt: skip
        return {
            "message_id": f"t{number}", "parent_id": None, "user_id": "u1", "text": text, "role": "prompter",
            "lang": "en", "review_result": True, "review_count": 3, "replies": [reply],
        }  # fmt: skip

    trees = (
        {"message_tree_id": f"t{number}", "tree_state": "ready_for_export", "prompt": node(number, text)}
        for number, text in enumerate(texts)
    )
    return gzip.compress("\n".join(map(json.dumps, trees)).encode())


def test_an_import_takes_a_file_in_once(campaign: World) -> None:
    results = []
    for _ in range(2):
        asked = campaign.chief.call("POST", "/imports?name=old.jsonl.gz", content=a_file("One?", "Two?"))
        assert asked.status_code == 202
        campaign.work()
        job = campaign.chief.shown(f"/jobs/{asked.json()['id']}")
        assert job["status"] == "done"
        results.append((job["result"]["trees"], job["result"]["messages"], job["result"]["known"]))
    assert results == [(2, 4, 0), (0, 0, 2)]
    tree = campaign.chief.shown("/trees/t0")
    assert (tree["prompt"]["text"], tree["prompt"]["origin"]) == ("One?", "old.jsonl.gz")
    assert tree["prompt"]["author_name"] is None
    with visit(campaign, campaign.chief.name) as chief:
        page = chief.get(f"/messages/{tree['prompt']['id']}").text
        assert "somebody without an account here" in page
        assert f">{tree['prompt']['author']}<" not in page
    assert "trees.imported" in {entry["action"] for entry in campaign.warden.shown("/audit")["items"]}


def test_a_bad_line_stops_no_import_and_is_named_in_its_result(campaign: World) -> None:
    content = gzip.decompress(a_file("One?")) + b"\nnot json\n"
    asked = well(campaign.chief.call("POST", "/imports?name=bad.jsonl", content=content)).json()
    campaign.work()
    result = campaign.chief.shown(f"/jobs/{asked['id']}")["result"]
    assert (result["trees"], result["left_out"]) == (1, 1)
    assert result["findings"][0].startswith("bad.jsonl:2: $: is not JSON")


def test_jobs_are_seen_by_who_asked_and_by_staff(campaign: World) -> None:
    asked = [well(campaign.chief.post("/exports", {})).json()["id"] for _ in range(2)]
    campaign.later(seconds=1)
    asked.append(well(campaign.chief.post("/exports", {})).json()["id"])
    first = campaign.warden.shown("/jobs", limit=2)
    rest = campaign.warden.shown("/jobs", limit=2, cursor=first["next"])
    found = [job["id"] for job in first["items"] + rest["items"]]
    assert found[0] == asked[2]
    assert sorted(found) == sorted(asked)
    assert campaign.ada.get("/jobs").status_code == 403
    assert campaign.ada.get(f"/jobs/{asked[0]}").status_code == 404
    assert campaign.chief.get("/jobs/none").status_code == 404


def test_an_export_can_be_imported_again(campaign: World) -> None:
    campaign.ranked_tree()
    asked = well(campaign.chief.post("/exports", {})).json()
    campaign.work()
    content = well(campaign.chief.get(f"/exports/{asked['id']}/file")).content
    again = well(campaign.chief.call("POST", "/imports", content=content)).json()
    campaign.work()
    result = campaign.chief.shown(f"/jobs/{again['id']}")["result"]
    assert (result["trees"], result["known"], result["findings"]) == (0, 1, [])
    assert REPLIES[0] in str(lines(content))
