"""Migrations move agencies and keys from schema `intake`, where earlier versions kept them, to schema `access`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.cli.migrate import SCHEMAS
from shared.access.agency_keys import add_key, list_keys, new_key, revoke_keys
from shared.access.authenticator import Authenticator
from shared.postgres.engine import create_engine
from shared.postgres.migrations import migrate, undrafted_changes
from shared.problems import Problem
from tests.running import Surroundings, settings_of
from tests.servers import NatsServer

INTAKE = "services.intake.storage"
MOMENT = datetime(2023, 6, 30, 8, tzinfo=UTC)
KEYS = {name: new_key() for name in ("valid", "revoked", "other")}

_AGENCIES = "INSERT INTO intake.agency (id, name, created_at) VALUES (:id, :name, :at)"
_KEYS = """
INSERT INTO intake.access_key (id, agency, secret_hash, units, criteria, created_at, revoked_at)
VALUES (:id, :agency, :hash, :units, :criteria, :at, :revoked_at)
"""


@pytest.fixture
async def engine(database_url: str, nats_server: NatsServer) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(settings_of(database_url, nats_server), "tests")
    yield engine
    await engine.dispose()


async def migrate_all(engine: AsyncEngine) -> None:
    for package in SCHEMAS.values():
        await migrate(engine, package)


async def an_older_database(engine: AsyncEngine, version: str) -> None:
    """Make the schema of an earlier version, with two agencies and three keys."""
    await migrate(engine, INTAKE, version)
    async with engine.begin() as connection:
        for agency in ("van-quan", "bac-son"):
            await connection.execute(text(_AGENCIES), {"id": agency, "name": f"Phòng {agency}", "at": MOMENT})
        for name, (key_id, _, secret_hash) in KEYS.items():
            row = {
                "id": key_id,
                "agency": "bac-son" if name == "other" else "van-quan",
                "hash": secret_hash,
                "units": ["184"],
                "criteria": ["ntm-11", "ntm-12"],
                "at": MOMENT,
                "revoked_at": MOMENT if name == "revoked" else None,
            }
            await connection.execute(text(_KEYS), row)


async def rows_of(engine: AsyncEngine, table: str) -> list[dict[str, Any]]:
    async with engine.connect() as connection:
        rows = await connection.execute(text(f"SELECT to_jsonb(t) AS row FROM {table} t ORDER BY t.id"))  # noqa: S608 - names of this test
        return [row.row for row in rows]


async def relations(engine: AsyncEngine, schema: str) -> dict[str, str]:
    """Return the tables (`r`) and views (`v`) of agencies and keys in a schema."""
    query = """
    SELECT relname, relkind::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = :schema AND relname IN ('agency', 'access_key')
    """
    async with engine.connect() as connection:
        rows = await connection.execute(text(query), {"schema": schema})
        return {row.relname: row.relkind for row in rows}


@pytest.mark.parametrize("version", ["0001", "0002", "0003"])
async def test_a_filled_database_keeps_its_agencies_and_keys(engine: AsyncEngine, version: str) -> None:
    await an_older_database(engine, version)
    before = {table: await rows_of(engine, f"intake.{table}") for table in ("agency", "access_key")}
    await migrate_all(engine)
    assert await relations(engine, "access") == {"agency": "r", "access_key": "r"}
    assert await rows_of(engine, "access.agency") == before["agency"]
    terms = {"expires_at": None, "replaced_by": None, "rate_per_minute": 6000, "last_used_at": None}
    assert await rows_of(engine, "access.access_key") == [
        {**terms, **row} if version == "0001" else row for row in before["access_key"]
    ]


async def test_who_had_a_key_signs_in_with_it_and_no_other_key_opens(engine: AsyncEngine) -> None:
    await an_older_database(engine, "0003")
    await migrate_all(engine)
    authenticator = Authenticator(engine)
    caller = await authenticator.caller(f"Bearer {KEYS['valid'][1]}")
    assert (caller.agency, caller.name, caller.units) == ("van-quan", "Phòng van-quan", ("184",))
    with pytest.raises(Problem):
        await authenticator.caller(f"Bearer {KEYS['revoked'][1]}")


async def test_the_database_still_refuses_a_key_of_no_agency(engine: AsyncEngine) -> None:
    await an_older_database(engine, "0003")
    await migrate_all(engine)
    async with engine.connect() as connection:
        with pytest.raises(IntegrityError, match="access_key_agency_fkey"):
            await connection.execute(text("UPDATE access.access_key SET agency = 'nobody'"))


async def test_processes_of_the_version_before_go_on_under_the_old_names(engine: AsyncEngine) -> None:
    await an_older_database(engine, "0003")
    await migrate_all(engine)
    assert await relations(engine, "intake") == {"agency": "v", "access_key": "v"}
    key_id, key, secret_hash = new_key()
    async with engine.begin() as connection:
        known = {"id": "van-quan", "name": "Another name", "at": MOMENT}
        await connection.execute(text(f"{_AGENCIES} ON CONFLICT DO NOTHING"), known)
        await connection.execute(text("SELECT id FROM intake.agency WHERE id = 'van-quan' FOR UPDATE"))
        row = {"id": key_id, "agency": "van-quan", "hash": secret_hash, "units": ["184"], "criteria": ["*"]}
        await connection.execute(text(_KEYS), {**row, "at": MOMENT, "revoked_at": None})
        await connection.execute(text("UPDATE intake.access_key SET last_used_at = now()"))
    listed = {one.id: one for one in await list_keys(engine)}
    assert len(listed) == 4
    assert listed[key_id].rate_per_minute == 6000
    assert all(one.last_used_at for one in listed.values())
    await Authenticator(engine).caller(f"Bearer {key}")


async def test_a_new_database_has_agencies_and_keys_in_access_alone(engine: AsyncEngine) -> None:
    await migrate_all(engine)
    assert await relations(engine, "access") == {"agency": "r", "access_key": "r"}
    assert await relations(engine, "intake") == {}
    await Authenticator(engine).caller(f"Bearer {await add_key(engine, 'a', 'A', ['184'], ['*'])}")


async def test_intake_alone_is_migrated_as_well(engine: AsyncEngine) -> None:
    await migrate(engine, INTAKE)
    await migrate_all(engine)
    assert await relations(engine, "access") == {"agency": "r", "access_key": "r"}


@pytest.mark.parametrize("older", [True, False])
async def test_migrating_again_changes_nothing_and_the_tables_are_as_declared(engine: AsyncEngine, older: bool) -> None:
    if older:
        await an_older_database(engine, "0003")
    await migrate_all(engine)
    key = await add_key(engine, "tests", "Tests", ["184"], ["*"])
    kept = json.dumps(await rows_of(engine, "access.access_key"))
    await migrate_all(engine)
    assert json.dumps(await rows_of(engine, "access.access_key")) == kept
    await Authenticator(engine).caller(f"Bearer {key}")
    for package in SCHEMAS.values():
        assert await undrafted_changes(engine, package) == []


async def test_agencies_in_both_places_are_never_dropped(engine: AsyncEngine) -> None:
    await migrate(engine, "shared.access")
    await migrate(engine, INTAKE, "0003")
    async with engine.begin() as connection:
        await connection.execute(text(_AGENCIES), {"id": "a", "name": "A", "at": MOMENT})
    with pytest.raises(RuntimeError, match="bring them together"):
        await migrate(engine, INTAKE)
    assert len(await rows_of(engine, "intake.agency")) == 1


async def test_ntm_migrate_takes_a_filled_database_and_lists_its_keys(around: Surroundings) -> None:
    async with around.engine.begin() as connection:
        for schema in SCHEMAS:
            await connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    await an_older_database(around.engine, "0003")
    await around.ntm("migrate")
    printed = await around.ntm("agency", "list")
    assert all(key_id in printed for key_id, _, _ in KEYS.values())
    await around.ntm("agency", "rotate", "van-quan")
    await revoke_keys(around.engine, "bac-son")
    assert {one.agency: one.state for one in await list_keys(around.engine) if one.id == KEYS["other"][0]} == {
        "bac-son": "revoked"
    }
