"""Who looks at a page, and how pages ask for it: named types for the signatures of routes, as deps.py has for the API.

Knows cookies, sessions and the reader's choices; knows no page.
"""

import hmac
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from gettext import NullTranslations
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from espalier.chat.guests import guest_id
from espalier.collect import sessions
from espalier.collect.settings import THEMES
from espalier.domain.charter import Charter, Visibility
from espalier.domain.errors import NotAllowed, Unauthenticated
from espalier.store import announcements, notices
from espalier.store.announcements import Announcement
from espalier.store.charters import charter_in_force
from espalier.store.people import Person, PersonRole, token_hash
from espalier.store.preferences import Preferences, preferences_of
from espalier.store.sessions import Session, by_session, find_session
from espalier.web import cookies, typed
from espalier.web.campaign import Caller, Campaign, refuse_shut_out
from espalier.web.cookies import Notice
from espalier.web.words import catalogue, chosen_language

BEFORE_WELCOME: Final = (
    "/welcome", "/me", "/signin", "/terms", "/privacy", "/guidelines", "/help", "/admin", "/moderation",
)  # fmt: skip
"""Pages that are open before the one of the first visit has been filled in."""
BEFORE_CONSENT: Final = (
    "/terms", "/me", "/signin", "/signout", "/banned", "/announcements", "/admin", "/moderation",
)  # fmt: skip
"""Pages that are open before the terms in force are accepted: one's own account, leaving, what stands at the head of
every page, and staff's work."""
TOLD: Final = 5
"""Notices at the head of the dashboard."""


@dataclass(frozen=True)
class Visit:
    """One request of a browser. `person`, `session`: None for who is not signed in. `lang`: of the interface.

    form_token: what every form of the page must bring back. visitor: for whom the page's cookie is still to be set.
    announced: what the reader has not dismissed yet. charter: what the organiser says of the campaign.
    """

    request: Request
    campaign: Campaign
    now: datetime
    person: Person | None
    session: Session | None
    chosen: Preferences
    lang: str
    form_token: str
    visitor: str | None = None
    notice: Notice | None = None
    caller: Caller = field(default=Caller(None, PersonRole.CONTRIBUTOR, False))
    announced: Sequence[Announcement] = ()
    charter: Charter = field(default_factory=Charter)

    @property
    def words(self) -> NullTranslations:
        return catalogue(self.lang)

    @property
    def theme(self) -> str:
        """`light`, `dark`, or `system`: as the browser has it."""
        if self.person is not None:
            return self.chosen.theme
        given = self.request.cookies.get(cookies.THEME, "")
        return given if given in THEMES else THEMES[0]

    @property
    def back(self) -> str:
        """The page that is shown, for a form that leads back to it; the address of a form leads to its page."""
        return asked_for(self.request)

    @property
    def is_shut_out(self) -> bool:
        """Banned or suspended: one page alone is open to the reader."""
        return self.person is not None and (self.person.disabled or self.person.is_suspended(self.now))

    def may(self, role: str) -> bool:
        """Whether the reader has at least this role."""
        return self.person is not None and not self.person.disabled and self.person.role.reaches(PersonRole(role))

    @property
    def account(self) -> str:
        """Under which name this browser keeps what was typed: of the account, or of nobody's."""
        return self.person.id if self.person else "guest"

    @property
    def earlier_guest(self) -> str | None:
        """Of somebody who is signed in: what this browser held before, under which they may have chatted."""
        return _visitor_of(self.request, self.campaign) if self.person else None

    @property
    def begun(self) -> str | None:
        """The secret under which a prompt is kept that was begun in this browser before signing in."""
        return cookies.read_signed(self.request, cookies.BEGUN, self.campaign.signing_key)

    @property
    def reads(self) -> bool:
        """Whether the campaign's visibility lets the reader see trees, the board and statistics."""
        match self.charter.readers:
            case Visibility.OPEN:
                return True
            case Visibility.MEMBERS:
                return self.person is not None
            case Visibility.STAFF:
                return self.may("moderator")

    def changing(self, needs: PersonRole = PersonRole.CONTRIBUTOR) -> Caller:
        """The same person about to change something, for `campaign.change`."""
        return replace(self.caller, needs=needs, changes=True)

    def across_sessions(self) -> "Visit":
        """The same with a form token that still holds when this browser has signed in, or in again, meanwhile."""
        held = self.visitor or _visitor_of(self.request, self.campaign)
        visitor = held or secrets.token_urlsafe(16)
        return replace(
            self, visitor=self.visitor if held else visitor,
            form_token=cookies.form_token(self.campaign.signing_key, visitor),
        )  # fmt: skip

    @property
    def told(self) -> Sequence[notices.Notice]:
        """What was decided that concerns the reader, and that they have not read yet. Looks into the database."""
        if self.person is None:
            return ()
        with self.campaign.database.read() as db:
            return notices.unread(db, self.person.id, TOLD)


def _visitor_of(request: Request, campaign: Campaign) -> str | None:
    return cookies.read_signed(request, cookies.VISITOR, campaign.signing_key)


class SignInFirst(Exception):
    """Somebody who is not signed in asked for a page of a signed-in person."""


class ElsewhereFirst(Exception):
    """Another page comes before the one that was asked for; `address`: of it, with the way back."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


def visit_of(request: Request) -> Visit:
    """Blocks for a look into the database: call it from a thread."""
    campaign: Campaign = request.app.state.campaign
    key, now = campaign.signing_key, campaign.clock()
    token = cookies.read_signed(request, cookies.SESSION, key)
    known = token_hash(token) if token else None
    caller = Caller(known, PersonRole.CONTRIBUTOR, changes=False, session_at=now)
    person = session = None
    chosen, announced = Preferences(), list[Announcement]()
    with campaign.database.read() as db:
        charter = charter_in_force(db)
        if known:
            session = find_session(db, known, now)
            if session is not None:
                person = by_session(db, known, now)
                chosen = preferences_of(db, session.person_id)
                announced = announcements.unread(db, session.person_id, now)
    visitor = _visitor_of(request, campaign)
    fresh = None if visitor or (person and token) else secrets.token_urlsafe(16)
    holder = token if person and token else visitor or fresh or ""
    lang = chosen_language(
        chosen.interface, request.cookies.get(cookies.LANGUAGE), accepted=request.headers.get("accept-language", "")
    )
    made = Visit(
        request, campaign, now, person, session, chosen, lang, cookies.form_token(key, holder), fresh,
        cookies.read_notice(request, key), caller, announced, charter,
    )  # fmt: skip
    request.state.visit = made
    return made


def _reader(needs: PersonRole, *, shut_out: bool = False) -> Callable[..., Visit]:
    """`shut_out`: who is banned or suspended is let in, too."""

    def reader(visit: Annotated[Visit, Depends(visit_of)]) -> Visit:
        if visit.person is None:
            raise SignInFirst
        person, caller = visit.person, replace(visit.caller, shut_out=shut_out)
        visit = replace(visit, caller=caller)
        refuse_shut_out(person, replace(caller, needs=needs), visit.now)
        _note_use(visit)
        if needs_consent(visit) and not _is_among(visit, BEFORE_CONSENT):
            raise ElsewhereFirst(_on_the_way("/terms/accept", visit.back))
        if not visit.chosen.welcomed and visit.request.method == "GET" and not _is_among(visit, BEFORE_WELCOME):
            raise ElsewhereFirst(_on_the_way("/welcome", visit.back))
        return visit

    return reader


def comes_first(visit: Visit, page: str) -> str | None:
    """Where somebody who is signed in goes before they work, with the way on to this page."""
    if visit.person is None or not (needs_consent(visit) or not visit.chosen.welcomed):
        return None
    return _on_the_way("/terms/accept" if needs_consent(visit) else "/welcome", page)


def needs_consent(visit: Visit) -> bool:
    return visit.person is not None and visit.person.terms < visit.charter.terms


def _on_the_way(first: str, page: str) -> str:
    return f"{first}?next={quote(page, safe='/')}"


def _note_use(visit: Visit) -> None:
    """Note, once an hour, that a session is in use. Blocks."""
    token = visit.caller.token_hash
    if token and visit.session and sessions.is_to_touch(visit.session, visit.now):
        visit.campaign.door.call(sessions.touch, token, visit.now)


def _is_among(visit: Visit, addresses: Sequence[str]) -> bool:
    """Whether the page is one of these or lies below one."""
    path = visit.request.url.path
    return any(path == each or path.startswith(f"{each}/") for each in addresses)


def _fresh(needs: PersonRole, *, shut_out: bool = False) -> Callable[..., Visit]:
    reader = _reader(needs, shut_out=shut_out)

    def fresh(visit: Annotated[Visit, Depends(reader)]) -> Visit:
        if visit.session is None or not sessions.is_fresh(visit.session, visit.now):
            raise ElsewhereFirst(f"/signin/again?next={quote(came_from(visit.request), safe='/')}")
        return visit

    return fresh


Kept = Annotated[None, Depends(typed.keep)]


def _fresh_sender(needs: PersonRole, *, shut_out: bool = False) -> Callable[..., Coroutine[Any, Any, Visit]]:
    async def sender(_: Kept, visit: Annotated[Visit, Depends(_fresh(needs, shut_out=shut_out))]) -> Visit:
        return await _checked(visit)

    return sender


async def _checked(visit: Visit) -> Visit:
    form = await visit.request.form()
    given = visit.request.headers.get("x-form-token") or form.get(typed.FORM_TOKEN)
    if not isinstance(given, str) or not any(
        hmac.compare_digest(given.encode(), token.encode()) for token in _tokens(visit)
    ):
        raise NotAllowed(
            "This form was opened before you signed in, or somewhere else, so it was not taken. If it is yours, "
            "send it once more."
        )
    return visit


def _tokens(visit: Visit) -> list[str]:
    """What a form may bring back: the token of the session, and where the browser says that a page of this site sent
    it, the one of a page that was shown before the session began.
    """
    tokens = [visit.form_token]
    if typed.comes_from_here(visit.request):
        tokens.append(visit.across_sessions().form_token)
    return tokens


def _sender(needs: PersonRole | None, *, shut_out: bool = False) -> Callable[..., Coroutine[Any, Any, Visit]]:
    reader = visit_of if needs is None else _reader(needs, shut_out=shut_out)

    async def sender(_: Kept, visit: Annotated[Visit, Depends(reader)]) -> Visit:
        return await _checked(visit)

    return sender


def _chatter(visit: Annotated[Visit, Depends(visit_of)]) -> Visit:
    """Who has an account, and where the organiser lets them also who has none: then their browser is who they are."""
    held = _visitor_of(visit.request, visit.campaign) or visit.visitor
    if visit.person is not None or visit.campaign.chat.account or held is None:
        return _reader(PersonRole.CONTRIBUTOR)(visit)
    caller = Caller(None, PersonRole.CONTRIBUTOR, changes=False, guest=guest_id(held))
    with visit.campaign.database.read() as db:
        chosen = preferences_of(db, guest_id(held))
    return replace(visit, caller=caller, chosen=replace(visit.chosen, chat=chosen.chat))


async def _chat_sender(_: Kept, visit: Annotated[Visit, Depends(_chatter)]) -> Visit:
    return await _checked(visit)


def _governed(visit: Annotated[Visit, Depends(visit_of)]) -> Visit:
    """As the campaign's visibility has it: for everybody, for who takes part, or for staff."""
    if visit.charter.readers is Visibility.OPEN and visit.person is None:
        return visit
    needs = PersonRole.MODERATOR if visit.charter.readers is Visibility.STAFF else PersonRole.CONTRIBUTOR
    return _reader(needs)(visit)


def _governed_or_own(visit: Annotated[Visit, Depends(visit_of)]) -> Visit:
    """As `_governed`, but whoever takes part is let in: the page shows them what is theirs."""
    if visit.charter.readers is Visibility.OPEN and visit.person is None:
        return visit
    return _reader(PersonRole.CONTRIBUTOR)(visit)


ReadsOwn = Annotated[Visit, Depends(_governed_or_own)]
"""The same where contributors read their own work although the rest is for staff; the page sees to that."""
Reads = Annotated[Visit, Depends(_governed)]
"""A page of trees, messages or figures: the organiser says who reads it; `visit.person` may be None."""
Anybody = Annotated[Visit, Depends(visit_of)]
"""A page that everybody may read."""
SignedIn = Annotated[Visit, Depends(_reader(PersonRole.CONTRIBUTOR))]
ModeratorVisit = Annotated[Visit, Depends(_reader(PersonRole.MODERATOR))]
AdminVisit = Annotated[Visit, Depends(_reader(PersonRole.ADMIN))]
AnySender = Annotated[Visit, Depends(_sender(None))]
"""A form of a page that everybody may read."""
Sender = Annotated[Visit, Depends(_sender(PersonRole.CONTRIBUTOR))]
Chatter = Annotated[Visit, Depends(_chatter)]
"""Who may chat; `visit.person` is None for who has no account."""
ChatSender = Annotated[Visit, Depends(_chat_sender)]
ModeratorSender = Annotated[Visit, Depends(_sender(PersonRole.MODERATOR))]
AdminSender = Annotated[Visit, Depends(_sender(PersonRole.ADMIN))]


Fresh = Annotated[Visit, Depends(_fresh(PersonRole.CONTRIBUTOR))]
"""A page on which something grave is done: whoever has signed in long ago does so again first."""
FreshSender = Annotated[Visit, Depends(_fresh_sender(PersonRole.CONTRIBUTOR))]
FreshAdminSender = Annotated[Visit, Depends(_fresh_sender(PersonRole.ADMIN))]

# What nobody is kept from, banned or suspended: to appeal, to take their data along, to leave.
Account = Annotated[Visit, Depends(_reader(PersonRole.CONTRIBUTOR, shut_out=True))]
AccountSender = Annotated[Visit, Depends(_sender(PersonRole.CONTRIBUTOR, shut_out=True))]
FreshAccount = Annotated[Visit, Depends(_fresh(PersonRole.CONTRIBUTOR, shut_out=True))]
FreshAccountSender = Annotated[Visit, Depends(_fresh_sender(PersonRole.CONTRIBUTOR, shut_out=True))]


def known(visit: Visit) -> Person:
    """The signed-in person of a visit that was let in as one."""
    if visit.person is None:
        raise Unauthenticated("Please sign in first.")
    return visit.person


def redirect(visit: Visit, to: str, notice: str | None = None, *, kind: str = "done") -> Response:
    """Go to another page of the site, with a line at its head."""
    answer = RedirectResponse(to, status_code=303)
    if notice:
        cookies.write_notice(answer, visit.request, Notice(notice, kind), visit.campaign.signing_key)
    return answer


def local(address: str | None, otherwise: str = "/tasks") -> str:
    """An address of this site as a form or a link brought it; anything else is not followed."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable():
        return otherwise
    return address


def asked_for(request: Request) -> str:
    """The address of a request on this site, with its query."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def came_from(request: Request) -> str:
    """The page that was asked for, or the one with the form that was sent."""
    if request.method == "GET":
        return asked_for(request)
    page = urlsplit(request.headers.get("referer", ""))
    return local(page.path + (f"?{page.query}" if page.query else ""))


def sign_in_address(request: Request) -> str:
    """Where to sign in, and back to the page that was asked for."""
    return f"/signin?next={quote(asked_for(request), safe='/')}" if request.method == "GET" else "/signin"
