"""Contacts of notify: import, restart, roles without a contact, and who would hear of an event."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import yaml
from openpyxl import Workbook
from sqlalchemy import text

from deploy.local.running_system import RunningSystem
from shared.reference.models import Contact
from tests.changes import DISTRICT_OFFICE, a_contact, a_status_change, a_target_change
from tests.integration.notify_service import NotifyService
from tests.running import ntm


async def test_what_people_make_of_the_contacts_of_the_file_outlives_a_restart(notify: NotifyService) -> None:
    province = await notify.key("20")
    known = {one["role"]: one for one in (await notify.get("/v1/contacts", province)).json()["items"]}
    renamed = DISTRICT_OFFICE.model_copy(update={"name": "Bà B"}).model_dump(mode="json")
    path = f"/v1/contacts/{known['district_office']['id']}"
    assert (await notify.post(path, await notify.key("184"), "PUT", json=renamed)).is_success
    gone = f"/v1/contacts/{known['poverty_division']['id']}"
    assert (await notify.post(gone, province, "DELETE")).status_code == 204
    await notify.stop()
    await notify.start()  # with the same file of contacts as before
    items = (await notify.get("/v1/contacts", province)).json()["items"]
    assert {(one["role"], one["name"]) for one in items} == {
        ("district_office", "Bà B"),
        ("district_committee", known["district_committee"]["name"]),
    }


async def test_a_notice_is_sent_again_once_to_a_mailbox_that_two_contacts_share(notify: NotifyService) -> None:
    key = await notify.key("20")
    await notify.publish(a_target_change())
    await notify.settled()
    [lost] = await notify.notices(recipient="department_leadership@20")
    role, _, unit = lost["recipient"].partition("@")
    for name in ("Ông A", "Bà B"):
        contact = a_contact(role, unit, name=name, emails=["chung@example.vn", "chung@example.vn"])
        assert (await notify.post("/v1/contacts", key, json=contact.model_dump(mode="json"))).status_code == 201
    assert (await notify.post(f"/v1/notices/{lost['id']}/resend", key)).status_code == 202
    await notify.settled()
    assert len([mail for mail in notify.mails if mail.to == ["chung@example.vn"]]) == 1


async def test_a_notice_without_address_that_is_sent_again_twice_is_charged_as_often_as_it_goes_out(
    notify: NotifyService,
) -> None:
    key = await notify.key("20")
    removed = next(one for one in (await notify.get("/v1/contacts", key)).json()["items"] if one["phones"])
    assert (await notify.post(f"/v1/contacts/{removed['id']}", key, "DELETE")).status_code == 204
    await notify.publish(a_status_change())
    await notify.settled()
    lost = next(one for one in await notify.notices(recipient="district_office@184") if one["channel"] == "sms")
    again = f"/v1/notices/{lost['id']}/resend"
    contact = DISTRICT_OFFICE.model_dump(mode="json")
    assert (await notify.post("/v1/contacts", key, json=contact)).status_code == 201
    for number, sent in enumerate((1, 1, 2)):
        assert (await notify.post(again, key)).status_code == 202
        await notify.settled()
        assert len(notify.messages) == sent
        async with notify.engine.begin() as connection:
            spent = (await connection.execute(text("SELECT parts, cost_dong FROM notify.spending"))).one()
            cost = await connection.scalar(text("SELECT cost_dong FROM notify.notice WHERE cost_dong > 0"))
            assert spent.cost_dong == sent * cost
            if number == 1:  # a minute passes
                later = "UPDATE notify.notice SET created_at = created_at - interval '2 minutes', resent_at = NULL"
                await connection.execute(text(later))


async def test_roles_that_nobody_answers_for_are_named(notify: NotifyService) -> None:
    found = (await notify.get("/v1/contacts/gaps", await notify.key("20"))).json()["items"]
    recipients = {one["recipient"] for one in found}
    assert "home_affairs@20" in recipients
    # by the real clock the districts have ended, and their offices' work has passed to the communes
    assert len([one for one in recipients if one.startswith("commune_office@06")]) > 10
    assert not {"poverty_division@20"} & {one["recipient"] for one in found if one["channel"] == "email"}
    own = (await notify.get("/v1/contacts/gaps", await notify.key("184"))).json()["items"]
    assert "home_affairs@20" not in {one["recipient"] for one in own}
    assert "roles without contact" in notify.log


async def test_contacts_whose_role_has_ended_are_named_and_moved_to_the_role_that_follows(
    notify: NotifyService, tmp_path: Path
) -> None:
    """By the real clock the districts have ended."""
    province = await notify.key("20")
    of_commune = a_contact("district_office", "06004", name="Bà Lý Thị Mơ", emails=["mo@example.vn"])
    answer = await notify.post("/v1/contacts", province, json=of_commune.model_dump(mode="json"))
    assert answer.status_code == 201
    ended = {
        one["unit"] + one["role"]: one for one in (await notify.get("/v1/contacts/gaps", province)).json()["ended"]
    }
    assert ended.keys() == {"06004district_office", "184district_office", "184district_committee", "20poverty_division"}
    movable = ended["06004district_office"]
    assert (movable["ended_on"], movable["passes_to"], movable["may_move"]) == ("2025-06-30", "commune_office", True)
    assert "đã kết thúc ngày 30/06/2025" in movable["words"]["vi"]
    assert not ended["184district_office"]["may_move"]
    assert "của từng xã, phường" in ended["184district_office"]["words"]["vi"]
    assert (await notify.get("/v1/contacts/gaps", await notify.key("181"))).json()["ended"] == []

    nowhere = "http://127.0.0.1:9"
    RunningSystem(
        intake_url=nowhere, scoring_url=nowhere, notify_url=notify.url, postbox_url=nowhere, nats_url=nowhere,
        database_url=nowhere, clock="real",
    ).write(tmp_path)  # fmt: skip
    told = await ntm("contacts", "gaps", "--key", province, status=1, NTM_DATA=str(tmp_path))
    assert "which ended on 30 June 2025; its work passes to Commune's specialised office (commune_office)." in " ".join(
        told.split()
    )
    moved = await ntm("contacts", "move", "--key", province, NTM_DATA=str(tmp_path))
    assert "district_office@06004 → commune_office" in moved
    left = (await notify.get("/v1/contacts/gaps", province)).json()
    assert "06004" not in {one["unit"] for one in left["ended"]}
    assert "commune_office@06004" not in {one["recipient"] for one in left["items"] if one["channel"] == "email"}


async def test_contacts_are_imported_whole_or_not_at_all_and_listed_masked(notify: NotifyService) -> None:
    province, district, other = await notify.key("20"), await notify.key("184"), await notify.key("181")
    book = Workbook()
    sheet = book.active
    assert sheet
    sheet.append(["Vai trò", "Mã đơn vị", "Tên", "E-mail", "Điện thoại", "Tổng hợp"])
    sheet.append(
        ["district_office", "184", "Bà Nguyễn Thị Hoa", "hoa@example.vn; hoa2@example.vn", "0912 345 678", "hằng ngày"]
    )
    sheet.append(["district_office", "184", "Ông X", "không phải e-mail", "12", None])
    sheet.append(["no_such_role", "184", "Y", None, None, None])

    async def imported(key: str, **parameters: Any) -> httpx.Response:
        body = BytesIO()
        book.save(body)
        return await notify.post("/v1/contacts/import", key, content=body.getvalue(), params=parameters)

    refused = await imported(district)
    assert refused.status_code == 422
    assert {(fault["cell"], fault["code"]) for fault in refused.json()["errors"]} == {
        ("D3", "bad_email"),
        ("E3", "bad_phone"),
        ("A4", "unknown_role"),
    }
    as_json = await notify.post("/v1/contacts/import", district, json={"contacts": [{"role": "district_office"}]})
    assert (as_json.status_code, as_json.json()["errors"][0]["pointer"]) == (422, "/contacts/0/unit")
    sheet.delete_rows(3, 2)
    assert (await imported(other)).status_code == 403
    assert (await imported(district, dry_run=True)).json()["added"] == 1
    assert len((await notify.get("/v1/contacts", province)).json()["items"]) == 3
    assert (await imported(district)).json() == {
        "dry_run": False, "added": 1, "changed": 0, "unchanged": 0, "removed": 0,
    }  # fmt: skip
    assert (await imported(district)).json()["unchanged"] == 1

    [mine] = [one for one in (await notify.get("/v1/contacts", district)).json()["items"] if "Hoa" in one["name"]]
    assert (mine["phones"], mine["digest"], mine["updated_by"]) == (["+84912345678"], "daily", "agency-184")
    commune = await notify.key("06280")
    [seen] = [
        one for one in (await notify.get("/v1/contacts", commune)).json()["items"] if one["role"] == "poverty_division"
    ]
    assert seen["emails"] == ["b***@example.vn"]
    changed = {**{name: mine[name] for name in ("role", "unit", "name", "emails")}, "digest": "none"}
    assert (await notify.post(f"/v1/contacts/{mine['id']}", other, "PUT", json=changed)).status_code == 403
    kept = await notify.post(f"/v1/contacts/{mine['id']}", district, "PUT", json=changed)
    assert (kept.json()["digest"], kept.json()["phones"]) == ("none", [])
    assert (await notify.post(f"/v1/contacts/{mine['id']}", district, "DELETE")).status_code == 204


async def test_who_would_hear_of_it_is_explained(notify: NotifyService) -> None:
    key = await notify.key("20")
    answer = await notify.get("/v1/routes:explain", key, event="missed", unit="06280", criterion="ntm-11")
    found = answer.json()
    assert found["severity"] == "urgent"
    hears = {
        (one["branch"], one["recipient"], one["channel"], one["reason"] and one["reason"]["en"])
        for one in found["hears"]
    }
    assert ("status-district", "district_office@184", "sms", None) in hears
    assert ("status-missed", "district_committee@184", "email", None) in hears
    assert ("status-missed", "coordination_office@20", "email", "no contact is known") in hears
    assert {one["id"] for one in found["branches"] if not one["takes"]} >= {"target-owner", "operation"}
    assert (await notify.get("/v1/routes:explain", key, event="missed", unit="06280")).status_code == 400
    assert (await notify.get("/v1/routes:explain", key, event="met", unit="06280", on="problem")).status_code == 400


async def test_an_old_prefix_is_translated_and_said_and_what_reaches_nobody_is_refused(notify: NotifyService) -> None:
    key = await notify.key("184")
    contact = {"role": "district_office", "unit": "184", "name": "Bà Nguyễn Thị Hòa", "phones": ["0165 123 4567"]}
    added = await notify.post("/v1/contacts", key, json=contact)
    assert added.status_code == 201, added.text
    assert added.json()["phones"] == ["+84351234567"]
    [remark] = added.json()["remarks"]
    assert (remark["pointer"], remark["code"]) == ("/phones", "phone_renumbered")
    assert "+84351234567" in remark["detail"]["vi"]
    for fields, pointer, code in (
        ({"name": "Ông B", "phones": ["02053812345"]}, "/phones", "landline"),
        ({"name": "Ông B", "phones": ["912345678.0"]}, "/phones", "bad_phone"),
        ({"name": "Ông B", "phones": [], "emails": ["mailto:b@example.vn"]}, "/emails", "bad_email"),
        ({"name": "Ông B", "phones": []}, "/emails", "no_way_to_reach"),
        ({"name": "=A1"}, "/name", "bad_name"),
        ({"name": "BÀ  NGUYỄN THỊ HOÀ"}, "/name", "known_contact"),
        ({"name": "Ba Nguyen Thi Hoa"}, "/name", "similar_contact"),
    ):
        refused = await notify.post("/v1/contacts", key, json={**contact, **fields})
        assert refused.status_code == 400, refused.text
        assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [(pointer, code)]
    again = {**contact, "name": "BÀ NGUYỄN THỊ HÒA"}
    changed = await notify.post(f"/v1/contacts/{added.json()['id']}", key, "PUT", json=again)
    assert (changed.status_code, changed.json()["name"]) == (200, "BÀ NGUYỄN THỊ HÒA")


async def test_a_file_changes_a_person_of_another_spelling_and_asks_about_one_that_may_be_the_same(
    notify: NotifyService,
) -> None:
    key = await notify.key("184")
    head = "Vai trò;Mã đơn vị;Tên;Email công vụ;SĐT\n"

    async def imported(*lines: str) -> httpx.Response:
        return await notify.post("/v1/contacts/import", key, content=(head + "\n".join(lines)).encode())

    first = await imported("district_office;184;Nguyễn Thị Hòa;hoa@example.vn;01651234567")
    assert first.json()["added"] == 1, first.text
    assert [(one["cell"], one["code"]) for one in first.json()["remarks"]] == [("E2", "phone_renumbered")]
    second = await imported("district_office;184;NGUYỄN THỊ  HOÀ;hoa@example.vn;0912345678")
    assert (second.json()["added"], second.json()["changed"]) == (0, 1)
    third = await imported("district_office;184;Nguyen Thi Hoa;hoa@example.vn;0912345678")
    assert third.status_code == 422
    assert [(one["cell"], one["code"]) for one in third.json()["errors"]] == [("C2", "similar_contact")]
    names = [one["name"] for one in (await notify.get("/v1/contacts", key)).json()["items"]]
    assert names.count("NGUYỄN THỊ HOÀ") == 1


def write_contacts(notify: NotifyService, contacts: list[Contact]) -> None:
    document = {"contacts": [contact.model_dump(mode="json") for contact in contacts]}
    Path(notify.env["NTM_CONTACTS"]).write_text(yaml.safe_dump(document), encoding="utf-8")


async def test_faulty_contacts_of_the_settings_file_are_left_out_and_named_without_their_addresses(
    notify: NotifyService,
) -> None:
    await notify.stop()
    contacts = [
        a_contact("gender_division", "20", name="Bà A", emails=["a@example..vn"]),
        a_contact("labour_division", "20", name="Bà B", emails=["b@example.vn"], phones=["01651234567"]),
    ]
    write_contacts(notify, contacts)
    await notify.start()
    known = {one["name"]: one for one in (await notify.get("/v1/contacts", await notify.key("20"))).json()["items"]}
    assert "Bà A" not in known
    assert known["Bà B"]["phones"] == ["+84351234567"]
    assert "bad_email" in notify.log
    for secret in ("example..vn", "1651234567", "351234567"):
        assert secret not in notify.log
