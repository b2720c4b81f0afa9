"""The tile map of the board in a real Chromium: it shows what `/v1/map` says, and its state stands in the address."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.browser.test_board import PHONE, answer
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import BORDER, poverty_report, put_on_stream
from tests.running import Service, Surroundings

pytestmark = pytest.mark.usefixtures("binding")

WORDS = {
    "met": "đạt",
    "on_track": "đúng tiến độ",
    "behind": "chậm tiến độ",
    "missed": "quá hạn chưa đạt",
    "not_met": "chưa đạt",
    "no_data": "chưa có số liệu",
}
DAY = "Thời điểm (cuối từng tháng)"


@pytest.fixture(scope="module")
async def scoring(shared_around: Surroundings) -> Service:
    """A scoring that has judged a commune that is behind and one that meets the criterion; no test changes that."""
    service = await shared_around.start("scoring")
    met = [poverty_report(period, 10, unit="06280", district="184") for period in ("2022-12", "2023-05")]
    await put_on_stream(shared_around, poverty_report("2022-12", 100), poverty_report("2023-05", 900), *met)
    await scored(shared_around, 4)
    return service


@pytest.fixture(params=[1280, PHONE], ids=["wide", "phone"])
async def page(
    request: pytest.FixtureRequest, shared_around: Surroundings, chromium: Browser, scoring: Service
) -> AsyncIterator[Page]:
    async with opened(chromium, scoring.url, request.param) as page:
        await sign_in(page, await a_person(shared_around.engine, "20", agency="vpdp", role="coordinator"), "districts")
        await expect(page.locator("a.tile").first).to_be_visible()
        yield page


def width_of(page: Page) -> int:
    assert page.viewport_size
    return page.viewport_size["width"]


async def shown(page: Page) -> list[str]:
    """Return the words of the tiles that are to be seen."""
    seen = page.locator("a.tile:not([hidden])")
    return sorted(await seen.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))"))


def said(found: dict[str, Any], at: int) -> list[str]:
    """Return the words of the tiles for one of the map's days."""
    present = [(tile["unit"]["name"], tile["statuses"][at]) for tile in found["tiles"]]
    return sorted(f"{name}: {WORDS[status]}" for name, status in present if status)


async def test_the_tiles_say_what_the_api_says_on_each_day_and_open_their_communes(page: Page) -> None:
    found = await answer(page, "/v1/map?criterion=ntm-11&months=true")
    assert {tile["statuses"][-1] for tile in found["tiles"]} >= {"met", "behind", "no_data"}
    await expect(page.get_by_label("Tiêu chí trên bản đồ")).to_have_value("ntm-11")  # the one with communes behind
    assert await shown(page) == said(found, -1)
    await expect(page.get_by_role("heading", name="11. Nghèo đa chiều: 1/181 xã đạt, 1 xã chậm")).to_be_visible()
    await expect(page.get_by_text("chưa đối chiếu với bản đồ hành chính")).to_be_visible()
    tile = page.locator("a.tile.behind")
    await tile.focus()
    assert await tile.locator("rect").evaluate("one => getComputedStyle(one).strokeWidth") == "3px"
    await keep_picture(page, f"map-{width_of(page)}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width_of(page)
    box = await tile.locator("rect").bounding_box()
    assert box
    assert box["width"] > 20

    await page.get_by_label(DAY).focus()
    await page.keyboard.press("Home")
    assert await shown(page) == said(found, 0) != said(found, -1)
    await page.get_by_label(DAY).press("ArrowRight")
    assert await shown(page) == said(found, 1)
    name = next(tile["unit"]["name"] for tile in found["tiles"] if tile["unit"]["code"] == BORDER)
    await page.locator(f'a.tile[href*="unit={BORDER}&"]').focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=name)).to_be_visible()
    await expect(page.get_by_text("Đang xem tình hình tại ngày 31/01/2023")).to_be_visible()


async def test_what_was_chosen_stands_in_the_address_and_is_read_from_it(page: Page) -> None:
    await page.get_by_label("Tiêu chí trên bản đồ").select_option("ntm-12")
    await expect(page.get_by_role("heading", name="12. Lao động: 0/181 xã đạt")).to_be_visible()
    await page.get_by_label("Tiêu chí trên bản đồ").select_option("ntm-11")
    await page.get_by_label("Nhóm xã", exact=True).select_option("border-2023")
    await expect(page.get_by_label("Nhóm xã", exact=True)).to_be_focused()
    await expect(page.locator("a.tile.other")).not_to_have_count(0)
    of_cohort = [
        tile
        for tile in (await answer(page, "/v1/map?criterion=ntm-11&cohort=border-2023"))["tiles"]
        if tile["in_cohort"]
    ]
    await expect(page.locator("a.tile:not(.other)")).to_have_count(len(of_cohort))
    await page.get_by_label(DAY).focus()
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowRight")
    await page.get_by_label("Theo số liệu").select_option("now")
    await expect(page.get_by_text("Theo tất cả số liệu nay biết")).to_be_visible()
    await expect(page).to_have_url(re.compile("criterion=ntm-11&cohort=border-2023&month=2023-01&known=now#"))
    await expect(
        page.get_by_role("heading", name=re.compile("11. Nghèo đa chiều – 20 xã biên giới.*: 0.20 xã đạt"))
    ).to_be_visible()
    await expect(page.get_by_text("nên có thể khác bản đồ")).to_be_visible()
    await keep_picture(page, f"map-cohort-{width_of(page)}")
    before = await shown(page)

    async with page.expect_response(lambda response: "/v1/map" in response.url):
        await page.reload()
    await expect(page.locator("output")).to_have_text("31/01/2023")
    await expect(page.get_by_text("Theo tất cả số liệu nay biết")).to_be_visible()
    await expect(page.get_by_label("Nhóm xã", exact=True)).to_have_value("border-2023")
    assert await shown(page) == before

    await page.goto("/?criterion=ntm-99&cohort=%3Cb%3E&month=2023-99&known=never#districts")
    await expect(page.locator("output")).to_have_text("30/06/2023")
    await expect(page.get_by_label("Tiêu chí trên bản đồ")).to_have_value("ntm-11")
    await expect(page.get_by_label("Nhóm xã", exact=True)).to_have_value("")
    await expect(page.get_by_label("Theo số liệu")).to_have_value("then")


async def test_a_commune_without_a_tile_is_named_beside_the_map(page: Page) -> None:
    async def without_a_tile(route: Route) -> None:
        found = await (response := await route.fetch()).json()
        next(tile for tile in found["tiles"] if tile["unit"]["code"] == BORDER)["at"] = None
        await route.fulfill(response=response, json=found)

    await page.route("**/v1/map*", without_a_tile)
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_text("Without a place on the map:")).to_contain_text("(behind)")
    await expect(page.locator("a.tile.behind")).to_have_count(0)


async def test_after_a_broken_connection_the_map_is_there_again(page: Page) -> None:
    await page.route("**/v1/map*", lambda route: route.abort())
    await page.reload()
    await expect(page.get_by_text("Không kết nối được với máy chủ")).to_be_visible()
    await page.unroute("**/v1/map*")
    await page.get_by_role("button", name="Thử lại").click()
    await expect(page.locator("a.tile.behind")).to_be_visible()


async def test_a_commune_sees_its_own_tile(shared_around: Surroundings, chromium: Browser, scoring: Service) -> None:
    async with opened(chromium, scoring.url, PHONE) as page:
        name = await a_person(shared_around.engine, BORDER, agency="xa-quoc-khanh", role="commune")
        await sign_in(page, name, "districts")
        await page.get_by_label("Tiêu chí trên bản đồ").select_option("ntm-11")
        await expect(page.locator("a.tile.behind")).to_be_visible()
        await expect(page.locator("a.tile")).to_have_count(1)
        await expect(page.get_by_role("heading", name="11. Nghèo đa chiều: 0/1 xã đạt, 1 xã chậm")).to_be_visible()
        await keep_picture(page, "map-commune")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE


async def test_what_a_phone_has_scrolled_stays_where_it_is(page: Page) -> None:
    if width_of(page) != PHONE:
        assert await page.locator(".tile-map .wide").evaluate("one => one.scrollWidth === one.clientWidth")
        return
    for place in (".tile-map .wide", ".wide:has(.matrix)"):
        await page.locator(place).evaluate("one => { one.scrollLeft = 150; }")
    await page.get_by_label("Nhóm xã", exact=True).select_option("border-2023")
    await expect(page.locator("a.tile.other")).not_to_have_count(0)
    await page.get_by_label(DAY).press("Home")
    for place in (".tile-map .wide", ".wide:has(.matrix)"):
        assert await page.locator(place).evaluate("one => one.scrollLeft") == 150


async def test_the_year_is_played_to_its_end_and_stopped(page: Page) -> None:
    button = page.get_by_role("button", name="Chạy qua các tháng")
    await button.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("output")).to_have_text("31/12/2022")
    await expect(page.locator("output")).to_have_text("28/02/2023")
    await button.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "false")
    await button.press("Enter")
    await expect(page.locator("output")).to_have_text("31/03/2023")  # it goes on from where it was stopped
    await expect(button).to_have_attribute("aria-pressed", "false", timeout=20_000)
    await expect(page.locator("output")).to_have_text("30/06/2023")
    rect = page.locator("a.tile.behind rect")
    duration = "one => getComputedStyle(one).transitionDuration"
    assert await rect.evaluate(duration) != "0s"
    await page.emulate_media(reduced_motion="reduce")
    assert await rect.evaluate(duration) == "0s"


async def test_the_map_speaks_english_and_is_passed_by_the_keyboard(page: Page) -> None:
    await page.get_by_role("button", name="English").click()
    await expect(page.locator('a.tile[aria-label$=": behind"]')).to_be_visible()
    skip = page.get_by_role("button", name="Skip the map")
    await skip.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('.tile-map')") is None
    assert await page.evaluate("document.activeElement.closest('main') !== null")
