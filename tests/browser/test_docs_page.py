"""The descriptions of the HTTP APIs at `/docs`, in a real Chromium that notes whom it asks."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.pages import keep_picture, opened
from tests.running import Surroundings

MAIL = {"NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_FROM": "ntm@example.vn"}


@pytest.mark.parametrize(
    ("name", "env", "path"),
    [("intake", {}, "/v1/submissions"), ("scoring", {}, "/v1/statuses"), ("notify", MAIL, "/v1/alerts")],
)
async def test_the_api_is_described_from_files_of_the_service_itself(
    name: str, env: dict[str, str], path: str, shared_around: Surroundings, chromium: Browser
) -> None:
    service = await shared_around.start(name, **env)
    async with opened(chromium, service.url, width=360) as page:
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url))
        answer = await page.goto("/docs")
        assert answer
        assert "default-src 'none'; connect-src 'self'" in answer.headers["content-security-policy"]
        operation = page.locator(".opblock-get").filter(has_text=path).first
        await expect(operation).to_be_visible()
        await operation.locator(".opblock-summary").click()
        await expect(operation.get_by_text("Parameters")).to_be_visible()
        await keep_picture(page, f"docs-{name}")
        assert {url.removeprefix(service.url).split("/")[1] for url in asked} == {"docs", "openapi.json"}
        async with service.client() as client:
            assert (await client.get("/redoc")).status_code == 404
            assert (await client.get("/docs/files/other/docs.js")).status_code == 404
    await service.stop()
