"""Drawing a template: a row per unit, a column per element, earlier figures beside, all but the inputs locked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO
from typing import Literal

from openpyxl.utils import get_column_letter
from openpyxl.workbook import Workbook
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from services.intake.texts import phrase
from services.intake.workbook.guide_sheet import draw_guide
from services.intake.workbook.layout import (
    CODE_ROW,
    FIRST_ROW,
    LIMIT_ROW,
    NAME_ROW,
    NOTE_ROW,
    TEMPLATE_VERSION,
    TITLE_ROW,
    Layout,
    TemplateLine,
)
from services.intake.workbook.numbers import value_of
from services.intake.workbook.styles import TEXT_FORMAT, fit_for_print, new_workbook, put
from shared.contracts.status import Stage
from shared.reference.load import Reference
from shared.reference.models import Element
from shared.spreadsheet.grid import Cell
from shared.spreadsheet.xlsx import FACTS_SHEET
from shared.text import number, period_name
from shared.texts import filled

DATA_SHEET = "Số liệu"
YES, NO = "Có", "Không"

_STAGES = {Stage.REPORTED: "báo cáo", Stage.VERIFIED: "thẩm tra", Stage.CONFIRMED: "thẩm định"}
_FIXED = {"unit": ("Mã đơn vị", 10), "name": ("Đơn vị", 26), "district": ("Huyện, thành phố", 22)}
_ELEMENTS_ON_A_PAGE = 10
_INPUT_WIDTH, _PREVIOUS_WIDTH = 15, 11
_NOTE, _SAMPLE = phrase("template.note"), phrase("template.sample")
_CHOOSE, _WHOLE, _NUMBER = (
    phrase("template.expected.yes_no"),
    phrase("template.expected.whole"),
    phrase("template.expected.number"),
)


def draw_template(layout: Layout, lines: Sequence[TemplateLine], reference: Reference) -> Workbook:
    """Return the template's workbook, with the filled cells of the lines."""
    workbook = new_workbook()
    sheet = workbook.create_sheet(DATA_SHEET)
    _draw_title(sheet, layout, reference)
    _draw_header(sheet, layout, lines)
    for line in lines:
        _draw_line(sheet, layout, line)
    last = max((line.row for line in lines), default=FIRST_ROW)
    for element in layout.elements:
        _validate(sheet, layout, element, last)
    _set_up(sheet, layout)
    draw_guide(workbook, layout)
    _remember(workbook, layout)
    return workbook


def saved(workbook: Workbook) -> bytes:
    """Return the workbook as the bytes of a file."""
    target = BytesIO()
    workbook.save(target)
    return target.getvalue()


def _draw_title(sheet: Worksheet, layout: Layout, reference: Reference) -> None:
    asked = layout.asked
    title = f"Số liệu {period_name(asked.period, 'vi')}: {asked.unit.title}"
    put(sheet.cell(TITLE_ROW, 1), title, "ntm-title")
    criteria = dict.fromkeys(key for element in layout.elements for key in element.criteria)
    names = dict.fromkeys(reference.criterion(key).name.vi for key in criteria)
    about = f"{_NOTE.in_both} Bước: {_STAGES[asked.stage]}. Tiêu chí: {', '.join(names)}."
    put(sheet.cell(NOTE_ROW, 1), about, "ntm-note")
    if reference.plan.sample:
        put(sheet.cell(NOTE_ROW + 1, 1), _SAMPLE.in_both, "ntm-sample")
    sheet.row_dimensions[TITLE_ROW].height = 24


def _draw_header(sheet: Worksheet, layout: Layout, lines: Sequence[TemplateLine]) -> None:
    for column, code in enumerate(layout.fixed, 1):
        title, width = _FIXED[code]
        put(sheet.cell(NAME_ROW, column), title, "ntm-header")
        put(sheet.cell(LIMIT_ROW, column), None, "ntm-limits")
        sheet.column_dimensions[get_column_letter(column)].width = width
    for element in layout.elements:
        column = layout.column(element)
        put(sheet.cell(NAME_ROW, column), element.name.vi, "ntm-header")
        put(sheet.cell(NAME_ROW, column + 1), None, "ntm-header")
        sheet.merge_cells(start_row=NAME_ROW, end_row=NAME_ROW, start_column=column, end_column=column + 1)
        put(sheet.cell(LIMIT_ROW, column), _limits(element), "ntm-limits")
        put(sheet.cell(LIMIT_ROW, column + 1), _before(element, lines), "ntm-limits")
        sheet.column_dimensions[get_column_letter(column)].width = _INPUT_WIDTH
        sheet.column_dimensions[get_column_letter(column + 1)].width = _PREVIOUS_WIDTH
    for column, code in enumerate(layout.codes, 1):
        put(sheet.cell(CODE_ROW, column), code, "ntm-note")
    longest = max(len(element.name.vi) for element in layout.elements)
    sheet.row_dimensions[NAME_ROW].height = min(150, 15 * (1 + longest // 22) + 6)
    sheet.row_dimensions[LIMIT_ROW].height = 38
    sheet.row_dimensions[CODE_ROW].hidden = True


def _limits(element: Element) -> str:
    if element.type == "yes_no":
        return f"{YES} / {NO}"
    least, most = (number(limit, "vi") for limit in (element.minimum, element.maximum))
    return f"{element.unit.vi}\n{least} – {most}"


def _before(element: Element, lines: Sequence[TemplateLine]) -> str:
    """Return the header of the earlier figures, with their period where all have the same."""
    periods = {earlier.period for line in lines if (earlier := line.previous.get(element.code))}
    period = periods.pop() if len(periods) == 1 else None
    return f"Kỳ trước\n{period_name(period, 'vi')}" if period else "Kỳ trước"


def _draw_line(sheet: Worksheet, layout: Layout, line: TemplateLine) -> None:
    for column, value in enumerate((line.code, line.name, line.district)[: len(layout.fixed)], 1):
        put(sheet.cell(line.row, column), value, "ntm-fixed")
    for element in layout.elements:
        column = layout.column(element)
        filled = line.filled.get(element.code)
        if element.code in line.counted or filled:
            cell = put(sheet.cell(line.row, column), _shown(filled), "ntm-input")
            if element.type != "count":
                cell.number_format = TEXT_FORMAT if element.type == "yes_no" else "General"
        else:
            put(sheet.cell(line.row, column), None, "ntm-closed")
        earlier = line.previous.get(element.code)
        put(sheet.cell(line.row, column + 1), _earlier(element, earlier.value) if earlier else None, "ntm-previous")
    sheet.row_dimensions[line.row].height = 18


def _shown(cell: Cell | None) -> str | int | float | None:
    if cell is None or cell.kind == "formula":
        return None
    if isinstance(cell.value, bool):
        return YES if cell.value else NO
    return cell.value


def _earlier(element: Element, value: Decimal) -> str | int | float:
    return (YES if value else NO) if element.type == "yes_no" else value_of(value)


def _validate(sheet: Worksheet, layout: Layout, element: Element, last: int) -> None:
    letter = get_column_letter(layout.column(element))
    if element.type == "yes_no":
        rule = DataValidation("list", formula1=f'"{YES},{NO}"', allow_blank=True)
        expected = filled(_CHOOSE, yes=YES, no=NO).in_both
    else:
        kind: Literal["whole", "decimal"] = "whole" if element.type == "count" else "decimal"
        rule = DataValidation(kind, operator="between", allow_blank=True)
        rule.formula1, rule.formula2 = str(element.minimum), str(element.maximum)
        least, most = (number(limit, "vi") for limit in (element.minimum, element.maximum))
        expected = filled(_WHOLE if kind == "whole" else _NUMBER, least=least, most=most).in_both
    rule.errorTitle, rule.error, rule.errorStyle, rule.showErrorMessage = "Kiểm tra lại", expected, "stop", True
    rule.promptTitle, rule.prompt, rule.showInputMessage = element.unit.vi[:32], expected, True
    rule.add(f"{letter}{FIRST_ROW}:{letter}{last}")
    sheet.add_data_validation(rule)


def _set_up(sheet: Worksheet, layout: Layout) -> None:
    """Freeze the header, print it on every page, and lock all cells but the inputs."""
    sheet.freeze_panes = f"{get_column_letter(len(layout.fixed) + 1)}{FIRST_ROW}"
    sheet.sheet_view.showGridLines = False
    sheet.sheet_view.zoomScale = 100
    fit_for_print(sheet, sheet.PAPERSIZE_A4 if len(layout.elements) <= 6 else sheet.PAPERSIZE_A3)
    sheet.page_setup.fitToWidth = -(-len(layout.elements) // _ELEMENTS_ON_A_PAGE)
    sheet.print_title_rows = f"{NAME_ROW}:{LIMIT_ROW}"
    sheet.print_title_cols = f"A:{get_column_letter(len(layout.fixed))}"
    protection = sheet.protection
    protection.sheet, protection.formatColumns, protection.formatRows = True, False, False


def _remember(workbook: Workbook, layout: Layout) -> None:
    """Note the unit, period, stage and criteria on a hidden sheet, which filling in does not touch."""
    asked = layout.asked
    sheet = workbook.create_sheet(FACTS_SHEET)
    facts = {
        "template": TEMPLATE_VERSION,
        "unit": asked.unit.code,
        "period": asked.period.text,
        "stage": asked.stage.value,
        "criteria": asked.criteria,
    }
    for row, (name, value) in enumerate(facts.items(), 1):
        put(sheet.cell(row, 1), name)
        put(sheet.cell(row, 2), value)
    sheet.sheet_state = "veryHidden"
    sheet.protection.sheet = True
