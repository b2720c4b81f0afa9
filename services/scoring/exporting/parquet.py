"""Tables as Parquet, by `pyarrow`, an extra of its own (`pip install ntm-coordination[parquet]`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from typing import Any

from services.scoring.exporting.tables import Field, Kind, Row
from services.scoring.texts import phrase
from shared.problems import Problem, Problems


async def parquet_of(fields: Sequence[Field], batches: AsyncIterator[list[Row]]) -> bytes:
    """Return the rows as Parquet; each column carries what it means. Problem 501 without `pyarrow`."""
    try:
        import pyarrow as arrow  # imported here: an image without it answers everything else
        from pyarrow import parquet
    except ImportError:
        raise Problem(Problems.FORMAT_NOT_INSTALLED, detail=phrase("export.no_parquet")) from None
    schema = arrow.schema([_column(arrow, field) for field in fields])
    written = BytesIO()
    with parquet.ParquetWriter(written, schema) as writer:
        async for rows in batches:
            await asyncio.to_thread(_write, arrow, writer, schema, rows)
    return written.getvalue()


def _column(arrow: Any, field: Field) -> Any:
    kinds: dict[Kind, Any] = {
        "text": arrow.string(),
        "number": arrow.float64(),
        "day": arrow.date32(),
        "moment": arrow.timestamp("us", tz="UTC"),
        "yes_no": arrow.bool_(),
    }
    return arrow.field(field.name, kinds[field.kind], metadata={"vi": field.means.vi, "en": field.means.en})


def _write(arrow: Any, writer: Any, schema: Any, rows: Sequence[Row]) -> None:
    columns = [
        arrow.array([row[place] for row in rows], type=column.type, from_pandas=False)
        for place, column in enumerate(schema)
    ]
    writer.write_table(arrow.table(columns, schema=schema))
