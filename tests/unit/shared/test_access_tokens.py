"""Tokens of an OpenID Connect issuer, which the tests run themselves."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from shared.access.oidc_tokens import TOKEN_LENGTH, Issuer
from shared.contracts.bilingual import Bilingual
from shared.problems import Problem, Problems
from shared.settings import Settings
from tests.issuer import AUDIENCE, SigningKey, TokenIssuer


@pytest.fixture
def server() -> Iterator[TokenIssuer]:
    with TokenIssuer() as running:
        yield running


@pytest.fixture
def issuer(server: TokenIssuer) -> Issuer:
    return of(server)


def of(server: TokenIssuer, **changes: Any) -> Issuer:
    found = Issuer.of(settings(oidc_issuer=server.url, oidc_audience=AUDIENCE, **changes))
    assert found
    return found


def settings(**changes: Any) -> Settings:
    return Settings(database_url=SecretStr("postgresql+asyncpg://nowhere"), **changes)


async def refusal(issuer: Issuer, token: str) -> Problem:
    with pytest.raises(Problem) as caught:
        await issuer.caller(token)
    assert token not in str(caught.value.document("vi"))
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
async def test_a_good_token_names_the_agency_and_its_scope(server: TokenIssuer, issuer: Issuer, alg: str) -> None:
    server.keys = [SigningKey.make("only", alg)]
    exp = int(time.time()) + 100
    caller = await issuer.caller(server.token(exp=exp))
    assert (caller.agency, caller.name, caller.key) == ("so-ldtbxh", "Sở LĐTBXH", "client-7")
    assert (caller.units, caller.criteria) == (("184",), ("ntm-11", "ntm-12"))
    assert caller.expires_at
    assert caller.expires_at.timestamp() == exp


async def test_scopes_may_be_one_text_and_stand_under_other_names(server: TokenIssuer) -> None:
    issuer = of(
        server, oidc_agency_claim="client", oidc_units_claim="scope_u", oidc_criteria_claim="c", oidc_rate_per_minute=9
    )
    caller = await issuer.caller(server.token(client="x", scope_u="184 06280", c="*"))
    assert (caller.agency, caller.units, caller.criteria) == ("x", ("184", "06280"), ("*",))
    assert caller.rate_per_minute == 9


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "somebody-else"},
        {"iss": "https://elsewhere.example"},
        {"exp": int(time.time()) - 60},
        {"nbf": int(time.time()) + 86_400},
        {"iat": int(time.time()) + 86_400},
        {"exp": "soon"},
        {"without": "exp"},
        {"without": "iat"},
        {"without": "aud"},
        {"without": "iss"},
        {"headers": {"kid": "unknown"}},
    ],
)
async def test_a_token_that_is_not_for_here_and_now_is_a_wrong_key(
    server: TokenIssuer, issuer: Issuer, changes: dict[str, Any]
) -> None:
    problem = await refusal(issuer, server.token(**changes))
    assert problem.kind is Problems.WRONG_KEY
    assert problem.headers["WWW-Authenticate"] == "Bearer"


async def test_clocks_may_differ_by_half_a_minute(server: TokenIssuer, issuer: Issuer) -> None:
    now = int(time.time())
    assert await issuer.caller(server.token(exp=now - 10))
    assert await issuer.caller(server.token(nbf=now + 10, iat=now + 10))


def forged(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    def encode(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    signed = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret is not None else b""
    return f"{signed}.{encode(signature)}"


async def test_a_token_that_nobody_signed_is_a_wrong_key(server: TokenIssuer, issuer: Issuer) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        token = forged({"alg": algorithm, "kid": "first"}, server.claims(), None)
        assert (await refusal(issuer, token)).kind is Problems.WRONG_KEY


@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, serialization.Encoding.DER])
async def test_the_public_key_is_no_secret_to_sign_with(
    server: TokenIssuer, issuer: Issuer, encoding: serialization.Encoding
) -> None:
    public = server.keys[0].public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    for algorithm in ("HS256", "RS256"):
        token = forged({"alg": algorithm, "kid": "first"}, server.claims(), public)
        assert (await refusal(issuer, token)).kind is Problems.WRONG_KEY


async def test_a_key_signs_by_its_own_algorithm_only(server: TokenIssuer, issuer: Issuer) -> None:
    server.keys.append(SigningKey.make("second", "ES256"))
    token = server.token(server.keys[1], headers={"kid": "first"})
    assert (await refusal(issuer, token)).kind is Problems.WRONG_KEY


async def test_a_changed_token_is_a_wrong_key(server: TokenIssuer, issuer: Issuer) -> None:
    head, _, signature = server.token().split(".")
    _, other, _ = server.token(azp="somebody-else").split(".")
    assert (await refusal(issuer, f"{head}.{other}.{signature}")).kind is Problems.WRONG_KEY


async def test_a_token_of_any_length_is_not_looked_at(server: TokenIssuer, issuer: Issuer) -> None:
    token = server.token(padding="x" * TOKEN_LENGTH)
    assert (await refusal(issuer, token)).kind is Problems.WRONG_KEY
    assert not server.asked


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"without": "azp"}, "azp"),
        ({"azp": ["a"]}, "azp"),
        ({"azp": "?"}, "azp"),
        ({"azp": "x" * 65}, "azp"),
        ({"without": "ntm_units"}, "ntm_units"),
        ({"ntm_units": []}, "ntm_units"),
        ({"ntm_units": ["*"]}, "ntm_units"),
        ({"ntm_units": [184]}, "ntm_units"),
        ({"ntm_units": ""}, "ntm_units"),
        ({"without": "ntm_criteria"}, "ntm_criteria"),
        ({"ntm_criteria": {"ntm-11": True}}, "ntm_criteria"),
        ({"ntm_criteria": ["ntm.>"]}, "ntm_criteria"),
    ],
)
async def test_a_genuine_token_without_a_scope_is_told_what_it_lacks(
    server: TokenIssuer, issuer: Issuer, changes: dict[str, Any], claim: str
) -> None:
    problem = await refusal(issuer, server.token(**changes))
    assert problem.kind is Problems.WRONG_KEY
    assert isinstance(problem.detail, Bilingual)
    assert claim in problem.detail.vi
    assert claim in problem.detail.en


async def test_an_agency_from_a_token_can_stand_in_a_subject(server: TokenIssuer, issuer: Issuer) -> None:
    assert (await issuer.caller(server.token(azp="a.b > *  c"))).agency == "a-b-c"


async def test_a_new_key_of_the_issuer_is_found_at_once(server: TokenIssuer, issuer: Issuer) -> None:
    await issuer.caller(server.token())
    server.keys = [SigningKey.make("next", "ES256")]
    callers = await asyncio.gather(*(issuer.caller(server.token(sub=f"client-{n}")) for n in range(5)))
    assert len({caller.key for caller in callers}) == 5
    assert server.asked["/keys"] == 2


async def test_unknown_keys_make_the_issuer_be_asked_once(server: TokenIssuer, issuer: Issuer) -> None:
    await issuer.caller(server.token())
    for number in range(5):
        await refusal(issuer, server.token(headers={"kid": f"unknown-{number}"}))
    await asyncio.gather(*(refusal(issuer, server.token(headers={"kid": f"more-{n}"})) for n in range(5)))
    assert server.asked["/keys"] == 2


async def test_the_first_tokens_share_one_question(server: TokenIssuer, issuer: Issuer) -> None:
    await asyncio.gather(*(issuer.caller(server.token(sub=str(number))) for number in range(10)))
    assert server.asked["/keys"] == 1


async def test_while_the_issuer_was_never_there_the_answer_is_to_come_again(
    server: TokenIssuer, issuer: Issuer
) -> None:
    server.is_away = True
    problem = await refusal(issuer, server.token())
    assert problem.kind is Problems.UNAVAILABLE
    assert problem.headers["Retry-After"]
    await refusal(issuer, server.token())
    assert server.asked.total() == 1


async def test_an_issuer_that_went_away_is_remembered(server: TokenIssuer, issuer: Issuer) -> None:
    await issuer.caller(server.token())
    server.is_away = True
    await refusal(issuer, server.token(headers={"kid": "unknown"}))
    assert await issuer.caller(server.token(sub="another"))


async def test_a_document_that_names_another_issuer_is_not_trusted(server: TokenIssuer, issuer: Issuer) -> None:
    server.named = "https://elsewhere.example"
    assert (await refusal(issuer, server.token())).kind is Problems.UNAVAILABLE


async def test_the_address_of_the_keys_can_be_set(server: TokenIssuer) -> None:
    issuer = of(server, oidc_jwks_url=f"{server.url}/keys")
    assert await issuer.caller(server.token())
    assert set(server.asked) == {"/keys"}


async def test_a_symmetric_key_among_the_issuers_is_not_used(server: TokenIssuer, issuer: Issuer) -> None:
    secret = b"0" * 32
    ordinary = server.keys[0]

    class Symmetric(SigningKey):
        def jwk(self) -> dict[str, Any]:
            k = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
            return {"kty": "oct", "k": k, "kid": self.kid, "alg": "HS256"}

    server.keys = [Symmetric("secret", "HS256", None), ordinary]
    await refusal(issuer, forged({"alg": "HS256", "kid": "secret"}, server.claims(), secret))
    await refusal(issuer, forged({"alg": "RS256", "kid": "secret"}, server.claims(), secret))
    assert await issuer.caller(server.token(ordinary))


@given(
    header=st.binary(max_size=200) | st.just(b'{"alg":' * 1000) | st.just(b"[" * 3000),
    rest=st.text("abc.-_=", max_size=50),
)
def test_nothing_that_looks_like_a_token_is_a_failure(header: bytes, rest: str) -> None:
    issuer = Issuer.of(settings(oidc_issuer="http://127.0.0.1:9", oidc_audience="a"))
    assert issuer
    token = f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{rest}"
    with pytest.raises(Problem):
        asyncio.run(issuer.caller(token))


def test_an_issuer_needs_an_audience() -> None:
    with pytest.raises(ValidationError, match="NTM_OIDC_AUDIENCE"):
        settings(oidc_issuer="https://issuer.example")


def test_without_settings_there_is_no_issuer() -> None:
    assert Issuer.of(settings()) is None
