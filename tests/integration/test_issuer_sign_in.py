"""People sign in at an issuer of the province (OpenID Connect), who have no password here."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from shared.access.accounts import Person, add_account_at_issuer, disable_account
from shared.access.sessions import SESSION_COOKIE
from tests.issuer import PeopleIssuer, SigningKey
from tests.people import PASSWORD, an_account, page_headers, post_form
from tests.running import Service, Surroundings

LAN = "lan@langson.example"


@pytest.fixture(scope="module")
def running_issuer() -> Iterator[PeopleIssuer]:
    with PeopleIssuer() as running:
        yield running


@pytest.fixture
def issuer(running_issuer: PeopleIssuer) -> PeopleIssuer:
    """The issuer, at which Lan is signed in."""
    running_issuer.person = {"email": LAN, "email_verified": True}
    running_issuer.refuses = running_issuer.tampered = None
    running_issuer.is_away = False
    return running_issuer


@pytest.fixture(scope="module")
async def intake(shared_around: Surroundings, running_issuer: PeopleIssuer) -> Service:
    people = Person(LAN, "Nguyễn Thị Lan", "phong", "Phòng LĐTBXH", "unit", ("184",), ("*",))
    await add_account_at_issuer(shared_around.engine, people)
    return await shared_around.start(
        "intake",
        NTM_OIDC_ISSUER=running_issuer.url,
        NTM_OIDC_CLIENT_ID=running_issuer.client_id,
        NTM_OIDC_CLIENT_SECRET=running_issuer.client_secret or "",
    )


@pytest.fixture
async def client(intake: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with intake.client() as client:
        yield client


async def to_issuer(client: httpx.AsyncClient, path: str = "/", **headers: str) -> str:
    """Begin to sign in; return the address at the issuer."""
    answer = await client.get("/sign-in/issuer", params={"next": path}, headers=headers)
    assert answer.status_code == 303
    return answer.headers["location"]


async def sent_back(address: str) -> str:
    """Be at the issuer; return the address to which it sends the browser back."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(address)
    assert answer.status_code == 302, address
    return answer.headers["location"]


async def journey(client: httpx.AsyncClient, path: str = "/") -> httpx.Response:
    """Sign in at the issuer; return the answer to who comes back."""
    return await client.get(await sent_back(await to_issuer(client, path)))


async def is_in(client: httpx.AsyncClient) -> bool:
    return (await client.get("/v1/me")).status_code == 200


async def test_a_person_signs_in_at_the_issuer_and_goes_on_to_what_was_asked_for(
    issuer: PeopleIssuer, client: httpx.AsyncClient
) -> None:
    page = await client.get("/sign-in?next=/%23sent")
    assert 'href="/sign-in/issuer?next=/%23sent"' in page.text
    answer = await journey(client, "/#sent")
    assert (answer.status_code, answer.headers["location"]) == (303, "/#sent")
    cookies = answer.headers.get_list("set-cookie")
    assert any(one.startswith(f"{SESSION_COOKIE}=") and "HttpOnly" in one and "SameSite=lax" in one for one in cookies)
    assert any(one.startswith("ntm_issuer=") and "Max-Age=0" in one for one in cookies)
    me = (await client.get("/v1/me")).json()
    assert (me["key"], me["role"], me["agency"]) == (f"@{LAN}", "unit", "phong")
    assert 'data-password="false"' in (await client.get("/")).text


async def test_the_name_is_known_however_the_issuer_writes_it(issuer: PeopleIssuer, client: httpx.AsyncClient) -> None:
    issuer.person["email"] = "Lan@LangSon.example"
    assert (await journey(client)).status_code == 303
    assert await is_in(client)


async def test_behind_tls_the_issuer_sends_back_to_https_and_the_cookie_is_secure(
    issuer: PeopleIssuer, client: httpx.AsyncClient
) -> None:
    host = urlsplit(str(client.base_url)).netloc
    answer = await client.get("/sign-in/issuer", headers={"Referer": f"https://{host}/sign-in?next=/"})
    (back,) = parse_qs(urlsplit(answer.headers["location"]).query)["redirect_uri"]
    assert back == f"https://{host}/sign-in/issued"
    assert "Secure" in answer.headers["set-cookie"]
    elsewhere = await to_issuer(client, Referer="https://evil.example/sign-in")
    assert "redirect_uri=http%3A" in elsewhere


async def test_it_leads_to_own_pages_alone(issuer: PeopleIssuer, client: httpx.AsyncClient) -> None:
    assert (await journey(client, "//evil.example")).headers["location"] == "/"


@pytest.mark.parametrize("changed", ["state", "no state", "no code", "another issuer", "another browser", "twice"])
async def test_who_did_not_begin_here_is_not_signed_in(
    issuer: PeopleIssuer, client: httpx.AsyncClient, intake: Service, changed: str
) -> None:
    back = httpx.URL(await sent_back(await to_issuer(client)))
    if changed == "another browser":
        async with intake.client() as other:
            assert (await other.get(back)).status_code == 403
            assert not await is_in(other)
        return
    if changed == "twice":
        kept = client.cookies["ntm_issuer"]
        assert (await client.get(back)).status_code == 303
        client.cookies.clear()
        client.cookies.set("ntm_issuer", kept, path="/sign-in")
    elif changed == "state":
        back = back.copy_set_param("state", "0" * 64)
    elif changed == "another issuer":
        back = back.copy_set_param("iss", "https://evil.example")
    else:
        back = back.copy_remove_param(changed.removeprefix("no "))
    answer = await client.get(back)
    assert (answer.status_code, 'role="alert"' in answer.text) == (403, True)
    assert not await is_in(client)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "0" * 64}, {"nonce": None}, {"aud": "another"}, {"aud": ["ntm-pages", "another"], "azp": "another"},
        {"iss": "https://evil.example"}, {"exp": int(time.time()) - 60}, {"email_verified": False},
        {"email_verified": "true"}, {"email": None}, {"email": "no name <x@example>"}, {"email": ["a@example"]},
        {"email": "unknown@langson.example"},
    ],
)  # fmt: skip
async def test_a_token_that_proves_nobody_opens_nothing(
    issuer: PeopleIssuer, client: httpx.AsyncClient, claims: dict[str, object]
) -> None:
    issuer.person |= claims
    answer = await journey(client)
    assert (answer.status_code, 'role="alert"' in answer.text) == (403, True)
    assert not await is_in(client)


@pytest.mark.parametrize("signed", ["by another key", "by nobody", "by the client's secret", "not at all"])
async def test_a_token_that_the_issuer_did_not_sign_opens_nothing(
    issuer: PeopleIssuer, client: httpx.AsyncClient, signed: str
) -> None:
    address = await to_issuer(client)
    (nonce,) = parse_qs(urlsplit(address).query)["nonce"]
    claims = issuer.claims(aud=issuer.client_id, azp=issuer.client_id, nonce=nonce, **issuer.person)
    kid = issuer.keys[0].kid
    issuer.tampered = {
        "by another key": issuer.token(SigningKey.make(kid, "RS256"), **claims),
        "by nobody": jwt.encode(claims, "", "none", {"kid": kid}),
        "by the client's secret": jwt.encode(claims, f"{issuer.client_secret}" * 3, "HS256", {"kid": kid}),
        "not at all": "no token",
    }[signed]
    answer = await client.get(await sent_back(address))
    assert (answer.status_code, 'role="alert"' in answer.text) == (403, True)
    assert not await is_in(client)


async def test_an_account_with_a_password_or_a_closed_one_is_not_the_issuers_to_open(
    issuer: PeopleIssuer, client: httpx.AsyncClient, shared_around: Surroundings
) -> None:
    await an_account(shared_around.engine, "with-password@langson.example", "184")
    closed = Person("closed@langson.example", "X", "phong", "Phòng", "unit", ("184",), ("*",))
    await add_account_at_issuer(shared_around.engine, closed)
    await disable_account(shared_around.engine, closed.name)
    for name in ("with-password@langson.example", closed.name):
        issuer.person["email"] = name
        answer = await journey(client)
        assert answer.status_code == 403
        assert "chưa được cấp quyền" in answer.text
        assert not await is_in(client)


async def test_an_account_at_the_issuer_has_no_password_here(issuer: PeopleIssuer, client: httpx.AsyncClient) -> None:
    assert (await post_form(client, "/sign-in", name=LAN, password=PASSWORD)).status_code == 403
    assert (await post_form(client, "/sign-in", name=LAN, password="")).status_code == 403
    await journey(client)
    assert (await client.get("/password")).headers["location"] == "/"
    fields = {"form": page_headers(client)["X-NTM-Form"], "present": "", "new": PASSWORD, "again": PASSWORD}
    assert (await post_form(client, "/password", **fields)).headers["location"] == "/"
    assert (await post_form(client, "/sign-in", name=LAN, password=PASSWORD)).status_code == 403


async def test_what_the_issuer_refuses_and_that_it_is_away_is_said_in_words(
    issuer: PeopleIssuer, client: httpx.AsyncClient
) -> None:
    issuer.refuses = "access_denied"
    assert "không cho đăng nhập" in (await journey(client)).text
    issuer.refuses = None
    back = await sent_back(await to_issuer(client))
    issuer.is_away = True
    assert "Không kết nối được" in (await client.get(back)).text
    assert "Không kết nối được" in (await client.get("/sign-in/issuer")).text
    issuer.is_away = False
    assert (await journey(client)).status_code == 303


async def test_without_an_issuer_there_is_no_way_to_one(shared_around: Surroundings) -> None:
    plain = await shared_around.start("intake")
    async with plain.client() as client:
        assert "/sign-in/issuer" not in (await client.get("/sign-in")).text
        for path in ("/sign-in/issuer", "/sign-in/issued?code=1&state=2"):
            assert (await client.get(path)).status_code == 404
    await plain.stop()


@pytest.mark.usefixtures("intake")
async def test_a_public_client_needs_no_secret(issuer: PeopleIssuer, shared_around: Surroundings) -> None:
    issuer.client_secret, secret = None, issuer.client_secret
    public = await shared_around.start("intake", NTM_OIDC_ISSUER=issuer.url, NTM_OIDC_CLIENT_ID=issuer.client_id)
    async with public.client() as client:
        assert (await journey(client)).status_code == 303
        assert await is_in(client)
    await public.stop()
    issuer.client_secret = secret


async def test_codes_and_secrets_stand_in_no_log(
    issuer: PeopleIssuer, client: httpx.AsyncClient, intake: Service
) -> None:
    address = await to_issuer(client)
    kept = client.cookies["ntm_issuer"]
    back = httpx.URL(await sent_back(address))
    await client.get(back)
    state = back.params["state"]
    await client.get(back)
    log = intake.log.read_text()
    for secret in (kept, state, issuer.client_secret, client.cookies[SESSION_COOKIE], "access_token"):
        assert secret
        assert secret not in log
