"""Figures typed on intake's page, on a phone and as a table, with and without the network, in a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from playwright.async_api import Browser, Error, Page, expect

from tests.browser.pages import a_person, keep_picture, opened, sign_in
from tests.browser.test_accessibility import faults
from tests.browser.test_due_page import fits
from tests.browser.test_page import drop
from tests.integration.test_reviews import post, poverty
from tests.running import Service, Surroundings
from tests.waiting import eventually

DISTRICT, DIEM_HE, YEN_PHUC, PHONE, LAPTOP = "184", "06280", "06319", 360, 1280


@pytest.fixture(scope="module")
async def around(shared_around: Surroundings) -> Surroundings:
    return shared_around


@pytest.fixture(scope="module")
async def intake(around: Surroundings) -> Service:
    """Intake on 6 July, beside scoring; Điềm He has sent its figures for May."""
    await around.start("scoring")
    intake = await around.start("intake")
    await post(intake, await around.key("20"), poverty(131, "2023-05", unit=DIEM_HE))
    await around.set_day(date(2023, 7, 6))

    async def it_is_july() -> bool:
        async with intake.client(await around.key("20")) as client:
            return bool((await client.get("/v1/reports-due")).json()["on"] == "2023-07-06")

    await eventually(it_is_july)
    return intake


@pytest.fixture
async def phone(chromium: Browser, around: Surroundings, intake: Service) -> AsyncIterator[Page]:
    person = await a_person(around.engine, DIEM_HE, agency="xa-diem-he", role="commune")
    async with opened(chromium, intake.url, PHONE) as page:
        await sign_in(page, person, "due")
        yield page


@pytest.fixture
async def yen_phuc(chromium: Browser, around: Surroundings, intake: Service) -> AsyncIterator[Page]:
    person = await a_person(around.engine, YEN_PHUC, agency="xa-yen-phuc", role="commune")
    async with opened(chromium, intake.url, PHONE) as page:
        await sign_in(page, person, "due")
        yield page


async def sent(around: Surroundings, intake: Service, period: str, unit: str = DIEM_HE, *, count: int = 1) -> list[Any]:
    """Return what intake has accepted for the period, once its tables have so many."""
    found: list[Any] = []

    async def are_there() -> bool:
        async with intake.client(await around.key("20", agency="reader")) as client:
            items = (await client.get("/v1/submissions", params={"unit": unit, "limit": 200})).json()["items"]
        found[:] = [one for one in items if one["receipt"]["period"] == period]
        return len(found) >= count

    await eventually(are_there)
    return found


async def open_form(page: Page, report: str, period: str) -> None:
    await open_report(page, report, period)
    await expect(page.get_by_role("button", name="Kiểm tra trước khi gửi")).to_be_visible()


async def open_report(page: Page, report: str, period: str) -> None:
    await page.goto("/#enter")
    await page.get_by_label("Báo cáo", exact=True).select_option(report)
    await page.get_by_label("Kỳ báo cáo", exact=True).select_option(period)


async def type_poverty(page: Page, households: str, poor: str, near: str) -> None:
    await page.get_by_label("Tổng số hộ").fill(households)
    await page.get_by_label("Hộ nghèo", exact=True).fill(poor)
    await page.get_by_label("Hộ cận nghèo", exact=True).fill(near)


async def test_a_commune_types_what_is_due_sees_the_verdict_and_sends_it(
    phone: Page, around: Surroundings, intake: Service
) -> None:
    june = phone.get_by_role("listitem").filter(has_text="hộ cận nghèo").filter(has_text="tháng 6/2023").first
    await june.get_by_role("link", name="Lập báo cáo").click()
    await expect(phone.get_by_label("Kỳ báo cáo", exact=True)).to_have_value("2023-06")
    await expect(phone.get_by_label("Đơn vị", exact=True)).to_have_value(DIEM_HE)
    poor = phone.get_by_label("Hộ nghèo", exact=True)
    await expect(poor).to_have_attribute("inputmode", "numeric")
    await expect(poor).to_have_accessible_description("hộ, từ 0 đến 20.000 · kỳ trước (tháng 5/2023): 131")
    await type_poverty(phone, "1.000", "990", "20")
    # 1.000 can be a thousand, or one: the page asks
    await expect(phone.get_by_text("“1.000” là số nào?")).to_be_visible()
    assert await faults(phone, "question") == []
    await keep_picture(phone, "enter-question-360")
    await phone.get_by_role("button", name="1.000", exact=True).click()
    await expect(phone.get_by_text("Hộ nghèo + Hộ cận nghèo = 1.010, Tổng số hộ = 1.000: không khớp.")).to_be_visible()
    await expect(poor).to_have_attribute("aria-invalid", "true")
    await keep_picture(phone, "enter-sum-360")
    await phone.get_by_role("button", name="Kiểm tra trước khi gửi").click()
    await expect(phone.get_by_role("button", name="Gửi 1 dòng số liệu")).to_have_count(0)
    await poor.fill("120")
    await expect(phone.get_by_role("main").get_by_text("không khớp")).to_have_count(0)
    await phone.get_by_role("button", name="Kiểm tra trước khi gửi").click()
    await expect(phone.get_by_text("Số liệu hợp lệ, có thể gửi.")).to_be_visible(timeout=30_000)
    await expect(phone.get_by_role("heading", name="Đánh giá tiêu chí sau khi gửi")).to_be_visible()
    await keep_picture(phone, "enter-preview-360")
    assert await faults(phone, "preview") == []
    await fits(phone)
    await phone.get_by_role("button", name="Gửi 1 dòng số liệu").click()
    await expect(phone.get_by_role("main").get_by_text("Đã nhận 1 dòng số liệu.")).to_be_visible()
    assert len(await sent(around, intake, "2023-06")) == 1


async def test_what_is_typed_without_the_network_is_kept_and_sent_once_when_it_is_back(
    phone: Page, around: Surroundings, intake: Service
) -> None:
    await open_form(phone, "poverty-monthly", "2023-04")
    await phone.get_by_label("Tổng số hộ").fill("1000")
    await phone.context.set_offline(True)
    await type_poverty(phone, "1000", "140", "20")
    await phone.get_by_role("button", name="Kiểm tra trước khi gửi").click()
    await expect(phone.get_by_text("Số liệu đã được giữ trên máy này.")).to_be_visible()
    await keep_picture(phone, "enter-offline-360")
    await phone.get_by_role("button", name="Gửi khi có mạng").click()
    await expect(phone.get_by_text("đang chờ gửi", exact=True)).to_be_visible()
    await keep_picture(phone, "enter-waiting-360")
    assert await faults(phone, "waiting") == []
    # the answer to the first try is lost on its way: it has been counted, and the next try counts nothing more
    lost: list[str] = []

    async def lose(route: Any) -> None:
        await route.fetch()
        lost.append(route.request.headers["idempotency-key"])
        await route.abort()

    await phone.context.route("**/v1/uploads*", lose, times=1)
    await phone.context.set_offline(False)
    await expect(phone.get_by_role("main").get_by_text("Đã nhận 1 dòng số liệu.")).to_be_visible(timeout=30_000)
    assert len(lost) == 1
    await expect(phone.get_by_text("đang chờ gửi", exact=True)).to_have_count(0)
    assert [one["revision"] for one in await sent(around, intake, "2023-04")] == [1]


async def kept(page: Page) -> list[str]:
    """Return the paths of all that the page's worker has kept."""
    paths: list[str] = await page.evaluate("""async () => {
        const of = async (name) => (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
        return (await Promise.all((await caches.keys()).map(of))).flat();
    }""")
    return paths


async def has_kept(page: Page, *paths: str) -> None:
    """Wait until the page's worker has kept these, and all files that the page has loaded."""
    loaded = "performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)"

    async def all_kept() -> bool:
        found = await kept(page)
        files = [path for path in await page.evaluate(loaded) if path.startswith("/web/")]
        return all(any(one.endswith(path) for one in found) for path in (*files, *paths))

    await eventually(all_kept)


FORM_KEPT = ("/", "/page.js", "/enter.js", "/page.css", "/v1/me", "/v1/catalogue", "/v1/forms/poverty-monthly")


async def test_the_form_opens_anew_without_the_network_and_what_is_typed_is_sent_once(
    yen_phuc: Page, around: Surroundings, intake: Service
) -> None:
    await open_form(yen_phuc, "poverty-monthly", "2023-03")
    await has_kept(yen_phuc, *FORM_KEPT)
    context = yen_phuc.context
    posted: list[str] = []
    context.on("request", lambda asked: posted.append(asked.url) if asked.method == "POST" else None)
    await context.set_offline(True)
    await yen_phuc.close()
    page = await context.new_page()
    await open_form(page, "poverty-monthly", "2023-03")
    await type_poverty(page, "1000", "140", "20")
    await page.get_by_role("button", name="Kiểm tra trước khi gửi").click()
    await expect(page.get_by_text("Số liệu đã được giữ trên máy này.")).to_be_visible()
    await page.get_by_role("button", name="Gửi khi có mạng").click()
    await expect(page.get_by_text("đang chờ gửi", exact=True)).to_be_visible()
    await keep_picture(page, "enter-anew-offline-360")
    assert await faults(page, "opened without the network") == []
    # a form that this person has not seen says so
    await page.get_by_label("Kỳ báo cáo", exact=True).select_option("2023-01")
    await expect(page.get_by_role("alert")).to_contain_text("Không kết nối được với máy chủ")
    assert await sent(around, intake, "2023-03", YEN_PHUC, count=0) == []
    posted.clear()
    await context.set_offline(False)
    await expect(page.get_by_role("status")).to_have_text("Đã nhận 1 dòng số liệu.", timeout=30_000)
    await expect(page.get_by_text("đang chờ gửi", exact=True)).to_have_count(0)
    assert len([address for address in posted if "/v1/uploads" in address]) == 1
    assert [one["revision"] for one in await sent(around, intake, "2023-03", YEN_PHUC)] == [1]


async def test_nothing_opens_without_the_network_after_signing_out(
    yen_phuc: Page, around: Surroundings, intake: Service
) -> None:
    await open_form(yen_phuc, "poverty-monthly", "2023-03")
    await has_kept(yen_phuc, *FORM_KEPT)
    await yen_phuc.get_by_role("button", name="Đăng xuất").click()
    await expect(yen_phuc.get_by_label("Tên đăng nhập")).to_be_visible()

    async def the_files_alone_are_kept() -> bool:
        return all(path.startswith("/web/") for path in await kept(yen_phuc))

    await eventually(the_files_alone_are_kept)
    await yen_phuc.context.set_offline(True)
    with pytest.raises(Error, match="net::ERR_"):
        await yen_phuc.goto("/#enter")


async def test_what_one_person_kept_is_not_shown_to_the_next_whose_session_began_elsewhere(
    yen_phuc: Page, around: Surroundings, intake: Service
) -> None:
    await open_form(yen_phuc, "poverty-monthly", "2023-03")
    await has_kept(yen_phuc, *FORM_KEPT)
    # the cookie holds for all pages of the host: another person has signed in at the board
    await yen_phuc.context.clear_cookies()
    person = await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    other = await yen_phuc.context.new_page()
    await sign_in(other, person, "difficulties")
    await has_kept(other, "/", "/v1/me")
    await yen_phuc.context.set_offline(True)
    await other.goto("/#enter")
    await other.reload()
    await expect(other.locator(".who")).to_contain_text("phong-ldtbxh-van-quan")
    await open_report(other, "poverty-monthly", "2023-03")
    await expect(other.get_by_role("alert")).to_contain_text("Không kết nối được với máy chủ")


async def test_a_new_release_throws_away_what_the_one_before_kept(
    chromium: Browser, around: Surroundings, intake: Service
) -> None:
    person = await a_person(around.engine, DIEM_HE, agency="xa-diem-he", role="commune")
    async with opened(chromium, intake.url, PHONE) as page:
        await page.goto("/sign-in")
        await page.evaluate("async () => (await caches.open('/web/before/')).put('/', new Response('old'))")
        await sign_in(page, person, "enter")
        await has_kept(page, "/", "/page.js")
        script = "[...document.scripts].at(-1).src.replace('page.js', '')"
        folder = await page.evaluate(f"new URL({script}).pathname")

        async def only_this_release() -> bool:
            return await page.evaluate("caches.keys()") == [folder]

        await eventually(only_this_release)
        worker = "(await navigator.serviceWorker.getRegistrations()).map(({ active }) => active?.scriptURL)"
        workers = await page.evaluate(f"async () => {worker}")
        assert workers == [f"{intake.url.rstrip('/')}{folder}worker.js"]


async def test_what_is_typed_is_there_again_after_the_page_was_closed(phone: Page) -> None:
    await open_form(phone, "poverty-monthly", "2023-03")
    await type_poverty(phone, "1000", "150", "20")
    await phone.reload()
    await open_form(phone, "poverty-monthly", "2023-02")
    await expect(phone.get_by_text("đang nhập", exact=True)).to_be_visible()
    await expect(phone.get_by_label("Hộ nghèo", exact=True)).to_have_value("")
    await phone.get_by_role("button", name="Mở").click()
    await expect(phone.get_by_label("Kỳ báo cáo", exact=True)).to_have_value("2023-03")
    await expect(phone.get_by_label("Hộ nghèo", exact=True)).to_have_value("150")
    await phone.get_by_label("Kỳ báo cáo", exact=True).select_option("2023-02")
    phone.once("dialog", lambda asked: asked.accept())
    await phone.get_by_role("button", name="Bỏ").click()
    await expect(phone.get_by_text("đang nhập", exact=True)).to_have_count(0)


async def test_what_intake_refuses_after_the_wait_is_shown_with_its_reason_and_can_be_changed(
    phone: Page, around: Surroundings, intake: Service
) -> None:
    await open_form(phone, "poverty-monthly", "2023-01")
    await phone.context.set_offline(True)
    await type_poverty(phone, "1000", "160", "20")
    await phone.get_by_role("button", name="Kiểm tra trước khi gửi").click()
    await phone.get_by_role("button", name="Gửi khi có mạng").click()
    await post(intake, await around.key("20"), poverty(161, "2023-01", unit=DIEM_HE))  # somebody else was faster
    await phone.context.set_offline(False)
    await expect(phone.get_by_text("bị từ chối, cần sửa")).to_be_visible(timeout=30_000)
    await keep_picture(phone, "enter-refused-360")
    assert await faults(phone, "refused") == []
    await type_poverty(phone, "1000", "161", "0")
    await phone.get_by_role("button", name="Kiểm tra trước khi gửi").click()
    await expect(phone.get_by_text("Không có số liệu nào thay đổi.")).to_be_visible()


async def test_reports_on_jobs_violence_and_entitlements_have_forms(
    chromium: Browser, around: Surroundings, intake: Service
) -> None:
    person = await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, PHONE) as page:
        await sign_in(page, person, "due")
        jobs = page.get_by_role("listitem").filter(has_text="giải quyết việc làm mới").first
        await jobs.get_by_role("link", name="Lập báo cáo").click()
        await expect(page.get_by_label("Báo cáo", exact=True)).to_have_value("jobs-monthly")
        await expect(page.get_by_label("Đơn vị", exact=True)).to_have_value(DISTRICT)
        await page.get_by_label("Lao động nông thôn được giải quyết việc làm mới").fill("37")
        await page.get_by_role("button", name="Kiểm tra trước khi gửi").click()
        await page.get_by_role("button", name="Gửi 1 dòng số liệu").click()
        await expect(page.get_by_role("main").get_by_text("Đã nhận 1 dòng số liệu.")).to_be_visible()
        await open_form(page, "gender-violence-monthly", "2023-06")
        await expect(page.get_by_label("Số vụ bạo lực trên cơ sở giới")).to_be_visible()
        await open_form(page, "entitlements-quarterly", "2023-Q2")
        await expect(page.get_by_label("Hộ nghèo đã thụ hưởng chính sách về y tế")).to_be_visible()
        await fits(page)
        await keep_picture(page, "enter-entitlements-360")
        assert await faults(page, "entitlements") == []


async def paste(page: Page, label: str, text: str) -> None:
    """Paste a text from the clipboard into a field."""
    await page.get_by_label(label, exact=True).evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


async def test_a_district_pastes_its_communes_from_excel_into_a_table(
    chromium: Browser, around: Surroundings, intake: Service
) -> None:
    person = await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, LAPTOP) as page:
        await sign_in(page, person, "enter")
        await open_form(page, "poverty-monthly", "2023-06")
        await keep_picture(page, "enter-table-1280")
        first = "Tổng số hộ, xã Trấn Ninh"
        # two rows that name their unit in another order, one of no commune here, and numbers as Vietnam writes them
        rows = ["STT\tXã\tTổng số hộ", "1\tDiem He\t1.204", "2\tXÃ TRẤN NINH\t1.000", "\tTổng cộng\t2.204"]
        await paste(page, first, "\r\n".join(rows) + "\r\n")
        await expect(page.get_by_label(first, exact=True)).to_have_value("1.000")
        await expect(page.get_by_label("Tổng số hộ, xã Điềm He", exact=True)).to_have_value("1.204")
        await expect(page.get_by_text("Đã dán 2 số liệu.")).to_be_visible()
        await expect(page.get_by_text("chưa dán: STT Xã; Tổng cộng")).to_be_visible()
        # 1.204 households are whole, so the point stands before thousands in this column: nothing is asked
        await expect(page.get_by_text("là số nào?")).to_have_count(0)
        await paste(page, "Hộ nghèo, xã Trấn Ninh", "1.500\t0\n\tx")
        await expect(page.get_by_text("Không phải là số")).to_be_visible()
        await expect(page.get_by_text("“1.500” là số nào?")).to_have_count(0)
        await expect(page.get_by_text("Hộ nghèo + Hộ cận nghèo = 1.500, Tổng số hộ = 1.000")).to_be_visible()
        await paste(page, "Hộ nghèo, xã Trấn Ninh", "1\t2\t3")
        await expect(
            page.get_by_text("Phần dán có 3 cột số liệu, từ ô này chỉ còn 2 cột. Chưa dán gì.")
        ).to_be_visible()
        await keep_picture(page, "enter-table-faults-1280")
        assert await faults(page, "table") == []
        await page.get_by_role("button", name="Kiểm tra trước khi gửi").click()
        await expect(page.get_by_label(first, exact=True)).to_be_focused()


async def test_a_table_goes_on_a_phone_commune_by_commune_and_is_sent_whole(
    chromium: Browser, around: Surroundings, intake: Service
) -> None:
    person = await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, LAPTOP) as page:
        await sign_in(page, person, "enter")
        await open_form(page, "poverty-monthly", "2023-02")
        await paste(page, "Tổng số hộ, xã Trấn Ninh", "1204\t90\t30")
        await page.set_viewport_size({"width": PHONE, "height": 740})
        unit = page.get_by_label("Số liệu của")
        await expect(unit.locator("option:checked")).to_have_text("xã Trấn Ninh ✓")
        await page.get_by_role("button", name="Tiếp: ").click()
        await type_poverty(page, "900", "80", "10")
        await keep_picture(page, "enter-district-360")
        assert await faults(page, "a district's phone") == []
        await page.get_by_role("button", name="Kiểm tra trước khi gửi").click()
        await page.get_by_role("button", name="Gửi 2 dòng số liệu").click(timeout=30_000)
        await expect(page.get_by_role("main").get_by_text("Đã nhận 2 dòng số liệu.")).to_be_visible()
    assert len(await sent(around, intake, "2023-02", DISTRICT, count=2)) == 2


THREE = ("06283", "06286", "06298")


async def test_a_correction_of_a_form_is_a_question_with_old_and_new_side_by_side(
    phone: Page, around: Surroundings, intake: Service
) -> None:
    await post(intake, await around.key("20", agency="so-ldtbxh"), poverty(131, "2022-12", unit=DIEM_HE))
    await post(intake, await around.key("20", agency="so-ldtbxh"), poverty(131, "2023-07", unit=DIEM_HE))
    await open_form(phone, "poverty-monthly", "2023-07")
    await type_poverty(phone, "1000", "331", "0")
    await phone.get_by_role("button", name="Kiểm tra trước khi gửi").click()
    asked = phone.get_by_role("heading", name="Kỳ này đã có số liệu của 1 xã (gửi ngày")
    await expect(asked).to_contain_text("bởi so-ldtbxh). Đây là số liệu sửa?", timeout=30_000)
    table = phone.get_by_role("table", name="Cũ → mới")
    await expect(table).to_contain_text("131 → 331")
    await expect(phone.get_by_text("Chưa gửi được: hãy trả lời câu hỏi ở trên.")).to_be_visible()
    await expect(phone.locator(".box.bad")).to_have_count(0)
    await expect(phone.get_by_role("heading", name="Lỗi")).to_have_count(0)
    await keep_picture(phone, "enter-correction-360")
    assert await faults(phone, "correction") == []
    await phone.get_by_label("Đúng, đây là số liệu sửa").check()
    grown = phone.get_by_text("Hộ nghèo, xã Điềm He: đúng là tăng từ 131 lên 331 hộ?")
    await expect(grown).to_be_visible(timeout=30_000)
    await keep_picture(phone, "enter-grown-360")
    await phone.get_by_label("Đúng, tôi đã kiểm tra").check(timeout=30_000)
    await phone.get_by_role("button", name="Gửi 1 dòng số liệu").click(timeout=30_000)
    await expect(phone.get_by_role("main").get_by_text("Đã nhận 1 dòng số liệu.")).to_be_visible()
    assert sorted(one["revision"] for one in await sent(around, intake, "2023-07", count=2)) == [1, 2]


@pytest.mark.parametrize("width", [PHONE, LAPTOP])
async def test_a_preview_shows_what_changes_and_folds_what_does_not(
    chromium: Browser, around: Surroundings, intake: Service, width: int
) -> None:
    province = await around.key("20")
    for unit in THREE:
        await post(intake, province, poverty(100, "2023-04", unit=unit))
    rows = [f"{unit};2023-05;1000;{80 if unit == THREE[0] else 100};0" for unit in THREE]
    body = "\n".join(["unit;period;households;poor_households;near_poor_households", *rows]).encode()
    person = await a_person(around.engine, DISTRICT, agency="phong-ldtbxh-van-quan")
    async with opened(chromium, intake.url, width) as page:
        await sign_in(page, person, "send")
        await drop(page, body, "ba-xa.csv")
        await expect(page.get_by_text("Tệp hợp lệ, có thể gửi.")).to_be_visible(timeout=30_000)
        await expect(page.get_by_text("Bằng kỳ trước: 8 số liệu")).to_be_visible()
        changed = page.get_by_role("table", name="Số liệu thay đổi").filter(visible=True)
        await expect(changed.locator("tbody tr")).to_have_count(1)
        await expect(page.get_by_text("Không đổi: ")).to_be_visible()
        await keep_picture(page, f"preview-three-{width}")
        assert await faults(page, "three communes") == []
        card = await page.locator(".result .card").bounding_box()
        assert card
        assert card["height"] < (2000 if width == PHONE else 1500), card["height"]
        await page.get_by_text("Bằng kỳ trước: 8 số liệu").click()
        await expect(page.get_by_role("table", name="Số liệu thay đổi").filter(visible=True)).to_have_count(2)
