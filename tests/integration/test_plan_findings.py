"""What the plan's paper states wrongly is answered as `ntm plan check` finds it."""

from __future__ import annotations

from shared.reference.load import load, source_text
from shared.reference.plan_check import check
from tests.running import Service, Surroundings


async def test_the_errors_of_the_plans_paper_are_answered_with_what_is_right(
    around: Surroundings, scoring: Service
) -> None:
    async with scoring.client(await around.key("180")) as client:
        answer = (await client.get("/v1/plan/findings")).json()
    known = check(load().plan, source_text(load().plan), load())
    assert (answer["plan"], answer["has_paper"]) == (load().plan.id, True)
    assert [(one["code"], one["lines"]) for one in answer["items"]] == [(one.code, list(one.lines)) for one in known]
    [share] = [one for one in answer["items"] if one["code"] == "share-wrong"]
    assert (share["lines"], share["severity"], share["expected"]) == ([35], "error", "48,07 %")
