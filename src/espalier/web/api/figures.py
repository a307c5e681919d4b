"""Statistics and leaderboards over HTTP; each is remembered for some seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import Query, Request, Response

from espalier.collect import leaderboard
from espalier.collect.figures import Figures, figures_of
from espalier.collect.leaderboard import Board, Frame, PersonalFigures, Place, Trouble
from espalier.web.api.governed import governed, shown_names
from espalier.web.api.router import api_router
from espalier.web.campaign import Campaign
from espalier.web.deps import CampaignDep, ModeratorReader, Reader
from espalier.web.paging import UNCHANGED, Cursor, Limit, Page, answered, page, place_in

router = api_router("figures")
LASTS: Final = timedelta(seconds=10)
STATS_LAST: Final = timedelta(minutes=1)  # a second of work on a large campaign


@router.get("/stats", response_model=Figures, responses=UNCHANGED, summary="Statistics of the campaign")
def stats(request: Request, campaign: CampaignDep, caller: Reader) -> Response:
    """Trees by language and state, messages, people, work by day, and how evenly it is spread. At most a minute old."""
    with governed(campaign, caller) as look:
        look.check_others()
        figures = statistics(campaign)
    return answered(request, Figures, figures)


def statistics(campaign: Campaign) -> Figures:
    now = campaign.clock()
    return campaign.memory.ask("figures", STATS_LAST, now, campaign.database.read, lambda db: figures_of(db, now))


def boards(campaign: Campaign) -> Mapping[Frame, Board]:
    now = campaign.clock()
    return campaign.memory.ask(
        "boards", LASTS, now, campaign.database.read, lambda db: leaderboard.leaderboards(db, now)
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """A place on a leaderboard. `streak`: consecutive days with a contribution; `me`: whether it is yours."""

    rank: int
    person: str
    name: str
    points: int
    level: int
    streak: int
    me: bool


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """A part of a leaderboard. `next`: the cursor of what follows; null at the end, and around somebody."""

    frame: Frame
    people: int
    items: list[Standing]
    next: str | None


@router.get("/leaderboards/{frame}", response_model=Leaderboard, responses=UNCHANGED, summary="A leaderboard")
def board(
    frame: Frame,
    request: Request,
    campaign: CampaignDep,
    caller: Reader,
    around: Annotated[Literal["me"] | None, Query(description="`me`: the places around yours.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Of the day, week, month or in all, by points. Who does not wish to be on it is not. At most 10 s old.

    Who has not agreed to their name being read stands there under a pseudonym, except for staff.
    """
    after = place_in(cursor, int, str) if cursor else None
    with governed(campaign, caller) as look:
        look.check_others()
        db, person = look.db, look.person
        whole = boards(campaign)[frame]
        if around == "me":
            places, following = list(leaderboard.around(whole, person.id, limit)), None
        else:
            rest = leaderboard.behind(whole, *after) if after else whole.places
            places, following = page(rest[: limit + 1], limit, lambda each: (each.points, each.person))
        streaks = leaderboard.streaks(db, [place.person for place in places], campaign.clock())
        names = shown_names(db, person, {place.person: place.name for place in places})
    items = [
        _standing(place, names[place.person], streaks[place.person], place.person == person.id) for place in places
    ]
    return answered(request, Leaderboard, Leaderboard(frame, len(whole.places), items, following))


def _standing(place: Place, name: str, streak: int, me: bool) -> Standing:
    return Standing(place.rank, place.person, name, place.points, place.level, streak, me)


@router.get("/me/stats", response_model=PersonalFigures, responses=UNCHANGED, summary="Where you stand")
def my_stats(request: Request, campaign: CampaignDep, caller: Reader) -> Response:
    """Your level, streak, points and ranks, and what made them."""
    with campaign.read(caller) as (db, person):
        found = leaderboard.personal_figures(db, person, boards(campaign), campaign.clock())
    return answered(request, PersonalFigures, found)


@router.get(
    "/trollboard/{frame}", response_model=Page[Trouble], responses=UNCHANGED, summary="Whose messages made most trouble"
)
def trollboard(
    frame: Frame, request: Request, campaign: CampaignDep, caller: ModeratorReader, limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    """For moderators; the worst first. At most 10 s old."""
    after = place_in(cursor, int, str) if cursor else None
    with campaign.read(caller) as (db, _):
        now = campaign.clock()
        found = campaign.memory.recall(
            ("trolls", frame), LASTS, now, lambda: leaderboard.trollboard(db, frame, now)
        )  # fmt: skip
    rest = [each for each in found if after is None or (-each.score, each.person) > (-after[0], after[1])]
    items, following = page(rest, limit, lambda each: (each.score, each.person))
    return answered(request, Page[Trouble], Page[Trouble](items=items, next=following))
