"""Inviting many people at once: accounts with a token each, shown this once, on the page or as a file."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import accounts
from espalier.collect.accounts import Invitation
from espalier.domain.errors import Invalid, Refusal
from espalier.store.people import PersonRole
from espalier.web.attached import CSV, as_csv, attached
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import AdminSender, AdminVisit, Visit

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/invitations"


@dataclass(frozen=True, slots=True)
class Typed:
    count: str = "10"
    role: str = PersonRole.CONTRIBUTOR
    prefix: str = "volunteer"


@dataclass(frozen=True, slots=True)
class Context:
    """invited: how many were invited just now. table: their tokens, as CSV."""

    typed: Typed
    invited: int = 0
    table: str = ""
    fault: str | None = None
    faulty: str | None = None


@router.get(ADDRESS)
def show(visit: AdminVisit) -> Response:
    return render(visit, "invitations.html", Context(Typed()))


@router.post(ADDRESS)
async def invite(
    visit: AdminSender,
    count: Annotated[str, Form(max_length=20)] = "",
    role: Annotated[str, Form(max_length=40)] = "",
    prefix: Annotated[str, Form(max_length=1000)] = "",
    give: Annotated[str, Form(max_length=10)] = "page",
) -> Response:
    """`give`: `file` for a CSV to be kept, else a page that shows it."""
    campaign, typed = visit.campaign, Typed(count, role, prefix)
    try:
        made = await campaign.change(
            visit.changing(), accounts.invite, _number(visit, count), _role(visit, role), campaign.secret,
            campaign.clock(), campaign.rng, prefix=prefix,
        )  # fmt: skip
    except Refusal as refused:
        context = Context(typed, fault=said(refused, visit.words), faulty=refused.field)
        return render(visit, "invitations.html", context, refused=refused)
    table = _table(made)
    if give == "file":
        return attached("invitations.csv", table, CSV)
    return render(visit, "invitations.html", Context(Typed(), len(made), table))


def _table(made: list[Invitation]) -> str:
    rows = ((_plain(each.person.name), each.person.role, each.token) for each in made)
    return as_csv([("name", "role", "token"), *rows])


def _plain(name: str) -> str:
    """No name begins as a formula of a spreadsheet does."""
    return f"'{name}" if name[:1] in "=+-@" else name


def _number(visit: Visit, count: str) -> int:
    if not count.strip().isdecimal():
        raise Invalid("Say how many, as a whole number.", field="count")
    return int(count)


def _role(visit: Visit, role: str) -> PersonRole:
    if role not in set(PersonRole):
        raise Invalid("Choose a role.", field="role")
    return PersonRole(role)
