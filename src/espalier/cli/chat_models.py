"""The models that people may chat with: directories, served beside the campaign, and those that the settings name; and
who looks at what is written there.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from espalier.cli.models_beside import models_beside
from espalier.cli.safety import reached
from espalier.cli.terminal import MISUSED, err, fail, refuse_without_torch, sentence
from espalier.config import NUMBERS_OF_A_MODEL, Settings

if TYPE_CHECKING:
    from espalier.chat.models import Served
    from espalier.chat.scoring import Judges
    from espalier.safety.toxicity import ToxicityModel
    from espalier.web.chatroom import ChatRules


def named_directory(source: str) -> tuple[str, str]:
    """The name and the directory that `NAME=DIR` says, or DIR alone. Ends the command where it is an address."""
    from espalier.evaluate.model import BadModelName, is_address, named

    try:
        name, place = named(source)
    except BadModelName as wrong:
        fail(sentence(wrong), MISUSED)
    if is_address(place):
        fail(f"{place} is a server's address; espalier.toml names it in a table [models.NAME].")
    return name, place


def directories_of(sources: Sequence[str]) -> dict[str, Path]:
    """Each model's directory by its name. Ends the command where there is none, or no torch to run it."""
    directories: dict[str, Path] = {}
    for name, place in map(named_directory, sources):
        if not Path(place).is_dir():
            fail(f"There is no directory {place}.")
        if name in directories:
            fail(f"Two models are called {name!r}; give one of them another name, as NAME=DIR.", MISUSED)
        directories[name] = Path(place)
    if directories:
        refuse_without_torch("Models of this machine need")
    return directories


def beside(directories: Mapping[str, Path], stack: ExitStack) -> list["Served"]:
    """Models in a process beside the server, until the stack is closed."""
    from espalier.chat.models import Served
    from espalier.chat.parameters import PARAMETERS

    if not directories:
        return []
    url = stack.enter_context(models_beside(directories))
    return [Served(name, url, name, supports=frozenset(PARAMETERS)) for name in directories]


def models_of(settings: Settings) -> list["Served"]:
    """Those that people may chat with, in the order of the settings."""
    from espalier.chat.models import SUPPORTED, Served

    return [
        Served(
            name, each["url"], each.get("at_server", name), each.get("key"), each.get("title", ""),
            each.get("system", ""), supports=frozenset(each.get("supports", SUPPORTED)),
            **{number: each[number] for number in NUMBERS_OF_A_MODEL if number in each},
        )
        for name, each in settings.models.items()
    ]  # fmt: skip


def rules_of(settings: Settings) -> "ChatRules":
    """What is set for chat. Ends the command where a preset holds what no reply is drawn with."""
    from espalier.chat.parameters import PARAMETERS, checked
    from espalier.domain.errors import Invalid
    from espalier.web.chatroom import ChatRules

    presets = {}
    for name, values in settings.chat_presets.items():
        if unknown := [each for each in values if each not in PARAMETERS]:
            fail(f"chat_presets.{name}: {unknown[0]} is no parameter; there are {', '.join(PARAMETERS)}.")
        try:
            presets[name] = checked({each: str(value) for each, value in values.items()})
        except Invalid as wrong:
            fail(f"chat_presets.{name}.{wrong.field}: {wrong.detail}")
    return ChatRules(presets, account=settings.chat_account == "required")


def judges_of(settings: Settings) -> "Judges":
    """Who looks at what is written in chat: the filter, and what the reward model says."""
    from espalier.chat.filtering import Filter, Toxicities, in_process
    from espalier.chat.scoring import Judges, Scoring
    from espalier.safety.toxicity import NotAModel, read_model

    servers = {url: Scoring(url) for url in (settings.chat_filter, settings.chat_rewards) if url and "://" in url}
    safety: Filter | None = None
    if settings.chat_filter:
        toxicities: Toxicities
        if settings.chat_filter in servers:
            toxicities = servers[settings.chat_filter].toxicities
        else:
            try:
                model = read_model(Path(settings.chat_filter))
            except OSError as error:
                fail(f"chat_filter: {settings.chat_filter} cannot be read: {error.strerror}.")
            except NotAModel as wrong:
                fail(f"chat_filter: {wrong}.")
            toxicities = in_process(model.score)
            _say_what_takes_out_nothing(settings, model)
        levels = [None if level >= 1 else level for level in (settings.chat_filter_said, settings.chat_filter_written)]
        safety = Filter(toxicities, *levels)
    rewards = servers[settings.chat_rewards].rewards if settings.chat_rewards else None
    return Judges(safety, rewards, [*servers.values()])


def _say_what_takes_out_nothing(settings: Settings, model: "ToxicityModel") -> None:
    """Of levels that next to none of the texts reaches that the model learned from."""
    for name in ("chat_filter_said", "chat_filter_written"):
        level = getattr(settings, name)
        if model.reached and max(model.reached.values()) < level < 1:
            err.print(
                f"{name} is {level:g}, so it takes out next to nothing: of the texts that its model learned from, "
                f"{reached(model)}.",
                style="yellow", markup=False,
            )  # fmt: skip
