"""An issuer of signed tokens that serves its discovery document and keys over HTTP: RS256, ES256 and EdDSA."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "ntm-intake"
UNITS, CRITERIA = ["184"], ["ntm-11", "ntm-12"]


@dataclass
class SigningKey:
    kid: str
    alg: str
    private: Any

    @classmethod
    def make(cls, kid: str, alg: str) -> Self:
        match alg:
            case "RS256":
                return cls(kid, alg, rsa.generate_private_key(65537, 2048))
            case "ES256":
                return cls(kid, alg, ec.generate_private_key(ec.SECP256R1()))
            case _:
                return cls(kid, alg, ed25519.Ed25519PrivateKey.generate())

    @property
    def public(self) -> Any:
        return self.private.public_key()

    def jwk(self) -> dict[str, Any]:
        kinds: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
        return {**kinds[self.alg].to_jwk(self.public, as_dict=True), "kid": self.kid, "alg": self.alg, "use": "sig"}


@dataclass
class TokenIssuer:
    """An issuer that serves while its `with` block runs; `asked` counts the requests for each path."""

    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey.make("first", "RS256")])
    asked: Counter[str] = field(default_factory=Counter)
    is_away: bool = False
    named: str | None = None
    """The issuer's name in its discovery document; None: its URL."""

    def __enter__(self) -> Self:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                status, headers, document = issuer.answer(self.path, body, self.headers.get("Authorization", ""))
                content = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815 - the name that http.server looks for

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, _body: str, _authorization: str) -> tuple[int, dict[str, str], Any]:
        """Return the status, headers and document that answer a request."""
        self.asked[path] += 1
        return 503 if self.is_away else 200, {}, self._documents().get(path, {})

    def _documents(self) -> dict[str, Any]:
        return {
            "/.well-known/openid-configuration": {"issuer": self.named or self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [key.jwk() for key in self.keys]},
        }

    def token(self, key: SigningKey | None = None, *, without: str = "", headers: Any = None, **changes: Any) -> str:
        """Return a token that is valid except for the changes."""
        key = key or self.keys[0]
        claims = self.claims(**changes)
        claims.pop(without, None)
        return jwt.encode(claims, key.private, key.alg, {"kid": key.kid, **(headers or {})})

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        ordinary = {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
            "sub": "client-7",
            "azp": "Sở LĐTBXH",
            "ntm_units": UNITS,
            "ntm_criteria": CRITERIA,
        }
        return {**ordinary, **changes}


@dataclass
class PeopleIssuer(TokenIssuer):
    """An issuer at which one person is signed in already: the code flow, with PKCE (S256) and a client's secret."""

    client_id: str = "ntm-pages"
    client_secret: str | None = "secret-of-the-pages"
    person: dict[str, Any] = field(default_factory=dict)
    """The claims about the person, and others in the place of the token's ordinary ones."""
    refuses: str | None = None
    """The error with which it sends people back."""
    tampered: str | None = None
    """A token in the place of its own."""
    begun: list[dict[str, str]] = field(default_factory=list)
    """What browsers have asked for, by the number that is the code."""

    def answer(self, path: str, body: str, authorization: str) -> tuple[int, dict[str, str], Any]:
        """Return the status, headers and document that answer a request."""
        address = urlsplit(path)
        if address.path == "/authorize":
            return self._authorize(dict(parse_qsl(address.query)))
        if address.path == "/token" and not self.is_away:
            return self._redeem(dict(parse_qsl(body)), authorization)
        return super().answer(path, body, authorization)

    def _documents(self) -> dict[str, Any]:
        documents = super()._documents()
        documents["/.well-known/openid-configuration"] |= {
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        }
        return documents

    def _authorize(self, asked: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        is_asked_well = (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        if not is_asked_well or asked["client_id"] != self.client_id or "openid" not in asked["scope"].split():
            return 400, {}, {}
        self.begun.append(asked)
        found = {"error": self.refuses} if self.refuses else {"code": str(len(self.begun) - 1)}
        back = urlencode({**found, "state": asked["state"], "iss": self.url})
        return 302, {"Location": f"{asked['redirect_uri']}?{back}"}, {}

    def _redeem(self, sent: dict[str, str], authorization: str) -> tuple[int, dict[str, str], Any]:
        asked = self.begun[int(sent["code"])]
        self.begun[int(sent["code"])] = {}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).decode()
        known_as = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        is_client = authorization == f"Basic {known_as}" if self.client_secret else sent["client_id"] == self.client_id
        is_begun = (asked.get("redirect_uri"), asked.get("code_challenge")) == (
            sent["redirect_uri"],
            challenge.rstrip("="),
        )
        if not is_client or not is_begun or sent["grant_type"] != "authorization_code":
            return 400, {}, {"error": "invalid_grant"}
        ordinary = {"aud": self.client_id, "azp": self.client_id, "nonce": asked["nonce"]}
        token = self.tampered or self.token(**{**ordinary, **self.person})
        return 200, {}, {"id_token": token, "access_token": "access", "token_type": "Bearer", "expires_in": 60}
