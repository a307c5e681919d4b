"""The organiser's list of reasons, from which each decision on a case takes one."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import cases
from espalier.domain.errors import Invalid
from espalier.store import cases as rows
from espalier.store.people import PersonRole
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import AdminSender, AdminVisit, redirect

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Context:
    """typed: one reason a line. fault: why the last try was not taken."""

    typed: str
    fault: str | None


@router.get("/moderation/reasons")
def show(visit: AdminVisit) -> Response:
    with visit.campaign.read(visit.caller) as (db, _):
        listed = rows.reasons(db)
    return render(visit, "case_reasons.html", Context("\n".join(listed), None))


@router.post("/moderation/reasons")
async def change(visit: AdminSender, reasons: Annotated[str, Form()] = "") -> Response:
    try:
        await visit.campaign.change(
            visit.changing(PersonRole.ADMIN), cases.change_reasons, reasons, visit.campaign.clock()
        )  # fmt: skip
    except Invalid as refused:
        return render(visit, "case_reasons.html", Context(reasons, said(refused, visit.words)), refused=refused)
    return redirect(visit, "/moderation/reasons", visit.words.gettext("The list holds from now on."))
