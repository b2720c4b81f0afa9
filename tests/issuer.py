"""An issuer of signed tokens that serves its discovery document and keys over HTTP: RS256, ES256 and EdDSA."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

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
                issuer.asked[self.path] += 1
                body = json.dumps(issuer._documents().get(self.path, {})).encode()
                self.send_response(503 if issuer.is_away else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

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
