"""Evidence in a receipt: the sender attaches files and links, the reviewer sees and saves them, in a real Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.browser.test_accessibility import LANGUAGES, faults, speak
from tests.browser.test_due_page import fits
from tests.browser.test_review_page import DISTRICT, due
from tests.integration.test_evidence import A_PDF, A_PNG
from tests.integration.test_reviews import post, poverty
from tests.running import Surroundings
from tests.waiting import eventually

COMMUNE = "06280"
NAME = "Biên bản rà soát hộ nghèo.pdf"


@pytest.mark.parametrize("width", [1280, 360])
async def test_who_sent_figures_attaches_evidence_and_the_reviewer_sees_and_saves_it(
    chromium: Browser, around: Surroundings, tmp_path: Path, width: int
) -> None:
    await around.start("scoring")
    intake = await around.start("intake")
    sent = await post(intake, await around.key(COMMUNE, agency="xa-diem-he"), poverty(131, "2023-06", unit=COMMUNE))
    (tmp_path / NAME).write_bytes(A_PDF)
    (tmp_path / "trang.pdf").write_bytes(b"<html>")

    sender = await a_person(around.engine, COMMUNE, agency="xa-diem-he")
    async with opened(chromium, intake.url, width) as page:
        await sign_in(page, sender, "sent")
        dialog = await receipt(page, "Biên nhận")
        await expect(dialog).to_contain_text("Chưa có minh chứng.")
        await dialog.get_by_text("Gắn minh chứng").click()
        await dialog.get_by_role("button", name="Gắn", exact=True).click()
        await expect(dialog.get_by_role("alert")).to_contain_text("Hãy chọn một tệp, hoặc ghi một liên kết.")
        await dialog.get_by_label("Chọn tệp").set_input_files(tmp_path / "trang.pdf")
        await dialog.get_by_role("button", name="Gắn", exact=True).click()
        await expect(dialog.get_by_role("alert")).to_contain_text("nội dung tệp này không thuộc các loại đó")
        await dialog.get_by_label("Chọn tệp").set_input_files(tmp_path / NAME)
        await dialog.get_by_label("Minh chứng cho").select_option("poor_households")
        await dialog.get_by_role("button", name="Gắn", exact=True).click()
        await expect(dialog.get_by_role("button", name=f"Tải về: {NAME}")).to_be_visible()
        await dialog.get_by_label("Hoặc liên kết").fill("https://dichvucong.langson.gov.vn/12")
        await dialog.get_by_label("Tên của liên kết").fill("Quyết định công nhận")
        await dialog.get_by_role("button", name="Gắn", exact=True).click()
        await expect(dialog).to_contain_text("mở trang dichvucong.langson.gov.vn")
        assert await faults(page, "evidence vi") == []
        await fits(page)
        await keep_picture(page, f"evidence-attach-{width}")
        await dialog.get_by_role("button", name="Rút minh chứng: Quyết định công nhận").click()
        await dialog.get_by_label("Lý do rút minh chứng").fill("Nhầm quyết định")
        await dialog.get_by_role("button", name="Rút minh chứng", exact=True).click()
        await expect(dialog.get_by_role("link")).to_have_count(0)

    async def waits() -> bool:
        items = (await due(around, intake))["items"]
        return [(one["receipt"]["id"], len(one["evidence"])) for one in items] == [(sent, 1)]

    await eventually(waits)
    reviewer = await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, width) as page:
        await sign_in(page, reviewer, "review")
        for language in LANGUAGES:
            await speak(page, language)
            await expect(page.locator("tbody tr")).to_have_count(1)
        await speak(page, "vi")
        await expect(page.locator("tbody tr")).to_contain_text("1 minh chứng")
        await keep_picture(page, f"evidence-grid-{width}")
        await page.get_by_role("button", name="Xem và thẩm tra").click()
        dialog = page.get_by_role("dialog")
        async with page.expect_download() as saving:
            await dialog.get_by_role("button", name=f"Tải về: {NAME}").click()
        saved = await saving.value
        assert saved.suggested_filename == NAME
        await saved.save_as(tmp_path / "saved.pdf")
        assert (tmp_path / "saved.pdf").read_bytes() == A_PDF
        assert await faults(page, "evidence at review") == []
        await fits(page)
        await keep_picture(page, f"evidence-review-{width}")


@pytest.mark.parametrize("width", [1280, 360])
async def test_the_board_leads_to_the_evidence_of_a_commune_which_stands_in_its_dossier(
    chromium: Browser, around: Surroundings, tmp_path: Path, width: int
) -> None:
    intake = await around.start("intake")
    scoring = await around.start("scoring", NTM_INTAKE_PAGE=intake.url)
    sent = await post(intake, await around.key(COMMUNE, agency="xa-diem-he"), poverty(131, "2023-06", unit=COMMUNE))
    async with intake.client(await around.key(COMMUNE, agency="xa-diem-he")) as client:
        about = {"submission": sent, "name": NAME}
        assert (await client.post("/v1/evidence", params=about, content=A_PDF)).status_code == 202

        async def is_listed() -> bool:
            return bool((await client.get("/v1/evidence", params={"unit": COMMUNE})).json()["items"])

        await eventually(is_listed)
    (tmp_path / "anh.png").write_bytes(A_PNG)
    person = await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, scoring.url, width) as page:
        await sign_in(page, person, "commune")
        await page.goto(f"{scoring.url}/?unit={COMMUNE}#commune")
        await page.get_by_role("link", name="Minh chứng và hồ sơ công nhận của xã").click()
        dossier = page.locator(".dossier")
        await expect(dossier.get_by_role("button", name=f"Tải về: {NAME}")).to_be_visible()
        await dossier.get_by_text("Gắn minh chứng").click()
        await dossier.get_by_label("Tiêu chí", exact=True).select_option("ntm-13")
        await dossier.get_by_label("Kỳ báo cáo").fill("2023-06")
        await dossier.get_by_label("Chọn tệp").set_input_files(tmp_path / "anh.png")
        await dossier.get_by_role("button", name="Gắn", exact=True).click()
        await expect(dossier.get_by_role("button", name="Tải về: anh.png")).to_be_visible()
        assert await faults(page, "evidence of a commune") == []
        await fits(page)
        await keep_picture(page, f"evidence-dossier-{width}")


async def receipt(page: Page, name: str) -> Any:
    await page.get_by_role("row").filter(has_text=COMMUNE).get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(name)
    return dialog
