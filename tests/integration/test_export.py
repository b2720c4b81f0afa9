"""`GET /v1/export.…`: the rows are what the other answers say of the day, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import sys
from datetime import date
from typing import Any

import httpx
import pytest
from pyarrow import parquet

from services.scoring.exporting.parquet import parquet_of
from services.scoring.exporting.tables import DICTIONARY, FIELDS, dictionary_rows
from shared.problems import Problem, Problems
from tests.integration.test_scoring import BORDER, changes, poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

END = "2023-06-30"
DISTRICT = "180"


@pytest.fixture(scope="module")
async def client(shared_around: Surroundings, shared_scoring: Service) -> Any:
    around = shared_around
    await put_on_stream(
        around,
        poverty_report("2022-12", 200, date(2023, 6, 5)),
        poverty_report("2023-05", 190, date(2023, 6, 6)),
        poverty_report("2023-05", 20, date(2023, 6, 6), unit="06280", district="184"),
    )

    async def are_scored() -> bool:
        return {BORDER, "06280"} <= {change["unit"]["code"] for change in await changes(around)}

    await eventually(are_scored)
    async with shared_scoring.client(await around.key("20")) as client:
        yield client


async def table(client: httpx.AsyncClient, **query: Any) -> list[dict[str, str]]:
    found = await client.get("/v1/export.csv", params=query)
    assert found.status_code == 200, found.text
    assert found.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(found.content.decode("utf-8-sig")), delimiter=";"))


def written(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


async def test_the_statuses_are_those_of_the_list(client: httpx.AsyncClient) -> None:
    items = (await client.get("/v1/statuses", params={"as_of": END, "limit": 5000})).json()["items"]
    rows = await table(client, as_of=END)
    expected = [(item, part) for item in items for part in item["assessment"]["parts"]]
    assert len(rows) == len(expected) > 181
    for row, (item, part) in zip(rows, expected, strict=True):
        assert (row["unit"], row["district"], row["criterion"], row["criterion_status"]) == (
            item["unit"]["code"],
            item["district"]["code"],
            item["criterion"]["key"],
            item["status"],
        )
        for name in ("indicator", "group", "status", "value", "numerator", "goal", "required", "required_on",
                     "missing", "period", "stage", "provisional", "stale", "verified"):  # fmt: skip
            assert row[name] == written(part[name]), (name, row)


async def test_the_readings_are_the_figures_of_the_day(client: httpx.AsyncClient) -> None:
    rows = await table(client, table="readings")
    poor = [(row["unit"], row["period"], row["value"]) for row in rows if row["element"] == "poor_households"]
    assert sorted(poor) == sorted(
        [(BORDER, "2022-12", "200.0"), (BORDER, "2023-05", "190.0"), ("06280", "2023-05", "20.0")]
    )
    before = await table(client, table="readings", as_of="2023-06-05")
    assert {row["period"] for row in before} == {"2022-12"}
    of_district = await table(client, table="readings", district=DISTRICT)
    assert {row["unit"] for row in of_district} == {BORDER}


async def test_each_column_is_explained_in_both_languages(client: httpx.AsyncClient) -> None:
    explained = await table(client, table="dictionary")
    for name in ("statuses", "readings"):
        columns = list((await table(client, table=name))[0])
        assert columns == [row["column"] for row in explained if row["table"] == name]
    assert all(row["vi"] and row["en"] for row in explained)


async def test_the_parquet_file_has_the_same_rows_and_their_meaning(client: httpx.AsyncClient) -> None:
    for name in ("statuses", "readings", "dictionary"):
        found = await client.get("/v1/export.parquet", params={"table": name, "as_of": END})
        assert found.status_code == 200, found.text
        read = parquet.read_table(io.BytesIO(found.content))
        rows = await table(client, table=name, as_of=END)
        assert [column.lower() for column in read.column_names] == list(rows[0])
        for column in set(read.column_names) - {"received_at", "revision", "missing"}:
            assert [written(value) for value in read[column].to_pylist()] == [row[column] for row in rows], column
        assert read.schema.field(0).metadata[b"vi"].decode() == FIELDS[name][0].means.vi


async def test_without_pyarrow_the_answer_names_the_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    async def rows() -> Any:
        yield list(dictionary_rows())

    with pytest.raises(Problem) as raised:
        await parquet_of(DICTIONARY, rows())
    assert raised.value.kind is Problems.FORMAT_NOT_INSTALLED
    assert "export.csv" in str(raised.value.document("vi")["detail"])


async def test_a_key_of_a_commune_gets_its_own_rows(
    client: httpx.AsyncClient, shared_around: Surroundings, shared_scoring: Service
) -> None:
    async with shared_scoring.client(await shared_around.key(BORDER, agency="commune")) as own:
        for name in ("statuses", "readings"):
            assert {row["unit"] for row in await table(own, table=name)} == {BORDER}
            refused = await own.get("/v1/export.csv", params={"table": name, "district": "184"})
            assert refused.status_code == 403
