"""Where people may have an account elsewhere to sign in with: what the settings say, and what is known of some.

Knows addresses; what is said there and back is elsewhere.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from espalier.domain.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Provider:
    """`issuer`: under which accounts are known here. `kind`: `oidc`, `github` or `discord`.

    authorize, token, api: addresses of those that publish no description of themselves.
    """

    name: str
    title: str
    client_id: str
    client_secret: str
    issuer: str
    kind: str = "oidc"
    scope: str = "openid email profile"
    authorize: str = ""
    token: str = ""
    api: str = ""


@dataclass(frozen=True, slots=True)
class Trip:
    """One way there and back: what must come back, and what proves that it is the same browser."""

    state: str
    nonce: str
    verifier: str
    back: str


class Unreachable(Unauthenticated):
    """The other side did not answer, or said no."""


KNOWN: Final[Mapping[str, Mapping[str, str]]] = {
    "google": {"title": "Google", "issuer": "https://accounts.google.com"},
    "github": {
        "title": "GitHub",
        "issuer": "https://github.com",
        "kind": "github",
        "scope": "read:user user:email",
        "authorize": "https://github.com/login/oauth/authorize",
        "token": "https://github.com/login/oauth/access_token",
        "api": "https://api.github.com",
    },
    "discord": {
        "title": "Discord",
        "issuer": "https://discord.com",
        "kind": "discord",
        "scope": "identify email",
        "authorize": "https://discord.com/oauth2/authorize",
        "token": "https://discord.com/api/oauth2/token",
        "api": "https://discord.com/api",
    },
}


def providers_of(given: Mapping[str, Mapping[str, str]]) -> tuple[Provider, ...]:
    """What the settings say, over what is known of Google, GitHub and Discord."""
    return tuple(Provider(**{"name": name, "title": name, **KNOWN.get(name, {}), **own}) for name, own in given.items())
