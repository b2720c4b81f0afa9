"""The page at `/` of notify in a real Chromium, against a real notify that has told people by mail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from playwright.async_api import Browser, Page, expect

from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.changes import DISTRICT_OFFICE, a_contact, a_status_change
from tests.integration.notify_service import NotifyService, notify_service
from tests.servers import NatsServer

PHONE = 390


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
    row = page.get_by_role("row").filter(has_text="Điềm He")
    await expect(row).to_contain_text("chậm tiến độ")
    await expect(row).to_contain_text("chưa có đơn vị nhận xử lý")
    await keep_picture(page, "alerts-open")
    await row.get_by_role("button", name="Nhận xử lý").click()
    box = page.get_by_role("dialog")
    await box.get_by_label("Ghi chú").fill("Đã cử cán bộ <b>xuống xã</b>")
    await keep_picture(page, "alerts-acknowledge")
    await box.get_by_role("button", name="Nhận xử lý").click()
    await expect(row).to_contain_text("✓ agency-184")
    await expect(row).to_contain_text("Đã cử cán bộ <b>xuống xã</b>")
    [kept] = await notify.rows("SELECT acknowledged_by, acknowledged_note FROM notify.alert")
    assert tuple(kept) == ("agency-184", "Đã cử cán bộ <b>xuống xã</b>")
    await page.get_by_label("Chỉ việc chưa có đơn vị nhận xử lý").check()
    await expect(page.get_by_text("Không có cảnh báo nào.")).to_be_visible()


async def test_who_may_only_read_is_offered_no_button(notify: NotifyService, page: Page) -> None:
    await sign_in(page, await a_person(notify.engine, "184", agency="viewer-184", role="viewer"), "open")
    await expect(page.get_by_role("row").filter(has_text="Điềm He")).to_contain_text("chưa có đơn vị nhận xử lý")
    await expect(page.get_by_role("button", name="Nhận xử lý")).to_have_count(0)


async def test_it_says_who_was_told_by_which_channel_and_whether_it_went_out(notify: NotifyService, page: Page) -> None:
    await sign_in(page, await a_person(notify.engine, "20", agency="agency-20"), "all")
    await page.get_by_role("button", name="Đã báo cho ai?").click()
    box = page.get_by_role("dialog")
    office = box.get_by_role("row").filter(has_text=DISTRICT_OFFICE.name).filter(has_text="e-mail")
    await expect(office).to_contain_text("đã gửi")
    await expect(office).to_contain_text(DISTRICT_OFFICE.emails[0])
    await keep_picture(page, "alerts-told")


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
    await expect(page.get_by_role("row").filter(has_text="Labour")).to_be_visible(timeout=30_000)
