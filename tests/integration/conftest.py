"""Fixtures that several integration tests share.

`around`, `intake` and `scoring` are made for each test; `shared_around`, `shared_intake` and `shared_scoring` for all
tests of a module, which do not disturb their state. Modules that need communes which the plan binds use `binding`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from tests.changes import DISTRICT_OFFICE, a_contact
from tests.integration.notify_service import NotifyService, notify_service
from tests.running import Service, Surroundings
from tests.servers import NatsServer


@pytest.fixture
async def intake(around: Surroundings) -> Service:
    """A running intake of the test's own."""
    return await around.start("intake")


@pytest.fixture
async def scoring(around: Surroundings) -> Service:
    """A running scoring of the test's own."""
    return await around.start("scoring")


@pytest.fixture(scope="module")
async def shared_intake(shared_around: Surroundings) -> Service:
    """A running intake for all tests of a module."""
    return await shared_around.start("intake")


@pytest.fixture(scope="module")
async def shared_scoring(shared_around: Surroundings) -> Service:
    """A running scoring for all tests of a module."""
    return await shared_around.start("scoring")


@pytest.fixture(scope="module")
async def key(shared_around: Surroundings) -> str:
    """The key of the office of the district Văn Quan (184), for all tests of a module."""
    return await shared_around.key("184", agency="district-184")


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    """A running notify of the test's own, with three contacts, a budget for SMS and a token for delivery reports."""
    contacts = [
        DISTRICT_OFFICE,
        a_contact("poverty_division", "20", emails=["btxh@example.vn"]),
        a_contact("district_committee", "184", emails=["ubnd.vanquan@example.vn"]),
    ]
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, contacts) as notify:
        notify.env.update(
            NTM_SMS_REPORT_TOKEN="report-token", NTM_SMS_PRICE_DONG="800", NTM_SMS_DAILY_BUDGET_DONG="1600"
        )
        await notify.start()
        yield notify
