"""Pure: the sheet that explains a template, in Vietnamese and below in English."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from services.intake.workbook.layout import Layout
from services.intake.workbook.styles import fit_for_print, put
from shared.contracts.bilingual import Language
from shared.reference.models import Element
from shared.text import number, period_name

GUIDE_SHEET = "Hướng dẫn"

_STEPS: dict[Language, tuple[str, ...]] = {
    "vi": (
        "Chỉ điền vào các ô màu vàng nhạt ở trang “Số liệu”. Các ô khác được khóa.",
        "Ô để trống nghĩa là chưa báo cáo; số 0 nghĩa là đã đếm và không có.",
        "Số: ghi 1204 hoặc 12,5; không ghi đơn vị tính, không dùng công thức. Có/Không: chọn trong danh sách.",
        "Số in nghiêng bên cạnh là số đã có của kỳ trước, chỉ để tham khảo, không cần sửa.",
        "Ô gạch chéo: chỉ tiêu không tổng hợp ở đơn vị đó.",
        "Lưu tệp dạng .xlsx rồi gửi lên hệ thống. Tệp được nhận toàn bộ, hoặc trả lại với từng ô sai được đánh dấu.",
        "Sửa số đã gửi: điền số đúng vào chính biểu này, gửi lại và chọn “sửa số liệu đã gửi”.",
    ),
    "en": (
        "Fill in the pale yellow cells of the sheet “Số liệu” only. All others are locked.",
        "A blank cell means: not reported. 0 means: counted, and there is none.",
        "Numbers: write 1204 or 12,5, no unit, no formula. Có (yes) / Không (no): choose from the list.",
        "The figures in italics beside are those of the period before; they are for information only.",
        "Hatched cells: the element is not counted in that unit.",
        "Save as .xlsx and send it. The file is accepted whole, or given back with each faulty cell marked.",
        "To correct what was sent: fill in the right figures here, send it again and choose “correct”.",
    ),
}
_HEADINGS: dict[Language, tuple[str, str]] = {
    "vi": ("Cách điền biểu này", "Các cột"),
    "en": ("How to fill in this workbook", "The columns"),
}
_TABLE = ("Mã / Code", "Chỉ tiêu", "Element", "Đơn vị tính / Unit", "Từ – đến / Limits", "Tiêu chí / Criteria")
_WIDTHS = (34, 48, 44, 22, 18, 22)


def draw_guide(workbook: Workbook, layout: Layout) -> None:
    """Add the sheet."""
    sheet = workbook.create_sheet(GUIDE_SHEET)
    for column, width in zip("ABCDEF", _WIDTHS, strict=True):
        sheet.column_dimensions[column].width = width
    asked = layout.asked
    row = 1
    languages: tuple[Language, ...] = ("vi", "en")
    for language in languages:
        about = f"{asked.unit.title_in(language)}, {period_name(asked.period, language)}"
        put(sheet.cell(row, 1), f"{_HEADINGS[language][0]}: {about}", "ntm-title")
        row = _draw_steps(sheet, row + 1, _STEPS[language]) + 1
    put(sheet.cell(row, 1), " / ".join(_HEADINGS[language][1] for language in languages), "ntm-heading")
    _draw_table(sheet, row + 1, layout.elements)
    sheet.sheet_view.showGridLines = False
    fit_for_print(sheet, sheet.PAPERSIZE_A4)
    sheet.protection.sheet = True


def _draw_steps(sheet: Worksheet, row: int, steps: Sequence[str]) -> int:
    for number_of_step, step in enumerate(steps, 1):
        put(sheet.cell(row, 1), f"{number_of_step}. {step}", "ntm-text")
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=len(_TABLE))
        sheet.row_dimensions[row].height = 18
        row += 1
    return row


def _draw_table(sheet: Worksheet, row: int, elements: Sequence[Element]) -> None:
    for column, title in enumerate(_TABLE, 1):
        put(sheet.cell(row, column), title, "ntm-header")
    for element in elements:
        row += 1
        is_yes_no = element.type == "yes_no"
        limits = f"{number(element.minimum, 'vi')} – {number(element.maximum, 'vi')}"
        cells = (
            element.code,
            element.name.vi,
            element.name.en,
            f"{element.unit.vi} / {element.unit.en}",
            "Có / Không" if is_yes_no else limits,
            ", ".join(element.criteria),
        )
        for column, text in enumerate(cells, 1):
            put(sheet.cell(row, column), text, "ntm-cell")
