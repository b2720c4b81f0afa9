"""People sign in to the pages by name and password: sessions, locks, first passwords, forged requests."""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from shared.access.accounts import disable_account, reset_password
from shared.access.sessions import SESSION_COOKIE
from shared.access.tries import TRIES
from tests.people import PASSWORD, an_account, page_headers, post_form, signed_in
from tests.running import Service, Surroundings
from tests.waiting import eventually

OTHER = "chim sẻ đậu mái đình"


@pytest.fixture
async def client(shared_intake: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with shared_intake.client() as client:
        yield client


async def try_in(client: httpx.AsyncClient, name: str, password: str, **more: str) -> httpx.Response:
    return await post_form(client, "/sign-in", name=name, password=password, **more)


def said(answer: httpx.Response) -> str:
    """Return what the page says to be wrong."""
    found = re.search(r'role="alert"[^>]*><p>(.*?)</p>', answer.text, re.DOTALL)
    return found[1] if found else ""


async def me(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/v1/me")


async def execute(around: Surroundings, statement: str, **parameters: Any) -> None:
    async with around.engine.begin() as connection:
        await connection.execute(text(statement), parameters)


async def test_who_is_not_signed_in_is_asked_to_and_comes_back_afterwards(
    shared_around: Surroundings, client: httpx.AsyncClient
) -> None:
    await an_account(shared_around.engine, "back", "184", agency="phong-van-quan")
    asked = await client.get("/")
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=%2F")
    shown = await client.get(asked.headers["location"])
    assert shown.status_code == 200
    assert "Tên đăng nhập" in shown.text
    came = await try_in(client, "back", PASSWORD, next="/?a=1#sent")
    assert (came.status_code, came.headers["location"]) == (303, "/?a=1#sent")
    assert (await client.get("/")).status_code == 200
    who = (await me(client)).json()
    assert (who["agency"], who["key"], who["name"]) == ("phong-van-quan", "@back", "Người back (phong-van-quan)")
    assert (who["role"], who["units"], who["criteria"]) == ("unit", [{"code": "184", "name": "Văn Quan"}], ["*"])


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "/\t/evil.example",
     "\\\\evil.example", "/%0a\n/evil.example", "", "evil.example"],
)  # fmt: skip
async def test_signing_in_leads_to_own_pages_alone(
    shared_around: Surroundings, client: httpx.AsyncClient, elsewhere: str
) -> None:
    name = f"own-{abs(hash(elsewhere))}"
    await an_account(shared_around.engine, name, "184")
    answer = await try_in(client, name, PASSWORD, next=elsewhere)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_the_cookie_is_kept_from_scripts_and_other_sites_and_its_token_from_the_database(
    shared_around: Surroundings, client: httpx.AsyncClient
) -> None:
    await an_account(shared_around.engine, "cookie", "184")
    answer = await try_in(client, "cookie", PASSWORD)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "domain" not in cookie
    assert "secure" not in cookie, "there is no TLS here"
    async with shared_around.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT to_jsonb(s)::text FROM access.session s"))).scalars()
        assert all(answer.cookies[SESSION_COOKIE] not in row for row in rows)


@pytest.mark.parametrize("forwarded", [{}, {"X-Forwarded-Proto": "https"}])
async def test_behind_tls_the_cookie_is_secure_whatever_the_proxy_says(
    shared_around: Surroundings, client: httpx.AsyncClient, forwarded: dict[str, str]
) -> None:
    name = f"tls-{len(forwarded)}"
    await an_account(shared_around.engine, name, "184")
    form = {"name": name, "password": PASSWORD}
    origin = str(client.base_url).rstrip("/").replace("http:", "https:")
    answer = await client.post("/sign-in", data=form, headers={"Origin": origin, **forwarded})
    assert answer.status_code == 303
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_names_and_passwords_are_known_however_the_keyboard_writes_them(
    shared_around: Surroundings, client: httpx.AsyncClient
) -> None:
    await an_account(shared_around.engine, "hường", "184")
    decomposed = unicodedata.normalize("NFD", " HƯỜNG ")
    answer = await try_in(client, decomposed, unicodedata.normalize("NFD", PASSWORD))
    assert answer.status_code == 303


async def test_wrong_names_and_passwords_are_answered_alike(
    shared_around: Surroundings, client: httpx.AsyncClient
) -> None:
    await an_account(shared_around.engine, "known", "184")
    await an_account(shared_around.engine, "closed", "184")
    await disable_account(shared_around.engine, "closed")
    answers = [
        await try_in(client, "known", "not the password"),
        await try_in(client, "unknown", PASSWORD),
        await try_in(client, "closed", PASSWORD),
        await try_in(client, "no name\x00 at all", PASSWORD),
    ]
    assert {(answer.status_code, said(answer)) for answer in answers} == {(403, said(answers[0]))}
    assert said(answers[0])
    assert "not the password" not in answers[0].text
    assert all(SESSION_COOKIE not in answer.cookies for answer in answers)


@pytest.mark.parametrize("name", ["five-known", "five-unknown", "five: nobody can be called so"])
async def test_five_wrong_passwords_lock_a_name_whether_or_not_there_is_one(
    shared_around: Surroundings, client: httpx.AsyncClient, name: str
) -> None:
    if name == "five-known":
        await an_account(shared_around.engine, name, "184")
    for _ in range(TRIES):
        assert "tạm khóa đến" not in said(await try_in(client, name, "wrong wrong wrong"))
    assert "tạm khóa đến" in said(await try_in(client, name, PASSWORD))
    await execute(shared_around, "UPDATE access.sign_in_tries SET since = since - interval '15 minutes'")
    answer = await try_in(client, name, PASSWORD)
    assert answer.status_code == (303 if name == "five-known" else 403)
    assert "tạm khóa đến" not in said(answer)


async def test_many_tries_at_once_are_no_more_than_five(shared_around: Surroundings, client: httpx.AsyncClient) -> None:
    await an_account(shared_around.engine, "at-once", "184")
    answers = await asyncio.gather(*(try_in(client, "at-once", f"wrong wrong {n}") for n in range(20)))
    assert sum("tạm khóa đến" not in said(answer) for answer in answers) == TRIES
    assert "tạm khóa đến" in said(await try_in(client, "at-once", PASSWORD)), "the right one does not help either"


async def test_a_right_password_ends_the_count(shared_around: Surroundings, client: httpx.AsyncClient) -> None:
    await an_account(shared_around.engine, "count", "184")
    for _ in range(3):
        for _ in range(TRIES - 1):
            await try_in(client, "count", "wrong wrong wrong")
        assert (await try_in(client, "count", PASSWORD)).status_code == 303


async def test_a_reset_opens_a_locked_name(shared_around: Surroundings, client: httpx.AsyncClient) -> None:
    await an_account(shared_around.engine, "locked", "184")
    for _ in range(TRIES + 1):
        await try_in(client, "locked", "wrong wrong wrong")
    password = await reset_password(shared_around.engine, "locked")
    assert (await try_in(client, "locked", password)).status_code == 303


async def test_a_first_password_opens_nothing_but_its_change(
    shared_around: Surroundings, client: httpx.AsyncClient
) -> None:
    first = await an_account(shared_around.engine, "first", "184", first=True)
    answer = await try_in(client, "first", first, next="/#sent")
    assert answer.headers["location"] == "/password?next=%2F%23sent"
    assert (await me(client)).status_code == 401
    assert (await client.get("/")).headers["location"].startswith("/password")
    form = page_headers(client)["X-NTM-Form"]
    fields = {"form": form, "present": first, "next": "/#sent"}
    weak = await post_form(client, "/password", **fields, new="ngắn", again="ngắn")
    assert "ít nhất 12" in said(weak)
    same = await post_form(client, "/password", **fields, new=first, again=first)
    assert "phải khác" in said(same)
    differs = await post_form(client, "/password", **fields, new=OTHER, again=OTHER + "!")
    assert "không giống nhau" in said(differs)
    changed = await post_form(client, "/password", **fields, new=OTHER, again=OTHER)
    assert (changed.status_code, changed.headers["location"]) == (303, "/#sent")
    assert (await me(client)).status_code == 200
    assert (await try_in(client, "first", first)).status_code == 403
    assert (await try_in(client, "first", OTHER)).status_code == 303


async def test_a_first_password_opens_nothing_after_a_week(
    shared_around: Surroundings, client: httpx.AsyncClient
) -> None:
    first = await an_account(shared_around.engine, "late", "184", first=True)
    await execute(shared_around, "UPDATE access.account SET one_time_until = now() WHERE name = 'late'")
    assert (await try_in(client, "late", first)).status_code == 403


async def test_a_new_password_ends_the_other_sessions(shared_around: Surroundings, shared_intake: Service) -> None:
    await an_account(shared_around.engine, "changer", "184")
    async with signed_in(shared_intake.url, "changer") as here, signed_in(shared_intake.url, "changer") as there:
        assert (await me(there)).status_code == 200
        fields = {"form": page_headers(here)["X-NTM-Form"], "present": PASSWORD, "new": OTHER, "again": OTHER}
        assert (await post_form(here, "/password", **fields)).status_code == 303
        assert (await me(here)).status_code == 200
        await eventually(lambda: is_out(there))


async def test_the_present_password_is_guessed_no_more_often_than_at_the_door(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    await an_account(shared_around.engine, "guessed", "184")
    async with signed_in(shared_intake.url, "guessed") as client:
        fields = {"form": page_headers(client)["X-NTM-Form"], "new": OTHER, "again": OTHER}
        for _ in range(TRIES):
            await post_form(client, "/password", **fields, present="wrong wrong wrong")
        assert "tạm khóa đến" in said(await post_form(client, "/password", **fields, present=PASSWORD))


async def is_out(client: httpx.AsyncClient) -> bool:
    return (await me(client)).status_code == 401


@pytest.mark.parametrize("end", ["disable", "reset", "sign out", "idle", "twelve hours"])
async def test_a_session_ends(shared_around: Surroundings, shared_intake: Service, end: str) -> None:
    name = f"ends-{end.replace(' ', '-')}"
    await an_account(shared_around.engine, name, "184")
    async with signed_in(shared_intake.url, name) as client:
        assert (await me(client)).status_code == 200
        if end == "disable":
            await disable_account(shared_around.engine, name)
        elif end == "reset":
            await reset_password(shared_around.engine, name)
        elif end == "sign out":
            token = client.cookies[SESSION_COOKIE]
            assert (await client.post("/sign-out")).status_code == 204
            assert SESSION_COOKIE not in client.cookies
            client.cookies.set(SESSION_COOKIE, token)
        else:
            column, age = ("used_at", timedelta(hours=1)) if end == "idle" else ("began_at", timedelta(hours=12))
            statement = f"UPDATE access.session SET {column} = {column} - CAST(:age AS interval) WHERE account = :name"  # noqa: S608
            await execute(shared_around, statement, age=age, name=name)
        await eventually(lambda: is_out(client))
        assert (await client.get("/")).headers["location"] == "/sign-in?next=%2F"


async def test_a_session_that_is_used_stays(shared_around: Surroundings, shared_intake: Service) -> None:
    await an_account(shared_around.engine, "busy", "184")
    async with signed_in(shared_intake.url, "busy") as client:
        statement = "UPDATE access.session SET used_at = used_at - interval '50 minutes' WHERE account = 'busy'"
        await execute(shared_around, statement)
        assert (await me(client)).status_code == 200
        await eventually(lambda: is_noted(shared_around, "busy"))


async def test_a_page_that_looks_again_by_itself_keeps_nobody_signed_in(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    await an_account(shared_around.engine, "left", "184")
    async with signed_in(shared_intake.url, "left") as client:
        statement = "UPDATE access.session SET used_at = used_at - interval '59 minutes' WHERE account = 'left'"
        await execute(shared_around, statement)
        for _ in range(3):
            answer = await client.get("/v1/me", headers={"X-NTM-Watching": "true"})
            assert answer.status_code == 200
        # Notes of uses are written in their order: once another's stands there, this one's would.
        await an_account(shared_around.engine, "there", "184")
        async with signed_in(shared_intake.url, "there") as other:
            await execute(
                shared_around,
                "UPDATE access.session SET used_at = used_at - interval '5 minutes' WHERE account = 'there'",
            )
            await me(other)
            await eventually(lambda: is_noted(shared_around, "there"))
        assert not await is_noted(shared_around, "left")


async def is_noted(around: Surroundings, name: str) -> bool:
    query = "SELECT used_at > now() - interval '2 minutes' FROM access.session WHERE account = :name"
    async with around.engine.connect() as connection:
        return bool(await connection.scalar(text(query), {"name": name}))


async def test_one_session_serves_all_services(
    shared_around: Surroundings, shared_intake: Service, shared_scoring: Service
) -> None:
    await an_account(shared_around.engine, "everywhere", "184")
    async with signed_in(shared_intake.url, "everywhere") as client, shared_scoring.client() as other:
        other.cookies.set(SESSION_COOKIE, client.cookies[SESSION_COOKIE])
        assert (await me(other)).json()["key"] == "@everywhere"
        assert (await other.get("/v1/communes/06280")).status_code in (200, 404)
        assert (await other.get("/v1/communes/06067")).status_code == 403


async def test_what_a_person_writes_is_signed_with_the_name(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    await an_account(shared_around.engine, "writer", "184", agency="phong-cua-writer")
    body = {"unit": "06280", "period": "2023-01", "stage": "reported", "readings": {"poor_households": 131}}
    async with signed_in(shared_intake.url, "writer") as client:
        assert (await client.post("/v1/submissions", json=body)).status_code == 202
    stream = await shared_around.nats.jetstream().get_last_msg("SUBMISSIONS", "ntm.v1.submissions.184.06280")
    logged = json.loads(stream.data or b"")
    assert (logged["agency"], logged["key"]) == ("phong-cua-writer", "@writer")


FORGED: dict[str, dict[str, str | None]] = {
    "no origin": {"Origin": None},
    "another origin": {"Origin": "https://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "a page without origin": {"Origin": "null"},
    "a name that begins alike": {"Origin": "{own}.evil.example"},
    "no word": {"X-NTM-Form": None},
    "another word": {"X-NTM-Form": "0" * 64},
    "a word that is no ASCII": {"X-NTM-Form": "é"},
}


@pytest.mark.parametrize("how", FORGED)
async def test_no_other_page_writes_with_a_persons_cookie(
    shared_around: Surroundings, shared_intake: Service, how: str
) -> None:
    name = f"forged-{how.replace(' ', '-').lower()}"
    await an_account(shared_around.engine, name, "184")
    body = {"unit": "06280", "period": "2023-02", "stage": "reported", "readings": {"poor_households": 131}}
    async with signed_in(shared_intake.url, name) as client:
        word = FORGED[how].get("X-NTM-Form", client.headers["X-NTM-Form"]) or ""
        for header, value in FORGED[how].items():
            if value is None:
                del client.headers[header]
            else:
                own = str(client.base_url).rstrip("/")
                client.headers.update([(header.encode(), value.format(own=own).encode())])
        for path in ("/v1/submissions", "/v1/problems", "/sign-out"):
            assert (await client.post(path, json=body)).status_code == 403, path
        form = {"present": PASSWORD, "new": OTHER, "again": OTHER, "form": word}
        assert (await client.post("/password", data=form)).status_code == 403
        assert (await me(client)).status_code == 200, "nobody is signed out by another site"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", ""])
async def test_nobody_is_signed_in_by_another_site(
    shared_around: Surroundings, client: httpx.AsyncClient, origin: str
) -> None:
    name = f"login-{abs(hash(origin))}"
    await an_account(shared_around.engine, name, "184")
    form = {"name": name, "password": PASSWORD}
    answer = await client.post("/sign-in", data=form, headers={"Origin": origin})
    assert answer.status_code == 403
    assert SESSION_COOKIE not in answer.cookies


async def test_a_key_goes_on_beside_a_cookie_and_needs_no_word(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    await an_account(shared_around.engine, "both", "184")
    key = await shared_around.key("181", agency="system")
    async with signed_in(shared_intake.url, "both") as client:
        client.headers["Authorization"] = f"Bearer {key}"
        assert (await me(client)).json()["agency"] == "system"
        client.headers["Authorization"] = "Bearer nonsense"
        assert (await me(client)).status_code == 401, "a wrong key is not made good by a cookie"


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 5000, "a b", "%00"])
async def test_a_cookie_that_is_none_of_ours_opens_nothing(client: httpx.AsyncClient, token: str) -> None:
    client.headers["Cookie"] = f"{SESSION_COOKIE}={token}"
    assert (await me(client)).status_code == 401
    assert (await client.get("/")).status_code == 303


async def test_the_page_speaks_the_language_that_was_chosen(client: httpx.AsyncClient) -> None:
    shown = await client.get("/sign-in?language=en&next=/%23sent")
    assert "Sign-in name" in shown.text
    assert 'value="/#sent"' in shown.text
    assert "Sign-in name" in (await client.get("/sign-in")).text
    assert "Tên đăng nhập" in (await client.get("/sign-in?language=vi")).text


async def test_what_people_typed_is_no_markup(client: httpx.AsyncClient) -> None:
    answer = await try_in(client, '"><script>alert(1)</script>', "x", next='/"><script>')
    assert "<script>alert" not in answer.text
    assert '"><script>' not in answer.text


async def test_passwords_and_tokens_stand_in_no_log(
    shared_around: Surroundings, shared_intake: Service, client: httpx.AsyncClient
) -> None:
    await an_account(shared_around.engine, "marker-name", "184")
    await try_in(client, "marker-name", "marker-of-a-wrong-password")
    await try_in(client, "marker-password-typed-as-name", "x")
    await client.get("/sign-in?next=/&password=marker-in-an-address")
    async with signed_in(shared_intake.url, "marker-name") as signed:
        token, word = signed.cookies[SESSION_COOKIE], page_headers(signed)["X-NTM-Form"]
        page = (await signed.get("/")).text
        await signed.post("/v1/submissions", content=b"no json")
        answers = (await me(signed)).text
    log = shared_intake.log.read_text()
    async with shared_around.engine.connect() as connection:
        tables = ""
        for table in ("account", "session", "sign_in_tries"):
            rows = await connection.execute(text(f"SELECT to_jsonb(t)::text FROM access.{table} t"))  # noqa: S608
            tables += "\n".join(row for (row,) in rows)
    for secret in (PASSWORD, "marker-of-a-wrong-password", "marker-password-typed-as-name", token, word):
        assert secret not in log
        assert secret not in tables
        assert secret not in answers
    assert "marker-in-an-address" not in log
    assert token not in page
