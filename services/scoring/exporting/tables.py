"""The exported tables (pure): their columns with what each means, and the rows of a unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple

from services.scoring.judging.figures import Figures
from services.scoring.texts import phrase
from shared.contracts.assessment import Assessment
from shared.contracts.bilingual import Bilingual
from shared.reference.load import Reference
from shared.reference.models import CriterionKey, Unit

type TableName = Literal["statuses", "readings", "dictionary"]
type Kind = Literal["text", "number", "day", "moment", "yes_no"]
type Row = Sequence[object]


class Field(NamedTuple):
    """A column of an exported table."""

    name: str
    kind: Kind
    means: Bilingual


_PLACE = (
    Field("as_of", "day", phrase("export.as_of")),
    Field("unit", "text", phrase("export.unit")),
    Field("unit_name", "text", phrase("export.unit_name")),
    Field("district", "text", phrase("export.district")),
    Field("district_name", "text", phrase("export.district_name")),
)

STATUSES: Sequence[Field] = (
    *_PLACE,
    Field("criterion", "text", phrase("export.criterion")),
    Field("criterion_name", "text", phrase("export.criterion_name")),
    Field("criterion_status", "text", phrase("export.criterion_status")),
    Field("overdue", "text", phrase("export.overdue")),
    Field("indicator", "text", phrase("export.indicator")),
    Field("group", "text", phrase("export.group")),
    Field("status", "text", phrase("export.status")),
    Field("measured_in", "text", phrase("export.measured_in")),
    Field("value", "number", phrase("export.value")),
    Field("numerator", "number", phrase("export.numerator")),
    Field("denominator", "number", phrase("export.denominator")),
    Field("goal", "number", phrase("export.goal")),
    Field("required", "number", phrase("export.required")),
    Field("required_on", "day", phrase("export.required_on")),
    Field("missing", "number", phrase("export.missing")),
    Field("period", "text", phrase("export.period")),
    Field("stage", "text", phrase("export.stage")),
    Field("provisional", "yes_no", phrase("export.provisional")),
    Field("stale", "yes_no", phrase("export.stale")),
    Field("verified", "yes_no", phrase("export.verified")),
    Field("sample", "yes_no", phrase("export.sample")),
)
"""A row for each indicator of each criterion of each commune, men and women apart where the set asks for that."""

READINGS: Sequence[Field] = (
    *_PLACE,
    Field("element", "text", phrase("export.element")),
    Field("element_name", "text", phrase("export.element_name")),
    Field("period", "text", phrase("export.period")),
    Field("value", "number", phrase("export.reading")),
    Field("stage", "text", phrase("export.stage")),
    Field("revision", "number", phrase("export.revision")),
    Field("received_at", "moment", phrase("export.received_at")),
    Field("submission", "text", phrase("export.submission")),
    Field("warnings", "text", phrase("export.warnings")),
    Field("sample", "yes_no", phrase("export.sample")),
)
"""A row for each figure that stood on the day, of any unit."""

DICTIONARY: Sequence[Field] = (
    Field("table", "text", phrase("export.dictionary.table")),
    Field("column", "text", phrase("export.dictionary.column")),
    Field("kind", "text", phrase("export.dictionary.kind")),
    Field("vi", "text", phrase("export.dictionary.vi")),
    Field("en", "text", phrase("export.dictionary.en")),
)

FIELDS: Mapping[TableName, Sequence[Field]] = {
    "statuses": STATUSES,
    "readings": READINGS,
    "dictionary": DICTIONARY,
}
"""The columns of each table."""


def dictionary_rows() -> Iterator[Row]:
    """Yield what each column of each table means."""
    for table, fields in FIELDS.items():
        for field in fields:
            yield table, field.name, field.kind, field.means.vi, field.means.en


def status_rows(
    unit: Unit, criterion: CriterionKey, assessment: Assessment, reference: Reference, on: date
) -> Iterator[Row]:
    """Yield a commune's criterion, a row for each measure."""
    for part in assessment.parts:
        yield (
            *_place(unit, reference, on),
            criterion,
            reference.criterion(criterion).name.vi,
            assessment.status.value,
            " ".join(assessment.overdue),
            part.indicator,
            part.group,
            part.status.value,
            part.measured_in,
            part.value,
            part.numerator,
            part.denominator,
            part.goal,
            part.required,
            part.required_on,
            part.missing,
            part.period and part.period.text,
            part.stage and part.stage.value,
            part.provisional,
            part.stale,
            part.verified,
            reference.plan.sample,
        )


def reading_rows(unit: Unit, figures: Figures, reference: Reference, on: date) -> Iterator[Row]:
    """Yield a unit's figures, in order of element and period."""
    for reading in sorted(figures.values(), key=lambda reading: (reading.element, reading.period.end)):
        element = reference.elements.get(reading.element)
        yield (
            *_place(unit, reference, on),
            reading.element,
            element and element.name.vi,
            reading.period.text,
            float(reading.value),
            reading.stage.value,
            reading.revision,
            reading.received_at,
            str(reading.submission),
            " ".join(warning.code for warning in reading.warnings),
            reference.plan.sample,
        )


def _place(unit: Unit, reference: Reference, on: date) -> Row:
    district = reference.units.district(unit)
    return on, unit.code, unit.title, district and district.code, district and district.title
