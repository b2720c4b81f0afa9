"""Signing in at the issuer by OpenID Connect's code flow with PKCE.

The issuer proves who somebody is. What the person may do stands in the account here, which knows no password.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from typing import Any, Self

import jwt
import structlog
from pydantic import SecretStr

from shared.access.accounts import account_name
from shared.access.oidc_signing_keys import SigningKeys, discovered
from shared.access.oidc_tokens import ALGORITHMS, claims_of
from shared.access.sign_in import RefusedError
from shared.problems import Problem, Problems
from shared.settings import Settings
from shared.texts import phrase
from shared.user_agent import USER_AGENT

log = structlog.get_logger()

_TIMEOUT_SECONDS = 5
_SCOPE = "openid profile email"
_EMAIL = "email"


class IssuerSignIn:
    """The issuer at which people sign in who have no password here.

    What a browser has to bring back (`state`), what the token has to name (`nonce`) and what only the service knows
    until then (PKCE's verifier) are made of one secret, which the browser keeps in a cookie meanwhile.
    """

    def __init__(
        self, issuer: str, client_id: str, client_secret: SecretStr | None, name_claim: str, keys: SigningKeys
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._name_claim = name_claim
        self._keys = keys

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Return the issuer of the settings; None where they name none at which people sign in."""
        if not settings.oidc_issuer or not settings.oidc_client_id:
            return None
        keys = SigningKeys(settings.oidc_issuer, settings.oidc_jwks_url, ALGORITHMS)
        return cls(
            settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, settings.oidc_name_claim, keys
        )

    async def address(self, secret: str, back: str) -> str:
        """Return the address at the issuer, which sends the browser `back` afterwards. Raises RefusedError."""
        endpoint = await self._endpoint("authorization_endpoint")
        address, _ = self._client(back).create_authorization_url(
            endpoint,
            state=_derived(secret, b"state"),
            nonce=_derived(secret, b"nonce"),
            code_verifier=_derived(secret, b"verifier"),
        )
        return str(address)

    async def name(self, secret: str, back: str, answer: Mapping[str, str]) -> str:
        """Return the name of the account whose person the issuer's `answer` to this browser proves.

        Raises RefusedError.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), _derived(secret, b"state").encode()):
            raise RefusedError(phrase("access.issuer_again"))
        if "error" in answer:
            raise RefusedError(phrase("access.issuer_refused"))
        if answer.get("iss", self._issuer) != self._issuer or not answer.get("code"):
            raise RefusedError(phrase("access.issuer_again"))
        endpoint = await self._endpoint("token_endpoint")
        token = await self._redeemed(endpoint, back, answer["code"], _derived(secret, b"verifier"))
        try:
            claims = await claims_of(token, self._keys, issuer=self._issuer, audience=self._client_id)
        except Problem as problem:
            if problem.kind is Problems.UNAVAILABLE:
                raise RefusedError(phrase("access.issuer_away")) from None
            raise RefusedError(phrase("access.issuer_again")) from None
        is_for_us = claims.get("azp", self._client_id) == self._client_id
        if not is_for_us or claims.get("nonce") != _derived(secret, b"nonce"):
            raise RefusedError(phrase("access.issuer_again"))
        return self._name(claims)

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self._name_claim)
        is_proved = self._name_claim != _EMAIL or claims.get("email_verified") is True
        try:
            return account_name(name if isinstance(name, str) and is_proved else "")
        except ValueError:
            raise RefusedError(phrase("access.issuer_no_name")) from None

    async def _endpoint(self, name: str) -> str:
        try:
            address = (await asyncio.to_thread(discovered, self._issuer)).get(name)
        except (jwt.PyJWTError, OSError, ValueError) as error:
            raise self._away(error) from None
        if not isinstance(address, str):
            raise self._away(ValueError(f"its discovery document names no {name}"))
        return address

    async def _redeemed(self, endpoint: str, back: str, code: str, verifier: str) -> str:
        """Return the token that the issuer gives for the code."""
        from authlib.integrations.requests_client import OAuthError

        try:
            answer = await asyncio.to_thread(
                self._client(back).fetch_token, endpoint, code=code, code_verifier=verifier, allow_redirects=False
            )
        except OAuthError as error:
            log.warning("the issuer gave no token", issuer=self._issuer, error=error.error)
            raise RefusedError(phrase("access.issuer_again")) from None
        except (OSError, ValueError) as error:
            raise self._away(error) from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise self._away(ValueError("its answer has no id_token"))
        return token

    def _client(self, back: str) -> Any:
        # loaded by those alone that have an issuer
        from authlib.integrations.requests_client import OAuth2Session

        secret = self._client_secret.get_secret_value() if self._client_secret else None
        session = OAuth2Session(
            self._client_id,
            secret,
            scope=_SCOPE,
            redirect_uri=back,
            code_challenge_method="S256",
            default_timeout=_TIMEOUT_SECONDS,
        )
        session.headers["User-Agent"] = USER_AGENT
        return session

    def _away(self, error: Exception) -> RefusedError:
        log.warning("the issuer cannot be used", issuer=self._issuer, error=type(error).__name__)
        return RefusedError(phrase("access.issuer_away"))


def _derived(secret: str, use: bytes) -> str:
    return hmac.digest(secret.encode(), use, "sha256").hex()
