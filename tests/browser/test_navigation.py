"""One navigation over the pages of the three services, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.browser.test_accessibility import LANGUAGES, faults, speak
from tests.people import PASSWORD
from tests.running import Surroundings

ADDRESSES = {
    "NTM_INTAKE_PAGE": "http://127.0.0.1:1",
    "NTM_SCORING_PAGE": "http://127.0.0.1:2",
    "NTM_NOTIFY_PAGE": "http://127.0.0.1:3",
}
MAIL = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_FROM": "NTM <ntm@example.vn>"}


@pytest.mark.parametrize(
    ("service", "part", "own"),
    [("intake", "send", "Số liệu"), ("scoring", "overview", "Bảng theo dõi"), ("notify", "open", "Cảnh báo")],
)
async def test_a_page_links_to_the_others_and_marks_itself(
    chromium: Browser, around: Surroundings, service: str, part: str, own: str
) -> None:
    running = await around.start(service, **ADDRESSES, **MAIL)
    name = await a_person(around.engine, "20", agency="vpdp", role="coordinator")
    for width in (360, 1280):
        async with opened(chromium, running.url, width) as page:
            await page.goto(f"/#{part}")
            await page.get_by_label("Tên đăng nhập").fill(name)
            await page.get_by_label("Mật khẩu").fill(PASSWORD)
            await page.get_by_role("button", name="Đăng nhập").click()
            links = page.get_by_role("navigation", name="Các trang").get_by_role("link")
            await expect(links).to_have_text(["Bảng theo dõi", "Số liệu", "Cảnh báo"])
            shown = {
                await link.inner_text(): (await link.get_attribute("href"), await link.get_attribute("aria-current"))
                for link in await links.all()
            }
            others = {"Bảng theo dõi": 2, "Số liệu": 1, "Cảnh báo": 3}
            assert shown == {
                text: ("/", "page") if text == own else (f"http://127.0.0.1:{port}/", None)
                for text, port in others.items()
            }
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            await keep_picture(page, f"navigation-{service}-{width}")
            await page.get_by_role("button", name="English").click()
            english = page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link")
            await expect(english).to_have_text(["Board", "Figures", "Alerts"])


LINES = """links => new Set(links.flatMap((link) => {
    const words = document.createRange();
    words.selectNodeContents(link);
    return [...words.getClientRects()].map(({ top }) => Math.round(top));
})).size"""


@pytest.mark.parametrize("service", ["intake", "scoring", "notify"])
async def test_the_parts_of_a_page_take_two_lines_at_most_on_a_phone_and_all_are_seen(
    chromium: Browser, around: Surroundings, service: str
) -> None:
    running = await around.start(service, **ADDRESSES, **MAIL)
    name = await a_person(around.engine, "20", agency="vpdp", role="coordinator")
    async with opened(chromium, running.url, 360) as page:
        await sign_in(page, name, "")
        for language in LANGUAGES:
            await speak(page, language)
            parts = page.get_by_role("navigation").last.get_by_role("link")
            assert await parts.evaluate_all(LINES) <= 2
            for part in await parts.all():
                await expect(part).to_be_in_viewport(ratio=1)
            await parts.first.focus()
            for part in await parts.all():
                await expect(part).to_be_focused()
                await page.keyboard.press("Tab")
            await page.wait_for_load_state("networkidle")
            assert await faults(page, f"{service} {language}") == []
            await keep_picture(page, f"parts-{service}-{language}")


async def test_the_board_leads_to_what_is_due_and_to_the_alerts_where_their_pages_are_known(
    chromium: Browser, around: Surroundings
) -> None:
    name = await a_person(around.engine, "20", agency="vpdp", role="coordinator")
    for addresses, ways in (
        (ADDRESSES, ["http://127.0.0.1:1/#due", "http://127.0.0.1:3/#open"]),
        ({"NTM_NOTIFY_PAGE": "http://127.0.0.1:3"}, ["http://127.0.0.1:3/#open"]),
        ({}, []),
    ):
        running = await around.start("scoring", **addresses)
        async with opened(chromium, running.url) as page:
            await sign_in(page, name, "overview")
            to_call = page.locator("section").filter(has=page.get_by_role("heading", name="Cần gọi hôm nay"))
            await expect(to_call).to_have_count(2)
            links = to_call.locator(".actions").get_by_role("link")
            assert [await link.get_attribute("href") for link in await links.all()] == ways
            await keep_picture(page, f"board-ways-{len(ways)}")
        await running.stop()


async def test_a_page_whose_own_address_alone_is_set_has_no_navigation_over_pages(
    chromium: Browser, around: Surroundings
) -> None:
    running = await around.start("intake", NTM_INTAKE_PAGE="http://127.0.0.1:1")
    name = await a_person(around.engine, "20", agency="vpdp", role="coordinator")
    async with opened(chromium, running.url) as page:
        await page.goto("/#send")
        await page.get_by_label("Tên đăng nhập").fill(name)
        await page.get_by_label("Mật khẩu").fill(PASSWORD)
        await page.get_by_role("button", name="Đăng nhập").click()
        await expect(page.get_by_role("navigation", name="Các phần")).to_be_visible()
        await expect(page.get_by_role("navigation")).to_have_count(1)
