"""Signing in at an issuer, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from shared.access.accounts import Person, add_account_at_issuer
from tests.browser.pages import keep_picture, opened
from tests.issuer import PeopleIssuer
from tests.running import Surroundings

LAN = "lan@langson.example"


@pytest.mark.parametrize("width", [1280, 360])
async def test_a_person_goes_to_the_issuer_and_comes_back_to_the_part_that_was_asked_for(
    chromium: Browser, shared_around: Surroundings, width: int
) -> None:
    name = f"{width}-{LAN}"
    person = Person(name, "Nguyễn Thị Lan", "phong", "Phòng LĐTBXH Văn Quan", "unit", ("184",), ("*",))
    await add_account_at_issuer(shared_around.engine, person)
    with PeopleIssuer(client_secret=None, person={"email": name, "email_verified": True}) as issuer:
        intake = await shared_around.start("intake", NTM_OIDC_ISSUER=issuer.url, NTM_OIDC_CLIENT_ID=issuer.client_id)
        async with opened(chromium, intake.url, width) as page:
            await page.goto("/#sent")
            await keep_picture(page, f"sign-in-issuer-{width}")
            await page.get_by_role("link", name="Đăng nhập bằng tài khoản của tỉnh").click()
            await expect(page.get_by_role("link", name="Đã gửi")).to_have_attribute("aria-current", "page")
            await expect(page.get_by_role("banner")).to_contain_text("Nguyễn Thị Lan")
            await expect(page.get_by_role("link", name="Đổi mật khẩu")).to_have_count(0)
            await page.get_by_role("button", name="Đăng xuất").click()
            await expect(page.get_by_label("Tên đăng nhập")).to_be_visible()
        await intake.stop()
