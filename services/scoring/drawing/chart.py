"""The chart of a paper, as Word and Excel have it: one XML, whose numbers stand in it themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openpyxl.chart import BarChart
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumVal, StrData, StrVal
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.series import Series, SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties
from openpyxl.xml.functions import tostring

from services.scoring.reporting.paper import Bars
from shared.contracts.bilingual import Language

WIDTH_CM = 16.5
_ROW_CM, _REST_CM = 0.85, 1.5
_SIZE = 1000
"""Ten points, in hundredths."""
_FILLS = ("404040", "D9D9D9")
"""Dark and light grey: a copy in black and white tells them apart."""
_NUMBERS: Mapping[Language, str] = {"vi": "[$-42A]0.0", "en": "[$-409]0.0"}
"""The decimals by the paper's language, whichever the reader's program speaks: `94,2` in Vietnamese."""


def height_cm(bars: Bars) -> float:
    """Return the height at which each bar's label can be read."""
    return _REST_CM + _ROW_CM * len(bars.labels)


def chart_xml(bars: Bars) -> bytes:
    """Return the chart as a part of a document."""
    chart: Any = bar_chart(bars)
    written: bytes = tostring(chart._write())
    return b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + written


def bar_chart(bars: Bars) -> BarChart:
    """Return the chart: a group of bars for each label, the first on top, each with its number."""
    height = height_cm(bars)
    chart: Any = BarChart()
    chart.type, chart.grouping, chart.gapWidth, chart.overlap = "bar", "clustered", 60, 0
    chart.width, chart.height = WIDTH_CM, height
    chart.legend.position = "b"
    chart.legend.txPr = _text()
    labels = StrData(
        ptCount=len(bars.labels), pt=[StrVal(idx=place, v=label) for place, label in enumerate(bars.labels)]
    )
    for place, (name, values) in enumerate(bars.series):
        points = [NumVal(idx=at, v=f"{value:.1f}") for at, value in enumerate(values) if value is not None]
        series = Series(
            idx=place,
            order=place,
            tx=SeriesLabel(v=name),
            cat=AxDataSource(strLit=labels),
            val=NumDataSource(numLit=NumData(formatCode=_NUMBERS[bars.language], ptCount=len(values), pt=points)),
        )
        series.graphicalProperties = GraphicalProperties(
            solidFill=_FILLS[place % 2], ln=LineProperties(solidFill="000000", w=6350)
        )
        series.dLbls = DataLabelList(showVal=True, showSerName=False, showCatName=False, showLegendKey=False)
        series.dLbls.txPr = _text()
        chart.series.append(series)
    chart.x_axis.scaling.orientation = "maxMin"
    chart.x_axis.tickLblPos = "low"
    chart.y_axis.majorGridlines = None
    chart.y_axis.delete = True
    chart.x_axis.delete = False
    chart.x_axis.txPr = _text()
    if all(value is None or value >= 0 for _, values in bars.series for value in values):
        chart.y_axis.scaling.min = 0
    rows = height - _REST_CM
    plot = ManualLayout(layoutTarget="inner", xMode="edge", yMode="edge", x=0.42, y=0.03, w=0.5, h=rows / height)
    chart.layout = Layout(manualLayout=plot)
    drawn: BarChart = chart
    return drawn


def _text() -> RichText:
    font = CharacterProperties(sz=_SIZE, latin=Font(typeface="Times New Roman"), solidFill="000000")
    return RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=font), endParaRPr=font)])
