"""The map of the board where the installation has borders: they are drawn in place of tiles, and do what tiles do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.borders import in_place_of_tiles, written
from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.browser.test_accessibility import faults
from tests.browser.test_board import PHONE, answer
from tests.browser.test_map import DAY, said, shown, width_of
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import BORDER, poverty_report, put_on_stream
from tests.running import Service, Surroundings

pytestmark = pytest.mark.usefixtures("binding")

LACKING = ["06283", "06286"]


@pytest.fixture(scope="module")
async def scoring(shared_around: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A scoring with borders of all communes but two, that has judged some."""
    file = written(tmp_path_factory.mktemp("borders"), in_place_of_tiles(lacking=LACKING))
    service = await shared_around.start("scoring", NTM_MAP=str(file))
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
        await expect(page.locator("a.tile path").first).to_be_visible()
        yield page


async def test_borders_say_what_the_api_says_on_each_day_and_open_their_communes(page: Page) -> None:
    found = await answer(page, "/v1/map?criterion=ntm-11&months=true")
    assert await shown(page) == said(found, -1)
    await expect(page.locator("a.tile path")).to_have_count(len(found["tiles"]) - len(LACKING))
    await expect(page.locator("a.tile rect")).to_have_count(len(LACKING))
    await expect(page.get_by_text("Các xã chưa có địa giới trong tệp được vẽ bằng ô:")).to_be_visible()
    of_district = [tile for tile in found["tiles"] if tile["district"] == "184"]
    labels = page.locator("svg.map .place").filter(has_text="Văn Quan")
    await expect(labels).to_have_text([f"huyện Văn Quan 1/{len(of_district)}"] * 2)
    await expect(page.get_by_text("vẽ theo tệp mà tỉnh đặt kèm hệ thống")).to_be_visible()
    await expect(page.locator("svg.bordered .place:not([hidden])")).to_have_count(len(found["districts"]))
    behind = page.locator("a.tile.behind")
    assert await behind.locator("path").evaluate("one => getComputedStyle(one).fill") == "rgb(242, 178, 44)"
    await behind.focus()
    assert await behind.locator("path").evaluate("one => getComputedStyle(one).strokeWidth") == "3px"
    await expect(behind.locator("title")).to_have_text("xã Quốc Khánh: chậm tiến độ")
    await keep_picture(page, f"map-borders-{width_of(page)}")
    assert await faults(page, "borders") == []
    box = await behind.locator("path").bounding_box()
    assert box
    assert box["width"] > 20

    await page.get_by_label(DAY).focus()
    await page.keyboard.press("Home")
    assert await shown(page) == said(found, 0) != said(found, -1)
    await page.get_by_role("button", name="Chạy qua các tháng").press("Enter")
    await expect(page.locator("output")).to_have_text("30/06/2023", timeout=60_000)
    assert await shown(page) == said(found, -1)
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("group", name="Map of the communes by their borders")).to_be_visible()
    await behind.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Quốc Khánh")).to_be_visible()


async def test_a_commune_sees_its_own_border(shared_around: Surroundings, chromium: Browser, scoring: Service) -> None:
    async with opened(chromium, scoring.url, PHONE) as page:
        name = await a_person(shared_around.engine, BORDER, agency="xa-quoc-khanh", role="commune")
        await sign_in(page, name, "districts")
        await page.get_by_label("Tiêu chí trên bản đồ").select_option("ntm-11")
        await expect(page.locator("a.tile.behind path")).to_be_visible()
        await expect(page.locator("a.tile")).to_have_count(1)
        await keep_picture(page, "map-border-of-a-commune")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE
