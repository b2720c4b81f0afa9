"""A paper as it is drawn: headings, paragraphs, tables and a chart, in one language. It knows no file format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from shared.contracts.bilingual import Language

type Align = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: its words, and the number that they write where there is one."""

    text: str
    number: float | None = None
    marks: tuple[int, ...] = ()
    """The numbers of the notes below the table that it refers to."""
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, its share of the width, and the side at which its cells stand."""

    title: str
    width: int
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the first (I.) or the second level (1.)."""

    text: str
    level: Literal[1, 2] = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of running text."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption above it and notes below it."""

    name: str
    """The name of its sheet in a workbook."""
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    """The texts of the notes; the first has the mark 1."""


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of horizontal bars: one for each label in each series. None: there is nothing to draw."""

    title: str
    labels: Sequence[str]
    series: Sequence[tuple[str, Sequence[float | None]]]
    language: Language


type Block = Heading | Paragraph | Table | Bars


@dataclass(frozen=True, slots=True)
class Annex:
    """An annex (Phụ lục), which begins on a page of its own."""

    label: str
    title: str
    table: Table


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a report by Decree 30/2020/NĐ-CP, annex I."""

    above: str
    """The superior body."""
    issuer: str
    number: str
    nation: str
    motto: str
    place_and_date: str
    kind: str
    """The name of the kind of document: BÁO CÁO."""
    summary: str
    recipients_title: str
    recipients: Sequence[str]
    signed_as: str
    signer: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A report, whole."""

    frame: Frame
    marks: Sequence[str]
    """Lines that warn: of sample data, of a month that is not over."""
    blocks: Sequence[Block]
    annexes: Sequence[Annex] = field(default_factory=tuple)
    attached_to: str = ""
    """The line below an annex's title that names the report."""
