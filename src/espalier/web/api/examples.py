"""Examples for the API's description: what each answer looks like, made from its schema and from what fields hold.

One small campaign runs through all of them. Knows names of fields; knows no route.
"""

from collections.abc import Mapping
from typing import Any, Final

TREE, REPLY = "5b1d9f0e-6c3a-4c47-9d1e-3f8a2b7c6d50", "c0a4e7d2-91fb-4f0e-8a35-7d6e5c4b3a21"
ADA, GRACE = "0f3c2b1a-7d48-4e59-b6a0-1c2d3e4f5a6b", "9e8d7c6b-5a49-4838-a726-150403f2e1d0"
THING = "77b1c5d9-2e4f-4a6b-8c0d-e1f203142536"
NOON, LATER = "2026-03-01T12:00:00Z", "2026-03-01T12:30:00Z"
REASON: Final = "It names a private person."
_TERMS: Final = "# Terms\n\nWhat you write is published under CC BY 4.0."
_LICENCE: Final = "https://creativecommons.org/licenses/by/4.0/"

HOLDS: Final[Mapping[str, Any]] = {
    # Messages and trees
    "id": TREE, "tree_id": TREE, "parent_id": TREE, "message_id": REPLY, "task_id": THING, "lang": "en",
    "text": "Because blue light is scattered more than red light.", "role": "assistant", "depth": 1, "rank": 0,
    "review_result": True, "review_count": 3, "emojis": {"+1": 2}, "author": ADA, "author_name": "Ada",
    "model_name": None, "origin": None, "tree_state": "ready_for_export", "state": "growing", "parked": None,
    "late": False, "deleted": False, "edited": False,
    "labels": {"spam": {"value": 0.0, "count": 3}, "quality": {"value": 0.75, "count": 3}},
    "created_at": NOON, "changed_at": LATER, "at": NOON, "expires_at": LATER, "undo_until": "2026-03-01T12:01:00Z",
    "detail": "This tree has ended already.", "dismissed_flags": 0, "dismissed_skips": 0, "size": 3, "policy": 1,
    "won_lottery": True, "max_tree_depth": 3, "max_children_count": 3, "num_prompter_replies": 1, "goal_tree_size": 12,
    # Work
    "kind": "assistant_reply", "handle": "m0", "help": "Nonsense or advertising.", "mode": None,
    "max_characters": 10_000, "inspiration": None, "flags": None, "order": None, "mandatory": [], "replies": [],
    # People
    "person": ADA, "person_id": ADA, "name": "Ada", "email": "ada@example.org", "moderates": [], "on_board": True,
    "suspended_until": None, "token": "esp_…", "scope": "full", "revoked_at": None, "points": 21, "level": 4,
    "streak": 3, "me": False, "next_level_at": 24, "frame": "week", "agreed": True,
    # Lists, jobs, the campaign
    "next": None, "status": "waiting", "progress": 0, "total": None, "result": None, "error": None,
    "finished_at": None, "version": 2, "base": {"max_active_trees": 20, "goal_tree_size": 12},
    "langs": {"de": {"goal_tree_size": 9}}, "licence": "CC BY 4.0", "licence_url": _LICENCE, "ready": True,
    "faults": [],
    # What staff do
    "seq": 17, "action": "message.deleted", "subject": REPLY, "data": {"tree": TREE}, "reason": REASON,
    "closed_by": None, "closed_at": None, "about": "message", "came": "report", "opened_at": NOON, "words": REASON,
    "holder": None, "decision": None, "verdict": "remove", "note": "Please keep to the subject.", "days": None,
    "removed": False, "by": GRACE, "side": "author", "first": 17, "case": 17, "number": 17, "done": [17, 19],
    "left": [], "marked_by": GRACE, "marked_at": NOON, "answers": {"spam": 0, "lang_mismatch": 0, "quality": 0.75},
    "question": "81", "turn": 1, "vote": "left", "declined": None, "rater": 1, "ended_at": None, "seed": 0,
    "battles": 40, "full": 12, "votes": 31, "voters": 5, "added": 20,
    "share": 0.9, "low": 0.85, "high": 0.94, "disabled": False,
}  # fmt: skip
"""What a field holds, wherever it stands."""

ALONE: Final[Mapping[str, Any]] = {
    "Account.role": "contributor", "Account.id": ADA,
    "CampaignNow.about": "Conversations about the sky.", "CampaignNow.contact": "hello@example.org",
    "CampaignNow.languages": ["en", "de"], "CampaignNow.name": "Sky", "CampaignNow.paused_until": None,
    "CampaignNow.picture": "", "CampaignNow.picture_says": "", "CampaignNow.reason": "", "CampaignNow.release": "",
    "CampaignNow.target": 1000, "CampaignNow.running": "open",
    "CaseView.id": 17, "CaseView.state": "open",
    "Contribution.kind": "reviewed", "Contribution.said": {"labels": {"spam": 0, "quality": 0.75}},
    "Contribution.agreed": None,
    "Decided.decision": 17,
    "Figures.days": {"2026-03-01": {"prompts": 4, "replies": 11, "reviews": 40, "rankings": 6}},
    "Figures.messages": {"en": {"prompter": 15, "assistant": 22}},
    "Figures.trees": {"en": {"growing": 10, "ready_for_export": 5}},
    "Invited.person.email": None, "Invited.person.name": "volunteer-1",
    "Inclusion.effective": 6.4, "Inclusion.gini": 0.42, "Inclusion.people": 9, "Inclusion.top_1": 0.2,
    "Inclusion.top_10": 1.0, "Inclusion.top_100": 1.0, "Inclusion.top_tenth": 0.2,
    "JobView.id": THING, "JobView.kind": "export",
    "MarkedMessage.labels": 24, "MarkedMessage.agreed": 21, "MarkedMessage.people": 8,
    "Marked.kind": "label_assistant_reply",
    "BlindMessage.id": REPLY, "OwnMessage.id": REPLY, "PublicMessage.id": REPLY, "StaffMessage.id": REPLY,
    "Outcome.done": [{"id": TREE, "state": "growing"}],
    "Outcome.refused": [{"id": THING, "detail": "This tree has ended already."}],
    "People.took_part": 31, "People.accounts": {"contributor": 40, "moderator": 2, "admin": 1}, "People.disabled": 1,
    "PersonalFigures.frames": {},
    "PolicyChanged.job.kind": "policy", "import_file.kind": "import", "close.kind": "close_account",
    "close_mine.kind": "close_account",
    "job.status": "done", "job.progress": 12, "job.total": 12, "job.result": {"trees": 12}, "job.finished_at": LATER,
    "PublicNode.parent_id": None, "PublicNode.role": "prompter", "PublicNode.depth": 0, "PublicNode.rank": None,
    "PublicNode.text": "Why is the sky blue?", "PublicNode.author": GRACE, "PublicNode.author_name": "Grace",
    "Purged.job": None,
    "Receipt.id": "5e2f…", "Receipt.late": False,
    "Report.status": "open",
    "Reviewer.agreed": 90, "Reviewer.labels": 100, "Reviewer.messages": 14,
    "Spread.messages": {},
    "SetView.id": "two-checkpoints", "SetView.name": "Two checkpoints", "SetView.people": 2,
    "Standing.rank": 1,
    "Task.id": THING, "Task.labels": [], "Task.thread": [
        {"handle": "m0", "role": "prompter", "text": "Why is the sky blue?", "lang": "en"}
    ],
    "Terms.text": _TERMS,
    "TokenInfo.id": THING, "TokenInfo.name": "laptop",
    "TreeOutline.prompt": "Why is the sky blue?",
    "Notice.reason": "Insult or hate", "Notice.removed": True, "Traces.labels": 2,
    "TreeState.messages": 3, "TreeState.accepted": 3, "TreeState.undecided": 0, "TreeState.refused": 0,
    "TreeState.late": 0, "TreeState.removed": 0, "WholeTree.state": "ready_for_export",
    "Trouble.labels": {"spam": 1}, "Trouble.rank": 1,
    "Undone.labels": None,
    "VoteView.left": "oak", "VoteView.right": "elm",
    "Wording.text": "Why is the sky blue?",
}  # fmt: skip
"""What it holds in values of one kind, or in one place, where that is something else."""

WHOLE: Final[Mapping[str, Any]] = {
    "availability": {"en": {"assistant_reply": 4, "label_assistant_reply": 2, "initial_prompt": 0, "random": 6}},
    "my_data": {"made_at": NOON, "account": {"id": ADA, "name": "Ada", "role": "contributor"}, "contributions": []},
    "alive": {"alive": True},
}
"""Answers whose schema names no fields, by the operation."""
_OF_TYPE: Final[Mapping[str, Any]] = {"integer": 2, "number": 0.5, "boolean": False, "string": "…", "object": {}}


def describe(document: dict[str, Any]) -> None:
    """Put an example into each answer of an OpenAPI document that succeeds with JSON."""
    schemas = document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json")
                if status.startswith("2") and content is not None:
                    name = operation["operationId"].partition("_api_v1_")[0].removesuffix("_healthz_get")
                    content["example"] = WHOLE.get(name) or _example(content["schema"], schemas, name)


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any], place: str = "") -> Any:
    """A value of this schema. `place`: the operation that answers with it, or the kind and the field that hold it."""
    schema = _named(schema, schemas)
    if choices := schema.get("oneOf", schema.get("anyOf")):
        chosen = next((each for each in choices if "/Public" in each.get("$ref", "")), choices[0])
        return _example(chosen, schemas, place)
    if fields := schema.get("properties"):
        return {name: _held(schema["title"], name, inner, schemas, place) for name, inner in fields.items()}
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas, place)]
    return schema["const"] if "const" in schema else schema.get("enum", [_OF_TYPE[schema["type"]]])[0]


def _held(kind: str, field: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], place: str) -> Any:
    """The same of a field of a kind, which stands itself in `place`."""
    for name in (f"{place}.{field}", f"{kind}.{field}"):
        if name in ALONE:
            return ALONE[name]
    if field in HOLDS and "properties" not in _named(schema, schemas):
        return HOLDS[field]
    return _example(schema, schemas, f"{kind}.{field}")


def _named(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found
