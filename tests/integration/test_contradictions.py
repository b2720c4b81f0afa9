"""Figures that contradict each other, put on the stream as an older intake or a withdrawal leaves them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.scoring.storage.tables import SubmissionRow
from services.scoring.update.rebuild import rebuild
from shared.contracts.submission import AcceptedSubmission
from shared.reference.load import follow_each_other, load
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import changes, count, poverty_report, put_on_stream
from tests.running import START, Service, Surroundings
from tests.waiting import eventually

WRONG = {"households": 300, "poor_households": 900, "near_poor_households": 0}


def a_contradiction(**others: Any) -> AcceptedSubmission:
    return poverty_report("2023-05", 900, date(2023, 6, 5), readings=WRONG, **others)


async def told(around: Surroundings) -> list[tuple[str, str | None, UUID]]:
    return [
        (one["event"], one["contradiction"], UUID(one["submission"]))
        for one in await changes(around)
        if one["criterion"]["key"] == "ntm-11" and one["submission"]
    ]


async def test_the_first_contradiction_is_told_though_the_status_stays_and_its_end_is(
    around: Surroundings, scoring: Service
) -> None:
    wrong = a_contradiction()
    still_wrong = a_contradiction(revision=2)
    right = poverty_report("2023-05", 131, date(2023, 6, 9), revision=3)
    for number, one in enumerate((wrong, still_wrong, right), start=1):
        await put_on_stream(around, one)
        await scored(around, number)
    found = [(contradiction, cause) for _, contradiction, cause in await told(around) if contradiction]
    assert found == [("begins", wrong.id), ("ends", right.id)]
    first = next(one for one in await changes(around) if one["contradiction"] == "begins")
    assert (first["event"], first["before"], first["after"]) == ("changed", "no_data", "no_data")
    assert "mâu thuẫn (Hộ nghèo + Hộ cận nghèo = 900, Tổng số hộ = 300)" in first["assessment"]["reason"]["vi"]


async def test_the_receipt_lists_the_contradiction_among_the_changes_that_its_submission_caused(
    around: Surroundings, intake: Service, scoring: Service
) -> None:
    key = await around.key("180", agency="district-180")
    wrong = a_contradiction(agency="district-180")
    await put_on_stream(around, wrong)

    async def caused() -> list[dict[str, Any]]:
        async with intake.client(key) as client:
            answer = await client.get(f"/v1/submissions/{wrong.id}")
        listed: list[dict[str, Any]] = answer.json()["changes"] if answer.status_code == 200 else []
        return [one for one in listed if one["criterion"] == "ntm-11" and one["event"] == "changed"]

    await eventually(caused)
    (change,) = await caused()
    assert change["before"] == change["after"] == "no_data"
    assert "mâu thuẫn (Hộ nghèo + Hộ cận nghèo = 900, Tổng số hộ = 300)" in change["reason"]["vi"]


async def test_a_contradiction_is_rebuilt_as_it_was_found(around: Surroundings, scoring: Service) -> None:
    history = [
        a_contradiction(),
        a_contradiction(unit="06280", district="184"),
        poverty_report("2023-05", 131, date(2023, 6, 9), unit="06280", district="184", revision=2),
    ]
    await put_on_stream(around, *history)
    await scored(around, len(history))
    assert await count(around, SubmissionRow) == len(history)
    async with around.engine.connect() as connection:
        found = await connection.scalars(
            text(
                "SELECT contradictory FROM scoring.status WHERE criterion = 'ntm-11'"
                " AND unit IN (SELECT unit FROM scoring.submission) ORDER BY contradictory"
            )
        )
    assert list(found) == [False, True]
    compared = await rebuild(around.engine, around.nats, follow_each_other([load()]), START)
    assert compared.differences == []
