"""A page as a new visitor finds it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from playwright.async_api import Browser, Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.accounts import AccountExistsError
from shared.access.caller import Role
from tests.people import PASSWORD, an_account


@asynccontextmanager
async def opened(chromium: Browser, url: str, width: int = 1200) -> AsyncIterator[Page]:
    """Yield a new visitor's page; fail at the end when the page met errors that a visitor does not see."""
    context = await chromium.new_context(base_url=url, locale="vi-VN", viewport={"width": width, "height": 900})
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    await context.close()
    assert faults == []


async def sign_in(page: Page, name: str, part: str, password: str = PASSWORD) -> None:
    await page.goto(f"/#{part}")
    await sign_in_here(page, name, password)


async def sign_in_here(page: Page, name: str, password: str = PASSWORD) -> None:
    """Sign in at the page to which the visitor was sent."""
    await page.get_by_label("Tên đăng nhập").fill(name)
    await page.get_by_label("Mật khẩu").fill(password)
    await page.get_by_role("button", name="Đăng nhập").click()
    await expect(page.get_by_role("navigation").last).to_be_visible()


async def a_person(engine: AsyncEngine, *units: str, agency: str, role: Role = "unit") -> str:
    """Return the sign-in name of a person of an agency, who gets an account where there is none."""
    with suppress(AccountExistsError):
        await an_account(engine, agency, *units, agency=agency, role=role)
    return agency


async def keep_picture(page: Page, name: str) -> None:
    """Keep a picture of the page for people, where `NTM_PICTURES` names a folder."""
    if folder := os.environ.get("NTM_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
