"""The page at `/` of intake in a real Chromium, against real intake and scoring processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.async_api import Browser, Download, Page, expect

from deploy.local.sample import SAMPLE_COHORTS
from shared.access.accounts import disable_account
from shared.access.caller import Role
from shared.access.sessions import SESSION_COOKIE
from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.browser.test_accessibility import faults
from tests.builders import DIEM_HE, a_posted_submission
from tests.people import PASSWORD, an_account
from tests.running import Service, Surroundings
from tests.waiting import eventually
from tests.workbooks import a_workbook, edited

DISTRICT = "184"
JUNE = "2023-06"


@pytest.fixture(scope="module")
async def around(shared_around: Surroundings) -> Surroundings:
    return shared_around


@pytest.fixture(scope="module")
async def scoring(around: Surroundings) -> Service:
    return await around.start("scoring")


@pytest.fixture(scope="module")
async def intake(around: Surroundings, scoring: Service) -> Service:
    return await around.start("intake")


@pytest.fixture(scope="module")
async def key(around: Surroundings) -> str:
    return await around.key(DISTRICT, agency="phong-ldtbxh-van-quan")


@pytest.fixture(scope="module")
async def person(around: Surroundings) -> str:
    """The sign-in name of a person of the district's office."""
    return await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")


@pytest.fixture
async def page(chromium: Browser, intake: Service) -> AsyncIterator[Page]:
    async with opened(chromium, intake.url) as page:
        yield page


async def taken(page: Page, period: str = JUNE) -> bytes:
    """Return the workbook as the page downloads it for the district."""
    await page.get_by_label("Kỳ báo cáo", exact=True).select_option(period)
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Tải biểu mẫu Excel").click()
    return await content_of(await waiting.value)


async def content_of(download: Download) -> bytes:
    return await asyncio.to_thread((await download.path()).read_bytes)


def filled(body: bytes, figures: dict[str, Any], unit: str = DIEM_HE) -> bytes:
    """Return the workbook with a commune's figures filled in, by element."""

    def fill(workbook: Any) -> None:
        sheet = workbook.worksheets[0]
        columns = {cell.value: cell.column for row in sheet.iter_rows(max_row=10) for cell in row if cell.value}
        rows = {cell.value: cell.row for cell in sheet["A"]}
        for element, value in figures.items():
            sheet.cell(rows[unit], columns[element]).value = value

    return edited(body, fill)


async def drop(page: Page, body: bytes, name: str = "van-quan.xlsx") -> None:
    """Drag a file over the page and let it go in its place."""
    transfer = await page.evaluate_handle(
        """([content, name]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(content)], name));
            return transfer;
        }""",
        [list(body), name],
    )
    await page.dispatch_event("label.drop", "drop", {"dataTransfer": transfer})


def row_of(page: Page, text: str) -> Any:
    return page.get_by_role("row").filter(has_text=text)


async def test_a_wrong_password_is_told_in_words_and_a_right_one_opens_the_part_that_was_asked_for(
    page: Page, person: str
) -> None:
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 740})
        await page.goto("/#sent")
        await keep_picture(page, f"sign-in-{width}")
        await page.get_by_label("Tên đăng nhập").fill(person)
        await page.get_by_label("Mật khẩu").fill("chim sẻ đậu mái đình")
        await page.get_by_role("button", name="Đăng nhập").click()
        await expect(page.get_by_role("alert")).to_contain_text("mật khẩu không đúng")
        await expect(page.get_by_label("Tên đăng nhập")).to_have_value(person)
        await keep_picture(page, f"sign-in-wrong-{width}")
    await page.get_by_label("Mật khẩu").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Đã gửi")).to_have_attribute("aria-current", "page")
    await expect(page.get_by_role("banner")).to_contain_text("phong-ldtbxh-van-quan")
    await keep_picture(page, "signed-in-360")
    await fits(page)


async def test_a_first_password_is_changed_before_anything_else(page: Page, around: Surroundings) -> None:
    first = await an_account(around.engine, "newcomer", DISTRICT, first=True)
    await page.goto("/#sent")
    await page.get_by_label("Tên đăng nhập").fill("newcomer")
    await page.get_by_label("Mật khẩu").fill(first)
    await page.get_by_role("button", name="Đăng nhập").click()
    await expect(page.get_by_role("heading", name="Đổi mật khẩu")).to_be_visible()
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 740})
        await keep_picture(page, f"first-password-{width}")
    await fits(page)
    for new, again in (("ngắn", "ngắn"), ("chim sẻ đậu mái đình", "chim sẻ đậu mái đình")):
        await page.get_by_label("Mật khẩu đang dùng").fill(first)
        await page.get_by_label("Mật khẩu mới", exact=True).fill(new)
        await page.get_by_label("Nhập lại mật khẩu mới").fill(again)
        await page.get_by_role("button", name="Đổi mật khẩu").click()
        if new == "ngắn":
            await expect(page.get_by_role("alert")).to_contain_text("ít nhất 12")
            await keep_picture(page, "first-password-weak")
    await expect(page.get_by_role("link", name="Đã gửi")).to_have_attribute("aria-current", "page")


async def test_an_account_that_is_closed_is_signed_out_and_told_so(page: Page, around: Surroundings) -> None:
    await sign_in(page, await a_person(around.engine, DISTRICT, agency="leaver"), "send")
    await disable_account(around.engine, "leaver")
    await eventually(lambda: is_refused(page))
    await expect(page.get_by_text("Phiên đăng nhập đã hết")).to_be_visible()


async def is_refused(page: Page) -> bool:
    """Open another part of the page, and say whether the page asks to sign in again."""
    if "/sign-in" not in page.url:
        await page.evaluate("location.hash = location.hash === '#sent' ? 'difficulties' : 'sent'")
        await page.wait_for_timeout(300)
    return "/sign-in" in page.url


async def test_signing_out_leaves_nothing_behind(page: Page, person: str) -> None:
    await sign_in(page, person, "send")
    (cookie,) = [one for one in await page.context.cookies() if one["name"] == SESSION_COOKIE]
    await page.get_by_role("button", name="Đăng xuất").click()
    await expect(page.get_by_label("Tên đăng nhập")).to_be_visible()
    assert [one for one in await page.context.cookies() if one["name"] == SESSION_COOKIE] == []
    await page.context.add_cookies([{"name": SESSION_COOKIE, "value": cookie["value"], "url": page.url}])
    await page.wait_for_timeout(1100)  # for so long a process remembers what it has found
    await page.goto("/")
    await expect(page.get_by_label("Tên đăng nhập")).to_be_visible()


async def test_the_session_is_out_of_reach_of_scripts_and_stands_in_no_address(page: Page, person: str) -> None:
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    await sign_in(page, person, "send")
    await taken(page)
    (cookie,) = [one for one in await page.context.cookies() if one["name"] == SESSION_COOKIE]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert addresses
    assert not any(cookie["value"] in address or PASSWORD in address for address in addresses)
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert cookie["value"] not in await page.evaluate("document.cookie + document.documentElement.outerHTML")


async def test_the_page_may_load_nothing_from_elsewhere_and_be_framed_by_nobody(
    page: Page, person: str, intake: Service
) -> None:
    await sign_in(page, person, "send")
    answer = await page.goto("/")
    assert answer is not None
    headers = await answer.all_headers()
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    loaded = await page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert loaded
    assert all(one.startswith(intake.url) for one in loaded)


async def test_files_are_kept_for_good_under_their_hash_alone(page: Page, person: str, intake: Service) -> None:
    await sign_in(page, person, "send")
    script = await page.locator("script").get_attribute("src")
    assert script
    async with intake.client() as client:
        assert "immutable" in (await client.get(script)).headers["cache-control"]
        assert (await client.get("/web/another/page.js")).status_code == 404
        assert (await client.get("/")).headers["cache-control"] == "no-store"


async def test_a_workbook_goes_from_the_template_to_a_scored_receipt(page: Page, person: str) -> None:
    await sign_in(page, person, "send")
    await expect(page.get_by_label("Bước").locator("option")).to_have_text(["báo cáo", "thẩm tra"])
    body = filled(await taken(page), {"households": 1000, "poor_households": 60, "near_poor_households": 40})
    await drop(page, body)
    await expect(page.get_by_text("Tệp hợp lệ, có thể gửi.")).to_be_visible()
    changed = page.get_by_role("table", name="Số liệu thay đổi").get_by_role("row").filter(has_text="Hộ nghèo")
    await expect(changed).to_contain_text("chưa có → 60")
    await expect(page.get_by_text("Kỳ: tháng 6/2023", exact=True)).to_be_visible()
    judged = page.get_by_role("table", name="Đánh giá tiêu chí").get_by_role("row").filter(has_text=DIEM_HE)
    await expect(judged.first).to_contain_text("chưa có số liệu → đạt")
    await keep_picture(page, "preview")
    await page.get_by_role("button", name="Gửi 1 dòng số liệu").click()
    receipts = page.get_by_role("table", name="Biên nhận")
    await expect(receipts).to_contain_text("đã đánh giá", timeout=20_000)
    await expect(receipts).to_contain_text("chưa có số liệu → đạt", timeout=20_000)
    await keep_picture(page, "receipts")
    await page.get_by_role("link", name="Đã gửi").click()
    await expect(row_of(page, DIEM_HE).first).to_contain_text("đã đánh giá")
    await keep_picture(page, "sent")
    await page.get_by_role("button", name="Chi tiết").first.click()
    await expect(page.get_by_role("dialog")).to_contain_text("1.000")
    await keep_picture(page, "receipt")


async def test_faults_stand_at_their_cells_and_the_marked_workbook_can_be_had(page: Page, person: str) -> None:
    await sign_in(page, person, "send")
    body = filled(
        await taken(page), {"households": 800, "poor_households": "tám mươi", "near_poor_households": 900}, "06256"
    )
    await drop(page, body)
    faults = page.get_by_role("table", name="Lỗi")
    await expect(faults.get_by_role("row").filter(has_text="tám mươi")).to_contain_text("không phải là số")
    await expect(faults).to_contain_text("Số liệu")
    await expect(page.get_by_role("button", name="Gửi 1 dòng số liệu")).to_have_count(0)
    await keep_picture(page, "faults")
    cell = await faults.locator("tbody b").first.inner_text()
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Tải tệp có đánh dấu lỗi").click()
    download = await waiting.value
    assert download.suggested_filename == "van-quan-danh-dau-loi.xlsx"
    marked = load_workbook(BytesIO(await content_of(download)))["Số liệu"][cell]
    assert marked.comment


async def test_what_is_no_workbook_is_refused_in_words(page: Page, person: str) -> None:
    await sign_in(page, person, "send")
    await drop(page, b"\x89PNG\r\n\x1a\n" + bytes(64), "picture.xlsx")
    await expect(page.get_by_role("alert")).to_contain_text("Không đọc được tệp này")


async def test_a_correction_and_a_great_change_are_sent_after_they_were_stood_by(
    page: Page, key: str, person: str, intake: Service
) -> None:
    unit = "06286"
    async with intake.client(key) as client:
        sent = {"households": 900, "poor_households": 90, "near_poor_households": 45}
        for period in ("2023-05", JUNE):
            answer = await client.post(
                "/v1/submissions", json=a_posted_submission(unit=unit, period=period, readings=sent)
            )
            assert answer.status_code == 202, answer.text
    await sign_in(page, person, "send")
    body = filled(await taken(page), {"households": 900, "poor_households": 400, "near_poor_households": 45}, unit)
    await drop(page, body)
    await page.get_by_label("Đúng, đây là số liệu sửa").check()
    await page.get_by_label("Đúng, tôi đã kiểm tra").check()
    await expect(page.get_by_text("Tệp hợp lệ, có thể gửi.")).to_be_visible()
    await expect(page.get_by_text("Hộ nghèo, xã ")).to_contain_text("đúng là tăng từ 90 lên 400 hộ?")
    await expect(page.get_by_role("table", name="Cũ → mới")).to_contain_text("90 → 400")
    await expect(page.get_by_role("table", name="Cảnh báo")).to_have_count(0)
    await keep_picture(page, "correction")
    await page.get_by_role("button", name="Gửi 1 dòng số liệu").click()
    await expect(page.get_by_role("table", name="Biên nhận")).to_contain_text("đã đánh giá", timeout=20_000)
    await keep_picture(page, "correction-receipt")


async def test_a_lost_connection_is_said_and_sending_again_sends_once(
    page: Page, key: str, person: str, intake: Service
) -> None:
    await sign_in(page, person, "send")
    body = filled(await taken(page), {"households": 700, "poor_households": 30, "near_poor_households": 10}, "06295")
    await drop(page, body)
    requests: list[str | None] = []

    async def lose_answer(route: Any) -> None:
        requests.append(route.request.headers.get("idempotency-key"))
        if len(requests) == 1:
            await route.fetch()  # it arrives, but its answer does not
            await route.abort()
        else:
            await route.continue_()

    await page.route(lambda url: url.endswith("/v1/uploads"), lose_answer)
    await page.get_by_role("button", name="Gửi 1 dòng số liệu").click()
    await expect(page.get_by_role("alert")).to_contain_text("Gửi lại là an toàn")
    await page.get_by_role("button", name="Thử lại").click()
    await expect(page.get_by_role("table", name="Biên nhận")).to_be_visible()
    assert requests[0]
    assert requests == [requests[0]] * 2
    async with intake.client(key) as client:
        found = (await client.get("/v1/submissions", params={"unit": "06295"})).json()
    assert len(found["items"]) == 1


async def test_a_district_verifies_or_returns_what_was_reported(
    page: Page, around: Surroundings, person: str, intake: Service
) -> None:
    commune = await around.key("06298", agency="xa")
    async with intake.client(commune) as client:
        for period in ("2023-04", "2023-05"):
            answer = await client.post("/v1/submissions", json=a_posted_submission(unit="06298", period=period))
            assert answer.status_code == 202, answer.text
    await sign_in(page, person, "review")
    chooser = page.get_by_label("Kỳ báo cáo")
    await chooser.select_option("2023-05")
    await expect(row_of(page, "06298")).to_have_count(1)
    await keep_picture(page, "review")
    await row_of(page, "06298").get_by_role("button", name="Xem và thẩm tra").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("1.204")
    await keep_picture(page, "review-dialog")
    assert await faults(page, "review") == []
    await dialog.get_by_role("button", name="Trả lại").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Hãy ghi lý do")
    await dialog.get_by_label("Lý do trả lại").fill("Chưa trừ 3 hộ đã chuyển đi.")
    await dialog.get_by_role("button", name="Trả lại").click()
    await expect(row_of(page, "06298")).to_have_count(0)
    await chooser.select_option("2023-04")
    await row_of(page, "06298").get_by_role("button", name="Xem và thẩm tra").click()
    await dialog.get_by_role("button", name="Thẩm tra: đúng").click()
    await expect(row_of(page, "06298")).to_have_count(0)

    async def is_decided() -> bool:
        async with intake.client(commune) as client:
            items = (await client.get("/v1/submissions")).json()["items"]
        return sorted(review["decision"] for one in items for review in one["reviews"]) == ["returned", "verified"]

    await eventually(is_decided)


async def test_a_sender_withdraws_figures_after_a_question_and_with_a_reason(
    page: Page, around: Surroundings, key: str, person: str, intake: Service
) -> None:
    async with intake.client(key) as client:
        answer = await client.post("/v1/submissions", json=a_posted_submission(unit="06301", period="2023-04"))
        assert answer.status_code == 202, answer.text
    await sign_in(page, person, "sent")
    await row_of(page, "06301").get_by_role("button", name="Chi tiết").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Rút lại số liệu…").click()
    await expect(dialog).to_contain_text("Số liệu sẽ không được tính nữa")
    await dialog.get_by_role("button", name="Rút lại", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Hãy ghi lý do rút lại")
    await dialog.get_by_label("Lý do rút lại").fill("Gửi nhầm <b>xã</b>.")
    await keep_picture(page, "withdraw-dialog")
    assert await faults(page, "withdraw") == []
    await dialog.get_by_role("button", name="Rút lại", exact=True).click()
    await expect(dialog.get_by_role("status")).to_contain_text("Đã rút lại")
    await dialog.get_by_role("button", name="Đóng").click()
    await expect(row_of(page, "06301")).to_contain_text("đã rút lại")
    await row_of(page, "06301").get_by_role("button", name="Chi tiết").click()
    await expect(dialog).to_contain_text("Gửi nhầm <b>xã</b>.")


@pytest.mark.parametrize(("role", "offered"), [
    ("viewer", ["Báo cáo đến hạn", "Đã gửi", "Hồ sơ công nhận", "Vướng mắc"]),
    ("administrator", ["Báo cáo đến hạn", "Đã gửi", "Hồ sơ công nhận", "Vướng mắc"]),
    ("coordinator", [
        "Báo cáo đến hạn", "Nhập số liệu", "Gửi tệp Excel", "Đã gửi",
        "Thẩm tra số liệu", "Hồ sơ công nhận", "Vướng mắc",
    ]),
])  # fmt: skip
async def test_the_page_offers_what_the_role_may(
    page: Page, around: Surroundings, role: Role, offered: list[str]
) -> None:
    await sign_in(page, await a_person(around.engine, "20", agency=f"as-{role}", role=role), "difficulties")
    await expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(offered)
    await expect(page.get_by_role("heading", name="Khó khăn, vướng mắc")).to_be_visible()
    reports = page.get_by_role("button", name="Báo vướng mắc")
    await expect(reports).to_have_count(1 if role == "coordinator" else 0)


async def test_hostile_words_of_a_difficulty_are_shown_as_text(page: Page, person: str, around: Surroundings) -> None:
    words = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"
    await sign_in(page, person, "difficulties")
    await page.get_by_role("button", name="Báo vướng mắc").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Đơn vị").select_option(DIEM_HE)
    await dialog.get_by_label("Tiêu chí").select_option("ntm-12")
    await dialog.get_by_label("Nội dung").fill(words)
    await keep_picture(page, "difficulty-dialog")
    assert await faults(page, "difficulty") == []
    await dialog.get_by_role("button", name="Gửi").click()
    article = page.get_by_role("article").filter(has_text="chưa trả lời")
    await expect(article).to_contain_text(words)
    assert await page.title() == "Số liệu nông thôn mới"
    await keep_picture(page, "difficulties")

    await eventually(lambda: stands_again(page, words))
    await page.get_by_role("button", name="Trả lời").click()
    await dialog.get_by_label("Nội dung trả lời").fill("Đã có kinh phí.")
    await dialog.get_by_label("Đã giải quyết xong").check()
    await dialog.get_by_role("button", name="Gửi").click()
    await expect(page.get_by_role("article").filter(has_text="đã khép lại")).to_contain_text("Đã có kinh phí.")


async def stands_again(page: Page, words: str) -> bool:
    """Load the page anew, and say whether these words stand on it."""
    await page.reload()
    await expect(page.get_by_role("button", name="Báo vướng mắc")).to_be_visible()
    await page.wait_for_timeout(200)
    return words in await page.locator("main").inner_text()


async def test_sample_figures_are_called_so(chromium: Browser, around: Surroundings) -> None:
    sample = await around.start("intake", NTM_SAMPLE_COHORTS=str(SAMPLE_COHORTS))
    page = await chromium.new_page(base_url=sample.url, viewport={"width": 1200, "height": 900})
    await page.goto("/")
    await expect(page.get_by_role("note")).to_contain_text("DỮ LIỆU MẪU")
    await keep_picture(page, "sample")
    await page.close()
    await sample.stop()


async def test_english_is_a_switch_that_is_remembered(page: Page, person: str) -> None:
    await sign_in(page, person, "send")
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("button", name="Download the workbook")).to_be_visible()
    await drop(page, b"nothing")
    await expect(page.get_by_role("alert")).to_contain_text("The file cannot be taken")
    await keep_picture(page, "english")
    await page.reload()
    await expect(page.get_by_role("button", name="Download the workbook")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "en"


async def test_the_preview_says_the_period_and_what_is_not_read(page: Page, person: str) -> None:
    await sign_in(page, person, "send")
    rows = (
        ("06256", "4/2023", 900),
        ("06280", None, 800),
        ("Tổng cộng", None, 1700),
        ("Người lập biểu", None, "Chủ tịch"),
    )
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 740})
        await drop(page, a_workbook(*rows, header=("Đơn vị", "Kỳ", "Tổng số hộ"), title="Tổng hợp số liệu của huyện"))
        await expect(page.get_by_text("Kỳ: tháng 4/2023", exact=True)).to_be_visible()
        not_read = page.get_by_role("list").filter(has_text="Đã bỏ qua dòng tổng")
        await expect(not_read.get_by_role("listitem")).to_have_count(2)
        await keep_picture(page, f"preview-{width}")
    await fits(page)


async def test_a_phone_shows_everything_without_scrolling_sideways(page: Page, person: str) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto("/")
    await fits(page)
    await sign_in(page, person, "send")
    body = filled(
        await taken(page), {"households": 800, "poor_households": "tám mươi", "near_poor_households": 900}, "06256"
    )
    await drop(page, body)
    await expect(page.get_by_role("table", name="Lỗi")).to_be_visible()
    await fits(page)
    await keep_picture(page, "phone-faults")
    await drop(page, filled(body, {"poor_households": 80, "near_poor_households": 20}, "06256"))
    await expect(page.get_by_text("Tệp hợp lệ, có thể gửi.")).to_be_visible()
    await fits(page)
    await keep_picture(page, "phone-preview")
    for part in ("due", "sent", "review", "dossiers", "difficulties"):
        await page.goto(f"/#{part}")
        await expect(page.get_by_text("Đang tải…")).to_have_count(0)
        await fits(page)
        await keep_picture(page, f"phone-{part}")


async def fits(page: Page) -> None:
    widest = await page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
    assert widest <= 360


async def test_the_keyboard_alone_is_enough(page: Page, person: str) -> None:
    page.on("filechooser", lambda _: None)  # intercepts it from here on: asked for at the moment it may be too late
    await page.goto("/#sent")
    await expect(page.get_by_label("Tên đăng nhập")).to_be_focused()
    await page.keyboard.type(person)
    await tab_to(page, "Mật khẩu")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("link", name="Vướng mắc")).to_be_focused()
    for _ in range(4):  # over recognition, review and what was sent
        await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Gửi tệp đã điền")).to_be_visible()
    await tab_to(page, "Kéo tệp vào đây")
    async with page.expect_file_chooser() as waiting:
        await page.keyboard.press("Enter")
    chooser = await waiting.value
    await chooser.set_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"nothing"})
    await expect(page.get_by_role("alert")).to_be_focused()


async def tab_to(page: Page, label: str) -> None:
    """Step on until the control of this label has the focus."""
    for _ in range(80):
        words = await page.evaluate("document.activeElement.labels?.[0]?.textContent ?? ''")
        if label in words:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{label} cannot be reached")
