"""The page at `/` of notify in a real Chromium, against a real notify that has told people by mail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from nats.aio.client import Client
from playwright.async_api import Browser, Page, expect

from services.notify.storage.answers import StoredAnswer, record_answer
from shared.contracts.status import Event
from shared.reference.models import Unit
from shared.reference.refs import unit_ref
from shared.time import utc_now
from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.browser.test_accessibility import LANGUAGES, faults, speak
from tests.changes import (
    DIEM_HE,
    DISTRICT_OFFICE,
    LABOUR,
    REFERENCE,
    a_contact,
    a_status_change,
    a_target_change,
)
from tests.integration.notify_service import NotifyService, link_of, notify_service
from tests.servers import NatsServer

PHONE = 360
WIDE = 1280


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str
) -> AsyncIterator[NotifyService]:
    contacts = [DISTRICT_OFFICE, a_contact("poverty_division", "20", emails=["btxh@example.vn"])]
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, contacts) as service:
        await service.start()
        await service.publish(a_status_change())
        await service.settled()
        yield service


@pytest.fixture
async def page(chromium: Browser, notify: NotifyService) -> AsyncIterator[Page]:
    async with opened(chromium, f"http://127.0.0.1:{notify.service.port}") as page:
        yield page


async def test_what_is_open_is_acknowledged_with_a_note_and_shown_so(notify: NotifyService, page: Page) -> None:
    await sign_in(page, await a_person(notify.engine, "184", agency="agency-184"), "open")
    await expect(page.locator("details.commune summary").first).to_contain_text("xã Điềm He")
    row = page.get_by_role("listitem").filter(has_text="tiêu chí 11")
    await expect(row).to_contain_text("chậm tiến độ")
    await expect(row).to_contain_text("chưa có đơn vị nhận xử lý")
    await keep_picture(page, "alerts-open")
    await row.get_by_role("button", name="Nhận xử lý").click()
    box = page.get_by_role("dialog")
    await box.get_by_label("Ghi chú").fill("Đã cử cán bộ <b>xuống xã</b>")
    await keep_picture(page, "alerts-acknowledge")
    assert await faults(page, "dialog") == []
    await box.get_by_role("button", name="Nhận xử lý").click()
    await expect(row).to_contain_text("✓ agency-184")
    await expect(row).to_contain_text("Đã cử cán bộ <b>xuống xã</b>")
    [kept] = await notify.rows("SELECT acknowledged_by, acknowledged_note FROM notify.alert")
    assert tuple(kept) == ("agency-184", "Đã cử cán bộ <b>xuống xã</b>")
    await page.get_by_label("Chỉ việc chưa có đơn vị nhận xử lý").check()
    await expect(page.get_by_text("Không có cảnh báo nào.")).to_be_visible()


@pytest.mark.parametrize("width", [WIDE, PHONE])
async def test_what_was_answered_to_a_mail_stands_at_the_alert_and_at_its_notice(
    notify: NotifyService, chromium: Browser, width: int
) -> None:
    [[told]] = await notify.rows(
        "SELECT id FROM notify.notice WHERE recipient LIKE 'district_office%' AND channel = 'email'"
    )
    words = "Việc này do xã giải quyết, đề nghị chuyển cho UBND xã.\n<b>Không phải huyện</b>"
    note = StoredAnswer(b"1", told, utc_now(), DISTRICT_OFFICE.emails[0], "note", words)
    other = StoredAnswer(b"2", told, utc_now(), "khac@example.vn", "other_sender", "OK")
    async with notify.engine.begin() as connection:
        assert await record_answer(connection, note)
        assert await record_answer(connection, other)
    async with opened(chromium, f"http://127.0.0.1:{notify.service.port}", width) as page:
        await sign_in(page, await a_person(notify.engine, "184", agency="agency-184"), "open")
        row = page.locator("[data-alert]")
        await expect(row).to_contain_text(words.replace("\n", " "))
        await expect(row).to_contain_text(DISTRICT_OFFICE.name)
        await expect(row).not_to_contain_text("OK")
        await expect(row.get_by_role("button", name="Nhận xử lý")).to_be_visible()
        await keep_picture(page, f"alerts-answered-{width}")
        assert await faults(page, f"answered {width}") == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await row.get_by_role("button", name="Đã báo cho ai?").click()
        box = page.get_by_role("dialog")
        await expect(box).to_contain_text("ghi chú, chưa tính là đã nhận")
        await expect(box).to_contain_text("người trả lời không phải người nhận thông báo")
        await keep_picture(page, f"alerts-answers-{width}")
        assert await faults(page, f"answers {width}") == []


@pytest.mark.parametrize("width", [WIDE, PHONE])
async def test_a_contact_is_handed_its_data_and_erased(notify: NotifyService, chromium: Browser, width: int) -> None:
    async with opened(chromium, f"http://127.0.0.1:{notify.service.port}", width) as page:
        await sign_in(page, await a_person(notify.engine, "20", role="coordinator", agency="agency-20"), "contacts")
        await page.get_by_label("Tìm theo tên, đơn vị").fill("btxh@example.vn")
        row = page.locator("[data-contact]")
        await expect(row).to_have_count(1)
        await row.get_by_role("button", name="Yêu cầu về dữ liệu cá nhân").click()
        box = page.get_by_role("dialog")
        await box.get_by_label("Ngày nhận yêu cầu").fill("2026-01-30")
        await box.get_by_label("Số hồ sơ").fill("12/DN-2026")
        await keep_picture(page, f"personal-data-{width}")
        assert await faults(page, f"personal data {width}") == []
        async with page.expect_download() as handed:
            await box.get_by_role("button", name="Thực hiện ngay").click()
        assert "btxh@example.vn" in (await (await handed.value).path()).read_text(encoding="utf-8")
        await expect(box).to_contain_text("Bản sao lưu")
        await box.get_by_role("button", name="Đóng").last.click()
        await row.get_by_role("button", name="Yêu cầu về dữ liệu cá nhân").click()
        await box.get_by_label("Yêu cầu", exact=True).select_option("erasure")
        await box.get_by_label("Ngày nhận yêu cầu").fill("2026-01-30")
        await box.get_by_role("button", name="Thực hiện ngay").click()
        await expect(box).to_contain_text("Đã thực hiện")
        await keep_picture(page, f"personal-data-erased-{width}")
        await box.get_by_role("button", name="Đóng").last.click()
        await expect(row).to_have_count(0)


@pytest.mark.parametrize("width", [WIDE, PHONE])
async def test_a_request_about_personal_data_is_filed_waits_and_is_carried_out(
    notify: NotifyService, chromium: Browser, width: int
) -> None:
    async with opened(chromium, f"http://127.0.0.1:{notify.service.port}", width) as page:
        await sign_in(page, await a_person(notify.engine, "20", role="coordinator", agency="agency-20"), "contacts")
        row = page.locator("[data-contact]").filter(has_text="btxh@example.vn")
        await row.get_by_role("button", name="Yêu cầu về dữ liệu cá nhân").click()
        box = page.get_by_role("dialog")
        await box.get_by_label("Yêu cầu", exact=True).select_option("erasure")
        await box.get_by_label("Người yêu cầu").select_option("representative")
        await box.get_by_label("Ngày nhận yêu cầu").fill((utc_now().date() + timedelta(days=2)).isoformat())
        await box.get_by_label("Số hồ sơ").fill("12/DN-2026")
        await box.get_by_role("button", name="Ghi sổ, thực hiện sau").click()
        await expect(box.get_by_role("alert")).to_contain_text("ngày nhận yêu cầu không thể sau hôm nay")
        await keep_picture(page, f"personal-data-refused-{width}")
        await box.get_by_label("Ngày nhận yêu cầu").fill("2026-01-30")
        await box.get_by_role("button", name="Ghi sổ, thực hiện sau").click()
        await expect(box).to_contain_text("Hạn trả lời người yêu cầu: 03/02/2026; hạn thực hiện: 14/02/2026")
        await keep_picture(page, f"personal-data-filed-{width}")
        assert await faults(page, f"personal data filed {width}") == []
        await box.get_by_role("button", name="Đóng").last.click()
        first = page.locator("[data-contact]").first  # who asks stands on top
        await expect(first).to_contain_text("btxh@example.vn")
        await expect(first).to_contain_text("chờ thực hiện Xóa hẳn, không khôi phục được · 12/DN-2026")
        await expect(first).to_contain_text("Nhận ngày 30/01/2026, hạn trả lời 03/02/2026, hạn thực hiện 14/02/2026")
        for language in LANGUAGES:
            await speak(page, language)
            await expect(page.locator("[data-request]")).to_be_visible()
            await keep_picture(page, f"personal-data-waits-{language}-{width}")
            assert await faults(page, f"personal data waits {language} {width}") == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await speak(page, "vi")
        await page.get_by_role("button", name="Thực hiện yêu cầu này").click()
        await expect(box.get_by_label("Ngày nhận yêu cầu")).to_have_value("2026-01-30")
        await expect(box.get_by_label("Người yêu cầu")).to_have_value("representative")
        await expect(box.get_by_role("button", name="Ghi sổ, thực hiện sau")).to_have_count(0)
        await box.get_by_role("button", name="Thực hiện ngay").click()
        await expect(box).to_contain_text("Đã thực hiện")
        await box.get_by_role("button", name="Đóng").last.click()
        await expect(row).to_have_count(0)
        await expect(page.locator("[data-request]")).to_have_count(0)


@pytest.mark.parametrize("width", [WIDE, PHONE])
async def test_who_goes_on_leave_hands_over_and_comes_back(
    notify: NotifyService, chromium: Browser, width: int
) -> None:
    binh = a_contact("district_committee", "184", name="Trần Thị Bình", phones=["+84987654321"])
    key = await notify.key("184")
    assert (await notify.post("/v1/contacts", key, json=binh.model_dump(mode="json"))).status_code == 201
    async with opened(chromium, f"http://127.0.0.1:{notify.service.port}", width) as page:
        await sign_in(page, await a_person(notify.engine, "184", agency="agency-184"), "contacts")
        await page.get_by_label("Tìm theo tên, đơn vị").fill("lao dong van quan")
        row = page.locator("[data-contact]")
        await expect(row).to_have_count(1)
        await row.get_by_role("button", name="Nghỉ, bàn giao").click()
        box = page.get_by_role("dialog")
        today = date.today()  # noqa: DTZ011 - the day of this machine, some days around which are chosen
        await box.get_by_label("Nghỉ từ ngày").fill((today - timedelta(days=2)).isoformat())
        await box.get_by_label("Đến hết ngày").fill((today - timedelta(days=9)).isoformat())
        await box.get_by_label("Người thay").select_option("Trần Thị Bình")
        await box.get_by_role("button", name="Bàn giao").click()
        await expect(box.get_by_role("alert")).to_contain_text("không trước ngày đầu")
        await box.get_by_label("Đến hết ngày").fill((today + timedelta(days=9)).isoformat())
        await keep_picture(page, f"leave-{width}")
        assert await faults(page, f"leave {width}") == []
        await box.get_by_role("button", name="Bàn giao").click()
        await expect(row).to_contain_text("đang nghỉ, đã bàn giao")
        await expect(row).to_contain_text("Trần Thị Bình thay đến")
        await page.get_by_label("Tìm theo tên, đơn vị").fill("")
        await keep_picture(page, f"contacts-{width}")
        for language in LANGUAGES:
            await speak(page, language)
            await expect(page.locator("[data-contact]").first).to_be_visible()
            assert await faults(page, f"contacts {language} {width}") == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await speak(page, "vi")
        await row.filter(has_text="đang nghỉ").get_by_role("button", name="Hết nghỉ").click()
        await expect(page.get_by_text("đang nghỉ, đã bàn giao")).to_have_count(0)
        assert (await notify.rows("SELECT 1 FROM notify.contact WHERE substitute IS NOT NULL")) == []


async def test_who_may_only_read_is_offered_no_button(notify: NotifyService, page: Page) -> None:
    await sign_in(page, await a_person(notify.engine, "184", agency="viewer-184", role="viewer"), "open")
    await expect(page.get_by_role("listitem").filter(has_text="tiêu chí 11")).to_contain_text(
        "chưa có đơn vị nhận xử lý"
    )
    await expect(page.get_by_role("button", name="Nhận xử lý")).to_have_count(0)


async def test_it_says_who_was_told_by_which_channel_and_whether_it_went_out(notify: NotifyService, page: Page) -> None:
    await sign_in(page, await a_person(notify.engine, "20", agency="agency-20"), "all")
    await page.get_by_role("button", name="Đã báo cho ai?").click()
    box = page.get_by_role("dialog")
    office = box.get_by_role("row").filter(has_text=DISTRICT_OFFICE.name).filter(has_text="e-mail")
    await expect(office).to_contain_text("đã gửi")
    await expect(office).to_contain_text(DISTRICT_OFFICE.emails[0])
    await keep_picture(page, "alerts-told")
    assert await faults(page, "dialog") == []


async def test_a_person_of_another_district_sees_none_and_the_page_fits_a_phone(
    notify: NotifyService, chromium: Browser
) -> None:
    async with opened(chromium, f"http://127.0.0.1:{notify.service.port}", PHONE) as page:
        await sign_in(page, await a_person(notify.engine, "181", agency="agency-181"), "open")
        await expect(page.get_by_text("Không có cảnh báo nào.")).to_be_visible()
        await page.get_by_role("button", name="Đăng xuất").click()
        await expect(page.get_by_label("Tên đăng nhập")).to_be_visible()
        await sign_in(page, await a_person(notify.engine, "184", agency="agency-184"), "open")
        await expect(page.get_by_text("Điềm He")).to_be_visible()
        await keep_picture(page, "alerts-phone")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE


async def test_what_happens_meanwhile_appears_by_itself_in_the_language_that_was_chosen(
    notify: NotifyService, page: Page
) -> None:
    await sign_in(page, await a_person(notify.engine, "184", agency="agency-184"), "open")
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", name="Open alerts")).to_be_visible()
    await notify.publish(a_status_change(criterion={"key": "ntm-12", "name": {"vi": "Lao động", "en": "Labour"}}))
    await expect(page.get_by_role("listitem").filter(has_text="Labour")).to_be_visible(timeout=30_000)


@pytest.mark.parametrize("width", [WIDE, PHONE], ids=["wide", "phone"])
async def test_many_alerts_are_folded_by_commune_and_filtered_and_the_address_keeps_the_filters(
    notify: NotifyService, chromium: Browser, width: int
) -> None:
    everywhere = [*_communes("184"), *_communes("185")][:-1]
    behind = [a_status_change(unit=unit_ref(unit)) for unit in everywhere if unit.code != DIEM_HE.code]
    missed = [a_status_change(Event.MISSED, unit=unit_ref(unit), criterion=LABOUR) for unit in everywhere[:6]]
    await notify.publish(*behind, *missed)
    count = 1 + len(behind) + len(missed)
    await notify.settled(count)
    silence = {
        "match": {"under": ["184"], "criteria": ["ntm-12"]},
        "reason": "Đang đối chiếu số liệu",
        "ends_at": (utc_now() + timedelta(days=7)).isoformat(),
    }
    assert (await notify.post("/v1/silences", await notify.key("20"), json=silence)).status_code == 201
    async with opened(chromium, f"http://127.0.0.1:{notify.service.port}", width) as page:
        await sign_in(page, await a_person(notify.engine, "20", agency="agency-20", role="coordinator"), "open")
        await expect(page.locator("main").get_by_role("status")).to_contain_text(f"Tổng cộng {count}")
        assert await page.locator("details.commune[open]").count() == 0
        assert await page.evaluate("document.documentElement.scrollHeight") < 100 * len(everywhere) + 1500
        await keep_picture(page, f"alerts-many-{width}")
        await page.get_by_label("Tiêu chí").select_option("ntm-12")
        await page.get_by_label("Huyện, thành phố").select_option(label=await _option(page, "unit"))
        await expect(page.locator("main").get_by_role("status")).not_to_contain_text(f"Tổng cộng {count}")
        listed = await page.locator("main").get_by_role("status").inner_text()
        await page.locator("details.commune summary").first.click()
        await page.get_by_text("Đang tạm ngừng báo: 1").click()
        await expect(page.locator("[data-silences]")).to_contain_text("tiêu chí: 12")
        await expect(page.locator("[data-silences]")).to_contain_text("Đang đối chiếu số liệu")
        await keep_picture(page, f"alerts-filtered-{width}")
        found = []
        for language in LANGUAGES:
            await speak(page, language)
            await expect(page.locator("details.commune").first).to_be_visible()
            found += await faults(page, f"{language} {width}")
        assert found == []
        await speak(page, "vi")
        await page.reload()
        await expect(page.locator("main").get_by_role("status")).to_have_text(listed)
        await expect(page.get_by_label("Tiêu chí")).to_have_value("ntm-12")
        asked = parse_qs(urlsplit(page.url).query)
        assert asked["criterion"] == ["ntm-12"]
        assert set(asked) == {"criterion", "unit"}


async def _option(page: Page, name: str) -> str:
    """Return the label of the first choice that is not everything."""
    return await page.locator(f"select[name={name}] option").nth(1).inner_text()


async def test_an_alert_that_is_over_offers_no_form_and_says_so(notify: NotifyService, page: Page) -> None:
    link = await link_of(notify)
    await notify.publish(a_status_change(Event.RECOVERED))
    await notify.settled(2)
    await sign_in(page, await a_person(notify.engine, "184", agency="agency-184"), "all")
    behind = page.get_by_role("listitem").filter(has_text="chậm tiến độ")
    await expect(behind).to_contain_text("đã qua")
    await expect(page.get_by_role("button", name="Nhận xử lý")).to_have_count(0)
    await page.goto(link)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Việc đã qua")
    await expect(page.locator("form textarea")).to_have_count(0)


def _communes(district: str) -> Sequence[Unit]:
    return REFERENCE.units.communes(date(2023, 6, 30), district)


async def test_an_alert_is_silenced_for_some_days_with_a_reason_and_told_again_before(
    notify: NotifyService, page: Page
) -> None:
    await sign_in(page, await a_person(notify.engine, "184", agency="agency-184"), "open")
    await page.get_by_role("button", name="Tạm ngừng báo").click()
    box = page.get_by_role("dialog")
    await box.get_by_label("Trong bao lâu").select_option("7")
    await box.get_by_label("Lý do").fill("Lũ lớn, đang khắc phục")
    assert await faults(page, "silence") == []
    await keep_picture(page, "alerts-silence")
    await box.get_by_role("button", name="Tạm ngừng báo").click()
    await expect(page.get_by_text("Đang tạm ngừng báo: 1")).to_be_visible()
    [kept] = await notify.rows(
        "SELECT match, reason, ends_at - created_at < interval '7 days', ends_at > now() + interval '6 days' "
        "FROM notify.silence"
    )
    assert tuple(kept) == ({"under": [DIEM_HE.code], "criteria": ["ntm-11"]}, "Lũ lớn, đang khắc phục", True, True)
    await page.get_by_text("Đang tạm ngừng báo: 1").click()
    await page.get_by_role("button", name="Báo lại").click()
    await expect(page.get_by_text("Đang tạm ngừng báo")).to_have_count(0)
    [ended] = await notify.rows("SELECT ended_by FROM notify.silence")
    assert tuple(ended) == ("agency-184",)


@pytest.mark.parametrize("width", [WIDE, PHONE])
async def test_the_ledger_counts_notices_by_channel_with_their_cost_and_lists_them(
    notify: NotifyService, chromium: Browser, width: int
) -> None:
    person = await a_person(notify.engine, "20", agency="agency-20")
    await notify.publish(a_target_change())  # of which nobody holds the roles that are told
    await notify.settled(2)
    async with opened(chromium, f"http://127.0.0.1:{notify.service.port}", width) as page:
        await sign_in(page, person, "notices")
        totals = (await (await page.request.get("/v1/notices/totals")).json())["items"]
        cost = sum(one["cost_dong"] for one in totals)
        assert cost > 0
        in_all = page.get_by_role("table").first.get_by_role("row").filter(has_text="Tổng cộng")
        await expect(in_all).to_contain_text(f"{cost:,}".replace(",", "."))
        everything = sum(one["notices"] for one in totals)
        listed = page.locator("section").last.locator("tbody tr")
        await expect(listed).to_have_count(everything)
        for language in LANGUAGES:
            await speak(page, language)
            await expect(listed).to_have_count(everything)
            assert await faults(page, language) == []
        await keep_picture(page, f"notices-{width}")
        await speak(page, "vi")
        await page.get_by_label("Trạng thái").select_option("sent")
        sent = sum(one["notices"] for one in totals if one["status"] == "sent")
        assert 0 < sent < everything
        await expect(listed).to_have_count(sent)
