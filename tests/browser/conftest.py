"""A real Chromium: `NTM_CHROMIUM`, or an installed one. Without it the tests skip; they fail if NTM_NEED_CHROMIUM=1."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = os.environ.get("NTM_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        reason = "THE PAGE IS NOT TESTED: no Chromium was found. Install one, or name it by NTM_CHROMIUM."
        if os.environ.get("NTM_NEED_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_OPTIONS)
        yield browser
        await browser.close()
