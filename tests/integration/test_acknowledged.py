"""Who takes care of an alert with a note finds it in the monthly report, and is not called any more; real parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from io import BytesIO
from pathlib import Path
from uuid import UUID

import docx
import pytest
from nats.aio.client import Client

from services.notify.alerts.log import log_message
from services.scoring.update.rebuild import rebuild
from shared.access.agency_keys import add_key
from shared.contracts.alert import AlertEvent
from shared.nats.publishing import publish
from shared.time import utc_now
from tests.binding_plan import binding_plans
from tests.changes import DISTRICT_OFFICE
from tests.integration.notify_service import NotifyService, notify_service
from tests.integration.test_scoring import BORDER, poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.servers import NatsServer
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

HERE, ELSEWHERE = (BORDER, "180"), ("06532", "188")
"""Communes that the plan binds to criterion 11, each with its district."""

PEOPLE = {"180": "Phòng NN&PTNT huyện Tràng Định", "188": "Phòng NN&PTNT huyện Lộc Bình"}
NOTE = "Đang rà soát lại 60 hộ,\n hỗ trợ vốn vay trước tháng 9."
WRITTEN = "Đang rà soát lại 60 hộ, hỗ trợ vốn vay trước tháng 9"


@pytest.fixture
async def notify(
    around: Surroundings, tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    """A running notify whose days are simulated, as scoring's are."""
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, [DISTRICT_OFFICE]) as notify:
        notify.env["NTM_CLOCK"] = "simulated"
        await notify.start()
        yield notify


async def acknowledge(around: Surroundings, notify: NotifyService, place: tuple[str, str], note: str) -> None:
    """Take care of the alert about a commune as the office of its district, by notify's API."""
    commune, district = place
    key = await add_key(around.engine, f"office-{district}", PEOPLE[district], [district], ["*"])

    async def raised() -> str | None:
        found = (await notify.get("/v1/alerts", key, unit=commune, open=True)).json()["items"]
        return found[0]["id"] if found else None

    alert = await eventually(raised, explain=lambda: notify.log)
    done = await notify.post(f"/v1/alerts/{alert}/acknowledge", key, json={"note": note})
    assert done.status_code == 200, done.text
    await notify.log_published()


async def report(around: Surroundings, scoring: Service, month: str, unit: str = "20") -> str:
    """Return the paragraphs and cells of a report."""
    async with scoring.client(await around.key("20")) as client:
        answer = await client.get(f"/v1/reports/{month}.docx", params={"unit": unit})
    assert answer.status_code == 200, answer.text
    document = docx.Document(BytesIO(answer.content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


async def test_an_acknowledgement_stands_in_the_report_from_its_month_on_and_in_no_other_districts(
    around: Surroundings, scoring: Service, notify: NotifyService
) -> None:
    for unit, district in (HERE, ELSEWHERE):
        await put_on_stream(around, poverty_report("2022-12", 200, date(2023, 6, 6), unit=unit, district=district))
    await acknowledge(around, notify, HERE, NOTE)
    said = (
        "+ Xã Quốc Khánh, huyện Tràng Định, tiêu chí 11. Nghèo đa chiều: "
        f"“{WRITTEN}” (Phòng NN&PTNT huyện Tràng Định, ngày 30/06/2023)."
    )
    for unit in ("20", "180"):
        assert said in await report(around, scoring, "2023-06", unit)
    assert "rà soát lại" not in await report(around, scoring, "2023-06", "188")
    assert "rà soát lại" not in await report(around, scoring, "2023-05"), "nobody knew of it then"
    assert "office-180" not in await report(around, scoring, "2023-06"), "people are named as people know them"

    await around.set_day(date(2023, 7, 4))

    async def is_july() -> bool:
        async with scoring.client(await around.key("20")) as client:
            return (await client.get("/v1/reports/2023-07.docx")).status_code == 200

    await eventually(is_july)
    await acknowledge(around, notify, ELSEWHERE, "Giao xã Mẫu Sơn lập danh sách.")
    june, july = await report(around, scoring, "2023-06"), await report(around, scoring, "2023-07")
    assert (said in june, "danh sách" in june) == (True, False), "a note from after the month is not in its report"
    assert (
        said in july,
        "Giao xã Mẫu Sơn lập danh sách” (Phòng NN&PTNT huyện Lộc Bình, ngày 04/07/2023)" in july,
    ) == (
        True,
        True,
    )

    rebuilt = await rebuild(around.engine, around.nats, binding_plans(), date(2023, 7, 4), switch=True)
    assert rebuilt.switched
    again = await around.start("scoring")
    assert await report(around, again, "2023-06") == june
    assert await report(around, again, "2023-07") == july

    for service in (scoring, again):
        assert "rà soát lại" not in service.log.read_text(), "a person's text is in no log"
    assert "rà soát lại" not in notify.log


async def test_a_note_on_what_has_recovered_is_not_told_when_it_is_behind_again(
    around: Surroundings, scoring: Service, notify: NotifyService
) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200, date(2023, 6, 6)))
    await acknowledge(around, notify, HERE, NOTE)
    assert WRITTEN in await report(around, scoring, "2023-06")
    await put_on_stream(around, poverty_report("2023-05", 10, date(2023, 6, 6)))

    async def is_behind(behind: bool) -> bool:
        return ("Tỷ lệ nghèo đa chiều:" in await report(around, scoring, "2023-06")) == behind

    await eventually(lambda: is_behind(False))
    await put_on_stream(around, poverty_report("2023-06", 190, date(2023, 6, 30)))
    await eventually(lambda: is_behind(True))
    assert WRITTEN not in await report(around, scoring, "2023-06"), "it was written of another time"


async def test_what_nobody_has_acknowledged_waits_by_district_until_somebody_does_or_it_is_not_behind_any_more(
    around: Surroundings, scoring: Service, notify: NotifyService
) -> None:
    office, district = await around.key("20"), await around.key("180")

    async def waiting(key: str) -> dict[str, tuple[int, int, str]]:
        async with scoring.client(key) as client:
            answer = await client.get("/v1/unacknowledged")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["waiting"] == sum(one["waiting"] for one in body["items"])
        return {one["unit"]["code"]: (one["waiting"], one["escalated"], one["oldest"]) for one in body["items"]}

    async def waits(*districts: str) -> bool:
        return set(await waiting(office)) - {"20"} == set(districts)

    assert await waiting(office) == {}
    for unit, above in (HERE, ELSEWHERE):
        await put_on_stream(around, poverty_report("2022-12", 200, date(2023, 6, 6), unit=unit, district=above))
    await eventually(lambda: waits("180", "188"), explain=lambda: notify.log)
    assert set(await waiting(district)) == {"180"}, "a district sees no other's"
    assert (await waiting(office))["180"] == (1, 0, "2023-06-30")

    alert = (await notify.get("/v1/alerts", office, unit=ELSEWHERE[0], open=True)).json()["items"][0]["id"]
    told = log_message(UUID(alert), ELSEWHERE[0], AlertEvent.ESCALATED, utc_now(), None, "after five days")
    await publish(around.nats, [told])
    assert (await waiting(office))["188"] == (1, 1, "2023-06-30"), "nobody reacted in time, so a higher role was told"

    await acknowledge(around, notify, HERE, NOTE)
    await eventually(lambda: waits("188"), explain=lambda: notify.log)
    await put_on_stream(around, poverty_report("2023-05", 10, date(2023, 6, 6), unit=ELSEWHERE[0], district="188"))
    await eventually(waits, explain=lambda: notify.log)
