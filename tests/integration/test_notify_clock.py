"""Under a simulated clock people read its dates: in the ledger, its export, and at mails; links hold by its days."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from nats.aio.client import Client

from shared.service.clock import clock_stream, set_day
from shared.time import VIETNAM
from tests.changes import DISTRICT_OFFICE, a_status_change
from tests.integration.notify_service import NotifyService, link_of, notify_service
from tests.servers import NatsServer
from tests.waiting import eventually

DAY = date(2023, 6, 30)


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, [DISTRICT_OFFICE]) as notify:
        notify.env.update(NTM_CLOCK="simulated")
        await nats.jetstream().add_stream(clock_stream())
        await set_day(nats.jetstream(), DAY)
        await notify.start()
        yield notify


def day_of(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(VIETNAM).date()


async def test_the_ledger_its_export_and_mails_have_the_days_of_the_clock(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    notices = await notify.notices()
    attempts = [attempt for notice in notices for attempt in notice["attempts"]]
    assert attempts
    assert {day_of(notice["created_at"]) for notice in notices} == {DAY}
    assert {day_of(attempt[name]) for attempt in attempts for name in ("started_at", "finished_at")} == {DAY}
    assert all(attempt["started_at"] <= attempt["finished_at"] for attempt in attempts)
    header, *rows = (await notify.get("/v1/notices.csv", await notify.key("20"))).text.splitlines()
    names = header.lstrip("\ufeff").split(";")
    cells = [dict(zip(names, row.split(";"), strict=False)) for row in rows]
    assert {cell[name][:10] for cell in cells for name in ("created_at", "finished_at")} == {DAY.isoformat(), ""}
    [mail] = [one for one in notify.mails if one.to == DISTRICT_OFFICE.emails]
    sent = message_from_bytes(notify.postbox.outbox.raw_mail(mail.n) or b"")
    assert parsedate_to_datetime(sent["Date"]).astimezone(VIETNAM).date() == DAY
    # leases and a rebuild go by the real time
    [row] = await notify.rows("SELECT count(*) FROM notify.notice WHERE made_at < now() - interval '1 day'")
    assert row == (0,)


async def test_a_link_holds_for_thirty_days_of_the_clock(notify: NotifyService, nats: Client) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    link = await link_of(notify)
    async with httpx.AsyncClient() as client:
        assert (await client.get(link)).status_code == 200
        await set_day(nats.jetstream(), DAY + timedelta(days=31))

        async def has_expired() -> bool:
            return (await client.get(link)).status_code == 410

        await eventually(has_expired, explain=lambda: notify.log)
