"""The dossiers of recognition on intake's page: a district verifies, sees the figures beside, and returns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.integration.test_dossiers import BORDER, NTM, Office, yes
from tests.integration.test_scoring import poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.waiting import eventually

UNIT = "06280"


@pytest.fixture(scope="module")
async def intake(shared_around: Surroundings) -> Service:
    await shared_around.start("scoring")
    return await shared_around.start("intake")


@pytest.fixture(scope="module")
async def district(shared_around: Surroundings, intake: Service) -> str:
    return await a_person(shared_around.engine, "184", agency="ubnd-van-quan")


@pytest.fixture(params=[1280, 360], ids=["wide", "phone"])
async def page(request: pytest.FixtureRequest, chromium: Browser, intake: Service) -> AsyncIterator[Page]:
    async with opened(chromium, intake.url, request.param) as page:
        yield page


async def fits(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


async def test_an_office_takes_its_step_and_sees_it_taken(
    page: Page, intake: Service, shared_around: Surroundings, district: str
) -> None:
    size = page.viewport_size
    assert size
    width = size["width"]
    unit = {1280: UNIT, 360: "06283"}[width]
    commune = Office(intake, await shared_around.key(unit, agency=f"xa-{unit}"), unit)
    await commune.takes("self_assessed", answers=yes(), person="Lý Văn Nam")
    await sign_in(page, district, "dossiers")
    waiting = page.get_by_role("row").filter(has_text=unit)
    await expect(waiting).to_contain_text("thẩm tra")
    await waiting.get_by_role("button", name="Xem hồ sơ").click()
    await expect(page.get_by_text("Đến lượt cơ quan: thẩm tra")).to_be_visible()
    await expect(page.locator(".turns")).to_contain_text("15 ngày làm việc")
    await keep_picture(page, f"dossier-{width}")
    assert await fits(page)
    await page.get_by_label("Người thực hiện").fill("Hoàng Thị Lan")
    await page.get_by_label("Đạt tất cả tiêu chí").check()
    await page.get_by_role("button", name="Gửi kết quả thẩm tra").click()
    await expect(page.locator(".history")).to_contain_text("Hoàng Thị Lan, Người ubnd-van-quan (ubnd-van-quan)")
    await expect(page.locator(".turns")).to_contain_text("thẩm định")
    await expect(page.get_by_text("Bước tiếp theo là việc của nơi khác.")).to_be_visible()
    await keep_picture(page, f"dossier-verified-{width}")
    assert await fits(page)


async def test_a_yes_against_the_figures_asks_for_a_reason_and_stands_out(
    chromium: Browser, intake: Service, shared_around: Surroundings
) -> None:
    await put_on_stream(shared_around, poverty_report("2023-06", 300, date(2023, 6, 30)))
    key = await shared_around.key("180", agency="ubnd-trang-dinh")
    office = Office(intake, key, BORDER)

    async def is_judged() -> bool:
        found = (await office.looks())["criteria"][NTM.index("ntm-11")]
        return bool(found["judged"]["judged"] == "not_met")

    await eventually(is_judged)
    async with opened(chromium, intake.url, 1280) as page:
        await sign_in(page, await a_person(shared_around.engine, "180", agency="ubnd-trang-dinh"), "dossiers")
        await page.get_by_label("Xã", exact=True).select_option(BORDER)
        await page.get_by_label("Đạt tất cả tiêu chí").check()
        await page.get_by_role("button", name="Gửi tự đánh giá").click()
        await expect(page.get_by_role("alert")).to_contain_text("tiêu chí 11")
        await page.get_by_label("Ghi chú cho 11. Nghèo đa chiều").fill("Rà soát lại còn 8 %.")
        await page.get_by_role("button", name="Gửi tự đánh giá").click()
        await expect(page.get_by_text("khác số liệu")).to_be_visible()
        await keep_picture(page, "dossier-against-1280")
        await page.get_by_label("Lý do trả lại").fill("Thiếu biên bản.")
        await page.get_by_role("button", name="Trả lại hồ sơ").click()
        await expect(page.locator(".history blockquote")).to_have_text("Thiếu biên bản.")
        await expect(page.get_by_text("Đến lượt cơ quan: tự đánh giá")).to_be_visible()
