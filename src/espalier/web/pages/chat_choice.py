"""With which model and how somebody chats, as the form beside every message to a model has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import FormData

from espalier.chat import parameters, presets
from espalier.chat.conversations import Wanted
from espalier.chat.models import BEST_OF, ChatModel, ModelState
from espalier.collect import signin
from espalier.collect.settings import change_chat
from espalier.domain.errors import Conflict, Invalid, NotFound
from espalier.web.chatroom import Chatroom
from espalier.web.visit import Visit

REPLIES_FROM_ONE: Final = 60
"""In a quarter of an hour, of all who have no account at one address."""


@dataclass(frozen=True, slots=True)
class Choice:
    """other: a second model, to compare; empty: none. several: so many replies to choose from. values: what was typed
    for each parameter.
    """

    model: str
    preset: str
    values: Mapping[str, str]
    system: str = ""
    other: str = ""
    several: int = 1

    @property
    def kept(self) -> dict[str, Any]:
        return {"model": self.model, "preset": self.preset, "values": dict(self.values), "system": self.system}


def room_of(visit: Visit) -> Chatroom:
    """Raises NotFound where chat is switched off."""
    if visit.campaign.chatroom is None:
        raise NotFound("Chat is switched off here.")
    return visit.campaign.chatroom


def title_of(visit: Visit, model: str) -> str:
    """A model as people read it; by its id where it is not there any more."""
    room = visit.campaign.chatroom
    return next((each.title for each in room.models() if each.id == model), model) if room else model


def wake(visit: Visit) -> None:
    """There may be a reply to write, or one to stop; nothing where chat is switched off."""
    if visit.campaign.chatroom is not None:
        visit.campaign.chatroom.wake()


async def admit(visit: Visit) -> None:
    """Who has no account is counted by where they come from: a browser can be another one at any time.

    Raises RateLimited.
    """
    if visit.person is None:
        client = visit.request.client
        tried = (f"chat from {client.host if client else ''}", REPLIES_FROM_ONE)
        await visit.campaign.door.write(signin.count, [tried], visit.campaign.clock())


def presets_of(visit: Visit) -> dict[str, Mapping[str, parameters.Number]]:
    """Those that the reader can choose, by the name that a form brings."""
    return presets.all_presets(visit.campaign.chat.presets, presets.own_presets(visit.chosen.chat))


def last_choice(visit: Visit, models: Sequence[ChatModel]) -> Choice:
    """What the person chose last; where that model is gone, the first that is there."""
    kept = visit.chosen.chat
    known = [each.id for each in models if each.state is not ModelState.GONE] or [each.id for each in models]
    model = kept.get("model") if kept.get("model") in known else known[0] if known else ""
    usual = {name: str(each.usual) for name, each in parameters.PARAMETERS.items() if name != "seed"}
    return Choice(
        str(model), _known_preset(visit, str(kept.get("preset", ""))), {**usual, **kept.get("values", {})},
        str(kept.get("system", "")),
    )  # fmt: skip


def _known_preset(visit: Visit, name: str) -> str:
    known = presets_of(visit)
    return name if name in known or name == parameters.CUSTOM else next(iter(known))


def choice_in(form: FormData) -> Choice:
    given = {name: str(value) for name, value in form.items()}
    values = {name: given.get(name, "") for name in parameters.PARAMETERS}
    several = given.get("several", "").strip()
    return Choice(
        given.get("model", ""), given.get("preset", ""), values, given.get("system", ""), given.get("other", ""),
        int(several) if several.isdecimal() else 1,
    )  # fmt: skip


def wanted_by(visit: Visit, choice: Choice) -> tuple[Wanted, ...]:
    """Who shall reply, and how: one, or two to compare. Raises Invalid, TooLong, Conflict."""
    models = {each.id: each for each in room_of(visit).models()}
    system = parameters.checked_system(choice.system)
    if choice.other and choice.several > 1:
        raise Invalid("Compare two models, or choose among several replies of one; not both at once.", field="several")
    known = presets_of(visit)
    if choice.preset != parameters.CUSTOM and choice.preset not in known:
        raise Invalid("There is no such preset.", field="preset")
    typed = choice.preset == parameters.CUSTOM
    sampling = parameters.checked(choice.values) if typed else dict(known[choice.preset])
    found = []
    for field, name in (("model", choice.model), ("other", choice.other)):
        if field == "other" and not name:
            continue
        model = models.get(name)
        if model is None or model.state is ModelState.GONE:
            raise Conflict("This model is not there any more. Choose another one; nothing is lost.", field=field)
        taken: dict[str, Any] = {**parameters.taken(sampling, model.supports)}
        if model.best_of > 1:
            taken[BEST_OF] = model.best_of
        found.append(Wanted(name, taken | ({"system": system} if system else {})))
    return tuple(found)


async def keep(visit: Visit, choice: Choice) -> None:
    """So that it stands there the next time."""
    if {**visit.chosen.chat, **choice.kept} != visit.chosen.chat:
        await visit.campaign.change(visit.changing(), change_chat, choice.kept)
