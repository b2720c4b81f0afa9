"""Migrations of notify from a database of an earlier version, with its rows, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.postgres.migrations import migrate, undrafted_changes
from tests.servers import PostgresServer

NOTIFY = "services.notify.storage"

_SILENCE = text(
    "INSERT INTO notify.silence (id, match, starts_at, ends_at, reason, author, created_at) "
    "VALUES (:id, '{}', now() - interval '2 days', now() + :ends, 'x', 'a', now())"
)
_ALERT = text(
    'INSERT INTO notify.alert (id, unit, kind, topic, event, severity, "on", at, raised_at, opens, sample, body) '
    "VALUES (:id, 1, 'status', 'ntm-11', 'fell_behind', 'warning', now(), now(), now(), true, false, '{}')"
)
_NOTICE = text(
    "INSERT INTO notify.notice (id, branch, recipient, unit, unit_code, name, channel, address, language, status, "
    "step, thread, sample, request_id, attempts, created_at, retry_until) VALUES "
    "(:id, 'b', 'district_office@184', 1, '06280', 'A', 'email', 'a@example.vn', 'vi', 'withheld', 0, :id, false, :id, "
    "0, now(), now())"
)
_MENTION = text(
    "INSERT INTO notify.mention (notice, alert, left_out, because) VALUES (:notice, :alert, 'silenced', :because)"
)
_CONTACT = text(
    "INSERT INTO notify.contact (id, role, unit, name, language, digest, sample, created_at, updated_at, updated_by) "
    "VALUES (:id, 'district_office', '184', 'A', 'vi', 'none', false, now(), now(), 'file')"
)
_ADDRESS = text(
    "INSERT INTO notify.address (contact, channel, place, address) VALUES (:contact, :channel, :place, :address)"
)


@pytest.fixture
async def engine(postgres_server: PostgresServer) -> AsyncIterator[AsyncEngine]:
    url = await postgres_server.create_database()
    engine = create_async_engine(url)
    yield engine
    await engine.dispose()
    await postgres_server.drop_database(url)


async def test_what_ended_silences_held_back_long_ago_stays_untold_and_what_still_is_held_back_is_told_later(
    engine: AsyncEngine,
) -> None:
    await migrate(engine, NOTIFY, "0006")
    mentions: dict[int, UUID] = {}
    async with engine.begin() as connection:
        for days in (-1, 1):
            silence, alert, notice = uuid4(), uuid4(), uuid4()
            await connection.execute(_SILENCE, {"id": silence, "ends": timedelta(days=days)})
            await connection.execute(_ALERT, {"id": alert})
            await connection.execute(_NOTICE, {"id": notice})
            await connection.execute(_MENTION, {"notice": notice, "alert": alert, "because": silence})
            mentions[days] = notice
    await migrate(engine, NOTIFY)
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT notice, released_at IS NOT NULL FROM notify.mention"))
        assert {tuple(row) for row in rows} == {(mentions[-1], True), (mentions[1], False)}
    assert await undrafted_changes(engine, NOTIFY) == []


async def test_stored_numbers_of_before_2018_get_their_new_prefix(engine: AsyncEngine) -> None:
    await migrate(engine, NOTIFY, "0006")
    contact = uuid4()
    addresses = [
        ("sms", "+841651234567"),
        ("sms", "+841991234567"),
        ("sms", "+84912345678"),
        ("sms", "+842053812345"),
        ("email", "+841651234567@example.vn"),
    ]
    async with engine.begin() as connection:
        await connection.execute(_CONTACT, {"id": contact})
        for place, (channel, address) in enumerate(addresses):
            row = {"contact": contact, "channel": channel, "place": place, "address": address}
            await connection.execute(_ADDRESS, row)
    await migrate(engine, NOTIFY)
    async with engine.connect() as connection:
        found = (await connection.scalars(text("SELECT address FROM notify.address ORDER BY place"))).all()
    assert found == [
        "+84351234567",
        "+84591234567",
        "+84912345678",
        "+842053812345",
        "+841651234567@example.vn",
    ]
