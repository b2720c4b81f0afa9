"""A backup of an older version of the program: it is restored, and migrated on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from services.cli.migrate import SCHEMAS
from shared.access.agency_keys import add_key
from shared.access.caller import EVERYTHING
from shared.backup.archive import verified
from shared.contracts import subjects
from shared.postgres.migrations import migrate, pending_migrations
from tests.integration.test_backup import COMMUNES, Filled, filled

__all__ = ["filled"]

pytestmark = pytest.mark.usefixtures("binding")

OLDER = {"access": "0001", "intake": "0006", "scoring": "0012", "notify": "0007"}


async def test_an_older_versions_backup_is_migrated_on(filled: Filled, tmp_path: Path) -> None:
    """Its database is that of the older version; what it lacks comes from the streams."""
    file, around = tmp_path / "b", filled.around
    async with filled.service("scoring").client(filled.key) as client:
        before = [(await client.get(f"/v1/communes/{unit}")).json()["statuses"] for unit in COMMUNES]
    await filled.stop()
    await filled.destroy_database()
    for schema, package in SCHEMAS.items():
        await migrate(around.engine, package, OLDER[schema])
    key = await add_key(around.engine, "older", "Older", ["20"], [EVERYTHING])
    js = around.nats.jetstream()
    for families in subjects.CONSUMERS.values():
        for family, consumer in families.items():
            await js.delete_consumer(subjects.stream_of(family) or "", consumer)
    await filled.ntm("backup", str(file))
    assert {schema: head[:4] for schema, head in (await asyncio.to_thread(verified, file, None)).heads.items()} == OLDER

    await filled.restore(str(file), "--replace")
    for package in SCHEMAS.values():
        assert await pending_migrations(around.engine, package) == []
    async with around.engine.connect() as connection:
        assert await connection.scalar(text("SELECT name FROM access.agency")) == "Older"
    await filled.start()
    await filled.settled()
    async with filled.service("scoring").client(key) as client:
        assert [(await client.get(f"/v1/communes/{unit}")).json()["statuses"] for unit in COMMUNES] == before
    await filled.ntm("audit", "verify")
