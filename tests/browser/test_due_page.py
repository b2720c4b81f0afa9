"""The first part of intake's page: the reports that are due, in a real Chromium."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.async_api import Browser, Page, expect

from shared.reference.load import load
from tests.browser.pages import a_person, keep_picture, opened, sign_in, sign_in_here
from tests.integration.test_reviews import decided, post, poverty
from tests.running import Service, Surroundings
from tests.waiting import eventually

DISTRICT, MISSING, RETURNED = "184", "06286", "06298"


@pytest.fixture(scope="module")
async def intake(shared_around: Surroundings) -> Service:
    """Intake on 6 July: of Văn Quan's 16 communes all have begun to report, 15 sent June, of one it was returned.

    Only the last test of the module sends more.
    """
    intake = await shared_around.start("intake")
    province, district = await shared_around.key("20"), await shared_around.key(DISTRICT, agency="phong")
    communes = [one.code for one in load().units.communes(date(2023, 6, 30), DISTRICT)]
    for code in communes:
        await post(intake, province, poverty(100, "2023-05", unit=code))
        if code != MISSING:
            sent = await post(intake, province, poverty(100, "2023-06", unit=code))
            if code == RETURNED:
                await decided(intake, district, sent, "returned", reason="Chưa khớp sổ.")
    await shared_around.set_day(date(2023, 7, 6))

    async def it_is_july() -> bool:
        async with intake.client(district) as client:
            answer = (await client.get("/v1/reports-due")).json()
        return answer["on"] == "2023-07-06" and any(one["returned"] for one in answer["items"])

    await eventually(it_is_july)
    return intake


async def fits(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1280, 360])
async def test_the_page_opens_with_what_is_due_and_leads_to_the_form(
    chromium: Browser, shared_around: Surroundings, intake: Service, width: int
) -> None:
    person = await a_person(shared_around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, width) as page:
        await page.goto("/")
        await sign_in_here(page, person)
        await expect(page.get_by_role("heading", name="Báo cáo đến hạn").last).to_be_visible()
        await expect(page.get_by_role("link", name="Báo cáo đến hạn")).to_have_attribute("aria-current", "page")
        # the first is overdue the longest: the offices' own
        june = page.get_by_role("listitem").filter(has_text="hộ cận nghèo").filter(has_text="tháng 6/2023").first
        await expect(june).to_contain_text("hạn 05/07/2023")
        await expect(june).to_contain_text("đã gửi 15/16 xã")
        await expect(june).to_contain_text("còn thiếu: xã")
        await expect(june).to_contain_text("bị trả lại: xã")
        headings = await page.locator("main h3").all_inner_texts()
        assert headings == ["Quá hạn", "Sắp đến hạn"]
        await keep_picture(page, f"due-{width}")
        await fits(page)
        await page.get_by_role("button", name="English").click()
        await expect(page.get_by_text("15 of 16 communes are in")).to_be_visible()
        await keep_picture(page, f"due-en-{width}")
        await page.get_by_role("button", name="Tiếng Việt").click()
        lead = june.get_by_role("link", name="Lập báo cáo")
        await lead.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Kỳ báo cáo", exact=True)).to_have_value("2023-06")
        await page.go_back()
        await expect(june).to_be_visible()


async def test_a_report_on_single_elements_leads_to_its_form_too(
    chromium: Browser, shared_around: Surroundings, intake: Service
) -> None:
    person = await a_person(shared_around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, 360) as page:
        await sign_in(page, person, "due")
        jobs = page.get_by_role("listitem").filter(has_text="Báo cáo tháng về giải quyết việc làm mới")
        await jobs.get_by_role("link", name="Lập báo cáo").first.click()
        await expect(page.get_by_label("Kỳ báo cáo", exact=True)).to_have_value("2023-01")
        await expect(page.get_by_label("Lao động nông thôn được giải quyết việc làm mới")).to_be_visible()
        await keep_picture(page, "due-enter-elements-360")


async def test_the_link_of_a_mail_about_a_late_report_opens_its_form(
    chromium: Browser, shared_around: Surroundings, intake: Service
) -> None:
    person = await a_person(shared_around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, 360) as page:
        await page.goto("/?unit=184&period=2023-05&report=jobs-monthly#enter")
        await sign_in_here(page, person)
        await expect(page.get_by_label("Báo cáo", exact=True)).to_have_value("jobs-monthly")
        await expect(page.get_by_label("Kỳ báo cáo", exact=True)).to_have_value("2023-05")
        await expect(page.get_by_label("Đơn vị", exact=True)).to_have_value("184")
        await expect(page.get_by_label("Lao động nông thôn được giải quyết việc làm mới")).to_be_visible()


async def test_the_link_of_a_mail_about_a_report_without_a_form_opens_its_workbook(
    chromium: Browser, shared_around: Surroundings, intake: Service
) -> None:
    person = await a_person(shared_around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, 360) as page:
        await page.goto("/?unit=184&period=2023-05#send")
        await sign_in_here(page, person)
        await expect(page.get_by_role("button", name="Tải biểu mẫu")).to_be_visible()
        await expect(page.get_by_label("Kỳ báo cáo", exact=True)).to_have_value("2023-05")
        await expect(page.get_by_label("Đơn vị", exact=True)).to_have_value("184")


async def test_the_province_sees_its_districts_folded_and_opens_them_by_the_keyboard(
    chromium: Browser, shared_around: Surroundings, intake: Service
) -> None:
    person = await a_person(shared_around.engine, "20", agency="vpdp", role="coordinator")
    for width in (1280, 360):
        async with opened(chromium, intake.url, width) as page:
            await sign_in(page, person, "due")
            june = page.get_by_role("listitem").filter(has_text="hộ cận nghèo").filter(has_text="tháng 6/2023").first
            summary = june.locator("summary").first
            await expect(summary).to_contain_text("huyện · đã gửi")
            await summary.focus()
            await page.keyboard.press("Enter")
            await expect(june.get_by_text("huyện Văn Quan")).to_be_visible()
            await keep_picture(page, f"due-province-{width}")
            await fits(page)


async def test_who_only_looks_is_offered_no_form(
    chromium: Browser, shared_around: Surroundings, intake: Service
) -> None:
    person = await a_person(shared_around.engine, DISTRICT, agency="viewer-184", role="viewer")
    async with opened(chromium, intake.url) as page:
        await sign_in(page, person, "due")
        await expect(page.get_by_text("đã gửi 15/16 xã")).to_be_visible()
        await expect(page.get_by_role("link", name="Lập báo cáo")).to_have_count(0)


async def test_the_form_opens_with_a_period_that_lacks_reports_not_with_one_that_is_complete(
    chromium: Browser, shared_around: Surroundings, intake: Service
) -> None:
    workers = {"workers_men": 300, "workers_women": 300, "trained_men": 100, "trained_women": 100}
    await post(intake, await shared_around.key("20"), poverty(0, "2023-Q2", unit="06280", readings=workers))

    async def is_complete() -> bool:
        async with intake.client(await shared_around.key(DISTRICT, agency="phong")) as client:
            items = (await client.get("/v1/reports-due")).json()["items"]
        return not any(
            one["missing"] for one in items if (one["report"], one["period"]) == ("labour-quarterly", "2023-Q2")
        )

    await eventually(is_complete)
    person = await a_person(shared_around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, 360) as page:
        await sign_in(page, person, "send")
        await expect(page.get_by_label("Kỳ báo cáo", exact=True)).to_have_value("2023-06")
        await keep_picture(page, "due-send-360")
