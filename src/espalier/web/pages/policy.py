"""The policy of the campaign: a form for all of it and for what differs by language, and a look at what would change
before it is in force.

Knows forms; what a policy may say is domain/policy.py.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect import campaign as policy_of
from espalier.collect.weights import WEIGH_JOB, are_weighed
from espalier.domain.errors import Conflict, Invalid
from espalier.domain.language import language_tag, usual_tag
from espalier.domain.parameter import InvalidPolicy, Parameter
from espalier.domain.parameter import spelled as as_json
from espalier.domain.policy import PARAMETERS, PROFILES, CampaignPolicy
from espalier.domain.policy_change import Change
from espalier.store import jobs
from espalier.store.jobs import Job
from espalier.store.policies import PolicyBook
from espalier.store.weights import Estimate, last_estimate
from espalier.web.deps import Number
from espalier.web.policy_words import GROUPS, grouped, shown, spelled, typed, wants
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import AdminSender, AdminVisit, Visit, redirect

router = APIRouter(include_in_schema=False)
ADDRESS: Final = "/admin/policy"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter in the form. `typed`: what its field holds. `in_force`: what holds now, in words.

    `wants`: which values may be typed. `choices`: of a field with few values, each with its words.
    """

    name: str
    says: str
    wants: str
    typed: str
    in_force: str
    default: str
    choices: list[tuple[str, str]] | None
    fault: str | None


@dataclass(frozen=True, slots=True)
class Context:
    """groups: the fields under their headings. lang: the form is for what differs in this language; None: for all.

    langs: those with values of their own. profile: the one that filled the form. version: the one in force.
    fault: what is wrong with the policy as a whole. jobs: the last change on its way to the trees, and who weighs
    reviewers just now. weighed: when reviewers were weighed last, where they count by their weight.
    """

    groups: list[tuple[str, list[Field]]]
    faulty: list[Field]
    fault: str | None
    lang: str | None
    langs: list[str]
    profile: str | None
    profiles: list[str]
    version: int
    jobs: list[Job]
    weighed: Estimate | None


@dataclass(frozen=True, slots=True)
class Line:
    """A value that changes, in words. says: what it is."""

    lang: str | None
    name: str
    says: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class PreviewContext:
    """lines: what changes. trees: how many follow. change: the form of the change, to be sent. version: seen."""

    lines: list[Line]
    trees: int
    change: str
    version: int


def lines_of(visit: Visit, changes: list[Change]) -> list[Line]:
    return [
        Line(
            each.lang, each.name, visit.words.gettext(PARAMETERS[each.name].says),
            shown(each.was, visit.words, visit.lang), shown(each.now, visit.words, visit.lang),
        )
        for each in changes
    ]  # fmt: skip


@router.get(ADDRESS)
def show(visit: AdminVisit, lang: str | None = None, profile: str | None = None) -> Response:
    with visit.campaign.read(visit.caller) as (db, _):
        book = PolicyBook(db)
    if lang is not None and (lang := language_tag(lang)) is None:
        raise Invalid("Name a language with a tag such as en or pt-BR.", field="lang")
    filled = _fields_of(book.campaign, lang)
    known = None if lang else profile if profile in PROFILES else None
    if known:
        filled = _fields_of(CampaignPolicy(PROFILES[known]), None)
    return _page(visit, lang, filled, {}, profile=known)


@router.post(f"{ADDRESS}/preview")
async def preview(
    visit: AdminSender,
    version: Annotated[Number, Form()],
    lang: Annotated[str, Form(max_length=40)] = "",
    change: Annotated[str, Form(max_length=100_000)] = "",
) -> Response:
    """What would change. The policy comes field by field, or (an older one) whole as `change`."""
    lang = usual_tag(lang)
    if change:
        return _preview(visit, _read(change), version)
    form = await visit.request.form()
    filled = {name: str(form.get(name, "")) for name in PARAMETERS if name in form}
    with visit.campaign.read(visit.caller) as (db, _):
        book = PolicyBook(db)
    values, faults = _values(visit, filled, own=bool(lang))
    if faults:
        return _page(visit, lang or None, filled, faults, status=422)
    wanted: Mapping[str, Any] = {"langs": {**_langs(book.campaign), lang: values}} if lang else {"base": values}
    try:
        return _preview(visit, wanted, version)
    except InvalidPolicy as invalid:
        name = (invalid.field or "").rpartition(".")[2]
        return _page(
            visit,
            lang or None,
            filled,
            {name: said(invalid, visit.words)},
            fault=said(invalid, visit.words),
            status=422,
        )
    except Conflict as late:
        return _page(visit, lang or None, filled, {}, fault=said(late, visit.words), status=late.status)


@router.post(ADDRESS)
async def change(
    visit: AdminSender,
    version: Annotated[Number, Form()],
    change: Annotated[str, Form(max_length=100_000)],
) -> Response:
    """Put in force what the preview has shown."""
    campaign = visit.campaign
    await campaign.change(
        visit.changing(), policy_of.change_policy, _read(change), campaign.clock(), campaign.rng, seen=version
    )
    return redirect(visit, ADDRESS, visit.words.gettext("The policy is in force. The trees follow."))


def _preview(visit: Visit, wanted: Mapping[str, Any], version: int) -> Response:
    with visit.campaign.read(visit.caller) as (db, person):
        found = policy_of.preview_policy(db, person, wanted)
    if found.version != version:
        raise Conflict(
            "Somebody has changed the policy in the meantime. Look at what holds now, and send your values once more."
        )  # fmt: skip
    context = PreviewContext(lines_of(visit, found.changes), found.trees, json.dumps(wanted), found.version)
    return render(visit, "policy_preview.html", context)


def _read(change: str) -> Mapping[str, Any]:
    try:
        wanted = json.loads(change)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, dict):
        raise Invalid("This is no change of a policy.", field="change")
    return wanted


def _langs(policy: CampaignPolicy) -> dict[str, Mapping[str, object]]:
    return {lang: {name: as_json(value) for name, value in own.items()} for lang, own in policy.langs.items()}


def _values(visit: Visit, filled: Mapping[str, str], *, own: bool) -> tuple[dict[str, object], dict[str, str]]:
    """The values that the fields say, and by name what is wrong. own: of a language; an empty field says nothing."""
    values: dict[str, object] = {}
    faults: dict[str, str] = {}
    for name, field in filled.items():
        parameter = PARAMETERS[name]
        if own and not field.strip():
            continue
        try:
            values[name] = as_json(parameter.value(typed(parameter, field)))
        except InvalidPolicy:
            faults[name] = wants(parameter, visit.words, visit.lang)
    return values, faults


def _fields_of(policy: CampaignPolicy, lang: str | None) -> dict[str, str]:
    if lang is None:
        return {name: spelled(getattr(policy.base, name)) for name in PARAMETERS}
    return {name: spelled(value) for name, value in policy.langs.get(lang, {}).items()}


def _page(
    visit: Visit,
    lang: str | None,
    filled: Mapping[str, str],
    faults: Mapping[str, str],
    *,
    fault: str | None = None,
    profile: str | None = None,
    status: int = 200,
) -> Response:
    with visit.campaign.read(visit.caller) as (db, _):
        book = PolicyBook(db)
        unfinished = [*jobs.unfinished(db, policy_of.POLICY_JOB)[-1:], *jobs.unfinished(db, WEIGH_JOB)]
        weighed = last_estimate(db) if are_weighed(book.campaign.base) else None
    policy = book.campaign
    in_force = policy.base if lang is None else policy.for_lang(lang)
    groups = [
        (visit.words.gettext(title), [
            _field(visit, each, filled.get(each.name, ""), getattr(in_force, each.name), lang, faults.get(each.name))
            for each in grouped(title) if lang is None or each.per_language
        ])
        for title in GROUPS
    ]  # fmt: skip
    faulty = [field for _, fields in groups for field in fields if field.fault]
    context = Context(
        [(title, fields) for title, fields in groups if fields], faulty, fault, lang, sorted(policy.langs), profile,
        list(PROFILES), book.version, unfinished, weighed,
    )  # fmt: skip
    return render(visit, "policy.html", context, status=status)


def _field(
    visit: Visit, parameter: Parameter, field: str, in_force: object, lang: str | None, fault: str | None
) -> Field:
    words = visit.words
    choices = None
    if parameter.kind.name == "yes or no":
        choices = [("yes", words.gettext("yes")), ("no", words.gettext("no"))]
        if lang is not None:
            choices.insert(0, ("", words.gettext("as in general")))
    return Field(
        parameter.name, words.gettext(parameter.says), wants(parameter, words, visit.lang), field,
        shown(in_force, words, visit.lang), shown(parameter.default, words, visit.lang), choices, fault,
    )  # fmt: skip
