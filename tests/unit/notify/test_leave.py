"""Leave: who is told in place of whom, and what happens where a substitute cannot be reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook

from services.notify.alerts.draft import Draft
from services.notify.contacts.book import read_book
from services.notify.contacts.checks import check, substitute_fault
from services.notify.contacts.leave import leave_of
from services.notify.inspect.who_is_unreachable import gaps
from services.notify.stages.route import route
from services.notify.wording.notice import word
from services.notify.world import World
from shared.problems import Faults
from shared.reference.models import Contact
from tests.changes import REFERENCE, a_contact, a_status_change, an_alert, the_world

FROM, UNTIL = date(2023, 6, 26), date(2023, 7, 7)
AN, BINH = "Nguyễn Văn An", "Trần Thị Bình"


def an(**fields: Any) -> Contact:
    leave = {"away_from": FROM, "away_until": UNTIL, "substitute": BINH}
    known = {"name": AN, "emails": ["an@example.vn"], "phones": ["+84912345678"]} | leave
    return a_contact("district_office", "184", **{**known, **fields})


def binh(role: str = "agriculture_office", unit: str = "184", **fields: Any) -> Contact:
    known = {"name": BINH, "emails": ["binh@example.vn"], "phones": ["+84987654321"], "news": "none"}
    return a_contact(role, unit, **{**known, **fields})


def told(*contacts: Contact, on: date = date(2023, 6, 30)) -> list[tuple[str, str, str]]:
    """Return to whom, by which channel and at which address the district's office is told on a day."""
    world = replace(the_world(*contacts), shown_now=datetime(on.year, on.month, on.day, 12, tzinfo=UTC))
    drafts = route([Draft((an_alert(a_status_change()),))], world)
    return [
        (draft.name, draft.channel, draft.address) for draft in drafts if str(draft.recipient) == "district_office@184"
    ]


STANDS_IN = f"{BINH} (thay {AN} đến 07/07/2023)"


def test_the_substitute_is_told_by_its_own_addresses_in_the_name_of_who_is_away() -> None:
    assert told(an(), binh()) == [(STANDS_IN, "email", "binh@example.vn"), (STANDS_IN, "sms", "+84987654321")]


@pytest.mark.parametrize("on", [FROM, UNTIL])
def test_the_first_and_the_last_day_belong_to_the_leave(on: date) -> None:
    assert [address for _, _, address in told(an(), binh(), on=on)] == ["binh@example.vn", "+84987654321"]


@pytest.mark.parametrize("on", [date(2023, 6, 25), date(2023, 7, 8)])
def test_before_and_after_a_leave_its_holder_is_told_as_ever(on: date) -> None:
    assert told(an(), binh(), on=on) == [(AN, "email", "an@example.vn"), (AN, "sms", "+84912345678")]


@pytest.mark.parametrize(
    "others",
    [
        [],
        [binh(unit="180")],
        [binh(away_from=FROM, away_until=FROM.replace(day=30), substitute=AN)],
        [binh(ended=["binh@example.vn", "+84987654321"])],
    ],
    ids=["removed", "of another unit", "away too", "refused for good"],
)
def test_where_the_substitute_cannot_be_told_its_holder_is_and_reads_why(others: list[Contact]) -> None:
    name = f"{AN} (đang nghỉ đến 07/07/2023; không gửi được cho người thay {BINH})"
    assert told(an(), *others) == [(name, "email", "an@example.vn"), (name, "sms", "+84912345678")]
    leave = leave_of(an(), [an(), *others], date(2023, 6, 30))
    assert leave
    assert (leave.state, f"thông báo vẫn gửi cho {AN}" in leave.words.vi) == ("not_reached", True)


def test_by_a_channel_that_the_substitute_lacks_the_holder_is_told() -> None:
    own, left = told(an(), binh(phones=[]))
    assert own == (STANDS_IN, "email", "binh@example.vn")
    assert left[1:] == ("sms", "+84912345678")
    assert "không gửi được cho người thay" in left[0]


def test_who_holds_the_role_beside_somebody_on_leave_is_told_once() -> None:
    beside = binh(role="district_office")
    assert sorted(address for _, _, address in told(an(), beside)) == ["+84987654321", "binh@example.vn"]


def test_the_notice_says_for_whom_and_the_leave_closes_no_gap_of_its_own() -> None:
    world = replace(the_world(an(), binh()), shown_now=datetime(2023, 6, 30, 12, tzinfo=UTC))
    drafts = route([Draft((an_alert(a_status_change()),))], world)
    [draft] = [draft for draft in drafts if draft.address == "binh@example.vn"]
    assert f"Kính gửi: {STANDS_IN}\n" in word(draft, world).text
    assert not [gap for gap in gaps(world, date(2023, 6, 30)) if str(gap.recipient) == "district_office@184"]


def test_what_was_gathered_before_a_leave_began_or_ended_goes_to_who_is_told_now() -> None:
    def taken(address: str, on: date) -> list[str]:
        world: World = replace(the_world(an(), binh()), shown_now=datetime(on.year, on.month, on.day, 12, tzinfo=UTC))
        [draft] = [
            draft
            for draft in route([Draft((an_alert(a_status_change()),))], world)
            if str(draft.recipient) == "district_office@184" and draft.channel == "email"
        ]
        assert draft.recipient
        return [email for one in world.taken_over(draft.recipient, address) for email in one.emails]

    assert taken("an@example.vn", FROM) == ["binh@example.vn"]
    assert taken("binh@example.vn", date(2023, 7, 8)) == ["an@example.vn"]
    assert taken("other@example.vn", FROM) == []


def test_a_leave_says_what_it_is() -> None:
    people = [an(), binh()]
    states = {
        day: leave.state if (leave := leave_of(an(), people, day)) else None for day in (date(2023, 6, 1), FROM, UNTIL)
    }
    assert list(states.values()) == ["planned", "handed_over", "handed_over"]
    assert leave_of(an(), people, date(2023, 7, 8)) is None
    assert leave_of(binh(), people, FROM) is None


@pytest.mark.parametrize(
    "fields",
    [{"away_from": None}, {"away_until": None}, {"substitute": None}, {"away_until": date(2023, 6, 25)}],
)
def test_a_leave_needs_its_days_and_its_substitute(fields: dict[str, Any]) -> None:
    [fault] = check(an(**fields), REFERENCE).faults
    assert (fault.pointer, fault.kind) == ("/away_until", Faults.LEAVE_NOT_WHOLE)
    assert check(an(), REFERENCE).faults == []


def test_a_substitute_is_another_contact_of_the_unit() -> None:
    assert substitute_fault(an(), [an(), binh()]) is None
    assert substitute_fault(an(substitute="tràn thị bình".replace("tràn", "trần")), [binh()]) is None
    for others in ([], [an()], [binh(unit="180")]):
        fault = substitute_fault(an(), others)
        assert fault
        assert (fault.pointer, fault.kind) == ("/substitute", Faults.UNKNOWN_SUBSTITUTE)
    assert substitute_fault(an(substitute=AN), [an(), binh()])


def test_a_file_names_leaves_as_people_write_days() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet
    sheet.append(["Vai trò", "Mã đơn vị", "Tên", "E-mail", "Nghỉ từ ngày", "Nghỉ đến ngày", "Người thay"])
    sheet.append(["district_office", "184", AN, "an@example.vn", "26/6/2023", date(2023, 7, 7), BINH])
    sheet.append(["agriculture_office", "184", BINH, "binh@example.vn"])
    file = BytesIO()
    book.save(file)
    read = read_book(file.getvalue(), REFERENCE)
    assert read.faults == []
    assert (read.contacts[0].away_from, read.contacts[0].away_until, read.contacts[0].substitute) == (FROM, UNTIL, BINH)
    assert read.without_substitute([]) == []
