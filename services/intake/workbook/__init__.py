"""Excel and CSV: templates to fill in, filled files read as submissions, and faults marked in their cells."""

from services.intake.workbook.layout import Layout, PreviousFigure, TemplateRequest, blank_lines, plan_layout
from services.intake.workbook.marked_workbook import MARKED_CELLS, draw_marked
from services.intake.workbook.periods import read_period
from services.intake.workbook.reading import CellFault, FilledRow, RowDefaults, Skipped, Upload, read
from services.intake.workbook.template import draw_template, saved

__all__ = [
    "MARKED_CELLS",
    "CellFault",
    "FilledRow",
    "Layout",
    "PreviousFigure",
    "RowDefaults",
    "Skipped",
    "TemplateRequest",
    "Upload",
    "blank_lines",
    "draw_marked",
    "draw_template",
    "plan_layout",
    "read",
    "read_period",
    "saved",
]
