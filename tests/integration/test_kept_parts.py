"""Answers over all communes, kept by district: always those that are made anew, and never another caller's."""

from __future__ import annotations

import itertools
from datetime import date
from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.scoring.asking.criterion_sums import SumsOfCriterion
from services.scoring.asking.nearest import LackingCommunes
from services.scoring.asking.targets_then import TargetSums
from services.scoring.asking.work_slots import SLOTS
from services.scoring.following.kept_parts import KeptParts, Question
from services.scoring.judging.judge import Judge
from services.scoring.update.rebuild import rebuild
from shared.nats.publishing import publish
from tests.binding_plan import binding_plans, binding_reference
from tests.integration.test_rebuild import scored
from tests.integration.test_scoring import poverty_report, put_on_stream
from tests.integration.test_withdrawals import a_withdrawal, settled
from tests.running import START, Service, Surroundings

pytestmark = pytest.mark.usefixtures("binding")

DAYS = [date(2022, 12, 31), date(2023, 3, 31), date(2023, 6, 15), START]
PLACES = {"06004": "180", "06025": "180", "06280": "184", "06283": "184"}


def questions() -> list[Question[Any, Any]]:
    reference = binding_reference()
    province, judges = reference.units.known("20")[0], [Judge(reference, day) for day in DAYS]
    return [
        SumsOfCriterion("ntm-11", province, judges),
        SumsOfCriterion("ntm-11", reference.units.known("184")[0], judges),
        TargetSums(reference, DAYS[2]),
        TargetSums(reference, None),
        LackingCommunes(Judge(reference, START), "ntm-11"),
    ]


async def test_what_is_kept_is_what_is_made_anew_whatever_has_come(around: Surroundings, scoring: Service) -> None:
    random, kept, sent = Random(15), KeptParts(around.engine), list[Any]()  # noqa: S311 - figures, not secrets
    answers: list[list[Any]] = []
    for _ in range(8):
        for code in random.sample(sorted(PLACES), 2):
            period, received = random.choice(["2022-12", "2023-03", "2023-05"]), random.choice(DAYS[1:])
            report = poverty_report(
                period, random.randint(0, 300), received, unit=code, district=PLACES[code], revision=len(sent) + 1
            )
            sent.append(report)
            await put_on_stream(around, report)
        await scored(around, len(sent))
        answers.append(await made_anew(around))
        assert [await kept.ask(question, SLOTS) for question in questions()] == answers[-1]
    assert all(before != after for before, after in itertools.pairwise(answers))

    await publish(around.nats, [a_withdrawal(sent[-1])])
    await settled(around, len(sent), 1)
    anew = await made_anew(around)
    assert anew != answers[-1]
    assert [await kept.ask(question, SLOTS) for question in questions()] == anew


async def test_after_a_rebuild_nothing_is_kept_of_the_state_before(around: Surroundings, scoring: Service) -> None:
    reports = [poverty_report("2022-12", 200, unit=code, district=district) for code, district in PLACES.items()]
    await put_on_stream(around, *reports)
    await scored(around, len(reports))
    whole = await made_anew(around)
    async with around.engine.begin() as connection:
        await connection.execute(text("UPDATE scoring.reading SET value = 1 WHERE element = 'poor_households'"))
    kept = KeptParts(around.engine)
    assert [await kept.ask(question, SLOTS) for question in questions()] != whole
    await rebuild(around.engine, around.nats, binding_plans(), START, switch=True)
    assert [await kept.ask(question, SLOTS) for question in questions()] == whole


async def test_what_a_program_of_before_has_scored_is_in_the_answer_too(around: Surroundings, scoring: Service) -> None:
    reports = [poverty_report("2022-12", 200, unit=code, district=district) for code, district in PLACES.items()]
    await put_on_stream(around, *reports)
    await scored(around, len(reports))
    kept, units = KeptParts(around.engine), binding_reference().units
    before = create_async_engine(around.settings.database_url.get_secret_value())  # it says nothing of itself
    for statement in (
        "UPDATE scoring.reading SET value = 7 WHERE element = 'poor_households' AND unit = {unit}",
        "DELETE FROM scoring.reading WHERE unit = {unit}",
        "INSERT INTO scoring.reading (unit, element, ends, period, value, stage, revision, received_at, known_from, "
        "submission) SELECT {unit}, element, ends, period, value, stage, revision, received_at, known_from, submission "
        "FROM scoring.reading WHERE unit = {other}",
    ):
        answers = [await kept.ask(question, SLOTS) for question in questions()]
        unit, other = (found.key for code in ("06280", "06283") if (found := units.find(code, START)))
        async with before.begin() as connection:
            await connection.execute(text(statement.format(unit=unit, other=other)))
        anew = await made_anew(around)
        assert anew != answers
        assert [await kept.ask(question, SLOTS) for question in questions()] == anew
    await before.dispose()


async def test_our_own_programs_count_each_figure_once(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, poverty_report("2022-12", 200), poverty_report("2023-03", 150))
    await scored(around, 2)
    async with around.engine.connect() as connection:
        versions = (await connection.scalars(text("SELECT number FROM scoring.figure_version"))).all()
    assert sum(versions) in (1, 2)  # in one batch, or in two


async def test_only_the_parts_are_made_again_whose_figures_have_changed(
    around: Surroundings, scoring: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_on_stream(around, *(poverty_report("2022-12", 200, unit=c, district=d) for c, d in PLACES.items()))
    await scored(around, len(PLACES))
    kept, made = KeptParts(around.engine), list[Any]()
    make = LackingCommunes.part

    async def noted(question: LackingCommunes, connection: AsyncConnection, name: Any, units: Any) -> Any:
        made.append(binding_reference().units.by_key(name).code)
        return await make(question, connection, name, units)

    monkeypatch.setattr(LackingCommunes, "part", noted)
    *_, question = questions()
    await kept.ask(question, SLOTS)
    assert len(made) == len({*made}) > 2
    made.clear()
    await kept.ask(question, SLOTS)
    assert made == []
    await put_on_stream(around, poverty_report("2023-03", 20, revision=2))
    await scored(around, len(PLACES) + 1)
    await kept.ask(question, SLOTS)
    assert made == ["180"]


async def test_no_district_gets_what_was_kept_for_another(around: Surroundings, scoring: Service) -> None:
    await put_on_stream(around, *(poverty_report("2022-12", 200, unit=c, district=d) for c, d in PLACES.items()))
    await scored(around, len(PLACES))
    keys = {code: await around.key(code, agency=f"of-{code}") for code in ("20", "180", "184")}
    for _ in range(2):
        for code, key in keys.items():
            others = {"180", "184"} - {code}
            async with scoring.client(key) as client:
                near = await asked(client, "/v1/nearest", criterion="ntm-11", limit=5000)
                targets = await asked(client, "/v1/targets", as_of="2023-06-15")
                outside = await client.get("/v1/series", params={"unit": "184", "criterion": "ntm-11"})
            found = {item["district"]["code"] for item in near["items"]}
            assert found == ({"180", "184"} if code == "20" else {code})
            judged = {item["unit"]["code"] for item in targets["items"]}
            assert code == "20" or judged.isdisjoint({"20", *others})
            assert outside.status_code == (403 if code == "180" else 200)


async def asked(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def made_anew(around: Surroundings) -> list[Any]:
    """Return the answers of which nothing is kept."""
    kept = KeptParts(around.engine)
    return [await kept.ask(question, SLOTS) for question in questions()]
