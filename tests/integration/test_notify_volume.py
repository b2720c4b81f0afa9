"""How many messages an office gets: one list of what is missing, and news apart from what asks for something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from shared.contracts.status import Event
from shared.contracts.verdict_change import StatusChanged, TargetChanged
from tests.changes import (
    DISTRICT_OFFICE,
    VAN_QUAN,
    a_contact,
    a_status_change,
    a_target_change,
    changes_of_communes,
)
from tests.integration.notify_service import NotifyService, notify_service, texts
from tests.servers import NatsServer
from tests.waiting import eventually

OFFICE, DIVISION, COMMITTEE = "ldtbxh.vanquan@example.vn", "btxh@example.vn", "ubnd.vanquan@example.vn"


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    contacts = [
        DISTRICT_OFFICE,
        a_contact("poverty_division", "20", emails=[DIVISION]),
        a_contact("district_committee", "184", emails=[COMMITTEE]),
    ]
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, contacts) as notify:
        notify.env["NTM_WAIT_SHARE"] = "0.005"
        await notify.start()
        yield notify


def overdue(change: StatusChanged | TargetChanged, *periods: str) -> StatusChanged | TargetChanged:
    """Return the change with these periods as overdue."""
    return change.model_copy(update={"assessment": change.assessment.model_copy(update={"overdue": list(periods)})})


async def test_a_month_without_reports_is_one_mail_to_each_office(notify: NotifyService) -> None:
    entitlements = [
        a_target_change().commitment.model_copy(update={"id": f"coverage-{name}"})
        for name in ("health", "credit", "housing")
    ]
    of_communes = [overdue(one, "2023-05") for one in changes_of_communes(16, Event.OVERDUE)]
    of_district = [
        overdue(a_target_change(Event.OVERDUE, unit=VAN_QUAN, commitment=one), "2023-Q2") for one in entitlements
    ]
    await notify.publish(*of_communes, *of_district)
    await notify.settled(alerts=19)
    for address in (OFFICE, DIVISION):
        [mail] = texts(notify, address)
        assert "Rà soát thường xuyên hộ nghèo, hộ cận nghèo, tháng 5/2023 (hạn 05/06/2023" in mail
        assert mail.count("Huyện Văn Quan") == 2, "a line for each report and district"
        assert "(16 xã): Trấn Ninh, Liên Hội" in mail
        assert mail.count("Báo cáo quý về hộ nghèo thụ hưởng chính sách") == 1
    [of_committee] = texts(notify, COMMITTEE)
    assert "Trấn Ninh" not in of_committee
    assert notify.messages == []


async def test_the_official_result_of_the_year_is_asked_for_by_sms_as_well(notify: NotifyService) -> None:
    await notify.publish(overdue(a_status_change(Event.OVERDUE), "2023"))
    await notify.settled()
    [sms] = notify.messages
    assert sms.text.startswith("NTM 06280 xa Diem He qua han Ket qua chinh thuc")


async def test_a_report_that_comes_ends_what_is_open_and_disturbs_nobody(notify: NotifyService) -> None:
    await notify.publish(overdue(a_status_change(Event.OVERDUE), "2023-05"))
    await notify.settled()
    await notify.publish(a_status_change(Event.REPORT_ARRIVED))

    async def waits_for_the_digest() -> bool:
        opened = await notify.rows("SELECT 1 FROM notify.alert WHERE opens AND ended_at IS NULL")
        news = await notify.rows(
            "SELECT recipient FROM notify.gathering WHERE waits = 'news' "
            "UNION SELECT recipient FROM notify.notice WHERE waited = 'news'"
        )
        return (list(opened), [recipient for (recipient,) in news]) == ([], ["poverty_division@20"])

    await eventually(waits_for_the_digest, explain=lambda: notify.log)
    assert len(texts(notify, OFFICE)) == 1
