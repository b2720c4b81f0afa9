"""A contact's own data are handed over and erased, as the law on personal data asks, and the log names nobody."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from nats.js.errors import NotFoundError
from sqlalchemy import text

from deploy.local.running_system import RunningSystem
from services.notify.storage.personal_data import ERASED, waiting_too_long
from shared.contracts import subjects
from shared.contracts.trouble import TroubleReported
from shared.operations.catalogue import Code
from shared.time import VIETNAM, utc_now
from tests.changes import a_contact, a_status_change
from tests.integration.notify_service import NotifyService, link_of
from tests.running import ntm
from tests.waiting import eventually

NAME, MAIL, PHONE = "Hoàng Văn Riêng", "rieng.hoang@example.vn", "+84987650321"
SHARED = "ldtbxh.vanquan@example.vn"
ROLE, UNIT = "district_office", "184"
ASKED_ON = date(2026, 1, 30)


async def added(notify: NotifyService) -> str:
    """Add a person who shares the office's mailbox with it; return the contact's id."""
    person = a_contact(ROLE, UNIT, name=NAME, emails=[SHARED, MAIL], phones=[PHONE])
    answer = await notify.post("/v1/contacts", await notify.key("20"), json=person.model_dump(mode="json"))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def told(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    assert [mail for mail in notify.mails if mail.to == [MAIL]], "the person has to be told"


async def asked(notify: NotifyService, contact: str, kind: str, **changes: Any) -> Any:
    request = {"kind": kind, "asked_on": str(ASKED_ON), "reference": "12/DN-2026", **changes}
    return await notify.post(f"/v1/contacts/{contact}/personal-data", await notify.key("20"), json=request)


async def rows_with(notify: NotifyService, words: str) -> set[str]:
    """Return the tables of notify that hold these words, in whatever column."""
    found = set()
    async with notify.engine.connect() as connection:
        tables = await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'notify'"))
        for table in tables.scalars().all():
            query = text(f"SELECT count(*) FROM notify.{table} AS kept WHERE kept::text LIKE '%' || :words || '%'")  # noqa: S608
            if await connection.scalar(query, {"words": words}):
                found.add(table)
    return found


async def test_what_is_kept_of_a_person_is_handed_over_with_its_purpose(notify: NotifyService) -> None:
    contact = await added(notify)
    await told(notify)
    answer = await asked(notify, contact, "export")
    assert answer.status_code == 200, answer.text
    handed = answer.json()
    assert handed["data"]["contact"]["phones"] == [PHONE]
    assert {one["address"] for one in handed["data"]["notices"]} >= {MAIL}
    assert all(one["text"] for one in handed["data"]["notices"] if one["address"] == MAIL)
    assert handed["data"]["purpose"]["vi"]
    assert handed["entry"]["notices"] == len(handed["data"]["notices"])
    assert await rows_with(notify, MAIL) >= {"address", "notice"}  # all of it stays


async def test_an_erased_person_stands_nowhere_any_more_and_the_office_goes_on(notify: NotifyService) -> None:
    contact = await added(notify)
    await told(notify)
    async with notify.engine.begin() as connection:  # what a refused mail and an answer to it leave behind
        await connection.execute(
            text(
                "UPDATE notify.attempt SET detail = :detail "
                "WHERE notice IN (SELECT id FROM notify.notice WHERE address = :mail)"
            ),
            {"detail": f"550 {MAIL} is over quota", "mail": MAIL},
        )
        await connection.execute(
            text(
                "INSERT INTO notify.answer (digest, notice, at, sender, meaning, words) "
                "SELECT '\\x00', id, created_at, address, 'note', :words FROM notify.notice "
                "WHERE address = :mail LIMIT 1"
            ),
            {"mail": MAIL, "words": f"Tôi là {NAME}."},
        )
        waiting = "UPDATE notify.notice SET due_at = now() + interval '1 day', status = 'created' WHERE address = :mail"
        await connection.execute(text(waiting), {"mail": MAIL})
    assert await rows_with(notify, NAME) >= {"contact", "notice", "answer"}
    told_before = [mail for mail in notify.mails if mail.to == [MAIL]]

    answer = await asked(notify, contact, "erasure")
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert done["data"] is None
    assert done["entry"]["notices"] > 0
    assert any("sao lưu" in words["vi"] for words in done["remains"])
    for words in (NAME, MAIL, PHONE):
        assert await rows_with(notify, words) == set(), words
    assert "address" in await rows_with(notify, SHARED)  # it is the office's too
    marked = [row for row in await notify.rows("SELECT name, text, due_at FROM notify.notice") if row.name == ERASED]
    assert marked
    assert all(row.text == ERASED and row.due_at is None for row in marked)

    await notify.publish(a_status_change())
    await notify.settled(alerts=2)
    assert [mail for mail in notify.mails if mail.to == [MAIL]] == told_before
    page = await notify.get("/v1/notices", await notify.key("20"))
    assert page.status_code == 200, page.text
    assert (await asked(notify, contact, "export")).status_code == 404


async def test_who_took_care_of_an_alert_is_named_no_more(notify: NotifyService) -> None:
    people = (await notify.get("/v1/contacts", await notify.key("20"))).json()["items"]
    office = next(one for one in people if SHARED in one["emails"])
    await notify.publish(a_status_change())
    await notify.settled()
    async with notify.service.client() as client:
        taken = await client.post(await link_of(notify), data={"note": f"{office['name']} gọi cho xã."})
    assert taken.status_code == 200, taken.text
    await notify.log_published()  # where the name remains for a year, as the answer says
    assert "alert" in await rows_with(notify, office["name"])
    assert (await asked(notify, office["id"], "erasure")).status_code == 200
    assert await rows_with(notify, office["name"]) == set()
    assert await rows_with(notify, SHARED) == set()
    await notify.stop()
    await notify.start()  # with the file of contacts that names the office still
    people = (await notify.get("/v1/contacts", await notify.key("20"))).json()["items"]
    assert office["name"] not in {one["name"] for one in people}


async def test_the_log_says_when_and_by_whom_and_names_nobody(notify: NotifyService) -> None:
    contact = await added(notify)
    assert (await asked(notify, contact, "export")).status_code == 200
    assert (await asked(notify, contact, "erasure", asked_by="representative")).status_code == 200
    answer = await notify.get("/v1/personal-data-requests", await notify.key("20"))
    erased, handed = answer.json()["items"]
    assert (handed["kind"], erased["kind"]) == ("export", "erasure")
    # a Friday: two working days later is Tuesday
    assert (erased["answer_by"], erased["carry_out_by"]) == ("2026-02-03", "2026-02-14")
    assert (erased["reference"], erased["asked_by"]) == ("12/DN-2026", "representative")
    assert erased["done_by"]
    assert NAME not in answer.text
    assert MAIL not in answer.text
    assert NAME not in notify.log


async def reported(notify: NotifyService) -> TroubleReported | None:
    """Return how things stand about requests that wait, as notify has told them last."""
    subject = subjects.trouble("notify", Code.PERSONAL)
    try:
        message = await notify.nats.jetstream().get_last_msg(subjects.OPERATIONS_STREAM, subject)
    except NotFoundError:
        return None
    return TroubleReported.model_validate_json(message.data or b"")


async def filed(notify: NotifyService, contact: str, asked_on: date) -> Any:
    request = {"kind": "erasure", "asked_on": str(asked_on), "reference": "12/DN-2026"}
    path = f"/v1/contacts/{contact}/personal-data-requests"
    answer = await notify.post(path, await notify.key("20"), json=request)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_operators_are_reminded_of_a_request_that_waits_until_it_is_carried_out(notify: NotifyService) -> None:
    contact = await added(notify)
    await filed(notify, contact, ASKED_ON)

    async def stands_as(state: str) -> TroubleReported | None:
        report = await reported(notify)
        return report if report and report.state == state else None

    report = await eventually(lambda: stands_as("raised"), explain=lambda: notify.log)
    assert report.details.vi == "1 yêu cầu; hạn trả lời sớm nhất 03/02/2026, hạn thực hiện 14/02/2026"
    assert NAME not in report.model_dump_json()

    later = str(ASKED_ON + timedelta(days=7))
    waiting = await filed(notify, contact, date.fromisoformat(later))
    assert (waiting["answer_by"], waiting["done_at"], waiting["done_by"]) == ("2026-02-10", None, None)
    listed = await notify.get("/v1/personal-data-requests", await notify.key("20"))
    assert [(one["answer_by"], one["done_at"]) for one in listed.json()["items"]] == [
        ("2026-02-03", None),
        ("2026-02-10", None),
    ]
    done = (await asked(notify, contact, "erasure", asked_on=later)).json()["entry"]
    assert done["asked_on"] == str(ASKED_ON), "the day on which it came first"
    await eventually(lambda: stands_as("cleared"), explain=lambda: notify.log)
    listed = await notify.get("/v1/personal-data-requests", await notify.key("20"))
    assert [one["id"] for one in listed.json()["items"]] == [done["id"]]


async def test_nobody_is_reminded_of_a_request_before_its_answer_is_due_nor_does_another_kind_end_it(
    notify: NotifyService,
) -> None:
    contact = await added(notify)
    today = utc_now().astimezone(VIETNAM).date()
    await filed(notify, contact, today)
    await asked(notify, contact, "export", asked_on=str(today))
    async with notify.engine.connect() as connection:
        tomorrow, late = today + timedelta(days=1), today + timedelta(days=30)
        assert await waiting_too_long(connection, tomorrow) is None
        assert (await waiting_too_long(connection, late)).number == 1


async def test_only_the_province_may_and_a_name_is_no_reference(notify: NotifyService) -> None:
    contact = await added(notify)
    request = {"kind": "erasure", "asked_on": str(ASKED_ON)}
    path = f"/v1/contacts/{contact}/personal-data"
    for key in (await notify.key("184"), await notify.key("20", criteria=("ntm-11",))):
        assert (await notify.post(path, key, json=request)).status_code == 403
        assert (await notify.get("/v1/personal-data-requests", key)).status_code == 403
    assert (await asked(notify, contact, "erasure", reference="Hoàng Văn Riêng")).status_code == 422
    tomorrow = utc_now().astimezone(VIETNAM).date() + timedelta(days=2)
    refused = await asked(notify, contact, "erasure", asked_on=str(tomorrow))
    assert refused.status_code == 400, refused.text
    assert str(tomorrow) in refused.text
    assert "contact" in await rows_with(notify, NAME)


async def test_the_program_hands_over_erases_and_lists(notify: NotifyService, tmp_path: Path) -> None:
    await added(notify)
    await told(notify)
    nowhere = "http://127.0.0.1:9"
    RunningSystem(
        intake_url=nowhere, scoring_url=nowhere, notify_url=notify.url, postbox_url=nowhere, nats_url=nowhere,
        database_url=nowhere, clock="real",
    ).write(tmp_path)  # fmt: skip
    key, out = await notify.key("20"), tmp_path / "data.json"
    common = ("--asked-on", "2026-01-30", "--reference", "12/DN-2026", "--key", key)
    env = {"NTM_DATA": str(tmp_path)}
    await ntm("contacts", "export-personal", NAME, *common, "--out", str(out), **env)
    assert json.loads(out.read_text(encoding="utf-8"))["contact"]["emails"] == [SHARED, MAIL]
    assert out.stat().st_mode & 0o777 == 0o600
    assert "2026-02-03" in await ntm("contacts", "file-personal", NAME, "erasure", *common, **env)
    assert "chờ / waits" in " ".join((await ntm("contacts", "personal-requests", "--key", key, **env)).split())
    assert "đã xóa" in await ntm("contacts", "erase", NAME, *common, "--yes", **env)
    assert await rows_with(notify, MAIL) == set()
    listed = await ntm("contacts", "personal-requests", "--key", key, **env)
    assert listed.count("12/DN-2026") == 2
    assert "no such contact" in await ntm("contacts", "erase", NAME, *common, "--yes", status=1, **env)
