"""Figures that wait for a review: a grid by period, many at once, the doubtful one by one, in a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.browser.test_accessibility import LANGUAGES, faults, speak
from tests.browser.test_due_page import fits
from tests.integration.test_reviews import BORDER, post, poverty
from tests.running import Service, Surroundings
from tests.waiting import eventually

DISTRICT, DOUBTFUL = "184", "06286"
SOUND = ("06280", "06283", "06298")


@pytest.fixture
async def intake(around: Surroundings) -> Service:
    """Intake and scoring; four communes have reported May and June, one of them with a great change."""
    await around.start("scoring")
    intake = await around.start("intake")
    for unit in (*SOUND, DOUBTFUL):
        key = await around.key(unit, agency=f"xa-{unit}")
        await post(intake, key, poverty(131, "2023-05", unit=unit))
        poor = 331 if unit == DOUBTFUL else 120
        await post(intake, key, {**poverty(poor, "2023-06", unit=unit), "confirmed": True})

    async def all_wait() -> bool:
        found = await due(around, intake)
        return [one["waiting"] for one in found["periods"]] == [4, 4] and {one["status"] for one in found["items"]} == {
            "scored"
        }

    await eventually(all_wait)
    return intake


async def due(around: Surroundings, intake: Service, within: str = DISTRICT, **asked: str) -> Any:
    async with intake.client(await around.key(within, agency=f"xem-{within}")) as client:
        answer = await client.get("/v1/reviews-due", params={"unit": within, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(params=[1280, 360])
async def page(
    request: pytest.FixtureRequest, chromium: Browser, around: Surroundings, intake: Service
) -> AsyncIterator[Page]:
    person = await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, request.param) as page:
        await sign_in(page, person, "review")
        yield page


def row(page: Page, unit: str) -> Any:
    return page.get_by_role("row").filter(has_text=unit)


async def test_a_district_verifies_many_at_once_and_opens_the_doubtful_first(
    page: Page, around: Surroundings, intake: Service
) -> None:
    width = page.viewport_size and page.viewport_size["width"]
    period = page.get_by_label("Kỳ báo cáo")
    await expect(period.locator("option")).to_have_text(["tháng 6/2023: 4 đang chờ", "tháng 5/2023: 4 đang chờ"])
    await expect(page.locator("tbody tr").first).to_contain_text("131 → 331 (+152,7 %)")
    await expect(page.locator("tbody tr").first).to_contain_text("cần xem")
    await expect(row(page, SOUND[0])).to_contain_text("131 → 120 (-8,4 %)")
    await expect(row(page, SOUND[0])).to_contain_text("Bằng kỳ trước: 2 số liệu")
    for language in LANGUAGES:
        await speak(page, language)
        await expect(page.locator("tbody tr")).to_have_count(4)
        assert await faults(page, f"review {language}") == []
    await speak(page, "vi")
    await expect(page.locator("tbody tr")).to_have_count(4)
    await fits(page)
    await keep_picture(page, f"review-grid-{width}")
    await page.get_by_role("button", name="Thẩm tra 3 nơi đã chọn").click()
    await expect(page.locator("tbody tr")).to_have_count(1, timeout=30_000)
    await expect(page.get_by_role("button", name="Thẩm tra 3 nơi đã chọn")).to_have_count(0)
    await expect(period.locator("option")).to_have_text(["tháng 6/2023: 1 đang chờ", "tháng 5/2023: 4 đang chờ"])
    await row(page, DOUBTFUL).get_by_role("button", name="Xem và thẩm tra").click()
    await expect(page.get_by_role("dialog")).to_contain_text("nhiều hơn mức thường thấy")
    await page.get_by_role("dialog").get_by_role("button", name="Đóng").click()
    await page.get_by_role("checkbox", name=DOUBTFUL).check()
    await page.get_by_role("button", name="Trả lại (1)…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Trả lại", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Hãy ghi lý do trả lại.")
    await dialog.get_by_label("Lý do trả lại").fill("Rà soát lại, tăng quá nhiều.")
    await keep_picture(page, f"review-return-{width}")
    await dialog.get_by_role("button", name="Trả lại", exact=True).click()
    await expect(page.get_by_text("Không có số liệu nào đang chờ.")).to_be_visible(timeout=30_000)
    await expect(period.locator("option")).to_have_text(["tháng 6/2023: 0 đang chờ", "tháng 5/2023: 4 đang chờ"])

    async def june_is_done() -> bool:
        return [one["period"] for one in (await due(around, intake))["periods"]] == ["2023-05"]

    await eventually(june_is_done)
    verified = await due(around, intake, stage="verified", period="2023-06")
    assert sorted(one["receipt"]["unit"] for one in verified["items"]) == sorted(SOUND)


async def test_what_intake_refuses_stays_in_the_grid_with_its_reason_and_the_others_are_done(
    page: Page, around: Surroundings, intake: Service
) -> None:
    await expect(page.locator("tbody tr")).to_have_count(4)
    async with intake.client(await around.key("20", agency="so")) as client:
        [item] = [one for one in (await due(around, intake))["items"] if one["receipt"]["unit"] == SOUND[0]]
        answer = await client.post(f"/v1/submissions/{item['receipt']['id']}/withdraw", json={"reason": "Gửi nhầm xã."})
        assert answer.status_code == 202, answer.text
    await page.get_by_role("button", name="Thẩm tra 3 nơi đã chọn").click()
    await expect(page.get_by_role("alert")).to_contain_text("rút lại", timeout=30_000)
    await expect(page.locator("tbody tr")).to_have_count(2)
    await expect(page.get_by_label("Kỳ báo cáo").locator("option:checked")).to_have_text("tháng 6/2023: 2 đang chờ")
    await page.get_by_label("Kỳ báo cáo").select_option("2023-05")
    await expect(page.locator("tbody tr")).to_have_count(4)
    await page.get_by_label("Tiêu chí").select_option("ntm-11")
    await expect(page.locator("tbody tr")).to_have_count(4)
    await page.get_by_role("button", name="Thẩm tra tất cả (4)").click()
    await expect(page.get_by_text("Không có số liệu nào đang chờ.")).to_be_visible(timeout=30_000)


async def test_what_a_district_sends_as_verified_does_not_wait_for_the_district(
    chromium: Browser, around: Surroundings, intake: Service
) -> None:
    person = await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url) as page:
        await sign_in(page, person, "enter")
        await page.get_by_label("Báo cáo", exact=True).select_option("poverty-monthly")
        await page.get_by_label("Kỳ báo cáo", exact=True).select_option("2023-04")
        await page.get_by_label("Đơn vị", exact=True).select_option(SOUND[0])
        stage = page.get_by_label("Bước")
        await expect(stage.locator("option")).to_have_text(["báo cáo", "thẩm tra"])
        await stage.select_option("verified")
        await page.get_by_label("Tổng số hộ").fill("1000")
        await page.get_by_label("Hộ nghèo", exact=True).fill("140")
        await page.get_by_label("Hộ cận nghèo", exact=True).fill("0")
        await page.get_by_role("button", name="Kiểm tra trước khi gửi").click()
        await page.get_by_role("button", name="Gửi 1 dòng số liệu").click(timeout=30_000)
        await expect(page.get_by_role("main").get_by_text("Đã nhận 1 dòng số liệu.")).to_be_visible()

    async def waits_for_the_province() -> bool:
        return "2023-04" in [one["period"] for one in (await due(around, intake, stage="verified"))["periods"]]

    await eventually(waits_for_the_province)
    assert "2023-04" not in [one["period"] for one in (await due(around, intake))["periods"]]


async def test_the_province_confirms_what_the_districts_have_verified_one_district_at_a_time(
    chromium: Browser, around: Surroundings, intake: Service
) -> None:
    for unit, district in ((SOUND[0], DISTRICT), (SOUND[1], DISTRICT), (BORDER, "180")):
        key = await around.key(district, agency=f"phong-{district}")
        await post(intake, key, poverty(110, "2023-04", unit=unit, stage="verified"))

    async def verified() -> list[str]:
        waiting = await due(around, intake, stage="verified", within="20")
        return sorted(one["receipt"]["unit"] for one in waiting["items"] if one["status"] == "scored")

    async def all_wait() -> bool:
        return await verified() == sorted((*SOUND[:2], BORDER))

    await eventually(all_wait)
    person = await a_person(around.engine, "20", agency="so-ldtbxh")
    async with opened(chromium, intake.url) as page:
        await sign_in(page, person, "review")
        await expect(page.locator("tbody tr")).to_have_count(3)
        await page.get_by_label("Huyện", exact=True).select_option("180")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.get_by_role("button", name="Thẩm định tất cả (1)").click()
        await expect(page.get_by_text("Không có số liệu nào đang chờ.")).to_be_visible(timeout=30_000)
        await page.get_by_label("Huyện", exact=True).select_option("")
        await expect(page.locator("tbody tr")).to_have_count(2)
        await keep_picture(page, "review-province")

    async def one_is_confirmed() -> bool:
        return await verified() == sorted(SOUND[:2])

    await eventually(one_is_confirmed)
