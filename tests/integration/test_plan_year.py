"""After the plan's year: its verdicts stay, and what communes meet now is told beside them."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

from tests.integration.test_scoring import BORDER, changes, poverty_report, put_on_stream
from tests.running import Service, Surroundings
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("binding")

FEBRUARY = date(2024, 2, 5)


async def poverty(client: httpx.AsyncClient, path: str, **query: str) -> dict[str, Any]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["statuses" if "communes" in path else "items"]
    return next(one for one in found if one["criterion"]["key"] == "ntm-11" and one["unit"]["code"] == BORDER)


async def test_the_next_years_figures_leave_the_verdict_and_are_told_beside_it(
    around: Surroundings, scoring: Service
) -> None:
    await put_on_stream(around, poverty_report("2023-06", 100, date(2023, 6, 30)))
    await eventually(lambda: changes(around))
    told = len(await changes(around))
    async with scoring.client(await around.key("20")) as client:
        assert (await poverty(client, f"/v1/communes/{BORDER}"))["now"] is None
        await around.set_day(FEBRUARY)
        await put_on_stream(around, poverty_report("2024-01", 300, FEBRUARY))

        async def is_worse() -> bool:
            now = (await poverty(client, f"/v1/communes/{BORDER}"))["now"]
            return now is not None and now["status"] == "not_met"

        await eventually(is_worse)
        for path in (f"/v1/communes/{BORDER}", "/v1/statuses"):
            item = await poverty(client, path)
            assert (item["status"], item["assessment"]["parts"][0]["value"]) == ("met", 10)
            assert (item["now"]["status"], item["now"]["parts"][0]["value"]) == ("not_met", 30)
        then = await poverty(client, "/v1/statuses", as_of="2024-02-04")
        assert (then["status"], then["now"]["status"]) == ("met", "met")
    of_border = [one["event"] for one in await changes(around) if one["unit"]["code"] == BORDER]
    assert "lost" not in of_border
    assert told >= 1
