"""Keys and tokens against a real database and service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access import key_lookup
from shared.access.agency_keys import (
    NotRotatableError,
    Terms,
    UnknownKeyError,
    add_key,
    list_keys,
    new_key,
    revoke_keys,
    rotate_key,
)
from shared.access.authenticator import Authenticator
from shared.access.tables import AccessKey
from shared.postgres.engine import create_engine
from shared.postgres.statements import table_of
from shared.problems import Problem, Problems
from shared.time import utc_now
from tests.issuer import AUDIENCE, TokenIssuer
from tests.running import Service, Surroundings
from tests.servers import PostgresServer
from tests.waiting import eventually


@pytest.fixture(scope="module")
def issuer() -> Iterator[TokenIssuer]:
    with TokenIssuer() as running:
        yield running


@pytest.fixture(scope="module")
async def shared_intake(shared_around: Surroundings, issuer: TokenIssuer) -> Service:
    return await shared_around.start(
        "intake", NTM_OIDC_ISSUER=issuer.url, NTM_OIDC_AUDIENCE=AUDIENCE, NTM_LOG_LEVEL="DEBUG", NTM_LOG_FORMAT="json"
    )


@pytest.fixture
async def engine(shared_around: Surroundings) -> AsyncIterator[AsyncEngine]:
    """An engine of the test's own, whose queries it can count."""
    engine = create_engine(shared_around.settings, "tests")
    yield engine
    await engine.dispose()


@pytest.fixture
def keys(engine: AsyncEngine) -> Authenticator:
    return Authenticator(engine)


@pytest.fixture
def queries(engine: AsyncEngine) -> list[str]:
    """The queries for keys that the engine has made."""
    made: list[str] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FROM access.access_key" in statement:
            made.append(statement)

    return made


async def a_key(engine: AsyncEngine, agency: str = "district-184", **terms: Any) -> str:
    return await add_key(engine, agency, agency, ["184"], ["ntm-11"], Terms(**terms))


def id_of(key: str) -> str:
    return key.split("_")[1]


async def problem(keys: Authenticator, key: str) -> Problem:
    with pytest.raises(Problem) as caught:
        await keys.caller(f"Bearer {key}")
    return caught.value


async def test_a_key_names_its_agency_and_itself(engine: AsyncEngine, keys: Authenticator) -> None:
    key = await a_key(engine)
    for header in (f"Bearer {key}", f"bearer  {key} "):
        caller = await keys.caller(header)
        assert (caller.agency, caller.key, caller.units) == ("district-184", id_of(key), ("184",))


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic eDp5"])
async def test_without_a_key_there_is_no_caller(keys: Authenticator, header: str | None) -> None:
    with pytest.raises(Problem) as caught:
        await keys.caller(header)
    assert caught.value.kind is Problems.NO_KEY


async def test_nothing_but_the_whole_key_opens(engine: AsyncEngine, keys: Authenticator) -> None:
    key = await a_key(engine)
    other = await a_key(engine)
    mixed = f"ntm_{id_of(key)}_{other.split('_', 2)[2]}"
    for wrong in (key[:-1], key + "A", key.upper(), mixed, new_key()[1], "x", "ntm__", "x" * 100_000, "ntm_é", "\x00"):
        assert (await problem(keys, wrong)).kind is Problems.WRONG_KEY


async def test_tokens_are_wrong_keys_where_no_issuer_is_set(keys: Authenticator, issuer: TokenIssuer) -> None:
    assert (await problem(keys, issuer.token())).kind is Problems.WRONG_KEY


async def test_many_requests_of_one_key_are_one_query(
    engine: AsyncEngine, keys: Authenticator, queries: list[str]
) -> None:
    key = await a_key(engine)
    await asyncio.gather(*(keys.caller(f"Bearer {key}") for _ in range(50)))
    assert len(queries) == 1


async def test_many_unknown_keys_are_few_queries(engine: AsyncEngine, keys: Authenticator, queries: list[str]) -> None:
    key = await a_key(engine)
    unknown = [problem(keys, new_key()[1]) for _ in range(300)]
    _, caller = await asyncio.gather(asyncio.gather(*unknown), keys.caller(f"Bearer {key}"))
    assert caller.key == id_of(key)
    assert len(queries) <= 2


async def test_what_is_no_key_is_never_looked_up(keys: Authenticator, queries: list[str]) -> None:
    for wrong in ("secret", "ntm_1_2", "ntm_0123456789ab_short", "ntm_0123456789AB_" + "x" * 43):
        await problem(keys, wrong)
    assert not queries


async def test_a_request_that_goes_away_takes_nobody_with_it(engine: AsyncEngine, keys: Authenticator) -> None:
    key = await a_key(engine)
    first, second = (asyncio.create_task(keys.caller(f"Bearer {key}")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).key == id_of(key)


async def test_a_revoked_key_opens_nothing_after_a_second(engine: AsyncEngine, keys: Authenticator) -> None:
    key, other = await a_key(engine, "revoking"), await a_key(engine, "revoking")
    await keys.caller(f"Bearer {key}")
    assert await revoke_keys(engine, "revoking", id_of(key)) == 1
    await asyncio.sleep(1)
    assert (await problem(keys, key)).kind is Problems.WRONG_KEY
    await keys.caller(f"Bearer {other}")
    assert await revoke_keys(engine, "revoking") == 1
    await asyncio.sleep(1)
    assert (await problem(keys, other)).kind is Problems.WRONG_KEY


async def test_who_revokes_hears_of_names_that_do_not_exist(engine: AsyncEngine) -> None:
    key = await a_key(engine, "known")
    with pytest.raises(UnknownKeyError):
        await revoke_keys(engine, "unknown")
    with pytest.raises(UnknownKeyError):
        await revoke_keys(engine, "district-184", id_of(key))


async def test_a_key_ends_at_its_moment_also_while_it_is_remembered(
    engine: AsyncEngine, keys: Authenticator, queries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await a_key(engine, expires_at=utc_now() + timedelta(minutes=1))
    await keys.caller(f"Bearer {key}")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)
    assert (await problem(keys, key)).kind is Problems.WRONG_KEY
    assert len(queries) == 1


async def test_a_rotated_key_opens_for_a_while_beside_the_new_one(engine: AsyncEngine, keys: Authenticator) -> None:
    end = utc_now() + timedelta(days=90)
    old = await a_key(engine, "rotating", expires_at=end, rate_per_minute=77)
    new = await rotate_key(engine, "rotating", None, timedelta(hours=24))
    callers = [await keys.caller(f"Bearer {key}") for key in (old, new)]
    assert [(caller.units, caller.criteria, caller.rate_per_minute) for caller in callers] == [
        (("184",), ("ntm-11",), 77)
    ] * 2
    before, after = (caller.expires_at for caller in callers)
    assert before
    assert after
    assert timedelta(hours=23) < before - utc_now() <= timedelta(hours=24)
    assert after >= end
    states = {key.id: key.state for key in await list_keys(engine) if key.agency == "rotating"}
    assert states == {id_of(old): "replaced", id_of(new): "active"}
    newest = await rotate_key(engine, "rotating", None, timedelta(0))
    assert (await problem(Authenticator(engine), new)).kind is Problems.WRONG_KEY
    assert (await keys.caller(f"Bearer {newest}")).agency == "rotating"


async def test_rotating_never_lengthens_a_keys_life(engine: AsyncEngine) -> None:
    end = utc_now() + timedelta(minutes=5)
    old = await a_key(engine, "short", expires_at=end)
    await rotate_key(engine, "short", id_of(old), timedelta(days=1), utc_now() + timedelta(days=9))
    listed = {key.id: key for key in await list_keys(engine)}
    assert listed[id_of(old)].expires_at == end


async def test_a_key_to_rotate_has_to_be_clear(engine: AsyncEngine) -> None:
    with pytest.raises(UnknownKeyError):
        await rotate_key(engine, "nobody", None, timedelta(1))
    first, second = await a_key(engine, "twice"), await a_key(engine, "twice")
    with pytest.raises(NotRotatableError, match=id_of(first)):
        await rotate_key(engine, "twice", None, timedelta(1))
    with pytest.raises(UnknownKeyError):
        await rotate_key(engine, "twice", "0" * 12, timedelta(1))
    await rotate_key(engine, "twice", id_of(second), timedelta(1))
    with pytest.raises(NotRotatableError):
        await rotate_key(engine, "twice", id_of(second), timedelta(1))
    await revoke_keys(engine, "twice")
    with pytest.raises(NotRotatableError):
        await rotate_key(engine, "twice", id_of(first), timedelta(1))


async def test_two_who_rotate_at_once_make_one_new_key(engine: AsyncEngine) -> None:
    await a_key(engine, "at-once")
    made = await asyncio.gather(
        *(rotate_key(engine, "at-once", None, timedelta(0)) for _ in range(2)), return_exceptions=True
    )
    states = sorted(key.state for key in await list_keys(engine) if key.agency == "at-once")
    assert states == ["active", "expired", "expired"]
    assert all(isinstance(key, str) for key in made)


async def within_one_minute() -> None:
    """Wait where a new minute is near, since rates count by the minutes of the clock."""
    if (second := time.time() % 60) > 50:
        await asyncio.sleep(60 - second)


async def test_a_key_has_a_rate_of_its_own(engine: AsyncEngine, keys: Authenticator) -> None:
    await within_one_minute()
    slow, other = await a_key(engine, rate_per_minute=3), await a_key(engine, rate_per_minute=3)
    for _ in range(3):
        await keys.caller(f"Bearer {slow}")
    found = await problem(keys, slow)
    assert found.kind is Problems.RATE_LIMITED
    assert 1 <= int(found.headers["Retry-After"]) <= 60
    assert (await keys.caller(f"Bearer {other}")).key == id_of(other)


async def test_wrong_secrets_do_not_use_up_a_keys_rate(engine: AsyncEngine, keys: Authenticator) -> None:
    key = await a_key(engine, rate_per_minute=2)
    for _ in range(5):
        await problem(keys, key[:-1] + ("A" if key[-1] != "A" else "B"))
    assert await keys.caller(f"Bearer {key}")


async def test_the_last_use_is_written_once_a_minute(engine: AsyncEngine, keys: Authenticator) -> None:
    used, unused = await a_key(engine), await a_key(engine)
    rows = table_of(AccessKey)

    async def last_use(key: str) -> Any:
        async with engine.connect() as connection:
            return await connection.scalar(select(rows.c.last_used_at).where(rows.c.id == id_of(key)))

    await keys.caller(f"Bearer {used}")
    at = await eventually(lambda: last_use(used))
    assert abs(utc_now() - at) < timedelta(minutes=1)
    assert await last_use(unused) is None
    async with engine.begin() as connection:
        await connection.execute(update(rows).values(last_used_at=None))
    await keys.caller(f"Bearer {used}")
    await asyncio.sleep(1.3)
    assert await last_use(used) is None


async def test_without_a_database_who_was_known_is_known_for_a_second_and_then_nobody(
    shared_around: Surroundings, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(shared_around.settings, "tests")
    keys, key = Authenticator(engine), await a_key(engine)
    now = time.monotonic()
    monkeypatch.setattr(key_lookup, "time", SimpleNamespace(monotonic=lambda: now))
    await keys.caller(f"Bearer {key}")
    await postgres_server.kill()
    try:
        now += 0.9
        await keys.caller(f"Bearer {key}")
        now += 0.2
        for _ in range(2):
            with pytest.raises((DBAPIError, OSError)):
                await keys.caller(f"Bearer {key}")
    finally:
        await postgres_server.restart()
    assert await keys.caller(f"Bearer {key}")
    await engine.dispose()


async def get(service: Service, path: str, key: str) -> Any:
    async with service.client(key) as client:
        return await client.get(path)


async def test_a_key_is_told_what_it_opens(shared_around: Surroundings, shared_intake: Service) -> None:
    key = await add_key(shared_around.engine, "phong-van-quan", "Phòng LĐTBXH Văn Quan", ["184", "06280"], ["ntm-11"])
    answer = await get(shared_intake, "/v1/me", key)
    assert answer.json() == {
        "agency": "phong-van-quan",
        "name": "Phòng LĐTBXH Văn Quan",
        "key": id_of(key),
        "units": [{"code": "184", "name": "Văn Quan"}, {"code": "06280", "name": "Điềm He"}],
        "criteria": ["ntm-11"],
        "expires_at": None,
        "rate_per_minute": 6000,
        "role": None,
    }


async def test_a_token_opens_what_its_scope_says(shared_intake: Service, issuer: TokenIssuer) -> None:
    answer = await get(shared_intake, "/v1/me", issuer.token())
    assert answer.status_code == 200
    assert (answer.json()["agency"], answer.json()["key"]) == ("so-ldtbxh", "client-7")
    assert answer.json()["units"] == [{"code": "184", "name": "Văn Quan"}]
    assert (await get(shared_intake, "/v1/me", issuer.token(aud="others"))).status_code == 401


async def test_who_asks_too_often_is_told_when_to_come_again(
    shared_around: Surroundings, shared_intake: Service
) -> None:
    key = await add_key(shared_around.engine, "eager", "Eager", ["20"], ["*"], Terms(rate_per_minute=1))
    await within_one_minute()
    assert (await get(shared_intake, "/v1/me", key)).status_code == 200
    answer = await get(shared_intake, "/v1/me", key)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_no_secret_reaches_the_log(
    shared_around: Surroundings, shared_intake: Service, issuer: TokenIssuer
) -> None:
    good = await add_key(shared_around.engine, "logged", "Logged", ["20"], ["*"])
    tokens = [issuer.token(), issuer.token(aud="x"), issuer.token(headers={"kid": "?"}), issuer.token(without="azp")]
    for secret in (good, good[:-1], new_key()[1], *tokens, tokens[0][:-3]):
        answer = await get(shared_intake, "/v1/me", secret)
        assert secret not in answer.text
    await revoke_keys(shared_around.engine, "logged")
    await asyncio.sleep(1.2)
    assert (await get(shared_intake, "/v1/me", good)).status_code == 401
    log = shared_intake.log.read_text()
    assert good.split("_", 2)[2][:20] not in log
    for token in tokens:
        assert token.split(".")[1][:20] not in log
    assert "ntm_***" not in log
