"""Every part of the three services' pages by axe (WCAG 2.2 AA), in both languages, wide and on a phone, and printed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.browser.pages import a_person, keep_picture, opened, sign_in_here
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import BORDER, poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

PHONE = 360
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}


@pytest.fixture(scope="module")
async def pages(shared_around: Surroundings) -> dict[str, Service]:
    """The three services, with a commune that is behind and told of, and figures that were sent."""
    around = shared_around
    mail = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": "9", "NTM_SMTP_FROM": "ntm@example.vn"}
    services = {name: await around.start(name) for name in ("intake", "scoring")}
    services["notify"] = await around.start("notify", NTM_WAIT_SHARE="0", **mail)
    await put_on_stream(around, poverty_report("2022-12", 100), poverty_report("2023-05", 900))
    await scored(around, 2)
    body = {"unit": BORDER, "period": "2023-06", "readings": {"households": 1000, "poor_households": 131}}
    async with services["intake"].client(await around.key("20")) as client:
        assert (await client.post("/v1/submissions", json=body)).status_code in (202, 422)
    async with services["notify"].client(await around.key("20", agency="reader")) as client:

        async def is_told() -> bool:
            return bool((await client.get("/v1/alerts")).json()["items"])

        await eventually(is_told)
    return services


@pytest.fixture(params=[1280, PHONE], ids=["wide", "phone"])
async def page(
    request: pytest.FixtureRequest, chromium: Browser, pages: dict[str, Service], service: str
) -> AsyncIterator[Page]:
    async with opened(chromium, pages[service].url, request.param) as page:
        yield page


async def faults(page: Page, where: str) -> list[str]:
    """Return what axe finds, and whether the page has to be scrolled sideways."""
    await expect(page.locator("[aria-busy]")).to_have_count(0)  # what is being asked for anew is pale
    found: Iterable[dict[str, Any]] = (await Axe().run(page, options=RULES)).response["violations"]
    listed = [
        f"{where}: {one['id']}: {node['target']} {node['html'][:120]} {node['any'][:1] and node['any'][0]['message']}"
        for one in found
        for node in one["nodes"][:3]
    ]
    width, seen = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return [*listed, *([f"{where}: {width} px wide on {seen}"] if width > seen else [])]


async def speak(page: Page, language: str) -> None:
    if await page.evaluate("document.documentElement.lang") != language:
        await page.get_by_role("button", name=LANGUAGES[language]).click()
    await expect(page.locator("html")).to_have_attribute("lang", language)


async def faults_around(page: Page, path: str) -> list[str]:
    """Return what axe finds on a page that stands around the services' own, in both languages, Vietnamese last."""
    found = []
    for language in reversed(LANGUAGES):
        await page.goto(path)
        if await page.evaluate("document.documentElement.lang") != language:
            await page.get_by_role("link", name=LANGUAGES[language]).click()
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect(page.locator("form h1")).to_be_visible()
        found += await faults(page, f"{path} {language}")
    return found


@pytest.mark.parametrize("service", ["intake", "scoring", "notify"])
async def test_no_part_of_a_page_breaks_a_rule_of_wcag(
    shared_around: Surroundings, pages: dict[str, Service], page: Page, service: str
) -> None:
    found = []
    name = await a_person(shared_around.engine, "20", agency="vpdp", role="coordinator")
    found += await faults_around(page, "/sign-in")
    await page.goto("/")
    await sign_in_here(page, name)
    found += await faults_around(page, "/password")
    await page.goto("/")
    await expect(page.get_by_role("navigation").last).to_be_visible()
    parts = await page.locator("nav a").evaluate_all("all => all.map(one => one.hash).filter(Boolean)")
    assert parts
    for part in dict.fromkeys(parts):
        for language in LANGUAGES:
            await page.goto(f"/?unit={BORDER}{part}" if service == "scoring" else f"/{part}")
            await speak(page, language)
            await expect(page.locator("main h1, main h2").first).to_be_visible()
            await page.wait_for_load_state("networkidle") if service != "scoring" else await expect(
                page.locator("table, details").first
            ).to_be_visible()
            found += await faults(page, f"{service} {part} {language}")
        await page.emulate_media(media="print")
        await keep_picture(page, f"print-{service}-{part[1:]}-{page.viewport_size and page.viewport_size['width']}")
        hidden = await page.locator("td").evaluate_all("all => all.filter((one) => one.textContent && !one.innerText)")
        found += [f"{service} {part}: {len(hidden)} cells are not printed"] if hidden and service == "scoring" else []
        await page.emulate_media(media="screen")
    assert found == []
