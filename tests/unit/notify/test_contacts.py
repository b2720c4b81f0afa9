"""Contacts as people write them: phone numbers, e-mail addresses, names and columns, in files and in JSON."""

from __future__ import annotations

import unicodedata
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.styles import Font

from services.notify.contacts.book import Book, checked_book, read_book
from services.notify.contacts.emails import is_email
from services.notify.contacts.names import may_be_one_person, person_key, unseen_marks
from services.notify.contacts.phones import RENUMBERED, LandlineError, has_old_prefix, read_phone
from shared.contracts.bilingual import Language
from shared.reference.models import Contact
from tests.changes import REFERENCE, a_contact

HEADER = ["Vai trò", "Mã đơn vị", "Tên", "Email công vụ", "Di động"]


def book_of(*rows: list[object]) -> Book:
    """Read an Excel workbook with these rows."""
    workbook = Workbook()
    assert workbook.active
    for row in rows:
        workbook.active.append(row)
    body = BytesIO()
    workbook.save(body)
    return read_book(body.getvalue(), REFERENCE)


def of_csv(text: str) -> Book:
    return read_book(text.encode(), REFERENCE)


def faults(book: Book) -> list[tuple[str | None, str]]:
    return [(fault.cell, fault.kind.code) for fault in book.faults]


def office(name: object = "Bà Hoa", email: object = "hoa@example.vn", phone: object = None) -> list[object]:
    return ["district_office", "184", name, email, phone]


# --- phone numbers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["0912345678", "912345678", "0912 345 678", "0912.345.678", "0912.34.56.78", "+84912345678", "84912345678",
     "0084912345678", "+84 (0) 912-345-678", "(0912) 345678"],
)  # fmt: skip
def test_a_mobile_number_is_read_in_every_usual_writing(text: str) -> None:
    assert read_phone(text) == "+84912345678"
    assert not has_old_prefix(text)


@pytest.mark.parametrize(
    "text",
    ["912345678.0", "91234567.8", "9.12345678E8", "9,12E+08", "9.12E+08", "912345678,0", "0912345678/0987654321",
     "0912345678, 0987654321", "0912345678 ext 5", "0912ABCDEF", "12", "113", "19001008", "18001234", "+8613800138000",
     "0253812345", "2023-06-30", "", "１２", "0612345678"],
)  # fmt: skip
def test_what_is_no_mobile_number_never_becomes_another_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"^.*$") as refused:
        read_phone(text)
    assert not isinstance(refused.value, LandlineError)


@pytest.mark.parametrize("text", ["02053812345", "0205 3812 345", "+842053812345", "02438223355"])
def test_a_landline_is_called_one(text: str) -> None:
    with pytest.raises(LandlineError):
        read_phone(text)


@pytest.mark.parametrize(("old", "new"), sorted(RENUMBERED.items()))
def test_the_prefixes_of_2018_are_translated(old: str, new: str) -> None:
    for text in (f"0{old}1234567", f"+84{old}1234567", f"0{old} 123 4567"):
        assert read_phone(text) == f"+84{new}1234567"
        assert has_old_prefix(text)


def test_a_translated_number_is_said_by_cell_and_its_new_form_is_kept() -> None:
    book = book_of(HEADER, office(phone="01651234567; 0912345678"))
    assert not book.faults
    assert book.contacts[0].phones == ["+84351234567", "+84912345678"]
    [remark] = book.remarks
    assert (remark.cell, remark.kind.code) == ("E2", "phone_renumbered")
    for words in (remark.kind.text(**remark.details).vi, remark.kind.text(**remark.details).en):
        assert "01651234567" in words
        assert "+84351234567" in words


# --- e-mail addresses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["hoa@example.vn", "hoa.nguyen+ntm@langson.gov.vn", "HOA@langson.example"])
def test_an_address_is_one(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    ["mailto:hoa@example.vn", "hoa@example..vn", "ho..a@example.vn", "hòa@example.vn", "hoa@lạngsơn.vn", "hoa@example",
     "hoa@example.vn.", "Hoa <hoa@example.vn>", "hoa@localhost", "hoa@ex_ample.vn", "hoa example.vn", "a@b@example.vn",
     "hoa\u200b@example.vn", "hoa@example.vn\u202c", "hoa @example.vn", "hoa@example.vn, b@example.vn"],
)  # fmt: skip
def test_what_is_no_address_is_none(text: str) -> None:
    assert not is_email(text)


# --- names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    ["NGUYỄN THỊ HÒA", "Nguyễn  Thị Hòa", " nguyễn thị hòa", "Nguyễn Thị Hoà", "Nguyễn\u00a0Thị Hòa",
     unicodedata.normalize("NFD", "Nguyễn Thị Hòa")],
)  # fmt: skip
def test_spellings_of_one_name_are_one_person(spelling: str) -> None:
    assert person_key(spelling) == person_key("Nguyễn Thị Hòa")


@pytest.mark.parametrize(
    ("other", "shares", "is_asked"),
    [
        ("Nguyen Thi Hoa", False, True),
        ("Bà Nguyễn Thị Hòa", False, True),
        ("Nguyễn Thị Hoa", False, False),
        ("Nguyễn Thị Hoa", True, True),
        ("Nguyễn Thị Hòa Bình", True, False),
        ("NGUYỄN THỊ HÒA", True, False),
    ],
)
def test_names_that_may_be_one_person_s_are_asked_about(other: str, *, shares: bool, is_asked: bool) -> None:
    assert may_be_one_person("Nguyễn Thị Hòa", other, share_address=shares) is is_asked
    assert may_be_one_person(other, "Nguyễn Thị Hòa", share_address=shares) is is_asked


def test_a_man_and_a_woman_of_one_name_are_two() -> None:
    assert not may_be_one_person("Ông An", "Bà An", share_address=False)


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u202a", "\u00ad", "\u00a0", "\u2060", "\ue000"])
def test_marks_that_cannot_be_seen_are_named(mark: str) -> None:
    assert f"U+{ord(mark):04X}" in unseen_marks(f"a{mark}b")
    assert unseen_marks("Nguyễn Thị Hòa (Phòng 1)\n") == ""


# --- files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "phone"),
    [("Email công vụ", "Di động"), ("E-mail", "SĐT"), ("EMAIL", "Số ĐT"), ("Thư điện tử", "Mobile"),
     ("Hộp thư công vụ", "Số điện thoại (di động)"), ("Địa chỉ e-mail:", "Ð.T di ðộng *"), ("emails", "phones")],
)  # fmt: skip
def test_columns_are_known_by_the_names_that_people_give_them(email: str, phone: str) -> None:
    book = book_of([*HEADER[:3], email, phone], office(phone="0912345678"))
    assert faults(book) == []
    assert (book.contacts[0].emails, book.contacts[0].phones) == (["hoa@example.vn"], ["+84912345678"])


def test_two_columns_of_numbers_are_both_read_and_each_names_its_cell() -> None:
    header = [*HEADER, "Số điện thoại"]
    assert book_of(header, [*office(phone="0912345678"), "0987654321"]).contacts[0].phones == [
        "+84912345678",
        "+84987654321",
    ]
    assert faults(book_of(header, [*office(phone="0912345678"), "02053812345"])) == [("F2", "landline")]


@pytest.mark.parametrize("language", ["vi", "en"])
def test_unknown_columns_are_named(language: Language) -> None:
    book = book_of(
        ["STT", *HEADER, "Zalo", "# Chức vụ", "Ghi chú"], [1, *office(), "0912345678", "Trưởng phòng", "x", "y"]
    )
    assert faults(book) == [("G1", "unknown_contact_column"), ("J2", "nameless_column")]
    assert "Zalo" in book.faults[0].text(language)
    assert {"vi": "điện thoại", "en": "phone"}[language] in book.faults[0].text(language)


def test_a_column_that_is_there_twice_and_a_sheet_without_header_are_named() -> None:
    assert faults(book_of([*HEADER, "Họ tên"], [*office(), "Bà Mai"])) == [("F1", "repeated_column")]
    workbook = Workbook()
    first, second = workbook.active, workbook.create_sheet("Huyện khác")
    assert first
    first.append(HEADER)
    first.append(office())
    second.append(["district_office", "181", "Ông B", "b@example.vn"])
    body = BytesIO()
    workbook.save(body)
    [remark] = read_book(body.getvalue(), REFERENCE).remarks
    assert (remark.sheet, remark.kind.code) == ("Huyện khác", "sheet_not_read")


@pytest.mark.parametrize(
    ("row", "cell", "code"),
    [
        (office(phone="912345678.0"), "E2", "bad_phone"),
        (office(phone="9.12345678E8"), "E2", "bad_phone"),
        (office(phone="02053812345"), "E2", "landline"),
        (office(phone="\u202a0912345678\u202c"), "E2", "invisible_mark"),
        (office(email="mailto:hoa@example.vn"), "D2", "bad_email"),
        (office(email="hoa@example..vn"), "D2", "bad_email"),
        (office(email="hòa@example.vn"), "D2", "bad_email"),
        (office(email="hoa\u200b@example.vn"), "D2", "invisible_mark"),
        (office(email=None), "D2", "no_way_to_reach"),
        (office("=1+1"), "C2", "formula_in_cell"),
        (office("=HYPERLINK(\"https://x.vn\",\"Bà Hoa\")"), "C2", "formula_in_cell"),
        (office("+Hoa"), "C2", "bad_name"),
        (office("@Hoa"), "C2", "bad_name"),
        (office("123"), "C2", "bad_name"),
        (office(5), "C2", "bad_name"),
        (office(True), "C2", "bad_name"),
        (office("Bà\u200bHoa"), "C2", "invisible_mark"),
        (office(email="=A1"), "D2", "formula_in_cell"),
    ],
)  # fmt: skip
def test_what_could_mean_something_else_is_refused_by_cell(row: list[object], cell: str, code: str) -> None:
    book = book_of(HEADER, row)
    assert faults(book) == [(cell, code)]
    assert all("{" not in fault.text(language) for fault in book.faults for language in ("vi", "en"))


@pytest.mark.parametrize(
    ("written", "phones"),
    [
        ("(+84) 912 345 678", ["+84912345678"]),
        ("\uff10\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", ["+84912345678"]),
        ("'0912345678", ["+84912345678"]),
        ("0912345678, 0987 654 321", ["+84912345678", "+84987654321"]),
        ("0912.345.678/0987.654.321", ["+84912345678", "+84987654321"]),
        ("0912345678 | 0987654321", ["+84912345678", "+84987654321"]),
    ],
)
def test_numbers_whose_meaning_is_certain_are_read(written: str, phones: list[str]) -> None:
    book = book_of(HEADER, office(phone=written))
    assert (faults(book), book.contacts[0].phones) == ([], phones)


@pytest.mark.parametrize(
    "written", ["a@example.vn, b@example.vn", "a@example.vn/b@example.vn", "a@example.vn,b@example.vn"]
)
def test_several_addresses_in_a_cell_are_read(written: str) -> None:
    book = book_of(HEADER, office(email=written))
    assert (faults(book), book.contacts[0].emails) == ([], ["a@example.vn", "b@example.vn"])


@pytest.mark.parametrize(
    "written", ["0912345678 máy lẻ 12", "0912,345,678", "1900 1234", "0912345678 (Zalo)", "tel:0912345678"]
)
def test_numbers_with_something_beside_them_are_refused(written: str) -> None:
    assert {code for _, code in faults(book_of(HEADER, office(phone=written)))} == {"bad_phone"}


@pytest.mark.parametrize(
    "written", ["'hoa@example.vn", "Nguyễn Hoa <hoa@example.vn>", "hoa@gmail,com", "hoa@example.vn."]
)
def test_addresses_with_something_beside_them_are_refused(written: str) -> None:
    assert {code for _, code in faults(book_of(HEADER, office(email=written)))} == {"bad_email"}


@pytest.mark.parametrize(
    ("role", "unit", "read"),
    [
        ("District Office", "184.0", "district_office@184"),
        ("district_office\u200b", "\uff11\uff18\uff14", "district_office@184"),
        ("district_office", "'184", "district_office@184"),
    ],
)
def test_roles_and_codes_are_read_as_a_keyboard_would_type_them(role: str, unit: str, read: str) -> None:
    [contact] = book_of(HEADER, [role, unit, "\u00d0ặng Hoa", "hoa@example.vn", None]).contacts
    assert (contact.recipient, contact.name) == (read, "Đặng Hoa")


@pytest.mark.parametrize(
    ("email", "phone"), [("Email 2", "ĐT 1"), ("E-mail cá nhân", "SĐT liên hệ"), ("Email khác", "Điện thoại (chính)")]
)
def test_further_columns_of_addresses_are_known(email: str, phone: str) -> None:
    book = book_of([*HEADER[:3], email, phone], office(phone="0912345678"))
    assert (faults(book), book.contacts[0].phones) == ([], ["+84912345678"])
    assert faults(book_of([*HEADER[:4], "Zalo"], office(phone="0912345678"))) == [("E1", "unknown_contact_column")]


def test_a_number_that_excel_keeps_as_a_number_is_read() -> None:
    assert book_of(HEADER, office(phone=912345678.0)).contacts[0].phones == ["+84912345678"]


def test_a_csv_is_read_by_the_same_rules() -> None:
    header = "Vai trò,Mã đơn vị,Tên,Email công vụ,SĐT\n"
    assert faults(of_csv(header + "district_office,184,=cmd|'x'!A0,hoa@example.vn,\n")) == [("C2", "formula_in_cell")]
    assert faults(of_csv(header + 'district_office,184,Bà Hoa,hoa@example.vn,"9,12E+08"\n')) == [("E2", "bad_phone")]
    assert of_csv(header + "district_office,184,Bà Hoa,hoa@example.vn,01651234567\n").contacts[0].phones == [
        "+84351234567"
    ]


def test_three_spellings_of_one_person_are_refused_or_asked_about() -> None:
    book = book_of(
        HEADER,
        office("Nguyễn Thị Hòa"),
        office("NGUYỄN THỊ  HOÀ", email="hoa2@example.vn"),
        office("Nguyen Thi Hoa", email="hoa3@example.vn"),
    )
    assert faults(book) == [("C3", "repeated_contact"), ("C4", "similar_contact")]
    assert not book_of(HEADER, office("Nguyễn Thị Hòa"), office("Nguyễn Thị Hoa", email="b@example.vn")).faults


def test_json_is_checked_by_the_same_rules() -> None:
    contacts: list[Contact] = [
        a_contact("district_office", "184", name="=A1", emails=["hoa@example.vn"]),
        a_contact("district_office", "184", name="Ông B", emails=[]),
        a_contact("district_office", "184", name="Ông C", phones=["01651234567"]),
    ]
    book = checked_book(contacts, REFERENCE)
    assert [(fault.pointer, fault.kind.code) for fault in book.faults] == [
        ("/contacts/0/name", "bad_name"),
        ("/contacts/1/emails", "no_way_to_reach"),
    ]
    assert [(remark.pointer, remark.kind.code) for remark in book.remarks] == [
        ("/contacts/2/phones", "phone_renumbered")
    ]


def test_a_known_person_in_another_spelling_is_asked_about_and_an_equal_name_is_that_person() -> None:
    book = book_of(HEADER, office("Nguyen Thi Hoa"))
    known = a_contact("district_office", "184", name="Nguyễn Thị Hòa")
    assert [(fault.cell, fault.kind.code) for fault in book.compared_with([known])] == [("C2", "similar_contact")]
    assert not book_of(HEADER, office("NGUYỄN THỊ HÒA")).compared_with([known])
    assert not book.compared_with([known.model_copy(update={"unit": "181"})])


# --- cells that people see otherwise than they are stored ---------------------------------------------------------


def sheet_of(*rows: list[object]) -> tuple[Workbook, Any]:
    workbook = Workbook()
    assert workbook.active
    for row in [HEADER, *rows]:
        workbook.active.append(row)
    return workbook, workbook.active


def read(workbook: Workbook) -> Book:
    body = BytesIO()
    workbook.save(body)
    return read_book(body.getvalue(), REFERENCE)


TWO = (office("Bà Hoa", "hoa@example.vn", "0912345678"), office("Ông Nam", "nam@example.vn", "0987654321"))


def test_merged_cells_give_no_contact_the_address_of_another() -> None:
    workbook, sheet = sheet_of(*TWO)
    sheet.merge_cells("D2:D3")
    assert faults(read(workbook)) == [("D2", "merged_contacts")]
    assert read(workbook).faults[0].details["range"] == "D2:D3"


def test_cells_that_are_merged_within_a_row_or_beside_the_columns_are_clear() -> None:
    workbook, sheet = sheet_of(*TWO)
    sheet.merge_cells("H2:H3")
    sheet.merge_cells("E2:F2")
    assert faults(read(workbook)) == []


def test_hidden_rows_and_columns_with_contacts_are_told_with_their_range() -> None:
    workbook, sheet = sheet_of(*TWO)
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["D"].hidden = True
    assert faults(read(workbook)) == [("A3", "hidden_contacts"), ("D2", "hidden_contacts")]


def test_contacts_in_white_or_struck_out_are_told() -> None:
    workbook, sheet = sheet_of(*TWO)
    sheet["D2"].font = Font(color="FFFFFF")
    sheet["C3"].font = Font(strike=True)
    assert faults(read(workbook)) == [("A2", "hidden_contacts"), ("A3", "struck_contacts")]
