"""A commune's history on the board, in a real Chromium: of what it was made, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from services.scoring.storage.tables import TickRow
from shared.postgres.statements import table_of
from tests.browser.pages import a_person, keep_picture, opened, sign_in_here
from tests.integration.test_july_2025 import BEFORE, DAY, MERGED, WITH_SPLIT
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import poverty_report, put_on_stream
from tests.plan_2025 import PLAN, reference_with_2025
from tests.running import Service, Surroundings
from tests.waiting import eventually

WORDS = {
    ("from", True): "được lập từ toàn bộ",
    ("from", False): "nhận một phần của",
    ("into", True): "nhập toàn bộ vào",
    ("into", False): "một phần nhập vào",
}


@pytest.fixture
async def scoring(around: Surroundings, tmp_path: Path) -> Service:
    """A scoring on the day on which all communes become others; of three that become one there are figures."""
    await around.set_day(BEFORE)
    service = await around.start("scoring", NTM_REFERENCE_DIR=str(reference_with_2025(tmp_path)), NTM_PLAN=PLAN)
    reports = [poverty_report("2025-05", 100, BEFORE, unit=unit) for unit in ("06004", "06016", "06025")]
    await put_on_stream(around, *reports)
    await scored(around, len(reports))
    await around.set_day(DAY)
    tick = table_of(TickRow)

    async def is_judged() -> bool:
        async with around.engine.connect() as connection:
            return await connection.scalar(select(tick.c.day).where(tick.c.day == DAY)) is not None

    await eventually(is_judged)
    return service


async def history(page: Page, code: str, **query: str) -> list[dict[str, Any]]:
    """Check that the page lists the related units as the API does, and return them."""
    answer = await (await page.request.get(f"/v1/communes/{code}", params=query)).json()
    related: list[dict[str, Any]] = answer["related"]
    await expect(page.get_by_role("heading", name=answer["unit"]["name"])).to_be_visible()
    lines = [f"01/07/2025: {WORDS[one['direction'], one['whole']]} {one['unit']['name']}" for one in related]
    await expect(page.locator(".related li")).to_have_text(lines)
    return related


@pytest.mark.parametrize("width", [1280, 360])
async def test_a_commune_says_of_what_it_was_made_and_the_former_ones_what_became_of_them(
    around: Surroundings, scoring: Service, chromium: Browser, width: int
) -> None:
    async with opened(chromium, scoring.url, width) as page:
        await page.goto(f"/?unit={MERGED}")
        await sign_in_here(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"))
        made_of = await history(page, MERGED)
        assert [(one["unit"]["code"], one["direction"], one["whole"]) for one in made_of] == [
            (code, "from", True) for code in ("06004", "06016", "06025")
        ]
        await keep_picture(page, f"history-from-{width}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width

        await page.locator(".related").get_by_role("link", name="Tri Phương").click()
        await expect(page.get_by_text("Đang xem tình hình tại ngày 30/06/2025")).to_be_visible()
        became = await history(page, "06016", as_of="2025-06-30")
        assert [(one["unit"]["code"], one["direction"]) for one in became] == [(MERGED, "into")]
        poverty = page.locator('details[data-key="ntm-11"]')
        await poverty.locator("> summary").click()
        await expect(poverty.locator("svg.chart circle")).to_have_count(2)  # as it was by the end of May and of June
        await keep_picture(page, f"history-into-{width}")

        await page.goto(f"/?unit={WITH_SPLIT}#commune")
        split = await history(page, WITH_SPLIT)
        [part] = [one["unit"] for one in split if not one["whole"]]
        await page.locator(".related").get_by_role("link", name=part["name"], exact=True).click()
        await expect(page.get_by_text("Đang xem tình hình tại ngày 30/06/2025")).to_be_visible()
        shared = await history(page, part["code"], as_of="2025-06-30")
        assert {one["direction"] for one in shared} == {"into"}
        await keep_picture(page, f"history-split-{width}")
