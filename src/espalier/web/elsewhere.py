"""Signing in with an account elsewhere: OpenID Connect with any issuer, and OAuth with GitHub and Discord.

The protocol is Authlib's; the requests are httpx's. Knows no accounts of ours and no pages. Loaded when somebody first
sets out: what Authlib brings is a tenth of a server's start.
"""

import logging
import ssl
import time
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from espalier.collect.ways import Proof, clean_address
from espalier.domain.errors import Invalid
from espalier.web.providers import Provider, Trip, Unreachable

log = logging.getLogger(__name__)
PATIENCE_S: Final = 10
LEEWAY_S: Final = 60
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")


def way_there(provider: Provider, trip: Trip) -> str:
    """The address to which the browser is sent. Blocks. Raises Unreachable."""
    authorize = provider.authorize or str(_described(provider)["authorization_endpoint"])
    more = {"code_challenge": create_s256_code_challenge(trip.verifier), "code_challenge_method": "S256"}
    if provider.kind == "oidc":
        more["nonce"] = trip.nonce
    address: str = prepare_grant_uri(
        authorize, provider.client_id, "code", redirect_uri=trip.back, scope=provider.scope, state=trip.state, **more
    )
    return address


def proof_of(provider: Provider, trip: Trip, code: str) -> Proof:
    """Who came back with this code. Blocks. Raises Unreachable."""
    described = _described(provider) if provider.kind == "oidc" else {}
    try:
        with httpx.Client(timeout=PATIENCE_S, headers={"Accept": "application/json"}, verify=_trusted()) as client:
            given = _exchanged(provider, described, trip, code, client)
            if provider.kind == "oidc":
                return _by_id_token(provider, described, trip, given, client)
            client.headers["Authorization"] = f"Bearer {given['access_token']}"
            return _by_github(provider, client) if provider.kind == "github" else _by_discord(provider, client)
    except (httpx.HTTPError, AuthlibBaseError, JoseError, KeyError, ValueError, TypeError) as error:
        raise _unreachable(provider) from error


@cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates are believed; reading them takes a while."""
    return httpx.create_ssl_context()


def _unreachable(provider: Provider) -> Unreachable:
    log.warning("%s did not confirm who somebody is", provider.name, exc_info=True)
    return Unreachable("Your account there was not confirmed. Try again, or sign in another way.")


def _described(provider: Provider) -> Mapping[str, Any]:
    """What an issuer publishes of itself."""
    address = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        answer = httpx.get(address, timeout=PATIENCE_S, verify=_trusted())
        answer.raise_for_status()
        described: Mapping[str, Any] = answer.json()
        if described["issuer"].rstrip("/") != provider.issuer.rstrip("/"):
            raise ValueError("another issuer")
        described["authorization_endpoint"], described["token_endpoint"], described["jwks_uri"]
    except (httpx.HTTPError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _unreachable(provider) from error
    return described


def _exchanged(
    provider: Provider, described: Mapping[str, Any], trip: Trip, code: str, client: httpx.Client
) -> Mapping[str, Any]:
    """The tokens for a code."""
    body = prepare_token_request(
        "authorization_code", code=code, redirect_uri=trip.back, code_verifier=trip.verifier
    )  # fmt: skip
    offered = described.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    by_header = provider.kind == "oidc" and "client_secret_basic" in offered
    method = "client_secret_basic" if by_header else "client_secret_post"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    address, headers, body = ClientAuth(provider.client_id, provider.client_secret, method).prepare(
        "POST", provider.token or described["token_endpoint"], headers, body
    )
    answer = client.post(address, data=dict(parse_qsl(body)), headers=headers)
    answer.raise_for_status()
    tokens: Mapping[str, Any] = answer.json()
    return tokens


def _by_id_token(
    provider: Provider, described: Mapping[str, Any], trip: Trip, given: Mapping[str, Any], client: httpx.Client
) -> Proof:
    keys = KeySet.import_key_set(client.get(described["jwks_uri"]).raise_for_status().json())
    token = jwt.decode(given["id_token"], keys, algorithms=list(ALGORITHMS))
    claims = CodeIDToken(
        token.claims,
        token.header,
        {
            "iss": {"essential": True, "value": described["issuer"]},
            "aud": {"essential": True, "value": provider.client_id},
        },
        {"nonce": trip.nonce, "client_id": provider.client_id, "access_token": given.get("access_token")},
    )
    claims.validate(now=int(time.time()), leeway=LEEWAY_S)
    if claims.get("nonce") != trip.nonce:
        raise ValueError("another nonce")
    address = _address(claims.get("email")) if claims.get("email_verified") in (True, "true") else None
    label = claims.get("email") or claims.get("preferred_username") or claims.get("name") or claims["sub"]
    return Proof(provider.issuer, str(claims["sub"]), str(label), address)


def _by_github(provider: Provider, client: httpx.Client) -> Proof:
    user = client.get(f"{provider.api}/user").raise_for_status().json()
    listed: Iterable[Mapping[str, Any]] = client.get(f"{provider.api}/user/emails").raise_for_status().json()
    address = next((_address(each["email"]) for each in listed if each["primary"] and each["verified"]), None)
    return Proof(provider.issuer, str(user["id"]), str(user["login"]), address)


def _by_discord(provider: Provider, client: httpx.Client) -> Proof:
    user = client.get(f"{provider.api}/users/@me").raise_for_status().json()
    address = _address(user.get("email")) if user.get("verified") is True else None
    return Proof(provider.issuer, str(user["id"]), str(user["username"]), address)


def _address(given: object) -> str | None:
    try:
        return clean_address(str(given)) if given else None
    except Invalid:
        return None
