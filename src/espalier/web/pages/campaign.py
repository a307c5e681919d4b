"""What the organiser says of the campaign, what is to be done before the first volunteer comes, and whether it runs."""

import re
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from espalier.collect import charter as use_cases
from espalier.collect import picture
from espalier.domain.admission import Admission
from espalier.domain.charter import OWN_TERMS, Charter, InvalidCharter, Running, Stranded, Visibility
from espalier.domain.errors import Invalid
from espalier.store.people import PersonRole
from espalier.web.deps import listed
from espalier.web.mail import Letter
from espalier.web.providers import Provider
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.typed import kept
from espalier.web.visit import AdminSender, AdminVisit, Visit, redirect

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/campaign"


class Said(BaseModel):
    """The form; what is not ticked is not sent."""

    name: str = ""
    about: str = ""
    contact: str = ""
    licence: str = ""
    licence_url: str = ""
    languages: str = ""
    target: str = ""
    visibility: str = ""
    release: str = ""
    email: bool = False
    password: bool = False
    providers: list[str] = Field(default_factory=list)
    admission: str = ""
    domains: str = ""
    trusted: str = ""
    sure: str = ""


def _ways_of(said: Said) -> str:
    """The ways to sign in that are ticked: who is sure is so of these alone."""
    return " ".join(["email"] * said.email + ["password"] * said.password + sorted(said.providers)) or "none"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do before the first volunteer comes. address: where it is done."""

    says: str
    done: bool
    address: str


@dataclass(frozen=True, slots=True)
class Context:
    """said: what stands in the form. charter: what is in force. steps: until the first volunteer can come.

    providers: accounts elsewhere with which the server lets people sign in. mail: whether it sends letters.
    address: to which a trial letter goes. given: what the other forms of the page brought that was not taken, by field.
    picture_types: of files. faulty, fault: the field that cannot be, and why.
    """

    said: Said
    charter: Charter
    steps: list[Step]
    visibilities: list[tuple[str, str]]
    admissions: list[tuple[str, str]]
    providers: list[Provider]
    mail: bool
    address: str
    given: Mapping[str, str]
    picture_types: str = picture.ACCEPTED
    faulty: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """What is asked before the campaign stands still or goes on. What was typed comes along."""

    running: Running
    reason: str
    paused_until: date | None


def _form(charter: Charter) -> Said:
    given: dict[str, Any] = charter.to_mapping()
    for name in ("languages", "domains", "trusted"):
        given[name] = ", ".join(given[name])
    given["target"] = "" if given["target"] is None else str(given["target"])
    return Said(**{name: value for name, value in given.items() if name in Said.model_fields})


def _mapping(said: Said) -> dict[str, Any]:
    given: dict[str, Any] = said.model_dump(exclude={"sure"})
    for name in ("languages", "domains", "trusted"):
        given[name] = listed(given[name].replace("\n", ","))
    digits = "".join(sign for sign in given["target"] if sign not in " ,.'\u202f\u00a0")
    if digits and not digits.isdecimal():
        raise InvalidCharter("%(name)s must be a whole number from 1 on, or nothing.", field="target")
    given["target"] = int(digits) if digits else None
    return given


def _context(
    visit: Visit, said: Said, faulty: str | None = None, fault: str | None = None, address: str | None = None
) -> Context:
    _, charter = visit.words.gettext, visit.charter
    is_named = charter.name != Charter().name and bool(charter.about)
    by_mail = charter.doors.email and visit.campaign.entrance.post is not None
    opens = by_mail or charter.doors.password or bool(visit.campaign.entrance.providers)
    has_terms = charter.terms > OWN_TERMS
    steps = [
        Step(_("Give it a name and say what it is for."), is_named, "#name"),
        Step(_("Name a contact for questions."), bool(charter.contact), "#contact"),
        Step(_("Choose the languages."), bool(charter.languages), "#languages"),
        Step(_("Read the terms, and publish your own if you need to."), has_terms, "/admin/documents"),
        Step(_("See that people can sign in."), opens, "#email"),
        Step(_("Open it."), charter.running is Running.OPEN, "#running"),
    ]  # fmt: skip
    visibilities = [
        (str(Visibility.OPEN), _("Everybody reads finished trees, statistics and the board")),
        (str(Visibility.MEMBERS), _("Who takes part reads them")),
        (str(Visibility.STAFF), _("Staff alone read them; others see their tasks and their own work")),
    ]
    admissions = [
        (str(Admission.OPEN), _("Anybody")),
        (str(Admission.INVITATION), _("Who has an invitation")),
        (str(Admission.DOMAINS), _("Who has an address in one of these domains")),
    ]
    entrance = visit.campaign.entrance
    if address is None:
        address = (visit.person.email if visit.person else None) or ""
    return Context(
        said, charter, steps, visibilities, admissions, list(entrance.providers), entrance.post is not None, address,
        {field.name: field.value for field in brought.fields} if (brought := kept(visit.request)) else {},
        faulty=faulty, fault=fault,
    )  # fmt: skip


@router.get(ADDRESS)
def show(visit: AdminVisit) -> Response:
    return render(visit, "campaign.html", _context(visit, _form(visit.charter)))


@router.post(ADDRESS)
async def change(visit: AdminSender, typed: Annotated[Said, Form()]) -> Response:
    """A way to sign in without which people are left outside is switched off when it is asked for twice."""
    campaign = visit.campaign
    try:
        changing = visit.changing(PersonRole.ADMIN)
        await campaign.change(
            changing, use_cases.change_charter, _mapping(typed), campaign.clock(), opens=campaign.entrance.issuers,
            sure=bool(typed.sure) and typed.sure == _ways_of(typed),
        )  # fmt: skip
    except Invalid as refused:
        typed.sure = _ways_of(typed) if isinstance(refused, Stranded) else ""
        return render(
            visit,
            "campaign.html",
            _context(visit, typed, refused.field, said(refused, visit.words)),
            status=refused.status,
        )
    return redirect(visit, ADDRESS, visit.words.gettext("Saved. It holds from now on."))


@router.post(f"{ADDRESS}/running")
async def run(
    visit: AdminSender,
    running: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    paused_until: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
) -> Response:
    """Prepare, open, pause or close the campaign; what follows from it is shown first."""
    campaign = visit.campaign
    change = {"running": running, "reason": reason, "paused_until": paused_until}
    try:
        wanted = Charter.from_mapping(change, visit.charter)
        if not sure:
            return render(visit, "campaign_switch.html", Switch(wanted.running, wanted.reason, wanted.paused_until))
        await campaign.change(visit.changing(PersonRole.ADMIN), use_cases.change_charter, change, campaign.clock())
    except Invalid as refused:
        context = _context(visit, _form(visit.charter), refused.field, said(refused, visit.words))
        return render(visit, "campaign.html", context, refused=refused)
    return redirect(visit, ADDRESS, visit.words.gettext("Done. It holds from now on."))


@router.post(f"{ADDRESS}/picture")
async def show_picture(visit: AdminSender) -> Response:
    """Put another picture on the front page, say something else of the one there, or take it away."""
    campaign, changing = visit.campaign, visit.changing(PersonRole.ADMIN)
    form = await visit.request.form()
    try:
        if form.get("do") == "take_away":
            await campaign.change(changing, picture.take_away, campaign.clock())
            return redirect(visit, ADDRESS, visit.words.gettext("The front page has no picture now."))
        file, says = form.get("picture"), form.get("picture_says")
        data = await file.read() if isinstance(file, UploadFile) and file.filename else b""
        says = says if isinstance(says, str) else ""
        shown = await run_in_threadpool(picture.read, data) if data else None
        await campaign.change(changing, picture.show, shown, says, campaign.clock())
    except Invalid as refused:
        fault = said(refused, visit.words)
        context = await run_in_threadpool(_context, visit, _form(visit.charter), refused.field, fault)
        return await run_in_threadpool(render, visit, "campaign.html", context, refused=refused)
    finally:
        await form.close()
    return redirect(visit, ADDRESS, visit.words.gettext("The picture is on the front page."))


@router.post(f"{ADDRESS}/mail")
async def try_mail(visit: AdminSender, address: Annotated[str, Form(max_length=300)] = "") -> Response:
    """Send a letter, so that the organiser sees that letters arrive."""
    _, post = visit.words.gettext, visit.campaign.entrance.post
    fault = None
    if post is None:
        fault = _("This server sends no mail.")
    elif not re.fullmatch(r"[^@\s]+@[^@\s]+", address.strip()):
        fault = _("This is no address.")
    else:
        letter = Letter(address.strip(), _("A trial letter"), _("Letters of your campaign arrive."), visit.lang)
        try:
            await run_in_threadpool(post.send, letter)
        except (OSError, smtplib.SMTPException) as error:
            fault = _("The mail server refused it: %(reason)s") % {"reason": error}
    if fault is not None:
        context = _context(visit, _form(visit.charter), "address", fault, address)
        return render(visit, "campaign.html", context, status=422)
    return redirect(visit, ADDRESS, _("The letter is on its way."))
