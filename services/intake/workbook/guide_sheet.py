"""The sheet that explains a template, in Vietnamese and below in English."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from services.intake.texts import phrase
from services.intake.workbook.layout import Layout
from services.intake.workbook.styles import fit_for_print, put
from shared.contracts.bilingual import Language
from shared.reference.models import Element
from shared.text import number, period_name

GUIDE_SHEET = "Hướng dẫn"

_STEPS = (
    phrase("guide.step.pale_yellow"),
    phrase("guide.step.blank"),
    phrase("guide.step.numbers"),
    phrase("guide.step.previous"),
    phrase("guide.step.hatched"),
    phrase("guide.step.send"),
    phrase("guide.step.correct"),
)
_HEADING, _COLUMNS = phrase("guide.heading"), phrase("guide.columns")
_ELEMENT = phrase("guide.element")
_TABLE = (
    phrase("guide.code").in_both,
    _ELEMENT.vi,
    _ELEMENT.en,
    phrase("guide.unit").in_both,
    phrase("guide.limits").in_both,
    phrase("guide.criteria").in_both,
)
_WIDTHS = (34, 48, 44, 22, 18, 22)


def draw_guide(workbook: Workbook, layout: Layout) -> None:
    """Add the guide to a template's workbook."""
    sheet = workbook.create_sheet(GUIDE_SHEET)
    for column, width in zip("ABCDEF", _WIDTHS, strict=True):
        sheet.column_dimensions[column].width = width
    asked = layout.asked
    row = 1
    languages: tuple[Language, ...] = ("vi", "en")
    for language in languages:
        about = f"{asked.unit.title_in(language)}, {period_name(asked.period, language)}"
        put(sheet.cell(row, 1), f"{_HEADING.in_(language)}: {about}", "ntm-title")
        row = _draw_steps(sheet, row + 1, [step.in_(language) for step in _STEPS]) + 1
    put(sheet.cell(row, 1), _COLUMNS.in_both, "ntm-heading")
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
            element.unit.in_both,
            "Có / Không" if is_yes_no else limits,
            ", ".join(element.criteria),
        )
        for column, text in enumerate(cells, 1):
            put(sheet.cell(row, column), text, "ntm-cell")
