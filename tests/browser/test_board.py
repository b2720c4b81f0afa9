"""The board at `/` of scoring in a real Chromium: it says what the API says, and what happens while it is open."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import text

from services.notify.alerts.log import log_message
from shared.contracts.alert import AlertEvent
from shared.nats.publishing import publish
from shared.time import utc_now
from tests.binding_plan import binding_reference
from tests.browser.pages import a_person, keep_picture, opened, sign_in, sign_in_here
from tests.browser.test_accessibility import faults
from tests.changes import a_problem
from tests.integration.notify_service import as_message
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import BORDER, load_district, poverty_report, put_on_stream
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

PHONE = 360


pytestmark = pytest.mark.usefixtures("binding")


@pytest.fixture
async def scoring(around: Surroundings) -> Service:
    """A scoring that has judged a report of each commune in December and in May: fewer meet criterion 11 now."""
    service, communes = await around.start("scoring"), binding_reference().units.communes(START, "20")
    reports = [
        poverty_report(period, 100 if number < meeting else 200, unit=unit.code, district=load_district(unit.code))
        for period, meeting in (("2022-12", 77), ("2023-05", 60))
        for number, unit in enumerate(communes)
    ]
    await put_on_stream(around, *reports)
    await scored(around, len(reports))
    return service


@pytest.fixture
async def page(chromium: Browser, scoring: Service) -> AsyncIterator[Page]:
    async with opened(chromium, scoring.url, 1280) as page:
        yield page


async def answer(page: Page, path: str) -> dict[str, Any]:
    """Return what the API answers to the person of the page."""
    return dict(await (await page.request.get(path)).json())


def in_vietnamese(number: float) -> str:
    return f"{number:,.2f}".rstrip("0").rstrip(".").translate(str.maketrans(",.", ".,"))


def row_of(page: Page, target: dict[str, Any]) -> Locator:
    key = f"{target['commitment']['id']} {target['unit']['code']}"
    return page.get_by_role("row").filter(has=page.locator(f'[data-key="{key}"]'))


async def test_the_overview_says_what_the_api_says_the_worst_first(around: Surroundings, page: Page) -> None:
    await sign_in(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"), "overview")
    all_targets = (await answer(page, "/v1/targets"))["items"]
    commitments = {one["commitment"]["id"] for one in all_targets}
    targets = [one for one in all_targets if one["unit"]["kind"] == "province"]
    assert {one["commitment"]["id"] for one in targets} < commitments, "some have districts alone"
    of_districts = commitments - {one["commitment"]["id"] for one in targets}
    behind = {
        one["commitment"]["id"]
        for one in all_targets
        if one["status"] in ("behind", "missed")
        and (one["unit"]["kind"] == "province" or one["commitment"]["id"] in of_districts)
    }
    await expect(page.get_by_role("heading", name=f"{len(behind)} trong {len(commitments)} chỉ tiêu")).to_be_visible()
    assert behind
    for target in targets:
        part, row = target["assessment"]["parts"][0], row_of(page, target)
        await expect(row).to_contain_text(target["commitment"]["title"]["vi"])
        for shown in (part["value"], part["goal"]):
            if shown is not None and part["measured_in"] != "yes_no":
                await expect(row).to_contain_text(in_vietnamese(shown))
    keys = await page.locator(".plan [data-key]").evaluate_all("all => all.map(one => one.dataset.key)")
    by_key = {f"{one['commitment']['id']} {one['unit']['code']}": one["status"] for one in all_targets}
    ranks = ["missed", "behind", "no_data", "not_met", "on_track", "met"]
    assert [by_key[key] for key in keys] == sorted((by_key[key] for key in keys), key=ranks.index)
    await expect(page.locator(".sparkline").first).to_be_visible()
    await keep_picture(page, "board-overview")
    overdue = (await answer(page, "/v1/statuses?overdue=true&form=short&limit=5000"))["items"]
    reports = {(one["unit"]["code"], one["criterion"]["key"], period) for one in overdue for period in one["overdue"]}
    await expect(page.get_by_text(f"{len(reports)} báo cáo quá hạn")).to_be_visible()


async def test_the_overview_begins_with_what_should_be_done_first(around: Surroundings, page: Page) -> None:
    reported = a_problem(id=UUID(int=7), words="Chưa bố trí kinh phí.")
    await publish(around.nats, [as_message(reported)])
    await sign_in(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"), "overview")

    async def is_known() -> bool:
        return bool((await answer(page, "/v1/difficulties"))["items"])

    await eventually(is_known)
    await page.reload()
    card = page.locator("section").filter(has=page.get_by_role("heading", name="Việc cần làm trước hôm nay"))
    items = card.get_by_role("listitem")
    await expect(items).to_have_count(5)
    worst = page.locator(".plan [data-key]").first
    await expect(worst).to_be_visible()
    title = (await worst.locator("summary").inner_text()).split(" (")[0]
    await expect(items.first).to_contain_text(f"Chỉ đạo khắc phục: {title}")
    await expect(items.nth(1)).to_contain_text(f"Trả lời khó khăn, vướng mắc của {reported.unit.name}")
    overdue = (await answer(page, "/v1/statuses?overdue=true&form=short&limit=5000"))["items"]
    missing = Counter(one["district"]["name"] for one in overdue)
    await expect(items.nth(2)).to_contain_text(re.compile("Gọi (huyện|thành phố) .*: báo cáo quá hạn"))
    called = (await items.nth(2).inner_text()).removeprefix("Gọi ").split(":")[0]
    assert missing[called] == max(missing.values())
    await keep_picture(page, "board-today")
    await items.first.get_by_role("link").focus()
    await page.keyboard.press("Enter")
    await expect(worst.locator("summary")).to_be_focused()
    await expect(worst.locator("p.hint")).to_be_visible()
    await items.nth(1).get_by_role("link").click()
    await expect(page.get_by_role("heading", name="Cần trả lời: khó khăn, vướng mắc")).to_be_focused()


async def test_the_overview_says_what_the_plans_paper_states_wrongly(around: Surroundings, page: Page) -> None:
    await sign_in(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"), "overview")
    commitment = page.locator("details").filter(has_text="87/181 xã đạt tiêu chí Nghèo đa chiều")
    await expect(commitment.get_by_text("(kế hoạch ghi sai)")).to_be_visible()
    await commitment.locator("summary").click()
    await expect(commitment.get_by_text("Đúng ra: 48,07 %")).to_be_visible()
    await keep_picture(page, "board-paper")


async def test_the_overview_names_the_difficulties_that_wait(around: Surroundings, page: Page) -> None:
    reported = a_problem(id=UUID(int=7), words="<b>Chưa bố trí</b> kinh phí.")
    await publish(around.nats, [as_message(reported)])
    await sign_in(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"), "overview")
    await expect(page.get_by_text("1 khó khăn, vướng mắc chưa giải quyết xong, 1 chưa được trả lời")).to_be_visible()
    card = page.locator("section").filter(has=page.get_by_role("heading", name="khó khăn, vướng mắc"))
    await expect(card.get_by_text("<b>Chưa bố trí</b> kinh phí.")).to_be_visible()
    await expect(card.get_by_role("link", name=reported.unit.name)).to_be_visible()
    await card.scroll_into_view_if_needed()
    await keep_picture(page, "board-difficulties")


async def test_the_overview_names_who_has_not_reacted(around: Surroundings, page: Page) -> None:
    account = await a_person(around.engine, "20", agency="vpdp", role="coordinator")
    await sign_in(page, account, "overview")
    card = page.locator("section").filter(has=page.get_by_role("heading", name="chưa có đơn vị nhận xử lý"))
    await expect(card).to_contain_text("đều đã có đơn vị nhận xử lý")
    changes = (await answer(page, "/v1/changes?limit=5000"))["items"]
    behind = [one for one in changes if one["event"] in ("fell_behind", "missed", "lost") and one["after"] == "behind"]
    commune = next(one for one in behind if one["kind"] == "status")
    for event in (AlertEvent.RAISED, AlertEvent.ESCALATED):
        entry = log_message(UUID(commune["id"]), commune["unit"]["code"], event, utc_now(), None, None)
        await publish(around.nats, [entry])
    await page.reload()
    line = card.locator("li").filter(has_text=commune["district"]["name"])
    await expect(line).to_contain_text("1 nội dung đang chậm tiến độ, lâu nhất từ 30/06/2023")
    await expect(line).to_contain_text("1 đã báo lên cấp trên")
    await keep_picture(page, "board-unacknowledged")


async def test_a_change_is_on_the_page_by_itself_also_after_the_service_was_away(
    around: Surroundings, scoring: Service, page: Page
) -> None:
    await sign_in(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"), "overview")
    await expect(page.get_by_text("● trực tiếp")).to_be_visible()
    before = {one["id"] for one in (await answer(page, "/v1/changes?limit=5000"))["items"]}
    await put_on_stream(around, poverty_report("2023-06", 900, START))
    fresh = page.locator("li.fresh")
    await expect(fresh.first).to_contain_text("vừa thay đổi")
    assert await fresh.first.get_attribute("data-change") not in before
    await scoring.stop()
    await expect(page.get_by_text("Mất kết nối")).to_be_visible(timeout=30_000)
    await scoring.start()
    await expect(page.get_by_text("● trực tiếp")).to_be_visible(timeout=30_000)

    known = await page.locator("li[data-change]").evaluate_all("all => all.map(one => one.dataset.change)")
    await put_on_stream(around, poverty_report("2023-06", 20, START, revision=2))
    fresh = page.locator("li.fresh").filter(has_text="Quốc Khánh")
    await expect(fresh).to_have_count(2)
    assert await fresh.first.get_attribute("data-change") not in known


async def test_what_many_units_changed_alike_is_one_line_that_names_them(around: Surroundings, page: Page) -> None:
    await sign_in(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"), "overview")
    items = (await answer(page, "/v1/changes?limit=5000"))["items"]
    since = str(START - timedelta(days=7))
    alike: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in items:
        if one["on"] >= since and one["before"] != one["after"]:
            topic = one["criterion"]["key"] if one["criterion"] else one["commitment"]["id"]
            alike[topic, one["before"], one["after"]].add(one["id"])
    key, changes = max(alike.items(), key=lambda each: len(each[1]))
    assert len(changes) > 3
    line = page.locator(f'details[data-key="{" ".join(key)}"]')
    await line.get_by_text(f"{len(changes)} đơn vị").click()
    await expect(line.locator("li").first).to_be_visible()
    shown = await line.locator("li").evaluate_all("all => all.map(one => one.dataset.change)")
    assert (len(shown), set(shown)) == (len(changes), changes)
    await keep_picture(page, "board-week")


async def test_a_cell_opens_its_communes_and_the_slider_goes_back(around: Surroundings, page: Page) -> None:
    await sign_in(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"), "districts")
    summary = await answer(page, "/v1/summary?months=true")
    today = summary["days"][-1]
    [district] = [one for one in today["districts"] if one["district"] and one["district"]["code"] == "180"]
    [cell] = [one for one in district["cells"] if one["criterion"] == "ntm-11" and one["cohort"] is None]
    total, good = sum(cell["statuses"].values()), sum(cell["statuses"].get(one, 0) for one in ("met", "on_track"))
    button = page.get_by_role("row", name=re.compile("Tràng Định")).get_by_role(
        "button", name=re.compile("Nghèo đa chiều")
    )
    await expect(button).to_contain_text(f"{good}/{total}")
    await keep_picture(page, "board-districts")
    await button.click()
    rows = page.get_by_role("dialog").get_by_role("row")
    await expect(rows).to_have_count(total + 1)
    await keep_picture(page, "board-communes")
    assert await faults(page, "communes of a cell") == []
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()
    slider = page.get_by_label("Thời điểm (cuối từng tháng)")
    await slider.focus()
    await page.keyboard.press("Home")
    first = summary["days"][0]
    year, month, day = first["on"].split("-")
    await expect(page.locator("output")).to_have_text(f"{int(day)}/{int(month)}/{year}")


async def test_the_districts_are_shown_by_what_was_known_then_or_by_what_is_known_now(
    around: Surroundings, page: Page
) -> None:
    await sign_in(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"), "districts")

    async def in_may(known: str) -> str:
        address = f"/v1/summary?months=true&known={known}"
        while "days" not in (summary := await answer(page, address)):
            await page.wait_for_timeout(500)
        [may] = [day for day in summary["days"] if day["on"] == "2023-05-31"]
        [district] = [one for one in may["districts"] if one["district"] and one["district"]["code"] == "180"]
        [cell] = [one for one in district["cells"] if one["criterion"] == "ntm-11" and one["cohort"] is None]
        good = sum(cell["statuses"].get(one, 0) for one in ("met", "on_track"))
        return f"{good}/{sum(cell['statuses'].values())}"

    then, now = await in_may("then"), await in_may("now")
    assert then != now, "the reports on May came in June"
    button = page.get_by_role("row", name=re.compile("Tràng Định")).get_by_role(
        "button", name=re.compile("Nghèo đa chiều")
    )
    slider = page.get_by_label("Thời điểm (cuối từng tháng)")
    await slider.focus()
    while await page.locator("output").text_content() != "31/05/2023":
        await page.keyboard.press("ArrowLeft")
    await expect(button).to_contain_text(then)
    await page.get_by_label("Theo số liệu").select_option("theo số liệu nay biết")
    await expect(page.get_by_text("Theo tất cả số liệu nay biết")).to_be_visible()
    await expect(page.get_by_label("Theo số liệu")).to_be_focused()
    await expect(button).to_contain_text(now)
    await keep_picture(page, "board-districts-now")
    await button.click()
    await expect(page.get_by_role("dialog").locator(".badge.good")).to_have_count(int(now.partition("/")[0]))
    await page.keyboard.press("Escape")
    await page.get_by_label("Theo số liệu").select_option("theo số liệu lúc đó")
    await expect(button).to_contain_text(then)


@asynccontextmanager
async def unread_figures(around: Surroundings) -> AsyncIterator[None]:
    """Let nobody read scoring's figures during the block, so that what is counted from them is not ready."""
    async with around.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE scoring.reading IN ACCESS EXCLUSIVE MODE"))
        yield


async def test_the_districts_say_how_far_the_counts_by_what_is_known_now_are(around: Surroundings, page: Page) -> None:
    await sign_in(page, await a_person(around.engine, "20", agency="vpdp", role="coordinator"), "districts")
    chosen, counting = page.get_by_label("Theo số liệu"), page.get_by_role("status").filter(has_text="Đang tính lại")
    await expect(chosen).to_be_visible()
    while "days" not in await answer(page, "/v1/summary?months=true&known=now&as_of=2023-05-31"):
        await page.wait_for_timeout(500)
    async with unread_figures(around):  # six of seven month ends are counted
        await chosen.select_option("now")
        await expect(counting).to_contain_text("85\u00a0%…", timeout=30_000)
        await expect(page.get_by_role("row", name=re.compile("Tràng Định"))).to_be_visible()
        await keep_picture(page, "board-counting")
        await page.reload()  # the address asks for the same
        await expect(counting).to_contain_text("85\u00a0%…", timeout=30_000)
        await keep_picture(page, "board-counting-from-a-link")
    await expect(page.get_by_text("Theo tất cả số liệu nay biết")).to_be_visible(timeout=30_000)
    await expect(counting).to_have_count(0)


async def test_it_fits_a_phone_and_speaks_english(around: Surroundings, scoring: Service, chromium: Browser) -> None:
    async with opened(chromium, scoring.url, PHONE) as page:
        await sign_in(page, await a_person(around.engine, "180", agency="trang-dinh"), "overview")
        for part in ("overview", "districts", "commune"):
            await page.goto(f"/?unit={BORDER}#{part}")
            await expect(page.get_by_text("● trực tiếp")).to_be_visible()
            await expect(page.locator("table, details").first).to_be_visible()
            await keep_picture(page, f"board-{part}-phone")
            assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE
        await page.get_by_role("button", name="English").click()
        await expect(page.get_by_role("heading", name="What has happened")).to_be_visible()


async def test_a_link_of_a_mail_opens_the_commune_with_its_values_and_their_reasons(
    around: Surroundings, page: Page
) -> None:
    name = await a_person(around.engine, "20", agency="vpdp", role="coordinator")
    await page.goto(f"/?unit={BORDER}")  # before signing in
    await sign_in_here(page, name)
    view = await answer(page, f"/v1/communes/{BORDER}")
    await expect(page.get_by_role("heading", name=view["unit"]["name"])).to_be_visible()
    [poverty] = [one for one in view["statuses"] if one["criterion"]["key"] == "ntm-11"]
    shown = page.locator('details[data-key="ntm-11"]')
    await shown.locator("> summary").click()
    await expect(shown).to_contain_text(poverty["assessment"]["reason"]["vi"])
    await expect(shown.locator("svg.chart circle")).not_to_have_count(0)
    await keep_picture(page, "board-commune")
    await page.get_by_label("Tìm xã").fill("diem he")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="xã Điềm He").click()
    await expect(page.get_by_role("heading", name="xã Điềm He")).to_be_visible()


@pytest.mark.parametrize("width", [1280, PHONE])
async def test_other_figures_are_tried_by_keyboard_and_nothing_is_stored(
    around: Surroundings, scoring: Service, chromium: Browser, width: int
) -> None:
    async with opened(chromium, scoring.url, width) as page:
        name = await a_person(around.engine, "20", agency="vpdp", role="coordinator")
        await page.goto(f"/?unit={BORDER}")
        await sign_in_here(page, name)
        before = await answer(page, f"/v1/communes/{BORDER}")
        shown = page.locator('details[data-key="ntm-11"]')
        await shown.locator("summary").first.press("Enter")
        await shown.get_by_text("Thử một con số khác").press("Enter")
        poor = shown.get_by_role("spinbutton", name="Hộ nghèo")
        await expect(poor).to_have_value("100")
        await poor.fill("400")
        await poor.press("Enter")
        said = shown.locator(".try .box:visible")
        await expect(said).to_contain_text("không có gì được lưu lại")
        await expect(said.locator(".becomes, .badge").first).to_be_visible()
        await expect(said).to_contain_text("40")
        await keep_picture(page, f"board-try-{width}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await poor.fill("9" * 30)
        await poor.press("Enter")
        await expect(poor).to_have_attribute("aria-invalid", "true")
        await expect(shown.get_by_text("Nhập một số nguyên từ 0")).to_be_visible()
        await expect(poor).to_be_focused()
        await keep_picture(page, f"board-try-refused-{width}")

        await put_on_stream(around, poverty_report("2023-06", 20, START, unit="06007"))
        await poor.fill("30")
        await put_on_stream(around, poverty_report("2023-06", 300, START))
        await expect(shown.locator("> .words")).to_contain_text("30 %")
        await expect(poor).to_have_value("30")
        await expect(poor).to_be_focused()
        after = await answer(page, f"/v1/communes/{BORDER}")
        assert len(after["changes"]) <= len(before["changes"]) + 1
        await page.get_by_role("button", name="English").click()
        await shown.locator("summary").first.click()
        await shown.get_by_text("Try another figure").click()
        await shown.get_by_role("button", name="Show the verdict").click()
        await expect(shown.get_by_text("nothing is stored").last).to_be_visible()
