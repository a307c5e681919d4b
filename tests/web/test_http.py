"""What holds for every route: problem documents, ids, tags, cursors, limits, headers, health, the description."""

import asyncio
import base64
import json
import logging
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from httpx import Response
from prometheus_client import generate_latest
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from api_page import who_may
from campaigns import NOON, REPLIES, Someone, World, well
from espalier.web import health, pages
from espalier.web.app import API, ROUTERS, create_app
from espalier.web.guard import LARGEST_BODY, Guard
from espalier.web.observe import Figures, JsonLines, Observed, TextLines
from espalier.web.paging import cursor_of

GUARDED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


def is_problem(answer: Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["type"], document["status"]) == (f"urn:espalier:problem:{slug}", status)
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


def test_whatever_is_refused_is_a_problem_document(small_campaign: World) -> None:
    ada = small_campaign.ada
    is_problem(ada.get("/nowhere"), 404, "not-found")
    is_problem(small_campaign.http.get("/api/"), 404, "not-found")
    is_problem(ada.call("DELETE", "/trees"), 405, "method-not-allowed")
    assert ada.call("DELETE", "/trees").headers["allow"] == "GET, HEAD, POST"
    is_problem(ada.get("/me/"), 404, "not-found")
    is_problem(ada.get("/trees/none"), 404, "not-found")
    is_problem(ada.get("/trees", params={"limit": 0}), 422, "malformed")
    is_problem(ada.get("/trees", params={"lang": "no language"}), 422, "invalid")
    is_problem(small_campaign.http.get("/api/v1/me"), 401, "unauthenticated")
    is_problem(ada.get("/people"), 403, "not-allowed")


def test_a_form_that_is_no_json_or_lacks_a_field_names_what_is_wrong(small_campaign: World) -> None:
    ada = small_campaign.ada
    sent = {"Content-Type": "application/json"}
    broken = is_problem(ada.call("POST", "/tasks/next", content=b'{"kind": ', headers=sent), 422, "malformed")
    assert broken["field"] == "body"
    lacking = is_problem(ada.post("/tasks/next", {"kind": "random"}), 422, "malformed")
    assert lacking["faults"] == [{"field": "langs", "detail": "Field required."}]
    strange = is_problem(ada.post("/tasks/next", {"kind": "nap", "langs": ["en"]}), 422, "invalid")
    assert strange["field"] == "kind"
    assert "'nap'" in strange["detail"]
    assert "rank_assistant_replies" in strange["detail"]


def test_a_text_comes_back_with_whatever_is_wrong_beside_it(small_campaign: World) -> None:
    ada = small_campaign.ada
    task = ada.task("initial_prompt")
    for beside in ({}, {"id": "a", "colour": "red"}, {"id": "a\0"}, {"id": "a", "labels": {"spam": 0}}):
        refused = ada.post(f"/tasks/{task['id']}/submit", {**beside, "text": "Why is the sky blue?"})
        assert refused.status_code == 422
        assert refused.json()["text"] == "Why is the sky blue?", beside


def test_a_parameter_that_an_address_does_not_take_is_refused_with_what_would_be_right(small_campaign: World) -> None:
    ada = small_campaign.ada
    misspelled = is_problem(ada.get("/trees?limt=5&colour=red"), 422, "malformed")
    assert misspelled["faults"][0] == {"field": "limt", "detail": "There is no such parameter; did you mean limit?"}
    assert "there are cursor, " in misspelled["faults"][1]["detail"]
    assert misspelled["field"] == "limt"
    for method, path in (("GET", "/me?limit=5"), ("POST", "/tasks/next?kind=random")):
        nothing = is_problem(ada.call(method, path), 422, "malformed")
        assert nothing["detail"].endswith("There is no such parameter; there is none.")


def test_a_fault_of_ours_says_nothing_of_the_inside(small_campaign: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret is out")

    monkeypatch.setattr("espalier.store.reading.newest_trees", broken)
    answer = small_campaign.ada.get("/trees")
    is_problem(answer, 500, "internal")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage", "%%%", "", "W10", cursor_of("x"), cursor_of(1, "x", 2), cursor_of("1", "x"), cursor_of(2**70, "x"),
        cursor_of(1, "a\0b"), base64.urlsafe_b64encode(b"[" * 400).decode(), "é",
    ],
)  # fmt: skip
def test_a_cursor_that_was_not_given_out_is_refused_everywhere(campaign: World, cursor: str) -> None:
    for path in (
        "/messages",
        "/trees",
        "/audit",
        "/jobs",
        "/reports",
        "/people",
        "/policy/history",
        "/me/contributions",
        "/me/tokens",
        "/notices",
        "/tasks/mine",
    ):
        answer = campaign.warden.get(path, params={"cursor": cursor})
        if cursor == "":
            well(answer)
        elif path == "/people" and cursor == cursor_of("1", "x"):
            well(answer)  # names are texts, and this might be one
        else:
            assert is_problem(answer, 422, "invalid")["field"] == "cursor"


def test_short_lists_come_a_page_at_a_time_too(campaign: World) -> None:
    tree_id = campaign.tree(max_tree_depth=2, max_children_count=1)
    campaign.ada.write("assistant_reply", REPLIES[0])
    campaign.cleo.review("label_assistant_reply")
    below = campaign.ben.write("prompter_reply", "And at sunset?")
    for text in ("Why is the sea blue?", "Why is the sea green?"):
        well(campaign.warden.call("PATCH", f"/messages/{tree_id}", {"text": text}))
    for name in ("laptop", "phone"):
        well(campaign.warden.post("/me/tokens", {"name": name}))
    for kind in ("initial_prompt", "label_prompter_reply"):
        campaign.warden.task(kind)
    for path in (f"/messages/{below}/thread", f"/messages/{tree_id}/history", "/me/tokens", "/tasks/mine"):
        whole, following, apart = campaign.warden.shown(path), "", list[object]()
        while following is not None:
            page = campaign.warden.shown(path, limit=1, **({"cursor": following} if following else {}))
            apart += page["items"]
            following = page["next"]
        assert (whole["next"], len(whole["items"])) == (None, 2 if path == "/tasks/mine" else 3), path
        assert apart == whole["items"], path


def test_a_page_of_tasks_goes_on_behind_one_that_is_done_by_then(campaign: World) -> None:
    tasks = [campaign.ada.task("initial_prompt", lang) for lang in ("en", "de") if campaign.later(seconds=1)]
    following = campaign.ada.shown("/tasks/mine", limit=1)["next"]
    well(campaign.ada.post(f"/tasks/{tasks[0]['id']}/skip", {}))
    assert campaign.ada.shown("/tasks/mine", limit=1, cursor=following)["items"] == tasks[1:]
    assert campaign.ben.get("/tasks/mine", params={"cursor": following}).status_code == 422


def test_what_has_not_changed_is_not_sent_again(campaign: World) -> None:
    tree_id, first, _ = campaign.ranked_tree()
    for path in (
        f"/trees/{tree_id}", f"/messages/{first}", "/policy", "/stats", "/leaderboards/total", "/messages", "/campaign",
        "/terms", "/me/tokens",
    ):  # fmt: skip
        answer = well(campaign.ben.get(path))
        tag = answer.headers["etag"]
        assert answer.headers["vary"] == "Authorization"
        again = campaign.ben.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), path
        assert campaign.ben.get(path, headers={"If-None-Match": '"other"'}).content == answer.content
    tag = campaign.ben.get("/policy").headers["etag"]
    campaign.policy(max_active_trees=7)
    assert campaign.ben.get("/policy", headers={"If-None-Match": tag}).status_code == 200


def test_a_tag_of_one_viewer_does_not_serve_another(campaign: World) -> None:
    _, first, _ = campaign.ranked_tree()
    tag = campaign.ada.get(f"/messages/{first}").headers["etag"]
    other = campaign.ben.get(f"/messages/{first}", headers={"If-None-Match": tag})
    assert (other.status_code, other.json()["seen_as"]) == (200, "public")


def test_who_asks_for_the_head_alone_gets_the_head_of_the_answer(small_campaign: World) -> None:
    for path in ("/", "/signin", "/healthz", "/readyz", "/static/espalier.css", "/api/v1/me", "/nowhere"):
        whole = small_campaign.http.get(path)
        head = small_campaign.http.request("HEAD", path)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert head.headers["content-length"] == whole.headers["content-length"]


def test_a_body_that_is_too_large_is_refused_whether_announced_or_not(small_campaign: World) -> None:
    ada = small_campaign.ada
    large = b'{"name": "' + b"x" * LARGEST_BODY + b'"}'
    sent = {"Content-Type": "application/json"}
    is_problem(ada.call("PATCH", "/me", content=large, headers=sent), 413, "too-large")

    async def pieces() -> Any:
        for start in range(0, len(large), 100_000):
            yield large[start : start + 100_000]

    is_problem(ada.call("PATCH", "/me", content=pieces(), headers=sent), 413, "too-large")
    assert ada.shown("/me")["name"] == "ada"


def test_an_import_may_be_larger_than_other_bodies(small_campaign: World) -> None:
    asked = small_campaign.chief.call("POST", "/imports", content=b"x" * (LARGEST_BODY + 1))
    assert asked.status_code == 202


def test_signs_that_no_database_keeps_are_refused_wherever_they_stand(campaign: World) -> None:
    ada, chief = campaign.ada, campaign.chief
    for path in ("/messages/a%00b", "/trees/%00", "/people/%00/contributions"):
        assert chief.get(path).status_code == 404, path
    assert is_problem(chief.get("/messages?q=a%00b"), 422, "malformed")["field"] == "q"
    task = ada.task("initial_prompt")
    for unsound in ("a\0b", "a\ud800"):
        for path, form in (
            (f"/tasks/{task['id']}/submit", {"id": unsound, "text": "Why?"}),
            (f"/tasks/{task['id']}/skip", {"reason": unsound}),
            (f"/tasks/{task['id']}/reactions", {"handle": unsound, "emoji": "+1"}),
            ("/tasks/next", {"langs": [unsound]}),
            ("/people", {"name": unsound}),
            ("/people", {"name": "Eve", "email": f"{unsound}@example.org"}),
            ("/trees/orders", {"ids": [unsound], "command": "halt"}),
            ("/me/tokens", {"name": unsound}),
        ):
            sent = chief.call(
                "POST", path, content=json.dumps(form).encode(), headers={"Content-Type": "application/json"}
            )
            document = is_problem(sent, 422, "invalid")
            assert document["field"] in form


def larger_than_kept(value: Any) -> Iterator[Any]:
    """The same form several times, each time with one of its whole numbers too large for a database."""
    if isinstance(value, int) and not isinstance(value, bool):
        yield 2**63
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from ({**value, name: each} for each in larger_than_kept(part))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from ([*value[:place], each, *value[place + 1 :]] for each in larger_than_kept(part))


def is_whole_number(parameter: dict[str, Any]) -> bool:
    kinds = parameter["schema"].get("anyOf", [parameter["schema"]])
    return any(kind.get("type") == "integer" for kind in kinds)


def test_numbers_that_no_database_keeps_are_refused_wherever_they_stand(campaign: World) -> None:
    schema, too_large, tried = description(), str(2**63), set()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items() if path.startswith(API) else ():
            numbers = [each for each in operation.get("parameters", ()) if is_whole_number(each)]
            in_path = [path.replace(f"{{{each['name']}}}", too_large) for each in numbers if each["in"] == "path"]
            in_query = [f"{path}?{each['name']}={too_large}" for each in numbers if each["in"] == "query"]
            shown = examples(schema, operation)
            asked = [(address, one) for address in in_path + in_query for one in shown or [None]]
            asked += [(path, large) for one in shown for large in larger_than_kept(one)]
            for address, form in asked:
                address = re.sub(r"\{\w+\}", "0", address).removeprefix(API)
                answer = campaign.chief.call(method.upper(), address, form)
                assert answer.status_code < 500, (method, address, form)
                tried.add(address)
    assert {f"/cases/{too_large}/take", f"/trees?limit={too_large}", "/cases/decide", "/comparisons/0"} <= tried


def whole_numbers(dependant: Dependant) -> Iterator[Any]:
    """What pages take as whole numbers, with that of what they depend on."""
    for each in (*dependant.path_params, *dependant.query_params, *dependant.body_params):
        if re.search(r"\bint\b", str(each.field_info.annotation)):
            yield each
    for further in dependant.dependencies:
        yield from whole_numbers(further)


def test_no_page_takes_a_number_that_no_database_keeps() -> None:
    routes = [route for router in pages.ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    taken = [(route.path, each) for route in routes for each in whole_numbers(route.dependant)]
    assert {"/moderation/cases/{number}", "/moderation/bulk", "/tasks/{task_id}/draft"} <= {path for path, _ in taken}
    for path, each in taken:
        given: object = [str(2**63)] if "list" in str(each.field_info.annotation) else str(2**63)
        _, faults = each.validate(given, {}, loc=())
        assert faults, (path, each.alias)


def test_a_filter_that_names_nothing_finds_nothing(campaign: World) -> None:
    campaign.ada.write("initial_prompt", "Why is the sky blue?")
    for named in ({"tree_id": ""}, {"person": ""}):
        assert well(campaign.chief.get("/messages", params=named)).json()["items"] == []


def test_every_answer_has_an_id_and_headers_that_keep_it_what_it_is(small_campaign: World) -> None:
    for answer in (small_campaign.ada.get("/me"), small_campaign.ada.get("/nowhere"), small_campaign.http.get("/api/")):
        assert len(answer.headers["x-request-id"]) == 16
        assert GUARDED.items() <= dict(answer.headers).items()
    assert small_campaign.ada.get("/me").headers["cache-control"] == "no-store"
    given = small_campaign.ada.get("/me", headers={"X-Request-Id": "mine-42"})
    assert given.headers["x-request-id"] == "mine-42"
    for unsound in ("a b", "x" * 65, "<script>"):
        answer = small_campaign.ada.get("/me", headers={"X-Request-Id": unsound})
        assert answer.headers["x-request-id"] != unsound


def test_an_operator_sees_that_the_server_is_alive_and_ready(campaign: World) -> None:
    assert campaign.http.get("/healthz").json() == {"alive": True}
    ready = campaign.http.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "faults": []})
    for path in ("/healthz", "/readyz"):
        asked = campaign.http.request("HEAD", path)
        assert (asked.status_code, asked.content) == (200, b"")


def test_a_database_of_another_program_is_not_ready(campaign: World) -> None:
    with campaign.database.writer.begin() as db:
        db.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    ready = campaign.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["faults"] == ["The tables of the database are not those of this program."]


def test_figures_count_requests_by_route_and_never_by_address(campaign: World) -> None:
    tree_id = campaign.tree()
    for _ in range(3):
        campaign.ada.shown(f"/trees/{tree_id}")
    campaign.ada.get("/nowhere")
    campaign.ada.post("/tasks/unknown/submit", {"id": "x", "text": "Why?"})
    figures = campaign.http.get("/metrics").text
    assert 'espalier_requests_total{method="POST",route="/api/v1/tasks/{task_id}/submit",status="404"} 1.0' in figures
    assert 'espalier_requests_total{method="GET",route="/api/v1/trees/{tree_id}",status="200"} 3.0' in figures
    assert 'route="other",status="404"' in figures
    assert "espalier_writes_waiting 0.0" in figures
    assert tree_id not in figures


def test_no_log_line_of_a_request_holds_a_text_or_a_token(
    small_campaign: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        small_campaign.ada.write("initial_prompt", "A secret question?")
    ours = [record for record in caplog.records if record.name.startswith("espalier")]
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in ours)
    assert "POST /api/v1/tasks/{task_id}/submit 200" in logged
    assert "secret question" not in logged
    assert small_campaign.ada.token not in logged


def test_who_hangs_up_while_they_send_is_counted_as_no_fault_of_ours() -> None:
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def nobody_hears(message: Message) -> None:
        pytest.fail(f"answered {message}")

    figures = Figures(lambda: 0)
    app = Observed(Guard(reads, lambda path: False), figures, Random(1))
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    asyncio.run(app(scope, gone, nobody_hears))
    assert 'status="499"} 1.0' in generate_latest(figures.registry).decode()


@pytest.mark.parametrize("lines", [TextLines(), JsonLines()], ids=["text", "JSON"])
def test_the_line_of_a_request_names_its_id(
    small_campaign: World, caplog: pytest.LogCaptureFixture, lines: logging.Formatter
) -> None:
    with caplog.at_level("INFO"):
        small_campaign.ada.get("/nowhere", headers={"X-Request-Id": "mine-42"})
    line = next(lines.format(record) for record in caplog.records if record.name == "espalier.requests")
    assert "GET other 404" in line
    assert "mine-42" in line


def description() -> dict[str, Any]:
    return create_app("sqlite:///unused.db").openapi()


def content(operation: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    return found


def examples(schema: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The forms that the description shows for an operation; none where it takes no form."""
    form = content(operation).get("application/json", {}).get("schema", {})
    if "$ref" in form:
        form = schema["components"]["schemas"][form["$ref"].rsplit("/", 1)[1]]
    found: list[dict[str, Any]] = form.get("examples", [])
    return found


def test_every_route_says_what_it_is_for_and_every_form_shows_an_example() -> None:
    schema = description()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            assert "application/json" not in content(operation) or examples(schema, operation), (method, path)
    assert schema["components"]["schemas"]["Problem"]["examples"]


def test_every_answer_shows_an_example_that_is_one() -> None:
    shown = description()["paths"]
    for router in (*ROUTERS, health.router):
        for route in router.routes:
            if not isinstance(route, APIRoute) or route.response_model is None or not route.include_in_schema:
                continue
            for method in route.methods:
                answers = shown[route.path][method.lower()]["responses"]
                (answer,) = (each["content"] for code, each in answers.items() if code in ("200", "201", "202"))
                example, kind = answer["application/json"]["example"], TypeAdapter(route.response_model)
                said = kind.dump_python(kind.validate_json(json.dumps(example), strict=True), mode="json")
                assert said == example, (method, route.path)


def test_what_can_be_kept_by_a_client_is_said_to_be() -> None:
    shown = description()["paths"]
    not_kept = {
        path.removeprefix(API)
        for path, operations in shown.items()
        if "get" in operations
        and "304" not in operations["get"]["responses"]
        and "application/json" in operations["get"]["responses"]["200"].get("content", {})
    }
    accounts, always_new = {"/me", "/me/data", "/people/{person_id}"}, {"/tasks/mine", "/tasks/availability"}
    assert not_kept == accounts | always_new | {"/healthz", "/readyz"}


def test_the_description_knows_refusals_as_problem_documents_only() -> None:
    schema = description()
    assert "HTTPValidationError" not in json.dumps(schema)
    for path, operations in schema["paths"].items():
        if path.startswith("/api/v1"):
            for operation in operations.values():
                assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_every_example_of_the_description_is_a_sound_form(small_campaign: World) -> None:
    """An example that the server calls malformed would mislead whoever copies it."""
    schema = description()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            address = (
                path.removeprefix("/api/v1")
                .replace("{number}", "0")
                .replace("{first}", "0")
                .replace("{", "x")
                .replace("}", "x")
            )
            for example in examples(schema, operation):
                answer = small_campaign.chief.call(method.upper(), address, example)
                assert not (answer.status_code == 422 and "malformed" in answer.text), (path, example, answer.text)


def test_the_interactive_description_works_where_nothing_else_can_be_reached(small_campaign: World) -> None:
    page = well(small_campaign.http.get("/api/docs"))
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [address for address in loaded if address.endswith((".js", ".css"))]
    for address in loaded:
        assert address.startswith("/api/docs/") or address == "data:,"
        if address.startswith("/"):
            assert len(well(small_campaign.http.get(address)).content) > 100_000
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "://" not in page.text
    assert well(small_campaign.http.get("/api/openapi.json")).json()["info"]["title"] == "Espalier"


def test_a_banned_person_is_told_so_at_every_address(small_campaign: World) -> None:
    someone: Someone = small_campaign.ada
    well(small_campaign.warden.post(f"/people/{someone.id}/ban", {"reason": "Spam or advertising"}))
    for path in ("/me", "/messages", "/stats", "/policy"):
        is_problem(someone.get(path), 403, "banned")
    is_problem(someone.post("/tasks/next", {"langs": ["en"]}), 403, "banned")
    assert small_campaign.now >= NOON


def test_every_route_is_for_whom_its_description_says(small_campaign: World) -> None:
    schema = description()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items() if path.startswith("/api/v1") else ():
            form = next(iter(examples(schema, operation)), None)
            address = (
                path.removeprefix("/api/v1").replace("{frame}", "day").replace("{number}", "0").replace("{first}", "0")
            )
            address = address.replace("{", "").replace("}", "")
            who = who_may(operation)
            reader = small_campaign.warden if who == "administrators" else small_campaign.ben
            answer = reader.call(method.upper(), address, form)
            assert (answer.status_code == 403) is (who != "all"), (method, path, answer.text)
            if address == "/me" and method == "delete":
                del small_campaign.people["ben"]


def test_a_page_that_breaks_with_all_that_pages_need_still_says_so(
    small_campaign: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret is out")

    monkeypatch.setattr("espalier.web.visit.charter_in_force", broken)
    answer = small_campaign.http.get("/tasks")
    assert answer.status_code == 500
    assert "noted" in answer.text
    assert "secret" not in answer.text
