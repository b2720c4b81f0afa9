"""A paper as a Word document, in the form of Decree 30/2020/NĐ-CP, annex I.

A4 portrait; margins 20 mm above and below, 30 left, 15 right; Times New Roman, black. The number of the page stands in
the middle of the margin above, from the second page on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from docx.table import Table as WordTable
from docx.table import _Cell as WordCell
from docx.text.paragraph import Paragraph as WordParagraph

from services.scoring.drawing.chart import WIDTH_CM, chart_xml, height_cm
from services.scoring.reporting.paper import Align, Annex, Bars, Block, Cell, Frame, Heading, Paper, Paragraph, Table
from shared.text import storable

_FONT = "Times New Roman"
_BODY, _SMALL = Pt(13), Pt(11)
_TEXT_MM = 165
_LEFT_MM = 68
"""Of the text's width: the bodies at the left above, the nation's name has the rest."""
_SIDES: dict[Align, WD_ALIGN_PARAGRAPH] = {
    "left": WD_ALIGN_PARAGRAPH.LEFT,
    "center": WD_ALIGN_PARAGRAPH.CENTER,
    "right": WD_ALIGN_PARAGRAPH.RIGHT,
}
_CHART = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
_BEFORE_PERCENT = re.compile(r"(?<=\d) %")
"""The blank at which a line would end between a number and its sign."""
_BODY_MARK = "{{body}}"
"""The paragraph of an office's own template in whose place the report stands."""


class TemplateError(ValueError):
    """A template that is no Word document, or has no paragraph for the report."""


def draw_docx(paper: Paper, template: Path | None = None) -> bytes:
    """Return the paper as a .docx. With a `template` of the office's own its frame stands in place of the decree's.

    Raises TemplateError.
    """
    writer = _Writer(Document() if template is None else _opened(template))
    if template is None:
        writer.set_up()
        writer.frame(paper.frame)
    writer.marks(paper)
    writer.body(paper)
    if template is None:
        writer.closing(paper.frame)
    else:
        writer.move_to_mark()
    writer.annexes(paper)
    written = BytesIO()
    writer.document.save(written)
    return written.getvalue()


def check_template(template: Path) -> None:
    """Raise TemplateError where the report cannot stand in the template."""
    _mark_of(_opened(template), template)


def _opened(template: Path) -> WordDocument:
    try:
        return Document(str(template))
    except Exception as error:  # whatever is wrong with a file that somebody made
        raise TemplateError(f"{template} is no Word document: {error}") from error


def _mark_of(document: WordDocument, template: Path | None = None) -> WordParagraph:
    for paragraph in document.paragraphs:
        if paragraph.text.strip() == _BODY_MARK:
            return paragraph
    raise TemplateError(f"{template} has no paragraph {_BODY_MARK}")


class _Writer:
    """Writes into a document, at its end."""

    def __init__(self, document: WordDocument) -> None:
        self.document = document
        self._begin = len(document.element.body)
        self._charts = 0

    # The page and the frame

    def set_up(self) -> None:
        """Set the page, the font and the page's number."""
        style: Any = self.document.styles["Normal"]
        style.font.name, style.font.size, style.font.color.rgb = _FONT, _BODY, RGBColor(0, 0, 0)
        fonts = style.element.rPr.rFonts
        for name in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
            fonts.set(qn(name), _FONT)
        section = self.document.sections[0]
        section.orientation = WD_ORIENT.PORTRAIT
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.top_margin = section.bottom_margin = Mm(20)
        section.left_margin, section.right_margin = Mm(30), Mm(15)
        section.header_distance, section.footer_distance = Mm(10), Mm(10)
        section.different_first_page_header_footer = True
        number = section.header.paragraphs[0]
        number.alignment = WD_ALIGN_PARAGRAPH.CENTER
        _field(number, "PAGE")

    def frame(self, frame: Frame) -> None:
        """Write the bodies, the nation's name, number, place and date, and the title."""
        head = self._bare_table(1, (_LEFT_MM, _TEXT_MM - _LEFT_MM))
        left, right = head.rows[0].cells
        _line(left, frame.above, Pt(12))
        _line(left, frame.issuer, Pt(12), bold=True)
        _rule(left, 26, _LEFT_MM)
        _line(right, frame.nation, Pt(12), bold=True)
        _line(right, frame.motto, Pt(13), bold=True)
        _rule(right, 58, _TEXT_MM - _LEFT_MM)
        row = _added(head)
        _line(row[0], frame.number, Pt(13))
        _line(row[1], frame.place_and_date, Pt(13), italic=True)
        for cell in (left, right, *row):
            _drop_first(cell)
        self._centred(frame.kind, Pt(14), before=12)
        self._centred(frame.summary, Pt(14))
        _rule(self.document, 50, _TEXT_MM)

    def closing(self, frame: Frame) -> None:
        """Write the recipients and the signature."""
        table = self._bare_table(1, (85, _TEXT_MM - 85))
        left, right = table.rows[0].cells
        _line(left, frame.recipients_title, Pt(12), bold=True, italic=True, side="left")
        for place, recipient in enumerate(frame.recipients):
            end = "." if place == len(frame.recipients) - 1 else ";"
            _line(left, f"- {recipient}{end}", Pt(11), side="left")
        _line(right, frame.signed_as, Pt(14), bold=True)
        for _ in range(4):
            _line(right, "", Pt(14))
        _line(right, frame.signer, Pt(14), bold=True)
        for cell in (left, right):
            _drop_first(cell)
        _keep_rows_whole(table)

    # The report

    def marks(self, paper: Paper) -> None:
        """Write the lines that warn of sample data and of a month that is not over."""
        for mark in paper.marks:
            paragraph = self._paragraph(mark, before=6, after=6)
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
            paragraph.runs[0].bold = True
            _border(paragraph, "top", "left", "bottom", "right")

    def body(self, paper: Paper) -> None:
        """Write the sections."""
        for block in paper.blocks:
            self._block(block)
        self.document.paragraphs[-1].paragraph_format.keep_with_next = True  # no signature stands on a page alone

    def annexes(self, paper: Paper) -> None:
        """Write each annex on pages of its own."""
        for annex in paper.annexes:
            self._annex(annex, paper.attached_to)

    def _annex(self, annex: Annex, attached_to: str) -> None:
        label = self._centred(annex.label, Pt(14))
        label.paragraph_format.page_break_before = True
        self._centred(annex.title.upper(), Pt(14))
        attached = self._centred(attached_to, Pt(14), bold=False)
        attached.runs[0].italic = True
        _rule(self.document, 50, _TEXT_MM)
        self._table(annex.table)

    def _block(self, block: Block) -> None:
        match block:
            case Heading():
                paragraph = self._paragraph(block.text, before=12 if block.level == 1 else 6, after=6)
                paragraph.runs[0].bold = True
                paragraph.paragraph_format.first_line_indent = Mm(10)
                paragraph.paragraph_format.keep_with_next = True
            case Paragraph():
                paragraph = self._paragraph(block.text, before=6, after=6)
                paragraph.runs[0].bold = block.bold
                paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
                paragraph.paragraph_format.first_line_indent = Mm(10)
                paragraph.paragraph_format.line_spacing = 1.15
            case Table():
                self._table(block)
            case Bars():
                self._chart(block)

    def _table(self, table: Table) -> None:
        if table.caption:
            caption = self._centred(table.caption, _BODY, before=6, after=4)
            caption.paragraph_format.keep_with_next = True
        drawn = self.document.add_table(rows=1, cols=len(table.columns))
        drawn.alignment = WD_TABLE_ALIGNMENT.CENTER
        _frame_cells(drawn)
        whole = sum(column.width for column in table.columns)
        widths = [_TEXT_MM * column.width / whole for column in table.columns]
        for cell, column in zip(drawn.rows[0].cells, table.columns, strict=True):
            _fill(cell, Cell(column.title, bold=True), "center")
        _repeat(drawn)
        for row in table.rows:
            for cell, content, column in zip(_added(drawn), row, table.columns, strict=True):
                _fill(cell, content, column.align)
        _widths(drawn, widths)
        _keep_rows_whole(drawn)
        for number, note in enumerate(table.notes, 1):
            paragraph = self._paragraph("", before=3 if number == 1 else 0, after=0)
            paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
            _run(paragraph, f"({number}) ", _SMALL)
            _run(paragraph, note, _SMALL, italic=True)

    def _chart(self, bars: Bars) -> None:
        title = self._centred(bars.title, _BODY, before=12, after=4)
        title.paragraph_format.keep_with_next = True
        self._charts += 1
        package: Any = self.document.part.package
        name = PackURI(f"/word/charts/chart{self._charts}.xml")
        xml = chart_xml(bars)
        relation = self.document.part.relate_to(Part(name, _CHART, xml, package), RELATIONSHIP_TYPE.CHART)
        paragraph = self._paragraph("", before=0, after=6)
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        width, height = Mm(WIDTH_CM * 10), Mm(height_cm(bars) * 10)
        paragraph.add_run()._r.append(_drawing(relation, self._charts, (width, height), bars.title))

    # Paragraphs

    def _paragraph(self, text: str, *, before: float, after: float) -> WordParagraph:
        paragraph = self.document.add_paragraph()
        paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(before), Pt(after)
        if text:
            _run(paragraph, text, _BODY)
        return paragraph

    def _centred(self, text: str, size: Pt, *, before: float = 0, after: float = 0, bold: bool = True) -> WordParagraph:
        paragraph = self.document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(before), Pt(after)
        _run(paragraph, text, size, bold=bold)
        return paragraph

    def _bare_table(self, rows: int, widths: tuple[float, ...]) -> WordTable:
        table: WordTable = self.document.add_table(rows=rows, cols=len(widths))
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table._tbl.tblPr.append(_cell_margins(0))
        _widths(table, widths)
        return table

    def move_to_mark(self) -> None:
        """Move what was written to the place that the template has for it."""
        mark = _mark_of(self.document)._p
        body = self.document.element.body
        for element in list(body)[self._begin - 1 : -1]:
            mark.addprevious(element)
        mark.getparent().remove(mark)


def _added(table: Any) -> tuple[WordCell, ...]:
    """Add a row, and return its cells; python-docx states no type for it."""
    cells: tuple[WordCell, ...] = table.add_row().cells
    return cells


def _run(paragraph: WordParagraph, text: str, size: Any, *, bold: bool = False, italic: bool = False) -> Any:
    run = paragraph.add_run(storable(_BEFORE_PERCENT.sub("\N{NO-BREAK SPACE}%", text)))
    run.font.size, run.bold, run.italic = size, bold, italic
    run.font.name = _FONT
    return run


def _line(
    cell: WordCell, text: str, size: Any, *, bold: bool = False, italic: bool = False, side: Align = "center"
) -> None:
    paragraph = cell.add_paragraph()
    paragraph.alignment = _SIDES[side]
    paragraph.paragraph_format.space_after = Pt(0)
    _run(paragraph, text, size, bold=bold, italic=italic)


def _drop_first(cell: WordCell) -> None:
    """Remove the empty paragraph with which a cell begins."""
    first = cell.paragraphs[0]._p
    first.getparent().remove(first)


def _rule(place: Any, width_mm: float, of_mm: float) -> None:
    """Draw a line in the middle, below what was written."""
    paragraph = place.add_paragraph()
    side = Mm((of_mm - width_mm) / 2)
    paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = side
    paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(2), Pt(4)
    paragraph.paragraph_format.line_spacing = Pt(3)
    _border(paragraph, "top")


def _border(paragraph: WordParagraph, *sides: str) -> None:
    borders = OxmlElement("w:pBdr")
    for side in sides:
        line = OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "000000")):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
    properties = paragraph._p.get_or_add_pPr()
    properties.insert_element_before(
        borders, "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:rPr"
    )


def _field(paragraph: WordParagraph, instruction: str) -> None:
    run = _run(paragraph, "", _BODY)
    for kind, text in (("begin", None), (None, instruction), ("end", None)):
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = text
        run._r.append(element)


def _fill(cell: WordCell, content: Cell, align: Align) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.alignment = _SIDES[align]
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(2)
    _run(paragraph, content.text, _SMALL, bold=content.bold)
    if content.marks:
        marks = _run(paragraph, "".join(f"({mark})" for mark in content.marks), _SMALL)
        marks.font.superscript = True


def _frame_cells(table: WordTable) -> None:
    """Draw lines around the cells, and let their words come nearer to these."""
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        line = OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", "4"), ("space", "0"), ("color", "000000")):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
    table._tbl.tblPr.append(borders)
    table._tbl.tblPr.append(_cell_margins(57))


def _cell_margins(twentieths: int) -> Any:
    """Return the distance of cells' words from the lines at their sides, in twentieths of a point."""
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(twentieths))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    return margins


def _repeat(table: WordTable) -> None:
    """Repeat the first row on each page."""
    properties = table.rows[0]._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:tblHeader"))


def _widths(table: WordTable, widths: Sequence[float]) -> None:
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = Mm(width)


def _keep_rows_whole(table: WordTable) -> None:
    """Let no page end within a row."""
    for row in table.rows:
        row._tr.get_or_add_trPr().insert(0, OxmlElement("w:cantSplit"))


def _drawing(relation: str, number: int, size: tuple[Any, Any], words: str) -> Any:
    drawing = parse_xml(
        f"<w:drawing {nsdecls('w', 'wp', 'a', 'r')} "
        'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart">'
        f'<wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{size[0]}" cy="{size[1]}"/>'
        f'<wp:docPr id="{number}" name="Chart {number}"/><wp:cNvGraphicFramePr/><a:graphic>'
        '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart">'
        f'<c:chart r:id="{relation}"/></a:graphicData></a:graphic></wp:inline></w:drawing>'
    )
    drawing.find(".//" + qn("wp:docPr")).set("descr", words)
    return drawing
