"""Nobody keeps an office above or beside from hearing: tried by every door of notify that could; real parts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.contracts.refs import UnitRef
from shared.time import utc_now
from tests.changes import DIEM_HE, LABOUR, a_status_change
from tests.integration.notify_service import NotifyService, texts
from tests.running import Surroundings
from tests.waiting import eventually

OFFICE = "ldtbxh.vanquan@example.vn"
COMMITTEE = "ubnd.vanquan@example.vn"
DIVISION = "btxh@example.vn"


async def silence(notify: NotifyService, key: str, days: float = 1, **fields: Any) -> Any:
    ends_at = (utc_now() + timedelta(days=days)).isoformat()
    wanted = {"match": {"under": ["184"]}, "ends_at": ends_at, "reason": "Đang khắc phục lũ", **fields}
    return await notify.post("/v1/silences", key, json=wanted)


def code_of(answer: Any) -> tuple[int, str, str]:
    fault = answer.json()["errors"][0]
    return answer.status_code, fault["pointer"], fault["code"]


@pytest.mark.parametrize("under", ["184", "06280"])
async def test_a_district_silences_itself_and_nobody_above(notify: NotifyService, under: str) -> None:
    made = await silence(notify, await notify.key("184"), match={"under": [under]})
    assert made.status_code == 201, made.text
    assert made.json()["for_others"] is False
    await notify.publish(a_status_change())
    await notify.settled()
    assert texts(notify, OFFICE) == []
    assert len(texts(notify, DIVISION)) == 1
    assert notify.silence_mails == [], "nobody else is silenced, so nobody is told"
    climbing = await notify.rows("SELECT branch FROM notify.escalation")
    assert climbing, "what the office silenced for itself climbs all the same"


async def test_what_climbed_to_an_office_is_told_despite_its_own_silence(notify: NotifyService) -> None:
    assert (await silence(notify, await notify.key("184"))).status_code == 201
    await notify.publish(a_status_change())
    await notify.settled()
    assert texts(notify, COMMITTEE) == []
    async with notify.engine.begin() as connection:
        await connection.execute(text("UPDATE notify.escalation SET due_at = now()"))

    async def the_committee_heard() -> bool:
        return bool(texts(notify, COMMITTEE))

    await eventually(the_committee_heard, explain=lambda: notify.log)


async def test_a_key_for_one_criterion_silences_that_criterion_alone(notify: NotifyService) -> None:
    limited = await notify.key("184", criteria=["ntm-11"], agency="limited")
    assert code_of(await silence(notify, limited)) == (403, "/match/criteria", "own_criteria_needed")
    for others in (["ntm-12"], ["ntm-11", "ntm-12"]):
        answer = await silence(notify, limited, match={"under": ["184"], "criteria": others})
        assert code_of(answer)[2] == "outside_criterion"
    made = await silence(notify, limited, match={"under": ["184"], "criteria": ["ntm-11"]})
    assert made.status_code == 201, made.text
    await notify.publish(a_status_change(), a_status_change(criterion=LABOUR))
    await notify.settled(alerts=2)
    assert len(texts(notify, OFFICE)) == 1
    assert "Nghèo đa chiều" not in texts(notify, OFFICE)[0]


async def test_a_sector_of_the_province_silences_itself_and_not_its_district_or_the_leadership(
    notify: NotifyService,
) -> None:
    sector = await notify.key("20", criteria=["ntm-11"], agency="sector")
    for recipient in ("district_office@184", "coordination_office@20", "department_leadership@20"):
        answer = await silence(notify, sector, match={"criteria": ["ntm-11"]}, recipient=recipient)
        assert code_of(answer) == (403, "/recipient", "others_recipient"), recipient
    made = await silence(notify, sector, match={"criteria": ["ntm-11"]})
    assert made.status_code == 201, made.text
    await notify.publish(a_status_change())
    await notify.settled()
    assert texts(notify, DIVISION) == []
    assert len(texts(notify, OFFICE)) == 1


async def test_a_coordinator_silences_others_who_are_told_why_and_until_when(notify: NotifyService) -> None:
    coordinator = await notify.key("20")
    made = await silence(notify, coordinator)
    assert made.status_code == 201, made.text
    assert made.json()["for_others"] is True
    await notify.publish(a_status_change())
    await notify.settled()
    assert notify.mails == []
    told = {mail.to[0]: mail.text for mail in notify.silence_mails}
    assert set(told) == {OFFICE, COMMITTEE, DIVISION}
    assert "Đang khắc phục lũ" in told[OFFICE]
    again = await silence(notify, coordinator, match={"on": "operation"})
    assert again.status_code == 201, "and that is told as well"
    await notify.settled()
    other = await silence(notify, coordinator, match={}, recipient="district_committee@184")
    assert other.status_code == 201
    await notify.settled()
    assert [mail.to for mail in notify.silence_mails][-1:] == [[COMMITTEE]]


@pytest.mark.parametrize(
    ("days", "reason", "code"),
    [
        (365, "Đang khắc phục lũ", "end_too_late"),
        (31.5, "Đang khắc phục lũ", "end_too_late"),
        (1, "   ", "empty"),
        (1, "...", "empty"),
        (1, "\N{ZERO WIDTH SPACE}abc", "invisible_mark"),
    ],
)
async def test_a_silence_ends_within_a_month_and_has_a_reason(
    notify: NotifyService, days: float, reason: str, code: str
) -> None:
    for key in (await notify.key("20"), await notify.key("184")):
        assert code_of(await silence(notify, key, days, reason=reason))[2] == code


async def test_a_silence_ends_with_its_commune_and_is_listed_as_ended(around: Surroundings) -> None:
    """Xã Điềm He ends on 30 June 2025, and a larger commune has its name and its code from the day after on."""
    await around.set_day(date(2025, 6, 20))
    service = await around.start(
        "notify", NTM_SMTP_HOST="127.0.0.1", NTM_SMTP_FROM="ntm@example.vn", NTM_WAIT_SHARE="0"
    )
    ends_at = (utc_now() + timedelta(days=20)).isoformat()
    province, commune = await around.key("20"), await around.key("06280", agency="diem-he")

    async def given(key: str, **fields: Any) -> str:
        wanted = {"match": {"under": ["06280"]}, "ends_at": ends_at, "reason": "Đang sáp nhập", **fields}
        async with service.client(key) as client:
            made = await client.post("/v1/silences", json=wanted)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def listed(*, ended: bool) -> dict[str, str | None]:
        async with service.client(commune) as client:
            items = (await client.get("/v1/silences", params={"ended": ended})).json()["items"]
        return {item["id"]: item["ended_with_units_on"] for item in items}

    whole = await given(province, match={"under": ["06280", "20"]})
    its_own = [await given(key) for key in (province, commune)]
    assert await listed(ended=False) == dict.fromkeys([whole, *its_own])
    await around.set_day(date(2025, 7, 2))

    async def are_ended() -> bool:
        return await listed(ended=False) == {whole: None}

    await eventually(are_ended)
    assert await listed(ended=True) == {whole: None, **dict.fromkeys(its_own, "2025-06-30")}
    new = await given(commune)
    assert await listed(ended=False) == {whole: None, new: None}


async def test_the_silence_of_a_commune_that_has_ended_hides_nothing_of_the_one_that_has_its_code(
    notify: NotifyService,
) -> None:
    made = [await silence(notify, await notify.key(unit), match={"under": ["06280"]}) for unit in ("20", "184")]
    assert [answer.status_code for answer in made] == [201, 201]
    async with notify.engine.begin() as connection:
        await connection.execute(text("UPDATE notify.silence SET given_on = '2025-06-20'"))
    commune = UnitRef(code="06280", name="xã Điềm He", kind="commune")
    await notify.publish(a_status_change(on=date(2025, 7, 5), unit=commune, district=None))
    await notify.settled()
    told = "SELECT n.recipient, m.left_out FROM notify.mention m JOIN notify.notice n ON n.id = m.notice"
    told += " JOIN notify.alert a ON a.id = m.alert WHERE a.kind = 'status'"
    assert {row.left_out for row in await notify.rows(told)} == {None}


async def test_who_was_not_told_acknowledges_nothing(notify: NotifyService) -> None:
    change = a_status_change()
    await notify.publish(change)
    await notify.settled()
    path = f"/v1/alerts/{change.id}/acknowledge"
    for units, criteria in (((DIEM_HE.code,), ("*",)), (("184",), ("ntm-12",)), (("20",), ("ntm-12",))):
        key = await notify.key(*units, criteria=criteria, agency=f"other-{units[0]}-{criteria[0].strip('*')}x")
        answer = await notify.post(path, key)
        assert code_of(answer) == (403, "", "not_told"), (units, criteria)
    assert len(await notify.rows("SELECT 1 FROM notify.escalation")) == 1
    own = await notify.key("184", criteria=["ntm-11"], agency="own")
    assert (await notify.post(path, own)).status_code == 200


async def test_a_key_for_one_criterion_leads_no_office_s_notices_elsewhere(notify: NotifyService) -> None:
    district = await notify.key("184")
    listed = (await notify.get("/v1/contacts", district)).json()["items"]
    office = next(item for item in listed if item["role"] == "district_office")
    limited = await notify.key("184", criteria=["ntm-11"], agency="limited")
    contact = {"role": "district_office", "unit": "184", "name": "Người khác", "emails": ["khac@example.vn"]}
    for method, path, body in (
        ("PUT", f"/v1/contacts/{office['id']}", contact),
        ("POST", "/v1/contacts", contact),
        ("DELETE", f"/v1/contacts/{office['id']}", None),
    ):
        answer = await notify.post(path, limited, method, json=body)
        assert code_of(answer) == (403, "/role", "outside_role"), method
    book = {"contacts": [contact]}
    assert code_of(await notify.post("/v1/contacts/import", limited, json=book))[2] == "outside_role"
    sector = await notify.key("20", criteria=["ntm-11", "advanced-11"], agency="sector")
    own = {**contact, "role": "poverty_division", "unit": "20"}
    assert (await notify.post("/v1/contacts", sector, json=own)).status_code == 201
    for role in ("labour_division", "coordination_office", "provincial_committee"):
        answer = await notify.post("/v1/contacts", sector, json={**own, "role": role})
        assert code_of(answer)[2] == "outside_role"
    replaced = await notify.post("/v1/contacts/import?replace=true", sector, json={"contacts": [own]})
    assert replaced.status_code == 403
    mine = {**contact, "name": "Nguyễn Văn An", "emails": ["an@example.vn"]}
    assert (await notify.post("/v1/contacts", district, json=mine)).status_code == 201


async def test_only_its_agency_changes_a_subscription(notify: NotifyService) -> None:
    district = await notify.key("184")
    wanted = {"url": "https://93.184.216.34/hook", "unit": "184"}
    made = await notify.post("/v1/subscriptions", district, json=wanted)
    assert made.status_code == 201, made.text
    path = f"/v1/subscriptions/{made.json()['id']}"
    others = [
        await notify.key("184", agency="another"),
        await notify.key("20", criteria=["ntm-11"], agency="sector"),
        await notify.key("184", criteria=["ntm-11"], agency="agency-184"),
    ]
    since = {"since": utc_now().isoformat()}
    for key in others:
        assert (await notify.get("/v1/subscriptions", key)).json()["items"] == []
        assert (await notify.post(f"{path}/rotate", key)).status_code == 404
        assert (await notify.post(f"{path}/enable", key)).status_code == 404
        assert (await notify.post(f"{path}/replay", key, json=since)).status_code == 404
        assert (await notify.post(path, key, "DELETE")).status_code == 404
    assert code_of(await notify.post("/v1/subscriptions", others[2], json=wanted))[2] == "own_criteria_needed"
    limited = {**wanted, "match": {"criteria": ["ntm-11"]}}
    assert (await notify.post("/v1/subscriptions", others[2], json=limited)).status_code == 201
    coordinator = await notify.key("20")
    assert (await notify.post(f"{path}/rotate", coordinator)).status_code == 404, "its secret is the agency's"
    assert (await notify.post(path, coordinator, "DELETE")).status_code == 204


async def test_a_district_does_not_write_to_the_province_in_the_system_s_name(notify: NotifyService) -> None:
    await notify.publish(a_status_change())
    await notify.settled()
    [division] = await notify.notices(recipient="poverty_division@20")
    answer = await notify.post(f"/v1/notices/{division['id']}/resend", await notify.key("184"))
    assert code_of(answer) == (403, "/recipient", "others_notice")


async def test_an_office_without_contacts_hides_nothing_from_the_one_above(notify: NotifyService) -> None:
    """Who keeps a district's contacts may remove them all; what nobody took care of climbs all the same."""
    district = await notify.key("184")
    for contact in (await notify.get("/v1/contacts", district)).json()["items"]:
        if contact["unit"] == "184":
            assert (await notify.post(f"/v1/contacts/{contact['id']}", district, "DELETE")).status_code == 204
    await notify.publish(a_status_change())
    await notify.settled()
    assert texts(notify, OFFICE) == []
    assert len(texts(notify, DIVISION)) == 1
    assert await notify.rows("SELECT branch FROM notify.escalation")


async def test_a_notice_to_the_province_tells_a_district_nothing_of_other_districts(notify: NotifyService) -> None:
    """The province's offices hear of all districts in one mail, and that one stands in every district's list."""
    binh_gia = UnitRef(code="181", name="huyện Bình Gia", kind="district")
    hoang_van_thu = UnitRef(code="06100", name="xã Hoàng Văn Thụ", kind="commune")
    await notify.publish(a_status_change(), a_status_change(unit=hoang_van_thu, district=binh_gia))
    await notify.settled(alerts=2)
    shown = {}
    for code in ("184", "181", "06280"):
        listed = (await notify.get("/v1/notices", await notify.key(code))).json()["items"]
        assert {notice["recipient"] for notice in listed} >= {"poverty_division@20"}
        shown[code] = {notice["recipient"] for notice in listed if notice["text"] or notice["subject"]}
    assert shown == {"184": {"district_office@184"}, "181": set(), "06280": set()}
    told = [notice["text"] for notice in await notify.notices(recipient="poverty_division@20")]
    assert any("Hoàng Văn Thụ" in text for text in told)
