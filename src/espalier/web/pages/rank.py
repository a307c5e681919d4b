"""Ranking the replies to one message: best first, ties allowed, or none of them acceptable.

Knows the form and its fields; what an answer may be is collect/answers.py. Nobody learns who wrote what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from espalier.collect.answers import RankingAnswer
from espalier.domain.errors import AlreadyAnswered, IdReused, NotFound, Refusal, Stale, WrongAnswer
from espalier.domain.work import Reply
from espalier.store.drafts import Fields
from espalier.web.pages.frame import Frame, fields_of, frame_of, submitted
from espalier.web.pages.over import over
from espalier.web.refused import said
from espalier.web.render import render
from espalier.web.visit import Sender, Visit

router = APIRouter(include_in_schema=False)

FIELD: Final = "place-"
"""Before the handle of a reply, the name of the number field with its place."""
Places = Mapping[str, str]
"""By handle, as they were typed; equal ones are a tie."""


@dataclass(frozen=True, slots=True)
class Item:
    """A reply of the form. `letter`: its name, which stays with it wherever it moves. `place`: as it was typed."""

    handle: str
    letter: str
    text: str
    place: str


@dataclass(frozen=True, slots=True)
class Context:
    """items: in the order of their places. lang: of the replies. ask: the order was sent as it was shown; is it meant?

    touched: not empty when a script saw a reply move. faulty: the handle that `fault` is about.
    """

    frame: Frame
    items: list[Item]
    lang: str
    touched: str
    ask: bool
    fault: str | None
    faulty: str | None


def page(visit: Visit, frame: Frame) -> Response:
    fields = frame.draft.fields if frame.draft else {}
    places = {**shown_places(frame.task.replies), **places_of(fields)}
    return _page(visit, frame, places, touched="".join(fields.get("touched", ())))


@router.post("/tasks/{task_id}/ranking")
async def submit(
    visit: Sender,
    task_id: str,
    answer_id: Annotated[str, Form(max_length=100)] = "",
    choice: Annotated[str, Form()] = "",
    do: Annotated[str, Form()] = "",
    touched: Annotated[str, Form(max_length=10)] = "",
    confirmed: Annotated[str, Form()] = "",
) -> Response:
    """`do`: `none` when no reply is acceptable. The order as it was shown is taken from who moved replies (`touched`,
    which only a script can tell), or says that it is meant (`confirmed`).
    """
    fields = fields_of(await visit.request.form())
    places = places_of(fields)
    try:
        if do == "none":
            answer = RankingAnswer((), not_rankable=True)
        else:
            answer = RankingAnswer(order_of(places))
            if not touched and not confirmed and _untouched(places):
                return _page(visit, frame_of(visit, task_id, choice, answer_id), places, ask=True)
        return await submitted(visit, task_id, answer_id, choice, answer, fields)
    except (Stale, AlreadyAnswered, NotFound) as refused:
        return over(visit, refused, choice, "")
    except IdReused as refused:
        return _page(visit, frame_of(visit, task_id, choice), places, refused, touched=touched)
    except Refusal as refused:
        return _page(visit, frame_of(visit, task_id, choice, answer_id), places, refused, touched=touched)


def shown_places(replies: Sequence[Reply]) -> Places:
    """The places of an order that nobody has touched."""
    return {reply.handle: str(place) for place, reply in enumerate(replies, start=1)}


def places_of(fields: Fields) -> Places:
    return {name.removeprefix(FIELD): "".join(typed)[:10] for name, typed in fields.items() if name.startswith(FIELD)}


def order_of(places: Places) -> list[list[str]]:
    """Groups of handles, best first, equal numbers together. Raises WrongAnswer, naming the handle."""
    by_place: dict[int, list[str]] = {}
    for handle, typed in places.items():
        try:
            by_place.setdefault(int(typed), []).append(handle)
        except ValueError:
            raise WrongAnswer("Give each reply a place: a whole number, 1 for the best.", field=handle) from None
    return [by_place[place] for place in sorted(by_place)]


def _untouched(places: Places) -> bool:
    return all(typed.strip() == str(place) for place, typed in enumerate(_as_handed(places), start=1))


def _as_handed(places: Places) -> list[str]:
    """What was typed, in the order in which the replies were handed out: r0, r1, …"""
    return [places[handle] for handle in sorted(places, key=lambda handle: (len(handle), handle))]


def _letter(index: int) -> str:
    round_, place = divmod(index, len(ascii_uppercase))
    return ascii_uppercase[place] + (str(round_ + 1) if round_ else "")


def _page(
    visit: Visit,
    frame: Frame,
    places: Places,
    refused: Refusal | None = None,
    *,
    touched: str = "",
    ask: bool = False,
) -> Response:
    """The form; after a refusal with all that was typed."""
    replies = frame.task.replies
    items = [
        Item(reply.handle, _letter(index), reply.text, places.get(reply.handle, ""))
        for index, reply in enumerate(replies)
    ]
    items.sort(key=lambda item: int(item.place) if item.place.strip().isdecimal() else len(items) + 1)
    fault, faulty = None, None
    if refused:
        faulty = refused.field if refused.field in places else None
        whole = visit.words.gettext("Give each reply a place: a whole number, 1 for the best.")
        fault = whole if faulty else said(refused, visit.words)
    context = Context(frame, items, frame.task.lang, touched, ask, fault, faulty)
    return render(visit, "rank.html", context, status=refused.status if refused else 422 if ask else 200)
