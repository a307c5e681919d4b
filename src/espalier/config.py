"""The settings of a server: what `espalier.toml` and the variables ESPALIER_* say, checked, with a sentence each.

Read by the command line and by web/app.py, which hand plain values down; no other room knows that there are settings.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from espalier.domain.errors import Invalid
from espalier.domain.parameter import InvalidPolicy, spelled
from espalier.domain.policy import PARAMETERS, PROFILES, CampaignPolicy

FILE: Final = Path("espalier.toml")
PREFIX: Final = "ESPALIER_"
DEFAULT: Final = "default"


class InvalidSettings(Invalid):
    """Settings that cannot be: `detail` has a line for each, with its place and what would be right."""

    slug, title = "invalid-settings", "The settings are not valid"


class _InvalidPolicies(ValueError):
    """All that is wrong in the table of the policy."""

    def __init__(self, faults: Sequence[InvalidPolicy]) -> None:
        super().__init__("no policy")
        self.faults = faults


def _policy(given: object) -> CampaignPolicy:
    """The table `[policy]` with its `[policy.langs.xx]`. Raises ValueError."""
    if isinstance(given, CampaignPolicy):
        return given
    if not isinstance(given, Mapping):
        raise ValueError("no table")
    faults: list[InvalidPolicy] = []
    left: Mapping[str, object] | None = given
    while left is not None:
        base = {name: value for name, value in left.items() if name != "langs"}
        try:
            policy = CampaignPolicy.from_mapping({"base": base, "langs": left.get("langs", {})})
        except InvalidPolicy as invalid:
            # What is too large beside a default need not be too large beside what was meant.
            if not faults or "largest" not in invalid.values:
                faults.append(invalid)
            left = _without(left, (invalid.field or "").split("."))
        else:
            break
    if faults:
        raise _InvalidPolicies(faults)
    return policy


def _without(table: Mapping[str, Any], path: Sequence[str]) -> Mapping[str, Any] | None:
    """The table without the value at this path, so that one sees what else is wrong; None where none is there."""
    first, *further = path
    if first not in table:
        return None
    if not further:
        return {name: value for name, value in table.items() if name != first}
    inner = _without(table[first], further) if isinstance(table[first], Mapping) else None
    return None if inner is None else {**table, first: inner}


KNOWN_PROVIDERS: Final = ("google", "github", "discord")
OF_A_PROVIDER: Final = ("client_id", "client_secret", "title", "issuer", "scope", "authorize", "token", "api", "kind")


def _providers(given: object) -> Mapping[str, Mapping[str, str]]:
    """The tables `[providers.xx]`."""
    if not isinstance(given, Mapping):
        raise ValueError("no table")
    for name, own in given.items():
        if not re.fullmatch(r"[a-z0-9-]{1,40}", name) or not isinstance(own, Mapping):
            raise ValueError("no table of a provider")
        needed = {"client_id", "client_secret"} | (set() if name in KNOWN_PROVIDERS else {"issuer"})
        if not needed <= set(own) <= set(OF_A_PROVIDER) or not all(isinstance(each, str) for each in own.values()):
            raise ValueError("not what a provider needs")
    return given


OF_A_MODEL: Final = ("url", "at_server", "key", "title", "system")
NUMBERS_OF_A_MODEL: Final = {"best_of": (1, 16), "at_once": (1, 1_000), "context": (64, 100_000_000)}
"""With the least and the most."""
SUPPORTABLE: Final = ("temperature", "top_p", "top_k", "max_tokens", "seed")
"""The parameters of a reply of which a model's server may take some."""


def _models(given: object) -> Mapping[str, Mapping[str, Any]]:
    """The tables `[models.xx]`."""
    if not isinstance(given, Mapping):
        raise ValueError("no table")
    for name, own in given.items():
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,80}", name) or not isinstance(own, Mapping):
            raise ValueError("no table of a model")
        numbers = {field: value for field, value in own.items() if field in NUMBERS_OF_A_MODEL}
        supports = own.get("supports", [])
        words = {field: value for field, value in own.items() if field not in numbers and field != "supports"}
        if (
            "url" not in own
            or not set(words) <= set(OF_A_MODEL)
            or not all(isinstance(each, str) for each in words.values())
            or not isinstance(supports, list)
            or not all(each in SUPPORTABLE for each in supports)
            or not all(type(each) is int for each in numbers.values())
            or not all(
                least <= numbers.get(field, least) <= most for field, (least, most) in NUMBERS_OF_A_MODEL.items()
            )
        ):
            raise ValueError("not what a model needs")
    return given


def _presets(given: object) -> Mapping[str, Mapping[str, int | float]]:
    """The tables `[chat_presets.xx]`."""
    if not isinstance(given, Mapping):
        raise ValueError("no table")
    for name, values in given.items():
        if not 1 <= len(name) <= 40 or not isinstance(values, Mapping):
            raise ValueError("no table of a preset")
        if not all(type(value) in (int, float) for value in values.values()):
            raise ValueError("no numbers")
    return given


def _setting(says: str, wants: str, default: Any = ..., *, secret: bool = False, **rules: Any) -> Any:
    """`says` is the sentence of the documentation; `wants` ends the sentence "port is 'x', but must be ...\"";
    `secret`: the value is never shown."""
    return Field(default, description=says, json_schema_extra={"wants": wants, "secret": secret}, **rules)


class Settings(BaseSettings):
    """Made by `read_settings`. The environment goes before what is handed in, which is what the file says."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, validate_default=False
    )

    data_dir: Path = _setting("The folder for the database, exports and backups.", "a path", Path("var"))
    database_url: str = _setting(
        "The database: an SQLite file (by default espalier.db in data_dir) or a PostgreSQL server.",
        "an address such as sqlite:///var/espalier.db or postgresql://user:password@host/name",
        pattern=r"^(sqlite|postgresql)(\+\w+)?://.+",
        default_factory=lambda settings: f"sqlite:///{settings['data_dir']}/espalier.db",
    )
    host: str = _setting("The address to listen on; 0.0.0.0 is all of them.", "a host name or address", "127.0.0.1")
    port: int = _setting("The port to listen on.", "a whole number from 1 to 65,535", 8000, ge=1, le=65_535)
    public_url: str | None = _setting(
        "Where people reach the server, if a proxy stands before it.",
        "an address such as https://trees.example.org",
        None,
        pattern=r"^https?://[^\s/]+",
    )
    mail_host: str | None = _setting(
        "The SMTP server for mails; without one, nobody signs in by e-mail, but on a machine of one's own.",
        "a host name or address",
        None,
    )
    mail_port: int = _setting("Its port.", "a whole number from 1 to 65,535", 587, ge=1, le=65_535)
    mail_tls: Literal["starttls", "tls", "none"] = _setting(
        "How the connection to it is encrypted.", "starttls, tls or none", "starttls"
    )
    mail_user: str | None = _setting("The name with which to sign in there.", "a name", None)
    mail_password: str | None = _setting("The password that belongs to it.", "a password", None, secret=True)
    mail_from: str | None = _setting(
        "The address from which mails come; needed with mail_host.",
        "an address such as trees@example.org",
        None,
        pattern=r"^[^\s<>]+@[^\s<>]+$|^[^<>\r\n]+ <[^\s<>]+@[^\s<>]+>$",
    )
    providers: Annotated[Mapping[str, Mapping[str, str]], PlainValidator(_providers)] = _setting(
        "Accounts elsewhere with which people may sign in: google, github, discord, or any OpenID Connect issuer.",
        "a table for each, with client_id and client_secret, and with title and issuer where it is another one",
        {},
        secret=True,
    )
    models: Annotated[Mapping[str, Mapping[str, Any]], PlainValidator(_models)] = _setting(
        "The models that people may chat with, each on a server that speaks OpenAI's chat interface; without any, "
        "chat is switched off.",
        "a table for each, with url, and with at_server (its name there), key, title, system, context (tokens of "
        "prompt and reply together, where the server does not tell), at_once (replies at a time, by default 8), "
        "supports (a list of the parameters that the server takes, of temperature, top_p, top_k, max_tokens and seed; "
        "by default all but top_k) and best_of (1 to 16; so many replies are drawn and the best is shown) where they "
        "are needed",
        {},
        secret=True,
    )
    chat: bool = _setting("Whether people may chat with the models; without it conversations are only read.",
                          "true or false", True)  # fmt: skip
    chat_account: Literal["required", "optional"] = _setting(
        "Whether people need an account to chat; without one their conversations stay in their browser for a day, and "
        "never become part of the data.",
        "required or optional",
        "required",
    )
    chat_filter: str | None = _setting(
        "What tells how toxic words in chat are: a file of `espalier safety train`, or the address of a model server "
        "that was begun with --moderation. Without it nothing is filtered.",
        "a path, or an address such as http://127.0.0.1:8001",
        None,
    )
    chat_filter_said: float = _setting(
        "So toxic, what people write is not passed on to a model; 1 lets everything pass.",
        "a number from 0 to 1",
        0.8,
        ge=0,
        le=1,
    )
    chat_filter_written: float = _setting(
        "So toxic, what a model writes is not shown; 1 lets everything pass.", "a number from 0 to 1", 0.6, ge=0, le=1
    )
    chat_rewards: str | None = _setting(
        "A model server that was begun with --reward: it finds the best of several replies, and what it says of each "
        "reply is counted at /admin/models.",
        "an address such as http://127.0.0.1:8001",
        None,
        pattern=r"^https?://[^\s/]+",
    )
    chat_presets: Annotated[Mapping[str, Mapping[str, int | float]], PlainValidator(_presets)] = _setting(
        "Ways to draw replies that people may choose in chat, by the name that they read.",
        "a table for each, such as [chat_presets.Cautious] with temperature = 0.3",
        {},
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "The least important lines that are logged.", "debug, info, warning or error", "info"
    )
    log_format: Literal["text", "json"] = _setting(
        "How the log is written: for people or for programs.", "text or json", "text"
    )
    policy: Annotated[CampaignPolicy, PlainValidator(_policy)] = _setting(
        "The policy that a new campaign starts with; later an administrator changes it through the API.",
        "a table of parameters: [policy] in the file, a JSON object in the environment",
        CampaignPolicy(),
    )
    _sources: dict[str, str] = {}

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        return env_settings, init_settings

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine's users reach the server."""
        return self.host in ("127.0.0.1", "::1", "localhost") and self.public_url is None

    @property
    def address(self) -> str:
        """Where the server is reached, as a person would type it."""
        return (self.public_url or self.here).rstrip("/")

    @property
    def here(self) -> str:
        """Where programs of this machine reach the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def place(self, name: str) -> str:
        """What sets it, for people: the file where that holds, else the variable."""
        variable = _variable(name)
        source = self._sources.get(name, variable)
        return variable if source == variable else f"{name} in {source}"


FIELDS: Final[Mapping[str, FieldInfo]] = Settings.model_fields


def read_settings(file: Path = FILE) -> Settings:
    """The environment over the file over the defaults. Raises InvalidSettings."""
    given = _of_file(file)
    faults = [f"{file}: {name} is no setting; {_nearest(name)}" for name in given if name not in FIELDS]
    faults += _misspelled_variables()
    given = {name: value for name, value in given.items() if name in FIELDS}
    try:
        settings = Settings(**given)
    except ValidationError as invalid:
        faults += [sentence for error in invalid.errors() for sentence in _faults(error, file)]
    except SettingsError:
        name = next((each for each in ("policy", "models", "chat_presets") if not _is_json(each)), "providers")
        faults.append(f"{_variable(name)} is no JSON, but must be {wants(name)}.")
    else:
        faults += _lacking(settings)
    if faults:
        raise InvalidSettings("\n".join(dict.fromkeys(faults)))
    settings._sources.update(_sources(given, file))
    return settings


def _lacking(settings: Settings) -> Iterator[str]:
    """What must be set because something else is."""
    if not settings.chat_rewards and any(each.get("best_of", 1) > 1 for each in settings.models.values()):
        yield f"A model has a best_of, so chat_rewards must be {wants('chat_rewards')}."
    if settings.mail_host and not settings.mail_from:
        yield f"There is a mail_host, so mail_from must be {wants('mail_from')}."


def _of_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidSettings(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidSettings(f"{file} is not a text in UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(f"{file} is not valid TOML: {error}.") from None


def _is_json(name: str) -> bool:
    try:
        json.loads(os.environ.get(_variable(name)) or "{}")
    except ValueError:
        return False
    return True


def _nearest(name: str) -> str:
    if name in PARAMETERS:
        return "it is a parameter of the policy, so it belongs under [policy]."
    near = get_close_matches(name, FIELDS, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(FIELDS)}."


def _misspelled_variables() -> Iterator[str]:
    """Other programs may share the prefix, so only what is nearly one of ours is a mistake."""
    variables = [_variable(name) for name in FIELDS]
    for name in os.environ:
        if name.startswith(PREFIX) and name not in variables and (near := get_close_matches(name, variables, 1, 0.9)):
            yield f"{name} is no setting; did you mean {near[0]}?"


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def wants(name: str) -> str:
    """What would be right for a setting, in words."""
    extra = FIELDS[name].json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["wants"])


def _is_secret(name: str) -> bool:
    extra = FIELDS[name].json_schema_extra if name in FIELDS else None
    return isinstance(extra, dict) and bool(extra["secret"])


def _faults(error: Any, file: Path) -> Iterator[str]:
    name = str(error["loc"][0])
    place = _variable(name) if os.environ.get(_variable(name)) else f"{file}: {name}"
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, _InvalidPolicies):
        for each in cause.faults:
            yield f"{place}.{each.field} {each.reason}{'' if each.reason.endswith('?') else '.'}"
        return
    shown = "***" if _is_secret(name) else _hidden(str(error["input"]))
    yield f"{place} is {shown!r}, but must be {wants(name)}."


def _sources(given: Mapping[str, Any], file: Path) -> Iterator[tuple[str, str]]:
    """Where each setting, and each parameter of the policy, comes from."""
    for name in FIELDS:
        if os.environ.get(_variable(name)):
            yield name, _variable(name)
        elif name in given:
            yield name, str(file)
    variable = json.loads(os.environ.get(_variable("policy")) or "{}")
    for policy, source in ((given.get("policy", {}), str(file)), (variable, _variable("policy"))):
        for name, value in policy.items():
            match name:
                case "langs":
                    yield from ((f"policy.langs.{lang}.{each}", source) for lang in value for each in value[lang])
                case "profile":
                    profile = PROFILES[value]
                    differs = [each for each in PARAMETERS if getattr(profile, each) != PARAMETERS[each].default]
                    yield from ((f"policy.{each}", f"{source}, profile {value}") for each in differs)
                case _:
                    yield f"policy.{name}", source


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting as it stands: its value as text (secrets hidden), where that comes from, and what it means."""

    name: str
    value: str
    source: str
    says: str


def in_force(settings: Settings) -> list[InForce]:
    """Every setting and every parameter of the policy that the settings hold, in the order of the documentation."""
    policy = settings.policy
    found = [
        *((name, getattr(settings, name), field.description or "") for name, field in FIELDS.items()),
        *((f"policy.{name}", getattr(policy.base, name), each.says) for name, each in PARAMETERS.items()),
        *(
            (f"policy.langs.{lang}.{name}", value, PARAMETERS[name].says)
            for lang, values in policy.langs.items()
            for name, value in values.items()
        ),
    ]
    return [
        InForce(name, _shown(name, value), settings._sources.get(name, DEFAULT), says)
        for name, value, says in found
        if name != "policy"
    ]


def _shown(name: str, value: object) -> str:
    if not _is_secret(name):
        return _hidden(_text(value))
    if isinstance(value, Mapping):
        return ", ".join(value) or "none"
    return "***" if value else "none"


def _text(value: object) -> str:
    match spelled(value):
        case None:
            return "none"
        case bool(yes):
            return "true" if yes else "false"
        case list(items):
            return ", ".join(items) or "none"
        case dict(table):
            said = (f"({_text(each)})" if isinstance(each, dict) else f"{each:g}" for each in table.values())
            return ", ".join(f"{name} {value}" for name, value in zip(table, said, strict=True)) or "none"
        case other:
            return str(other)


def _hidden(text: str) -> str:
    """The text without the password of an address."""
    text = re.sub(r"(://[^:/@\s]*:).*@", r"\1***@", text)
    return re.sub(r"([?&][a-z]*password=)[^&\s]*", r"\1***", text)
