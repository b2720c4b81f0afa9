"""The charts of a commune's indicators, in a real Chromium: the path, what is tolerated, and the quarters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from math import floor
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.pages import a_person, keep_picture, opened, sign_in_here
from tests.browser.test_board import PHONE, answer, in_vietnamese
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import BORDER, poverty_report, put_on_stream
from tests.running import Service, Surroundings

pytestmark = pytest.mark.usefixtures("binding")

POOR = {"2022": 200, "2023-01": 190, "2023-04": 166, "2023-05": 160}


@pytest.fixture(scope="module")
async def scoring(shared_around: Surroundings) -> Service:
    """A scoring with the reports of a commune: of the year before, which is official, and of months."""
    service = await shared_around.start("scoring")
    await put_on_stream(shared_around, *[poverty_report(period, poor) for period, poor in POOR.items()])
    await scored(shared_around, len(POOR))
    return service


@pytest.fixture(params=[1280, PHONE], ids=["wide", "phone"])
async def page(
    request: pytest.FixtureRequest, shared_around: Surroundings, chromium: Browser, scoring: Service
) -> AsyncIterator[Page]:
    async with opened(chromium, scoring.url, request.param) as page:
        await page.goto(f"/?unit={BORDER}")
        await sign_in_here(page, await a_person(shared_around.engine, "20", agency="vpdp", role="coordinator"))
        yield page


async def chart_of(page: Page, criterion: str) -> tuple[Locator, dict[str, Any]]:
    """Open a criterion; return its chart and the line that the API answers."""
    shown = page.locator(f'details[data-key="{criterion}"]')
    await shown.locator("> summary").click()
    figure = shown.locator("figure")
    await expect(figure.locator("svg.chart circle")).not_to_have_count(0)
    [line] = (await answer(page, f"/v1/series?unit={BORDER}&criterion={criterion}"))["lines"]
    return figure, line


async def test_the_chart_shows_what_is_tolerated_and_says_it_in_words(page: Page) -> None:
    figure, line = await chart_of(page, "ntm-11")
    points = line["points"]
    paced = [point for point in points if point["tolerated"] is not None]
    assert all(point["tolerated"] > point["required"] for point in paced), "the share of poor households has to fall"
    corners = (await figure.locator("polygon.band").get_attribute("points") or "").split()
    assert len(corners) == 2 * len(paced) > 2
    newest = points[-1]
    limit, required = floor(newest["tolerated"] * 100) / 100, newest["required"]
    await expect(figure).to_contain_text(
        f"Đánh giá tại ngày 30/06/2023: lộ trình yêu cầu {in_vietnamese(required)}\u00a0%, "
        f"từ {in_vietnamese(limit)}\u00a0% trở xuống còn được coi là đúng tiến độ"
    )
    await expect(figure.get_by_text("Vùng tô")).to_be_visible()
    width = await page.evaluate("innerWidth")
    await keep_picture(page, f"chart-{width}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_role("button", name="English").click()
    figure, _ = await chart_of(page, "ntm-11")
    await expect(figure.get_by_text("Shaded: short of the path")).to_be_visible()
    await keep_picture(page, f"chart-english-{width}")


async def test_the_values_are_told_by_quarter_with_what_changed(page: Page) -> None:
    figure, line = await chart_of(page, "ntm-11")
    values = {point["on"]: (point["value"], point["provisional"]) for point in line["points"]}
    assert [values[on] for on in ("2022-12-31", "2023-03-31", "2023-06-30")] == [(20, False), (19, True), (16, True)]
    await expect(figure.locator(".quarters li")).to_have_text([
        "Hết quý\u00a0IV/2022: 20\u00a0%",
        "Hết quý\u00a0I/2023: 19\u00a0% (tạm tính); giảm 1\u00a0điểm phần trăm so với cuối quý\u00a0IV/2022",
        "Hết quý\u00a0II/2023: 16\u00a0% (tạm tính); giảm 3\u00a0điểm phần trăm so với cuối quý\u00a0I/2023",
    ])  # fmt: skip


def a_line(values: dict[str, float | None], **changes: Any) -> dict[str, Any]:
    """Build a line of `/v1/series`: the values on days; `changes`: what its points have by day."""
    points = [
        {"on": on, "value": value, "provisional": False, "period": None, "break_in_series": None, **changes.get(on, {})}
        for on, value in values.items()
    ]
    return {"measured_in": "percent", "points": points}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            a_line({"2022-12-31": 20.04, "2023-03-31": 20.04, "2023-04-30": 15.5}),
            [
                "Hết quý IV/2022: 20,04 %",
                "Hết quý I/2023: 20,04 %; không thay đổi so với cuối quý IV/2022",
                "Trong quý II/2023, tính đến 30/04/2023: 15,5 %; giảm 4,54 điểm phần trăm so với cuối quý I/2023",
            ],
        ),
        (
            a_line({"2022-12-31": None, "2023-03-31": 7, "2023-06-30": None, "2023-09-30": 7.5}),
            [
                "Hết quý IV/2022: chưa có số liệu",
                "Hết quý I/2023: 7 %",
                "Hết quý II/2023: chưa có số liệu",
                "Hết quý III/2023: 7,5 %; tăng 0,5 điểm phần trăm so với cuối quý I/2023",
            ],
        ),
        (
            a_line(
                {"2023-03-31": 7, "2023-06-30": 7, "2023-09-30": 9},
                **{
                    "2023-03-31": {"period": "2023-01"},
                    "2023-06-30": {"period": "2023-01"},
                    "2023-09-30": {"break_in_series": {"valid_from": "2023-07-01"}},
                },
            ),
            [
                "Hết quý I/2023: 7 %",
                "Hết quý II/2023: 7 %; chưa có số liệu mới",
                "Hết quý III/2023: 9 %; không so sánh với cuối quý II/2023 vì cách tính đã thay đổi",
            ],
        ),
        (
            {
                **a_line({f"{year}-{end}": 1000 * year for year in (2022, 2023) for end in ("06-30", "12-31")}),
                "measured_in": "workers",
            },
            [
                "Hết quý II/2022: 2.022.000",
                "Hết quý IV/2022: 2.022.000; không thay đổi so với cuối quý II/2022",
                "Hết quý II/2023: 2.023.000; tăng 1.000 so với cuối quý IV/2022",
                "Hết quý IV/2023: 2.023.000; không thay đổi so với cuối quý II/2023",
            ],
        ),
    ],
    ids=["a quarter goes on", "figures are missing", "nothing newer, and a break", "people are counted"],
)
async def test_each_quarter_is_compared_with_what_it_can_be_compared_with(
    chromium: Browser, scoring: Service, line: dict[str, Any], said: list[str]
) -> None:
    async with opened(chromium, scoring.url) as page:
        await page.goto("/sign-in")
        shown = await page.evaluate(
            """async (line) => {
                const { src } = document.querySelector("script[src$='/sign_in.js']");
                const script = (name) => import(src.replace("sign_in.js", name));
                await Promise.all(["terms.js", "verdicts.js"].map(script)); // the words
                const { quarters } = await script("quarters.js");
                return [...quarters(line).children].map((one) => one.textContent);
            }""",
            line,
        )
    assert [one.replace("\u00a0", " ") for one in shown] == said
