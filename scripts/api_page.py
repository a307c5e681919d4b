"""The page of the documentation that lists the routes of the API, made from the server's own description."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from espalier.domain.sight import BlindMessage, OwnMessage, PublicMessage, StaffMessage
from espalier.web.app import API, create_app
from espalier.web.guard import LARGEST_BODY
from espalier.web.paging import MOST

TITLES: Final = {
    "tasks": "Tasks",
    "messages": "Messages",
    "trees": "Trees",
    "people": "People",
    "figures": "Statistics and boards",
    "moderation": "Moderation",
    "gold": "Gold tasks",
    "comparisons": "Comparisons of models",
    "campaign": "The campaign",
    "health": "For operators",
}
WHO: Final = {"For moderators": "moderators", "For administrators": "administrators"}

BEGINNING: Final = f"""\
# The API

Made by `make docs` from the routes themselves. Paths below begin with `{API}`, but for those for operators. The
running server shows forms, answers and examples at `/api/docs` and describes itself at `/api/openapi.json`.

## How to talk to it

```console
$ curl -H "Authorization: Bearer $ESPALIER_TOKEN" http://127.0.0.1:8000/api/v1/me
$ curl -H "Authorization: Bearer $ESPALIER_TOKEN" -H "Content-Type: application/json" \\
       -d '{{"kind": "random", "langs": ["en"]}}' http://127.0.0.1:8000/api/v1/tasks/next
```

- **Tokens** are made at `/me/tokens` or by an administrator, and shown once. One with the scope `read` changes nothing.
- **Refusals** are problem documents (RFC 9457); their words are in [reference.md](reference.md#problems). `field` says
  what in the input is to blame, `text` hands back what was typed, `retry_after_s` (and the header `Retry-After`) says
  how long to wait, `request_id` is the id of the log line (and of the header `X-Request-Id`, which you may choose).
- **A field or parameter that nobody knows** is refused, with the one that was probably meant.
- **Languages** are tags such as `en` or `pt-BR` (BCP 47), in any case: `EN` is `en`.
- **Retries**: every answer to a task has an `id` of your own. Sent again, it brings the first receipt, no more.
- **Lists** hold `items` and `next`; hand `next` back as `cursor` for the page that follows. `limit` is at most {MOST}.
- **What has not changed** is not sent again: hand the `ETag` back as `If-None-Match` and the answer is 304.
- **A body** has at most {LARGEST_BODY // 2**20} MiB, except the file of an import.

## What each person sees of a message

Whoever could still review or rank a message sees nothing of it but its text and its place: no author, no votes, no
rank. `seen_as` says which of the four the answer is. Administrators see everything. Moderators see what staff see of
all that they can no longer judge, and look behind the rest with `reveal`, which the journal keeps; what they ask for by
person tells them who wrote it. Removed messages are there for their authors and for staff only.
"""


def api_page() -> str:
    """The whole page."""
    return f"{BEGINNING}\n{_sight()}\n\n{chr(10).join(_routes())}"


def _sight() -> str:
    kinds = {"blind": BlindMessage, "own": OwnMessage, "public": PublicMessage, "staff": StaffMessage}
    shown = {name: {each.name for each in fields(kind)} for name, kind in kinds.items()}
    names = [each.name for each in fields(StaffMessage)]
    return "\n".join(
        [
            f"| field | {' | '.join(f'`{name}`' for name in kinds)} |",
            f"| --- |{' --- |' * len(kinds)}",
            *(f"| `{name}` | {' | '.join('yes' if name in shown[kind] else '' for kind in kinds)} |" for name in names),
        ]
    )


def _routes() -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, operations in create_app("sqlite:///unused.db").openapi()["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append(_line(method, path, operation))
    for tag, title in TITLES.items():
        yield f"## {title}\n"
        yield "| route | for | what it does |\n| --- | --- | --- |"
        yield "\n".join(by_tag.pop(tag)) + "\n"
    assert not by_tag, f"these have no title: {sorted(by_tag)}"


def _line(method: str, path: str, operation: Mapping[str, Any]) -> str:
    return f"| `{method.upper()} {path.removeprefix(API)}` | {who_may(operation)} | {operation['summary']} |"


def who_may(operation: Mapping[str, Any]) -> str:
    """For whom a route is; its description begins with it, and a test asks the server."""
    return next((who for begins, who in WHO.items() if operation["description"].startswith(begins)), "all")
