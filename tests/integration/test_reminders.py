"""Reminders: whoever has not reported hears of it some working days before the report is due, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from deploy.local.gateways import GatewayKeys
from deploy.local.postbox import Postbox
from services.notify.telling.pipeline import Pipeline
from services.notify.telling.tell import tell
from services.notify.telling.tell_gathered import tell_gathered
from services.notify.telling.world_reader import WorldReader
from shared.contracts.bilingual import Bilingual
from shared.contracts.period import Period
from shared.contracts.report_due import ReportEvent, ReportSoonDue
from shared.stable_id import stable_id
from shared.time import VIETNAM
from shared.working_days import before_working_days
from tests.changes import DIEM_HE, DISTRICT_OFFICE, VAN_QUAN, a_contact, an_alert, the_world
from tests.integration.notify_service import MailServer
from tests.integration.test_interleaved_notify import ARRIVING, TELLING, known, rows
from tests.integration.test_reviews import post, poverty
from tests.running import Surroundings
from tests.waiting import eventually

LIEN_HOI, TAN_VAN, BINH_GIA = "06268", "06121", "181"
DUE = date(2023, 8, 5)
"""The last day of the reports of July: a Saturday."""


@asynccontextmanager
async def mails(around: Surroundings, directory: Path) -> AsyncIterator[Any]:
    """Run notify with a mail server while the block does; yield the function that lists the mails to an address."""
    contacts = [DISTRICT_OFFICE, a_contact("district_office", BINH_GIA, emails=["binhgia@example.vn"])]
    file = directory / "contacts.yaml"
    file.write_text(yaml.safe_dump({"contacts": [one.model_dump(mode="json") for one in contacts]}), encoding="utf-8")
    postbox = Postbox(directory / "postbox", GatewayKeys("api-key", "secret-key"))
    server = MailServer(postbox)
    await server.start()
    await around.start(
        "notify",
        NTM_CONTACTS=str(file),
        NTM_SMTP_HOST="127.0.0.1",
        NTM_SMTP_PORT=str(server.port),
        NTM_SMTP_FROM="ntm@langson.example.vn",
        NTM_SMTP_STARTTLS="false",
        NTM_WAIT_SHARE="0.001",
    )
    try:
        yield lambda address: [sent for sent in postbox.outbox.items if sent.kind == "mail" and sent.to == [address]]
    finally:
        await server.stop()


async def test_only_who_has_not_reported_is_reminded_once_and_by_name(around: Surroundings, tmp_path: Path) -> None:
    await around.set_day(date(2023, 7, 20))
    intake = await around.start("intake")
    province = await around.key("20")
    for unit in (LIEN_HOI, "06286"):
        await post(intake, province, poverty(100, "2023-06", unit=unit))
    await post(intake, province, poverty(100, "2023-07", unit="06286"))
    for unit, readings in ((TAN_VAN, None), (BINH_GIA, {"jobs_found": 3, "gbv_cases": 0})):
        await post(intake, province, poverty(100, "2023-07", unit=unit, **({"readings": readings} if readings else {})))
    async with mails(around, tmp_path) as sent_to:
        before = before_working_days(DUE, 3) - timedelta(days=1)
        assert before == date(2023, 8, 1)
        await around.set_day(before)
        await around.set_day(before + timedelta(days=1))
        await eventually(lambda: sent_to(DISTRICT_OFFICE.emails[0]))
        await around.set_day(DUE)
        await post(intake, province, poverty(100, "2023-07", unit=LIEN_HOI))

        async def over() -> bool:
            found = await rows(
                around, "SELECT 1 FROM notify.alert WHERE event = 'report_settled' AND topic LIKE 'pov%'"
            )
            return bool(found)

        await eventually(over)
        [mail] = sent_to(DISTRICT_OFFICE.emails[0])
        assert "Sắp đến hạn 3 báo cáo (tháng 7/2023)" in mail.subject
        assert "Huyện Văn Quan (2 xã): Liên Hội, Điềm He" in mail.text
        assert "Khánh Khê" not in mail.text, "it has reported"
        assert "trước khi hết hạn 05/08/2023" in mail.text
        assert sent_to("binhgia@example.vn") == [], "all of it is in"
        async with around.services[-1].client(province) as client:
            listed = (await client.get("/v1/alerts", params={"unit": "184", "limit": 5000})).json()["items"]
        [reminder] = [
            item for item in listed if item["topic"] == "poverty-monthly/2023-07" and "sắp" in item["what"]["vi"]
        ]
        assert reminder["reason"]["vi"] == "Hạn gửi: 05/08/2023; chưa gửi: xã Liên Hội, xã Điềm He."


def soon_due(event: ReportEvent, minutes: int = 0) -> ReportSoonDue:
    at = datetime(2023, 8, 2, 0, 5, tzinfo=VIETNAM) + timedelta(minutes=minutes)
    return ReportSoonDue(
        id=stable_id("reminder of the test", event),
        event=event,
        at=at,
        unit=VAN_QUAN,
        report="poverty-monthly",
        name=Bilingual(vi="Rà soát thường xuyên", en="Regular review"),
        period=Period.parse("2023-07"),
        due=DUE,
        missing=[DIEM_HE] if event is ReportEvent.SOON_DUE else [],
    )


async def test_a_reminder_is_silent_once_the_report_is_in(around: Surroundings) -> None:
    await known(around, DISTRICT_OFFICE)
    pipeline = Pipeline(ARRIVING, TELLING, WorldReader(the_world()))
    soon = soon_due(ReportEvent.SOON_DUE)
    for minutes, one in ((0, soon), (5, soon_due(ReportEvent.SETTLED, 5))):
        async with around.engine.begin() as connection:
            await tell(connection, [an_alert(one)], pipeline, soon.at + timedelta(minutes=minutes))
    async with around.engine.begin() as connection:
        await tell_gathered(connection, pipeline, soon.at + timedelta(minutes=11))
    assert await rows(around, "SELECT recipient, status FROM notify.notice") == [("district_office@184", "withheld")]
    assert await rows(around, "SELECT 1 FROM notify.alert WHERE opens AND ended_at IS NULL") == []
