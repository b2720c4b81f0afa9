"""The district's office is told of a commune's contradictory figures, whatever else is open about the criterion."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nats.aio.client import Client

from shared.contracts.status import Event
from tests.changes import DISTRICT_OFFICE, a_status_change
from tests.integration.notify_service import NotifyService, notify_service, texts
from tests.servers import NatsServer

OFFICE = DISTRICT_OFFICE.emails[0]
AT = datetime(2023, 6, 30, 2, 15, tzinfo=UTC)


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, [DISTRICT_OFFICE]) as service:
        await service.start()
        yield service


async def open_alerts(notify: NotifyService) -> list[str]:
    rows = await notify.rows("SELECT event FROM notify.alert WHERE opens AND ended_at IS NULL ORDER BY at")
    return [event for (event,) in rows]


async def test_it_is_told_ended_by_its_own_end_and_leaves_a_missed_deadline_open(notify: NotifyService) -> None:
    missed = a_status_change(Event.MISSED, at=AT)
    await notify.publish(missed)
    await notify.settled()
    wrong = a_status_change(Event.CHANGED, contradiction="begins", at=AT + timedelta(hours=1))
    await notify.publish(wrong)
    await notify.settled(alerts=2)
    assert await open_alerts(notify) == ["missed", "figures_contradict"]

    right = a_status_change(Event.CHANGED, contradiction="ends", at=AT + timedelta(hours=2))
    await notify.publish(right)
    await notify.settled(alerts=3)
    assert await open_alerts(notify) == ["missed"]
    _, second = texts(notify, OFFICE)  # who has put it right is not told so
    assert "tiêu chí 11 (Nghèo đa chiều) có số liệu mâu thuẫn" in second
    assert "gửi lại số liệu đúng hoặc rút số liệu sai" in second

    listed = (await notify.get("/v1/alerts", await notify.key("184"))).json()["items"]
    assert [item["event"] for item in listed] == ["changed", "changed", "missed"]
