"""A template of the office's own: its frame stays, and the report takes the place that it keeps for it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from docx import Document
from pydantic import SecretStr, ValidationError

from services.scoring.drawing.docx import draw_docx
from services.scoring.reporting.paper import Annex, Cell, Column, Frame, Heading, Paper, Paragraph, Table
from services.scoring.settings import ScoringSettings

FRAME = Frame("UBND", "Sở", "Số:", "VIỆT NAM", "Độc lập", "Nơi", "BÁO CÁO", "Kết quả", "Nơi nhận:", ["A"], "GĐ", "")
TABLE = Table("T", "Bảng", [Column("Xã", 10)], [[Cell("xã A")]])
ANNEX = Annex("Phụ lục I", "Xã", Table("T", "", TABLE.columns, TABLE.rows))
PAPER = Paper(FRAME, ["DỮ LIỆU MẪU"], [Heading("I. KẾT QUẢ"), Paragraph("Lời"), TABLE], [ANNEX])


def a_template(folder: Path, *paragraphs: str) -> Path:
    document = Document()
    for text in paragraphs:
        document.add_paragraph(text)
    document.save(str(folder / "own.docx"))
    return folder / "own.docx"


def settings_with(template: Path) -> ScoringSettings:
    return ScoringSettings(database_url=SecretStr("postgresql+asyncpg://"), report_template=template)


def test_the_report_stands_where_the_template_has_room_for_it(tmp_path: Path) -> None:
    template = a_template(tmp_path, "VĂN PHÒNG ĐIỀU PHỐI", "{{body}}", "Người ký")
    document = Document(io.BytesIO(draw_docx(PAPER, template)))
    words = [paragraph.text for paragraph in document.paragraphs if paragraph.text]
    assert words == [
        "VĂN PHÒNG ĐIỀU PHỐI", "DỮ LIỆU MẪU", "I. KẾT QUẢ", "Lời", "Bảng", "Người ký", "Phụ lục I", "XÃ"
    ]  # fmt: skip
    assert len(document.tables) == 2


def test_no_line_ends_between_a_number_and_its_sign() -> None:
    paper = Paper(FRAME, [], [Paragraph("đạt 75,95 % số hộ")], [])
    words = [paragraph.text for paragraph in Document(io.BytesIO(draw_docx(paper))).paragraphs]
    assert "đạt 75,95\N{NO-BREAK SPACE}% số hộ" in words


def test_without_a_template_the_frame_of_the_decree_stands_around_it() -> None:
    document = Document(io.BytesIO(draw_docx(PAPER)))
    assert "BÁO CÁO" in [paragraph.text for paragraph in document.paragraphs]


def test_a_template_without_room_for_the_report_ends_the_start_with_a_word(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"\{\{body\}\}"):
        settings_with(a_template(tmp_path, "VĂN PHÒNG"))
    (tmp_path / "none.docx").write_bytes(b"nothing")
    with pytest.raises(ValidationError, match="no Word document"):
        settings_with(tmp_path / "none.docx")
    assert settings_with(a_template(tmp_path, "{{body}}")).report_template
