"""A small OpenID provider of one's own, over real HTTP: it describes itself, asks nobody, and signs what it says.

It answers as GitHub does too. `user`: who is at the browser; `spoil`: what the next ID token says otherwise.
"""

import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import uvicorn
from authlib.common.encoding import to_unicode, urlsafe_b64encode
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "espalier", "a secret between the two"


@dataclass
class Issuer:
    address: str = ""
    user: dict[str, Any] = field(
        default_factory=lambda: {"sub": "42", "email": "iris@example.org", "email_verified": True}
    )
    spoil: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    signs_with: RSAKey | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _tokens: set[str] = field(default_factory=set)

    def described(self, _: Request) -> Response:
        return JSONResponse({
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
        })  # fmt: skip

    def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        self.asked.append(asked)
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}")

    async def token(self, request: Request) -> Response:
        form = dict(await request.form())
        asked = self._codes.pop(str(form.get("code")), None)
        given = to_unicode(urlsafe_b64encode(sha256(str(form.get("code_verifier")).encode()).digest()))
        by_form = form.get("client_id") == CLIENT and form.get("client_secret") == SECRET
        known = by_form or request.headers.get("authorization", "").startswith("Basic ")
        fits = asked and asked["code_challenge"] == given and asked["redirect_uri"] == form["redirect_uri"]
        if not known or not fits or asked is None:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        access = secrets.token_urlsafe(8)
        self._tokens.add(access)
        now = int(time.time())
        claims = {
            "iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked.get("nonce"),
            **self.user, **self.spoil,
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signs_with or self.key)
        return JSONResponse({"access_token": access, "token_type": "Bearer", "id_token": signed})

    def github_user(self, request: Request) -> Response:
        return self._shown(request, {"id": int(self.user["sub"]), "login": "iris"})

    def github_emails(self, request: Request) -> Response:
        address = {"email": self.user["email"], "primary": True, "verified": self.user["email_verified"]}
        return self._shown(request, [{"email": "old@example.org", "primary": False, "verified": True}, address])

    def _shown(self, request: Request, said: object) -> Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
            return JSONResponse({}, status_code=401)
        return JSONResponse(said)


@contextmanager
def issuing() -> Iterator[Issuer]:
    """The provider, listening until the end of the block."""
    made = Issuer()
    app = Starlette(routes=[
        Route("/.well-known/openid-configuration", made.described),
        Route("/jwks", made.keys),
        Route("/authorize", made.authorize),
        Route("/token", made.token, methods=["POST"]),
        Route("/user", made.github_user),
        Route("/user/emails", made.github_emails),
    ])  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        made.address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        thread = Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            yield made
        finally:
            server.should_exit = True
            thread.join()
